"""`set_seed`: seeds what can be seeded, and notes it with the runs."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from mere.errors import ErrorCode, InvalidInput

__all__ = ["declared_seeds", "set_seed"]

_SEED_MAX = 2**32 - 1
_declared: dict[str, str] = {}


def set_seed(seed: int) -> int:
    """Seed Python's `random`, and NumPy and PyTorch where they are imported.

    The seed is noted with the active run and with every run that this process starts afterwards.

    Example:
        >>> mere.set_seed(42)
        42

    Args:
        seed: From 0 to 4294967295, as NumPy takes it.

    Returns:
        The seed.

    Raises:
        InvalidInput: It is no such number.
    """
    if type(seed) is not int or not 0 <= seed <= _SEED_MAX:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"seed {seed!r} is no integer from 0 to {_SEED_MAX}",
            value=str(seed),
        )
    seeds = {"python": str(seed)}
    # It is the user's generator that is seeded; nothing of ours draws from it.
    importlib.import_module("random").seed(seed)
    for name, module in (("numpy", "numpy.random"), ("torch", "torch")):
        if name in sys.modules:
            _seed(importlib.import_module(module), seed)
            seeds[name] = str(seed)
    _declared.update(seeds)
    _note(seeds)
    return seed


def declared_seeds() -> dict[str, str]:
    """The seeds set in this process so far."""
    return dict(_declared)


def _seed(module: Any, seed: int) -> None:
    if hasattr(module, "manual_seed"):
        module.manual_seed(seed)  # of all devices
    else:
        module.seed(seed)


def _note(seeds: dict[str, str]) -> None:
    from mere.client.fluent import active_run

    run = active_run()
    if run is not None:
        run.log_seeds(seeds)
