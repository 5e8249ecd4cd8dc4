"""A trace: one request through a traced program, and what its spans add up to."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from mere.entities.experiment import Lifecycle
from mere.errors import ErrorCode, InvalidInput

__all__ = ["PREVIEW_CHARS_MAX", "Trace", "TraceStatus", "Usage", "preview_of"]

PREVIEW_CHARS_MAX = 1_000


class TraceStatus(StrEnum):
    """Where a trace stands."""

    IN_PROGRESS = "IN_PROGRESS"
    OK = "OK"
    ERROR = "ERROR"
    UNSPECIFIED = "STATE_UNSPECIFIED"

    @classmethod
    def of(cls, value: object) -> TraceStatus:
        """Return the status of that name, in upper or lower case.

        Raises:
            InvalidInput: There is no such status.
        """
        try:
            return cls(str(value).upper())
        except ValueError as error:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"trace status {value!r} is unknown: use one of {', '.join(cls)}",
                value=str(value),
            ) from error


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What calls of models used.

    Args:
        model: The model, where one is known.
        input_tokens: Tokens that went in.
        output_tokens: Tokens that came out.
        total_tokens: Both, or as the sender counted.
        cached_tokens: Those that went in and were in the provider's cache.
        input_cost: What the tokens that went in cost, in US dollars.
        output_cost: What those that came out cost.
        cost: What it cost in all, as the sender says.
    """

    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    cached_tokens: int | None = None
    input_cost: float | None = None
    output_cost: float | None = None
    cost: float | None = None


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """A trace without its spans.

    Args:
        trace_id: ``tr-`` and 32 hexadecimal digits, or what an older client was given.
        experiment_id: The experiment it belongs to.
        name: What was asked, usually the name of its root span.
        status: ``OK``, ``ERROR`` or ``IN_PROGRESS``.
        started_at: When its root span began.
        duration_ms: How long its root span took.
        request_preview: The beginning of what was asked.
        response_preview: The beginning of what was answered.
        client_request_id: What the caller calls it.
        session_id: The conversation it is part of.
        user_id: Whom the traced program served.
        run_id: The run it was made in.
        linked_to: Other runs that it was linked to.
        metadata: What the client says of it and nobody changes.
        tags: What anybody may change.
        resource: What produced its spans, such as ``service.name``.
        models: The models that were called, as far as their spans say what they used.
        input_tokens: Tokens that went into models.
        output_tokens: Tokens that came out of them.
        total_tokens: Both.
        cost: What they cost in US dollars, as the sender says.
        is_recorded: Whether spans of it came; older clients keep them in files of their own.
        lifecycle: ``active`` or ``deleted``.
        created_at: When it was first heard of.
        updated_at: When something of it changed last.
    """

    trace_id: str
    experiment_id: str
    name: str | None = None
    status: str = TraceStatus.IN_PROGRESS
    started_at: datetime | None = None
    duration_ms: float | None = None
    request_preview: str | None = None
    response_preview: str | None = None
    client_request_id: str | None = None
    session_id: str | None = None
    user_id: str | None = None
    run_id: str | None = None
    linked_to: list[str] = []
    metadata: dict[str, str] = {}
    tags: dict[str, str] = {}
    resource: dict[str, str] = {}
    models: list[str] = []
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    cost: float | None = None
    is_recorded: bool = False
    lifecycle: str = Lifecycle.ACTIVE
    created_at: datetime | None = None
    updated_at: datetime | None = None


def preview_of(text: str | None) -> str | None:
    """The beginning of a text, with an ellipsis where something is missing."""
    if text is None or len(text) <= PREVIEW_CHARS_MAX:
        return text
    return text[: PREVIEW_CHARS_MAX - 1] + "…"
