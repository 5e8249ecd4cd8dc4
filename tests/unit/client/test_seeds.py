from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import mere
from mere.errors import InvalidInput


def test_seeds_make_the_same_numbers() -> None:
    assert mere.set_seed(42) == 42
    first = random.random(), np.random.random()  # noqa: NPY002  the generator that is seeded
    mere.set_seed(42)
    assert (random.random(), np.random.random()) == first  # noqa: NPY002


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, True, "1", None])
def test_what_is_no_seed_is_refused(seed: Any) -> None:
    with pytest.raises(InvalidInput, match="seed"):
        mere.set_seed(seed)


def test_they_are_noted_with_the_active_run_and_later_ones(url: str) -> None:
    with mere.start_run("exp", name="first") as run:
        mere.set_seed(5)
        run.log_seeds({"split": 1})
    with mere.start_run("exp", name="second", seeds={"python": 9}):
        pass
    rows = mere.sql("select name, seeds from runs").to_pylist(maps_as_pydicts="lossy")
    seeds = {row["name"]: row["seeds"] for row in rows}
    assert seeds["first"] == {"python": "5", "numpy": "5", "split": "1"}
    assert seeds["second"] == {"python": "9", "numpy": "5"}
