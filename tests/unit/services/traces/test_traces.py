"""Traces: received in any order and more than once, read as one."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mere.entities.span import Span, SpanEvent, SpanLink
from mere.entities.trace import Trace
from mere.errors import InvalidInput, NotFound
from mere.lake import Lake
from mere.services.tables import TABLES
from mere.services.traces.plan import trace_patches
from mere.services.traces.span_values import VALUE_CHARS_MAX
from mere.services.traces.traces import Traces
from mere.testing.clock import ManualClock

BASE = 1_700_000_000_000_000_000
NAMES = itertools.count()


def id_of(number: int) -> str:
    return f"{number:016x}"


def trace_id(number: int = 1) -> str:
    return f"tr-{number:032x}"


def span(number: int, parent: int | None = None, *, trace: int = 1, **fields: object) -> Span:
    values: dict[str, object] = {
        "trace_id": trace_id(trace),
        "span_id": id_of(number),
        "parent_span_id": None if parent is None else id_of(parent),
        "name": f"span {number}",
        "start_ns": BASE + number * 1_000_000,
        "end_ns": BASE + number * 1_000_000 + 5_000_000,
    }
    return Span(**{**values, **fields})  # type: ignore[arg-type]


def tokens(into: int, out: int, **more: object) -> dict[str, object]:
    return {"gen_ai.usage.input_tokens": into, "gen_ai.usage.output_tokens": out, **more}


@pytest.fixture
def lake() -> Iterator[Lake]:
    with Lake.open(f"memory://traces-{next(NAMES)}", tables=TABLES, clock=ManualClock()) as opened:
        yield opened


@pytest.fixture
def traces(lake: Lake) -> Traces:
    return Traces(lake, lake.clock)


def test_a_span_comes_back_as_it_was(lake: Lake, traces: Traces) -> None:
    sent = span(
        1,
        name="größe 🦊",
        kind="SERVER",
        status="ERROR",
        status_message="why",
        attributes={
            "text": "ä\0",
            "whole": 2**62,
            "float": 1.5,
            "nan": float("inf"),
            "flag": True,
            "bytes": b"\xff\0",
            "list": [1, "a", None, {"k": 2.0}],
            "none": None,
        },
        events=[SpanEvent("e", BASE, {"b": b"x"}, 2), SpanEvent("", 0)],
        links=[SpanLink(trace_id(9), id_of(9), {"a": 1}, "s=1", 256)],
        resource={"attributes": {"service.name": "shop"}, "schema_url": "u"},
        scope={"name": "lib", "version": "1"},
        trace_state="k=v",
        flags=257,
        dropped={"events": 3},
    )
    traces.receive([sent], "0")
    assert traces.spans(trace_id()) == [sent]
    lake.fold()
    assert traces.spans(trace_id()) == [sent]


def test_batches_in_any_order_and_twice_make_the_same_trace() -> None:
    batches = [
        [span(1, attributes={"input.value": "asked", "session.id": "s"}, status="OK")],
        [span(2, 1, attributes=tokens(9, 1))],
        [span(3, 2, attributes=tokens(5, 0)), span(4, 1, attributes=tokens(1, 1))],
    ]
    seen: set[tuple[object, ...]] = set()
    for order in ((0, 1, 2, 1), (1, 2, 1, 0), (2, 0, 1, 0), (1, 0, 0, 2)):
        with Lake.open(f"memory://order-{next(NAMES)}", tables=TABLES) as lake:
            traces = Traces(lake, lake.clock)
            for at, number in enumerate(order):
                traces.receive(batches[number], "0")
                if at == 1:
                    lake.fold()
            found = traces.get(trace_id())
            seen.add((found.name, found.status, found.started_at, found.duration_ms))
            seen.add((found.total_tokens, found.session_id, found.request_preview))
            assert len(traces.spans(trace_id())) == 4
    assert seen == {
        ("span 1", "OK", datetime(2023, 11, 14, 22, 13, 20, 1000, tzinfo=UTC), 5.0),
        (12, "s", "asked"),  # span 3 repeats a part of what span 2 says
    }


def test_a_span_that_ended_goes_before_the_same_one_going_on(traces: Traces) -> None:
    traces.receive([span(1, end_ns=None)], "0")
    assert traces.get(trace_id()).status == "IN_PROGRESS"
    traces.receive([span(1)], "0")
    traces.receive([span(1, end_ns=None)], "0")
    (found,) = traces.spans(trace_id())
    assert found.end_ns is not None
    assert traces.get(trace_id()).status == "OK"


def test_a_client_s_words_go_before_the_root_span_s(traces: Traces) -> None:
    words = Trace(
        trace_id=trace_id(),
        experiment_id="0",
        status="ERROR",
        request_preview="mine",
        tags={"mlflow.traceName": "named"},
        total_tokens=99,
    )
    root = span(1, attributes={"input.value": "its"}, status="OK")
    for number, order in enumerate(([words, root], [root, words]), 1):
        for one in order:
            if isinstance(one, Trace):
                traces.declare(msgspec.structs.replace(one, trace_id=trace_id(number)))
            else:
                traces.receive([span(1, trace=number, attributes=root.attributes)], "0")
        found = traces.get(trace_id(number))
        assert (found.status, found.request_preview, found.name) == ("ERROR", "mine", "named")
        assert (found.total_tokens, found.is_recorded) == (99, True)


def test_large_values_lie_in_objects_and_come_back_whole(lake: Lake, traces: Traces) -> None:
    long = "ü" * (VALUE_CHARS_MAX + 1)
    sent = span(
        1,
        attributes={"long": long, "list": ["x" * VALUE_CHARS_MAX, float("nan")], "short": "s"},
        events=[SpanEvent("e", BASE, {"text": "y" * 30_000, "number": n}) for n in range(4)],
    )
    traces.receive([sent], "0")
    (cut,) = traces.spans(trace_id(), whole=False)
    assert cut.attributes["long"] == long[:VALUE_CHARS_MAX]
    assert cut.attributes["list"].startswith('["xxx')
    assert cut.attributes["short"] == "s"
    assert len(cut.events) == 2
    assert sorted(cut.large) == ["attributes.list", "attributes.long", "events"]
    (whole,) = traces.spans(trace_id())
    assert repr(whole) == repr(sent)
    assert len(lake.blobs.list("traces/")) == 3


def test_a_million_small_attributes_stay_within_the_bound(traces: Traces) -> None:
    values = {f"key {number}": "v" * 40 for number in range(30_000)}
    traces.receive([span(1, attributes=values)], "0")
    (cut,) = traces.spans(trace_id(), whole=False)
    assert 10_000 < len(cut.attributes) < 30_000
    assert traces.spans(trace_id())[0].attributes == values


@pytest.mark.parametrize(
    "bad",
    [
        {"trace_id": "tr-xyz"},
        {"trace_id": f"tr-{0:032x}"},
        {"span_id": "12"},
        {"span_id": "../../etc/passwd"},
        {"start_ns": -1},
        {"end_ns": 2**63},
    ],
)
def test_what_cannot_be_a_span_is_refused(traces: Traces, bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        traces.receive([span(2), span(1, None, **bad)], "0")
    assert traces.list()[0] == []


def test_searches_look_at_spans_tags_times_and_sums(traces: Traces) -> None:
    kinds = ("LLM", "TOOL")
    for number in range(1, 21):
        attributes = tokens(number, 0, **{"openinference.span.kind": kinds[number % 2]})
        start = BASE + number * 10**9
        root = span(1, trace=number, start_ns=start, end_ns=start + number * 10**6)
        traces.receive([root, span(2, 1, trace=number, attributes=attributes)], "0")

    def find(text: str | None, **more: object) -> list[int]:
        found, _ = traces.list(filter=text, experiment_ids=["0"], **more)  # type: ignore[arg-type]
        return [int(one.trace_id[3:], 16) for one in found]

    assert find(None, limit=3) == [20, 19, 18]
    assert find("span.type = 'LLM' and total_tokens <= 6") == [6, 4, 2]
    assert find("span.type = 'LLM' and span.name = 'span 1'") == []  # not of one span
    assert find("span.type = 'TOOL' or execution_time_ms = 2", order="started_at") == [
        1,
        2,
        *range(3, 21, 2),
    ]
    assert find("execution_time_ms between 3 and 4") == [4, 3]
    assert find("span.attributes.gen_ai.usage.input_tokens = 7") == [7]
    assert find("timestamp_ms > 1700000019000 and status = 'ok'") == [20]
    assert find("not (span.type = 'LLM')", limit=2) == [19, 17]
    assert find(None, order="total_tokens desc", limit=2) == [20, 19]
    found, token = traces.list(limit=15)
    rest, end = traces.list(limit=15, page_token=token)
    assert len({one.trace_id for one in [*found, *rest]}) == 20
    assert end is None
    assert traces.list(experiment_ids=["other"])[0] == []
    assert traces.list(experiment_ids=["other"], filter="span.type = 'LLM'")[0] == []


@pytest.mark.parametrize(
    "text",
    [
        "span.colour = 'red'",
        "span.attributes. = 1",
        "colour = 'red'",
        "tags.a =",
        "span.name > 1 x",
    ],
)
def test_a_wrong_filter_says_where(traces: Traces, text: str) -> None:
    with pytest.raises(InvalidInput, match="filter:"):
        traces.list(filter=text)


def test_hostile_values_in_filters_are_only_values(traces: Traces) -> None:
    key = "a\"'] b$.*"
    traces.receive([span(1, attributes={key: "it's; drop table spans--"})], "0")
    quoted = key.replace("`", "``")
    found, _ = traces.list(filter=f"span.`attributes.{quoted}` = 'it''s; drop table spans--'")
    assert len(found) == 1


def test_sums_and_sessions_add_up(traces: Traces) -> None:
    for number in range(1, 5):
        said = {"session.id": f"s{number % 2}", "input.value": f"question {number}"}
        used = tokens(number, 1, **{"llm.cost.total": 0.25})
        traces.receive(
            [
                span(1, trace=number, attributes=said, status="ERROR" if number == 4 else "OK"),
                span(2, 1, trace=number, attributes=used),
            ],
            "0",
        )
    sums = traces.search.sums(facets=["status"])
    assert (sums["traces"], sums["errors"], sums["sessions"]) == (4, 1, 2)
    assert (sums["input_tokens"], sums["total_tokens"], sums["cost"]) == (10, 14, 1.0)
    assert sums["facets"]["status"] == [
        {"value": "OK", "traces": 3},
        {"value": "ERROR", "traces": 1},
    ]
    assert sums["duration_ms"]["p50"] == 5.0
    sessions = traces.search.sessions()
    assert {one["session_id"]: one["total_tokens"] for one in sessions} == {"s0": 8, "s1": 6}
    assert traces.search.sums(filter="span.type = 'LLM'")["traces"] == 0
    with pytest.raises(InvalidInput, match="facets"):
        traces.search.sums(facets=["x; drop"])


def test_deleted_traces_do_not_come_back_with_late_spans(lake: Lake, traces: Traces) -> None:
    for number in (1, 2, 3):
        traces.receive([span(1, trace=number, attributes={"long": "x" * 70_000})], "0")
    assert traces.delete("other", trace_ids=[trace_id(1)]) == 0
    assert traces.delete("0", trace_ids=[trace_id(1), "tr-none"]) == 1
    traces.receive([span(2, 1)], "0")
    assert [one.trace_id for one in traces.list()[0]] == [trace_id(2), trace_id(3)]
    with pytest.raises(NotFound):
        traces.get(trace_id(1))
    assert traces.delete("0", until_us=2**52, limit=1) == 1
    assert [one.trace_id for one in traces.list()[0]] == [trace_id(3)]
    assert traces.purge() == 2
    assert set(lake.scan("spans")["trace_id"].to_pylist()) == {trace_id(3)}
    assert len(lake.blobs.list("traces/")) == 1
    assert lake.scan("traces").num_rows == 1
    assert traces.purge() == 0


def test_links_and_tags(traces: Traces) -> None:
    run = "a" * 32
    traces.receive([span(1)], "0")
    traces.link_to_run([trace_id(), "tr-none"], run)
    assert traces.get(trace_id()).linked_to == [run]
    assert len(traces.list(filter=f"run_id = '{run}'")[0]) == 1
    traces.set_tags(trace_id(), {"k": "v", "gone": "x"})
    traces.set_tags(trace_id(), {"gone": None})
    assert traces.get(trace_id()).tags == {"k": "v"}
    with pytest.raises(NotFound):
        traces.set_tags("tr-none", {"k": "v"})
    with pytest.raises(InvalidInput):
        traces.set_tags(trace_id(), {"k": "x" * 9_000})


def test_sending_spans_reads_nothing(lake: Lake, traces: Traces) -> None:
    plan = traces.plan_spans([span(1), span(2, 1)], "0")
    assert (plan.payloads, plan.batch.records) == ({}, 3)
    assert not traces.has_received(trace_id())
    traces.store(plan)
    assert traces.has_received(trace_id())
    assert traces.is_recorded(trace_id())


def test_a_trace_of_many_levels_is_planned_in_one_pass() -> None:
    # Each call of a model hangs at the end of a long chain that says nothing.
    depth, calls = 20_000, 2_000
    spans = [span(n, n - 1 if n > 1 else None) for n in range(1, depth + 1)]
    spans += [span(depth + n, depth, attributes=tokens(1, 1)) for n in range(1, calls + 1)]
    random.Random(1).shuffle(spans)
    (patch,) = trace_patches(spans, "0")
    assert len(patch["usage"]) == calls
    assert {entry["above"] for entry in patch["usage"].values()} == {None}


def test_spans_that_claim_to_be_above_each_other_end() -> None:
    ring = [span(1, 2), span(2, 3), span(3, 1, attributes=tokens(1, 1)), span(4, 1)]
    ring.append(span(5, 4, attributes=tokens(2, 2)))
    (patch,) = trace_patches(ring, "0")
    assert patch["usage"][id_of(5)]["above"] == id_of(3)


@given(st.lists(st.tuples(st.integers(0, 11), st.booleans()), min_size=1, max_size=12), st.data())
def test_tokens_count_once_however_batches_fall(
    shape: list[tuple[int, bool]], data: st.DataObject
) -> None:
    """Where whoever repeats tokens is sent together with what is below, nothing counts twice."""
    spans = []
    for number, (parent, says) in enumerate(shape, 1):
        above = parent % number or None
        spans.append(span(number, above, attributes=tokens(number, 0) if says else {}))
    saying = {one.span_id: one for one in spans if one.attributes}
    parents = {one.span_id: one.parent_span_id for one in spans}

    def is_repeated(one: Span) -> bool:
        above = one.parent_span_id
        while above is not None:
            if above in saying:
                return True
            above = parents[above]
        return False

    expected = sum(int(one.span_id, 16) for one in spans if one.attributes and not is_repeated(one))
    (patch,) = trace_patches(data.draw(st.permutations(spans)), "0")
    usage = patch.get("usage", {})
    counted = sum(entry["input_tokens"] for entry in usage.values() if entry["above"] not in usage)
    assert counted == expected
