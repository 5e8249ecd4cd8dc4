"""Figures over traces in MLflow's protocol, as its overview charts ask for them."""

from __future__ import annotations

import re
from typing import Any

from msgspec import field

from mere.server.operations import Call, Operation, Permission
from mere.server.protocols.mlflow.errors import invalid, missing
from mere.server.protocols.mlflow.traces import all_of, experiments_of
from mere.server.protocols.mlflow.wire import Int64, Request, double, message, operation
from mere.services.access.access import Action
from mere.services.traces.metrics import Aggregation, Figures

__all__ = ["OPERATIONS"]

_FILTER = re.compile(
    r"""(trace|span|assessment)\.(\w+)(?:\.(?:`([^`]*)`|"([^"]*)"|([^\s=`"']+)))?"""
    r"""\s*=\s*(?:'([^']*)'|"([^"]*)")"""
)
_KINDS = ("COUNT", "SUM", "AVG", "PERCENTILE", "MIN", "MAX")
_VIEWS = ("TRACES", "SPANS", "ASSESSMENTS")
_READ = Permission(Action.READ, scope=lambda call: all_of(call.data.experiment_ids))


class QueryMetrics(Request):
    """Which figures."""

    required = ("metric_name",)
    experiment_ids: list[str] = field(default_factory=list)
    view_type: str = ""
    metric_name: str = ""
    aggregations: list[dict[str, Any]] = field(default_factory=list)
    dimensions: list[str] = field(default_factory=list)
    filters: list[str] = field(default_factory=list)
    time_interval_seconds: Int64 | None = None
    start_time_ms: Int64 | None = None
    end_time_ms: Int64 | None = None
    max_results: Int64 = 1_000
    page_token: str = ""


def _named(value: Any, words: tuple[str, ...]) -> str:
    """A value of an enum, by name or by its number, which counts from 1."""
    text = str(value)
    return words[int(text) - 1] if text.isdigit() and 1 <= int(text) <= len(words) else text


def _filter(text: str) -> tuple[str, str | None, str]:
    part = _FILTER.fullmatch(text.strip())
    if part is None:
        raise invalid(
            f"filter {text[:200]!r} is none: ask such as trace.status = 'OK', "
            "trace.tag.`key` = 'value' or span.type = 'LLM'"
        )
    area, name, quoted, doubled, bare, single, double_quoted = part.groups()
    key = next((one for one in (quoted, doubled, bare) if one is not None), None)
    return f"{area}.{name}", key, single if single is not None else double_quoted


@operation("POST", "/*/3.0/mlflow/traces/metrics", permission=_READ, request=QueryMetrics)
def query_metrics(call: Call) -> dict[str, Any]:
    """Figures over traces, spans or assessments, by time and by kind."""
    data: QueryMetrics = call.data
    if not data.experiment_ids:
        raise missing("experiment_ids")
    if not data.aggregations:
        raise missing("aggregations")
    asked = Figures(
        view=_named(data.view_type, _VIEWS),
        metric=data.metric_name,
        aggregations=[
            Aggregation(_named(one.get("aggregation_type"), _KINDS), _percentile(one))
            for one in data.aggregations
        ],
        dimensions=data.dimensions,
        filters=[_filter(text) for text in data.filters],
        experiment_ids=experiments_of(call, data.experiment_ids),
        interval_s=data.time_interval_seconds,
        start_ms=data.start_time_ms,
        end_ms=data.end_time_ms,
        limit=data.max_results,
    )
    points = call.warehouse.traces.metrics.figures(asked)
    return message(
        data_points=[
            message(
                metric_name=data.metric_name,
                dimensions=point["dimensions"],
                values={name: double(value) for name, value in point["values"].items()},
            )
            for point in points
        ]
    )


def _percentile(said: dict[str, Any]) -> float | None:
    value = said.get("percentile_value")
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError) as error:
        raise invalid(f"percentile {value!r} is no number") from error


class Correlate(Request):
    """Two filters, and a third that says among which traces."""

    required = ("filter_string1", "filter_string2")
    experiment_ids: list[str] = field(default_factory=list)
    filter_string1: str = ""
    filter_string2: str = ""
    base_filter: str = ""


@operation(
    "POST",
    "/*/3.0/mlflow/traces/calculate-filter-correlation",
    permission=_READ,
    request=Correlate,
)
def correlate_filters(call: Call) -> dict[str, Any]:
    """How two filters go together."""
    data: Correlate = call.data
    if not data.experiment_ids:
        raise missing("experiment_ids")
    found = call.warehouse.traces.metrics.correlation(
        experiments_of(call, data.experiment_ids),
        data.filter_string1,
        data.filter_string2,
        data.base_filter or None,
    )
    return message(
        npmi=double(found.npmi),
        npmi_smoothed=double(found.npmi_smoothed),
        filter1_count=found.first,
        filter2_count=found.second,
        joint_count=found.joint,
        total_count=found.total,
    )


OPERATIONS: tuple[Operation, ...] = (query_metrics, correlate_filters)
