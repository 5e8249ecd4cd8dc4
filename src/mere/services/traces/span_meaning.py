"""What the attributes of spans mean, by the conventions their makers follow.

Spans are kept as they came and read when they are looked at, so a convention that is added here
holds for spans of years ago too. Known are, in the order in which they are asked: what MLflow's
client writes, OpenTelemetry's conventions for generative AI (in their present and older names),
OpenInference, and OpenLLMetry.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from mere.entities.span import SpanEvent
from mere.entities.trace import Usage

__all__ = [
    "SPAN_TYPE_KEYS",
    "TYPES_BY_NAME",
    "inputs_of",
    "model_of",
    "outputs_of",
    "provider_of",
    "session_of",
    "type_of",
    "usage_of",
    "user_of",
    "value_of",
]

Attributes = Mapping[str, Any]

_MODEL = (
    "mlflow.llm.model",
    "gen_ai.response.model",
    "gen_ai.request.model",
    "llm.response.model_name",
    "llm.model_name",
    "llm.request.model_name",
    "embedding.model_name",
    "reranker.model_name",
)
_PROVIDER = ("mlflow.llm.provider", "gen_ai.provider.name", "llm.provider", "gen_ai.system")
_INPUT_TOKENS = (
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.prompt_tokens",
    "llm.token_count.prompt",
    "llm.usage.prompt_tokens",
)
_OUTPUT_TOKENS = (
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
    "llm.token_count.completion",
    "llm.usage.completion_tokens",
)
_TOTAL_TOKENS = ("llm.token_count.total", "llm.usage.total_tokens", "gen_ai.usage.total_tokens")
_CACHED_TOKENS = (
    "gen_ai.usage.cache_read.input_tokens",
    "llm.token_count.prompt_details.cache_read",
)
_COST = ("llm.cost.total", "gen_ai.usage.cost", "gen_ai.usage.total_cost")
_INPUT_COST = ("llm.cost.prompt", "gen_ai.usage.input_cost")
_OUTPUT_COST = ("llm.cost.completion", "gen_ai.usage.output_cost")
_INPUTS = (
    "mlflow.spanInputs",
    "gen_ai.input.messages",
    "gen_ai.tool.call.arguments",
    "input.value",
    "traceloop.entity.input",
    "gen_ai.prompt",
)
_OUTPUTS = (
    "mlflow.spanOutputs",
    "gen_ai.output.messages",
    "gen_ai.tool.call.result",
    "output.value",
    "traceloop.entity.output",
    "gen_ai.completion",
)
_USAGE_KEYS = frozenset(
    (
        "mlflow.chat.tokenUsage",
        "mlflow.llm.cost",
        *_INPUT_TOKENS,
        *_OUTPUT_TOKENS,
        *_TOTAL_TOKENS,
        *_COST,
        *_INPUT_COST,
        *_OUTPUT_COST,
    )
)
_SESSION = ("session.id", "gen_ai.conversation.id", "mlflow.trace.session")
_USER = ("user.id", "enduser.id", "mlflow.trace.user")
_INPUT_EVENTS = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_OUTPUT_EVENTS = {"gen_ai.choice": "assistant"}
_NUMBERED = re.compile(
    r"(?:gen_ai|llm)\.(prompt|completion|input_messages|output_messages)\.(\d+)\.(.+)"
)
_INPUT_WORDS = frozenset({"prompt", "input_messages"})

SPAN_TYPE_KEYS = (
    "mlflow.spanType",
    "openinference.span.kind",
    "gen_ai.operation.name",
    "traceloop.span.kind",
)
"""Where a span says what kind of work it is; the first that does counts."""

TYPES_BY_NAME = {
    "chat": "CHAT_MODEL",
    "create_agent": "AGENT",
    "invoke_agent": "AGENT",
    "invoke_workflow": "WORKFLOW",
    "embeddings": "EMBEDDING",
    "execute_tool": "TOOL",
    "generate_content": "LLM",
    "text_completion": "LLM",
    "response": "LLM",
    "retrieval": "RETRIEVER",
}
"""What OpenTelemetry's operations are called here; other names count in upper case."""


def value_of(attributes: Attributes, keys: Sequence[str]) -> Any:
    """The value of the first key that has one; what MLflow wrote as JSON text is read."""
    for key in keys:
        value = attributes.get(key)
        if value is not None and value != "":
            return _read(value) if key.startswith("mlflow.") else value
    return None


