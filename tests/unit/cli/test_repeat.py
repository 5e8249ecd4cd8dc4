from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import mere
from tests.unit.cli.conftest import Mere

TRAIN = """
import sys
import mere
with mere.start_run("exp", name="train", params={"words": len(sys.argv)}) as run:
    run.log({"loss": 0.25 * len(sys.argv), "step_time": 1})
print("trained")
"""


@pytest.fixture
def trained(command: Mere, tmp_path: Path) -> Mere:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.py").write_text(TRAIN)
    sources = str(Path(mere.__file__).parents[1])
    subprocess.run(
        [sys.executable, "train.py"],
        cwd=tmp_path / "code",
        env={**os.environ, "PYTHONPATH": sources},
        capture_output=True,
        check=True,
    )
    return command


def test_rerun_prints_a_verdict(trained: Mere) -> None:
    done = trained("rerun", "train", "--here")
    assert done.code == 0
    assert "verdict: equal  (1 equal" in done.out
    assert "step_time" in done.out
    assert "system/" not in done.out
    assert "running python train.py" in done.err


def test_rerun_as_json_with_another_argument(trained: Mere) -> None:
    done = trained("rerun", "train", "--here", "--json", "--tolerance", "0.1", "--", "more")
    assert done.code == 1
    assert done.json["verdict"] == "different"
    (loss,) = [one for one in done.json["metrics"] if one["key"] == "loss"]
    assert (loss["value"], loss["repeated"], loss["step"]) == (0.25, 0.5, 0)
    assert trained("rerun", "train", "--here", "--tolerance", "0.5", "--", "more").code == 0


def test_rerun_refuses_what_is_no_variable(trained: Mere) -> None:
    done = trained("rerun", "train", "--here", "--env", "nonsense")
    assert done.code == 2
    assert "NAME=VALUE" in done.err


def test_checkout_says_how_to_go_on(trained: Mere, tmp_path: Path) -> None:
    done = trained("checkout", "train", "--into", str(tmp_path / "out"))
    assert done.code == 0
    assert f"restored into {tmp_path}/out" in done.out
    assert "start it with python train.py" in done.out
    assert (tmp_path / "out" / "train.py").exists()
    again = trained("checkout", "train", "--into", str(tmp_path / "out"), "--json")
    assert again.code == 2
    assert "not empty" in again.err


def test_diff_shows_what_differs_and_all_if_asked(filled: Mere) -> None:
    done = filled("diff", "one", "two")
    assert done.code == 0
    lines = {line.split()[0]: line for line in done.out.splitlines() if line.strip()}
    assert lines["lr"].split() == ["lr", "0.1", "-"]
    assert "entrypoint" not in done.out
    assert "entrypoint" in filled("diff", "one", "two", "--all").out
    assert "no differences" in filled("diff", "one", "one").out
    assert filled("diff", "one").code == 2


def test_diff_as_json(filled: Mere) -> None:
    found = filled("diff", "one", "two", "--json").json
    assert [run["name"] for run in found["runs"]] == ["one", "two"]
    assert found["sections"]["params"] == {"lr": ["0.1", None]}
    assert found["sections"]["metrics"]["bad"] == ["NaN", None]
    assert found["is_equal"] is False


def test_diff_shows_code(trained: Mere, tmp_path: Path) -> None:
    assert trained("rerun", "train", "--here").code == 0
    ids = mere.sql("select run_id from runs order by run_id")["run_id"].to_pylist()
    assert "no differences" not in trained("diff", *ids, "--code").out  # tags differ
    assert "files" not in trained("diff", *ids).out
