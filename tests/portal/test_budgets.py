"""What the portal may cost: code, requests, bytes, elements. Counters are gates; times are told."""

from __future__ import annotations

import gzip
import json
import re
import statistics
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pytest
from playwright.sync_api import Page, expect

import mere
from scripts.portal import built
from tests.portal.browser import Watch, counters, press, settled

STATIC = Path(mere.__file__).parent / "server/portal/static"


@pytest.fixture(scope="module")
def manifest() -> dict[str, dict]:
    with built():
        found: dict[str, dict] = json.loads((STATIC / ".vite/manifest.json").read_text())
        return found


def needed(manifest: dict[str, dict], *names: str) -> set[str]:
    """The files that are loaded with some modules, at once."""
    found: set[str] = set()
    ahead = list(names)
    while ahead:
        chunk = manifest[ahead.pop()]
        if chunk["file"] not in found:
            found |= {chunk["file"], *chunk.get("css", [])}
            ahead += chunk.get("imports", [])
    return found


@pytest.mark.parametrize("route", ["src/pages/Home.tsx", "src/pages/explore/Explore.tsx"])
def test_the_code_of_a_first_page_is_small(manifest, route):
    files = needed(manifest, "index.html", route)
    scripts = [(STATIC / file).read_bytes() for file in files if file.endswith(".js")]
    packed = sum(len(gzip.compress(one, 9)) for one in scripts)
    whole = sum((STATIC / file).stat().st_size for file in files)
    print(f"{route}: {packed / 1000:.0f} KB packed, {whole / 1000:.0f} KB whole")
    assert packed <= 180_000
    assert whole <= 650_000


def test_what_few_need_is_loaded_when_needed(manifest):
    entry = needed(manifest, "index.html")
    sources = {chunk.get("src", ""): chunk["file"] for chunk in manifest.values()}
    for page in ("src/shell/Palette.tsx", "src/pages/run/RunPage.tsx"):
        assert sources[page] not in entry
    whole = "".join((STATIC / file).read_text() for file in entry if file.endswith(".js"))
    for mark in ("uPlot", "markdown-it", "cmdk-input"):
        assert mark not in whole, f"{mark} is in what every page loads"


def test_what_a_page_needs_is_asked_for_before_its_code_runs(page, watch, seeded):
    page.goto(f"/p/{seeded.experiments['digits']}")
    expect(page.get_by_role("grid")).to_be_visible()
    settled(page)
    asked = [one.url.partition("://")[2].partition("/")[2] for one in watch.requests]
    needed = json.loads((STATIC / "pages.json").read_text())["/p/$experiment"]
    for path in (*needed, "api/v1/session"):
        assert asked.count(path) == 1, path
    times = page.evaluate(
        "() => Object.fromEntries(performance.getEntriesByType('resource')"
        ".map((one) => [new URL(one.name).pathname.slice(1), [one.startTime, one.responseEnd]]))"
    )
    (entry,) = (path for path in times if path.startswith("assets/index-") and path.endswith(".js"))
    late = [path for path in (*needed, "api/v1/session") if times[path][0] > times[entry][1]]
    assert late == []


FIRST = {
    "the grid": ("/p/{digits}?show=table&cols=!name;status", "grid", ["runs/window"]),
    "grid and charts": ("/p/{digits}?cols=!name;status", "grid", ["runs/window", "keys/metrics"]),
    "a comparison": (
        "/compare?experiments={digits}",
        "treegrid",
        ["compare/runs", "compare/sheet"],
    ),
    "a run": ("/p/{images}/runs/{heron}", "heading", ["runs/{heron}"]),
    "charts of a run": (
        "/p/{images}/runs/{heron}/charts",
        "region",
        ["runs/{heron}", "runs/{heron}/keys/metrics"],
    ),
    "traces": ("/traces", "row", ["traces/window", "traces/overview"]),
    "a trace": ("/traces/{trace}", "tree", ["traces/{trace}", "traces/{trace}/spans"]),
    "lineage": ("/lineage/run/{heron}", "heading", ["lineage/map"]),
}
"""Pages: an address, what is seen when it is drawn, and what it asks for first."""

NOTHING_IS_DRAWN = """(() => {
    const held = [];
    window.draw = () => { window.draw = null; held.forEach((send) => send()); };
    window.MessageChannel = class extends window.MessageChannel {
        constructor() {
            super();
            const send = this.port2.postMessage.bind(this.port2);
            this.port2.postMessage = (...told) =>
                window.draw ? held.push(() => send(...told)) : send(...told);
        }
    };
})()"""
"""React takes its turns by messages to itself: none comes until `draw` is called."""


