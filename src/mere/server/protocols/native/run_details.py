"""What the page of one run shows and lets people change: notes, metrics, code, environment."""

from __future__ import annotations

import math
import re
from typing import Literal

import msgspec

from mere.entities.actor import Action, Scope
from mere.entities.lineage import LineageGraph
from mere.entities.metric import SYSTEM_PREFIX, MetricSummary
from mere.errors import ErrorCode, InvalidInput
from mere.server.operations import Call, Permission
from mere.server.protocols.native.wire import operation
from mere.services.lineage.walk import Readable
from mere.services.provenance.run_code import CodeText, RunCodePage, RunEnvironment
from mere.services.runs.story import Event, Repeat, read_repeats, read_story

__all__ = ["OPERATIONS"]

_READ = Permission(Action.READ, lambda call: Scope.run(call.data.run_id))
_EDIT = Permission(Action.EDIT, lambda call: Scope.run(call.data.run_id))
_ONE = "/api/v1/runs/{run_id}"
_METRICS_MAX = 1_000
_DIGITS = re.compile(r"([0-9]{1,18})")
_OF_RUNS = ("child", "repeat")
_SUMMARIES = {"last": "value", "min": "min", "max": "max", "count": "count", "step": "step"}


class RunId(msgspec.Struct):
    """Which run."""

    run_id: str = ""


class RunChange(msgspec.Struct):
    """What people may change of a run; what is not given stays.

    Args:
        run_id: The run.
        notes: What people write about it, as Markdown; null removes it.
        was: The notes that were changed: where they are others by now, nothing is written.
        name: Its name.
    """

    run_id: str = ""
    notes: str | msgspec.UnsetType | None = msgspec.UNSET
    was: str | msgspec.UnsetType | None = msgspec.UNSET
    name: str | msgspec.UnsetType = msgspec.UNSET


class RunTexts(msgspec.Struct):
    """The name and the notes of a run, as they are now."""

    name: str | None
    notes: str | None


class MetricsQuery(msgspec.Struct):
    """Which metrics of a run.

    Args:
        run_id: The run.
        search: Words; only metrics whose keys hold all of them, in any case.
        order: ``key``, ``last``, ``min``, ``max``, ``count`` or ``step``.
        is_descending: Whether the largest come first.
        offset: Leave out so many.
        limit: At most so many.
    """

    run_id: str = ""
    search: str = ""
    order: Literal["key", "last", "min", "max", "count", "step"] = "key"
    is_descending: bool = False
    offset: int = 0
    limit: int = 200


class RunMetric(msgspec.Struct):
    """A metric of a run, and what is known of it as a whole.

    Args:
        key: The metric.
        summary: Its latest point, extremes and number of points.
        odd: Which of these are no numbers that JSON has: ``nan``, ``inf`` or ``-inf``.
    """

    key: str
    summary: MetricSummary
    odd: dict[str, str] = {}


class RunMetricPage(msgspec.Struct):
    """A stretch of the metrics of a run, and how many there are."""

    metrics: list[RunMetric]
    total: int


class CodePath(msgspec.Struct):
    """Which file of a run's code."""

    run_id: str = ""
    path: str = ""


class Story(msgspec.Struct):
    """What happened to a run, the newest first."""

    events: list[Event]


class Repeats(msgspec.Struct):
    """The repetitions of a run, the newest first."""

    repeats: list[Repeat]


@operation("PATCH", _ONE, permission=_EDIT, request=RunChange, answer=RunTexts)
def change_run(call: Call) -> RunTexts:
    """Rename a run or write its notes; refused where others wrote them meanwhile."""
    data: RunChange = call.data
    runs = call.warehouse.runs
    if isinstance(data.name, str):
        runs.rename(data.run_id, data.name)
    if data.notes is not msgspec.UNSET:
        expected = {} if data.was is msgspec.UNSET else {"expected": data.was or ""}
        runs.set_notes(data.run_id, data.notes or "", **expected)
    run = runs.get(data.run_id)
    return RunTexts(run.name, run.notes)


