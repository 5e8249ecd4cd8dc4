"""A callback finds its run, and a run that it started comes to its end."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading

import pytest

import mere
from mere.errors import InvalidInput
from mere.frameworks.attachment import Attachment, bounded, quiet
from mere.services.warehouse import close_warehouses
from tests.frameworks.conftest import child_environment


@pytest.fixture(autouse=True)
def warehouse(tmp_path, monkeypatch):
    for key, value in child_environment(tmp_path).items():
        monkeypatch.setenv(key, value)
    yield
    close_warehouses()


def test_the_run_given_comes_before_the_active_one_and_is_not_ended():
    with mere.start_run() as outer, mere.start_run() as inner:
        for attachment, run in ((Attachment(outer), outer), (Attachment(), inner)):
            assert attachment.open() is run
            assert not attachment.is_own
            attachment.close()
            assert run.is_active
    with pytest.raises(InvalidInput, match="run is a str"):
        Attachment("0123")  # type: ignore[arg-type]


def test_a_prefix_stands_before_metrics_and_params_and_artifacts():
    attachment = Attachment(name="mine", prefix="fold/1")
    attachment.log({"lost": 1.0})
    run = attachment.open()
    attachment.log({"loss": 0.5}, step=3)
    attachment.log_params({"lr": 0.1})
    attachment.save("note.txt", lambda path: path.write_text("hallo"))
    attachment.close()
    found = mere.get_run(run.run_id)
    assert (found.metrics, found.params) == ({"fold/1/loss": 0.5}, {"fold/1/lr": "0.1"})
    paths = mere.sql("select path from artifacts").to_pylist()
    assert paths == [{"path": "fold/1/note.txt"}]


def wait_for_end():
    for thread in threading.enumerate():
        if thread.name == "mere end":
            thread.join(30)


def test_a_run_whose_callback_is_let_go_has_failed():
    attachment = Attachment()
    run = attachment.open()
    del attachment
    gc.collect()
    wait_for_end()
    assert run.status == "FAILED"
    assert mere.active_run() is None


def test_a_training_that_is_begun_again_ended_the_one_before():
    attachment = Attachment()
    first = attachment.open()
    second = attachment.open()
    assert (first.status, second.status) == ("FAILED", "RUNNING")
    attachment.close()
    assert second.status == "FINISHED"


def test_a_settled_run_ends_before_another_training_would_log_to_it():
    held, other = Attachment(), Attachment()
    first = held.open()
    held.settle()
    second = other.open()
    assert (first.status, second is first) == ("FINISHED", False)
    other.close()
    held.close()
    assert first.status == "FINISHED"


def test_params_are_of_sensible_length(caplog):
    class Odd:
        def __str__(self):
            raise RuntimeError("no text")

    found = bounded({"long": "x" * 9_000, "odd": Odd(), "3": None})
    assert (len(found["long"]), found["3"]) == (501, "None")
    assert "no text" in found["odd"]
    assert len(bounded({str(n): n for n in range(10_000)})) == 500
    assert "first 500" in caplog.text


def test_what_a_callback_raises_is_a_warning(caplog):
    class Callback:
        @quiet
        def broken(self):
            raise RuntimeError("half a log")

    Callback().broken()
    assert "broken did not log: RuntimeError: half a log" in caplog.text


def test_importing_loads_no_library_and_says_what_is_missing():
    program = (
        "import sys, mere, mere.frameworks\n"
        "heavy = {'sklearn', 'xgboost', 'numpy', 'pyarrow', 'torch'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "names = {'sklearn': 'scikit-learn'}\n"
        "for name in ('sklearn', 'xgboost', 'lightgbm', 'keras', 'optuna', 'lightning',\n"
        "             'transformers'):\n"
        "    sys.modules[name] = None\n"
        "    sys.modules['pytorch_lightning'] = None\n"
        "    try:\n"
        "        __import__(f'mere.frameworks.{name}')\n"
        "    except ImportError as error:\n"
        "        assert f'`pip install {names.get(name, name)}`' in str(error), error\n"
        "    else:\n"
        "        raise SystemExit(name)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
