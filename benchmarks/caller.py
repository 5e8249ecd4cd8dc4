"""A process that trains: prints what a log call costs it, or how much a loop is slowed down."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from statistics import median

import mere

_CALLS = 100_000
_BURST = 1_000
_STEPS = 400


def main(what: str, rounds: int) -> None:
    """Measure, and print one JSON object."""
    with tempfile.TemporaryDirectory(prefix="mere-caller-") as folder:
        answer = _log(folder) if what == "log" else _loop(folder, rounds)
    print(json.dumps(answer))


def _log(folder: str) -> dict[str, float]:
    """Time each call by itself, in bursts, as a loop that does nothing else is no training."""
    with mere.start_run("bench", warehouse=folder) as run:
        run.flush()
        taken = _timed(lambda step: run.log({"loss": 0.5}, step=step))
        run.flush()
    empty = _timed(lambda _: None)
    ordered = sorted(taken)
    return {
        "log_us": round(median(taken) / 1000, 3),
        "p99_us": round(ordered[int(len(ordered) * 0.99)] / 1000, 3),
        "empty_us": round(median(empty) / 1000, 3),
        "calls": len(taken),
    }


def _timed(call: Callable[[int], None]) -> list[int]:
    clock = time.perf_counter_ns
    taken = []
    for step in range(_CALLS):
        began = clock()
        call(step)
        taken.append(clock() - began)
        if step % _BURST == 0:
            time.sleep(0.005)
    return taken


def _loop(folder: str, rounds: int) -> dict[str, float]:
    """A loop of steps of about two milliseconds, bare and logging three metrics, in turn."""
    import numpy as np

    weights = np.random.default_rng(0).random((384, 384))

    def steps(log: Callable[..., None] | None) -> tuple[float, float]:
        state = weights
        began, began_cpu = time.perf_counter(), time.process_time()
        for step in range(_STEPS):
            state = np.tanh(state @ weights / 384)
            if log is not None:
                value = float(state[0, 0])
                log({"loss": value, "accuracy": 1 - value, "lr": 0.1}, step=step)
            else:
                float(state[0, 0])
        return time.perf_counter() - began, time.process_time() - began_cpu

    ratios, cpu_ratios = [], []
    bare_s = 0.0
    with mere.start_run("bench", warehouse=folder) as run:
        run.flush()
        steps(run.log)
        for index in range(rounds):
            # Which comes first alternates, so that a machine that warms up favours neither.
            first, second = (None, run.log) if index % 2 else (run.log, None)
            one, two = steps(first), steps(second)
            bare, logged = (one, two) if index % 2 else (two, one)
            ratios.append(logged[0] / bare[0])
            cpu_ratios.append(logged[1] / bare[1])
            bare_s = bare[0]
    ordered = sorted(ratios)
    quarter = len(ordered) // 4
    return {
        "slowdown_percent": round((median(ratios) - 1) * 100, 2),
        "spread_percent": round((ordered[-1 - quarter] - ordered[quarter]) * 100, 2),
        # All threads' work, ours included: what is left of the difference on a busy machine.
        "cpu_percent": round((median(cpu_ratios) - 1) * 100, 2),
        "step_ms": round(bare_s / _STEPS * 1000, 3),
        "metrics_a_step": 3,
        "rounds": rounds,
    }


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1)
