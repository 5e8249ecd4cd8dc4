"""The portal's other large pages: a trace, a graph, a log, a comparison; and what is live."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser

import mere
from benchmarks.harness import Bench
from benchmarks.portal_browser import Look
from benchmarks.portal_figures import PROBE_GRID, Told, emit, rounds
from benchmarks.portal_fixtures import TRACE, compared_lake, kept, pages_lake
from benchmarks.server_sides import mere_side
from mere.clock import SystemClock
from mere.services.warehouse import open_warehouse

__all__ = ["COMPARE", "LIVE", "PAGES", "compare", "live", "pages"]

PAGES = ("portal.trace.open", "portal.lineage.open", "portal.log.open", "portal.log.jump")
COMPARE = ("portal.compare.open",)
LIVE = ("portal.live.visible", "portal.live.unchanged")

_PAINTED = """() => {{
    const is = performance.getEntriesByName("{mark}").length > 0;
    return is && document.body.innerText.includes("{text}") ? "painted" : null;
}}"""
_PROBE_LOG = """() => {
    const shown = document.querySelector("[data-log]")?.innerText.match(/step (\\d+) /);
    return shown ? shown[1] : null;
}"""
_PROBE_SHEET = """() => document.querySelector("[role=treegrid] [role=rowheader]")?.innerText"""
_JUMP = """(share) => {
    const log = document.querySelector("[data-log]");
    window.bench.reset("");
    window.bench.began = performance.now();
    log.scrollTop = log.scrollHeight * share;
}"""


def pages(bench: Bench, browser: Browser, spans: int, nodes: int, lines: int) -> None:
    """Open a trace and a graph, and jump through a log."""
    made = kept(bench.folder, pages_lake, spans=spans, nodes=nodes, lines=lines)
    with mere_side(made["url"]) as side:
        if bench.wants("portal.trace.open"):
            bench.say(f"portal.trace: {spans:,} spans")
            probe = _PAINTED.format(mark="waterfall:painted", text=f"{spans:,}")
            told = rounds(browser, side.url, probe, partial(_open, f"/traces/{TRACE}"))
            emit(bench, "portal.trace.open", told["open"], budget="trace", spans=spans)
        if bench.wants("portal.lineage.open"):
            bench.say(f"portal.lineage: {nodes:,} nodes")
            path = f"/lineage/dataset-version/{made['hub']}?width=10000"
            probe = _PAINTED.format(mark="graph:painted", text="")
            told = rounds(browser, side.url, probe, partial(_open, path))
            emit(bench, "portal.lineage.open", told["open"], budget="lineage", nodes=nodes)
        if bench.wants("portal.log.open") or bench.wants("portal.log.jump"):
            bench.say(f"portal.log: {lines:,} lines")
            path = f"/p/{made['experiment']}/runs/{made['run']}/logs"
            told = rounds(browser, side.url, _PROBE_LOG, partial(_log, path, lines))
            emit(bench, "portal.log.open", told["open"], lines=lines)
            emit(bench, "portal.log.jump", told["jump"], budget="log", lines=lines)


def _open(path: str, page: Look, told: Told) -> None:
    page.goto(path)
    told["open"].append(page.until())


def _log(path: str, lines: int, page: Look, told: Told) -> None:
    page.goto(path)
    told["open"].append(page.until())
    page.steady()
    for share in (0.5, 0.9, 0.25):
        page.page.evaluate(_JUMP, share)
        there = f"Math.abs(told - {lines * share}) < {lines / 50}"
        told["jump"].append(page.until(there))
        page.steady(quiet_ms=500)


def compare(bench: Bench, browser: Browser, runs: int, keys: int) -> None:
    """Open the comparison of many runs with many params."""
    bench.say(f"portal.compare: {runs:,} runs of {keys:,} params")
    made = kept(bench.folder, compared_lake, runs=runs, keys=keys)
    path = f"/compare?experiments={made['experiment']}"
    with mere_side(made["url"]) as side:
        told = rounds(browser, side.url, _PROBE_SHEET, partial(_open, path))
    emit(bench, "portal.compare.open", told["open"], budget="compare", runs=runs, keys=keys)


def live(bench: Bench, browser: Browser, points: int) -> None:
    """How long after its acknowledgement a point is seen, and what asking again costs."""
    bench.say(f"portal.live: {points} points")
    with TemporaryDirectory(dir=bench.folder) as folder:
        url = str(Path(folder) / "lake")
        run = mere.start_run(
            "live",
            name="swift",
            warehouse=url,
            console=False,
            capture=False,
            flush_interval_s=0.2,
        )
        run.log({"loss": 0.5}, step=0)
        run.flush()
        home = open_warehouse(url).experiments.get_or_create("live").experiment_id
        with mere_side(url) as side:
            told = rounds(browser, side.url, PROBE_GRID, partial(_live, home, run, points), times=1)
        run.finish()
    taken = sorted(told["visible"])
    emit(
        bench,
        "portal.live.visible",
        [taken[int(len(taken) * 0.95)]],
        budget="visible",
        of="points, p95",
        points=points,
        median_ms=float(f"{taken[len(taken) // 2]:.4g}"),
    )
    emit(
        bench,
        "portal.live.unchanged",
        told["again"],
        budget="unchanged",
        unit="bytes",
        answers=told["answers"][0],
    )


def _live(home: str, run: mere.Run, points: int, page: Look, told: Told) -> None:
    clock = SystemClock()
    page.goto(f"/p/{home}?show=both&cols=!name;metrics.loss")
    page.until()
    page.steady()
    origin = page.page.evaluate("() => performance.timeOrigin")
    for number in range(1, points + 1):
        page.page.evaluate("() => window.bench.reset('')")
        run.log({"loss": number + 0.5}, step=number)
        run.flush()
        acknowledged = clock.now_us() / 1000 - origin
        seen = page.until(f"told.includes('{number + 0.5}')", limit_s=20)
        told["visible"].append(seen - acknowledged)
        page.page.wait_for_timeout(150 + number % 5 * 110)
    for _ in range(2):  # columns that came one after another get one tag
        first = len(page.answers)
        for _ in range(2):
            page.page.keyboard.press(".")
            page.page.wait_for_timeout(2_500)
    again = [one for one in page.answers[first:] if "/api/" in one.url]
    asked = [one for one in again if "runs/window" in one.url or "/series" in one.url]
    told["again"].append(sum(one.sizes()["responseBodySize"] for one in asked))
    told["answers"].append(len(asked))
