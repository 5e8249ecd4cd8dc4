"""Suggestions for filters of traces: their fields, their spans, and what is said of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mere.entities.assessment import Assessment
from mere.entities.span import Span
from mere.services.warehouse import Warehouse, close_warehouses, open_warehouse

HOSTILE = "it's `odd`"


def spans(number: int) -> list[Span]:
    start = 1_700_000_000_000_000_000 + number * 1_000_000_000
    trace = f"tr-{number:032x}"
    root = Span(
        trace_id=trace,
        span_id=f"{1:016x}",
        name="ask" if number < 4 else HOSTILE,
        start_ns=start,
        end_ns=start + 1,
        status="ERROR" if number == 1 else "OK",
        attributes={"session.id": f"s{number % 2}", "top k": 3},
    )
    call = Span(
        trace_id=trace,
        span_id=f"{2:016x}",
        parent_span_id=f"{1:016x}",
        name="call",
        start_ns=start,
        end_ns=start + 1,
        attributes={"openinference.span.kind": "LLM"},
    )
    return [root, call]


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Iterator[Warehouse]:
    one = open_warehouse(str(tmp_path_factory.mktemp("lake")))
    for number in range(1, 6):
        one.traces.receive(spans(number), str(1 + number % 2))
        one.traces.set_tags(f"tr-{number:032x}", {"my tag": f"v{number % 2}"})
        said = Assessment(trace_id=f"tr-{number:032x}", name="helpful", value=number > 2)
        one.assessments.create(said)
    said = Assessment(trace_id=f"tr-{2:032x}", name="answer", value="42", kind="expectation")
    one.assessments.create(said)
    yield one
    close_warehouses()


def texts(house: Warehouse, text: str, experiments: list[str] | None = None) -> list[str]:
    page = house.suggestions.read(text, None, experiments, "traces")
    return [item.text for item in page.items]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("stat", ["status"]),
        ("sp", ["span."]),
        ("feed", ["feedback."]),
        ("span.", ["span.name", "span.type", "span.status"]),
        ("span.attributes.to", ["span.attributes.`top k`"]),
        ("span.attr", ["span.attributes."]),
        ("feedback.", ["feedback.helpful"]),
        ("expectation.a", ["expectation.answer"]),
        ("run.", ["run.run_id", "run.id"]),
        ("tags.my", ["tags.`my tag`"]),
        ("tags.`my tag` = ", ["'v1'", "'v0'"]),
        ("status = ", ["'OK'", "'ERROR'"]),
        ("name = 'it", ["'it''s `odd`'"]),
        ("name in ('ask', ", ["'ask'", "'it''s `odd`'"]),
        ("session_id = ", ["'s1'", "'s0'"]),
        ("span.type = 'L", ["'LLM'"]),
        ("span.name = 'c", ["'call'"]),
        ("feedback.helpful = ", ["'true'", "'false'"]),
        ("span.attributes.`top k` ", ["="]),
        ("duration > 2s ", ["AND", "OR"]),
        ("started_at > ", ["now() - 1h"]),
        ("duration > ", []),
        ("prompt.prompt = ", []),
    ],
)
def test_what_may_stand_at_the_cursor(house, text, expected):
    found = texts(house, text)
    assert found[: len(expected)] == expected
    assert expected or not found


def test_it_tells_of_how_many_traces_and_of_none_that_may_not_be_read(house):
    page = house.suggestions.read("tags.", None, ["1"], "traces")
    counts = {item.text: item.runs for item in page.items}
    assert counts["tags.`my tag`"] == 2
    assert texts(house, "feedback.helpful = ", []) == []
    assert texts(house, "span.name = ", []) == []
    assert texts(house, "span.attributes.", []) == []
    assert texts(house, "expectation.", ["2"]) == []
    assert texts(house, "expectation.", ["1"]) == ["expectation.answer"]
    assert texts(house, "tags.`my tag` = ", ["2"]) == ["'v1'"]


def test_what_is_wrong_is_marked_as_the_list_says_it(house):
    text = "span.type = 'LLM' and metrics.a > 1"
    page = house.suggestions.read(text, None, None, "traces")
    assert page.problem is not None
    assert text[page.problem.start : page.problem.end] == "metrics.a"
    right = "span.type = 'LLM' and feedback.helpful = 'true' and duration > 2s"
    assert house.suggestions.read(right, None, None, "traces").problem is None
