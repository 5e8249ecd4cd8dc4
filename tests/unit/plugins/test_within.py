"""The application without a socket; MLflow's own classes are tested in tests/conformance."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mere.plugins.mlflow.within import Reached

_API = "/api/2.0/mlflow"


@pytest.fixture(scope="module")
def reached(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reached]:
    """An application that is begun once, as that takes longest."""
    one = Reached(str(tmp_path_factory.mktemp("within") / "lake"))
    yield one
    one.finish()


def ask(reached: Reached, path: str, **fields: Any) -> Any:
    answer = reached.request("POST", f"{_API}/{path}", {"json": fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


def new_run(reached: Reached) -> str:
    run: str = ask(reached, "runs/create", experiment_id="0")["run"]["info"]["run_id"]
    return run


def artifact_path(run: str, name: str) -> str:
    return f"/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/{name}"


def test_what_is_written_is_read(reached: Reached) -> None:
    run = new_run(reached)
    ask(reached, "runs/log-metric", run_id=run, key="ü", value=1.5, timestamp=1)
    answer = reached.request("GET", f"{_API}/runs/get", {"params": {"run_id": run}})
    assert answer.json()["run"]["data"]["metrics"][0]["key"] == "ü"


def test_refusals_have_mlflow_s_shape(reached: Reached) -> None:
    answer = reached.request("GET", f"{_API}/runs/get", {"params": {"run_id": "0" * 32}})
    assert (answer.status_code, answer.reason) == (404, "Not Found")
    assert answer.json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    nowhere = reached.request("GET", f"{_API}/nowhere", {})
    assert nowhere.status_code == 404
    assert "error_code" in nowhere.json()


def test_files_stream_both_ways(reached: Reached, tmp_path: Path) -> None:
    run = new_run(reached)
    content = os.urandom(9 << 20)
    file = tmp_path / "big"
    file.write_bytes(content)
    path = artifact_path(run, "a%20b.bin")
    with file.open("rb") as opened:
        assert reached.request("PUT", path, {"data": opened}).status_code == 200
    back = reached.request("GET", path, {"stream": True})
    assert back.headers["content-length"] == str(len(content))
    assert b"".join(back.iter_content(1 << 16)) == content
    assert reached.request("GET", path, {}).content == content


def test_an_answer_that_nobody_reads_to_its_end_holds_up_nothing(reached: Reached) -> None:
    run = new_run(reached)
    path = artifact_path(run, "left.bin")
    reached.request("PUT", path, {"data": bytes(30 << 20)})
    for _ in range(5):
        answer = reached.request("GET", path, {"stream": True})
        assert len(next(answer.iter_content(1000))) == 1000
        answer.close()
    assert new_run(reached)


def test_many_threads_ask_at_once(reached: Reached) -> None:
    run = new_run(reached)

    def log(step: int) -> None:
        ask(reached, "runs/log-metric", run_id=run, key="m", value=step, timestamp=step, step=step)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(log, range(40)))
    asked = {"params": {"run_id": run, "metric_key": "m"}}
    history = reached.request("GET", f"{_API}/metrics/get-history", asked).json()["metrics"]
    assert sorted(one["step"] for one in history) == list(range(40))


def test_it_begins_anew_after_its_end(tmp_path: Path) -> None:
    one = Reached(str(tmp_path / "lake"))
    run = new_run(one)
    one.finish()
    one.finish()
    asked = {"params": {"run_id": run}}
    assert one.request("GET", f"{_API}/runs/get", asked).status_code == 200
    one.finish()


def test_a_warehouse_that_does_not_open_says_why_and_is_tried_again(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    one = Reached(str(file))
    for _ in range(2):
        with pytest.raises(Exception, match="is a file, not a folder"):
            one.request("GET", "/health", {})
    file.unlink()
    assert one.request("GET", "/health", {}).status_code == 200
    one.finish()


def test_a_forked_child_answers_for_itself(reached: Reached) -> None:
    run = new_run(reached)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            reached.forget()  # what MLflow's addresses have done for them at the fork
            ask(reached, "runs/log-metric", run_id=run, key="child", value=1, timestamp=1)
            os.write(writing, b"done")
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    assert os.read(reading, 10) == b"done"
    os.close(reading)
    ask(reached, "runs/log-metric", run_id=run, key="parent", value=1, timestamp=1)
    answer = reached.request("GET", f"{_API}/runs/get", {"params": {"run_id": run}})
    keys = {one["key"] for one in answer.json()["run"]["data"]["metrics"]}
    assert keys == {"child", "parent"}, json.dumps(answer.json())
