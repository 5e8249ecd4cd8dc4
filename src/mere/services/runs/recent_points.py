"""Points that were stored a moment ago, so that a request sent again stores nothing twice.

A client that got no answer sends its request again, perhaps to another server: the one that had it
may be gone, and its points stored. Each process remembers the last points that it stored itself
and those that it saw come by in the journal, and leaves out what comes again. That is a help and
no promise: after a hundred thousand other points, or where both requests are under way at once, a
point may be stored twice in the table. Who reads histories sees it once whatever happens
(`mere.services.runs.histories`).

What is remembered is stored: a point is only added when its commit has returned, or when it was
found in the journal. So nothing is ever left out that would be lost by it.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import repeat
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mere.lake.records import LogPart

__all__ = ["RecentPoints", "identity"]

_POINTS_MAX = 100_000
_COLUMNS: Final = ("run_id", "key", "step", "timestamp", "value")
_MEASURED: Final = ("logged_model_id", "dataset_name", "dataset_digest")
_NAN: Final = "NaN"

Identity = tuple[str, str, int, int, float | str, str | None, str | None, str | None]
"""All there is to a point: run, metric, step, microseconds, value, and what it was measured on."""


def identity(
    run_id: str,
    key: str,
    step: int,
    timestamp: int,
    value: float,
    logged_model_id: str | None = None,
    dataset_name: str | None = None,
    dataset_digest: str | None = None,
) -> Identity:
    """What makes two points the same one; NaN, which is not equal to itself, is it here."""
    number = value if value == value else _NAN  # noqa: PLR0124
    return (run_id, key, step, timestamp, number, logged_model_id, dataset_name, dataset_digest)


class RecentPoints:
    """The last points known to be stored, in two halves: the older goes when the newer is full.

    Each method does one step on a set at a time, so threads need no lock.
    """

    def __init__(self, points_max: int = _POINTS_MAX) -> None:
        self._half = points_max // 2
        self._new: set[tuple[Any, ...]] = set()
        self._old: set[tuple[Any, ...]] = set()

    def __contains__(self, point: Identity) -> bool:
        return point in self._new or point in self._old

    def add(self, parts: Iterable[LogPart]) -> None:
        """Remember the points of parts of a batch, or of a segment, that is stored."""
        for part in parts:
            columns = part.columns
            values = [v if v == v else _NAN for v in columns["value"]]  # noqa: PLR0124
            others = (columns.get(name) or repeat(None) for name in _MEASURED)
            points = zip(*(columns[name] for name in _COLUMNS[:4]), values, *others, strict=False)
            self._new.update(points)
            if len(self._new) >= self._half:
                self._old, self._new = self._new, set()
