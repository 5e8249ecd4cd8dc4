"""The page of a run: nine tabs, previews of what people logged, a long log."""

from __future__ import annotations

import re
import time
import uuid
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.portal.browser import axe, press, settled, shot

TABS = (
    "overview",
    "charts",
    "logs",
    "system",
    "params",
    "code",
    "environment",
    "artifacts",
    "activity",
)


def address(seeded, tab: str, more: str = "") -> str:
    return f"/p/{seeded.experiments['images']}/runs/{seeded.runs['heron']}/{tab}{more}"


def is_unharmed(page: Page) -> bool:
    """Whether nothing that somebody logged has run in the portal's own page."""
    return bool(
        page.evaluate(
            """() => window.hacked === undefined && !document.title.includes("hacked")
                && localStorage.getItem("hacked") === null"""
        )
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nine_tabs_by_their_keys(page, seeded, theme):
    page.goto(address(seeded, "overview"))
    expect(page.get_by_role("heading", name="heron").first).to_be_visible()
    for number, tab in enumerate(TABS, 1):
        press(page, str(number))
        expect(page).to_have_url(re.compile(rf"/{tab}$"))
        expect(page.locator("main").get_by_role("status").filter(has_text="…")).to_have_count(0)
        shot(page, f"run-{number}-{tab}")
        axe(page)
    assert is_unharmed(page)


def test_notes_are_markdown_that_cannot_run(page, seeded):
    page.goto(address(seeded, "overview"))
    expect(page.get_by_role("heading", name="Heron", exact=True)).to_be_visible()
    expect(page.get_by_role("cell", name="0.91", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="a link")).to_have_attribute("href", "https://example.org")
    expect(page.get_by_role("link", name="a bad link")).to_have_count(0)
    settled(page)
    assert is_unharmed(page)


@pytest.mark.parametrize(
    ("file", "shown"),
    [
        ("confusion.png", "img[src*='confusion.png']"),
        ("tone.wav", "audio"),
        ("scores.csv", "[role=table] [role=cell]"),
        ("look.ipynb", "text=/nbformat/"),
        ("config.yaml", "text=/os.system/"),
        ("config.json", "text=/layers/"),
        ("notes.md", "h1:has-text('Heron')"),
        ("mark.svg", "img[src*='mark.svg']"),
        ("weights.bin", "text=/no preview/"),
        ("<img src=x onerror=hacked=11>.txt", "text=/a hostile name/"),
    ],
)
def test_previews_show_and_never_run(page, seeded, file, shown):
    page.goto(address(seeded, "artifacts", f"?path={quote('files/' + file)}"))
    expect(page.locator("main").locator(shown).first).to_be_visible()
    settled(page)
    name = re.sub(r"\W+", "-", file)
    shot(page, f"preview-{name}")
    axe(page)
    assert is_unharmed(page)


def test_html_runs_in_a_frame_that_reaches_nothing(page, watch, seeded):
    # The frame's own tries are refused by its policy, which the console tells.
    watch.allow("Content Security Policy", "Content-Security-Policy", "sandboxed", "ERR_BLOCKED")
    page.goto(address(seeded, "artifacts", "?path=files/report.html"))
    frame = page.frame_locator("iframe")
    expect(frame.get_by_text("closed, no storage, no network")).to_be_visible()
    shot(page, "preview-report-html")
    assert is_unharmed(page)
    page.get_by_role("button", name="Show the source").click()
    expect(page.get_by_text("parent.document.title")).to_be_visible()


def test_files_by_keys_alone(page, seeded):
    page.goto(address(seeded, "artifacts"))
    tree = page.get_by_role("tree", name="Files of the run")
    expect(tree).to_be_visible()
    tree.focus()
    press(page, "ArrowDown")
    expect(page.get_by_role("treeitem", selected=True)).to_be_visible()
    press(page, "Home", "ArrowRight")
    expect(page.get_by_role("treeitem", name=re.compile("confusion"))).to_be_visible()
    press(page, "ArrowDown", "Enter")
    expect(page).to_have_url(re.compile("path=files%2F"))


def test_any_line_of_a_million_is_a_jump_away(page, seeded):
    warehouse, run = seeded.warehouse, uuid.uuid4().hex
    made_long(warehouse, run, seeded.experiments["images"], lines=100_000)
    page.goto(f"/p/{seeded.experiments['images']}/runs/{run}/logs")
    expect(page.get_by_text("100,000 lines").first).to_be_visible()
    settled(page)
    took = []
    for line in (50_000, 99_000, 25_000):
        page.get_by_role("table").focus()
        began = time.perf_counter()
        page.evaluate(
            """(line) => { const log = document.querySelector("[data-log]");
                log.scrollTop = log.scrollHeight * line / 100000; }""",
            line,
        )
        page.wait_for_function(
            """(line) => [...document.querySelectorAll("[data-log] [role=row]")]
                .some((row) => row.innerText.includes(`step ${line} `))""",
            arg=line,
            polling="raf",
        )
        took.append(time.perf_counter() - began)
    print("jumps took", [round(one * 1000) for one in took])
    assert len(page.query_selector_all("[data-log] [role=row]")) <= 120
    press(page, "End")
    expect(page.get_by_text("step 99999 ")).to_be_visible()
    press(page, "/")
    page.keyboard.type("step 7777 ")
    press(page, "Enter")
    expect(page.get_by_text("step 7777 ").first).to_be_visible()


def made_long(warehouse, run: str, experiment: str, *, lines: int) -> None:
    from mere.entities.run import Run, RunStatus

    now = warehouse.clock.now_us()
    warehouse.runs.create(
        Run(run_id=run, experiment_id=experiment, name="long", status=RunStatus.FINISHED)
    )
    for first in range(0, lines, 50_000):
        rows = [
            {
                "run_id": run,
                "process": 0,
                "line": n,
                "stream": "stderr" if n % 97 == 0 else "stdout",
                "timestamp": now + n * 1000,
                "text": f"step {n} loss {1 / (n + 1):.6f}",
            }
            for n in range(first, min(lines, first + 50_000))
        ]
        warehouse.lake.append("console", rows)
