"""The portal beside MLflow's, TensorBoard's and Aim's pages: the same runs, the same clock.

Each side is opened as its users open it. An overlay of 100 runs is timed from the navigation. For
1,000 the portal and TensorBoard want the runs to be chosen first: what that page took to open is
added to what the choice took. MLflow and Aim have an address for it. A side is done when nothing
that it shows or loads has changed for a while; the time is that of the last change.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from statistics import median
from urllib.parse import quote

from playwright.sync_api import Browser

from benchmarks.harness import Bench
from benchmarks.portal_alone import choose_all
from benchmarks.portal_browser import BrowserError, Look, look
from benchmarks.portal_data import METRIC, base_of, id_of, name_of
from benchmarks.portal_figures import PROBE_GRID, PROBE_PLOT, ROUNDS
from benchmarks.portal_fixtures import curves_lake, kept, runs_lake
from benchmarks.portal_servers import TRACKERS, aim, filled, tensorboard
from benchmarks.server_sides import MLFLOW, mere_side, mlflow_side

__all__ = ["NAMES", "beside"]

NAMES = (
    "portal.beside.first_rows",
    "portal.beside.sort",
    "portal.beside.overlay.100",
    "portal.beside.overlay.1000",
    "portal.beside.large.first_rows",
    "portal.beside.large.sort",
)
_FEW = 100

_PROBE_MLFLOW = """() => document.querySelector('.ag-row[row-index="0"] a')?.innerText"""
_PROBE_TENSORBOARD = (
    """() => document.querySelector("tb-data-table-content-row")?.innerText.trim()"""
)
_PROBE_AIM = """() => document.querySelector(".RunNameColumn__runName")?.innerText.trim()"""
_LINES_MLFLOW = """() => document.querySelectorAll(".scatterlayer .trace .js-line").length"""
_LINES_AIM = """() => document.querySelectorAll("path.Line").length"""
# It draws in a worker: what has come out is counted in pixels.
_LINES_TENSORBOARD = """() => {
    const drawn = document.querySelector("line-chart canvas");
    if (!drawn) return null;
    const copy = new OffscreenCanvas(drawn.width, drawn.height).getContext("2d");
    copy.drawImage(drawn, 0, 0);
    let inked = 0;
    const { data } = copy.getImageData(0, 0, drawn.width, drawn.height);
    for (let at = 3; at < data.length; at += 4) if (data[at]) inked += 1;
    return inked;
}"""

Measure = Callable[[Look], list[float]]
"""What a page is asked to do; its milliseconds, the first ink and the last."""


@dataclass(frozen=True)
class _Way:
    """How one side does one thing."""

    probe: str
    go: Measure


@dataclass(frozen=True)
class _Shown:
    """A side that is running."""

    name: str
    url: str
    ways: dict[str, _Way]


def beside(bench: Bench, browser: Browser) -> None:
    """Measure all sides, one after the other, and print each figure of all."""
    many = bench.choose(_FEW, 1_000, 1_000)
    points = bench.choose(50, 200, 200)
    with ExitStack() as stack:
        sides = [_mere(bench, stack, many, points), _mlflow(bench, stack, many, points)]
        if TRACKERS.exists():
            sides += [_tensorboard(bench, stack, many, points)]
            sides += [_aim(bench, browser, stack, many, points)]
        figures = ["first_rows", "sort", "overlay.100"]
        figures += ["overlay.1000"] if many > _FEW else []
        for figure in figures:
            _compare(bench, browser, f"portal.beside.{figure}", figure, sides, many, points)
    large = bench.choose(1_000, 100_000, 100_000)
    if any(bench.wants(name) for name in NAMES if "large" in name):
        with ExitStack() as stack:
            sides = [_mere(bench, stack, large, 0), _mlflow(bench, stack, large, 0)]
            for figure in ("first_rows", "sort"):
                name = f"portal.beside.large.{figure}"
                _compare(bench, browser, name, figure, sides, large, 0)


def _compare(
    bench: Bench,
    browser: Browser,
    name: str,
    figure: str,
    sides: list[_Shown],
    runs: int,
    points: int,
) -> None:
    """Print a figure: of each side the first ink, and the last where that is another."""
    if not bench.wants(name):
        return
    taken: dict[str, list[float]] = {}
    without: dict[str, str] = {}
    for side in sides:
        if (way := side.ways.get(figure)) is None:
            without[side.name] = "not timed"
            continue
        bench.say(f"{name}: {side.name}")
        try:
            taken[side.name] = _rounds(browser, side.url, way)
        except BrowserError as error:
            bench.say(str(error)[:1000])
            without[side.name] = "failed"
    if "mere" not in taken:
        raise RuntimeError(f"{name}: the portal itself did not come to rest")
    told = {**taken, **without}
    bench.emit(name, taken["mere"][-1], "ms", runs=runs, points=points, sides=told)


def _rounds(browser: Browser, url: str, way: _Way) -> list[float]:
    taken = []
    for _ in range(ROUNDS):
        with look(browser, url, way.probe) as page:
            taken.append(way.go(page))
    return [float(f"{median(some):.4g}") for some in zip(*taken, strict=True)]


def _open(path: str, page: Look) -> list[float]:
    page.goto(path)
    return [page.until()]


def _draw(path: str, page: Look) -> list[float]:
    page.goto(path)
    return [page.until(), page.steady()]


def _sorted(runs: int, path: str, act: Callable[[Look], None], page: Look) -> list[float]:
    """Until the first row is the one with the least or the greatest value."""
    page.goto(path)
    page.until()
    page.steady()
    act(page)
    by_value = sorted(range(runs), key=lambda number: base_of(number, runs))
    ends = "|".join(f"{name_of(one)}\\\\b" for one in (by_value[0], by_value[-1]))
    return [page.until(f"new RegExp('{ends}').test(told)")]


def _mere(bench: Bench, stack: ExitStack, runs: int, points: int) -> _Shown:
    bench.say(f"mere: {runs:,} runs")
    if points:
        made = kept(bench.folder, curves_lake, runs=runs, points=points)
    else:
        made = kept(bench.folder, runs_lake, runs=runs)
    side = stack.enter_context(mere_side(made["url"]))
    home = f"/p/{made['experiment']}"
    table = f"{home}?cols=!name;metrics.loss"

    def sort(page: Look) -> None:
        page.act(page.page.get_by_role("columnheader", name=re.compile("loss")).click)

    def chosen(page: Look) -> list[float]:
        page.goto(f"{table}&show=both")
        opened = page.until()
        page.steady()
        choose_all(page, runs)
        return [opened + page.until(f"told.endsWith(':{runs}')"), opened + page.steady()]

    ways = {
        "first_rows": _Way(PROBE_GRID, partial(_open, home)),
        "sort": _Way(PROBE_GRID, partial(_sorted, runs, table, sort)),
        "overlay.100": _Way(PROBE_PLOT, partial(_draw, f"{home}?show=charts")),
        "overlay.1000": _Way(PROBE_PLOT, chosen),
    }
    return _Shown("mere", side.url, ways)


def _mlflow(bench: Bench, stack: ExitStack, runs: int, points: int) -> _Shown:
    bench.say(f"MLflow: {runs:,} runs")
    if not MLFLOW.exists():
        return _Shown("mlflow", "", {})
    folder = filled(bench.folder, "mlflow", runs, runs if points else 0, points)
    database = f"sqlite:///{folder}/mlflow.db"
    side = stack.enter_context(mlflow_side("mlflow", database, folder))
    listed = "/#/experiments/0/runs"

    def sort(page: Look) -> None:
        page.page.get_by_role("button", name="Sort: Created").click()
        item = page.page.get_by_role("menuitemcheckbox", name=METRIC)
        item = item.or_(page.page.get_by_role("menuitem", name=METRIC)).first
        item.wait_for()
        page.act(item.click)

    ways = {
        "first_rows": _Way(_PROBE_MLFLOW, partial(_open, listed)),
        "sort": _Way(_PROBE_MLFLOW, partial(_sorted, runs, listed, sort)),
        "overlay.100": _Way(_LINES_MLFLOW, partial(_draw, _metric_page(_FEW))),
        "overlay.1000": _Way(_LINES_MLFLOW, partial(_draw, _metric_page(runs))),
    }
    return _Shown("mlflow", side.url, ways)


def _metric_page(runs: int) -> str:
    """The address of MLflow's page for one metric of these runs."""
    told = {
        "runs": json.dumps([id_of(number) for number in range(runs)]),
        "metric": json.dumps(METRIC),
        "experiments": '["0"]',
        "plot_metric_keys": json.dumps([METRIC]),
        "plot_layout": "{}",
        "x_axis": "step",
        "y_axis_scale": "linear",
        "line_smoothness": "1",
        "show_point": "false",
        "deselected_curves": "[]",
        "last_linear_y_axis_range": "[]",
    }
    return "/#/metric?" + "&".join(f"{name}={quote(value)}" for name, value in told.items())


