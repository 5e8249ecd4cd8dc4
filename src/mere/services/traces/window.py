"""Windows on the list of traces, and what is beside it: facets with counts, and traces over time.

What somebody reads stays where it is: a window is of the traces that had been heard of by a moment
(`as_of`), and says how many are newer than that.

A facet counts the traces that all other choices leave, its own left out, so that it shows what
choosing more of it would add.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from mere.entities.assessment import Assessment
from mere.entities.trace import Trace
from mere.errors import ErrorCode, InvalidInput
from mere.search.pages import order_by
from mere.search.readable import laid_out, with_values
from mere.search.sql import Parameters, compile_order
from mere.search.traces import TRACES
from mere.services.traces.search import TraceSearch
from mere.services.traces.traces import traces_from

if TYPE_CHECKING:
    import pyarrow as pa

    from mere.lake import Lake
    from mere.services.traces.assessments import Assessments

__all__ = [
    "FACETS",
    "ROWS_MAX",
    "TraceFacet",
    "TraceFacetValue",
    "TraceMoment",
    "TraceOverview",
    "TraceSession",
    "TraceSessionPage",
    "TraceTotals",
    "TraceWant",
    "TraceWindow",
    "TraceWindows",
]

ROWS_MAX = 500
_VALUES_MAX = 50
_CHOSEN_MAX = 200
_TEXT_CHARS_MAX = 1_000
_BARS_MAX = 400
_REQUEST_CHARS = 300
_OFFSET_MAX = 2**53
_MOMENT_US_MAX = 253_402_300_799_000_000
"""The end of the year 9999."""

_COUNTED = "status, duration_ms, session_id, input_tokens, output_tokens, total_tokens, cost"
_HEARD = "heard_us <= coalesce($as_of, heard_us)"

_SHOWN = (
    "trace_id",
    "name",
    "request",
    "response",
    "status",
    "started_at",
    "duration_ms",
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "cost",
    "user_id",
    "session_id",
    "experiment_id",
    (
        "(select list(a.name || ' = ' || a.value order by a.name, a.assessment_id) "
        "from assessments a where a.trace_id = wanted.trace_id and coalesce(a.is_valid, true)) "
        "as assessments"
    ),
)
"""The columns of the list as SQL."""

_NO_MODEL = "case when coalesce(len(models), 0) = 0 then [''] else models end"
_PAIRS = (
    "list_transform(list_filter(coalesce(map_entries(tags), []), "
    "lambda e: not starts_with(e.key, 'mlflow.')), lambda e: e.key || '=' || e.value)"
)
FACETS = {
    "experiment": "[experiment_id]",
    "status": "[status]",
    "name": "[coalesce(name, '')]",
    "model": _NO_MODEL,
    "user": "[coalesce(user_id, '')]",
    "session": "[coalesce(session_id, '')]",
    "tag": _PAIRS,
}
"""What can be counted and chosen: for each, SQL of the list of a trace's values; '' is none."""

_HAS_TEXT = (
    "(contains(lower(concat_ws(' ', trace_id, name, request, response, session_id, user_id)), "
    "lower($text)))"
)
_STEPS_US = tuple(
    seconds * 1_000_000
    for seconds in (
        *(1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 43_200),
        *(86_400, 172_800, 604_800, 2_592_000, 31_536_000, 315_360_000),
    )
)
"""How long a bar of the histogram may stand for: spans of time that people think in."""


class TraceWant(msgspec.Struct, kw_only=True):
    """Which traces are wanted.

    Args:
        filter: A condition in the filter language.
        text: A text in the id, name, request, response, user or session, in any case.
        chosen: Of a facet, the values of which a trace must have one; ``""`` means none.
        run_id: Only those made in this run, or linked to it.
        from_us: Only those that began by then or later, in microseconds since the epoch.
        until_us: Only those that began before.
        as_of_us: Only those that had been heard of by then.
    """

    filter: str = ""
    text: str = ""
    chosen: dict[str, list[str]] = {}
    run_id: str = ""
    from_us: int | None = None
    until_us: int | None = None
    as_of_us: int | None = None


class TraceWindow(msgspec.Struct, kw_only=True):
    """A stretch of the list.

    Args:
        traces: The traces.
        assessments: What is said of them, by trace.
        total: How many there are in all.
        newer: How many there are that were heard of later.
        as_of_us: The moment that later windows of the same list have to name.
    """

    traces: list[Trace]
    assessments: dict[str, list[Assessment]]
    total: int
    newer: int
    as_of_us: int


class TraceFacetValue(msgspec.Struct):
    """A value of a facet; ``value`` is empty for the traces without one."""

    value: str
    traces: int
    errors: int


