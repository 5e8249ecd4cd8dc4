"""The Compare page: runs beside each other, by mouse and by keys."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

import mere
from tests.portal.browser import axe, counters, press, shot


def matrix(page: Page) -> Locator:
    return page.get_by_role("treegrid")


def walk(page: Page, stroke: str, *, row: int) -> None:
    """Press a key that moves in a grid, and wait for the cell it leads to."""
    press(page, stroke)
    expect(page.locator(f'[data-row="{row}"] [data-column]:focus')).to_be_visible()


def said(page: Page, words: str) -> None:
    expect(page.get_by_role("status").get_by_text(re.compile(words)).first).to_be_visible()


def all_of(seeded, experiment: str) -> str:
    return f"/compare?experiments={seeded.experiments[experiment]}"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_tab_can_be_looked_at(page, watch, seeded, theme):
    page.goto(all_of(seeded, "digits"))
    expect(page.get_by_role("heading", name="Compare 48 runs")).to_be_visible()
    expect(matrix(page).get_by_role("rowheader").first).to_be_visible()
    axe(page)
    shot(page, "compare-params")
    assert counters(page, watch).requests <= 12
    for key, tab in enumerate(("Metrics", "Code", "Environment", "Data", "Media"), 2):
        press(page, str(key))
        expect(page.get_by_role("link", name=tab, exact=True)).to_have_attribute(
            "aria-current", "page"
        )
        axe(page)
    press(page, "8")
    page.get_by_role("combobox", name="Metric", exact=True).fill("val/acc")
    press(page, "Enter")
    expect(
        page.get_by_text(re.compile("goe?s? along with it|Nothing that differs"))
    ).to_be_visible()
    axe(page)
    shot(page, "compare-why")


def test_by_mouse_from_the_grid_to_a_baseline_and_a_value(page, scratch):
    experiment, _ = scratch("beside", runs=4)
    page.goto(f"/p/{experiment}?show=table")
    for name in ("beside-0", "beside-1", "beside-3"):
        row = page.get_by_role("row").filter(has_text=name)
        row.get_by_role("checkbox").click(force=True)
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", name="Compare 3 runs")).to_be_visible()
    said(page, "2 keys")
    head = matrix(page).get_by_role("columnheader").filter(has_text="beside-1")
    head.get_by_role("button", name=re.compile("finished")).click()
    expect(page.get_by_text("against beside-1")).to_be_visible()
    page.get_by_role("gridcell", name="0.1", exact=True).click()
    dialog = page.get_by_role("dialog", name="lr")
    expect(dialog.get_by_text("beside-1 (baseline)")).to_be_visible()
    axe(page)
    dialog.get_by_role("button", name="Ignore this key").click()
    said(page, "1 ignored")
    expect(matrix(page).get_by_role("rowheader", name="lr")).to_have_count(0)
    page.go_back()
    expect(matrix(page).get_by_role("rowheader", name="lr")).to_be_visible()


def test_by_keys_alone(page, seeded, scratch):
    experiment, _ = scratch("keys", runs=3)
    page.goto(f"/p/{experiment}?show=table")
    expect(page.get_by_role("link", name="keys-2")).to_be_visible()
    for row in (0, 1):
        walk(page, "j", row=row)
        press(page, "x")
    expect(page.get_by_text("3 runs, 2 selected")).to_be_visible()
    press(page, "c")
    expect(page.get_by_role("heading", name="Compare 2 runs")).to_be_visible()
    press(page, "2")
    expect(matrix(page).get_by_role("rowheader", name="loss")).to_be_visible()
    walk(page, "j", row=0)  # there is one metric: j stays, and takes the focus there
    walk(page, "ArrowRight", row=0)
    press(page, "b")
    expect(page.get_by_text(re.compile("against keys-"))).to_be_visible()
    press(page, "Enter")
    dialog = page.get_by_role("dialog", name="loss")
    expect(dialog.get_by_text("less is better")).to_be_visible()
    press(page, "Escape")
    expect(dialog).to_have_count(0)
    press(page, "y")
    said(page, "link was copied")
    assert "/compare?runs=" in page.evaluate("navigator.clipboard.readText()")
    press(page, "Shift+Y")
    said(page, "Python was copied")
    line = page.evaluate("navigator.clipboard.readText()")
    assert eval(line.replace("mere.runs(", f"mere.runs(warehouse={seeded.url!r}, ")).num_rows == 2


def test_more_runs_than_an_address_holds(page, seeded):
    page.goto(f"/p/{seeded.experiments['digits']}?show=table")
    expect(page.get_by_role("link", name="mlp-47")).to_be_visible()
    walk(page, "j", row=0)
    press(page, "x")
    expect(page.get_by_text("48 runs, 1 selected")).to_be_visible()
    walk(page, "Control+ArrowDown", row=47)
    press(page, "Shift+X")
    expect(page.get_by_text("48 runs, 48 selected")).to_be_visible()
    press(page, "c")
    expect(page.get_by_role("heading", name="Compare 48 runs")).to_be_visible()
    assert re.search(r"/compare\?set=[\w-]+$", page.url)
    page.reload()
    expect(page.get_by_role("heading", name="Compare 48 runs")).to_be_visible()


def test_hostile_names_do_nothing_and_the_ids_of_others_are_left_out(page, seeded):
    ids = ",".join([*seeded.hostile_runs, "f" * 32])
    page.goto(f"/compare?runs={ids}&all=1")
    count = len(seeded.hostile_runs)
    expect(page.get_by_role("heading", name=f"Compare {count} runs")).to_be_visible()
    expect(page.get_by_text("1 run left out")).to_be_visible()
    for key in "234567":
        press(page, key)
        expect(page.locator("nav [aria-current=page]").last).to_be_visible()
    axe(page)
    assert page.evaluate("window.hacked") is None


def test_what_is_compared_stands_still_and_says_what_is_new(page, seeded, scratch):
    _, runs = scratch("still", runs=2)
    page.goto(f"/compare?runs={','.join(runs)}&tab=metrics")
    expect(matrix(page).get_by_role("rowheader", name="loss")).to_be_visible()
    page.wait_for_timeout(500)
    with mere.start_run(run_id=runs[0], warehouse=seeded.url) as run:
        run.log({"loss": 0.001}, step=99)
    button = page.get_by_role("button", name=re.compile("new point"))
    expect(button).to_be_visible()
    button.click()
    expect(page.get_by_role("gridcell", name=re.compile(r"0\.001"))).to_be_visible()


def test_no_runs_are_told_what_to_do(page):
    page.goto("/compare")
    expect(page.get_by_role("heading", name="Which runs are to be compared?")).to_be_visible()
    axe(page)
    page.goto(f"/compare?runs={'f' * 32}")
    expect(page.get_by_role("heading", name="None of these runs can be shown")).to_be_visible()