@pytest.mark.parametrize("name", FIRST)
def test_what_a_page_shows_first_is_asked_for_once_and_before_it_is_drawn(
    page, watch, seeded, name
):
    path, role, first = FIRST[name]
    ids = {**seeded.experiments, **seeded.runs, "trace": seeded.traces[0]}
    wanted = {f"/api/v1/{one}".format(**ids) for one in first}
    page.add_init_script(NOTHING_IS_DRAWN)
    page.goto(path.format(**ids), wait_until="commit")
    until = time.monotonic() + 20
    while {path for path, *_ in asked(watch, wanted)} < wanted and time.monotonic() < until:
        page.wait_for_timeout(50)
    before = asked(watch, wanted)
    assert {path for path, *_ in before} == wanted
    assert page.locator("#root > *").count() == 0
    page.evaluate("() => window.draw()")
    expect(page.get_by_role(role).first).to_be_visible()
    settled(page)
    after = asked(watch, wanted)
    assert after.keys() >= before.keys()
    assert {one: times for one, times in after.items() if times > 1} == {}


def test_what_changes_on_a_page_asks_for_that_alone(page, watch, seeded):
    """Where the address changes and the page stays, it does not begin again."""
    page.goto(f"/p/{seeded.experiments['digits']}?show=table&cols=!name;status")
    expect(page.get_by_role("grid")).to_be_visible()
    settled(page)
    watch.requests.clear()
    page.get_by_role("columnheader", name="status").click()
    expect(page).to_have_url(re.compile("sort="))
    settled(page)
    paths = [urlsplit(one.url).path for one in watch.requests]
    assert [path for path in paths if path.startswith("/api/")] == ["/api/v1/runs/window"]


def asked(watch: Watch, paths: set[str]) -> Counter[tuple[str, str, str | None]]:
    """How often each thing was asked of some paths: path, query, body."""
    return Counter(
        (parts.path, parts.query, one.post_data)
        for one in watch.requests
        if (parts := urlsplit(one.url)).path in paths
    )


def test_what_has_not_changed_is_not_sent_again(page, watch, seeded):
    page.goto(f"/p/{seeded.experiments['digits']}")
    expect(page.locator(".uplot").first).to_be_visible()
    page.wait_for_timeout(1_000)
    refreshed(page)  # columns that came one after another get one tag
    before = counters(page, watch)
    first = len(watch.responses)
    refreshed(page)
    after = counters(page, watch) - before
    again = watch.responses[first:]
    assert after.requests >= 2
    for kind in ("runs/window", "/series"):
        answers = [one.status for one in again if kind in one.url]
        assert answers, kind
        assert set(answers) == {204}, (kind, answers)


def refreshed(page: Page) -> None:
    """Have the page ask for everything it shows, as after a pause."""
    press(page, ".")
    settled(page)
    press(page, ".")
    page.wait_for_timeout(2_500)


def test_a_thousand_charts_cost_no_more_than_those_in_sight(page, watch, seeded):
    with mere.start_run(
        "many", name="wide", warehouse=seeded.url, console=False, capture=False
    ) as run:
        for step in range(3):
            run.log({f"layer/{n // 50}/norm{n}": n + step for n in range(1_000)}, step=step)
    home = seeded.warehouse.experiments.get_or_create("many").experiment_id
    page.goto(f"/p/{home}?show=charts")
    expect(page.get_by_role("region", name="Charts")).to_be_visible()
    page.wait_for_timeout(1_500)
    seen = counters(page, watch)
    print(seen)
    assert seen.charts <= 12
    assert seen.nodes <= 3_000
    for _ in range(3):
        asked = len([one for one in watch.requests if "/series" in one.url])
        page.mouse.move(700, 600)
        page.mouse.wheel(0, 800)
        page.wait_for_timeout(1_200)
        assert counters(page, watch).charts <= 12
        more = [one for one in watch.requests if "/series" in one.url][asked:]
        assert len(more) <= 2, [one.post_data for one in more]


def test_a_curve_of_a_million_points_is_few_bytes(page, watch, seeded):
    values = np.random.default_rng(7).normal(size=1_000_000)
    with mere.start_run(
        "long", name="million", warehouse=seeded.url, console=False, capture=False
    ) as run:
        for step in (0, len(values) - 1):
            run.log({"curve": values[step]}, step=step)
    steps = np.arange(1, len(values) - 1)
    began = seeded.warehouse.clock.now_us()
    points = {
        "run_id": pa.array([run.run_id]).take(pa.array(np.zeros(len(steps), int))),
        "key": pa.array(["curve"]).take(pa.array(np.zeros(len(steps), int))),
        "step": steps,
        "timestamp": pa.array(began + steps, pa.timestamp("us", "UTC")),
        "value": values[1:-1],
    }
    seeded.warehouse.lake.append("metrics", pa.table(points))
    mere.fold(warehouse=seeded.url)
    page.goto(f"/p/{run.experiment_id}/runs/{run.run_id}/charts")
    chart = page.locator("[data-plot=curve]")
    expect(chart).to_have_accessible_name(re.compile("1,000,000 points"))
    settled(page)
    state = chart.evaluate("(chart) => chart.plot.debugState()")
    (line,) = state["lines"]
    assert (min(line["lo"]), max(line["hi"])) == (values.min(), values.max())
    assert len(line["x"]) >= 300
    assert _series_bytes(watch) <= 16_000


