"""How long the server behind the portal takes for an answer, without a browser before it."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from benchmarks.harness import Bench
from benchmarks.portal_data import METRIC, id_of
from benchmarks.portal_figures import emit
from benchmarks.portal_fixtures import curves_lake, kept, runs_lake
from benchmarks.server_sides import mere_side

__all__ = ["BOARDS", "WINDOWS", "boards", "windows"]

WINDOWS = ("portal.server.window", "portal.server.suggest")
BOARDS = ("portal.server.series",)
_ANSWERS = 60
_FIRST = 5
"""Answers before those that are counted: they read the columns in; see first rows for that."""

_COLUMNS = ["name", "status", "params.lr", "params.model", f"metrics.{METRIC}"]
_TEXTS = ("", "par", "params.l", "params.lr ", "params.model = '", f"metrics.{METRIC} < 0.5 and st")
_PANELS, _RUNS_A_PANEL = 12, 100


def windows(bench: Bench, runs: int) -> None:
    """Windows of the grid in many orders and filters, and what is suggested for a filter."""
    bench.say(f"portal.server: {runs:,} runs")
    made = kept(bench.folder, runs_lake, runs=runs)
    home = [made["experiment"]]
    with mere_side(made["url"]) as side:
        taken = _taken(side.url, "/api/v1/runs/window", _windows(home, runs))
        _emit(bench, WINDOWS[0], taken, "server.window", runs=runs)
        texts = ({"text": _TEXTS[n % len(_TEXTS)], "experiments": home} for n in range(10**9))
        taken = _taken(side.url, "/api/v1/suggest", texts)
        _emit(bench, WINDOWS[1], taken, "server.suggest", runs=runs)


def boards(bench: Bench, runs: int, points: int) -> None:
    """A board's charts in one request, each time of other runs, or of others together."""
    bench.say(f"portal.server.series: {_PANELS} charts of {_RUNS_A_PANEL} runs")
    made = kept(bench.folder, curves_lake, runs=runs, points=points)
    sizes = {"panels": _PANELS, "runs": _RUNS_A_PANEL, "points": points}
    with mere_side(made["url"]) as side:
        taken = _taken(side.url, "/api/v1/series", _boards(runs))
        _emit(bench, BOARDS[0], taken, "server.series", **sizes)


def _windows(home: list[str], runs: int) -> Iterator[dict[str, Any]]:
    """Each differs from the one before, as somebody's does who looks around."""
    orders = (f"metrics.{METRIC}", f"metrics.{METRIC} DESC", "params.lr", "name", "started_at DESC")
    filters = ("", f"metrics.{METRIC} < 0.5", "params.model = 'cnn'", "name LIKE 'run-1%'")
    for number in range(10**9):
        asked: dict[str, Any] = {"experiments": home, "columns": _COLUMNS}
        if number % 4 == 3:
            yield {**asked, "group": ["params.model" if number % 8 == 3 else "params.lr"]}
            continue
        asked["order"] = [orders[number % len(orders)]]
        asked["filter"] = filters[number % len(filters)]
        yield {**asked, "offset": number * 7919 % max(1, runs // 4)}


def _boards(runs: int) -> Iterator[dict[str, Any]]:
    apart = max(1, (runs - _RUNS_A_PANEL) // _PANELS)
    for number in range(10**9):
        firsts = [(number + panel) % _PANELS * apart for panel in range(_PANELS)]
        yield {
            "panels": [
                {"runs": [id_of(first + n) for n in range(_RUNS_A_PANEL)], "keys": [METRIC]}
                for first in firsts
            ]
        }


def _taken(url: str, path: str, asked: Iterator[dict[str, Any]]) -> list[float]:
    """Milliseconds of each answer, on one connection that stays open."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    taken = []
    for one in islice(asked, _FIRST + _ANSWERS):
        body = json.dumps(one)
        headers = {"Content-Type": "application/json"}
        began = time.perf_counter()
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        taken.append((time.perf_counter() - began) * 1000)
        if answer.status != http.client.OK:
            raise RuntimeError(f"{path} answered {answer.status}: {text[:300].decode()}")
    connection.close()
    return taken[_FIRST:]


def _emit(bench: Bench, name: str, taken: list[float], budget: str, **params: Any) -> None:
    taken.sort()
    p95, middle = taken[int(len(taken) * 0.95)], taken[len(taken) // 2]
    median_ms = float(f"{middle:.4g}")
    emit(bench, name, [p95], budget=budget, of="answers, p95", median_ms=median_ms, **params)
