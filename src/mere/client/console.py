"""What a run writes to standard output and error, line by line.

The streams of Python are listened to, not replaced: only the method `write` of `sys.stdout` and
`sys.stderr` is put before the original one. So the terminal sees every character as before, and
whatever asks the stream (is it a terminal, which encoding, which file) hears the truth; progress
bars and colours work, so do notebooks and pytest, whose streams have no file descriptor. Loggers
that took hold of a stream earlier are heard, too. Not heard is what never passes Python's streams:
output of C libraries and of subprocesses.

In the training loop a write costs one more append. Lines are put together in the worker's thread.
What is written goes to the run started last in this process that listens. A forked child listens
no more: what it writes is not its parent's.
"""

from __future__ import annotations

import contextlib
import os
import sys
import weakref
from collections.abc import Callable
from typing import Any

from mere.client.notebook import on_each_cell
from mere.services.runs.metrics import Line

__all__ = ["CHARS_WAITING_MAX", "LINES_MAX", "LINE_CHARS_MAX", "Listener"]

LINES_MAX = 200_000
"""A run keeps at most so many lines."""

LINE_CHARS_MAX = 10_000
"""A longer line is cut."""

CHARS_WAITING_MAX = 32 << 20
"""What is written while so many characters wait for the worker is not kept."""

Put = Callable[[tuple[str, Any, Any, Any], int], None]


class Listener:
    """Hears what this process writes, for one run.

    Args:
        put: Takes what was heard, as a call of kind ``console``; must not block.
        now_us: The time.
        warn: Says something of the run, once each time.
    """

    def __init__(self, put: Put, now_us: Callable[[], int], warn: Callable[[str], None]) -> None:
        self._put = put
        self._now_us = now_us
        self._warn = warn
        self._waiting = 0
        self._is_full = False
        self._has_dropped = False
        self._pending: dict[str, tuple[str, int]] = {}
        self._lines = 0

    def start(self) -> None:
        """Begin to listen."""
        _ears.open(self)

    def stop(self) -> None:
        """Listen no more; what was written and not ended is a line."""
        if _ears.close(self):
            self._put(("console", (self, None), None, self._now_us()), 0)

    def hear(self, stream: str, text: str) -> None:
        """Take a piece of text, in the thread that wrote it; never raises, never blocks."""
        if self._is_full:
            return
        size = len(text)
        if self._waiting + size > CHARS_WAITING_MAX:
            self._has_dropped = True
            return
        self._waiting += size
        self._put(("console", (self, text), stream, self._now_us()), 1)

    def take(self, text: str | None, stream: str, at: int, process: int) -> list[Line]:
        """The lines that a piece of text completes; in the worker's thread.

        Args:
            text: What was written; None at the end.
            stream: Where.
            at: When, in microseconds.
            process: Which process of the run this is.
        """
        if text is None:
            rest = [
                self._line(process, stream, began, pending)
                for stream, (pending, began) in self._pending.items()
                if pending
            ]
            self._pending.clear()
            return [line for line in rest if line is not None]
        self._waiting = max(0, self._waiting - len(text))
        if self._has_dropped:
            self._has_dropped = False
            self._warn("wrote faster than it could be stored: some of its output is not kept")
        pending, began = self._pending.get(stream, ("", at))
        *whole, rest_text = (pending + text).split("\n")
        lines = []
        for number, one in enumerate(whole):
            line = self._line(process, stream, began if number == 0 else at, one)
            if line is not None:
                lines.append(line)
        if rest_text:
            # A progress bar writes one line again and again; only the last state is kept.
            kept = _visible(rest_text)[:LINE_CHARS_MAX]
            kept += "\r" if rest_text.endswith("\r") else ""
            self._pending[stream] = (kept, at if whole or not pending else began)
        else:
            self._pending.pop(stream, None)
        return lines

    def _line(self, process: int, stream: str, at: int, text: str) -> Line | None:
        if self._lines >= LINES_MAX:
            if not self._is_full:
                self._is_full = True
                self._warn(f"wrote more than {LINES_MAX:,} lines: the rest is not kept")
            return None
        shown = _visible(text)
        if len(shown) > LINE_CHARS_MAX:
            shown = shown[: LINE_CHARS_MAX - 1] + "…"
        if not shown.isascii():
            shown = shown.encode("utf-8", "backslashreplace").decode("utf-8")
        self._lines += 1
        return Line(process, self._lines - 1, stream, at, shown)


def _visible(text: str) -> str:
    """What a terminal shows of a line in which carriage returns write over what was there."""
    if "\r" not in text:
        return text
    return text.rstrip("\r").rpartition("\r")[2]


class _Ear:
    """One stream that is listened to.

    Args:
        stream: The stream.
        name: stdout or stderr.
        listeners: Whom it tells: the last of them.
    """

    def __init__(self, stream: Any, name: str, listeners: list[Listener]) -> None:
        self._stream = weakref.ref(stream)
        self._name = name
        self._listeners = listeners
        self._write: Any = None
        self._original: Any = None
        self._was_own = "write" in vars(stream)

    def place(self) -> None:
        """Come before the stream's own method, unless that is so already."""
        stream = self._stream()
        if stream is None or (self._write and vars(stream).get("write") is self._write):
            return
        original, name, listeners = stream.write, self._name, self._listeners

        def write(text: str) -> Any:
            written = original(text)
            if isinstance(text, str):
                # Another thread may end the last run at this very moment.
                for listener in listeners[-1:]:
                    listener.hear(name, text)
            return written

        stream.write = write
        self._write, self._original = write, original

    def remove(self) -> None:
        """Put the stream's own method back."""
        stream = self._stream()
        # Who has put something over ours since then has to keep what is below.
        if stream is None or vars(stream).get("write") is not self._write:
            return
        if self._was_own:
            stream.write = self._original
        else:
            del stream.write


class _Ears:
    """The streams of this process that are listened to, and for whom."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._ears: list[_Ear] = []

    def open(self, listener: Listener) -> None:
        self._listeners.append(listener)
        if self._ears:
            return
        streams = {id(s): (s, n) for n in ("stderr", "stdout") if (s := getattr(sys, n))}
        for stream, name in streams.values():
            # Some streams let no method be set: then nothing is heard there.
            with contextlib.suppress(AttributeError, TypeError):
                ear = _Ear(stream, name, self._listeners)
                ear.place()
                self._ears.append(ear)
        on_each_cell(self._place_again)

    def close(self, listener: Listener) -> bool:
        """Whether it was listening until now."""
        if listener not in self._listeners:
            return False
        self._listeners.remove(listener)
        if not self._listeners:
            self.close_all()
        return True

    def close_all(self) -> None:
        self._listeners.clear()
        for ear in self._ears:
            ear.remove()
        self._ears.clear()

    def _place_again(self, *_: Any) -> None:
        """IPython puts its own method on a stream for each cell, and the one of before back."""
        for ear in self._ears:
            with contextlib.suppress(AttributeError, TypeError):
                ear.place()


_ears = _Ears()
os.register_at_fork(after_in_child=_ears.close_all)
