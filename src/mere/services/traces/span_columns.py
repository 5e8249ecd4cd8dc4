"""The spans of one trace as columns: each once, the earliest first, with the row of the one above.

Tens of thousands of spans are put in order as Arrow: to have the database do it, with windows and
joins over whole rows, takes longer than to read them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["SPANS_MAX", "WaterfallColumns", "placed"]

SPANS_MAX = 250_000
_FEW = 127
"""So many texts have numbers of one byte."""


class WaterfallColumns:
    """The columns of a trace's spans.

    Args:
        rows: One row a span, earliest first: ``span_id``, ``parent`` (the row of the span above,
            or -1), ``is_orphan`` (the span above never came), ``name``, ``kind``, ``type``,
            ``status``, ``start_ms`` (since the trace's first), ``duration_ms``, ``model``,
            ``tokens``, ``cost``, ``events``.
        base_ns: When the first span began, in nanoseconds since the epoch.
        total: How many spans the trace has; rows are those of the first `SPANS_MAX`.
    """

    __slots__ = ("base_ns", "rows", "total")

    def __init__(self, rows: pa.Table, base_ns: int, total: int) -> None:
        self.rows = rows
        self.base_ns = base_ns
        self.total = total


def placed(spans: pa.Table, used: pa.Table, most: int = SPANS_MAX) -> WaterfallColumns:
    """The columns of a trace from what came of its spans; a span may have come several times.

    Args:
        spans: A row for each time that a span came.
        used: What spans used, by ``span_id``.
        most: At most so many rows.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    spans = _in_order(spans)
    start, ids = spans["start_ns"], spans["span_id"]
    is_timed = pc.greater(start, 0)
    base_ns = pc.min(start.filter(is_timed)).as_py()
    total = spans.num_rows
    above = pc.index_in(spans["parent_span_id"], ids, skip_nulls=True)
    of = pc.index_in(ids, used["span_id"])
    begun = pc.if_else(is_timed, pc.subtract(start, base_ns or 0), None)
    columns = {
        "span_id": ids,
        "parent": pc.fill_null(above, -1),
        "is_orphan": pc.and_(pc.is_valid(spans["parent_span_id"]), pc.is_null(above)),
        **{name: spans[name] for name in ("name", "kind", "type", "status")},
        "start_ms": pc.divide(begun.cast("double", safe=False), 1e6),
        "duration_ms": pc.divide(
            pc.subtract(spans["end_ns"], start).cast("double", safe=False), 1e6
        ),
        "model": pc.coalesce(used["model"].take(of), spans["model"]),
        "tokens": used["tokens"].take(of),
        "cost": used["cost"].take(of),
        "events": spans["events"],
    }
    return WaterfallColumns(_encoded(pa.table(columns).slice(0, most)), base_ns or 0, total)


def _in_order(spans: pa.Table) -> pa.Table:
    """Each span once, as it came when it had ended, or last; the earliest first."""
    import numpy as np
    import pyarrow.compute as pc

    def ordered(table: pa.Table, *by: tuple[str, str]) -> pa.Table:
        return table.take(pc.sort_indices(table, sort_keys=by))

    if spans.num_rows != pc.count_distinct(spans["span_id"]).as_py():
        is_open = pc.is_null(spans["end_ns"])
        spans = ordered(
            spans.append_column("is_open", is_open),
            ("span_id", "ascending"),
            ("is_open", "ascending"),
            ("received_at", "descending"),
        )
        ids = spans["span_id"].to_numpy()
        spans = spans.filter(np.concatenate([[True], ids[1:] != ids[:-1]]))
    is_below = pc.is_valid(spans["parent_span_id"])
    return ordered(
        spans.append_column("is_below", is_below),
        ("start_ns", "ascending"),
        ("is_below", "ascending"),
        ("span_id", "ascending"),
    )


def _encoded(
    rows: pa.Table, names: Sequence[str] = ("name", "kind", "type", "status", "model")
) -> pa.Table:
    """The rows with each different text once, as most texts are there many times."""
    import pyarrow as pa

    for name in names:
        place = rows.schema.get_field_index(name)
        texts = rows[name].combine_chunks().dictionary_encode()
        if len(texts.dictionary) <= _FEW:
            texts = texts.cast(pa.dictionary(pa.int8(), pa.string()))
        rows = rows.set_column(place, name, texts)
    return rows