class TraceFacet(msgspec.Struct):
    """The most frequent values of a facet, and how many there are in all."""

    values: list[TraceFacetValue]
    total: int


class TraceMoment(msgspec.Struct):
    """A bar of the histogram: traces that began within one step from ``at_us`` on."""

    at_us: int
    traces: int
    errors: int
    p50_ms: float | None
    p95_ms: float | None


class TraceTotals(msgspec.Struct, kw_only=True):
    """What traces add up to."""

    traces: int
    errors: int
    sessions: int
    p50_ms: float | None
    p95_ms: float | None
    input_tokens: int | None
    output_tokens: int | None
    total_tokens: int | None
    cost: float | None


class TraceOverview(msgspec.Struct, kw_only=True):
    """What is beside the list.

    Args:
        totals: What the traces add up to.
        facets: The counts of each facet.
        step_us: How long a bar of the histogram stands for.
        from_us: Where the histogram begins; None where there are no traces.
        until_us: Where it ends.
        moments: Its bars; those without traces are left out.
    """

    totals: TraceTotals
    facets: dict[str, TraceFacet]
    step_us: int
    from_us: int | None
    until_us: int | None
    moments: list[TraceMoment]


class TraceSession(msgspec.Struct, kw_only=True):
    """A conversation: traces with one session id, and what they add up to."""

    session_id: str
    experiment_id: str
    traces: int
    errors: int
    started_at: datetime | None
    last_at: datetime | None
    duration_ms: float | None
    user_id: str | None
    total_tokens: int | None
    cost: float | None
    request: str | None


class TraceSessionPage(msgspec.Struct, kw_only=True):
    """Conversations, and how many there are in all."""

    sessions: list[TraceSession]
    total: int


