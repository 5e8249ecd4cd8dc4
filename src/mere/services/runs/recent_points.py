"""Points that were stored a moment ago, so that a request sent again stores nothing twice.

A client that got no answer sends its request again, perhaps to another server: the one that had it
may be gone, and its points stored. Each process remembers the last points that it stored itself
and those that it saw come by in the journal, and leaves out what comes again. That is a help and
no promise: after a hundred thousand other points, or where both requests are under way at once, a
point may be stored twice in the table. Who reads histories sees it once whatever happens
(`mere.services.runs.histories`).

What is remembered is stored: a point is only added when its commit has returned, or when it was
found in the journal. So nothing is ever left out that would be lost by it.

A point is remembered by 32 bytes: a number that its series was given here, and its own three. Two
points never share them, so no point is ever taken for another.
"""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import count, repeat
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from mere.lake.records import LogPart

__all__ = ["RecentPoints"]

_POINTS_MAX = 100_000
_MEASURED: Final = ("logged_model_id", "dataset_name", "dataset_digest")
_NAMES: Final = 2
_POINT: Final = struct.Struct("<qqqd")

_Series = tuple[Any, ...]
"""A run, a metric, and what it was measured on, if on anything."""


class RecentPoints:
    """The last points known to be stored, in two halves: the older goes when the newer is full.

    Each method does one step on a set at a time, so threads need no lock.
    """

    def __init__(self, points_max: int = _POINTS_MAX) -> None:
        self._half = points_max // 2
        self._new: set[bytes] = set()
        self._old: set[bytes] = set()
        self._numbers = count()
        self._new_series: dict[_Series, int] = {}
        self._old_series: dict[_Series, int] = {}

    def identity(self, run_id: str, key: str, step: int, timestamp: int, value: float) -> bytes:
        """What makes two points the same one: run, metric, step, microseconds, value.

        NaN, which is not equal to itself, is it here; the zeros are one.
        """
        series = self._number((run_id, key))
        number = value + 0.0 if value == value else math.nan  # noqa: PLR0124
        return _POINT.pack(series, step, timestamp, number).rstrip(b"\0")

    def identities(self, columns: Mapping[str, Sequence[Any]]) -> list[bytes]:
        """The identity of each point, for points by column, and with what they were measured on.

        Raises:
            KeyError: A column is missing that every point has.
            TypeError: A point lacks a step, a time or a value.
        """
        import numpy as np

        parts: list[Iterable[Any]] = [columns["run_id"], columns["key"]]
        if any(columns.get(name) for name in _MEASURED):
            parts += [columns.get(name) or repeat(None) for name in _MEASURED]
        series = list(zip(*parts, strict=False))
        numbers = {one: self._number(one) for one in set(series)}
        values = np.frombuffer(array("d", columns["value"])) + 0.0
        values[np.isnan(values)] = math.nan
        points = np.empty((len(series), 4), "<i8")
        points[:, 0] = [numbers[one] for one in series]
        points[:, 1] = array("q", columns["step"])
        points[:, 2] = array("q", columns["timestamp"])
        points[:, 3] = values.astype("<f8", copy=False).view("<i8")
        # As texts of bytes, numpy cuts zeros off at the end, and `identity` does, too.
        return cast("list[bytes]", points.view(f"S{_POINT.size}").ravel().tolist())

    def _number(self, series: _Series) -> int:
        """The number of a series, which no other ever has; one long forgotten gets another."""
        if len(series) > _NAMES and not any(series[_NAMES:]):
            series = series[:_NAMES]
        number = self._new_series.get(series)
        if number is None:
            number = self._old_series.get(series)
            fresh = next(self._numbers) if number is None else number
            number = self._new_series.setdefault(series, fresh)
        return number

    def __contains__(self, point: bytes) -> bool:
        return point in self._new or point in self._old

    def has_any(self, points: set[bytes]) -> bool:
        """Whether any of these is known."""
        return not (self._new.isdisjoint(points) and self._old.isdisjoint(points))

    def add(self, points: Collection[bytes]) -> None:
        """Remember points that are stored, by their identities."""
        self._new.update(points)
        if len(self._new) >= self._half:
            self._old, self._new = self._new, set()
            self._old_series, self._new_series = self._new_series, {}

    def learn(self, parts: Iterable[LogPart]) -> None:
        """Remember the points of parts of a segment."""
        for part in parts:
            # What is not whole was written by hand: no client sends it again.
            with suppress(KeyError, TypeError):
                self.add(self.identities(part.columns))
