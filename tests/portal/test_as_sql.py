"""From a list to SQL, filters of traces with suggestions, boards without runs, live lists."""

from __future__ import annotations

import re
import time
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Page, expect

from mere.entities.actor import Actor
from mere.entities.saved_view import ViewDraft
from tests.portal.browser import axe, press, shot
from tests.portal.made_traces import everyday_traces


@pytest.fixture(scope="module")
def agent(seeded) -> str:
    """An experiment with traces, some of which failed."""
    warehouse = seeded.warehouse
    home = warehouse.experiments.create("agent for sql").experiment_id
    warehouse.traces.receive(list(everyday_traces(40, time.time_ns(), seed=5)), home)
    return str(home)


def first_cells(page: Page, count: int) -> list[str]:
    expect(page.get_by_role("gridcell").first).to_be_visible()
    rows = page.get_by_role("row")
    return [rows.nth(1 + n).get_by_role("gridcell").first.inner_text() for n in range(count)]


def test_the_grid_goes_on_as_sql_by_mouse(page, seeded):
    home = seeded.experiments["digits"]
    wanted = {
        "q": "name ilike 'mlp-4%' and not name = 'mlp-44'",
        "sort": "name desc",
        "cols": "name;status;curve(metrics.train/loss)",
    }
    page.goto(f"/p/{home}?{urlencode(wanted, quote_via=quote)}")
    expect(page.get_by_role("link", name="mlp-47")).to_be_visible()
    page.get_by_role("button", name="SQL", exact=True).click()
    expect(page).to_have_url(re.compile("/query"))
    expect(page.get_by_role("columnheader", name="metrics.train/loss")).to_be_visible()
    expect(page.get_by_role("gridcell", name="mlp-47")).to_be_visible()
    shot(page, "as-sql")
    axe(page)
    page.go_back()
    expect(page.get_by_role("link", name="mlp-47")).to_be_visible()


def test_the_list_of_traces_goes_on_as_sql_by_keys(page, agent):
    page.goto(f"/traces?experiment={agent}&status=ERROR&sort=-duration")
    link = page.get_by_role("row").nth(1).get_by_role("link")
    expect(link).to_be_visible()
    slowest = (link.get_attribute("href") or "").rpartition("/")[2]
    press(page, "q")
    expect(page).to_have_url(re.compile("/query"))
    expect(page.get_by_role("gridcell", name=slowest)).to_be_visible()
    assert slowest in first_cells(page, 1)[0]


def test_a_filter_of_traces_is_written_by_keys_with_suggestions(page, agent):
    page.goto(f"/traces?experiment={agent}")
    expect(page.get_by_text("40 traces").first).to_be_visible()
    press(page, "f")
    field = page.get_by_role("combobox", name="Filter traces")
    expect(field).to_be_focused()
    page.keyboard.type("sta")
    expect(page.get_by_role("option", name=re.compile("^status"))).to_be_visible()
    shot(page, "traces-suggestions")
    axe(page)
    press(page, "ArrowDown", "Enter")
    page.keyboard.type("= 'err")
    option = page.get_by_role("option", name=re.compile(r"^'ERROR'\s*\d+ traces"))
    expect(option).to_be_visible()
    press(page, "ArrowDown", "Enter")
    expect(field).to_have_value("status = 'ERROR' ")
    press(page, "Enter")
    expect(page).to_have_url(re.compile("q=status"))
    expect(page.get_by_role("row").nth(1).get_by_text("error")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_charts_without_runs_say_so(page, seeded, theme):
    home = seeded.experiments["digits"]
    page.goto(f"/p/{home}?q=name%20%3D%20'nobody'")
    expect(page.get_by_text("No run matches")).to_be_visible()
    expect(page.get_by_text("No runs to draw")).to_be_visible()
    expect(page.get_by_text("Loading …")).to_have_count(0)
    shot(page, "no-runs-to-draw")
    axe(page)
    page.goto(f"/p/{home}?q=name%20%3D%20'nobody'&show=charts")
    page.get_by_role("button", name="Show all runs").click()
    expect(page.locator(".uplot").first).to_be_visible()


def test_charts_of_hidden_runs_say_so(page, seeded):
    home = seeded.experiments["digits"]
    page.goto(f"/p/{home}?q=name%20%3D%20'mlp-47'")
    row = page.get_by_role("link", name="mlp-47")
    run = ((row.get_attribute("href") or "").rpartition("/")[2]).partition("?")[0]
    page.goto(f"/p/{home}?q=name%20%3D%20'mlp-47'&hide={run}")
    expect(page.get_by_text("All runs that would be drawn are hidden")).to_be_visible()
    expect(page.get_by_text("No run is shown.").first).to_be_visible()
    shot(page, "hidden-runs")
    axe(page)
    page.get_by_role("button", name="Show all", exact=True).click()
    expect(page.get_by_text("No run is shown.")).to_have_count(0)


def test_reports_and_saved_views_are_live(page, seeded):
    actor, warehouse = Actor.local(), seeded.warehouse
    page.goto("/reports")
    expect(page.get_by_role("heading", name="Reports", exact=True)).to_be_visible()
    page.wait_for_timeout(700)  # until the stream listens
    report = warehouse.reports.create(actor, "Came from elsewhere", "").report
    expect(page.get_by_text("Came from elsewhere")).to_be_visible()
    warehouse.reports.delete(actor, report.report_id)
    expect(page.get_by_text("Came from elsewhere")).to_have_count(0)
    page.goto("/traces")
    page.get_by_role("button", name="Saved views").click()
    page.wait_for_timeout(700)
    draft = ViewDraft(name="Of somebody", state="q=x")
    view = warehouse.saved_views.create(actor, "traces", draft)
    expect(page.get_by_text("Of somebody")).to_be_visible()
    warehouse.saved_views.delete(actor, view.view_id)
    expect(page.get_by_text("Of somebody")).to_have_count(0)
