"""Reads MLflow's SQLite file, of any version, as it is at one moment.

The file is first copied by SQLite's own backup, so that one consistent state is read, a tracking
server that writes to it waits for the copying only, and indexes that old versions lack can be
added. Tables and columns that a version does not have read as empty; those it has in addition are
ignored.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from mere.errors import ErrorCode, InvalidInput, NotFound
from mere.interchange import trees
from mere.interchange.foreign import (
    ConsoleLine,
    ForeignExperiment,
    ForeignFile,
    ForeignInput,
    ForeignModels,
    ForeignRun,
    Stretch,
)
from mere.interchange.mlflow_models import as_alias, as_logged, as_registered, as_version
from mere.interchange.mlflow_values import as_input, as_run, as_value, without_nulls

__all__ = ["MlflowSqlite"]

_POINTS_AT_ONCE = 50_000
_DEFAULT_WORKSPACE = "default"
_INDEXES = {
    "metrics": "run_uuid, key",
    "params": "run_uuid",
    "tags": "run_uuid",
    "inputs": "destination_id",
    "logged_model_metrics": "run_id",
}
_LEFT_OUT = {
    "trace_info": "traces",
    "assessments": "assessments",
    "evaluation_datasets": "evaluation datasets",
    "scorers": "scorers",
    "webhooks": "webhooks",
    "endpoints": "gateway endpoints",
    "mcp_servers": "MCP servers",
    "label_schemas": "label schemas",
    "review_queues": "review queues",
}


class MlflowSqlite:
    """One SQLite file of MLflow.

    Args:
        path: The file.
        experiments: Only those of these names.
        artifact_root: What ``mlflow-artifacts:/`` stands for.

    Raises:
        NotFound: There is no such file.
        InvalidInput: It is no database of MLflow.
    """

    def __init__(
        self, path: Path, experiments: Sequence[str] = (), artifact_root: str | None = None
    ) -> None:
        self._path = path
        self._names = frozenset(experiments)
        beside = path.parent / "mlartifacts"
        self._root = artifact_root or (str(beside) if beside.is_dir() else None)
        self._scratch = tempfile.TemporaryDirectory(prefix="mere-mlflow-")
        try:
            self._db = _copied(path, Path(self._scratch.name, "copy.db"))
        except BaseException:
            self._scratch.cleanup()
            raise
        self._columns = {
            table: frozenset(row[1] for row in self._db.execute(f'pragma table_info("{table}")'))
            for (table,) in self._db.execute("select name from sqlite_master where type = 'table'")
        }
        if "run_uuid" not in self._columns.get("runs", ()):
            self.close()
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"{path} is a SQLite file, but not one of MLflow: it has no table of runs",
                path=str(path),
            )
        self._index()

    @property
    def label(self) -> str:
        return f"sqlite:///{self._path}"

    def experiments(self) -> Iterator[ForeignExperiment]:
        rows = self._rows(
            "experiments", ("experiment_id", "name", "lifecycle_stage", "workspace"), order=True
        )
        for experiment_id, name, lifecycle, workspace in rows:
            if self._names and name not in self._names:
                continue
            is_default = workspace in (None, "", _DEFAULT_WORKSPACE)
            tags = self._pairs("experiment_tags", "key", "value", experiment_id=experiment_id)
            yield ForeignExperiment(
                key=str(experiment_id),
                name=name if is_default else f"{workspace}/{name}",
                wanted_id=str(experiment_id),
                lifecycle="deleted" if lifecycle == "deleted" else "active",
                tags=tags,
            )

    def runs(self, experiment: ForeignExperiment) -> Iterator[ForeignRun]:
        columns = {
            "run_id": "run_uuid",
            "name": "name",
            "status": "status",
            "lifecycle": "lifecycle_stage",
            "start_time": "start_time",
            "end_time": "end_time",
            "deleted_time": "deleted_time",
            "user_id": "user_id",
            "source_name": "source_name",
            "source_version": "source_version",
            "artifact_uri": "artifact_uri",
        }
        key = int(experiment.key)
        for row in self._rows("runs", tuple(columns.values()), order=True, experiment_id=key):
            info = dict(zip(columns, row, strict=True))
            run_id = info["run_id"]
            yield as_run(
                info,
                self._pairs("params", "key", "value", run_uuid=run_id),
                self._pairs("tags", "key", "value", run_uuid=run_id),
                self._inputs(run_id),
                origin=info["artifact_uri"],
            )

    def points(self, run: ForeignRun) -> Iterator[Stretch]:
        models = self._model_points(run.key)
        names = ("key", "step", "timestamp", "value", "is_nan")
        cursor = self._query("metrics", names, order_by=("key",), run_uuid=run.key)
        with closing(cursor):
            while rows := cursor.fetchmany(_POINTS_AT_ONCE):
                begin = 0
                while begin < len(rows):
                    key = rows[begin][0]
                    end = begin
                    while end < len(rows) and rows[end][0] == key:
                        end += 1
                    yield _stretch(key, rows[begin:end], models)
                    begin = end

    def console(self, _run: ForeignRun) -> Iterable[ConsoleLine]:
        return ()

    def files(self, run: ForeignRun) -> Iterator[ForeignFile]:
        return self.model_files(run.origin) if run.origin else iter(())

    def models(self, experiments: dict[str, str]) -> ForeignModels:
        found = ForeignModels()
        for row in self._dicts("logged_models"):
            experiment_id = experiments.get(str(row["experiment_id"]))
            if experiment_id is None:
                continue
            params = self._pairs(
                "logged_model_params", "param_key", "param_value", model_id=row["model_id"]
            )
            tags = self._pairs(
                "logged_model_tags", "tag_key", "tag_value", model_id=row["model_id"]
            )
            found.logged.append(as_logged(row, experiment_id, params, tags))
            if row.get("artifact_location"):
                found.locations[row["model_id"]] = row["artifact_location"]
        if self._names:
            return found
        for row in self._dicts("registered_models"):
            tags = self._model_tags("registered_model_tags", row)
            found.registered.append(as_registered(_named(row), tags))
        for row in self._dicts("model_versions"):
            tags = self._model_tags("model_version_tags", row)
            found.versions.append(as_version(_named(row), tags))
        found.aliases.extend(
            as_alias(_named(row)) for row in self._dicts("registered_model_aliases")
        )
        return found

    def model_files(self, location: str) -> Iterator[ForeignFile]:
        return trees.below(location, self._path.parent, self._root)

    def left_out(self) -> dict[str, int]:
        counts = {}
        for table, kind in _LEFT_OUT.items():
            if table in self._columns:
                counts[kind] = self._db.execute(f"select count(*) from {table}").fetchone()[0]
        if self._names:
            counts["registered models (only with all experiments)"] = len(
                list(self._dicts("registered_models"))
            )
        return {kind: count for kind, count in counts.items() if count}

    def close(self) -> None:
        self._db.close()
        self._scratch.cleanup()

    # Queries

    def _index(self) -> None:
        for table, columns in _INDEXES.items():
            if table in self._columns:
                self._db.execute(f"create index mere_{table} on {table} ({columns})")

    def _query(
        self, table: str, names: Sequence[str], *, order_by: Sequence[str] = (), **where: Any
    ) -> sqlite3.Cursor:
        """Columns of a table, those it does not have as null."""
        there = self._columns.get(table, frozenset())
        chosen = ", ".join(f'"{name}"' if name in there else "null" for name in names)
        conditions = " and ".join(f'"{name}" = ?' for name in where) or "1"
        order = f" order by {', '.join(order_by)}" if order_by else ""
        return self._db.execute(
            f'select {chosen} from "{table}" where {conditions}{order}', tuple(where.values())
        )

    def _rows(
        self, table: str, names: Sequence[str], *, order: bool = False, **where: Any
    ) -> list[tuple[Any, ...]]:
        if table not in self._columns or not set(where) <= self._columns[table]:
            return []
        return self._query(
            table, names, order_by=(f'"{names[0]}"',) if order else (), **where
        ).fetchall()

    def _dicts(self, table: str) -> Iterator[dict[str, Any]]:
        names = sorted(self._columns.get(table, ()))
        for row in self._rows(table, names) if names else ():
            yield dict(zip(names, row, strict=True))

    def _pairs(self, table: str, key: str, value: str, **where: Any) -> dict[str, str]:
        return without_nulls(self._rows(table, (key, value), **where))

    def _model_tags(self, table: str, row: dict[str, Any]) -> dict[str, str]:
        keys = ("workspace", "name", "version")
        where = {name: row[name] for name in keys if name in self._columns.get(table, ())}
        return self._pairs(table, "key", "value", **where)

    def _inputs(self, run_id: str) -> Iterator[ForeignInput]:
        edges = self._rows(
            "inputs",
            ("input_uuid", "source_type", "source_id", "destination_type"),
            destination_id=run_id,
        )
        for edge, kind, dataset, destination in edges:
            if (kind, destination) != ("DATASET", "RUN"):
                continue
            names = ("name", "digest", "source_type", "source", "schema", "profile")
            columns = ("name", "digest", *(f"dataset_{name}" for name in names[2:]))
            found = self._rows("datasets", columns, dataset_uuid=dataset)
            if found:
                tags = self._pairs("input_tags", "name", "value", input_uuid=edge)
                yield as_input(dict(zip(names, found[0], strict=True)), tags)

    def _model_points(self, run_id: str) -> dict[tuple[str, int, int], str]:
        """Which of the run's points belong to a logged model."""
        names = ("metric_name", "metric_step", "metric_timestamp_ms", "model_id")
        rows = self._rows("logged_model_metrics", names, run_id=run_id)
        return {(key, step, at): model for key, step, at, model in rows}


