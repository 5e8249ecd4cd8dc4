"""The Explore page: grid and charts of an experiment, by mouse and by keys."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

import mere
from tests.portal.browser import axe, counters, focused, press, settled, shot


def grid(page: Page) -> Locator:
    return page.get_by_role("grid").or_(page.get_by_role("treegrid"))


def names(page: Page) -> list[str]:
    """The names in sight, from above."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("[data-row] a[data-open]")]
            .map((a) => [Number(a.closest("[data-row]").dataset.row), a.textContent])
            .sort((a, b) => a[0] - b[0]).map(([, name]) => name)"""
    )
    return found


def apply(page: Page, text: str) -> None:
    page.get_by_label("Filter runs").fill(text)
    page.keyboard.press("Enter")


def said(page: Page, words: str) -> None:
    expect(page.locator("footer").get_by_text(re.compile(words)).first).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_runs_and_charts_are_shown(page, watch, seeded, theme):
    page.goto(f"/p/{seeded.experiments['digits']}")
    said(page, "48 runs, 0 selected")
    expect(page.get_by_role("link", name="mlp-47")).to_be_visible()
    expect(page.locator(".uplot").first).to_be_visible()
    page.wait_for_timeout(500)
    shot(page, "explore")
    axe(page)
    seen = counters(page, watch)
    assert seen.rows <= 80
    assert seen.charts <= 12
    page.get_by_role("button", name="Columns").click()
    expect(page.get_by_role("dialog", name="Columns")).to_be_visible()
    axe(page)
    shot(page, "explore-columns")


def test_sorting_and_grouping(page, seeded):
    page.goto(f"/p/{seeded.experiments['digits']}?show=table")
    said(page, "48 runs")
    head = page.get_by_role("columnheader", name=re.compile("^Name"))
    head.click()
    expect(head).to_have_attribute("aria-sort", re.compile("ending"))
    expect(page.get_by_role("link", name="mlp-00")).to_be_visible()
    assert names(page)[:3] == ["mlp-00", "mlp-01", "mlp-02"]
    head.click()
    expect(page.get_by_role("link", name="mlp-47")).to_be_visible()
    assert names(page)[:2] == ["mlp-47", "mlp-46"]
    page.get_by_role("button", name="Group the runs").click()
    page.get_by_role("menuitemcheckbox", name=re.compile("optimizer")).click()
    press(page, "Escape")
    group = page.get_by_role("row", name=re.compile(r"adam\s*24"))
    expect(group).to_be_visible()
    axe(page)
    shot(page, "explore-groups")
    group.get_by_text("adam").click()
    expect(page.get_by_role("link", name="mlp-46")).to_be_visible()
    page.go_back()
    page.reload()
    assert "sort=" in page.url


def test_a_filter_that_is_wrong_says_where(page, watch, seeded):
    watch.allow("status of 400")
    page.goto(f"/p/{seeded.experiments['digits']}?show=table")
    said(page, "48 runs")
    apply(page, "params.hidden = '64' and params.optimizer = 'adam'")
    said(page, "8 runs")
    apply(page, "params.lr >> 3")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Filter runs")).to_have_attribute("aria-invalid", "true")
    axe(page)
    shot(page, "explore-filter-wrong")
    said(page, "8 runs")  # what was shown stays
    apply(page, "metrics.`val/acc` > 2")
    expect(page.get_by_text(re.compile("no runs?|none", re.IGNORECASE)).first).to_be_visible()
    axe(page)
    shot(page, "explore-nothing")


def test_suggestions_are_taken_by_keys(page, seeded):
    page.goto(f"/p/{seeded.experiments['digits']}?show=table")
    said(page, "48 runs")
    press(page, "/")
    expect(page.get_by_label("Filter runs")).to_be_focused()
    page.keyboard.type("params.opt")
    option = page.get_by_role("option", name=re.compile("optimizer"))
    expect(option).to_be_visible()
    axe(page)
    shot(page, "explore-suggestions")
    press(page, "ArrowDown", "Tab")
    page.keyboard.type("= 'adam'")
    press(page, "Enter")
    said(page, "24 runs")


def test_charts_alone_draw_the_runs_that_no_grid_asked_for(page, seeded):
    page.goto(f"/p/{seeded.experiments['digits']}?show=charts")
    expect(page.locator("main").get_by_text(re.compile(r"^48 lines")).first).to_be_visible()


def test_tagging_and_archiving_by_keys_alone(page, scratch):
    experiment, _ = scratch("keys")
    page.goto(f"/p/{experiment}?show=table&sort=name&cols=!name;tags.team")
    said(page, "5 runs, 0 selected")
    press(page, "j", "j", "x", "Shift+ArrowDown")
    said(page, "2 selected")
    press(page, "t")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.type("team")
    press(page, "Tab")
    page.keyboard.type("blue <b>")
    press(page, "Enter")
    said(page, "Tagged 2 runs")
    expect(page.get_by_role("gridcell", name="blue <b>")).to_have_count(2)
    press(page, "Control+z")
    said(page, "Undone: Tagged 2 runs")
    expect(page.get_by_role("gridcell", name="blue <b>")).to_have_count(0)
    press(page, "Control+Shift+z")
    expect(page.get_by_role("gridcell", name="blue <b>")).to_have_count(2)
    press(page, "Escape")
    said(page, "0 selected")
    press(page, "e")
    page.keyboard.press("Control+a")
    page.keyboard.type("renamed")
    press(page, "Enter")
    expect(page.get_by_role("link", name="renamed")).to_be_visible()
    settled(page)
    assert focused(page).startswith("gridcell")
    press(page, "Enter")
    expect(page).to_have_url(re.compile(r"/runs/[0-9a-f]{32}"))


def test_all_that_match_are_deleted_and_come_back(page, scratch):
    experiment, _ = scratch("bulk", runs=6)
    page.goto(f"/p/{experiment}?show=table&sort=name")
    said(page, "6 runs, 0 selected")
    apply(page, "params.n < 4")
    said(page, "4 runs")
    page.get_by_role("checkbox", name="Choose this run").first.click(force=True)
    said(page, "1 selected")
    page.get_by_role("button", name="Select all 4 matching").click()
    said(page, r"4 selected \(all that match\)")
    shot(page, "explore-all-matching")
    axe(page)
    page.get_by_role("button", name="Archive").click()
    said(page, "Archived 4 runs")
    page.get_by_role("button", name="Undo").click()
    said(page, "4 runs, 0 selected")
    page.get_by_role("columnheader").first.click()
    said(page, r"4 selected \(all that match\)")
    page.get_by_role("button", name="Delete").click()
    said(page, "Deleted 4 runs")
    expect(page.get_by_text(re.compile("no runs?|none", re.IGNORECASE)).first).to_be_visible()
    page.get_by_label("Which runs").select_option("deleted")
    said(page, "4 runs")
    page.get_by_role("columnheader").first.click()
    page.get_by_role("button", name="Restore").click()
    said(page, "Restored 4 runs")
    page.get_by_label("Which runs").select_option("active")
    said(page, "4 runs, 0 selected")


def test_what_is_logged_appears_within_a_second(page, seeded):
    page.goto("/")
    run = mere.start_run(
        "live",
        name="swift",
        warehouse=seeded.url,
        console=False,
        capture=False,
        flush_interval_s=0.2,
    )
    try:
        run.log({"loss": 0.75}, step=0)
        run.flush()
        home = seeded.warehouse.experiments.get_or_create("live").experiment_id
        page.goto(f"/p/{home}?show=table&cols=!name;metrics.loss")
        expect(page.get_by_role("gridcell", name="0.75", exact=True)).to_be_visible()
        expect(page.get_by_role("button", name=re.compile("^Live"))).to_be_visible()
        page.wait_for_timeout(1_000)
        page.evaluate(
            """() => {
                new MutationObserver(() => {
                    if (document.body.innerText.includes("0.125")) window.seenAt ??= Date.now();
                }).observe(document.body, { childList: true, subtree: true, characterData: true });
            }"""
        )
        run.log({"loss": 0.125}, step=1)
        run.flush()
        sent = page.evaluate("() => Date.now()")
        expect(page.get_by_role("gridcell", name="0.125", exact=True)).to_be_visible()
        took = page.evaluate("() => window.seenAt") - sent
        print("shown after", took, "ms")
        assert took < 2_000  # twice the budget, as tests share the machine
        press(page, ".")
        run.log({"loss": 0.0625}, step=2)
        run.flush()
        page.wait_for_timeout(1_500)
        expect(page.get_by_role("gridcell", name="0.125", exact=True)).to_be_visible()
        press(page, ".")
        expect(page.get_by_role("gridcell", name="0.0625", exact=True)).to_be_visible()
    finally:
        run.finish()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_metrics_are_shown_as_curves(page, watch, seeded, theme):
    page.goto(f"/p/{seeded.experiments['digits']}?show=table&cols=!name;curve(metrics.val/acc)")
    said(page, "48 runs")
    curves = page.get_by_role("img", name=re.compile(r"^from .* to "))
    expect(curves.nth(20)).to_be_visible()
    asked = [one for one in watch.requests if one.url.endswith("/series")]
    assert len(asked) <= 2
    axe(page)
    shot(page, "explore-curves")
    head = page.get_by_role("columnheader", name=re.compile("curve"))
    head.click()
    expect(head).to_have_attribute("aria-sort", "descending")
    expect(page).to_have_url(re.compile(r"sort=metrics\.val%2Facc"))


def test_hostile_names_are_texts(page, seeded):
    page.goto(f"/p/{seeded.experiments['hostile']}")
    said(page, "5 runs")
    expect(page.get_by_role("link", name="<script>window.hacked = 1</script>")).to_be_visible()
    shot(page, "explore-hostile")
    axe(page)
    assert page.evaluate("() => window.hacked") is None


def test_an_experiment_without_runs_says_how_to_begin(page, seeded):
    page.goto(f"/p/{seeded.experiments['empty']}")
    expect(page.get_by_text("start_run")).to_be_visible()
    axe(page)
    shot(page, "explore-empty")


def test_the_grid_is_one_stop_for_tab(page, seeded):
    page.goto(f"/p/{seeded.experiments['digits']}?show=table")
    said(page, "48 runs")
    press(page, "j", "End")
    assert focused(page).startswith("gridcell")
    press(page, "Tab")
    settled(page)
    assert not focused(page).startswith("gridcell")
    press(page, "Shift+Tab")
    assert focused(page).startswith("gridcell")
