"""Pyramids: how a log table's points look from afar, kept beside its files. Pure, no I/O.

A *series* is the rows of a log table that agree in all but the last of its sort columns, and the
last one is their *position*. A *bucket* of width ``2**bits`` holds the points of a series whose
positions agree when shifted right by `bits`; so every bucket lies within one bucket of any
greater width, and buckets may be added up without loss. A pyramid holds, for the series of one
data file, buckets of 64 positions, of 256, of 1,024 and so on.

- A level is kept for a series only if it has an eighth of its points at most: a sparse series
  is read point by point, which takes no longer.
- Where a series has few buckets left, no coarser level is kept.
- What is not a finite number is counted, and is no part of the rest.

A pyramid is a function of its file, so whoever writes a file (a fold, a compaction, an erasure)
writes its pyramid by the same rule and no two can contradict each other. Data files whose series
are all short have none. The name of a data file says whether it has one and how large that is:
nothing else refers to it, and where it is gone the points themselves are read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "FINEST_BITS",
    "LEVEL_BITS",
    "Buckets",
    "Levels",
    "Points",
    "bucket_points",
    "build_levels",
    "data_suffix",
    "merge_buckets",
    "pyramid_file",
]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

FINEST_BITS = 6
"""The finest level has buckets of 64 positions."""
LEVEL_BITS = 2
"""Each level's buckets are four times as wide as those of the level below."""

_POINTS_MIN = 512
_POINTS_PER_BUCKET = 8
_BUCKETS_ENOUGH = 4
_BITS_MAX = 62
_SHORT = 8
"""Stretches of so many values at most are gone through side by side."""
_NAME = re.compile(r"(tables/[^/]+/)data(/[0-9a-f]{24}-p([0-9a-f]+)\.parquet)")


def data_suffix(pyramid: bytes | None) -> str:
    """How the name of a data file ends that has this pyramid, or none."""
    return ".parquet" if pyramid is None else f"-p{len(pyramid):x}.parquet"


def pyramid_file(data_key: str) -> tuple[str, int] | None:
    """The key and the size of a data file's pyramid, or None where it has none."""
    match = _NAME.fullmatch(data_key)
    return None if match is None else (f"{match[1]}pyramid{match[2]}", int(match[3], 16))


@dataclass(frozen=True)
class Points:
    """Points of series, by column.

    Args:
        series: Which series each belongs to.
        position: Where it stands there.
        moment: When it was, in microseconds since the epoch.
        value: What it is.
    """

    series: Ints
    position: Ints
    moment: Ints
    value: Floats

    def __len__(self) -> int:
        return len(self.series)

    def where(self, chosen: npt.NDArray[Any]) -> Points:
        """Those that are chosen by a mask or by indices."""
        return Points(*(getattr(self, field.name)[chosen] for field in fields(self)))

    @classmethod
    def concat(cls, parts: Sequence[Points]) -> Points:
        """All points of some parts."""
        if not parts:
            empty = np.empty(0, np.int64)
            return cls(empty, empty, empty, np.empty(0, np.float64))
        columns = ([getattr(p, field.name) for p in parts] for field in fields(cls))
        return cls(*(np.concatenate(column) for column in columns))


