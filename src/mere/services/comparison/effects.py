"""How strongly keys go along with a metric: plain statistics over runs, nothing learned.

All is reckoned on the ranks of the metric, so that one diverged run does not outweigh all others.
A key whose values are numbers is judged by Spearman's rank correlation, and by how much eighths of
it differ, since what is best in the middle has no correlation; any other key by how much the runs
of its values differ. Both come as a share of the variance of the ranks, less what chance would
give, so that keys can be ranked among each other.

Whether a share is more than chance is asked of the runs themselves: the metric is dealt out anew
among them many times, and each time the *strongest of all keys* is noted. A key is told from
chance as far as few of these are as strong. That allows for having looked at many keys.

None of it says what causes what. Keys that part the runs in the same way cannot be told apart at
all, and are reported as one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mere.services.comparison.sheets import MISSING

if TYPE_CHECKING:
    from mere.services.comparison.sheets import Codes, Numbers

__all__ = ["RUNS_MIN", "Effect", "effects_of", "shares_of"]

RUNS_MIN = 8
"""With fewer runs nothing is told from chance."""

_NUMBERS_MIN = 3
_GROUPS = 8
_GROUP_RUNS = 4
_NAMES_SHARE_MAX = 0.5
_DEALS_MAX = 400
_DEALS_MIN = 60
_WORK_MAX = 60_000_000
_SEED = 20_260_101
_CHUNK_CELLS = 4_000_000
_NORMAL_95 = 1.96
_FLOATS = npt.NDArray[np.float64]


@dataclass
class Effect:
    """How one key goes along with the metric.

    Args:
        row: Its row in the sheet.
        kind: ``rank`` for numbers that rise or fall along with it, ``curve`` for numbers that
            are best somewhere between, ``groups`` for anything else.
        share: Of the variance of the metric's ranks, from 0 to 1.
        runs: How many runs it was reckoned from.
        correlation: Of ``rank``: from -1 to 1,
        lower: and between what it probably lies,
        upper: in 19 of 20 cases.
        best: Of the others: the value, or the stretch, whose runs are best on average.
        best_mean: Their mean,
        best_runs: and how many they are.
        rest_mean: The mean of all other runs,
        rest_runs: and how many those are.
        margin: How far off the difference of these two means may be, in 19 of 20 cases.
        chance: In what share of the deals some key was as strong by chance; None where there were
            too few runs to ask.
        same: Rows that part the runs in the same way.
    """

    row: int
    kind: str
    share: float
    runs: int
    correlation: float | None = None
    lower: float | None = None
    upper: float | None = None
    best: str | None = None
    best_mean: float | None = None
    best_runs: int = 0
    rest_mean: float | None = None
    rest_runs: int = 0
    margin: float | None = None
    chance: float | None = None
    same: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class _Factor:
    """A key made ready: its numbers as ranks, and its values as groups of runs."""

    row: int
    present: npt.NDArray[np.bool_]
    groups: npt.NDArray[np.int64]
    names: Sequence[str]
    numbers: _FLOATS | None
    same: list[int]


def shares_of(codes: Codes, texts: Sequence[str], values: Numbers) -> _FLOATS:
    """For each row, the share of the metric's variance that goes along with it; NaN for none.

    Args:
        codes: The rows: for each run the number of its text, or `MISSING`.
        texts: The texts.
        values: The metric of each run; not finite where it has none.
    """
    found = np.full(len(codes), np.nan)
    for factor in _factors(codes, texts, values):
        share = max(_shares(factor, _ranks(values, factor.present)[:, None])[:, 0])
        found[[factor.row, *factor.same]] = share
    return found


def effects_of(
    codes: Codes, texts: Sequence[str], values: Numbers, *, is_more_better: bool
) -> tuple[list[Effect], int]:
    """All keys that differ, the strongest first.

    Args:
        codes: As for `shares_of`.
        texts: As for `shares_of`.
        values: As for `shares_of`.
        is_more_better: Whether the greatest values are the best.

    Returns:
        The effects, and how often the metric was dealt out anew.
    """
    factors = _factors(codes, texts, values)
    told = int(np.isfinite(values).sum())
    effects = [_effect(factor, values, is_more_better=is_more_better) for factor in factors]
    deals = 0
    if told >= RUNS_MIN and factors:
        deals = max(_DEALS_MIN, min(_DEALS_MAX, _WORK_MAX // (len(factors) * len(values))))
        strongest = _strongest_by_chance(factors, values, deals)
        for effect in effects:
            effect.chance = float((strongest >= effect.share).sum() + 1) / (deals + 1)
    effects.sort(key=lambda one: (-one.share, one.row))
    return effects, deals


def _factors(codes: Codes, texts: Sequence[str], values: Numbers) -> list[_Factor]:
    """The keys that part the runs which have the metric; equal partings are one."""
    finite = np.isfinite(values)
    parsed: dict[int, float | None] = {}
    known: dict[bytes, _Factor] = {}
    for row in range(len(codes)):
        cells = codes[row]
        there = finite & (cells != MISSING)
        distinct, groups = np.unique(cells[there], return_inverse=True)
        numbers = _numbers(distinct, texts, parsed)
        if numbers is not None and len(distinct) >= _NUMBERS_MIN:
            present, ready = there, numbers[groups]
            names: Sequence[str] = ()
        else:
            # To have no value is a value among names.
            present, ready = finite, None
            distinct, groups = np.unique(cells[finite], return_inverse=True)
            names = ["not set" if one == MISSING else texts[one] for one in distinct]
            if len(distinct) > max(2, len(groups) * _NAMES_SHARE_MAX):
                continue
        if len(distinct) < 2:
            continue
        mark = present.tobytes() + (_parting(groups) if ready is None else _rising(ready))
        if mark in known:
            known[mark].same.append(row)
            continue
        if ready is not None:
            groups = _stretches(ready)
        known[mark] = _Factor(row, present, groups.astype(np.int64), names, ready, [])
    return list(known.values())


def _numbers(
    distinct: npt.NDArray[np.int32], texts: Sequence[str], parsed: dict[int, float | None]
) -> _FLOATS | None:
    """The values of a key as numbers; None where one is no number."""
    found = []
    for one in distinct.tolist():
        if one not in parsed:
            parsed[one] = _number(texts[one])
        number = parsed[one]
        if number is None:
            return None
        found.append(number)
    return np.array(found)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _parting(groups: npt.NDArray[np.int64]) -> bytes:
    """What is equal for keys that part the runs in the same way, whatever their values."""
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    return b"g" + np.argsort(np.argsort(first))[inverse].astype(np.int32).tobytes()


def _rising(numbers: _FLOATS) -> bytes:
    """What is equal for numbers that rise, or fall, along with each other in all runs."""
    ranks = _mid_ranks(numbers)
    return b"n" + min(ranks.tobytes(), (len(ranks) - 1 - ranks).tobytes())


def _stretches(numbers: _FLOATS) -> npt.NDArray[np.int64]:
    """Numbers in about equally large groups, the equal ones together."""
    count = max(1, min(_GROUPS, len(numbers) // _GROUP_RUNS))
    place = _mid_ranks(numbers)
    found: npt.NDArray[np.int64] = np.floor(place * count / len(numbers)).astype(np.int64)
    return np.unique(found, return_inverse=True)[1].astype(np.int64)


def _mid_ranks(numbers: _FLOATS) -> _FLOATS:
    """Ranks from 0; equal numbers share one."""
    _, inverse, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    found: _FLOATS = ((ends - counts) + (ends - 1))[inverse] / 2.0
    return found


def _ranks(values: Numbers, present: npt.NDArray[np.bool_]) -> _FLOATS:
    return _mid_ranks(values[present])


def _shares(factor: _Factor, ranks: _FLOATS) -> _FLOATS:
    """The shares of a key: by correlation and by groups, for each column of ranks."""
    found = np.zeros((2, ranks.shape[1]))
    centred = ranks - ranks.mean(axis=0)
    total = (centred**2).sum(axis=0)
    total[total == 0] = np.inf
    runs = len(ranks)
    if factor.numbers is not None:
        own = _mid_ranks(factor.numbers)
        own -= own.mean()
        squared = (own @ centred) ** 2 / (total * (own @ own))
        # Less what chance gives: a correlation of pure chance has a square of 1 / (runs - 1).
        found[0] = np.maximum(0, 1 - (1 - squared) * (runs - 1) / max(1, runs - 2))
    groups = int(factor.groups.max()) + 1
    free = runs - groups
    if groups > 1 and free > 0:
        counts = np.bincount(factor.groups, minlength=groups)
        order = np.argsort(factor.groups, kind="stable")
        starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
        sums = np.add.reduceat(centred[order], starts, axis=0)
        between = (sums**2 / counts[:, None]).sum(axis=0)
        found[1] = np.maximum(0, 1 - (1 - between / total) * (runs - 1) / free)
    return np.minimum(found, 1)


def _strongest_by_chance(factors: Sequence[_Factor], values: Numbers, deals: int) -> _FLOATS:
    """For each deal, the share of the strongest key when the metric is dealt out anew."""
    finite = np.flatnonzero(np.isfinite(values))
    generator = np.random.default_rng(_SEED)
    strongest = np.zeros(deals)
    whole = _mid_ranks(values[finite])
    step = max(1, _CHUNK_CELLS // max(1, len(finite)))
    for start in range(0, deals, step):
        count = min(step, deals - start)
        dealt = np.zeros((len(values), count))
        for deal in range(count):
            dealt[finite, deal] = generator.permutation(whole)
        for factor in factors:
            share = _shares(factor, dealt[factor.present]).max(axis=0)
            part = strongest[start : start + count]
            np.maximum(part, share, out=part)
    return strongest


def _effect(factor: _Factor, values: Numbers, *, is_more_better: bool) -> Effect:
    ranks = _ranks(values, factor.present)
    by_rank, by_groups = _shares(factor, ranks[:, None])[:, 0].tolist()
    own = values[factor.present]
    runs = len(own)
    if factor.numbers is not None and by_rank >= by_groups:
        correlation = _correlation(factor.numbers, ranks)
        lower, upper = _between(correlation, runs)
        return Effect(
            factor.row, "rank", by_rank, runs, correlation, lower, upper, same=factor.same
        )
    kind = "groups" if factor.numbers is None else "curve"
    effect = Effect(factor.row, kind, by_groups, runs, same=factor.same)
    _tell_best(effect, factor, own, is_more_better=is_more_better)
    return effect


def _tell_best(effect: Effect, factor: _Factor, own: Numbers, *, is_more_better: bool) -> None:
    """Which value is best on average, and by how much it is better than the rest."""
    means = [own[factor.groups == one].mean() for one in range(int(factor.groups.max()) + 1)]
    best = int(np.argmax(means) if is_more_better else np.argmin(means))
    chosen = factor.groups == best
    inside, outside = own[chosen], own[~chosen]
    if factor.numbers is None:
        effect.best = factor.names[best]
    else:
        stretch = factor.numbers[chosen]
        effect.best = f"{stretch.min():.6g} to {stretch.max():.6g}"
    effect.best_mean, effect.best_runs = float(inside.mean()), len(inside)
    effect.rest_mean, effect.rest_runs = float(outside.mean()), len(outside)
    if min(len(inside), len(outside)) > 1:
        spread = inside.var(ddof=1) / len(inside) + outside.var(ddof=1) / len(outside)
        effect.margin = float(_NORMAL_95 * math.sqrt(spread))


def _correlation(numbers: _FLOATS, ranks: _FLOATS) -> float:
    own = _mid_ranks(numbers)
    own = own - own.mean()
    other = ranks - ranks.mean()
    size = math.sqrt(float(own @ own) * float(other @ other))
    return float(own @ other) / size if size else 0.0


def _between(correlation: float, runs: int) -> tuple[float | None, float | None]:
    """Where a rank correlation probably lies, by Fisher's transformation."""
    if runs <= 4 or abs(correlation) >= 1:
        return None, None
    width = _NORMAL_95 * 1.03 / math.sqrt(runs - 3)
    at = math.atanh(correlation)
    return math.tanh(at - width), math.tanh(at + width)
