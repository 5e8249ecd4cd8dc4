"""A training loop that logs into a bucket which fails one request in five and pauses for seconds.

It must end in time, lose nothing, and be no slower than without logging. As a module of its own
(``python -m benchmarks.outage``) it is the process that trains.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from statistics import median

from benchmarks.harness import Bench, Theme

__all__ = ["THEME"]

_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
_STEPS = 2_000
_METRICS = 3
_FINISH_S = 30.0


def _run(bench: Bench) -> None:
    from mere.testing.proxy import FaultPlan, run_flaky_proxy

    bench.say("a training loop on a bucket that fails")
    server = bench.s3()
    rounds = bench.choose(3, 9, 21)
    plan = FaultPlan(fail_one_in=5, pause_one_in=10, pause_s=3.0)
    with run_flaky_proxy(server.endpoint, plan) as proxy:
        environment = {
            **server.environment,
            **_ONE_THREAD,
            "AWS_ENDPOINT_URL_S3": proxy.endpoint,
            "MERE_WAREHOUSE": server.new_prefix("outage"),
            "XDG_STATE_HOME": str(bench.folder / "state"),
        }
        loop = bench.child("outage", "train", rounds, **environment)
        requests, failed = proxy.requests, proxy.failed
        proxy.faults = FaultPlan()
        after = bench.child("outage", "count", rounds, **environment)
    bench.emit(
        "outage.slowdown",
        loop.pop("slowdown_percent"),
        "%",
        **loop,
        **after,
        requests=requests,
        failed_requests=failed,
        fails="one in five, one in ten pauses 3 s",
    )


def _train(rounds: int) -> dict[str, float]:
    """Loops of steps of about two milliseconds, bare and logging, in turn."""
    import numpy as np

    import mere

    weights = np.random.default_rng(0).random((384, 384))

    def steps(run: mere.Run | None) -> tuple[float, float, float]:
        state = weights
        began, began_cpu = time.perf_counter(), time.process_time()
        began_own = time.thread_time()
        for step in range(_STEPS):
            state = np.tanh(state @ weights / 384)
            value = float(state[0, 0])
            if run is not None:
                run.log({"loss": value, "accuracy": 1 - value, "lr": 0.1}, step=step)
        own = time.thread_time() - began_own
        return time.perf_counter() - began, time.process_time() - began_cpu, own

    def logged() -> tuple[tuple[float, float, float], float]:
        run = mere.start_run("outage", finish_timeout_s=_FINISH_S)
        # What is done once, such as looking at the code, is not part of the loop.
        with contextlib.suppress(mere.Unavailable):
            run.flush(10)
        taken = steps(run)
        began = time.perf_counter()
        run.finish()
        return taken, time.perf_counter() - began

    steps(None)
    wall, cpu, beside, ends, bare_s = [], [], [], [], 0.0
    for index in range(rounds):
        # Which comes first alternates, so that a machine that warms up favours neither.
        if index % 2:
            bare = steps(None)
            with_log, end_s = logged()
        else:
            with_log, end_s = logged()
            bare = steps(None)
        wall.append(with_log[0] / bare[0])
        cpu.append(with_log[1] / bare[1])
        beside.append((with_log[1] - with_log[2]) / with_log[2])
        ends.append(end_s)
        bare_s = bare[0]
    return {
        "slowdown_percent": round((median(wall) - 1) * 100, 2),
        "cpu_percent": round((median(cpu) - 1) * 100, 2),
        # Of threads beside the loop: what even a busy machine tells rightly.
        "beside_cpu_percent": round(median(beside) * 100, 2),
        "end_s_max": round(max(ends), 2),
        "end_s_allowed": _FINISH_S,
        "step_ms": round(bare_s / _STEPS * 1000, 3),
        "metrics_a_step": _METRICS,
        "rounds": rounds,
    }


def _count(rounds: int) -> dict[str, int]:
    """Send what still waits, and count what is stored and what is missing."""
    import mere
    from mere.client.outbox import sync

    report = sync()
    query = (
        "select count(*) as n, count(distinct (run_id, key, step)) as different from metrics "
        "where not starts_with(key, 'system/')"
    )
    (found,) = mere.sql(query).to_pylist()
    ended = mere.sql("select count(*) as n from runs where status = 'FINISHED'").to_pylist()
    expected = rounds * _STEPS * _METRICS
    return {
        "points": found["n"],
        "lost": expected - found["different"],
        "doubled": found["n"] - found["different"],
        "runs_not_ended": rounds - ended[0]["n"],
        "sent_later": report.records,
        "left": len(report.left),
    }


THEME = Theme(("outage.slowdown",), _run)

if __name__ == "__main__":
    act = _train if sys.argv[1] == "train" else _count
    print(json.dumps(act(int(sys.argv[2]))))
