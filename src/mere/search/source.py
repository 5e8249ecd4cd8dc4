"""The text of a filter or an order, and errors that point into it."""

from __future__ import annotations

import unicodedata

from mere.errors import ErrorCode, InvalidInput
from mere.search.syntax import Span

__all__ = ["Source"]

_SHOWN_BEFORE = 60
_SHOWN_AFTER = 40


class Source:
    """A text to be parsed.

    Args:
        text: The text itself.
        what: What it is, for messages: ``filter`` or ``order``.
    """

    def __init__(self, text: str, what: str) -> None:
        self.text = text
        self.what = what

    def refuse(self, span: Span, message: str) -> InvalidInput:
        """An error with the text and a caret below each character of a stretch of it."""
        return InvalidInput(
            ErrorCode.INVALID_QUERY,
            f"{self.what}: {message}\n{self._pointed(span)}",
            text=self.text,
            start=span.start,
            end=span.end,
        )

    def _pointed(self, span: Span) -> str:
        begin = max(0, span.start - _SHOWN_BEFORE)
        end = min(len(self.text), max(span.end, span.start + 1) + _SHOWN_AFTER)
        before = _printable(self.text[begin : span.start])
        meant = _printable(self.text[span.start : min(span.end, end)])
        after = _printable(self.text[span.start + len(meant) : end])
        lead = "…" if begin else ""
        line = f"  {lead}{before}{meant}{after}{'…' if end < len(self.text) else ''}"
        carets = "^" * max(1, _width(meant))
        return f"{line.rstrip()}\n  {' ' * _width(lead + before)}{carets}"


def _printable(text: str) -> str:
    """The text on one line, each character for one."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _width(text: str) -> int:
    """How many columns a terminal gives the text."""
    return sum(
        0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF")
        for letter in text
    )
