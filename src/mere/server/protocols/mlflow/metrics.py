"""Histories of metrics: whole, in pages, of many runs at once, and thinned out for charts.

Points go from Arrow columns to JSON text without becoming Python objects: a long history has a
million of them.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from mere.server.operations import Answer, Call, Permission
from mere.server.protocols.mlflow.errors import invalid
from mere.server.protocols.mlflow.validation import check_max_results
from mere.server.protocols.mlflow.wire import Int64, Request, on_run, operation
from mere.services.access.access import Action, Scope
from mere.services.runs.histories import BY_STEP, in_order
from mere.services.warehouse import Warehouse

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["OPERATIONS", "points_json", "sampled_points", "thinned"]

_BULK_POINTS_MAX = 25_000
_BULK_RUNS_MAX = 100
_SAMPLED_RUNS_MAX = 100
_SAMPLED_POINTS_MAX = 2_500


class _History(Request):
    required = ("run_id", "metric_key")
    run_id: str = ""
    run_uuid: str = ""
    metric_key: str = ""
    page_token: str = ""
    max_results: Int64 | None = None


class _Bulk(Request):
    run_id: tuple[str, ...] = ()
    metric_key: str | None = None
    max_results: Int64 = _BULK_POINTS_MAX


class _Interval(Request):
    run_ids: tuple[str, ...] = ()
    metric_key: str = ""
    start_step: Int64 | None = None
    end_step: Int64 | None = None
    max_results: Int64 = _SAMPLED_POINTS_MAX


def _on_runs(field: str) -> Permission:
    """To read each of the runs that a field lists."""
    return Permission(
        Action.READ,
        scope=lambda call: (
            Scope.all_of(*(Scope.run(one) for one in getattr(call.data, field)))
            if getattr(call.data, field)
            else Scope.warehouse()
        ),
    )


@operation(
    "GET", "/*/2.0/mlflow/metrics/get-history", permission=on_run(Action.READ), request=_History
)
def get_history(call: Call) -> Answer:
    """Get all points of a metric of a run, or a page of them."""
    data: _History = call.data
    if data.max_results is not None and data.max_results <= 0:
        check_max_results(data.max_results)
    offset = _read_token(data.page_token)
    found = call.warehouse.metrics.histories.of([data.run_id], data.metric_key)
    points = found.get(data.run_id)
    if points is None:
        return Answer(b"{}")
    count = points.num_rows - offset if data.max_results is None else data.max_results
    page = points.slice(offset, max(0, count))
    after = offset + page.num_rows
    token = _write_token(after) if after < points.num_rows else None
    return Answer(_answer([points_json(page, data.metric_key)], token))


@operation(
    "GET",
    "/*/2.0/mlflow/metrics/get-history-bulk",
    permission=_on_runs("run_id"),
    request=_Bulk,
    forms="ajax",
)
def get_history_bulk(call: Call) -> Answer:
    """Get the points of a metric of some runs, each run's by time."""
    data: _Bulk = call.data
    if not data.run_id:
        raise invalid("GetMetricHistoryBulk request must specify at least one run_id.")
    if len(data.run_id) > _BULK_RUNS_MAX:
        raise invalid(
            f"GetMetricHistoryBulk request cannot specify more than {_BULK_RUNS_MAX} run_ids. "
            f"Received {len(data.run_id)} run_ids."
        )
    if data.metric_key is None:
        raise invalid("GetMetricHistoryBulk request must specify a metric_key.")
    left = min(max(0, data.max_results), _BULK_POINTS_MAX)
    parts = []
    found = call.warehouse.metrics.histories.of(sorted(set(data.run_id)), data.metric_key)
    for run_id, points in found.items():
        page = points.slice(0, left)
        left -= page.num_rows
        parts.append(points_json(page, data.metric_key, run_id))
    # The web page expects the list, even where it is empty.
    return Answer(_answer(parts, None, is_list_kept=True))


@operation(
    "GET",
    "/*/2.0/mlflow/metrics/get-history-bulk-interval",
    permission=_on_runs("run_ids"),
    request=_Interval,
)
def get_history_bulk_interval(call: Call) -> Answer:
    """Get evenly spread points of a metric of some runs, for a chart."""
    data: _Interval = call.data
    found = _sampled(call.warehouse, data)
    return Answer(
        _answer((points_json(one, data.metric_key, run_id) for run_id, one in found.items()), None)
    )


