"""Why some runs are better: what differs, ranked by how it goes along with a metric."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from mere.services.comparison.effects import RUNS_MIN, Effect, effects_of

if TYPE_CHECKING:
    from mere.services.comparison.families import Family
    from mere.services.comparison.sheets import Codes, Numbers, Sheet

__all__ = ["Factor", "Same", "Why", "why"]

_FACTORS_MAX = 200
_SAME_MAX = 20
_TOLD = 0.05
_PERHAPS = 0.2


class Same(msgspec.Struct):
    """A key, by the family and section it is in."""

    family: str
    section: str
    key: str


class Factor(msgspec.Struct):
    """A key that differs, and how it goes along with the metric; see `effects.Effect`.

    Args:
        verdict: ``told`` from chance, ``perhaps``, ``chance`` or ``few`` (too few runs to tell).
        is_more_better: Of ``rank``: whether runs with more of it are better.
        same: Keys that part the runs in the same way, so that nothing tells them apart,
        same_total: and how many of those there are.
    """

    family: str
    section: str
    key: str
    kind: str
    verdict: str
    share: float
    runs: int
    chance: float | None
    correlation: float | None
    lower: float | None
    upper: float | None
    is_more_better: bool | None
    best: str | None
    best_mean: float | None
    best_runs: int
    rest_mean: float | None
    rest_runs: int
    margin: float | None
    same: list[Same]
    same_total: int


class Why(msgspec.Struct):
    """What goes along with a metric.

    Args:
        runs: How many runs have a finite value of it.
        without: How many have none, and were left aside.
        keys: How many keys differ and were looked at, those alike counted once.
        deals: How often the metric was dealt out anew to see what chance does.
        is_enough: Whether there are enough runs to tell anything.
        factors: The strongest keys, the strongest first.
    """

    runs: int
    without: int
    keys: int
    deals: int
    is_enough: bool
    factors: list[Factor]


def why(sheets: Mapping[Family, Sheet], values: Numbers, *, is_more_better: bool) -> Why:
    """Rank all keys that differ by how they go along with a metric.

    Args:
        sheets: What to look at.
        values: The metric of each run; NaN where it has none.
        is_more_better: Whether the greatest values are the best.
    """
    names: list[Same] = []
    codes: list[Codes] = []
    texts: list[str] = []
    for family, sheet in sheets.items():
        rows = np.flatnonzero(sheet.differs).tolist()
        names += [Same(family, sheet.sections[row], sheet.keys[row]) for row in rows]
        picked = sheet.codes[rows]
        codes.append(np.where(picked < 0, picked, picked + np.int32(len(texts))))
        texts += sheet.texts
    told = int(np.isfinite(values).sum())
    effects: list[Effect] = []
    deals = 0
    if names:
        effects, deals = effects_of(
            np.concatenate(codes), texts, values, is_more_better=is_more_better
        )
    return Why(
        runs=told,
        without=len(values) - told,
        keys=len(effects),
        deals=deals,
        is_enough=told >= RUNS_MIN,
        factors=[
            _factor(one, names, is_more_better=is_more_better) for one in effects[:_FACTORS_MAX]
        ],
    )


def _factor(effect: Effect, names: list[Same], *, is_more_better: bool) -> Factor:
    name = names[effect.row]
    rising = None if effect.correlation is None else (effect.correlation > 0) == is_more_better
    return Factor(
        family=name.family,
        section=name.section,
        key=name.key,
        kind=effect.kind,
        verdict=_verdict(effect.chance),
        share=effect.share,
        runs=effect.runs,
        chance=effect.chance,
        correlation=effect.correlation,
        lower=effect.lower,
        upper=effect.upper,
        is_more_better=rising,
        best=effect.best,
        best_mean=effect.best_mean,
        best_runs=effect.best_runs,
        rest_mean=effect.rest_mean,
        rest_runs=effect.rest_runs,
        margin=effect.margin,
        same=[names[row] for row in effect.same[:_SAME_MAX]],
        same_total=len(effect.same),
    )


def _verdict(chance: float | None) -> str:
    if chance is None:
        return "few"
    if chance <= _TOLD:
        return "told"
    return "perhaps" if chance <= _PERHAPS else "chance"