class TraceWindows:
    """Windows on the traces of one warehouse.

    Args:
        lake: Where they are stored.
        search: Finds them.
        assessments: What is said of them.
    """

    def __init__(self, lake: Lake, search: TraceSearch, assessments: Assessments) -> None:
        self._lake = lake
        self._search = search
        self._assessments = assessments

    def window(
        self,
        within: Sequence[str] | None,
        want: TraceWant,
        *,
        order: str = "",
        offset: int = 0,
        limit: int = 100,
    ) -> TraceWindow:
        """A stretch of the list, newest first unless an order says otherwise.

        Args:
            within: Only traces of these experiments.
            want: Which.
            order: What to sort by, in the filter language.
            offset: How many to leave out.
            limit: At most so many.

        Raises:
            InvalidInput: The filter, the order or a limit is wrong.
        """
        _check_stretch("traces", offset, limit)
        parameters = self._search.parameters()
        terms = compile_order(TRACES, order or None, parameters)
        asked = self._asked(within, want, parameters, facets=want.chosen)
        counted = self._one(
            f"{asked.head} select count(*) filter (where {_HEARD}) as total, "
            f"count(*) filter (where not {_HEARD}) as newer, max(heard_us) as newest "
            f"from wanted where {asked.chosen()}",
            asked,
        )
        if want.as_of_us is None:
            asked.params["as_of"] = counted["newest"] or 0
        names = [f'"order {place}"' for place in range(len(terms))]
        keys = "".join(f", {t.expression} as {n}" for t, n in zip(terms, names, strict=True))
        ids: list[str] = self._ask(
            f"{asked.head} select trace_id from (select trace_id{keys} from wanted "
            f"where {_HEARD} and {asked.chosen()}) order by {order_by(terms, names)} "
            f"limit {int(limit)} offset {int(offset)}",
            asked,
        )["trace_id"].to_pylist()
        said = self._assessments.of(ids)
        return TraceWindow(
            traces=traces_from(self._search.rows(ids)) if ids else [],
            assessments={one: some for one, some in said.items() if some},
            total=counted["total"],
            newer=counted["newer"],
            as_of_us=asked.params["as_of"],
        )

    def sql(self, within: Sequence[str] | None, want: TraceWant, *, order: str = "") -> str:
        """The list as SQL that its reader runs himself; raises as `window` does.

        It finds the same traces in the same order, all of them and those of now, and reads the
        tables that SQL offers to him.

        Args:
            within: Only traces of these experiments.
            want: Which.
            order: What to sort by, in the filter language.
        """
        parameters = self._search.parameters()
        terms = compile_order(TRACES, order or None, parameters)
        asked = self._asked(within, want, parameters, facets=want.chosen)
        conditions = [asked.chosen()]
        if want.as_of_us is not None:
            conditions.append(_HEARD)
        query = laid_out(
            relation=asked.head.removeprefix("with "),
            columns=_SHOWN,
            of="wanted",
            conditions=conditions,
            order=order_by(terms, [f"({term.expression})" for term in terms]),
        )
        return with_values(query, asked.params)

    def overview(
        self,
        within: Sequence[str] | None,
        want: TraceWant,
        *,
        facets: Iterable[str] = tuple(FACETS),
        bars: int = 80,
    ) -> TraceOverview:
        """What is beside the list; raises as `window` does.

        Args:
            within: Only traces of these experiments.
            want: Which.
            facets: Which facets to count.
            bars: How many bars the histogram may have at most.
        """
        if not 1 <= bars <= _BARS_MAX:
            raise _beyond(f"{bars} bars: ask for 1 to {_BARS_MAX}", _BARS_MAX)
        counted = list(dict.fromkeys(facets))
        _check_facets(counted)
        asked = self._asked(
            within, want, self._search.parameters(), facets=[*counted, *want.chosen], is_kept=True
        )
        total = self._one(
            f"{asked.head} select count(*) as traces, "
            "count(*) filter (status = 'ERROR') as errors, "
            "count(distinct session_id) as sessions, sum(input_tokens)::bigint as input_tokens, "
            "sum(output_tokens)::bigint as output_tokens, "
            "sum(total_tokens)::bigint as total_tokens, sum(cost) as cost, "
            "quantile_cont(duration_ms, [0.5, 0.95]) as quantiles, "
            "min(began_us) as first_us, max(began_us) as last_us "
            f"from wanted where {_HEARD} and {asked.chosen()}",
            asked,
        )
        p50, p95 = total.pop("quantiles") or (None, None)
        first_us, last_us = total.pop("first_us"), total.pop("last_us")
        found = TraceOverview(
            totals=TraceTotals(**total, p50_ms=p50, p95_ms=p95),
            facets=self._facets(asked, counted),
            step_us=_STEPS_US[0],
            from_us=first_us if want.from_us is None else want.from_us,
            until_us=want.until_us,
            moments=[],
        )
        if found.until_us is None and last_us is not None:
            found.until_us = last_us + 1
        if total["traces"] and found.from_us is not None and found.until_us is not None:
            found.step_us = _step(found.until_us - found.from_us, bars)
            found.moments = self._moments(asked, found.step_us)
        return found

    def sessions(
        self, within: Sequence[str] | None, want: TraceWant, *, offset: int = 0, limit: int = 100
    ) -> TraceSessionPage:
        """A stretch of the conversations, the latest first; raises as `window` does."""
        _check_stretch("sessions", offset, limit)
        asked = self._asked(within, want, self._search.parameters(), facets=want.chosen)
        rows = self._ask(
            f"{asked.head} select session_id, any_value(experiment_id) as experiment_id, "
            "count(*) as traces, count(*) filter (status = 'ERROR') as errors, "
            "min(started_at) as started_at, max(started_at) as last_at, "
            "sum(duration_ms) as duration_ms, any_value(user_id) as user_id, "
            "sum(total_tokens)::bigint as total_tokens, sum(cost) as cost, "
            f"left(arg_min(request, started_at), {_REQUEST_CHARS}) as request, "
            "count(*) over () as total "
            f"from wanted where session_id is not null and {_HEARD} and {asked.chosen()} "
            "group by session_id order by last_at desc, session_id "
            f"limit {int(limit)} offset {int(offset)}",
            asked,
        ).to_pylist()
        total = rows[0]["total"] if rows else 0
        return TraceSessionPage(
            sessions=[
                TraceSession(**{k: v for k, v in row.items() if k != "total"}) for row in rows
            ],
            total=total,
        )

    def _asked(
        self,
        within: Sequence[str] | None,
        want: TraceWant,
        parameters: Parameters,
        *,
        facets: Iterable[str],
        is_kept: bool = False,
    ) -> _Asked:
        """The traces that are wanted before choices among facets, as SQL."""
        _check(want)
        head, params = self._search.matching(within, want.filter, parameters)
        conditions = ["true"]
        if want.text:
            conditions.append(_HAS_TEXT)
            params["text"] = want.text
        if want.run_id:
            conditions.append("(run_id = $of_run or coalesce(linked_to[$of_run], false))")
            params["of_run"] = want.run_id
        for name, sign in (("from_us", ">="), ("until_us", "<")):
            if (limit := getattr(want, name)) is not None:
                conditions.append(f"started_at {sign} make_timestamptz(${name}::bigint)")
                params[name] = limit
        for name, values in want.chosen.items():
            params[f"chosen_{name}"] = values
        params["as_of"] = want.as_of_us
        lists = "".join(f", {FACETS[name]} as of_{name}" for name in dict.fromkeys(facets))
        columns = f"{_COUNTED}{lists}" if is_kept else f"*{lists}"
        head += (
            f", wanted as {'materialized ' if is_kept else ''}(select {columns}, "
            "epoch_us(started_at) as began_us, coalesce(epoch_us(created_at), 0) as heard_us "
            f"from matching where {' and '.join(conditions)})"
        )
        return _Asked(head, params, tuple(want.chosen))

    def _ask(self, query: str, asked: _Asked) -> pa.Table:
        used = {name: value for name, value in asked.params.items() if _names(name, query)}
        return self._lake.sql(query, params=used)

    def _one(self, query: str, asked: _Asked) -> dict[str, Any]:
        row: dict[str, Any] = self._ask(query, asked).to_pylist()[0]
        return row

    def _facets(self, asked: _Asked, facets: Sequence[str]) -> dict[str, TraceFacet]:
        parts = [
            f"(select '{name}' as facet, value, count(*) as traces, "
            "count(*) filter (status = 'ERROR') as errors, count(*) over () as total "
            f"from (select unnest(of_{name}) as value, status from wanted "
            f"where {_HEARD} and {asked.chosen(but=name)}) group by value "
            f"order by traces desc, value limit {_VALUES_MAX})"
            for name in facets
        ]
        found = {name: TraceFacet([], 0) for name in facets}
        rows = self._ask(f"{asked.head} {' union all '.join(parts)}", asked) if parts else None
        for row in [] if rows is None else rows.to_pylist():
            facet = found[row["facet"]]
            facet.total = row["total"]
            facet.values.append(TraceFacetValue(row["value"], row["traces"], row["errors"]))
        for facet in found.values():
            facet.values.sort(key=lambda one: (-one.traces, one.value))
        return found

    def _moments(self, asked: _Asked, step_us: int) -> list[TraceMoment]:
        rows = self._ask(
            f"{asked.head} select (began_us // {step_us}) * {step_us} as at_us, "
            "count(*) as traces, count(*) filter (status = 'ERROR') as errors, "
            "quantile_cont(duration_ms, [0.5, 0.95]) as quantiles "
            f"from wanted where {_HEARD} and {asked.chosen()} group by at_us order by at_us",
            asked,
        ).to_pylist()
        return [
            TraceMoment(
                row["at_us"], row["traces"], row["errors"], *(row["quantiles"] or (None, None))
            )
            for row in rows
        ]


