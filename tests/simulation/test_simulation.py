"""The simulation as part of the suite, in pieces that can run side by side."""

from __future__ import annotations

import pytest

from mere.lake.objects.s3 import S3Store
from mere.testing.s3server import S3Server
from tests.simulation.run import failure_of
from tests.simulation.simulate import simulate

_SEEDS = 300
_PIECE = 25


@pytest.mark.parametrize("start", range(0, _SEEDS, _PIECE))
def test_seeds(start: int):
    failures = [failure_of(seed) for seed in range(start, start + _PIECE)]
    failed = [f"seed {seed}: {failure}" for seed, failure in failures if failure]
    assert not failed, "\n".join(
        [*failed, "replay: python -m tests.simulation.run --seed SEED --trace"]
    )


def test_a_seed_replays_to_the_letter():
    from tests.simulation.simulate import simulate

    first: list[str] = []
    second: list[str] = []
    simulate(17, first.append)
    simulate(17, second.append)
    assert len(first) > 100
    assert first == second


@pytest.mark.parametrize("seed", range(1000, 1010))
def test_seeds_on_a_real_s3_server(s3_server: S3Server, seed: int):
    simulate(seed, store=S3Store(s3_server.new_prefix(), s3_server.config))
