"""Metrics: points logged over a run, and what is known of one metric as a whole."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

__all__ = ["SYSTEM_PREFIX", "MetricSummary", "Points", "Tally", "tallies_of"]

SYSTEM_PREFIX = "system/"
"""Keys that begin so measure the machine and not the training."""


class Tally(msgspec.Struct):
    """What a handful of points of one metric add to its summary; times in microseconds."""

    step: int
    timestamp: int
    value: float
    min: float
    max: float
    count: int

    def add(self, step: int, timestamp: int, value: float) -> None:
        """Count one more point.

        NaN is never the least or greatest while there is any number, and at an equal step and
        time it gives way to one: the engine merges tallies by the same rule.
        """
        self.count += 1
        if math.isnan(value):
            if (step, timestamp) > (self.step, self.timestamp):
                self.step, self.timestamp, self.value = step, timestamp, value
            return
        if not value >= self.min:
            self.min = value
        if not value <= self.max:
            self.max = value
        at, latest = (step, timestamp), (self.step, self.timestamp)
        if at > latest or (at == latest and not value <= self.value):
            self.step, self.timestamp, self.value = step, timestamp, value


def tallies_of(
    keys: Iterable[str],
    steps: Iterable[int],
    timestamps: Iterable[int],
    values: Iterable[float],
) -> dict[str, Tally]:
    """The tallies of points given by column, by key: the same as to `Tally.add` each."""
    by_key: defaultdict[str, list[tuple[int, int, float]]] = defaultdict(list)
    for key, point in zip(keys, zip(steps, timestamps, values, strict=True), strict=True):
        by_key[key].append(point)
    return {key: _tally(points) for key, points in by_key.items()}


def _tally(points: Sequence[tuple[int, int, float]]) -> Tally:
    first, *others = points
    tally = Tally(*first, first[2], first[2], 1)
    if not others:
        return tally
    values = [value for _, _, value in points]
    if math.isnan(sum(values)):
        # A NaN among them, perhaps: it has no order, so each is looked at by itself.
        for point in others:
            tally.add(*point)
        return tally
    return Tally(*max(points), min(values), max(values), len(points))


class MetricSummary(msgspec.Struct, frozen=True):
    """One metric of one run: its latest point, its extremes and how many points there are."""

    step: int
    timestamp: datetime
    value: float
    min: float
    max: float
    count: int

    @property
    def is_finite(self) -> bool:
        """Whether the latest value is a number one can compare."""
        return math.isfinite(self.value)


class Points:
    """Points of one run, gathered by column, and their tallies by key."""

    __slots__ = ("keys", "steps", "tallies", "timestamps", "values")

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.steps: list[int] = []
        self.timestamps: list[int] = []
        self.values: list[float] = []
        self.tallies: dict[str, Tally] = {}

    def __len__(self) -> int:
        return len(self.keys)

    def add(self, key: str, step: int, timestamp: int, value: float) -> None:
        """Add one point; the time is in microseconds since the epoch."""
        self.keys.append(key)
        self.steps.append(step)
        self.timestamps.append(timestamp)
        self.values.append(value)
        tally = self.tallies.get(key)
        if tally is None:
            self.tallies[key] = Tally(step, timestamp, value, value, value, 1)
        else:
            tally.add(step, timestamp, value)
