"""How results are printed: tables for people, JSON for programs.

Standard output carries the result and nothing else; what is said along the way goes to standard
error. Colours are left out where the output is no terminal or ``NO_COLOR`` is set.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = [
    "STATUS_STYLES",
    "cell",
    "console",
    "duration",
    "new_table",
    "notes",
    "number",
    "print_json",
    "progress",
    "size",
    "sparkline",
    "when",
]

STATUS_STYLES = {
    "RUNNING": "cyan",
    "FINISHED": "green",
    "FAILED": "red",
    "KILLED": "magenta",
    "SCHEDULED": "yellow",
}
_BARS = "▁▂▃▄▅▆▇█"


def console() -> Console:
    """Where results go."""
    return Console(highlight=False)


def notes() -> Console:
    """Where everything else goes."""
    return Console(stderr=True, highlight=False)


@contextmanager
def progress(message: str) -> Iterator[None]:
    """Show that something is going on, on standard error, if that is a terminal."""
    out = notes()
    if out.is_terminal:
        with out.status(message):
            yield
    else:
        yield


def print_json(value: Any) -> None:
    """Print a value as one JSON document.

    Times are ISO 8601 in UTC. NaN and the infinities, which JSON lacks, are the strings
    ``NaN``, ``Infinity`` and ``-Infinity``.
    """
    data = msgspec.json.format(msgspec.json.encode(_plain(value)), indent=2)
    sys.stdout.write(data.decode() + "\n")
    sys.stdout.flush()


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, msgspec.Struct):
        return _plain(msgspec.structs.asdict(value))
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, str | int | float | bool | None):
        return value
    return str(value)


def new_table(*columns: str, title: str = "") -> Table:
    """A table with these headings; those that begin with ``>`` are aligned to the right."""
    table = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False)
    for column in columns:
        is_right = column.startswith(">")
        table.add_column(
            column.removeprefix(">"),
            justify="right" if is_right else "left",
            header_style="bold",
            # Cells do not wrap; that columns may makes the widest one give way first.
            overflow="ellipsis",
        )
    return table


def cell(value: Any) -> Text:
    """Any value as the text of a table's cell."""
    style = "dim" if value is None else ""
    return Text(_text(value), style=style, no_wrap=True, overflow="ellipsis")


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, datetime):
        return when(value)
    if isinstance(value, Mapping):
        return "  ".join(f"{key} {_text(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_text(item) for item in value)
    return str(value).replace("\n", " ")


def number(value: float) -> str:
    """A number with as many digits as people compare."""
    return f"{value:.5g}"


def when(moment: datetime | None) -> str:
    """A time in the local zone, to the second."""
    return "-" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def duration(seconds: float | None) -> str:
    """How long something took, in the two largest units."""
    if seconds is None:
        return "-"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = int(seconds // 60)
    if minutes < 120:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h {minutes % 60:02d}" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def size(count: int) -> str:
    """A number of bytes."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if amount < 1000 or unit == "TB":
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    raise AssertionError("unreachable")


def sparkline(values: Sequence[float], width: int = 30) -> str:
    """A small curve: the mean of each stretch as a bar; a dot where there is no finite number."""
    count = min(width, len(values))
    stretches = [
        values[i * len(values) // count : (i + 1) * len(values) // count] for i in range(count)
    ]
    means = [_mean(stretch) for stretch in stretches]
    finite = [mean for mean in means if mean is not None]
    if not finite:
        return "·" * count
    # Halved, as the distance between two ends of the range of floats is none.
    low, spread = min(finite) / 2, max(finite) / 2 - min(finite) / 2
    return "".join(
        "·" if mean is None else _BARS[_height((mean / 2 - low) / spread) if spread else 3]
        for mean in means
    )


def _mean(values: Sequence[float]) -> float | None:
    finite = [value for value in values if math.isfinite(value)]
    return sum(value / len(finite) for value in finite) if finite else None


def _height(share: float) -> int:
    return min(int(share * len(_BARS)), len(_BARS) - 1)
