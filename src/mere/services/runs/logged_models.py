"""Logged models: created, filled with files, made ready; found again by what was measured of them.

A logged model belongs to an experiment and usually to the run that made it. Its files are those of
the owner with its id in the table of artifacts; when it becomes ready, their digest and what an
``MLmodel`` among them says go into its row. What runs measure of it goes into its row, too, beside
the points in the table of metrics, so that a search need not read these.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from mere.clock import run_id as new_id
from mere.entities.experiment import Lifecycle
from mere.entities.limits import check_name, check_param, check_tag
from mere.entities.logged_model import LoggedModel, LoggedModelStatus, Measurement
from mere.entities.naming import name_of
from mere.errors import ErrorCode, InvalidInput, NotFound
from mere.search.logged_models import LOGGED_MODELS, ordered_by
from mere.services.registry.files import describe_files
from mere.services.runs.search import Subject, check_page_size, find_rows

if TYPE_CHECKING:
    from mere.clock import Clock
    from mere.lake import Lake
    from mere.services.artifacts.artifacts import Artifacts
    from mere.services.runs.gate import RunGate

__all__ = [
    "DatasetChoice",
    "LoggedModels",
    "ModelOrder",
    "ModelsPage",
    "logged_model_id",
    "measured_rows",
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FRESH_S = 0.5
_KNOWN_MAX = 10_000
_COLUMNS = (
    "model_id",
    "experiment_id",
    "run_id",
    "name",
    "model_type",
    "status",
    "artifact_location",
    "params",
    "tags",
    "lifecycle",
    "created_by",
    "digest",
    "files",
    "bytes",
    "flavors",
    "signature",
    "metrics",
    "measured",
    "logged_at",
    "changed_at",
    "created_at",
    "updated_at",
)
_EMPTY = "map([]::varchar[], []::double[])"
_OF_DATASETS = (
    "coalesce((select map(list(key), list(value)) from (select m.key as key, "
    "arg_max(m.value, (m.timestamp, m.step)) as value from "
    "(select unnest(map_values(l.measured)) as m) where {} group by m.key)), " + _EMPTY + ")"
)
_MEASURED = (
    "select logged_model_id, run_id, key, dataset_name, dataset_digest, "
    'arg_max(value, (step, "timestamp")) as value, max(step) as step, '
    'arg_max("timestamp", (step, "timestamp")) as timestamp from metrics '
    "where run_id = any($runs) and logged_model_id = any($models) group by all"
)


class DatasetChoice(NamedTuple):
    """Datasets of one name; with a digest, the one that has it."""

    name: str
    digest: str | None = None


@dataclass(frozen=True)
class ModelOrder:
    """One key to order logged models by.

    Args:
        name: A field of the filter language, such as ``logged_at`` or ``metrics.acc``.
        is_descending: Which way.
        dataset: Of a metric: only what was measured on this dataset counts.
    """

    name: str
    is_descending: bool = False
    dataset: DatasetChoice | None = None


@dataclass(frozen=True)
class ModelsPage:
    """Some logged models.

    Args:
        models: In order.
        next_page_token: What to pass for the next page; None on the last one.
    """

    models: list[LoggedModel]
    next_page_token: str | None = None


class LoggedModels:
    """The logged models of one warehouse; safe for use by several threads.

    Args:
        lake: Where they are stored.
        clock: For new ids and times.
        artifacts: Their files.
        gate: Knows the experiments in which something may be made.
    """

    def __init__(self, lake: Lake, clock: Clock, artifacts: Artifacts, gate: RunGate) -> None:
        self._lake = lake
        self._clock = clock
        self._artifacts = artifacts
        self._gate = gate
        self._writable: dict[str, tuple[float, bool]] = {}

    def create(
        self,
        experiment_id: str,
        *,
        name: str | None = None,
        run_id: str | None = None,
        model_type: str | None = None,
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
        created_by: str | None = None,
    ) -> LoggedModel:
        """Create a logged model, whose files are to come.

        Args:
            experiment_id: Where it belongs.
            name: As people shall call it; by default, one is made up.
            run_id: The run that makes it.
            model_type: What kind of model it is.
            params: What it is made with.
            tags: What else is worth remembering.
            created_by: The account that makes it.

        Raises:
            NotFound: There is no such experiment.
            InvalidInput: It is deleted, or a name, param or tag may not be one.
        """
        experiment = self._gate.look_experiment(experiment_id)
        model_id = f"m-{new_id(self._clock)}"
        location = f"artifacts/{model_id}"
        if experiment.artifact_location != "artifacts":
            root = experiment.artifact_location.rstrip("/")
            location = f"{root}/models/{model_id}/artifacts"
        now_us = self._clock.now_us()
        checked = [check_tag(key, value) for key, value in (tags or {}).items()]
        model = LoggedModel(
            model_id=model_id,
            experiment_id=experiment_id,
            run_id=run_id or None,
            name=check_name(name or name_of(model_id.removeprefix("m-")), "logged model"),
            model_type=model_type or None,
            artifact_location=location,
            params=dict(check_param(key, value) for key, value in (params or {}).items()),
            tags={key: value for key, value in checked if value is not None},
            created_by=created_by,
            logged_at=_moment(now_us),
            changed_at=_moment(now_us),
        )
        self._lake.patch("logged_models", [_row(model)])
        return model

    def get(self, model_id: str, *, with_deleted: bool = False) -> LoggedModel:
        """Return a logged model.

        Raises:
            NotFound: There is none, or it is deleted and these are not wanted.
        """
        row = self._lake.get("logged_models", model_id)
        if row is None or row["experiment_id"] is None:
            raise _not_found(model_id)
        if row["lifecycle"] != Lifecycle.ACTIVE and not with_deleted:
            raise _not_found(model_id)
        return self._entities([row])[0]

    def finalize(self, model_id: str, status: LoggedModelStatus | str) -> LoggedModel:
        """Say that all files are there, or that they will not come.

        Raises:
            NotFound: There is no such logged model.
            InvalidInput: There is no such status.
        """
        wanted = LoggedModelStatus.of(status)
        self.get(model_id)
        described = describe_files(self._artifacts, model_id) if wanted == "READY" else {}
        self._change(model_id, status=str(wanted), **described)
        return self.get(model_id)

    def describe(self, model_id: str) -> None:
        """Take the digest of a ready model's files anew, since one of them has changed."""
        self._change(model_id, **describe_files(self._artifacts, model_id))

    def log_params(self, model_id: str, params: Mapping[str, Any]) -> None:
        """Add params.

        Raises:
            NotFound: There is no such logged model.
            InvalidInput: It has one of them with another value, or one may not be one.
        """
        wanted = dict(check_param(key, value) for key, value in params.items())
        known = self.get(model_id).params
        for key, value in wanted.items():
            if known.get(key, value) != value:
                raise InvalidInput(
                    ErrorCode.PARAM_CHANGED,
                    f"param {key!r} of logged model {model_id} is {known[key]!r} and cannot become "
                    f"{value!r}: what a model was made with never changes; use a tag",
                    model_id=model_id,
                    key=key,
                )
        self._change(model_id, params=wanted)

    def set_tags(self, model_id: str, tags: Mapping[str, Any]) -> None:
        """Set tags.

        Raises:
            NotFound: There is no such logged model.
            InvalidInput: A tag may not be one.
        """
        checked = dict(check_tag(key, value) for key, value in tags.items())
        self.get(model_id)
        self._change(model_id, tags=checked)

    def delete_tag(self, model_id: str, key: str) -> None:
        """Remove a tag.

        Raises:
            NotFound: There is no such logged model, or it has no such tag.
        """
        if key not in self.get(model_id).tags:
            raise NotFound(
                ErrorCode.TAG_NOT_FOUND,
                f"logged model {model_id} has no tag {key!r}",
                model_id=model_id,
                tag=key,
            )
        self._change(model_id, tags={key: None})

    def delete(self, model_id: str) -> None:
        """Delete a logged model: it is not shown any more. Its files stay until its run's go.

        Raises:
            NotFound: There is no such logged model.
        """
        self.get(model_id)
        self._writable.pop(model_id, None)
        self._change(model_id, lifecycle=Lifecycle.DELETED)

    def is_ready(self, model_id: str) -> bool:
        """Whether a logged model, to which files may be added, is ready already.

        May be half a second behind what other processes do, since it is asked for each file.

        Raises:
            NotFound: There is none, or it is deleted.
        """
        now = self._clock.monotonic()
        known = self._writable.get(model_id)
        if known is None or now - known[0] > _FRESH_S:
            known = (now, self.get(model_id).is_ready)
            if len(self._writable) >= _KNOWN_MAX:
                self._writable.clear()
            self._writable[model_id] = known
        return known[1]

    def missing(self, model_ids: Iterable[str]) -> list[str]:
        """Those of some ids that no logged model has."""
        wanted = sorted(set(model_ids))
        if not wanted:
            return []
        columns = ["model_id", "experiment_id"]
        rows = self._lake.scan("logged_models", {"model_id": wanted}, columns).to_pylist()
        known = {row["model_id"] for row in rows if row["experiment_id"] is not None}
        return [one for one in wanted if one not in known]

    def search(
        self,
        experiment_ids: Sequence[str],
        *,
        filter: str | None = None,  # noqa: A002 - the word of the language, and of MLflow
        datasets: Sequence[DatasetChoice] = (),
        order: Sequence[ModelOrder] = (),
        max_results: int = 100,
        page_token: str | None = None,
    ) -> ModelsPage:
        """Find logged models in use.

        Args:
            experiment_ids: Only in these.
            filter: A condition in the filter language, such as ``metrics.acc > 0.9``.
            datasets: Only what was measured on one of these counts, and only models of which
                something was.
            order: What to order by; in the end, the newest come first.
            max_results: At most so many.
            page_token: The token that came with the page before.

        Raises:
            InvalidInput: The filter, order, limit or token is wrong.
        """
        params: dict[str, Any] = {}
        own = _choice(datasets, "d", params)
        shown = f"{_OF_DATASETS.format(own)} as metrics" if datasets else "l.metrics as metrics"
        ranked = [key for key in order if key.dataset is not None]
        columns = [f"ranked{number}" for number in range(len(ranked))]
        more = "".join(
            f", {_OF_DATASETS.format(_choice([key.dataset], column, params))} as {column}"
            for column, key in zip(columns, ranked, strict=True)
            if key.dataset is not None
        )
        names = iter(columns)
        subject = Subject(
            ordered_by(columns) if columns else LOGGED_MODELS,
            f"found as (select l.* exclude (metrics), {shown}{more} from logged_models l)",
            _COLUMNS,
            params=params,
        )
        subject.only("experiment_id = any($experiments)", experiments=list(experiment_ids))
        subject.only("coalesce(lifecycle, 'active') = 'active'")
        if datasets:
            subject.only("cardinality(metrics) > 0")
        page = find_rows(
            self._lake,
            subject,
            now_us=self._clock.now_us(),
            filter=filter,
            order=[_term(key, next(names) if key.dataset else None) for key in order],
            columns=_COLUMNS,
            limit=check_page_size(max_results),
            page_token=page_token,
            query=[list(experiment_ids), [list(one) for one in datasets]],
        )
        rows = page.rows.to_pylist(maps_as_pydicts="lossy")
        return ModelsPage(self._entities(rows), page.next_page_token)

    def _change(self, model_id: str, **columns: Any) -> None:
        now_us = self._clock.now_us()
        row = {"model_id": model_id, "changed_at": now_us, **columns}
        self._lake.patch("logged_models", [row])

    def _entities(self, rows: Sequence[Mapping[str, Any]]) -> list[LoggedModel]:
        # Models that came from elsewhere have their points only.
        bare = {r["model_id"]: r["run_id"] for r in rows if not r["measured"] and r["run_id"]}
        read: dict[str, list[Measurement]] = {}
        if bare:
            runs = sorted(set(bare.values()))
            found = self._lake.sql(_MEASURED, params={"runs": runs, "models": sorted(bare)})
            for one in found.to_pylist():
                read.setdefault(one.pop("logged_model_id"), []).append(_measurement(one))
        return [_entity(row, read.get(row["model_id"], [])) for row in rows]


