"""The runs grid and the charts of the portal, at sizes that only it is asked for."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from playwright.sync_api import Browser, Page

from benchmarks.harness import Bench
from benchmarks.portal_browser import Look
from benchmarks.portal_data import METRIC, id_of
from benchmarks.portal_figures import PROBE_GRID, PROBE_PLOT, Told, emit, rounds
from benchmarks.portal_fixtures import curves_lake, kept, keys_lake, runs_lake
from benchmarks.server_sides import mere_side

__all__ = [
    "GRID",
    "KEYS",
    "LINE",
    "OVERLAY",
    "PAINT",
    "charts",
    "choose_all",
    "grid",
    "keys",
    "line",
    "paint",
]

GRID = ("first_rows", "sort", "filter", "group", "inp", "scroll", "rows", "heap")
PAINT = ("portal.paint.plain", "portal.paint.throttled")
OVERLAY = tuple(
    f"portal.overlay.{one}"
    for one in ("coarse", "refined", "zoom", "zoom_refined", "hover", "bytes", "heap")
)
LINE = ("portal.line.ink", "portal.line.opened", "portal.line.bytes")
KEYS = tuple(f"portal.keys.{one}" for one in ("first_rows", "sections", "first_chart", "nodes"))
_COLUMNS = "show=table&cols=!name;status;params.lr;params.model;metrics.loss"
_FILTER = "params.model = 'cnn' and metrics.loss < 0.5"
_ROWS = "[role=grid] [role=row], [role=treegrid] [role=row]"
_PROBE_STAGES = f"""() => {{
    if (({PROBE_PLOT})()) return "lines";
    const sections = document.querySelector("[aria-label=Charts]")?.innerText.includes("layer0/");
    return sections ? "sections" : ({PROBE_GRID})() ? "rows" : null;
}}"""


def grid(bench: Bench, browser: Browser, name: str, runs: int) -> None:
    """First rows, sort, filter, group, scroll of many runs."""
    bench.say(f"{name}: {runs:,} runs")
    made = kept(bench.folder, runs_lake, runs=runs)
    with mere_side(made["url"]) as side:
        told = rounds(browser, side.url, PROBE_GRID, partial(_grid, made["experiment"]))
    for figure in ("first_rows", "sort", "filter", "group", "inp"):
        emit(bench, f"{name}.{figure}", told[figure], budget=figure, runs=runs)
    emit(bench, f"{name}.scroll", told["scroll"], budget="scroll", of="frames, p95", runs=runs)
    emit(bench, f"{name}.rows", told["rows"], budget="rows", unit="rows in the page", runs=runs)
    emit(bench, f"{name}.heap", told["heap"], budget="grid.heap", unit="MB", runs=runs)


def _grid(home: str, page: Look, told: Told) -> None:
    page.goto(f"/p/{home}?{_COLUMNS}")
    told["first_rows"].append(page.until())
    page.steady()
    head = page.page.get_by_role("columnheader", name=re.compile("loss"))
    told["sort"].append(_painted(page, head.click))
    page.steady(quiet_ms=500)
    told["scroll"].append(page.frames_p95(partial(_wheel, page.page)))
    told["rows"].append(page.count(_ROWS))
    page.page.evaluate("() => { document.querySelector('[role=grid]').scrollTop = 0; }")
    page.page.get_by_label("Filter runs").fill(_FILTER)
    page.steady(quiet_ms=700)
    enter = partial(page.page.keyboard.press, "Enter")
    told["filter"].append(_painted(page, enter, "keydown"))
    page.steady(quiet_ms=500)
    page.page.get_by_role("button", name="Group the runs").click()
    item = page.page.get_by_role("menuitemcheckbox", name=re.compile(r"params\.lr|^lr"))
    item.wait_for()
    told["group"].append(_painted(page, item.click))
    page.steady(quiet_ms=500)
    told["inp"].append(page.inp_ms())
    told["heap"].append(page.heap_mb())


def _painted(page: Look, work: object, event: str = "pointerdown") -> float:
    """Milliseconds until rows are there in another order."""
    assert callable(work)
    before = page.page.evaluate("() => performance.getEntriesByName('grid:painted').length")
    page.act(work, event)
    return page.until(f"parseInt(told) > {before}")


def _wheel(page: Page) -> None:
    page.mouse.move(500, 500)
    for _ in range(60):
        page.mouse.wheel(0, 240)
        page.wait_for_timeout(16)


def paint(bench: Bench, browser: Browser, runs: int) -> None:
    """When something is painted at all: here, and on a slower machine at a slower line."""
    bench.say("portal.paint")
    made = kept(bench.folder, runs_lake, runs=runs)
    slow: dict[str, Any] = {"cpu": 4.0, "mbit": 10.0, "latency_ms": 40.0}

    def opened(name: str, page: Look, told: Told) -> None:
        if name == "throttled":
            page.throttle(**slow)
        page.goto(f"/p/{made['experiment']}?{_COLUMNS}")
        told["rows"].append(page.until())
        told["paint"].append(page.first_paint_ms())

    with mere_side(made["url"]) as side:
        for name in ("plain", "throttled"):
            told = rounds(browser, side.url, PROBE_GRID, partial(opened, name))
            rows = f"{sorted(told['rows'])[len(told['rows']) // 2]:.0f}"
            params: dict[str, Any] = slow if name == "throttled" else {}
            emit(
                bench,
                f"portal.paint.{name}",
                told["paint"],
                budget=f"paint.{name}",
                first_rows_ms=float(rows),
                **params,
            )


def charts(bench: Bench, browser: Browser, runs: int, points: int) -> None:
    """Many runs in one chart: first lines, all of them, a closer look, the crosshair."""
    bench.say(f"portal.overlay: {runs:,} runs of {points:,} points")
    made = kept(bench.folder, curves_lake, runs=runs, points=points)
    with mere_side(made["url"]) as side:
        told = rounds(browser, side.url, PROBE_PLOT, partial(_overlay, made["experiment"], runs))
    sizes: dict[str, Any] = {"runs": runs, "points": points}
    for figure in ("coarse", "refined", "zoom", "zoom_refined"):
        emit(bench, f"portal.overlay.{figure}", told[figure], budget=figure, **sizes)
    emit(bench, "portal.overlay.hover", told["hover"], budget="hover", of="frames, p95", **sizes)
    emit(bench, "portal.overlay.bytes", told["kb"], budget="overlay.bytes", unit="KB", **sizes)
    emit(bench, "portal.overlay.heap", told["heap"], budget="overlay.heap", unit="MB", **sizes)


def choose_all(page: Look, runs: int) -> None:
    """Choose every run by keys; the last stroke, which draws them, is the one that is timed."""
    row = '[data-row="{}"] [data-column]:focus'
    page.page.keyboard.press("j")
    page.page.wait_for_selector(row.format(0))
    page.page.keyboard.press("x")
    page.page.get_by_text(re.compile(f"{runs:,} runs, 1 selected")).wait_for()
    page.page.keyboard.press("Control+ArrowDown")
    page.page.wait_for_selector(row.format(runs - 1))
    page.steady()
    page.act(partial(page.page.keyboard.press, "Shift+X"), "keydown")


def _overlay(home: str, runs: int, page: Look, told: Told) -> None:
    page.goto(f"/p/{home}?show=both&cols=!name;metrics.loss")
    page.until()
    page.steady()
    choose_all(page, runs)
    before = page.bytes("/series")
    told["coarse"].append(page.until(f"told.endsWith(':{runs}')"))
    told["refined"].append(page.steady())
    told["kb"].append((page.bytes("/series") - before) / 1e3)
    box = page.page.locator("[data-plot] .u-over").first.bounding_box()
    assert box is not None
    mouse, middle = page.page.mouse, box["y"] + box["height"] / 2
    mouse.move(box["x"] + box["width"] * 0.3, middle)
    mouse.down()
    mouse.move(box["x"] + box["width"] * 0.6, middle, steps=4)
    page.page.wait_for_timeout(200)
    page.act(mouse.up, "pointerup")
    told["zoom"].append(page.until())
    told["zoom_refined"].append(page.steady())

    def hover() -> None:
        for step in range(60):
            mouse.move(box["x"] + box["width"] * step / 60, middle + step % 7 * 5)
            page.page.wait_for_timeout(16)

    told["hover"].append(page.frames_p95(hover))
    told["heap"].append(page.heap_mb())


def line(bench: Bench, browser: Browser, points: int) -> None:
    """One run with very many points."""
    bench.say(f"portal.line: {points:,} points")
    made = kept(bench.folder, curves_lake, runs=1, points=points)
    path = f"/p/{made['experiment']}/runs/{id_of(0)}/charts"

    def opened(page: Look, told: Told) -> None:
        page.goto(path)
        painted = page.until("told.endsWith(':1')")
        page.steady()
        asked = page.page.evaluate(
            "() => performance.getEntriesByType('resource')"
            ".find((one) => one.name.includes('/series')).startTime"
        )
        told["ink"].append(painted - asked)
        told["opened"].append(painted)
        told["kb"].append(page.bytes("/series") / 1e3)

    with mere_side(made["url"]) as side:
        told = rounds(browser, side.url, PROBE_PLOT, opened)
    note: dict[str, Any] = {"points": points, "metric": METRIC}
    emit(bench, "portal.line.ink", told["ink"], budget="line.ink", since="it was asked for", **note)
    emit(bench, "portal.line.opened", told["opened"], since="navigation", **note)
    emit(bench, "portal.line.bytes", told["kb"], budget="line.bytes", unit="KB", **note)


def keys(bench: Bench, browser: Browser, runs: int, number: int) -> None:
    """An experiment of very many metrics: rows, and the first charts."""
    bench.say(f"portal.keys: {number:,} metrics")
    made = kept(bench.folder, keys_lake, runs=runs, keys=number)

    def opened(page: Look, told: Told) -> None:
        page.goto(f"/p/{made['experiment']}?show=both")
        told["rows"].append(page.until())
        page.steady()
        told["sections"].append(page.until("told === 'sections'"))
        told["nodes"].append(page.count("*"))
        page.act(page.page.get_by_role("button", name=re.compile(r"^\W*layer0")).click)
        told["lines"].append(page.until("told === 'lines'"))

    with mere_side(made["url"]) as side:
        told = rounds(browser, side.url, _PROBE_STAGES, opened)
    sizes: dict[str, Any] = {"runs": runs, "keys": number}
    emit(bench, "portal.keys.first_rows", told["rows"], budget="first_rows", **sizes)
    emit(bench, "portal.keys.sections", told["sections"], budget="first_rows", **sizes)
    emit(bench, "portal.keys.first_chart", told["lines"], since="its section opened", **sizes)
    emit(bench, "portal.keys.nodes", told["nodes"], unit="elements", **sizes)
