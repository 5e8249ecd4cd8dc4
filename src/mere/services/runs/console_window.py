"""Windows of a console: any stretch of a million lines, and the lines that hold a text.

Each process of a run counts its lines from 0, so a line's number is where it stands: a stretch is
found by the bounds that files and row groups carry, without reading what is before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mere.errors import ErrorCode, InvalidInput

if TYPE_CHECKING:
    from mere.lake import Lake

__all__ = ["ConsoleLine", "ConsoleMatches", "ConsoleWindow", "find_lines", "read_window"]

LINES_MAX = 5_000
_COLUMNS = "line, stream, epoch_us(timestamp) as timestamp_us, text"


class ConsoleLine(msgspec.Struct):
    """One line.

    Args:
        line: Its number.
        stream: ``stdout`` or ``stderr``.
        timestamp_us: When it began, in microseconds since the epoch.
        text: What it says, colours and all.
    """

    line: int
    stream: str | None
    timestamp_us: int | None
    text: str | None


class ConsoleWindow(msgspec.Struct):
    """A stretch of lines of one process.

    Args:
        lines: The lines, in order.
        total: How many lines the process has written; None where they were not counted.
        processes: How many lines each process has written, by its number; likewise.
    """

    lines: list[ConsoleLine]
    total: int | None
    processes: dict[int, int] | None


class ConsoleMatches(msgspec.Struct):
    """Lines that hold a text.

    Args:
        lines: The lines, in order.
        next_after: Where to go on from; None where there are no more.
    """

    lines: list[ConsoleLine]
    next_after: int | None


def read_window(
    lake: Lake,
    run_id: str,
    *,
    process: int = 0,
    first: int = 0,
    limit: int = 500,
    is_counted: bool = True,
) -> ConsoleWindow:
    """A stretch of a console.

    Args:
        lake: Where it is stored.
        run_id: The run.
        process: Which of its processes.
        first: The number of the first line wanted; counted from the end where it is negative.
        limit: At most so many lines.
        is_counted: Whether to tell how many lines there are, which takes longer the more there are;
            a stretch counted from the end always does.

    Raises:
        InvalidInput: The stretch is too long.
    """
    _check(limit)
    sizes = _sizes(lake, run_id) if is_counted or first < 0 else None
    total = None if sizes is None else sizes.get(process, 0)
    start = max(0, (total or 0) + first) if first < 0 else first
    query = (
        f"select {_COLUMNS} from console where run_id = $run and process = $process "
        "and line >= $start and line < $end order by line"
    )
    params = {"run": run_id, "process": process, "start": start, "end": start + limit}
    return ConsoleWindow(_lines(lake, query, params), total, sizes)


def _sizes(lake: Lake, run_id: str) -> dict[int, int]:
    """How many lines each process has written."""
    counted = lake.sql(
        "select process, max(line) + 1 as lines from console where run_id = $run group by process "
        "order by process",
        {"run": run_id},
    )
    return {row["process"]: row["lines"] for row in counted.to_pylist()}


def find_lines(
    lake: Lake,
    run_id: str,
    text: str,
    *,
    process: int = 0,
    after: int = -1,
    limit: int = 100,
    is_regex: bool = False,
) -> ConsoleMatches:
    """Lines that hold a text, in any case.

    Args:
        lake: Where they are stored.
        run_id: The run.
        text: The text, or a regular expression.
        process: Which of its processes.
        after: Only lines behind this one.
        limit: At most so many.
        is_regex: Whether the text is a regular expression.

    Raises:
        InvalidInput: There is nothing to look for, or the expression is wrong.
    """
    _check(limit)
    if not text or len(text) > 1_000:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"a text of {len(text)} characters: look for 1 to 1,000"
        )
    test = "regexp_matches(text, $text, 'i')" if is_regex else "contains(lower(text), lower($text))"
    query = (
        f"select {_COLUMNS} from console where run_id = $run and process = $process "
        f"and line > $after and {test} order by line limit {int(limit) + 1}"
    )
    params = {"run": run_id, "process": process, "after": after, "text": text}
    found = _lines(lake, query, params)
    more = len(found) > limit
    return ConsoleMatches(found[:limit], found[limit - 1].line if more else None)


def _lines(lake: Lake, query: str, params: dict[str, Any]) -> list[ConsoleLine]:
    return msgspec.convert(lake.sql(query, params).to_pylist(), list[ConsoleLine])


def _check(limit: int) -> None:
    if not 1 <= limit <= LINES_MAX:
        raise InvalidInput(
            ErrorCode.LIMIT_EXCEEDED,
            f"{limit} lines at once: ask for 1 to {LINES_MAX:,}",
            limit=LINES_MAX,
        )
