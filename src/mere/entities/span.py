"""A span: one piece of work of a traced program, as OpenTelemetry describes it.

Nothing is interpreted here. What conventions say of a span's attributes (a model, tokens, inputs)
is read by `mere.services.traces.span_meaning`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mere.errors import ErrorCode, InvalidInput

__all__ = [
    "SPAN_KINDS",
    "STATUS_ERROR",
    "STATUS_OK",
    "STATUS_UNSET",
    "TRACE_PREFIX",
    "Span",
    "SpanEvent",
    "SpanLink",
    "check_span",
    "otel_id",
]

TRACE_PREFIX = "tr-"
"""What stands before the 32 digits of OpenTelemetry's trace id in ours, as MLflow writes it."""

SPAN_KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
STATUS_UNSET = "UNSET"
STATUS_OK = "OK"
STATUS_ERROR = "ERROR"
_LONG_MAX = 2**63 - 1


class SpanEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that happened during a span.

    Args:
        name: What.
        time_ns: When, in nanoseconds since the epoch.
        attributes: More about it.
        dropped: How many attributes the sender left out.
    """

    name: str
    time_ns: int = 0
    attributes: dict[str, Any] = {}
    dropped: int = 0


class SpanLink(msgspec.Struct, frozen=True, omit_defaults=True):
    """A span elsewhere that belongs to this one.

    Args:
        trace_id: Its trace.
        span_id: The span.
        attributes: More about it.
        trace_state: As W3C's header has it.
        flags: As W3C's header has them.
        dropped: How many attributes the sender left out.
    """

    trace_id: str
    span_id: str
    attributes: dict[str, Any] = {}
    trace_state: str = ""
    flags: int = 0
    dropped: int = 0


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A span, as it was received.

    Args:
        trace_id: ``tr-`` and 32 hexadecimal digits.
        span_id: 16 hexadecimal digits.
        parent_span_id: The span it is part of; None for the root of its trace.
        name: What was done.
        kind: One of `SPAN_KINDS`.
        start_ns: When it began, in nanoseconds since the epoch.
        end_ns: When it ended; None while it goes on.
        status: ``UNSET``, ``OK`` or ``ERROR``.
        status_message: Why it failed.
        attributes: What the program says of it: text, numbers, booleans, bytes, lists, mappings.
        events: What happened during it.
        links: Spans elsewhere that belong to it.
        resource: What produced it: attributes, and the address of their schema.
        scope: The library that made it: name, version, attributes, address of the schema.
        trace_state: As W3C's header has it.
        flags: As W3C's header has them.
        dropped: How many attributes, events and links the sender left out.
        large: Objects that hold values which are cut off here, by the value's name.
    """

    trace_id: str
    span_id: str
    parent_span_id: str | None = None
    name: str = ""
    kind: str = "INTERNAL"
    start_ns: int = 0
    end_ns: int | None = None
    status: str = STATUS_UNSET
    status_message: str | None = None
    attributes: dict[str, Any] = {}
    events: list[SpanEvent] = []
    links: list[SpanLink] = []
    resource: dict[str, Any] = {}
    scope: dict[str, Any] = {}
    trace_state: str = ""
    flags: int = 0
    dropped: dict[str, int] = {}
    large: dict[str, str] = {}

    @property
    def duration_ns(self) -> int | None:
        """How long it took; None while it goes on."""
        return None if self.end_ns is None else self.end_ns - self.start_ns


def check_span(span: Span) -> Span:
    """Return a span if it may be stored.

    Raises:
        InvalidInput: An id or a time is none.
    """
    digits = span.trace_id.removeprefix(TRACE_PREFIX)
    if len(digits) != 32 or not _is_hex(digits) or not int(digits, 16):
        raise _bad(f"trace id {span.trace_id!r} is not 32 hexadecimal digits, some of them not 0")
    for what, value in (("span id", span.span_id), ("parent span id", span.parent_span_id)):
        if value is not None and (len(value) != 16 or not _is_hex(value) or not int(value, 16)):
            raise _bad(f"{what} {value!r} is not 16 hexadecimal digits, some of them not 0")
    for time in (span.start_ns, span.end_ns or 0):
        if not 0 <= time <= _LONG_MAX:
            raise _bad(f"time {time} of span {span.span_id} is beyond the year 2262")
    return span


def otel_id(trace_id: str) -> str:
    """OpenTelemetry's trace id, as 32 hexadecimal digits."""
    return trace_id.removeprefix(TRACE_PREFIX)


def _is_hex(text: str) -> bool:
    return not set(text) - set("0123456789abcdef")


def _bad(message: str) -> InvalidInput:
    return InvalidInput(ErrorCode.INVALID_VALUE, message)
