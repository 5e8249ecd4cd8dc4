"""Whether two runs came to the same numbers, metric by metric. Pure.

Points are compared by key and step, in the order in which they were logged. Equal means every bit:
NaN equals NaN, and 0.0 is not -0.0. What measures the machine and not the training (``system/…``,
times, throughputs) is shown apart and not judged.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec

__all__ = ["MetricVerdict", "Outcome", "Verdict", "is_timing", "judge"]

Point = tuple[int, float]

_TIMING = re.compile(
    r"""
    ^system/ | (^|[/_.\-\s])(
        time | times | duration | durations | elapsed | runtime | walltime | wall_time | latency
        | throughput | fps | eta | seconds | secs | sec | ms | per_(second|sec|s|step_time)
        | (time|duration|latency|elapsed|runtime)_(s|ms|us|ns|sec|secs|seconds|min|minutes|hours)
    )$
    """,
    re.VERBOSE | re.IGNORECASE,
)


class Outcome(StrEnum):
    """What came of comparing."""

    EQUAL = "equal"
    WITHIN = "within tolerance"
    DIFFERENT = "different"
    MISSING = "missing"
    EXTRA = "extra"
    TIMING = "not judged"
    NOTHING = "nothing to compare"


_ORDER = (Outcome.TIMING, Outcome.EQUAL, Outcome.WITHIN)


class MetricVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What came of comparing one metric.

    Args:
        key: The metric.
        outcome: What came of it.
        points: How many points were compared.
        difference: The greatest absolute difference.
        relative: The greatest difference relative to the larger of the two.
        step: The first step where they part.
        value: The value there in the original run.
        repeated: The value there in the repetition.
    """

    key: str
    outcome: Outcome
    points: int
    difference: float | None = None
    relative: float | None = None
    step: int | None = None
    value: float | None = None
    repeated: float | None = None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What came of comparing two runs.

    Args:
        outcome: The worst of its metrics'.
        metrics: Those of the metrics, by key.
        reason: What else is different.
    """

    outcome: Outcome
    metrics: list[MetricVerdict]
    reason: str | None = None

    @property
    def is_good(self) -> bool:
        """Whether all numbers are equal or within tolerance."""
        return self.outcome in (Outcome.EQUAL, Outcome.WITHIN)

    @property
    def difference(self) -> float | None:
        """The greatest absolute difference of all judged metrics."""
        judged = [one for one in self.metrics if one.outcome is not Outcome.TIMING]
        found = [one.difference for one in judged if one.difference is not None]
        return max(found, key=lambda one: math.inf if math.isnan(one) else one, default=None)

    def counts(self) -> str:
        """How many metrics came out how, in words."""
        tallies: dict[Outcome, int] = {}
        for one in self.metrics:
            tallies[one.outcome] = tallies.get(one.outcome, 0) + 1
        return ", ".join(
            f"{tallies[outcome]} {outcome}" for outcome in Outcome if outcome in tallies
        )


def is_timing(key: str) -> bool:
    """Whether a metric measures the machine: it differs in every repetition."""
    return _TIMING.search(key) is not None


def judge(
    original: Mapping[str, Sequence[Point]],
    repeated: Mapping[str, Sequence[Point]],
    *,
    tolerance: float = 0.0,
    reason: str | None = None,
) -> Verdict:
    """Compare two runs.

    Args:
        original: Points as (step, value) by metric, by step and time.
        repeated: The same of the repetition.
        tolerance: How far values may be apart, absolutely or relative to the larger one.
        reason: What is known to be different besides.
    """
    metrics = [
        _judge_metric(key, original.get(key), repeated.get(key), tolerance)
        for key in sorted(original.keys() | repeated.keys())
    ]
    judged = [one.outcome for one in metrics if one.outcome is not Outcome.TIMING]
    if not judged:
        worst = Outcome.NOTHING
    elif any(outcome not in _ORDER for outcome in judged) or reason is not None:
        worst = Outcome.DIFFERENT
    else:
        worst = max(judged, key=_ORDER.index)
    return Verdict(outcome=worst, metrics=metrics, reason=reason)


def _judge_metric(
    key: str, one: Sequence[Point] | None, other: Sequence[Point] | None, tolerance: float
) -> MetricVerdict:
    points = len(one or other or ())
    if is_timing(key):
        return MetricVerdict(key=key, outcome=Outcome.TIMING, points=points)
    if one is None or other is None:
        outcome = Outcome.EXTRA if one is None else Outcome.MISSING
        return MetricVerdict(key=key, outcome=outcome, points=points)
    return _compare(key, one, other, tolerance)


def _compare(
    key: str, one: Sequence[Point], other: Sequence[Point], tolerance: float
) -> MetricVerdict:
    first, second = _numbered(one), _numbered(other)
    parting: tuple[int, int] | None = None
    outcome, greatest, relative = Outcome.EQUAL, 0.0, 0.0
    for place in sorted(first.keys() | second.keys()):
        if place not in first or place not in second:
            parting = parting or place
            outcome = Outcome.DIFFERENT
            continue
        a, b = first[place], second[place]
        if _bits(a) == _bits(b):
            continue
        parting = parting or place
        greatest, relative = _further(greatest, abs(a - b)), _further(relative, _relative(a, b))
        is_near = math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance)
        if not (tolerance > 0 and is_near):
            outcome = Outcome.DIFFERENT
        elif outcome is Outcome.EQUAL:
            outcome = Outcome.WITHIN
    if parting is None:
        return MetricVerdict(key=key, outcome=outcome, points=len(first))
    return MetricVerdict(
        key=key,
        outcome=outcome,
        points=len(first),
        difference=greatest,
        relative=relative,
        step=parting[0],
        value=first.get(parting),
        repeated=second.get(parting),
    )


def _numbered(points: Sequence[Point]) -> dict[tuple[int, int], float]:
    """Points by step, and number within the step."""
    numbered: dict[tuple[int, int], float] = {}
    seen: dict[int, int] = {}
    for step, value in points:
        seen[step] = seen.get(step, -1) + 1
        numbered[step, seen[step]] = value
    return numbered


def _bits(value: float) -> bytes:
    return b"nan" if math.isnan(value) else struct.pack("<d", value)


def _relative(a: float, b: float) -> float:
    larger = max(abs(a), abs(b))
    if math.isinf(larger):
        return math.inf
    return abs(a - b) / larger if larger else 0.0


def _further(one: float, other: float) -> float:
    return other if math.isnan(other) or other > one else one