def sampled_points(warehouse: Warehouse, given: Mapping[str, Any]) -> dict[str, pa.Table]:
    """Evenly spread points of a metric by run, as `get_history_bulk_interval` is asked for them.

    Raises:
        InvalidInput: A field is missing or does not fit.
    """
    asked = {name: value for name, value in given.items() if value is not None}
    try:
        return _sampled(warehouse, msgspec.convert(asked, _Interval, strict=False))
    except msgspec.ValidationError as error:
        raise invalid(f"the request does not fit: {error}") from error


def _sampled(warehouse: Warehouse, data: _Interval) -> dict[str, pa.Table]:
    _check_interval(data)
    return {
        run_id: thinned(points, data.max_results, data.start_step, data.end_step)
        for run_id, points in warehouse.metrics.histories.of(data.run_ids, data.metric_key).items()
    }


def _check_interval(data: _Interval) -> None:
    hint = "See the API docs for more information about request parameters."
    if not data.run_ids:
        raise invalid(f"Missing value for required parameter 'run_ids'. {hint}")
    if len(data.run_ids) > _SAMPLED_RUNS_MAX:
        raise invalid(
            f"GetMetricHistoryBulkInterval request must specify at most {_SAMPLED_RUNS_MAX} "
            f"run_ids. Received {len(data.run_ids)} run_ids. {hint}"
        )
    if not data.metric_key:
        raise invalid(f"Missing value for required parameter 'metric_key'. {hint}")
    if not 1 <= data.max_results <= _SAMPLED_POINTS_MAX:
        raise invalid(f"max_results must be between 1 and {_SAMPLED_POINTS_MAX}. {hint}")
    if (data.start_step is None) != (data.end_step is None):
        raise invalid("If either start step or end step are specified, both must be specified.")
    if (data.start_step or 0) > (data.end_step or 0):
        raise invalid(
            "end_step must be greater than start_step. Found "
            f"start_step={data.start_step} and end_step={data.end_step}."
        )


def thinned(
    points: pa.Table, wanted: int, start_step: int | None = None, end_step: int | None = None
) -> pa.Table:
    """At most so many points by step, evenly spread over those there are, with the last one.

    The points are dealt into so many stretches of equal length, and the first one of each is
    taken.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if start_step is not None and end_step is not None:
        steps = points["step"]
        points = points.filter(
            pc.and_(pc.greater_equal(steps, start_step), pc.less_equal(steps, end_step))
        )
    points = in_order(points, BY_STEP)
    count = points.num_rows
    if count <= wanted:
        return points
    short, longer = divmod(count, wanted)
    places = [i * short + min(i, longer) for i in range(wanted)]
    # A single point is the last one; else the first stands at the beginning.
    places[-1] = count - 1
    return points.take(pa.array(places))


def points_json(points: pa.Table, key: str, run_id: str | None = None) -> bytes:
    """Points as a list's items in JSON, without the brackets."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not points.num_rows:
        return b""
    text = pa.string()
    points = points.combine_chunks()
    value = points["value"]
    shown = pc.cast(value, text)
    shown = pc.if_else(pc.is_nan(value), '"NaN"', shown)
    odd = pc.if_else(pc.greater(value, 0.0), '"Infinity"', '"-Infinity"')
    shown = pc.if_else(pc.is_inf(value), odd, shown)
    times = pc.cast(pc.divide(pc.cast(points["timestamp"], pa.int64()), 1000), text)
    head = '{"key":' + msgspec.json.encode(key).decode() + ',"value":'
    tail = "}" if run_id is None else ',"run_id":' + msgspec.json.encode(run_id).decode() + "}"
    rows = pc.binary_join_element_wise(
        head, shown, ',"timestamp":', times, ',"step":', pc.cast(points["step"], text), tail, ""
    )
    return ",".join(rows.to_pylist()).encode()


def _answer(parts: Iterable[bytes], token: str | None, *, is_list_kept: bool = False) -> bytes:
    points = b",".join(part for part in parts if part)
    fields = []
    if points or is_list_kept:
        fields.append(b'"metrics":[' + points + b"]")
    if token is not None:
        fields.append(b'"next_page_token":' + msgspec.json.encode(token))
    return b"{" + b",".join(fields) + b"}"


def _write_token(offset: int) -> str:
    return base64.b64encode(msgspec.json.encode({"offset": offset})).decode()


def _read_token(token: str) -> int:
    if not token:
        return 0
    try:
        given: Any = msgspec.json.decode(base64.b64decode(token, validate=True))
        offset = given["offset"]
    except (binascii.Error, ValueError, TypeError, KeyError) as error:
        raise invalid("Invalid page token, could not base64-decode") from error
    if type(offset) is not int or not 0 <= offset < 2**62:
        raise invalid("Invalid page token, could not base64-decode")
    return offset


OPERATIONS = (get_history, get_history_bulk, get_history_bulk_interval)
