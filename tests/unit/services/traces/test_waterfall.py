"""The spans of one trace: columns of all of them, one whole, a text in them, a log."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from mere.entities.span import Span, SpanEvent
from mere.errors import InvalidInput, NotFound
from mere.lake import Lake
from mere.services.tables import TABLES
from mere.services.traces.span_values import VALUE_CHARS_MAX
from mere.services.traces.traces import Traces
from mere.services.traces.waterfall import Waterfall
from mere.testing.clock import ManualClock
from tests.portal.made_traces import deep_trace, odd_trace, trace_id_of

BASE = 1_700_000_000_000_000_000
NAMES = itertools.count()
TRACE = trace_id_of(1)


def id_of(number: int) -> str:
    return f"{number:016x}"


def span(number: int, parent: int | None = None, **fields: Any) -> Span:
    values: dict[str, Any] = {
        "trace_id": TRACE,
        "span_id": id_of(number),
        "parent_span_id": None if parent is None else id_of(parent),
        "name": f"span {number}",
        "start_ns": BASE + number * 1_000_000,
        "end_ns": BASE + number * 1_000_000 + 5_000_000,
    }
    return Span(**{**values, **fields})


@pytest.fixture
def lake() -> Iterator[Lake]:
    with Lake.open(f"memory://fall-{next(NAMES)}", tables=TABLES, clock=ManualClock()) as opened:
        yield opened


@pytest.fixture
def traces(lake: Lake) -> Traces:
    return Traces(lake, lake.clock)


@pytest.fixture
def waterfall(traces: Traces) -> Waterfall:
    return traces.waterfall


def test_columns_hold_what_is_drawn(traces: Traces, waterfall: Waterfall) -> None:
    call = span(
        2,
        1,
        kind="CLIENT",
        attributes={
            "openinference.span.kind": "llm",
            "gen_ai.request.model": "large",
            "gen_ai.usage.input_tokens": 3,
            "gen_ai.usage.cost": 0.5,
        },
        events=[SpanEvent("retry", BASE)],
    )
    traces.receive([call], "0")  # before what is above it
    traces.receive([span(1, status="ERROR"), span(3, 2, end_ns=None)], "0")
    found = waterfall.columns(TRACE)
    assert (found.base_ns, found.total) == (BASE + 1_000_000, 3)
    root, second, third = found.rows.to_pylist()
    assert root["parent"] == -1
    assert root["status"] == "ERROR"
    assert (second["parent"], second["type"], second["model"]) == (0, "LLM", "large")
    assert (second["tokens"], second["cost"], second["events"]) == (3, 0.5, 1)
    assert (second["start_ms"], second["duration_ms"]) == (1.0, 5.0)
    assert (third["parent"], third["duration_ms"], third["tokens"]) == (1, None, None)


def test_a_span_that_was_sent_twice_is_there_once(traces: Traces, waterfall: Waterfall) -> None:
    traces.receive([span(1, end_ns=None)], "0")
    traces.receive([span(1)], "0")
    traces.receive([span(1, end_ns=None)], "0")
    assert waterfall.columns(TRACE).rows["duration_ms"].to_pylist() == [5.0]


def test_odd_shapes_are_all_there(traces: Traces, waterfall: Waterfall) -> None:
    traces.receive(odd_trace(1, BASE), "0")
    rows = {one["span_id"]: one for one in waterfall.columns(TRACE).rows.to_pylist()}
    assert len(rows) == 11
    assert [rows[id_of(n)]["is_orphan"] for n in (1, 2, 6, 7)] == [False, False, True, False]
    assert rows[id_of(3)]["start_ms"] == 0.0
    assert rows[id_of(11)]["duration_ms"] == -60.0
    assert min(rows[id_of(n)]["parent"] for n in (8, 9)) >= 0  # each above the other


def test_a_deep_trace_and_one_without_times(traces: Traces, waterfall: Waterfall) -> None:
    traces.receive(deep_trace(1, BASE), "0")
    parents = waterfall.columns(TRACE).rows["parent"].to_pylist()
    assert parents == list(range(-1, 299))
    other = trace_id_of(2)
    traces.receive([span(1, trace_id=other, start_ns=0, end_ns=None)], "0")
    found = waterfall.columns(other)
    assert (found.base_ns, found.rows["start_ms"].to_pylist()) == (0, [None])
    assert waterfall.columns(trace_id_of(3)).rows.num_rows == 0


def test_one_span_whole(traces: Traces, waterfall: Waterfall) -> None:
    text = "x" * (VALUE_CHARS_MAX + 10)
    traces.receive([span(1, attributes={"long": text})], "0")
    assert len(waterfall.span(TRACE, id_of(1)).attributes["long"]) < len(text)
    assert waterfall.span(TRACE, id_of(1), whole=True).attributes["long"] == text
    with pytest.raises(NotFound, match="has no span"):
        waterfall.span(TRACE, id_of(2))


def test_texts_are_found_in_names_values_and_events(traces: Traces, waterfall: Waterfall) -> None:
    traces.receive(
        [
            span(1, name="Größe"),
            span(2, 1, attributes={"input.value": '{"order": 17}'}),
            span(3, 1, events=[SpanEvent("exception", BASE, {"exception.message": "no luck"})]),
            span(4, 1, status="ERROR", status_message="out of 100% luck"),
        ],
        "0",
    )

    def found(text: str) -> list[int]:
        return [int(one, 16) for one in waterfall.find(TRACE, text).spans]

    assert found("größe") == [1]
    assert found('"order": 17') == [2]
    assert found("LUCK") == [3, 4]
    assert found("100%") == [4]
    assert found("o%t") == found("time_ns") == []
    assert waterfall.find(TRACE, "span").total == 3
    for text in ("", "x" * 2_000):
        with pytest.raises(InvalidInput, match="look for 1 to"):
            waterfall.find(TRACE, text)


def test_a_log_has_the_order_of_the_columns(traces: Traces, waterfall: Waterfall) -> None:
    asked = {"input.value": "why? " * 500, "output.value": "so"}
    event = SpanEvent("exception", BASE, {"exception.type": "ValueError"})
    traces.receive([span(2, 1), span(1, attributes=asked, events=[event]), span(3, 1)], "0")
    page = waterfall.log(TRACE, limit=2)
    assert page.total == 3
    assert [one.span_id for one in page.spans] == [id_of(1), id_of(2)]
    first = page.spans[0]
    assert first.input is not None
    assert len(first.input) < 700
    assert (first.output, first.events) == ("so", ["exception: ValueError"])
    assert [one.name for one in waterfall.log(TRACE, offset=2).spans] == ["span 3"]
    assert waterfall.log(TRACE, offset=3).spans == []
    with pytest.raises(InvalidInput, match="ask for 0 to 200"):
        waterfall.log(TRACE, limit=201)
