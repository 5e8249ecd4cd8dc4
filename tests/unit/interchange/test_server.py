"""Imports over HTTP: paging, faults and refusals. MLflow's own server: tests/interchange."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

import mere
from mere.errors import InvalidInput, NotFound, Unauthenticated, Unavailable
from mere.interchange.web import Web
from mere.services.warehouse import open_warehouse
from mere.testing.clock import ManualClock

RUN = "0123456789abcdef0123456789abcdef"
INFO = {"run_id": RUN, "run_name": "r", "status": "FINISHED", "start_time": 1700000000001}
DATA = {
    "metrics": [{"key": "a b/c", "value": 1.0}],
    "params": [{"key": "lr", "value": "0.1"}],
    "tags": [{"key": "mlflow.user", "value": "ada"}],
}
PAGES: dict[str, list[dict[str, Any]]] = {
    "/api/2.0/mlflow/experiments/search": [
        {"experiments": [{"experiment_id": "5", "name": "one"}], "next_page_token": "1"},
        {"experiments": [{"experiment_id": "6", "name": "two"}]},
    ],
    "/api/2.0/mlflow/runs/search": [{"runs": [{"info": INFO, "data": DATA}]}],
    "/api/2.0/mlflow/metrics/get-history": [
        {
            "metrics": [{"timestamp": 1700000000002, "value": "NaN", "step": 0}],
            "next_page_token": "1",
        },
        {"metrics": [{"timestamp": 1700000000003, "value": 1.7976931348623157e308, "step": "1"}]},
    ],
    "/api/2.0/mlflow/artifacts/list": [
        {"files": [{"path": "sub", "is_dir": True}, {"path": "a.txt", "file_size": 5}]}
    ],
    "/api/2.0/mlflow/traces": [{"traces": [{}]}],
}


class Handler(BaseHTTPRequestHandler):
    """Answers like a tracking server with two experiments and one run; fails at first."""

    faults: ClassVar[list[int]] = []
    is_locked = False

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/get-artifact":
            self._send(200, b"hello")
            return
        self._answer(parts.path, query)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(self.path, body)

    def _answer(self, path: str, query: dict[str, Any]) -> None:
        if self.is_locked and self.headers["Authorization"] != "Bearer secret":
            self._send(401, b"who?")
        elif self.faults:
            self._send(self.faults.pop(), b"not now")
        elif path not in PAGES:
            self._send(404, b"{}")
        elif query.get("experiment_ids") == ["6"]:
            self._send(200, b"{}")
        elif query.get("path") == "sub":
            self._send(200, json.dumps({"files": [{"path": "sub/b", "file_size": 5}]}).encode())
        else:
            page = PAGES[path][int(query.get("page_token", 0))]
            self._send(200, json.dumps(page).encode())

    def _send(self, code: int, data: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    Handler.faults, Handler.is_locked = [], False
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        thread = threading.Thread(target=serving.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()
        thread.join()


def test_pages_are_followed_and_passing_faults_overcome(server: str) -> None:
    Handler.faults = [503, 500]
    report = mere.import_mlflow(server)
    assert (report.experiments, report.runs_new, report.points_new, report.files_new) == (
        2,
        1,
        2,
        2,
    )
    assert report.left_out == {
        "experiments with traces": 2,
        "model registry, which the server does not give": 1,
    }
    (row,) = mere.sql("from runs").to_pylist(maps_as_pydicts="lossy")
    assert (row["run_id"], row["params"], row["created_by"]) == (RUN, {"lr": "0.1"}, "ada")
    values = mere.metric_history("r", "a b/c")["value"].to_pylist()
    assert [str(value) for value in values] == ["nan", "inf"]
    assert open_warehouse().artifacts.read(RUN, "sub/b") == b"hello"
    again = mere.import_mlflow(server)
    assert (again.runs_changed, again.points_new, again.files_new) == (0, 0, 0)


def test_a_server_that_wants_a_sign_in(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Handler.is_locked = True
    with pytest.raises(Unauthenticated, match="MLFLOW_TRACKING_TOKEN"):
        mere.import_mlflow(server)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "secret")
    assert mere.import_mlflow(server, artifacts=False).runs_new == 1


def test_a_server_that_stays_down_is_unavailable(server: str) -> None:
    clock = ManualClock()
    Handler.faults = [503] * 20
    with pytest.raises(Unavailable, match="503"):
        Web(server, clock, {}).get("/x")
    assert len(Handler.faults) == 15
    with pytest.raises(Unavailable, match="does not answer"):
        Web("http://127.0.0.1:9", clock, {}).get("/x")


def test_what_is_no_tracking_server(server: str) -> None:
    web = Web(server.replace("//", "//ada:pw@"), ManualClock(), {})
    assert "ada" not in web.url
    with pytest.raises(NotFound):
        web.get("/nowhere")
    with pytest.raises(InvalidInput, match=r"is .* a tracking server"):
        web.get("/get-artifact")
