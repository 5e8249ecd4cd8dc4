"""Windows: the stretch of the runs grid that somebody looks at, out of a million runs.

The server filters, sorts, groups and counts; the grid gets the rows it shows. Columns that are
shown or asked for are kept in memory (`mere.lake.kept`), so that the next question is answered
within a frame or three. A column is what the filter language calls it (``name``, ``params.lr``,
``metrics.acc`` for the last value, ``min(metrics.acc)``, ``count(metrics.acc)``), or
``mean(metrics.acc)``, which is reckoned from the points of the runs shown.

Groups are a tree that is opened level by level: `group` names the keys of all levels, `path` the
values of those that are open. As long as there is a level below, rows are groups.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from mere.entities.experiment import Lifecycle
from mere.errors import ErrorCode, InvalidInput
from mere.search.binding import Field, bind_name
from mere.search.parser import parse_order
from mere.search.schema import RUNS, Type
from mere.search.sql import OrderTerm, Parameters, compile_filter, compile_order
from mere.services.runs.kept_columns import JOINED, KeptParameters
from mere.services.runs.search import View

if TYPE_CHECKING:
    import pyarrow as pa

    from mere.clock import Clock
    from mere.lake import Lake
    from mere.services.runs.runs import Runs
    from mere.services.runs.search import Subject

__all__ = [
    "MEAN",
    "WindowAnswer",
    "WindowRequest",
    "Windows",
    "check_request",
    "metric_of_mean",
    "name_of_column",
    "plain",
    "sorted_by",
]

ROWS_MAX = 10_000
COLUMNS_MAX = 100
GROUPS_MAX = 10
_DEAD_MS = 5_000
MEAN = re.compile(r"\s*mean\s*\(\s*(.+)\s*\)\s*", re.IGNORECASE | re.DOTALL)
_LIVES = "list_contains($lifecycles, lifecycle)"
_EPOCH_US = re.compile(r"epoch_us\((\w+)\)")
_WORD = re.compile(r"\bexperiment\b")
_NUMERIC = (Type.NUMBER, Type.WHOLE, Type.DURATION)


class WindowRequest(msgspec.Struct):
    """Which rows are wanted.

    Args:
        experiments: Only runs of the experiments with these ids.
        filter: A condition in the filter language.
        order: What to sort by; behind that, the newest come first.
        columns: What to show of each run.
        group: What to group by, one key a level.
        path: The values of the levels that are open, from the top.
        offset: Leave out so many rows.
        limit: At most so many rows.
        view: ``active`` runs, ``deleted`` or ``all``.
        since: The tag of an earlier answer: the same rows are not sent again.
    """

    experiments: list[str] | None = None
    filter: str = ""
    order: list[str] = []
    columns: list[str] = msgspec.field(default_factory=lambda: ["name", "status", "started_at"])
    group: list[str] = []
    path: list[str | float | bool | None] = []
    offset: int = 0
    limit: int = 200
    view: str = View.ACTIVE
    since: str | None = None


class WindowAnswer(msgspec.Struct):
    """The rows, and what they are part of.

    Args:
        rows: Runs with `run_id` and a column for each one asked for; or groups with `value`,
            `runs` (how many), and for each column of numbers its least, greatest and mean value.
        total: How many rows there are in all.
        is_grouped: Whether the rows are groups.
        tag: Differs where the rows do.
    """

    rows: pa.Table
    total: int
    is_grouped: bool
    tag: str


def name_of_column(text: str) -> Field:
    """What a column's name stands for.

    Raises:
        InvalidInput: It is none.
    """
    keys = parse_order(text)
    if len(keys) != 1:
        raise InvalidInput(
            ErrorCode.INVALID_QUERY, f"column {text[:80]!r} is not one name", column=text[:80]
        )
    ((key, source),) = keys
    found = bind_name(RUNS, key.name, source)
    if found.related is not None:
        raise source.refuse(key.name.span, "there may be several of these: no column")
    return found


def metric_of_mean(text: str) -> str:
    """The metric whose mean is asked for, as in ``mean(metrics.acc)``.

    Raises:
        InvalidInput: It is none.
    """
    keys = parse_order(text)
    prefixes = next(f.prefixes for f in RUNS.families if f.column == "metrics")
    if len(keys) != 1 or keys[0][0].name.prefix not in prefixes or keys[0][0].name.function:
        raise InvalidInput(
            ErrorCode.INVALID_QUERY,
            f"mean({text[:80]}): only metrics have one, such as mean(metrics.acc)",
        )
    return keys[0][0].name.key


class Windows:
    """The grid of the runs of one warehouse.

    Args:
        lake: Where they are stored.
        clock: Says what time it is.
        runs: Says which runs there are.
    """

    def __init__(self, lake: Lake, clock: Clock, runs: Runs) -> None:
        self._lake = lake
        self._clock = clock
        self._runs = runs
        self._dead: list[str] = []
        self._dead_at: float | None = None

    def read(self, request: WindowRequest, readable: Collection[str] | None = None) -> WindowAnswer:
        """The rows of a window.

        Args:
            request: Which.
            readable: The ids of the experiments whose runs may be shown; None for all.

        Raises:
            InvalidInput: The filter, order, group or a column is wrong, or it asks for too much.
        """
        check_request(request)
        parameters = KeptParameters(self._clock.now_us())
        subject = self._subject(request, readable)
        conditions = list(subject.conditions)
        condition, _ = compile_filter(RUNS, request.filter, parameters)
        if condition:
            conditions.append(condition)
        levels = [name_of_column(text) for text in request.group]
        for level, value in zip(levels, request.path, strict=False):
            conditions.append(_is(parameters.read(level), value, parameters))
        below = len(request.path)
        if below < len(levels):
            rows, total = self._groups(request, subject, conditions, levels[below], parameters)
        else:
            rows, total = self._rows(request, subject, conditions, parameters)
        tag = _tag(rows, total)
        return WindowAnswer(rows, total, below < len(levels), tag)

    def values(
        self, field: Field, experiments: Sequence[str] | None, begin: str, limit: int
    ) -> list[tuple[Any, int]]:
        """The values that a field has among active runs, those most runs have first."""
        parameters = KeptParameters(self._clock.now_us())
        subject = self._subject(WindowRequest(experiments=experiments), None)  # type: ignore[arg-type]
        value = parameters.read(field)
        given = parameters.add(begin.lower())
        found = self._ask(
            f"with {subject.relation} select {value} as value, count(*) as runs from found "
            f"where {' and '.join(subject.conditions)} and {value} is not null "
            f"and contains(lower({value}::varchar), {given}) "
            f"group by 1 order by 2 desc, 1 limit {int(limit)}",
            subject,
            parameters,
        )
        return list(zip(found["value"].to_pylist(), found["runs"].to_pylist(), strict=True))

    def ids(self, request: WindowRequest, readable: Collection[str] | None = None) -> list[str]:
        """The ids of all runs that a window is a part of, whatever its limit."""
        whole = msgspec.structs.replace(request, columns=[], group=[], path=[], offset=0, limit=0)
        check_request(whole)
        parameters = KeptParameters(self._clock.now_us())
        subject = self._subject(whole, readable)
        condition, _ = compile_filter(RUNS, request.filter, parameters)
        conditions = [*subject.conditions, *([condition] if condition else [])]
        found = self._ask(
            f"with {subject.relation} select run_id from found where {' and '.join(conditions)}",
            subject,
            parameters,
        )
        ids: list[str] = found["run_id"].to_pylist()
        return ids

    def _subject(self, request: WindowRequest, readable: Collection[str] | None) -> Subject:
        now = self._clock.monotonic()
        if self._dead_at is None or now - self._dead_at > _DEAD_MS / 1000:
            self._dead, self._dead_at = self._runs.dead(), now
        subject = self._runs.subject(View.of(request.view), self._dead, "kept_rows")
        if request.experiments is not None:
            subject.only("experiment_id = any($experiments)", experiments=request.experiments)
        if readable is not None:
            subject.only("experiment_id = any($readable)", readable=sorted(readable))
        return subject

    def _rows(
        self,
        request: WindowRequest,
        subject: Subject,
        conditions: list[str],
        parameters: KeptParameters,
    ) -> tuple[pa.Table, int]:
        terms = compile_order(RUNS, request.order, parameters)
        names = [f'"order {number}"' for number in range(len(terms))]
        keys = [f"{plain(term)} as {name}" for term, name in zip(terms, names, strict=True)]
        shown = {
            f"shown_{number}": parameters.read(name_of_column(text))
            for number, text in enumerate(request.columns)
            if not MEAN.fullmatch(text)
        }
        named = [name for name, expression in shown.items() if expression == JOINED]
        shown |= dict.fromkeys(named, "experiment_id")
        picked = [f"{expression} as {name}" for name, expression in shown.items()]
        chosen = f"select {', '.join(['run_id', *keys, *picked])} from found"
        found, total = self._page(
            request,
            subject,
            f"{chosen} where {' and '.join(conditions)}",
            f"select count(*) as total from found where {' and '.join(conditions)}",
            ", ".join(sorted_by(term, name) for term, name in zip(terms, names, strict=True)),
            parameters,
        )
        import pyarrow as pa

        columns = {"run_id": found["run_id"]}
        for number, text in enumerate(request.columns):
            mean = MEAN.fullmatch(text)
            name = f"shown_{number}"
            if mean is not None:
                columns[text] = self._means(found["run_id"], mean[1])
            else:
                columns[text] = self._names(found[name]) if name in named else found[name]
        return pa.table(columns), total

    def _groups(
        self,
        request: WindowRequest,
        subject: Subject,
        conditions: list[str],
        level: Field,
        parameters: KeptParameters,
    ) -> tuple[pa.Table, int]:
        value = parameters.read(level)
        picked = [f"{value} as value", "count(*) as runs"]
        for text in request.columns:
            field = None if MEAN.fullmatch(text) else name_of_column(text)
            if field is None or field.type not in _NUMERIC:
                continue
            number = parameters.read(field)
            finite = f"({number}) filter (where isfinite({number}::double))"
            for word, function in (("min", "min"), ("max", "max"), ("mean", "avg")):
                picked.append(f"{function}{finite} as {_quoted(f'{word}({text})')}")
        return self._page(
            request,
            subject,
            f"select {', '.join(picked)} from found where {' and '.join(conditions)} group by 1",
            f"select count(*) as total from (select distinct {value} from found "
            f"where {' and '.join(conditions)})",
            "runs desc, value" if request.order == ["runs"] else "value nulls last",
            parameters,
        )

    def _page(
        self,
        request: WindowRequest,
        subject: Subject,
        chosen: str,
        count: str,
        order: str,
        parameters: KeptParameters,
    ) -> tuple[pa.Table, int]:
        """A page of a query, and how many rows that has.

        The rows are counted by themselves, so that no column is read for it.
        """
        page = (
            f"with {subject.relation} select * from ({chosen}) "
            f"order by {order} limit {request.limit} offset {request.offset}"
        )
        found = self._ask(page, subject, parameters)
        total = self._ask(f"with {subject.relation} {count}", subject, parameters)
        return found, int(total["total"][0].as_py())

    def _ask(self, query: str, subject: Subject, parameters: KeptParameters) -> pa.Table:
        query = self._without_join(query, subject)
        used = {
            name: value
            for name, value in (subject.params | parameters.values).items()
            if f"${name}" in query
        }
        return self._lake.sql_kept(query, used, "runs", parameters.columns)

    def _names(self, experiments: pa.ChunkedArray) -> pa.Array:
        """The names of experiments, by their ids."""
        import pyarrow as pa

        ids = experiments.to_pylist()
        wanted = {"experiment_id": sorted(set(ids) - {None})}
        found = self._lake.scan("experiments", wanted, ["experiment_id", "name"])
        names = dict(
            zip(found["experiment_id"].to_pylist(), found["name"].to_pylist(), strict=True)
        )
        return pa.array([names.get(one) for one in ids], pa.string())

    def _without_join(self, query: str, subject: Subject) -> str:
        """The same query, without the names of experiments where it does not show any.

        Of active runs of experiments that are not deleted the relation says nothing new: to join
        a million of them takes longer than all else.
        """
        views = subject.params.get("lifecycles")
        rest = query.replace(subject.relation, "")
        if views != [Lifecycle.ACTIVE] or self._dead or _WORD.search(rest):
            return query
        gone = self._lake.scan("experiments", {"lifecycle": "deleted"}, ["experiment_id"])
        subject.params["gone"] = gone["experiment_id"].to_pylist()
        plain = "found as (select * from kept_rows where lifecycle = 'active'"
        if subject.params["gone"]:
            plain += " and not list_contains($gone, experiment_id)"
        return query.replace(subject.relation, f"{plain})").replace(f"{_LIVES} and ", "")

    def _means(self, runs: pa.ChunkedArray, text: str) -> pa.Array:
        """The mean of all finite points of a metric, for each run shown."""
        import pyarrow as pa

        from mere.lake.pyramid_reading import Window

        key = metric_of_mean(text)
        ids = runs.to_pylist()
        _, (look,) = self._lake.look("metrics", [(Window([(one, key) for one in ids], 2), None)])
        totals = [0.0] * len(ids)
        counts = [0] * len(ids)
        if look is not None:
            buckets = look.buckets
            for series, total, count in zip(
                buckets.series.tolist(),
                buckets.total.tolist(),
                buckets.finite.tolist(),
                strict=True,
            ):
                totals[series] += total
                counts[series] += count
        means = [t / c if c else None for t, c in zip(totals, counts, strict=True)]
        return pa.array(means, pa.float64())


def plain(term: OrderTerm) -> str:
    """What to sort by; a time as it is, which DuckDB sorts much quicker than what it is made of."""
    time = _EPOCH_US.fullmatch(term.expression)
    return term.expression if time is None else time[1]


def sorted_by(term: OrderTerm, name: str) -> str:
    """The order of one key: what is missing comes last, and NaN, DuckDB's greatest, before it."""
    if term.is_float and term.is_descending:
        return f"-{name} nulls last"
    return f"{name} {'desc' if term.is_descending else 'asc'} nulls last"


