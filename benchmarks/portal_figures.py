"""What the portal's benchmarks share: their budgets, and how rounds become figures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from statistics import median
from typing import Any

from playwright.sync_api import Browser

from benchmarks.harness import Bench
from benchmarks.portal_browser import Look, look

__all__ = ["BUDGETS", "PROBE_GRID", "PROBE_PLOT", "Told", "emit", "rounds"]

Told = dict[str, list[float]]
"""The values of each figure, one a round."""

ROUNDS = 3

BUDGETS: dict[str, float] = {
    "first_rows": 700,
    "sort": 150,
    "filter": 150,
    "group": 150,
    "inp": 200,
    "scroll": 33,
    "rows": 80,
    "grid.heap": 120,
    "coarse": 500,
    "refined": 1_500,
    "zoom": 100,
    "zoom_refined": 500,
    "hover": 33,
    "overlay.bytes": 8_000,
    "overlay.heap": 300,
    "line.ink": 300,
    "line.bytes": 16,
    "visible": 1_000,
    "unchanged": 0,
    "trace": 1_000,
    "lineage": 1_000,
    "log": 150,
    "compare": 500,
    "paint.plain": 500,
    "paint.throttled": 1_800,
    "server.window": 60,
    "server.suggest": 50,
    "server.series": 150,
}
"""What may be spent: milliseconds, and KB, MB or elements where the figure's unit says so."""

PROBE_GRID = """() => {
    const painted = performance.getEntriesByName("grid:painted").length;
    const row = document.querySelector('[data-row="0"]')?.innerText.trim();
    return painted && row ? `${painted} ${row}` : null;
}"""
"""How often rows came in a new order, and the first of them."""

PROBE_PLOT = """() => {
    const bench = window.bench;
    const painted = performance.getEntriesByName("plot:painted").length;
    if (painted !== bench.painted) {
        bench.painted = painted;
        bench.lines = document.querySelector("[data-plot]")?.plot?.countLines() ?? 0;
    }
    return bench.lines ? `${painted}:${bench.lines}` : null;
}"""
"""How often charts were painted, and how many lines the first of them has now."""


def rounds(
    browser: Browser,
    url: str,
    probe: str,
    journey: Callable[[Look, Told], None],
    times: int = ROUNDS,
) -> Told:
    """Go the same way several times, each in a browser that has seen nothing yet."""
    told: Told = defaultdict(list)
    for _ in range(times):
        with look(browser, url, probe) as page:
            journey(page, told)
    return told


def emit(
    bench: Bench,
    name: str,
    values: list[float],
    *,
    budget: str | None = None,
    unit: str = "ms",
    **params: Any,
) -> None:
    """Print a figure beside its budget: the median of its rounds, the least and the greatest."""
    if not values or not bench.wants(name):
        return
    value = median(values)
    told: dict[str, Any] = {"rounds": len(values)}
    if len(values) > 1:
        told |= {"best": _short(min(values)), "worst": _short(max(values))}
    if budget is not None:
        limit = BUDGETS[budget]
        told |= {"budget": limit, "kept": value <= limit}
    bench.emit(name, value, unit, **told, **params)


def _short(value: float) -> float:
    return float(f"{value:.4g}")
