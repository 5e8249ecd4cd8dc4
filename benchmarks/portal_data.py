"""The runs that are shown side by side, the same for each tracker; needs nothing but Python."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

__all__ = ["METRIC", "STARTED_MS", "base_of", "curve_of", "id_of", "name_of", "params_of"]

METRIC = "loss"
STARTED_MS = 1_750_000_000_000
_PRIME = 7919


def name_of(number: int) -> str:
    """What a run is called."""
    return f"run-{number}"


def id_of(number: int) -> str:
    """The run's id, where a tracker lets one choose it."""
    return f"{number + 1:032x}"


def params_of(number: int) -> dict[str, str]:
    """A run's params."""
    return {"lr": f"{0.1 / (1 + number % 50):.6g}", "model": ("cnn", "mlp")[number // 100 % 2]}


def base_of(number: int, runs: int) -> float:
    """Where its loss ends: no two runs have the same, and neighbours are far apart."""
    return (number * _PRIME % runs) / runs


def curve_of(number: int, runs: int, points: int) -> Iterator[float]:
    """Its loss, step by step: it falls with the noise of training, and ends at its base."""
    noise = random.Random(number)
    base = base_of(number, runs)
    for step in range(points - 1):
        yield base + math.exp(-5 * step / points) + noise.gauss(0, 0.02)
    yield base
