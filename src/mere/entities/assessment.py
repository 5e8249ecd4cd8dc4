"""An assessment: what somebody, or some program, says of a trace or of one of its spans."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from mere.entities.limits import check_key
from mere.errors import ErrorCode, InvalidInput

__all__ = ["KINDS", "SOURCES", "Assessment", "AssessmentError"]

KINDS = ("feedback", "expectation", "issue")
SOURCES = ("HUMAN", "LLM_JUDGE", "CODE", "SOURCE_TYPE_UNSPECIFIED")
_TEXT_CHARS_MAX = 1_000_000


class AssessmentError(msgspec.Struct, frozen=True):
    """Why a judge gave no value.

    Args:
        code: What went wrong, for programs.
        message: What went wrong, for people.
        stack_trace: Where.
    """

    code: str | None = None
    message: str | None = None
    stack_trace: str | None = None


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """One statement on a trace.

    Args:
        assessment_id: Unique; given when it is created.
        trace_id: The trace it is about.
        span_id: The span it is about, where it is about one.
        name: What is judged, such as ``correctness``.
        kind: ``feedback`` (how good it was), ``expectation`` (what was right) or ``issue``.
        value: Any JSON value.
        source_kind: ``HUMAN``, ``LLM_JUDGE`` or ``CODE``.
        source_id: Who or what in particular.
        rationale: Why.
        error: Why there is no value.
        metadata: More about it.
        overrides: The id of the assessment that this one replaces.
        is_valid: Whether none replaces it.
        run_id: The run that made it.
        created_at: When it was made.
        changed_at: When it was changed last.
    """

    assessment_id: str = ""
    trace_id: str = ""
    span_id: str | None = None
    name: str
    kind: str = "feedback"
    value: Any = None
    source_kind: str = "CODE"
    source_id: str = "default"
    rationale: str | None = None
    error: AssessmentError | None = None
    metadata: dict[str, str] = {}
    overrides: str | None = None
    is_valid: bool = True
    run_id: str | None = None
    created_at: datetime | None = None
    changed_at: datetime | None = None

    def checked(self) -> Assessment:
        """Return the assessment itself if it may be stored.

        Raises:
            InvalidInput: Its kind or source is unknown, its name breaks a limit, an expectation
                expects nothing, or a text is too long.
        """
        check_key(self.name, "assessment")
        if self.kind not in KINDS:
            raise _bad(f"assessment kind {self.kind!r} is unknown: use one of {', '.join(KINDS)}")
        if self.source_kind not in SOURCES:
            raise _bad(f"source {self.source_kind!r} is unknown: use one of {', '.join(SOURCES)}")
        if self.kind == "expectation" and self.value is None:
            raise _bad(f"expectation {self.name!r} has no value: say what was expected")
        if self.kind == "expectation" and self.error is not None:
            raise _bad(f"expectation {self.name!r} has an error: only feedback may have one")
        if len(self.rationale or "") > _TEXT_CHARS_MAX:
            raise InvalidInput(
                ErrorCode.LIMIT_EXCEEDED,
                f"the rationale has {len(self.rationale or ''):,} characters and may have "
                f"{_TEXT_CHARS_MAX:,}: shorten it",
                limit=_TEXT_CHARS_MAX,
            )
        return self


def _bad(message: str) -> InvalidInput:
    return InvalidInput(ErrorCode.INVALID_VALUE, message)
