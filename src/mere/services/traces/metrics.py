"""Figures over traces, spans and assessments: counts, times, tokens and cost, by time and by kind.

Also how much more often two conditions hold together than they would by chance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mere.errors import ErrorCode, InvalidInput
from mere.services.traces.search import FOUND

if TYPE_CHECKING:
    from mere.lake import Lake
    from mere.services.traces.search import TraceSearch

__all__ = ["Aggregation", "Correlation", "Figures", "TraceMetrics"]

TIME_BUCKET = "time_bucket"
_POINTS_MAX = 10_000
_NEWEST = (
    "select * from spans where trace_id in (select trace_id from scoped) qualify row_number() "
    "over (partition by trace_id, span_id order by end_ns is null, received_at desc) = 1"
)
_NUMBER = (
    "case value when 'true' then 1.0 when 'false' then 0.0 when '\"yes\"' then 1.0 "
    "when '\"no\"' then 0.0 else try_cast(value as double) end"
)
_TYPE = (
    "upper(coalesce(trim(json_extract_string(attributes, '$.\"mlflow.spanType\"'), '\"'), "
    "json_extract_string(attributes, '$.\"openinference.span.kind\"'), "
    "json_extract_string(attributes, '$.\"gen_ai.operation.name\"'), 'UNKNOWN'))"
)
_MODEL = (
    "coalesce(trim(json_extract_string(attributes, '$.\"mlflow.llm.model\"'), '\"'), "
    "json_extract_string(attributes, '$.\"gen_ai.response.model\"'), "
    "json_extract_string(attributes, '$.\"gen_ai.request.model\"'), "
    "json_extract_string(attributes, '$.\"llm.model_name\"'))"
)


@dataclass(frozen=True)
class _View:
    """What figures are made of.

    Args:
        rows: A query for rows with a ``moment``, over ``scoped`` traces.
        metrics: The expression of each metric.
        dimensions: The expression of each dimension.
        filters: What can be asked of a row, beside its trace.
    """

    rows: str
    metrics: Mapping[str, str]
    dimensions: Mapping[str, str]
    filters: Mapping[str, str] = field(default_factory=dict)


_VIEWS = {
    "TRACES": _View(
        "select *, started_at as moment from scoped",
        {
            "trace_count": "1",
            "session_count": "session_id",
            "latency": "duration_ms",
            "input_tokens": "input_tokens",
            "output_tokens": "output_tokens",
            "total_tokens": "total_tokens",
            "cache_read_input_tokens": "null::double",
            "cache_creation_input_tokens": "null::double",
        },
        {"trace_name": "name", "trace_status": "status"},
    ),
    "SPANS": _View(
        f"select *, started_at as moment from ({_NEWEST})",
        {"span_count": "1", "latency": "(end_ns - start_ns) / 1e6"},
        {
            "span_name": "name",
            "span_status": "status",
            "span_type": _TYPE,
            "span_model_name": _MODEL,
        },
        {"name": "name", "status": "status", "type": _TYPE},
    ),
    "COSTS": _View(
        "select unnest(map_values(t.usage), recursive := false) as used, s.started_at as moment "
        "from traces t join scoped s on s.trace_id = t.trace_id",
        {
            "input_cost": "used.input_cost",
            "output_cost": "used.output_cost",
            "total_cost": "used.cost",
        },
        {"span_model_name": "used.model", "span_model_provider": "null::varchar"},
    ),
    "ASSESSMENTS": _View(
        "select a.*, s.started_at as moment from assessments a join scoped s "
        "on s.trace_id = a.trace_id where coalesce(a.is_valid, true)",
        {"assessment_count": "1", "assessment_value": _NUMBER},
        {"assessment_name": "name", "assessment_value": "value"},
        {"name": "name", "type": "kind"},
    ),
}


@dataclass(frozen=True)
class Aggregation:
    """How values are brought together.

    Args:
        kind: ``COUNT``, ``SUM``, ``AVG``, ``MIN``, ``MAX`` or ``PERCENTILE``.
        percentile: Which, from 0 to 100.
    """

    kind: str
    percentile: float | None = None

    @property
    def label(self) -> str:
        """What its value is called."""
        return f"P{self.percentile}" if self.kind == "PERCENTILE" else self.kind

    def sql(self, metric: str) -> str:
        """Its expression.

        Raises:
            InvalidInput: It is unknown, or a percentile is missing or none.
        """
        if self.kind in ("COUNT", "SUM", "AVG", "MIN", "MAX"):
            return f"{self.kind.lower()}({metric})::double"
        if self.kind != "PERCENTILE" or not 0 <= _or(self.percentile, -1) <= 100:
            raise _bad(f"aggregation {self.label} is unknown: use COUNT, SUM, AVG, MIN, MAX or P50")
        return f"quantile_cont({metric}, {_or(self.percentile, 0) / 100!r})::double"


@dataclass(frozen=True)
class Figures:
    """What is asked.

    Args:
        view: ``TRACES``, ``SPANS`` or ``ASSESSMENTS``.
        metric: The metric, such as ``latency``.
        aggregations: What to make of its values.
        dimensions: What to tell apart.
        filters: Fields of the row or its trace that have to be equal to a text: the field, a key
            of it where it is a map, and the text.
        experiment_ids: Only traces of these; None for all.
        interval_s: Also tell apart stretches of so many seconds.
        start_ms: From this time on.
        end_ms: Up to this time, and including it.
        limit: At most so many points.
    """

    view: str
    metric: str
    aggregations: Sequence[Aggregation]
    dimensions: Sequence[str] = ()
    filters: Sequence[tuple[str, str | None, str]] = ()
    experiment_ids: Sequence[str] | None = None
    interval_s: int | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    limit: int = 1_000


@dataclass(frozen=True)
class Correlation:
    """How often two conditions hold, and hold together.

    Args:
        first: How many traces the first finds.
        second: How many the second finds.
        joint: How many both find.
        total: How many there are.
        npmi: From -1 (never together) to 1 (always together); NaN where one finds nothing.
        npmi_smoothed: The same, with half a trace more of each kind.
    """

    first: int
    second: int
    joint: int
    total: int
    npmi: float
    npmi_smoothed: float


class TraceMetrics:
    """Figures over the traces of one warehouse.

    Args:
        lake: Where they are stored.
        search: Finds them.
    """

    def __init__(self, lake: Lake, search: TraceSearch) -> None:
        self._lake = lake
        self._search = search

    def figures(self, asked: Figures) -> list[dict[str, Any]]:
        """The points: each with its dimensions and its values.

        Raises:
            InvalidInput: A view, metric, dimension, aggregation or filter is unknown.
        """
        view = _view(asked.view, asked.metric)
        conditions, params = _conditions(asked)
        params["limit"] = max(1, min(asked.limit, _POINTS_MAX))
        dimensions = {name: _known(view.dimensions, name, "dimension") for name in asked.dimensions}
        if asked.interval_s:
            if asked.interval_s < 0 or asked.start_ms is None or asked.end_ms is None:
                raise _bad("give start and end of the time that is cut into stretches")
            us = asked.interval_s * 1_000_000
            bucket = f"((epoch_us(moment) // {us}) * {us})"
            dimensions = {TIME_BUCKET: bucket, **dimensions}
        metric = view.metrics[asked.metric]
        if asked.metric == "session_count":
            metric = f"distinct {metric}"
        own = ["true"]
        for at, (name, value) in enumerate(_own(asked)):
            own.append(f"{_known(view.filters, name, 'filter')} = $own{at}")
            params[f"own{at}"] = value
        values = [f'{one.sql(metric)} as "value {at}"' for at, one in enumerate(asked.aggregations)]
        keys = [f'{sql} as "key {at}"' for at, sql in enumerate(dimensions.values())]
        grouped = ", ".join(f'"key {at}"' for at in range(len(keys)))
        rows = self._lake.sql(
            f"with {FOUND}, scoped as (select * from found where {conditions}) "
            f"select {', '.join([*keys, *values])} "
            f"from ({view.rows}) where {' and '.join(own)} "
            f"{f'group by {grouped} order by {grouped}' if grouped else ''} limit $limit",
            params=params,
        ).to_pylist()
        points = [_point(row, list(dimensions), asked.aggregations) for row in rows]
        return [point for point in points if point is not None]

    def correlation(
        self, experiment_ids: Sequence[str] | None, first: str, second: str, base: str | None
    ) -> Correlation:
        """How two filters go together, among the traces that a third one finds.

        Raises:
            InvalidInput: A filter is wrong.
        """
        total = self._search.ids(experiment_ids, base)
        one = self._search.ids(experiment_ids, first) & total
        two = self._search.ids(experiment_ids, second) & total
        counts = len(one), len(two), len(one & two), len(total)
        smooth = _npmi(*counts, extra=0.5)
        return Correlation(*counts, npmi=_npmi(*counts, extra=0.0), npmi_smoothed=smooth)


def _view(name: str, metric: str) -> _View:
    costs = _VIEWS["COSTS"]
    view = costs if name == "SPANS" and metric in costs.metrics else _VIEWS.get(name)
    if view is None or name == "COSTS":
        raise _bad(f"view {name!r} is unknown: use TRACES, SPANS or ASSESSMENTS")
    _known(view.metrics, metric, "metric")
    return view


def _known(names: Mapping[str, str], name: str, what: str) -> str:
    found = names.get(name)
    if found is None:
        raise _bad(f"{what} {name!r} is unknown here: use {', '.join(names) or 'none'}")
    return found


_OF_TRACES = {"status": "status", "tag": "all_tags[{}]", "metadata": "all_metadata[{}]"}


def _conditions(asked: Figures) -> tuple[str, dict[str, Any]]:
    """What must hold of the traces."""
    parts, params = ["true"], dict[str, Any]()
    if asked.experiment_ids is not None:
        parts.append("experiment_id = any($within)")
        params["within"] = list(asked.experiment_ids)
    for sign, name, ms in ((">=", "start", asked.start_ms), ("<=", "end", asked.end_ms)):
        if ms is not None:
            parts.append(f"epoch_us(started_at) // 1000 {sign} ${name}")
            params[name] = ms
    for at, (name, key, value) in enumerate(asked.filters):
        area, _, entry = name.partition(".")
        if area != "trace":
            continue
        sql = _known(_OF_TRACES, entry, "filter")
        if "{}" in sql:
            params[f"key{at}"] = key or ""
        parts.append(f"{sql.replace('{}', f'$key{at}')} = $is{at}")
        params[f"is{at}"] = value
    return " and ".join(parts), params


def _own(asked: Figures) -> list[tuple[str, str]]:
    """What must hold of the rows themselves."""
    return [
        (name.partition(".")[2], value)
        for name, _, value in asked.filters
        if not name.startswith("trace.")
    ]


def _point(
    row: Mapping[str, Any], names: Sequence[str], aggregations: Sequence[Aggregation]
) -> dict[str, Any] | None:
    dimensions = {name: row[f"key {at}"] for at, name in enumerate(names)}
    values = {one.label: row[f"value {at}"] for at, one in enumerate(aggregations)}
    known = {label: value for label, value in values.items() if value is not None}
    if not known or None in dimensions.values():
        return None
    if TIME_BUCKET in dimensions:
        moment = datetime.fromtimestamp(dimensions[TIME_BUCKET] / 1e6, UTC)
        dimensions[TIME_BUCKET] = moment.isoformat()
    return {"dimensions": {k: str(v) for k, v in dimensions.items()}, "values": known}


def _npmi(first: int, second: int, joint: int, total: int, *, extra: float) -> float:
    """Normalised pointwise mutual information of two conditions."""
    if not first or not second or not total:
        return math.nan
    if not joint and not extra:
        return -1.0
    both = joint + extra
    whole = total + 4 * extra
    one, two = first + 2 * extra, second + 2 * extra
    if both >= whole:
        return 1.0
    return max(-1.0, min(1.0, math.log(both * whole / (one * two)) / -math.log(both / whole)))


def _or(value: float | None, other: float) -> float:
    return other if value is None else float(value)


def _bad(message: str) -> InvalidInput:
    return InvalidInput(ErrorCode.INVALID_VALUE, message)
