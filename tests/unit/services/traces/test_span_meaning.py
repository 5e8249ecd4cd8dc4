"""What attributes mean by each convention."""

from __future__ import annotations

from typing import Any

import pytest

from mere.entities.span import SpanEvent
from mere.services.traces.span_meaning import inputs_of, model_of, outputs_of, type_of, usage_of


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ({"mlflow.spanType": "LLM"}, "LLM"),
        ({"mlflow.spanType": '"CHAT_MODEL"'}, "CHAT_MODEL"),
        ({"gen_ai.operation.name": "execute_tool"}, "TOOL"),
        ({"gen_ai.operation.name": "brew"}, "BREW"),
        ({"openinference.span.kind": "RETRIEVER"}, "RETRIEVER"),
        ({"traceloop.span.kind": "workflow"}, "WORKFLOW"),
        ({}, None),
    ],
)
def test_types(attributes: dict[str, Any], kind: str | None) -> None:
    assert type_of(attributes) == kind


@pytest.mark.parametrize(
    ("attributes", "counts", "cost"),
    [
        ({"gen_ai.usage.input_tokens": 3, "gen_ai.usage.output_tokens": 4}, (3, 4, 7), None),
        ({"gen_ai.usage.prompt_tokens": "3"}, (3, None, 3), None),
        (
            {"llm.token_count.prompt": 1, "llm.token_count.total": 9, "llm.cost.total": 0.5},
            (1, None, 9),
            0.5,
        ),
        ({"mlflow.chat.tokenUsage": {"input_tokens": 1, "total_tokens": 2}}, (1, None, 2), None),
        ({"mlflow.chat.tokenUsage": '{"input_tokens": 1}'}, (1, None, 1), None),
        ({"llm.cost.prompt": 0.25, "llm.cost.completion": 0.5}, (None, None, None), 0.75),
    ],
)
def test_usage(
    attributes: dict[str, Any], counts: tuple[int | None, ...], cost: float | None
) -> None:
    usage = usage_of(attributes)
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == counts
    assert usage.cost == cost


@pytest.mark.parametrize(
    "value", ["", "many", None, True, [1], {"a": 1}, float("nan"), float("inf"), 10**400, -(2**70)]
)
def test_what_is_no_count_counts_nothing(value: object) -> None:
    assert usage_of({"gen_ai.usage.input_tokens": value}) is None
    assert usage_of({"mlflow.chat.tokenUsage": {"input_tokens": value}}) is None


def test_inputs_and_outputs() -> None:
    assert inputs_of({"mlflow.spanInputs": '{"q": 1}', "input.value": "no"}) == {"q": 1}
    assert inputs_of({"input.value": "text"}) == "text"
    assert outputs_of({"gen_ai.output.messages": '[{"role": "assistant"}]'}) == [
        {"role": "assistant"}
    ]
    numbered = {
        "gen_ai.prompt.1.content": "b",
        "gen_ai.prompt.0.content": "a",
        "gen_ai.prompt.0.role": "user",
        "llm.output_messages.0.message.content": "c",
    }
    assert inputs_of(numbered) == [{"content": "a", "role": "user"}, {"content": "b"}]
    assert outputs_of(numbered) == [{"content": "c"}]
    events = [
        SpanEvent("gen_ai.user.message", 0, {"content": "hi"}),
        SpanEvent("gen_ai.choice", 0, {"content": '{"text": "ho"}'}),
        SpanEvent("other", 0, {"content": "no"}),
    ]
    assert inputs_of({}, events) == [{"role": "user", "content": "hi"}]
    assert outputs_of({}, events) == [{"role": "assistant", "content": {"text": "ho"}}]
    assert inputs_of({"unrelated": 1}) is None


def test_models() -> None:
    assert model_of({"gen_ai.request.model": "a", "gen_ai.response.model": "b"}) == "b"
    assert model_of({"llm.model_name": "c"}) == "c"
    assert model_of({}) is None
