"""What training code feels: the import, one log call, and the pace of a training loop."""

from __future__ import annotations

from statistics import median

from benchmarks.harness import Bench, Theme

__all__ = ["THEME"]

_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def _run(bench: Bench) -> None:
    if bench.wants("sdk.import"):
        _import(bench)
    if bench.wants("sdk.log"):
        bench.say("run.log in the caller")
        found = [bench.child("caller", "log") for _ in range(bench.choose(1, 3, 5))]
        bench.emit(
            "sdk.log",
            median(one["log_us"] for one in found),
            "us",
            p99_us=median(one["p99_us"] for one in found),
            calls=found[0]["calls"],
            repeats=len(found),
            beside={"what": "an empty call timed the same way", "value": found[0]["empty_us"]},
        )
    if bench.wants("sdk.slowdown"):
        bench.say("a training loop with and without run.log")
        rounds = bench.choose(5, 15, 31)
        loop = bench.child("caller", "loop", rounds, **_ONE_THREAD)
        bench.emit("sdk.slowdown", loop.pop("slowdown_percent"), "%", **loop)


def _import(bench: Bench) -> None:
    bench.say("import mere")
    times = bench.choose(5, 15, 25)
    bench.child("imports", "mere")  # Python's bytecode
    ours = [bench.child("imports", "mere") for _ in range(times)]
    started = [bench.child("imports", "mere.client.fluent") for _ in range(times)]
    try:
        bench.child("imports", "mlflow")
        theirs = median(bench.child("imports", "mlflow")["import_ms"] for _ in range(5))
    except RuntimeError:
        theirs = None
    mine = median(one["import_ms"] for one in ours)
    bench.emit(
        "sdk.import",
        mine,
        "ms",
        modules=ours[0]["modules"],
        heavy=ours[0]["heavy"],
        with_start_run_ms=median(one["import_ms"] for one in started),
        heavy_with_start_run=started[0]["heavy"],
        repeats=times,
        beside={"what": "import mlflow", "value": theirs, "unit": "ms"},
    )


THEME = Theme(("sdk.import", "sdk.log", "sdk.slowdown"), _run)
