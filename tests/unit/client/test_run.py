from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime

import pytest

import mere
from mere.entities.run import RunStatus


def test_what_is_logged_is_stored(url: str) -> None:
    with mere.start_run(
        "digits", name="first", params={"lr": 0.1, "model": {"depth": 3}}, tags={"team": "a"}
    ) as run:
        for step in range(5):
            run.log({"loss": 1.0 / (step + 1)}, step=step)
        run.log_params({"seed": 7})
        run.set_tags({"team": None, "stage": "x"})
    stored = mere.get_run(run.run_id)
    assert stored.status is RunStatus.FINISHED
    assert stored.params == {"lr": "0.1", "model/depth": "3", "seed": "7"}
    assert stored.tags == {"stage": "x"}
    assert stored.metrics == {"loss": 0.2}
    summary = stored.metric_summary["loss"]
    assert (summary.step, summary.min, summary.max, summary.count) == (4, 0.2, 1.0, 5)
    assert stored.started_at is not None
    assert stored.ended_at is not None
    assert stored.started_at <= stored.ended_at
    assert mere.metric_history(run, "loss")["step"].to_pylist() == [0, 1, 2, 3, 4]
    assert mere.experiments()["name"].to_pylist() == ["digits"]
    (row,) = mere.runs("digits").to_pylist()
    assert row["name"] == "first"


def test_flush_makes_durable_what_others_then_see(url: str, script) -> None:
    run = mere.start_run(flush_interval_s=3600)
    run.log({"a": 1.5})
    run.flush()
    seen = script("import mere\nprint(mere.sql('select value from metrics').to_pylist())")
    assert seen.stdout.strip() == "[{'value': 1.5}]", seen.stderr
    run.finish()


def test_where_a_run_comes_from_is_noted(url: str) -> None:
    with mere.start_run() as run:
        pass
    source = mere.get_run(run.run_id).source
    assert source is not None
    assert source.pid is not None
    assert source.python is not None
    assert source.machine is not None
    assert source.process_started_at is not None


def test_an_exception_fails_the_run_and_goes_on(url: str) -> None:
    with pytest.raises(ZeroDivisionError), mere.start_run() as run:
        run.log({"a": 1})
        raise ZeroDivisionError
    assert mere.get_run(run.run_id).status is RunStatus.FAILED
    assert mere.get_run(run.run_id).metrics == {"a": 1.0}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (KeyboardInterrupt(), "KILLED"),
        (SystemExit(0), "FINISHED"),
        (SystemExit(None), "FINISHED"),
        (SystemExit(3), "FAILED"),
    ],
)
def test_how_else_a_block_may_end(url: str, error: BaseException, status: str) -> None:
    with pytest.raises(type(error)), mere.start_run() as run:
        raise error
    assert mere.get_run(run.run_id).status == status


def test_nesting_follows_the_code(url: str) -> None:
    assert mere.active_run() is None
    with mere.start_run() as outer:
        with mere.start_run() as inner:
            assert mere.active_run() is inner
            assert inner.parent_run_id == outer.run_id
        assert mere.active_run() is outer
        with mere.start_run(is_nested=False) as apart:
            assert apart.parent_run_id is None
        with mere.start_run(parent=inner) as other:
            assert other.parent_run_id == inner.run_id
    assert mere.active_run() is None
    assert mere.get_run(inner.run_id).parent_run_id == outer.run_id


def test_a_run_without_a_block_is_active_until_it_ends(url: str) -> None:
    run = mere.start_run()
    assert mere.active_run() is run
    seen: list[object] = []
    thread = threading.Thread(target=lambda: seen.append(mere.active_run()))
    thread.start()
    thread.join()
    assert seen == [None]
    run.finish("killed")
    assert mere.active_run() is None
    assert mere.get_run(run.run_id).status is RunStatus.KILLED


def test_logging_never_raises(url: str, caplog: pytest.LogCaptureFixture) -> None:
    class Bad:
        def detach(self) -> None:
            raise RuntimeError("broken")

    with mere.start_run() as run:
        run.log(None)  # type: ignore[arg-type]
        run.log(3)  # type: ignore[arg-type]
        run.log({"a": Bad()})
        run.log({"a": 1.0}, timestamp="yesterday")  # type: ignore[arg-type]
        run.log_params(None)  # type: ignore[arg-type]
        run.set_tags({"t": Bad()})
        run.log({"a": "text", "b": 2.0}, timestamp=datetime(2026, 1, 1, tzinfo=UTC))
        run.log_params({"p": 1})
        run.log_params({"p": 2})
    run.log({"late": 1.0})
    stored = mere.get_run(run.run_id)
    assert stored.metrics == {"b": 2.0}
    assert stored.params == {"p": "1"}
    assert all(record.levelno == logging.WARNING for record in caplog.records)
    assert "a = text was not logged" in caplog.text


def test_a_run_is_refused_before_it_begins(url: str) -> None:
    for arguments in (
        {"experiment": ""},
        {"name": " "},
        {"params": {"x": "y" * 7000}},
        {"tags": {"": 1}},
        {"run_id": "short"},
        {"parent": "short"},
        {"flush_interval_s": 0},
    ):
        with pytest.raises(mere.InvalidInput):
            mere.start_run(**arguments)
    assert mere.active_run() is None


def test_a_run_is_taken_up_again(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with mere.start_run("digits", name="one", params={"lr": 1}) as first:
        first.log({"a": 1.0})
        first.log({"a": 2.0})
    with mere.start_run("other", run_id=first.run_id, params={"lr": 2, "new": 1}) as second:
        second.log({"a": 3.0})
        second.flush()
        during = mere.get_run(first.run_id)
        assert during.status is RunStatus.RUNNING
        assert during.ended_at is None
        assert second.experiment_id == first.experiment_id
    stored = mere.get_run(first.run_id)
    assert stored.name == "one"
    assert stored.params == {"lr": "1", "new": "1"}
    assert mere.metric_history(first, "a")["step"].to_pylist() == [0, 1, 2]
    assert stored.metric_summary["a"].count == 3
    assert "'lr' is '1' and cannot become '2'" in caplog.text


def test_threads_share_a_run(url: str) -> None:
    with mere.start_run() as run:

        def work(number: int) -> None:
            for step in range(100):
                run.log({f"m{number}": step}, step=step)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert mere.sql("select count(*) as n from metrics")["n"].to_pylist() == [400]


def test_runs_of_one_process_share_a_warehouse(url: str) -> None:
    runs = [mere.start_run(is_nested=False) for _ in range(5)]
    for number, run in enumerate(runs):
        run.log({"n": number})
    for run in runs:
        run.finish()
    found = mere.sql("select metrics['n'] as n, status from runs order by n").to_pylist()
    assert found == [{"n": float(n), "status": "FINISHED"} for n in range(5)]


def test_a_run_that_ends_folds_a_long_tail(url: str) -> None:
    from mere.services.warehouse import open_warehouse

    lake = open_warehouse().lake
    for number in range(70):
        lake.patch("runs", [{"run_id": f"{number:032x}", "status": "FINISHED"}])
    with mere.start_run() as run:
        run.log({"a": 1.0})
    assert lake.status().tail.unfolded == 0
    assert mere.get_run(run.run_id).metrics == {"a": 1.0}


def test_an_address_that_cannot_be_used_is_said_once(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    run = mere.start_run(warehouse="gopher://nowhere")
    for _ in range(3):
        run.log({"a": 1.0})
    with pytest.raises(mere.InvalidInput, match="gopher"):
        run.flush()
    run.finish()
    assert "nothing will be logged" in caplog.text