def logged_model_id(text: str) -> bool:
    """Whether a text looks like the id of a logged model."""
    return text.startswith("m-") and len(text) == 34 and not set(text[2:]) - set("0123456789abcdef")


def measured_rows(run_id: str, points: Iterable[Any]) -> list[dict[str, Any]]:
    """What points that name logged models add to the rows of these.

    Args:
        run_id: The run that measured.
        points: Points as `mere.services.runs.logging.Point`, in the order they were logged.
    """
    newest: dict[str, dict[str, Any]] = {}
    for point in points:
        if point.logged_model_id is None:
            continue
        about = (point.key, run_id, point.dataset_name, point.dataset_digest)
        told = newest.setdefault(point.logged_model_id, {})
        known = told.get(json.dumps(about))
        if known is None or (known.timestamp, known.step) <= (point.timestamp, point.step):
            told[json.dumps(about)] = point
    return [
        {
            "model_id": model_id,
            "metrics": {
                point.key: point.value
                for point in sorted(told.values(), key=lambda p: (p.timestamp, p.step))
            },
            "measured": {name: _measured(run_id, point) for name, point in told.items()},
        }
        for model_id, told in newest.items()
    ]


def _measured(run_id: str, point: Any) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "key": point.key,
        "dataset_name": point.dataset_name,
        "dataset_digest": point.dataset_digest,
        "step": point.step,
        "timestamp": point.timestamp,
        "value": point.value,
    }