@operation(
    "GET", f"{_ONE}/metrics/list", permission=_READ, request=MetricsQuery, answer=RunMetricPage
)
def list_run_metrics(call: Call) -> RunMetricPage:
    """A stretch of the metrics of a run, searched and sorted, with their summaries."""
    data: MetricsQuery = call.data
    if not 1 <= data.limit <= _METRICS_MAX or data.offset < 0:
        raise InvalidInput(
            ErrorCode.LIMIT_EXCEEDED,
            f"{data.limit} metrics behind {data.offset}: ask for 1 to {_METRICS_MAX:,}",
            limit=_METRICS_MAX,
        )
    words = data.search.lower().split()
    found = [
        RunMetric(key, summary)
        for key, summary in call.warehouse.runs.get(data.run_id).metric_summary.items()
        if all(word in key.lower() for word in words)
    ]
    if data.order == "key":
        found.sort(key=lambda one: _place(one.key), reverse=data.is_descending)
    else:
        found.sort(key=lambda one: _place(one.key))
        found = _by_value(found, _SUMMARIES[data.order], is_descending=data.is_descending)
    shown = found[data.offset : data.offset + data.limit]
    for one in shown:
        values = {name: getattr(one.summary, name) for name in ("value", "min", "max")}
        one.odd = {name: str(value) for name, value in values.items() if not math.isfinite(value)}
    return RunMetricPage(shown, len(found))


def _place(key: str) -> tuple[bool, bool, list[tuple[int, str]]]:
    """Where a key stands: what has no prefix first, machines last, and 2 before 10."""
    parts = _DIGITS.split(key.lower())
    whole = [(int(part), "") if part.isdecimal() else (0, part) for part in parts]
    return key.startswith(SYSTEM_PREFIX), "/" in key, whole


def _by_value(found: list[RunMetric], field: str, *, is_descending: bool) -> list[RunMetric]:
    """Metrics by a number of their summaries; NaN is behind all others, whichever way."""
    numbers = [one for one in found if _number(one, field) == _number(one, field)]
    rest = [one for one in found if _number(one, field) != _number(one, field)]
    numbers.sort(key=lambda one: _number(one, field), reverse=is_descending)
    return numbers + rest


def _number(one: RunMetric, field: str) -> float:
    return float(getattr(one.summary, field))


@operation("GET", f"{_ONE}/code", permission=_READ, request=RunId, answer=RunCodePage)
def read_run_code(call: Call) -> RunCodePage:
    """What is known of a run's code: git, the command, the files stored, what is missing."""
    return call.warehouse.run_code.page(call.data.run_id)


@operation("GET", f"{_ONE}/code/file", permission=_READ, request=CodePath, answer=CodeText)
def read_run_code_file(call: Call) -> CodeText:
    """The text of one file of a run's code."""
    return call.warehouse.run_code.file(call.data.run_id, call.data.path)


@operation("GET", f"{_ONE}/code/diff", permission=_READ, request=RunId, answer=CodeText)
def read_run_diff(call: Call) -> CodeText:
    """The changes of a run's code that were not committed."""
    return call.warehouse.run_code.diff(call.data.run_id)


@operation("GET", f"{_ONE}/environment", permission=_READ, request=RunId, answer=RunEnvironment)
def read_run_environment(call: Call) -> RunEnvironment:
    """What a run ran in: Python, machine, packages, variables that steer numbers."""
    return call.warehouse.run_code.environment(call.data.run_id)


@operation("GET", f"{_ONE}/repeats", permission=_READ, request=RunId, answer=Repeats)
def list_repeats(call: Call) -> Repeats:
    """The repetitions of a run with their verdicts."""
    found = read_repeats(call.warehouse.lake, call.data.run_id)
    readable = call.warehouse.access.readable_experiments(call.actor)
    return Repeats([one for one in found if readable is None or one.experiment_id in readable])


@operation("GET", f"{_ONE}/activity", permission=_READ, request=RunId, answer=Story)
def list_activity(call: Call) -> Story:
    """What happened to a run, the newest first."""
    told = read_story(call.warehouse.lake, call.data.run_id)
    readable = call.warehouse.access.readable_experiments(call.actor)
    if readable is None:
        return Story(told)
    # Runs that repeat this one, or are nested in it, may be of other experiments.
    homes = call.warehouse.run_homes.of(one.what for one in told if one.kind in _OF_RUNS)
    return Story(
        [one for one in told if one.kind not in _OF_RUNS or homes.get(one.what) in readable]
    )


@operation("GET", f"{_ONE}/lineage", permission=_READ, request=RunId, answer=LineageGraph)
def read_run_lineage(call: Call) -> LineageGraph:
    """What a run read and wrote, with the names that people know: one step each way."""
    readable = Readable.by(call.warehouse.access, call.actor)
    return call.warehouse.lineage.graph(f"run:{call.data.run_id}", depth=1, readable=readable)


OPERATIONS = (
    change_run,
    list_run_metrics,
    read_run_code,
    read_run_code_file,
    read_run_diff,
    read_run_environment,
    list_repeats,
    list_activity,
    read_run_lineage,
)