def _series_bytes(watch: Watch) -> int:
    answers = [one for one in watch.responses if "/series" in one.url and one.status == 200]
    assert answers
    return sum(one.request.sizes()["responseBodySize"] for one in answers)


def test_a_zoom_asks_once_and_paints_twice(page, watch, seeded):
    """What is there, cut to the new range; and then what has come."""
    page.goto(f"/p/{seeded.experiments['digits']}?show=both")
    chart = page.locator("[data-plot='val/loss']")
    expect(chart).to_have_accessible_name(re.compile("points"))
    settled(page)
    page.wait_for_timeout(1_000)  # until the board has its width
    asked = len([one for one in watch.requests if "/series" in one.url])
    before = chart.evaluate("(chart) => chart.plot.debugState().paints")
    chart.focus()
    with page.expect_response(lambda one: "/series" in one.url):
        press(page, "+")
    page.wait_for_timeout(1_000)
    state = chart.evaluate("(chart) => chart.plot.debugState()")
    assert state["paints"] - before == 2
    assert len([one for one in watch.requests if "/series" in one.url]) == asked + 1


RUNS = 100_000


@pytest.mark.long
def test_a_hundred_thousand_runs(page, watch, seeded):
    home = many_runs(seeded, RUNS)
    began = time.perf_counter()
    page.goto(f"/p/{home}?show=table&cols=!name;status;params.lr;params.model;metrics.loss")
    expect(page.locator("footer").get_by_text("100,000 runs")).to_be_visible()
    expect(page.get_by_role("link", name="run-0", exact=True)).to_be_visible()
    told = {"first rows": time.perf_counter() - began}
    told["sort"] = statistics.median(_sorted(page, "loss") for _ in range(5))
    told["scroll frame p95"] = _scrolled(page)
    print({name: f"{took * 1000:.0f} ms" for name, took in told.items()})
    assert counters(page, watch).rows <= 80
    page.get_by_label("Filter runs").fill("params.model = 'cnn' and metrics.loss < 0.5")
    press(page, "Enter")
    expect(page.locator("footer").get_by_text("25,000 runs")).to_be_visible()
    assert counters(page, watch).rows <= 80
    page.get_by_role("columnheader").first.click()
    expect(page.locator("footer").get_by_text("25,000 selected")).to_be_visible()
    page.get_by_role("button", name="Archive").click()
    foot = page.locator("footer")
    expect(foot.get_by_text("Archived 25,000 runs.")).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Undo").click()
    expect(foot.get_by_text("25,000 runs, 0 selected")).to_be_visible(timeout=60_000)


def many_runs(seeded, count: int) -> str:
    warehouse = seeded.warehouse
    home: str = warehouse.experiments.get_or_create("large").experiment_id
    now = warehouse.clock.now_us()
    for first in range(0, count, 20_000):
        warehouse.lake.patch("runs", [_run(n, home, now) for n in range(first, first + 20_000)])
    mere.fold(warehouse=seeded.url)
    return home


def _run(n: int, home: str, now: int) -> dict:
    loss = (n * 7919 % RUNS) / RUNS
    summary = {"step": 9, "timestamp": now, "value": loss, "min": loss, "max": 1.0, "count": 10}
    return {
        "run_id": f"{n:032x}",
        "experiment_id": home,
        "name": f"run-{n}",
        "status": "FINISHED",
        "lifecycle": "active",
        "kind": "train",
        "started_at": now - n * 1_000_000,
        "ended_at": now - n * 1_000_000 + 500_000,
        "params": {"lr": str(0.1 / (1 + n % 50)), "model": ("cnn", "mlp")[n // 100 % 2]},
        "metric_summary": {"loss": summary},
    }


def _sorted(page: Page, column: str) -> float:
    """Seconds from a click on a head to rows in the new order, as the page itself marks it."""
    return float(
        page.evaluate(
            """(column) => new Promise((done) => {
                const head = [...document.querySelectorAll("[role=columnheader]")]
                    .find((one) => one.innerText.includes(column));
                const from = performance.now();
                performance.clearMarks("grid:painted");
                head.click();
                const look = () => {
                    const mark = performance.getEntriesByName("grid:painted").at(-1);
                    if (mark) requestAnimationFrame(() => done((performance.now() - from) / 1000));
                    else requestAnimationFrame(look);
                };
                look();
            })""",
            column,
        )
    )


def _scrolled(page: Page) -> float:
    """The 95th percentile of a frame's seconds while the grid is scrolled."""
    return float(
        page.evaluate(
            """() => new Promise((done) => {
                const grid = document.querySelector("[role=grid]");
                const frames = [];
                let before = performance.now();
                const step = (now) => {
                    frames.push(now - before);
                    before = now;
                    grid.scrollTop += 120;
                    if (frames.length < 120) requestAnimationFrame(step);
                    else done(frames.sort((a, b) => a - b)[114] / 1000);
                };
                requestAnimationFrame(step);
            })"""
        )
    )