def _choice(datasets: Sequence[DatasetChoice], prefix: str, params: dict[str, Any]) -> str:
    """SQL that says whether a measurement ``m`` is of one of some datasets."""
    parts = []
    for number, one in enumerate(datasets):
        name = f"{prefix}_name{number}"
        params[name] = one.name
        part = f"m.dataset_name = ${name}"
        if one.digest is not None:
            params[f"{prefix}_digest{number}"] = one.digest
            part += f" and m.dataset_digest = ${prefix}_digest{number}"
        parts.append(f"({part})")
    return " or ".join(parts)


def _term(key: ModelOrder, column: str | None) -> str:
    prefix, dot, name = key.name.partition(".")
    if column is not None and (not dot or prefix not in ("metrics", "metric")):
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"{key.name!r} cannot be ordered by a dataset: only metrics were measured on one",
            name=key.name,
        )
    quoted = name if name[:1] in ("`", '"') else "`" + name.replace("`", "``") + "`"
    what = key.name if not dot else f"{column or prefix}.{quoted}"
    return f"{what} {'DESC' if key.is_descending else 'ASC'}"


def _row(model: LoggedModel) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(model, builtin_types=(datetime,))
    row.pop("measurements")
    return {name: value for name, value in row.items() if value is not None and value != {}}


def _entity(row: Mapping[str, Any], read: list[Measurement]) -> LoggedModel:
    known = {
        name: row[name]
        for name in LoggedModel.__struct_fields__
        if name in row and row[name] is not None
    }
    known.setdefault("artifact_location", f"artifacts/{row['model_id']}")
    known.setdefault("name", row["model_id"])
    measured = [_measurement(one) for one in (row["measured"] or {}).values() if one]
    together = sorted(measured or read, key=lambda one: (one.timestamp, one.key))
    return msgspec.convert({**known, "measurements": together}, LoggedModel)


def _measurement(row: Mapping[str, Any]) -> Measurement:
    known = {name: value for name, value in row.items() if value is not None}
    return msgspec.convert(known, Measurement)


def _moment(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)


def _not_found(model_id: str) -> NotFound:
    return NotFound(
        ErrorCode.LOGGED_MODEL_NOT_FOUND,
        f"there is no logged model {model_id!r}, or it is deleted",
        model_id=model_id,
    )
