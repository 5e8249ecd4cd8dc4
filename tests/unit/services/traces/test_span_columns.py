"""Spans in order as columns: whatever came, however often, the rule is that of plain Python."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from mere.services.traces.span_columns import placed

IDS = st.sampled_from("abcdef")
NS = st.integers(1_000, 1_004)
SPAN = st.fixed_dictionaries(
    {
        "span_id": IDS,
        "parent_span_id": st.one_of(st.none(), IDS),
        "name": st.sampled_from(["fetch", "plan"]),
        "kind": st.sampled_from([None, "CLIENT"]),
        "start_ns": st.one_of(st.sampled_from([0, -5]), NS),
        "end_ns": st.one_of(st.none(), NS),
        "status": st.just("OK"),
        "type": st.sampled_from([None, "TOOL"]),
        "model": st.sampled_from([None, "said"]),
        "events": st.integers(0, 2),
    }
)
USED = st.fixed_dictionaries(
    {
        "model": st.sampled_from([None, "used"]),
        "tokens": st.one_of(st.none(), st.just(7.0)),
        "cost": st.one_of(st.none(), st.just(0.25)),
    }
)
SPANS = pa.schema(
    [(name, pa.string()) for name in ("span_id", "parent_span_id", "name", "kind")]
    + [("start_ns", pa.int64()), ("end_ns", pa.int64()), ("received_at", pa.int64())]
    + [(name, pa.string()) for name in ("status", "type", "model")]
    + [("events", pa.int32())]
)
OF_USED = pa.schema(
    [("span_id", pa.string()), ("model", pa.string())]
    + [(name, pa.float64()) for name in ("tokens", "cost")]
)


def by_hand(spans, used):
    by_rank = sorted(spans, key=lambda one: (one["end_ns"] is not None, one["received_at"]))
    order = sorted(
        {span["span_id"]: span for span in by_rank}.values(),  # the last of each counts
        key=lambda one: (one["start_ns"], one["parent_span_id"] is not None, one["span_id"]),
    )
    place = {span["span_id"]: at for at, span in enumerate(order)}
    base = min((one["start_ns"] for one in order if one["start_ns"] > 0), default=None)
    rows = []
    for span in order:
        start, end, over = span["start_ns"], span["end_ns"], span["parent_span_id"]
        known = used.get(span["span_id"], {"model": None, "tokens": None, "cost": None})
        rows.append(
            {
                "span_id": span["span_id"],
                "parent": place.get(over, -1),
                "is_orphan": over is not None and over not in place,
                "name": span["name"],
                "kind": span["kind"],
                "type": span["type"],
                "status": span["status"],
                "start_ms": (start - base) / 1e6 if start > 0 else None,
                "duration_ms": None if end is None else (end - start) / 1e6,
                "model": known["model"] or span["model"],
                "tokens": known["tokens"],
                "cost": known["cost"],
                "events": span["events"],
            }
        )
    return rows, base or 0


@given(spans=st.lists(SPAN, max_size=9), used=st.dictionaries(IDS, USED, max_size=3))
def test_each_span_is_there_once_at_its_place(spans, used):
    spans = [{**span, "received_at": at} for at, span in enumerate(spans)]
    found = placed(
        pa.Table.from_pylist(spans, SPANS),
        pa.Table.from_pylist([{"span_id": key, **one} for key, one in used.items()], OF_USED),
    )
    rows, base = by_hand(spans, used)
    assert found.rows.to_pylist() == rows
    assert (found.base_ns, found.total) == (base, len(rows))


def test_of_too_many_spans_the_first_ones_are_sent_and_all_are_counted():
    spans = [
        {"span_id": f"{n:03}", "name": f"n{n}", "start_ns": n + 1, "events": 0} for n in range(300)
    ]
    found = placed(pa.Table.from_pylist(spans, SPANS), OF_USED.empty_table(), most=200)
    assert found.total == 300
    assert found.rows["name"].to_pylist() == [f"n{n}" for n in range(200)]
    assert found.rows.schema.field("kind").type.index_type == pa.int8()
