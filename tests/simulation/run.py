"""Run many seeds: ``python -m tests.simulation.run --seeds 10000 --jobs 2``.

A failing seed is printed with the command that replays it, and the exit status is then 1.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import sys
import time
import traceback

import pyarrow as pa

from tests.simulation.simulate import simulate

__all__ = ["failure_of", "main"]

_SHOWN_MAX = 10


def failure_of(seed: int) -> tuple[int, str | None]:
    """Simulate a seed; what went wrong, or None."""
    try:
        simulate(seed)
    except Exception as error:  # noqa: BLE001 - whatever a seed raises is its result
        last = traceback.extract_tb(error.__traceback__)[-1]
        return seed, f"{type(error).__name__}: {error} ({last.name}, line {last.lineno})"
    return seed, None


def _begin() -> None:
    """Make a worker quick: files are too small for threads, and garbage has little in it."""
    pa.set_cpu_count(1)
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def main() -> int:
    """Run what the command line asks for; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=300, help="how many seeds to run")
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--seed", type=int, help="run this seed alone, and raise what it raises")
    parser.add_argument("--trace", action="store_true", help="with --seed: print every step")
    given = parser.parse_args()
    if given.seed is not None:
        world = simulate(given.seed, print if given.trace else None)
        print(f"seed {given.seed} passed: {len(world.model.acked)} batches acknowledged")
        return 0
    return _run_all(range(given.start, given.start + given.seeds), given.jobs)


def _run_all(seeds: range, jobs: int) -> int:
    begun = said = time.monotonic()
    failed = 0
    context = multiprocessing.get_context("spawn")
    with context.Pool(jobs, _begin, maxtasksperchild=2_000) as pool:
        for count, (seed, failure) in enumerate(pool.imap(failure_of, seeds, chunksize=5), 1):
            if failure is not None:
                failed += 1
                if failed <= _SHOWN_MAX:
                    print(f"seed {seed} FAILED: {failure}")
                    replay = f"python -m tests.simulation.run --seed {seed} --trace"
                    print(f"  replay: {replay}", flush=True)
            if time.monotonic() - said > 10:
                said = time.monotonic()
                print(f"{count} of {len(seeds)} seeds, {failed} failed", flush=True)
    took = time.monotonic() - begun
    print(
        f"{len(seeds)} seeds from {seeds.start}, {failed} failed, {took:.0f} s, "
        f"{took * jobs / max(1, len(seeds)):.3f} s of one core a seed"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
