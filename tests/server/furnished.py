"""A warehouse that has one of everything, served by an application in this process."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import httpx
import msgspec

from mere.config import ServerSettings
from mere.server.app import Application, create_app
from mere.services.warehouse import close_warehouses, open_warehouse

__all__ = ["Furnished", "furnished"]

_URL = "http://127.0.0.1:5000"
_TRACE = "ab" * 16
_SPAN = {
    "traceId": _TRACE,
    "spanId": "cd" * 8,
    "name": "root",
    "startTimeUnixNano": "1700000000000000000",
    "endTimeUnixNano": "1700000001000000000",
}


class Furnished:
    """The application, on an event loop of its own.

    Args:
        app: It.
    """

    def __init__(self, app: Application) -> None:
        self.known: dict[str, list[str]] = {}
        """What exists, by the names under which requests speak of it."""
        self._app = app
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._end = asyncio.Event()
        is_up: Future[None] = Future()
        self._life = asyncio.run_coroutine_threadsafe(self._live(is_up), self._loop)
        is_up.result(60)
        self._http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app, client=("127.0.0.1", 1)),  # type: ignore[arg-type]
            base_url=_URL,
        )

    def ask(self, method: str, url: str, **more: Any) -> httpx.Response:
        """Send a request; the answer is read to its end."""
        return self._run(self._http.request(method, url, **more))

    def schema(self) -> dict[str, Any]:
        """The OpenAPI page."""
        page: dict[str, Any] = self.ask("GET", "/openapi.json").json()
        return page

    def close(self) -> None:
        """Stop the application."""
        self._run(self._http.aclose())
        self._loop.call_soon_threadsafe(self._end.set)
        self._life.result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def furnish(self) -> None:
        """Make one of everything, and note what it is called."""
        api = "/api/2.0/mlflow"
        experiment = self._made(f"{api}/experiments/create", name="known")["experiment_id"]
        run = self._made(f"{api}/runs/create", experiment_id=experiment, start_time=1)
        run_id = run["run"]["info"]["run_id"]
        for step in range(3):
            self._made(
                f"{api}/runs/log-batch",
                run_id=run_id,
                metrics=[{"key": "loss", "value": 0.5, "timestamp": step, "step": step}],
                params=[{"key": "lr", "value": "0.1"}],
                tags=[{"key": "team", "value": "a"}],
            )
        kept = f"/api/2.0/mlflow-artifacts/artifacts/{experiment}/{run_id}/artifacts/page.html"
        assert self.ask("PUT", kept, content=b"<script>1</script>").status_code == 200
        model = self._made(f"{api}/logged-models", experiment_id=experiment)["model"]["info"]
        self._made(f"{api}/registered-models/create", name="known")
        self._made(
            f"{api}/model-versions/create",
            name="known",
            source=f"mlflow-artifacts:/{experiment}/{run_id}/artifacts",
            run_id=run_id,
        )
        self._made(f"{api}/registered-models/alias", name="known", alias="best", version="1")
        spans = {"resourceSpans": [{"scopeSpans": [{"spans": [_SPAN]}]}]}
        told = {"x-mlflow-experiment-id": experiment}
        assert self.ask("POST", "/v1/traces", json=spans, headers=told).status_code == 200
        dataset = self._made("/api/3.0/mlflow/datasets/create", name="known")["dataset"]
        self.known = {
            "experiment_id": [experiment, "0"],
            "run_id": [run_id],
            "run_uuid": [run_id],
            "owner": [run_id],
            "model_id": [model["model_id"]],
            "name": ["known"],
            "version": ["1"],
            "alias": ["best"],
            "trace_id": [f"tr-{_TRACE}", _TRACE],
            "request_id": [f"tr-{_TRACE}"],
            "dataset_id": [dataset["dataset_id"]],
            "metric_key": ["loss"],
            "key": ["loss", "lr", "team"],
            "path": ["page.html"],
            "artifact_path": [kept.removeprefix("/api/2.0/mlflow-artifacts/artifacts/")],
            "namespace": ["mere"],
            "prefix": ["mere"],
            "table": ["runs", "metrics"],
            "family": ["metrics", "params", "tags"],
        }

    def _made(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self.ask("POST", path, json=body)
        assert answer.status_code == 200, (path, answer.text)
        made: dict[str, Any] = msgspec.json.decode(answer.content)
        return made

    async def _live(self, is_up: Future[None]) -> None:
        async with self._app.lifespan():
            is_up.set_result(None)
            await self._end.wait()

    def _run(self, work: Any) -> Any:
        done: Future[Any] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return done.result(120)


@contextlib.contextmanager
def furnished(folder: Path) -> Iterator[Furnished]:
    """A served warehouse that has one of everything, in a folder."""
    warehouse = open_warehouse(str(folder / "lake"))
    settings = ServerSettings(warehouse=warehouse.url, fold_s=0.0)
    served = Furnished(create_app(settings, warehouse=warehouse))
    try:
        served.furnish()
        yield served
    finally:
        served.close()
        close_warehouses()