def _tensorboard(bench: Bench, stack: ExitStack, runs: int, points: int) -> _Shown:
    bench.say(f"TensorBoard: {runs:,} runs")
    url = stack.enter_context(tensorboard(filled(bench.folder, "tensorboard", runs, points)))
    ways = {"first_rows": _Way(_PROBE_TENSORBOARD, partial(_open, "/#timeseries"))}
    few = stack.enter_context(tensorboard(filled(bench.folder, "tensorboard", _FEW, points)))

    def at_once(page: Look) -> list[float]:
        page.url = few
        return _draw("/#timeseries", page)

    def chosen(page: Look) -> list[float]:
        page.goto("/#timeseries")
        row = page.page.locator("tb-data-table-content-row").first
        row.wait_for()
        opened = float(page.page.evaluate("() => performance.now()"))
        page.page.wait_for_timeout(2_000)
        page.act(page.page.locator("mat-checkbox").first.click)
        return [opened + page.until(), opened + page.steady()]

    ways["overlay.100"] = _Way(_LINES_TENSORBOARD, at_once)
    ways["overlay.1000"] = _Way(_LINES_TENSORBOARD, chosen)
    return _Shown("tensorboard", url, ways)


def _aim(bench: Bench, browser: Browser, stack: ExitStack, runs: int, points: int) -> _Shown:
    bench.say(f"Aim: {runs:,} runs")
    url = stack.enter_context(aim(filled(bench.folder, "aim", runs, points)))
    ways = {"first_rows": _Way(_PROBE_AIM, partial(_open, "/runs"))}
    for figure, query in (("100", "len(run.name) <= 6"), ("1000", "")):
        if bench.wants(f"portal.beside.overlay.{figure}") and (figure == "100" or runs > _FEW):
            path = _aim_page(browser, url, query)
            ways[f"overlay.{figure}"] = _Way(_LINES_AIM, partial(_draw, path))
    return _Shown("aim", url, ways)


def _aim_page(browser: Browser, url: str, query: str) -> str:
    """The address at which Aim draws the metric of some runs, as it tells it after a search."""
    with look(browser, url) as page:
        page.goto("/metrics")
        page.page.get_by_role("button", name="Skip").click()
        page.page.get_by_role("button", name="Metrics").first.click()
        page.page.locator(".MuiAutocomplete-option").first.click()
        page.page.keyboard.press("Escape")
        if query:
            page.page.locator(".monaco-editor").first.click()
            page.page.keyboard.type(query)
        page.page.get_by_role("button", name="Search").click()
        page.page.wait_for_url(re.compile("select="))
        page.page.wait_for_selector("path.Line")
        return page.page.url.removeprefix(url)
