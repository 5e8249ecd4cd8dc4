"""Reads a tracking server of MLflow by its REST interface, page by page.

Histories of one run's metrics are asked for side by side. Files come through the server, so it
does not matter where it keeps them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from mere.errors import InvalidInput, NotFound
from mere.interchange.foreign import (
    ConsoleLine,
    ForeignExperiment,
    ForeignFile,
    ForeignModels,
    ForeignRun,
    Stretch,
)
from mere.interchange.mlflow_models import as_alias, as_logged, as_registered, as_version
from mere.interchange.mlflow_values import as_input, as_run, as_value
from mere.interchange.web import Web

__all__ = ["MlflowServer"]

_API = "/api/2.0/mlflow"
_PAGE = 1_000
_HISTORY_PAGE = 25_000
_WIDTH = 4


class MlflowServer:
    """One tracking server of MLflow.

    Args:
        web: The server.
        experiments: Only those of these names.
    """

    def __init__(self, web: Web, experiments: Sequence[str] = ()) -> None:
        self._web = web
        self._names = frozenset(experiments)
        self._left_out: dict[str, int] = {}
        self._experiments: list[str] = []
        self._models: dict[str, list[dict[str, Any]]] = {}
        self._pool = ThreadPoolExecutor(_WIDTH, thread_name_prefix="mere-import")

    @property
    def label(self) -> str:
        return self._web.url

    def experiments(self) -> Iterator[ForeignExperiment]:
        body = {"view_type": "ALL", "max_results": _PAGE}
        for row in self._pages("/experiments/search", body, "experiments"):
            if self._names and row["name"] not in self._names:
                continue
            self._note_traces(row["experiment_id"])
            yield ForeignExperiment(
                key=row["experiment_id"],
                name=row["name"],
                wanted_id=row["experiment_id"] if row["experiment_id"].isdecimal() else None,
                lifecycle="deleted" if row.get("lifecycle_stage") == "deleted" else "active",
                tags=_pairs(row.get("tags")),
            )

    def runs(self, experiment: ForeignExperiment) -> Iterator[ForeignRun]:
        body = {
            "experiment_ids": [experiment.key],
            "run_view_type": "ALL",
            "max_results": _PAGE,
            "order_by": ["attributes.start_time ASC"],
        }
        models = self._model_points(experiment.key)
        for row in self._pages("/runs/search", body, "runs"):
            info, data = row["info"], row.get("data") or {}
            run_id = info.get("run_id") or info["run_uuid"]
            keys = sorted({one["key"] for one in data.get("metrics") or ()})
            inputs = (row.get("inputs") or {}).get("dataset_inputs") or ()
            named = {
                **info,
                "run_id": run_id,
                "name": info.get("run_name"),
                "lifecycle": info.get("lifecycle_stage"),
            }
            yield as_run(
                named,
                _pairs(data.get("params")),
                _pairs(data.get("tags")),
                (as_input(one["dataset"], _pairs(one.get("tags"))) for one in inputs),
                origin=(keys, models.get(run_id, {})),
            )

    def points(self, run: ForeignRun) -> Iterator[Stretch]:
        keys, models = run.origin
        waiting = iter(keys)
        asked: deque[tuple[str, Future[Any]]] = deque()

        def ask() -> None:
            key = next(waiting, None)
            if key is not None:
                asked.append((key, self._pool.submit(self._history, run.key, key, None)))

        for _ in range(_WIDTH):
            ask()
        while asked:
            key, future = asked.popleft()
            page = future.result()
            ask()
            yield _stretch(key, page.get("metrics") or (), models)
            while token := page.get("next_page_token"):
                page = self._history(run.key, key, token)
                yield _stretch(key, page.get("metrics") or (), models)

    def console(self, _run: ForeignRun) -> Iterable[ConsoleLine]:
        return ()

    def files(self, run: ForeignRun) -> Iterator[ForeignFile]:
        def listed(path: str, token: str | None) -> dict[str, Any]:
            query = {"path": path or None, "page_token": token}
            return self._web.get(f"{_API}/artifacts/list", run_id=run.key, **query)

        for path, size in _walk(listed):
            yield ForeignFile(
                path=path,
                fetch=partial(self._fetch, "/get-artifact", path=path, run_uuid=run.key),
                size=size,
            )

    def models(self, experiments: dict[str, str]) -> ForeignModels:
        found = ForeignModels()
        for key, experiment_id in experiments.items():
            for row in self._logged_models(key):
                info, data = row["info"], row.get("data") or {}
                named = {
                    **info,
                    "lifecycle_stage": info.get("lifecycle_stage"),
                }
                params, tags = _pairs(data.get("params")), _pairs(info.get("tags"))
                found.logged.append(as_logged(named, experiment_id, params, tags))
                found.locations[info["model_id"]] = info["model_id"]
        if not self._names:
            self._registry(found)
        return found

    def model_files(self, location: str) -> Iterator[ForeignFile]:
        base = f"{_API}/logged-models/{location}/artifacts"

        def listed(path: str, token: str | None) -> dict[str, Any]:
            query = {"artifact_directory_path": path or None, "page_token": token}
            return self._web.get(f"{base}/directories", **query)

        ajax = base.replace("/api/", "/ajax-api/", 1) + "/files"
        for path, size in _walk(listed):
            yield ForeignFile(
                path=path,
                fetch=partial(self._fetch, ajax, artifact_file_path=path),
                size=size,
            )

    def left_out(self) -> dict[str, int]:
        return self._left_out

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _registry(self, found: ForeignModels) -> None:
        try:
            for row in self._pages("/registered-models/search", None, "registered_models"):
                found.registered.append(as_registered(_dated(row), _pairs(row.get("tags"))))
                for alias in row.get("aliases") or ():
                    found.aliases.append(as_alias({"name": row["name"], **alias}))
            for row in self._pages("/model-versions/search", None, "model_versions"):
                found.versions.append(as_version(_dated(row), _pairs(row.get("tags"))))
        except (NotFound, InvalidInput):
            # A server without a registry says so in several ways.
            self._left_out["model registry, which the server does not give"] = 1

    def _logged_models(self, experiment: str) -> list[dict[str, Any]]:
        if experiment not in self._models:
            body = {"experiment_ids": [experiment], "max_results": 50}
            try:
                self._models[experiment] = list(
                    self._pages("/logged-models/search", body, "models")
                )
            except NotFound:  # older than MLflow 3
                self._models[experiment] = []
        return self._models[experiment]

    def _model_points(self, experiment: str) -> dict[str, dict[tuple[str, int, int], str]]:
        """By run: which of its points belong to a logged model."""
        found: dict[str, dict[tuple[str, int, int], str]] = {}
        for row in self._logged_models(experiment):
            for one in (row.get("data") or {}).get("metrics") or ():
                point = (one["key"], int(one.get("step", 0)), int(one["timestamp"]))
                found.setdefault(one.get("run_id", ""), {})[point] = row["info"]["model_id"]
        return found

    def _note_traces(self, experiment: str) -> None:
        try:
            page = self._web.get(f"{_API}/traces", experiment_ids=experiment, max_results=1)
        except (NotFound, InvalidInput):
            return
        if page.get("traces"):
            kind = "experiments with traces"
            self._left_out[kind] = self._left_out.get(kind, 0) + 1

    def _history(self, run_id: str, key: str, token: str | None) -> dict[str, Any]:
        return self._web.get(
            f"{_API}/metrics/get-history",
            run_id=run_id,
            metric_key=key,
            max_results=_HISTORY_PAGE,
            page_token=token,
        )

    def _pages(self, path: str, body: dict[str, Any] | None, items: str) -> Iterator[Any]:
        token: str | None = None
        while True:
            if body is None:
                page = self._web.get(f"{_API}{path}", max_results=_PAGE, page_token=token)
            else:
                more = {"page_token": token} if token else {}
                page = self._web.post(f"{_API}{path}", {**body, **more})
            yield from page.get(items) or ()
            token = page.get("next_page_token")
            if not token:
                return

    def _fetch(self, route: str, target: Path, **query: str) -> None:
        self._web.download(route, target, **query)


def _walk(listed: Any, folder: str = "") -> Iterator[tuple[str, int | None]]:
    """Paths and sizes of all files below a folder."""
    token: str | None = None
    while True:
        page = listed(folder, token)
        for one in page.get("files") or ():
            if one.get("is_dir"):
                yield from _walk(listed, one["path"])
            else:
                size = one.get("file_size")
                yield one["path"], None if size is None else int(size)
        token = page.get("next_page_token")
        if not token:
            return


def _stretch(key: str, rows: Sequence[Any], models: dict[tuple[str, int, int], str]) -> Stretch:
    stretch = Stretch(key, [], [], [], [] if models else None)
    for row in rows:
        step, timestamp = int(row.get("step", 0)), int(row["timestamp"])
        stretch.steps.append(step)
        stretch.timestamps.append(timestamp * 1000)
        stretch.values.append(as_value(float(row.get("value", 0.0))))
        if stretch.model_ids is not None:
            stretch.model_ids.append(models.get((key, step, timestamp)))
    return stretch


def _pairs(rows: Any) -> dict[str, str]:
    return {row["key"]: row.get("value", "") for row in rows or ()}


def _dated(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "creation_time": row.get("creation_timestamp"),
        "last_updated_time": row.get("last_updated_timestamp"),
    }
