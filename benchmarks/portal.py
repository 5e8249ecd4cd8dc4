"""The portal in a browser, alone and beside other trackers' pages: ``python -m benchmarks.portal``.

Figures are JSON lines, as those of ``python -m benchmarks``: the median of three rounds, each in a
browser context that has seen nothing yet, beside what the figure may be at most. Other trackers
show the same runs on the same machine, and are timed by the same clock; see `portal_browser`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Browser

from benchmarks import portal_alone, portal_answers, portal_pages, portal_sides
from benchmarks.harness import Bench, Theme
from benchmarks.portal_browser import BrowserError, browsing
from scripts.portal import built


def main() -> int:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.portal", description=__doc__)
    parser.add_argument("--only", action="append", default=[], metavar="PATTERN")
    parser.add_argument("--skip", action="append", default=[], metavar="PATTERN")
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument("--quick", action="store_true", help="small sizes, two or three minutes")
    sizes.add_argument("--full", action="store_true", help="1M runs; 1,000 runs of 100k points")
    parser.add_argument("--points", type=int, default=0, help="of each run that is drawn")
    parser.add_argument("--folder", type=Path, help="where fixtures are kept for the next time")
    chosen = parser.parse_args()
    size = "quick" if chosen.quick else "full" if chosen.full else "usual"
    with ExitStack() as stack, built():
        folder = chosen.folder
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mere-portal-")))
        folder.mkdir(parents=True, exist_ok=True)
        bench = Bench(folder.resolve(), size, chosen.only, chosen.skip, stack)
        browser = stack.enter_context(browsing())
        print(json.dumps(_machine(size, browser)), flush=True)
        return _measure(bench, browser, chosen.points)


def _measure(bench: Bench, browser: Browser, points: int) -> int:
    """Run each theme that is wanted; what fails is told, and the others go on."""
    failed = 0
    for theme in _themes(bench.size, browser, points):
        if not any(map(bench.wants, theme.names)):
            continue
        try:
            theme.run(bench)
        except (BrowserError, RuntimeError) as error:
            failed += 1
            bench.say(f"{theme.names[0]} failed: {str(error)[:2000]}")
    return 1 if failed else 0


def _themes(size: str, browser: Browser, points: int) -> list[Theme]:
    is_quick = size == "quick"
    many = 5_000 if is_quick else 100_000
    most = 1_000_000 if size == "full" else many
    drawn, each = (200, 200) if is_quick else (1_000, 100_000 if size == "full" else 1_000)
    spans, nodes = (5_000, 500) if is_quick else (50_000, 9_998)
    lines, metrics = (100_000, 1_000) if is_quick else (1_000_000, 12_000)
    one, runs, params = (10**5, 100, 500) if is_quick else (10**6, 1_000, 5_000)
    themes = [
        Theme(portal_alone.PAINT, lambda bench: portal_alone.paint(bench, browser, many)),
        _grid(browser, many),
        Theme(
            portal_alone.OVERLAY,
            lambda bench: portal_alone.charts(bench, browser, drawn, points or each),
        ),
        Theme(portal_answers.WINDOWS, lambda bench: portal_answers.windows(bench, most)),
        Theme(
            portal_answers.BOARDS,
            lambda bench: portal_answers.boards(bench, drawn, points or each),
        ),
        Theme(portal_alone.LINE, lambda bench: portal_alone.line(bench, browser, one)),
        Theme(portal_alone.KEYS, lambda bench: portal_alone.keys(bench, browser, 5, metrics)),
        Theme(
            portal_pages.PAGES,
            lambda bench: portal_pages.pages(bench, browser, spans, nodes, lines),
        ),
        Theme(
            portal_pages.COMPARE, lambda bench: portal_pages.compare(bench, browser, runs, params)
        ),
        Theme(
            portal_pages.LIVE,
            lambda bench: portal_pages.live(bench, browser, 10 if is_quick else 40),
        ),
        Theme(portal_sides.NAMES, lambda bench: portal_sides.beside(bench, browser)),
    ]
    return [*themes, _grid(browser, 1_000_000)] if size == "full" else themes


def _grid(browser: Browser, runs: int) -> Theme:
    name = f"portal.grid.{runs // 1000}k"
    names = tuple(f"{name}.{one}" for one in portal_alone.GRID)
    return Theme(names, lambda bench: portal_alone.grid(bench, browser, name, runs))


def _machine(size: str, browser: Browser) -> dict[str, object]:
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((one.split(": ")[1] for one in lines if one.startswith("model name")), model)
    return {
        "name": "machine",
        "size": size,
        "cores": os.cpu_count(),
        "processor": model,
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "chromium": browser.version,
    }


if __name__ == "__main__":
    sys.exit(main())
