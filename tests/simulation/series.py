"""Charts of the simulated points, checked against the model: exact buckets, and what is new.

A chart is what somebody keeps on a screen: the buckets of one window, brought up to date by what
changed since its last mark. Several processes answer the same chart in turn, as several servers
do, and at every moment it has to show what the points of the batches in the view say.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from mere.lake import pyramid, pyramid_reading
from mere.lake.pyramid import Buckets
from mere.lake.pyramid_reading import Look, Mark, SeriesReader, Window
from mere.lake.view import View
from tests.simulation.model import Model, Point

__all__ = ["SERIES", "Chart", "new_points", "new_window", "small_pyramids"]

SERIES = [(run, key) for run in "ab" for key in ("loss", "acc")]
_ORIGIN = 1_600_000_000_000_000
_VALUES = (math.nan, math.inf, -math.inf, 0.5, 1.5, -2.0, 8.0)
_SMALL = {
    pyramid: {"_POINTS_MIN": 3, "_POINTS_PER_BUCKET": 2, "_BUCKETS_ENOUGH": 1},
    # Requests of one process come one after another; and few points are too many to be kept.
    pyramid_reading: {"_WIDTH": 1, "_POINTS_KEPT": 24, "_NEW_ROWS_MAX": 60},
}

Shown = dict[tuple[int, int], tuple[Any, ...]]


@contextmanager
def small_pyramids() -> Iterator[None]:
    """Let a few points have a pyramid of several levels."""
    with ExitStack() as stack:
        for module, values in _SMALL.items():
            for name, value in values.items():
                stack.enter_context(patch.object(module, name, value))
        yield


def new_points(chance: random.Random) -> list[Point]:
    """Points of one batch: a stretch of one series or two, long or short, perhaps doubled."""
    points: list[Point] = []
    for run, key in chance.sample(SERIES, chance.choice((1, 1, 2))):
        start = chance.choice((0, 0, 100, 3_000, -70))
        stride = chance.choice((0, 1, 5, 60))
        for n in range(chance.choice((1, 4, 9, 20))):
            step = start + n * stride
            moment = _ORIGIN + 1_000 * step + chance.randrange(3)
            value = chance.choice(_VALUES) if chance.random() < 0.3 else chance.randrange(99) / 2
            points.append((run, key, step, moment, value))
    if chance.random() < 0.05:
        points.append((*SERIES[0], 7, _ORIGIN, None))
    return points


def new_window(chance: random.Random, *, is_bounded: bool = False) -> Window:
    """Some series, all of their points or some, by position or by moment.

    Args:
        chance: Where decisions come from.
        is_bounded: It has ends of its own, so its buckets never grow wider.
    """
    names = chance.sample([*SERIES, ("a", "never")], chance.randrange(1, 4))
    origins = None
    if chance.random() < 0.3:
        origins = [_ORIGIN - chance.randrange(2) * 77 for _ in names]
    scale = 1 if origins is None else 1_000
    lower = (
        None if not is_bounded and chance.random() < 0.6 else chance.randrange(-100, 200) * scale
    )
    upper = None if not is_bounded and chance.random() < 0.6 else chance.randrange(0, 4_000) * scale
    return Window(names, chance.choice((2, 3, 10, 40, 600)), lower, upper, origins)


class Chart:
    """One window, and what was seen in it.

    Args:
        window: What it shows.
    """

    def __init__(self, window: Window) -> None:
        self._window = window
        self._seen: tuple[Look | None, Shown] = (None, {})

    def begin(self) -> tuple[Mark | None, Any]:
        """What to ask with, before a view is taken: the mark, and what was seen by then."""
        seen = self._seen
        return None if seen[0] is None else seen[0].mark, seen

    def check(
        self, view: View, reader: SeriesReader, model: Model, shown: frozenset[str], begun: Any
    ) -> str:
        """Ask for what is new, put it in place, and compare all with the model.

        Args:
            view: What is looked at.
            reader: Of the process that looks.
            model: The batches.
            shown: Those that the view shows.
            begun: What `begin` gave before the view was taken.

        Returns:
            How the answer came: ``all``, ``part`` or ``none``.
        """
        mark, (last, before) = begun
        look = reader.look(view, "points", self._window, mark)
        points = list(_points_in(model, shown, self._window))
        if look is None:
            assert last is not None, "nothing is new to somebody who has nothing"
            look, now, kind = last, before, "none"
        else:
            _check_grid(look, self._window, points)
            rows = _rows(look.buckets)
            is_partial = look.is_partial
            now, kind = ({**before, **rows}, "part") if is_partial else (rows, "all")
        expected = _expected(points, look, by_moment=self._window.origins is not None)
        wrong = {
            pair: (now.get(pair), expected.get(pair))
            for pair in sorted(now.keys() | expected.keys())
            if now.get(pair) != expected.get(pair)
        }
        assert not wrong, (
            f"a chart of {self._window} in view of root {view.root.number} is wrong ({kind} since "
            f"{mark}): (is, should be): {wrong}"
        )
        self._seen = (look, now)
        return kind


def _points_in(
    model: Model, shown: Iterable[str], window: Window
) -> Iterator[tuple[int, int, Point]]:
    """The window's points, each with its series' place and where it stands on the axis."""
    places = {name: place for place, name in enumerate(window.names)}
    for batch in shown:
        for point in model.batches[batch].points:
            run, key, step, moment, value = point
            place = places.get((run, key))
            if place is not None and value is not None:
                at = step if window.origins is None else moment - window.origins[place]
                yield place, at, point


def _check_grid(look: Look, window: Window, points: list[tuple[int, int, Point]]) -> None:
    assert look.is_exact
    assert look.points == len(points), f"{look.points} points, should be {len(points)}"
    places = [at for _, at, _ in points]
    lower = min(places, default=0) if window.lower is None else window.lower
    upper = max(places, default=lower) if window.upper is None else window.upper
    upper = max(lower, upper)
    assert (look.first, look.last) == (lower >> look.bits, upper >> look.bits)
    assert look.last - look.first < window.buckets_max
    finer = look.bits - 1
    assert finer < 0 or (upper >> finer) - (lower >> finer) >= window.buckets_max


def _expected(points: list[tuple[int, int, Point]], look: Look, *, by_moment: bool) -> Shown:
    grouped: dict[tuple[int, int], list[Point]] = {}
    for place, at, point in points:
        if look.first <= at >> look.bits <= look.last:
            grouped.setdefault((place, at >> look.bits), []).append(point)
    return {pair: _summed(held, by_moment=by_moment) for pair, held in grouped.items()}


def _summed(points: list[Point], *, by_moment: bool) -> tuple[Any, ...]:
    """What a bucket of points says, worked out one by one."""
    values = [float(point[4]) for point in points if point[4] is not None]
    finite = [point for point in points if math.isfinite(point[4] or 0.0)]
    until = max(point[3] for point in points)
    counts = (
        len(values),
        sum(map(math.isnan, values)),
        values.count(math.inf),
        values.count(-math.inf),
        until,
    )
    if not finite:
        return counts
    ordered = (
        (at, step, value) if by_moment else (step, at, value) for *_, step, at, value in finite
    )
    first, second, last = max(ordered)
    known = [value for value in values if math.isfinite(value)]
    position, moment = (second, first) if by_moment else (first, second)
    return (*counts, min(known), max(known), sum(known), position, moment, last)


def _rows(buckets: Buckets) -> Shown:
    """Buckets by series and number; where nothing is finite, counts and the latest moment alone."""
    counts = ("count", "nan", "above", "below", "until")
    measures = ("low", "high", "total", "position", "moment", "last")
    columns = [getattr(buckets, name).tolist() for name in (*counts, *measures)]
    pairs = list(zip(buckets.series.tolist(), buckets.bucket.tolist(), strict=True))
    assert pairs == sorted(set(pairs)), "a bucket is there twice, or they are not in order"
    held = zip(*columns, strict=True)
    finite = buckets.finite.tolist()
    return {
        pair: row if number else row[:5]
        for pair, row, number in zip(pairs, held, finite, strict=True)
    }