@dataclass(frozen=True)
class Buckets:
    """Buckets of series, by column.

    Args:
        series: Which series each belongs to.
        bucket: Its number.
        count: How many points it has; all others count finite ones only.
        nan: How many of them are NaN.
        above: How many of them are positive infinity.
        below: How many of them are negative infinity.
        low: The least value; NaN where there is none.
        high: The greatest.
        total: The sum.
        position: Where the last point stands: the one with the greatest (position, moment,
            value), or (moment, position, value) where buckets are of moments.
        moment: When that was.
        last: Its value.
        until: The latest moment of any point, finite or not.
    """

    series: Ints
    bucket: Ints
    count: Ints
    nan: Ints
    above: Ints
    below: Ints
    low: Floats
    high: Floats
    total: Floats
    position: Ints
    moment: Ints
    last: Floats
    until: Ints

    def __len__(self) -> int:
        return len(self.series)

    @property
    def finite(self) -> Ints:
        """How many finite points each has."""
        return self.count - self.nan - self.above - self.below

    def where(self, chosen: npt.NDArray[Any]) -> Buckets:
        """Those that are chosen by a mask or by indices."""
        return Buckets(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def replaced(self, **columns: Any) -> Buckets:
        """The same with other columns."""
        return Buckets(**{f.name: columns.get(f.name, getattr(self, f.name)) for f in fields(self)})

    @classmethod
    def concat(cls, parts: Sequence[Buckets]) -> Buckets:
        """All buckets of some parts, those of one number not added up."""
        parts = [part for part in parts if len(part)]
        if len(parts) <= 1:
            return parts[0] if parts else _EMPTY
        columns = ([getattr(part, f.name) for part in parts] for f in fields(cls))
        return cls(*(np.concatenate(column) for column in columns))


_INTS, _FLOATS = np.empty(0, np.int64), np.empty(0, np.float64)
_EMPTY = Buckets(
    series=_INTS,
    bucket=_INTS,
    count=_INTS,
    nan=_INTS,
    above=_INTS,
    below=_INTS,
    low=_FLOATS,
    high=_FLOATS,
    total=_FLOATS,
    position=_INTS,
    moment=_INTS,
    last=_FLOATS,
    until=_INTS,
)


def bucket_points(points: Points, bucket: Ints, *, by_moment: bool = False) -> Buckets:
    """Buckets of points; one for each stretch of points in a row that share series and number.

    Args:
        points: In any order; the more they are in order, the fewer buckets come of them.
        bucket: The number of the bucket of each.
        by_moment: Whether the last point is the one with the latest moment.
    """
    if not len(points):
        return _EMPTY
    starts = _starts(points.series, bucket)
    lengths = np.diff(starts, append=len(points))
    value = points.value
    finite = np.isfinite(value)
    if finite.all():  # as nearly always: then there is nothing to count and to leave out
        nan = above = below = np.zeros(len(starts), np.int64)
        low, high, total = _least_most_sum(value, starts, lengths)
    else:
        nan, above, below = (
            np.add.reduceat(one, starts, dtype=np.int64)
            for one in (np.isnan(value), value == np.inf, value == -np.inf)
        )
        low, high, _ = _least_most_sum(np.where(finite, value, np.nan), starts, lengths)
        total = _sums(np.where(finite, value, 0.0), starts)
    ordered = (points.moment, points.position) if by_moment else (points.position, points.moment)
    at = _last_of(starts, finite, ordered, value)
    return Buckets(
        points.series[starts],
        bucket[starts],
        lengths,
        nan,
        above,
        below,
        low,
        high,
        total,
        points.position[at],
        points.moment[at],
        np.where(finite[at], value[at], np.nan),
        points.moment[starts + lengths - 1]
        if _is_rising(points.moment, starts)
        else np.maximum.reduceat(points.moment, starts),
    )


def _least_most_sum(values: Floats, starts: Ints, lengths: Ints) -> tuple[Floats, Floats, Floats]:
    """Of each stretch the least value, the greatest and the sum; NaN is neither of the first two.

    Short stretches are gone through side by side, the first values of all, then the second: to
    NumPy's ``reduceat``, a stretch costs as much as dozens of values.
    """
    longest = int(lengths.max())
    if longest > _SHORT:
        low, high = np.fmin.reduceat(values, starts), np.fmax.reduceat(values, starts)
        return low, high, _sums(values, starts)
    low = high = total = values[starts]
    with np.errstate(over="ignore", invalid="ignore"):
        for place in range(1, longest):
            has_more = lengths > place
            value = values[np.where(has_more, starts + place, starts)]
            low, high = np.fmin(low, value), np.fmax(high, value)
            total = total + np.where(has_more, value, 0.0)
    return low, high, total


def _is_rising(values: Ints, starts: Ints, *, is_strict: bool = False) -> bool:
    """Whether values never fall within a stretch; and never stay, if strictly."""
    rises = values[1:] > values[:-1] if is_strict else values[1:] >= values[:-1]
    rises[starts[1:] - 1] = True
    return bool(rises.all())


def _last_of(
    starts: Ints, finite: npt.NDArray[np.bool_], ordered: tuple[Ints, Ints], value: Floats
) -> Ints:
    """The index of each stretch's last finite point, or of its first point if there is none."""
    first, second = ordered
    lengths = np.diff(starts, append=len(value))
    if finite.all() and _is_rising(first, starts, is_strict=True):
        return starts + lengths - 1
    least = np.iinfo(np.int64).min
    greatest = np.maximum.reduceat(np.where(finite, first, least), starts)
    candidates = np.flatnonzero(finite & (first == np.repeat(greatest, lengths)))
    stretch = np.repeat(np.arange(len(starts)), lengths)[candidates]
    if len(candidates) > len(starts) or np.any(np.diff(stretch) == 0):
        order = np.lexsort((value[candidates], second[candidates], stretch))
        candidates, stretch = candidates[order], stretch[order]
    at = starts.copy()
    at[stretch] = candidates  # of several, the last one is written last
    return at


def merge_buckets(parts: Sequence[Buckets], *, by_moment: bool = False) -> Buckets:
    """Add up buckets of the same series and number; they come out in that order."""
    whole = Buckets.concat(parts)
    ahead, behind = slice(None, -1), slice(1, None)
    series, bucket = whole.series, whole.bucket
    is_later = (series[behind] > series[ahead]) | (
        (series[behind] == series[ahead]) & (bucket[behind] > bucket[ahead])
    )
    if is_later.all():
        return whole
    whole = whole.where(np.lexsort((bucket, series)))
    series, bucket = whole.series, whole.bucket
    is_same = (series[behind] == series[ahead]) & (bucket[behind] == bucket[ahead])
    shared = np.append(is_same, False) | np.append(False, is_same)
    if not shared.any():
        return whole
    added = _add_up(whole.where(shared), by_moment=by_moment)
    if shared.all():
        return added
    whole = Buckets.concat([whole.where(~shared), added])
    return whole.where(np.lexsort((whole.bucket, whole.series)))


def _add_up(whole: Buckets, *, by_moment: bool) -> Buckets:
    """Add up all buckets that share their number."""
    ordered = (whole.moment, whole.position) if by_moment else (whole.position, whole.moment)
    has_last = whole.finite > 0
    order = np.lexsort((whole.last, ordered[1], ordered[0], has_last, whole.bucket, whole.series))
    whole = whole.where(order)
    starts = _starts(whole.series, whole.bucket)
    ends = np.append(starts[1:], len(whole)) - 1
    return Buckets(
        whole.series[starts],
        whole.bucket[starts],
        np.add.reduceat(whole.count, starts),
        np.add.reduceat(whole.nan, starts),
        np.add.reduceat(whole.above, starts),
        np.add.reduceat(whole.below, starts),
        np.fmin.reduceat(whole.low, starts),
        np.fmax.reduceat(whole.high, starts),
        _sums(whole.total, starts),
        whole.position[ends],
        whole.moment[ends],
        whole.last[ends],
        np.maximum.reduceat(whole.until, starts),
    )


def _sums(values: Floats, starts: Ints) -> Floats:
    """The sum of each stretch; one beyond the range of numbers is infinite."""
    with np.errstate(over="ignore", invalid="ignore"):
        sums: Floats = np.add.reduceat(values, starts)
    return sums


def _starts(series: Ints, bucket: Ints) -> Ints:
    """Where stretches of equal series and number begin."""
    changes = (series[1:] != series[:-1]) | (bucket[1:] != bucket[:-1])
    return np.flatnonzero(np.append(True, changes))


@dataclass(frozen=True)
class Levels:
    """The levels of a pyramid.

    Args:
        finest: The bits of the finest level that each series has; -1 where it has none.
        coarsest: The bits of the coarsest.
        buckets: The buckets by the bits of their level, in the order of series and number.
    """

    finest: Ints
    coarsest: Ints
    buckets: dict[int, Buckets]


def build_levels(points: Points, count: int) -> Levels:
    """The levels for points that are sorted by series and position.

    Args:
        points: All points of a file.
        count: How many series there are.
    """
    sizes = np.bincount(points.series, minlength=count)
    finest, coarsest = np.full(count, -1), np.full(count, -1)
    active = sizes >= _POINTS_MIN
    levels: dict[int, Buckets] = {}
    chosen = points.where(active[points.series]) if not active.all() else points
    level = bucket_points(chosen, chosen.position >> FINEST_BITS)
    for bits in range(FINEST_BITS, _BITS_MAX + 1, LEVEL_BITS):
        if bits > FINEST_BITS:
            level = merge_buckets([level.replaced(bucket=level.bucket >> LEVEL_BITS)])
        held = np.bincount(level.series, minlength=count)
        is_kept = active & (held * _POINTS_PER_BUCKET <= sizes)
        if is_kept.any():
            levels[bits] = level.where(is_kept[level.series])
        finest[is_kept & (finest < 0)] = bits
        coarsest[is_kept] = bits
        active &= held > _BUCKETS_ENOUGH
        if not active.any():
            break
        level = level.where(active[level.series])
    return Levels(finest, coarsest, levels)
