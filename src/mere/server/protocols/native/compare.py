"""Comparing runs: which ones, windows of sheets, why some are better, code and media side by side.

Each request names the runs. Those that the caller may not read are left out, and so are ids of no
run; the answer names them and does not say which is which.
"""

from __future__ import annotations

import msgspec

from mere.entities.actor import Action, Scope
from mere.errors import ErrorCode, InvalidInput
from mere.server.operations import Answer, Call, Permission
from mere.server.protocols.native.wire import operation
from mere.services.comparison.code_diff import CodeDiff
from mere.services.comparison.comparison import SheetPage, Target
from mere.services.comparison.families import Family
from mere.services.comparison.media import MediaPage, MediaWanted
from mere.services.comparison.picking import ComparedRun, Picked, RunsWanted
from mere.services.comparison.rows import RowsWanted
from mere.services.comparison.why import Why

__all__ = ["OPERATIONS"]

_ANYTHING = Permission(Action.READ, lambda call: Scope.anything())  # noqa: ARG005
_BOTH = Permission(
    Action.READ, lambda call: Scope.all_of(Scope.run(call.data.first), Scope.run(call.data.second))
)
_HEADS_MAX = 1_000


class RunsQuery(msgspec.Struct):
    """Which runs, and which stretch of them."""

    of: RunsWanted = msgspec.field(default_factory=RunsWanted)
    offset: int = 0
    limit: int = 100


class ComparedRuns(msgspec.Struct):
    """The runs that are compared.

    Args:
        tag: Send it back as the runs' ``tag``, and windows are of the same runs as they are now.
        runs: A stretch of them.
        total: How many they are,
        matching: and how many there would be without a limit.
        left_out: Ids that are of no run, or of one that the caller may not read.
        experiments: The ids of their experiments.
    """

    tag: str
    runs: list[ComparedRun]
    total: int
    matching: int
    left_out: list[str]
    experiments: list[str]


class ComparedPoints(msgspec.Struct):
    """How many points of metrics the runs have by now."""

    points: int


class SheetQuery(msgspec.Struct):
    """A window of a sheet.

    Args:
        of: The runs.
        family: What is compared.
        rows: Which rows and columns.
        target: The metric that the effects of keys are on.
    """

    of: RunsWanted = msgspec.field(default_factory=RunsWanted)
    family: Family = Family.PARAMS
    rows: RowsWanted = msgspec.field(default_factory=RowsWanted)
    target: Target = msgspec.field(default_factory=Target)


class WhyQuery(msgspec.Struct):
    """What is to be explained.

    Args:
        of: The runs.
        target: The metric.
        ignore: Keys that are left out; ``*`` stands for anything.
    """

    of: RunsWanted = msgspec.field(default_factory=RunsWanted)
    target: Target = msgspec.field(default_factory=Target)
    ignore: list[str] = []


class MediaQuery(msgspec.Struct):
    """Which files of which runs."""

    of: RunsWanted = msgspec.field(default_factory=RunsWanted)
    media: MediaWanted = msgspec.field(default_factory=MediaWanted)


class CodeQuery(msgspec.Struct):
    """The run before and the run after."""

    first: str = ""
    second: str = ""


def _picked(call: Call) -> Picked:
    of: RunsWanted = call.data.of
    if of.runs is None and of.experiments is None and not of.filter:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, "say which runs to compare: by runs, experiments or filter"
        )
    readable = call.warehouse.access.readable_experiments(call.actor)
    return call.warehouse.comparison.pick(of, readable)


@operation(
    "POST",
    "/api/v1/compare/runs",
    permission=_ANYTHING,
    request=RunsQuery,
    answer=ComparedRuns,
)
def pick_runs(call: Call) -> ComparedRuns:
    """The runs that are compared, and which of those asked for are left out."""
    data: RunsQuery = call.data
    if not (0 <= data.limit <= _HEADS_MAX and data.offset >= 0):
        raise InvalidInput(
            ErrorCode.LIMIT_EXCEEDED,
            f"{data.limit} runs: ask for 0 to {_HEADS_MAX:,}",
            limit=_HEADS_MAX,
        )
    picked = _picked(call)
    return ComparedRuns(
        tag=picked.tag,
        runs=picked.window(data.offset, data.limit),
        total=len(picked.ids),
        matching=picked.matching,
        left_out=picked.left_out,
        experiments=sorted({row["experiment_id"] for row in picked.rows}),
    )


@operation(
    "POST",
    "/api/v1/compare/points",
    permission=_ANYTHING,
    request=RunsQuery,
    answer=ComparedPoints,
)
def count_points(call: Call) -> ComparedPoints:
    """How many points of metrics the runs have by now: tells a page that there are new ones."""
    return ComparedPoints(call.warehouse.comparison.points(_picked(call)))


@operation(
    "POST", "/api/v1/compare/sheet", permission=_ANYTHING, request=SheetQuery, answer=SheetPage
)
def read_sheet(call: Call) -> SheetPage:
    """A window of keys by runs: what differs, in order, with the values of some runs."""
    data: SheetQuery = call.data
    return call.warehouse.comparison.page(data.family, _picked(call), data.rows, data.target)


@operation(
    "POST",
    "/api/v1/compare/csv",
    permission=_ANYTHING,
    request=SheetQuery,
    sends={200: "text/csv"},
)
def export_sheet(call: Call) -> Answer:
    """All keys that are shown, for all runs, as comma-separated values."""
    data: SheetQuery = call.data
    text = call.warehouse.comparison.csv(data.family, _picked(call), data.rows)
    name = f'attachment; filename="{data.family}.csv"'
    return Answer(text.encode(), "text/csv; charset=utf-8", headers={"Content-Disposition": name})


@operation("POST", "/api/v1/compare/why", permission=_ANYTHING, request=WhyQuery, answer=Why)
def explain_runs(call: Call) -> Why:
    """What differs between the runs, ranked by how it goes along with a metric."""
    data: WhyQuery = call.data
    return call.warehouse.comparison.why(_picked(call), data.target, data.ignore)


@operation(
    "POST", "/api/v1/compare/media", permission=_ANYTHING, request=MediaQuery, answer=MediaPage
)
def read_media(call: Call) -> MediaPage:
    """Names that files of the runs go by, or the files of one name side by side."""
    data: MediaQuery = call.data
    return call.warehouse.comparison.media(_picked(call), data.media)


@operation("GET", "/api/v1/compare/code", permission=_BOTH, request=CodeQuery, answer=CodeDiff)
def read_code_diff(call: Call) -> CodeDiff:
    """The difference between the code of two runs, as git writes it."""
    return call.warehouse.comparison.diff(call.data.first, call.data.second)


OPERATIONS = (
    pick_runs,
    count_points,
    read_sheet,
    export_sheet,
    explain_runs,
    read_media,
    read_code_diff,
)