def _is(expression: str, value: Any, parameters: Parameters) -> str:
    """Whether a group's key has a value; NaN is one, and nothing is one, too."""
    if value is None:
        return f"{expression} is null"
    if isinstance(value, str):
        return f"{expression}::varchar = {parameters.add(value)}"
    return f"{expression} = {parameters.add(value)}"


def check_request(request: WindowRequest) -> None:
    """Refuse a request that asks for too much; raises `InvalidInput`."""
    limits: Iterable[tuple[str, int, int]] = (
        ("rows", request.limit, ROWS_MAX),
        ("columns", len(request.columns), COLUMNS_MAX),
        ("levels of groups", len(request.group), GROUPS_MAX),
        ("open levels", len(request.path), len(request.group)),
        ("rows left out", request.offset, 2**53),
    )
    for what, number, limit in limits:
        if not 0 <= number <= limit:
            raise InvalidInput(
                ErrorCode.LIMIT_EXCEEDED, f"{number} {what}: ask for 0 to {limit:,}", limit=limit
            )
    if len(set(request.columns)) < len(request.columns) or "run_id" in request.columns:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, "a column is named twice; run_id is always there"
        )


def _tag(rows: pa.Table, total: int) -> str:
    """What differs where the rows do, and only there.

    The bytes of a table would not do: what lies under a null, and how rows are cut into chunks,
    differs between two answers to one question.
    """
    from mere.services.datasets.digest import TableDigest

    digest = TableDigest(rows.schema)
    for batch in rows.to_batches():
        digest.add(batch)
    whole = hashlib.blake2b(digest.hexdigest().encode(), digest_size=12)
    whole.update(str(total).encode())
    return whole.hexdigest()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