def _copied(path: Path, copy: Path) -> sqlite3.Connection:
    if not path.is_file():
        raise NotFound(
            ErrorCode.OBJECT_NOT_FOUND,
            f"there is no file {path}: sqlite:///relative/path has three slashes, "
            "sqlite:////absolute/path four",
            path=str(path),
        )
    database = sqlite3.connect(copy)
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as source:
            source.backup(database)
        database.execute("pragma synchronous = off")
        database.execute("select count(*) from sqlite_master")
    except sqlite3.Error as error:
        database.close()
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"{path} cannot be read as a SQLite file: {error}",
            path=str(path),
        ) from error
    return database


def _stretch(key: str, rows: list[Any], models: dict[tuple[str, int, int], str]) -> Stretch:
    model_ids = None
    if models:
        model_ids = [models.get((key, row[1] or 0, row[2])) for row in rows]
    return Stretch(
        str(key),
        [row[1] or 0 for row in rows],
        [row[2] * 1000 for row in rows],
        [as_value(row[3], row[4]) for row in rows],
        model_ids,
    )


def _named(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the registry, its model named with the workspace if it is not the default one."""
    workspace = row.get("workspace")
    if workspace in (None, "", _DEFAULT_WORKSPACE):
        return row
    return {**row, "name": f"{workspace}/{row['name']}"}