def _read(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return value


def type_of(attributes: Attributes) -> str | None:
    """What kind of work it was, such as ``LLM``, ``TOOL`` or ``RETRIEVER``."""
    value = value_of(attributes, SPAN_TYPE_KEYS)
    if value is None:
        return None
    name = str(value)
    return TYPES_BY_NAME.get(name) or name.upper()


def model_of(attributes: Attributes) -> str | None:
    """The model that was called."""
    value = value_of(attributes, _MODEL)
    return None if value is None else str(value)


def provider_of(attributes: Attributes) -> str | None:
    """Who offers the model."""
    value = value_of(attributes, _PROVIDER)
    return None if value is None else str(value)


def session_of(attributes: Attributes) -> str | None:
    """The conversation it was part of."""
    value = value_of(attributes, _SESSION)
    return None if value is None else str(value)


def user_of(attributes: Attributes) -> str | None:
    """Whom the program served."""
    value = value_of(attributes, _USER)
    return None if value is None else str(value)


def usage_of(attributes: Attributes) -> Usage | None:
    """The tokens and the cost, where the span says any of them."""
    if not attributes.keys() & _USAGE_KEYS:
        return None  # as most spans say none
    told = _mapping(value_of(attributes, ("mlflow.chat.tokenUsage",)))
    costs = _mapping(value_of(attributes, ("mlflow.llm.cost",)))
    into = _whole(told.get("input_tokens"), attributes, _INPUT_TOKENS)
    out = _whole(told.get("output_tokens"), attributes, _OUTPUT_TOKENS)
    total = _whole(told.get("total_tokens"), attributes, _TOTAL_TOKENS)
    if total is None and (into is not None or out is not None):
        total = (into or 0) + (out or 0)
    into_cost = _amount(costs.get("input_cost"), attributes, _INPUT_COST)
    out_cost = _amount(costs.get("output_cost"), attributes, _OUTPUT_COST)
    cost = _amount(costs.get("total_cost"), attributes, _COST)
    if cost is None and (into_cost is not None or out_cost is not None):
        cost = (into_cost or 0.0) + (out_cost or 0.0)
    if total is None and cost is None:
        return None
    return Usage(
        model=model_of(attributes),
        input_tokens=into,
        output_tokens=out,
        total_tokens=total,
        cached_tokens=_whole(told.get("cache_read_input_tokens"), attributes, _CACHED_TOKENS),
        input_cost=into_cost,
        output_cost=out_cost,
        cost=cost,
    )


def inputs_of(attributes: Attributes, events: Sequence[SpanEvent] = ()) -> Any:
    """What went in: as MLflow or a convention has it, or the messages that it is made of."""
    value = value_of(attributes, _INPUTS)
    if value is not None:
        return _read(value)
    return _numbered(attributes, is_input=True) or _messages(events, _INPUT_EVENTS)


def outputs_of(attributes: Attributes, events: Sequence[SpanEvent] = ()) -> Any:
    """What came out, read as `inputs_of` reads."""
    value = value_of(attributes, _OUTPUTS)
    if value is not None:
        return _read(value)
    return _numbered(attributes, is_input=False) or _messages(events, _OUTPUT_EVENTS)


def _numbered(attributes: Attributes, *, is_input: bool) -> list[dict[str, Any]] | None:
    """Messages of which each field is an attribute, such as ``gen_ai.prompt.0.content``."""
    found: dict[int, dict[str, Any]] = {}
    for key, value in attributes.items():
        if not key.startswith(("gen_ai.", "llm.")):
            continue
        part = _NUMBERED.fullmatch(key)
        if part is not None and (part[1] in _INPUT_WORDS) is is_input:
            found.setdefault(int(part[2]), {})[part[3].removeprefix("message.")] = value
    return [found[number] for number in sorted(found)] or None


def _messages(events: Sequence[SpanEvent], roles: Mapping[str, str]) -> list[dict[str, Any]] | None:
    """Messages that were recorded as events, as older conventions have it."""
    found = [
        {
            "role": str(event.attributes.get("role", roles[event.name])),
            "content": _read(event.attributes["content"]),
        }
        for event in events
        if event.name in roles and event.attributes.get("content")
    ]
    return found or None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _whole(told: Any, attributes: Attributes, keys: Sequence[str]) -> int | None:
    number = _number(told if told is not None else value_of(attributes, keys))
    return None if number is None or not abs(number) < 2**53 else int(number)


def _amount(told: Any, attributes: Attributes, keys: Sequence[str]) -> float | None:
    return _number(told if told is not None else value_of(attributes, keys))


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < float("inf") else None