@dataclass
class _Asked:
    """A question as SQL.

    Args:
        head: The common table expressions, the last of which is called ``wanted``.
        params: Values for ``$name``.
        facets: The facets of which values were chosen.
    """

    head: str
    params: dict[str, Any]
    facets: tuple[str, ...]

    def chosen(self, but: str = "") -> str:
        """The condition that traces have one of the chosen values, one facet left out."""
        tests = [f"list_has_any(of_{n}, $chosen_{n})" for n in self.facets if n != but]
        return " and ".join(tests) or "true"


def _names(name: str, query: str) -> bool:
    return re.search(rf"\${name}\b", query) is not None


def _step(length_us: int, bars: int) -> int:
    """The shortest step with which so many bars do."""
    return next((step for step in _STEPS_US if length_us // step < bars), _STEPS_US[-1])


def _check(want: TraceWant) -> None:
    _check_facets(want.chosen)
    for name, values in want.chosen.items():
        if not 1 <= len(values) <= _CHOSEN_MAX:
            raise _beyond(f"{len(values)} values of {name}: choose 1 to {_CHOSEN_MAX}", _CHOSEN_MAX)
    if len(want.text) > _TEXT_CHARS_MAX:
        raise _beyond(
            f"a text of {len(want.text):,} characters: look for {_TEXT_CHARS_MAX:,} at most",
            _TEXT_CHARS_MAX,
        )
    for moment in (want.from_us, want.until_us, want.as_of_us):
        if moment is not None and not 0 <= moment <= _MOMENT_US_MAX:
            raise _beyond(f"time {moment} is none: give microseconds since 1970", _MOMENT_US_MAX)


def _check_facets(names: Iterable[str]) -> None:
    unknown = sorted(set(names) - set(FACETS))
    if unknown:
        raise InvalidInput(
            ErrorCode.UNKNOWN_COLUMN,
            f"facets {unknown} are not known: use {', '.join(FACETS)}",
            facets=unknown,
        )


def _check_stretch(what: str, offset: int, limit: int) -> None:
    if not 0 <= limit <= ROWS_MAX or not 0 <= offset <= _OFFSET_MAX:
        raise _beyond(f"{limit} {what} from {offset} on: ask for 0 to {ROWS_MAX}", ROWS_MAX)


def _beyond(message: str, limit: int) -> InvalidInput:
    return InvalidInput(ErrorCode.LIMIT_EXCEEDED, message, limit=limit)
