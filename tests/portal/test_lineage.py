"""Lineage in the browser: walked by mouse and by keys, as a graph and as a list, at any size."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.portal.browser import Watch, axe, focused, press, shot
from tests.portal.seeded import Seeded


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_graph_of_a_dataset(page: Page, seeded: Seeded, theme: str) -> None:
    page.goto("/lineage")
    expect(page.get_by_role("heading", name="Datasets")).to_be_visible()
    axe(page)
    shot(page, "lineage-start")
    page.get_by_label("Find where to begin").fill(seeded.dataset)
    page.get_by_role("link", name=f"{seeded.dataset}@1").click()
    page.locator("[data-node^='run:']").first.click()
    details = page.get_by_role("complementary", name="What is chosen")
    expect(details).to_contain_text("Experiment")
    axe(page)
    shot(page, "lineage")
    page.get_by_role("button", name="List").click()
    table = page.get_by_role("table")
    run = page.get_by_role("link", name="mlp-00", exact=True)
    expect(table.get_by_role("row").filter(has=run)).to_contain_text("scans@1")
    axe(page)
    shot(page, "lineage-list")
    table.get_by_role("link", name="mlp-00", exact=True).click()
    expect(page.get_by_role("heading", name="Inputs and outputs")).to_be_visible()
    page.get_by_role("link", name="Show the graph").click()
    expect(page.get_by_role("application", name="Lineage graph")).to_be_visible()


def test_the_graph_is_walked_by_keys_alone(page: Page, seeded: Seeded) -> None:
    page.goto("/")
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    press(page, "g", "l")
    expect(page.get_by_label("Find where to begin")).to_be_focused()
    page.keyboard.type(f"{seeded.dataset}@1")
    expect(page.get_by_role("link", name=f"{seeded.dataset}@1")).to_be_visible()
    expect(page.get_by_role("link", name="mlp-00")).to_have_count(0)
    press(page, "Tab", "Enter")
    graph = page.get_by_role("application", name="Lineage graph")
    expect(graph).to_be_visible()
    while not focused(page).startswith("application"):
        press(page, "Tab")
    told = page.locator("[aria-live=polite]").filter(has_text="before it")
    press(page, "ArrowRight")
    expect(told).to_contain_text(f"dataset {seeded.dataset}@1")
    press(page, "ArrowRight")
    expect(told).to_contain_text("run mlp-")
    at = told.inner_text()
    press(page, "ArrowDown")
    expect(told).not_to_have_text(at)
    press(page, "ArrowLeft")
    expect(told).to_contain_text(f"dataset {seeded.dataset}@1")
    press(page, "]")
    expect(page.get_by_role("slider", name="Steps")).to_have_value("5")
    press(page, "ArrowRight", "Enter")
    expect(page.get_by_role("heading", name="Inputs and outputs")).to_be_visible()


def test_many_siblings_are_one_until_they_are_opened(page: Page, seeded: Seeded) -> None:
    hub = _hub(seeded, 400)
    page.goto(f"/lineage/dataset-version/{hub}")
    expect(page.get_by_text("+ 388 runs")).to_be_visible()
    axe(page)
    shot(page, "lineage-group")
    page.get_by_text("+ 388 runs").click()
    # Beyond 300 it is painted; the words of it are in the list.
    expect(page.get_by_role("img", name="A graph of 401 nodes")).to_be_visible()
    page.get_by_label("Search in the graph").fill("wide-0399")
    expect(page.get_by_role("status").filter(has_text="1 found")).to_be_visible()
    press(page, "Enter")
    details = page.get_by_role("complementary", name="What is chosen")
    expect(details).to_contain_text("wide-0399")
    axe(page)
    shot(page, "lineage-wide")


def test_nothing_and_nobody(page: Page, seeded: Seeded, watch: Watch) -> None:
    watch.allow("404")
    page.goto("/lineage/run/none")
    expect(page.get_by_role("alert")).to_contain_text("there is no node")
    page.goto(f"/lineage/run/{seeded.runs['broken']}")
    expect(page.get_by_text("Nothing is known to have led to it")).to_be_visible()


def _hub(seeded: Seeded, count: int) -> str:
    """A dataset that so many runs have read."""
    warehouse = seeded.warehouse
    data = warehouse.datasets.references.add("hub", uri="https://example.org/hub", digest="1")
    home = warehouse.experiments.get_or_create("wide").experiment_id
    ids = [f"{number:032x}" for number in range(1, count + 1)]
    warehouse.lake.patch(
        "runs",
        [
            {
                "run_id": run,
                "experiment_id": home,
                "name": f"wide-{number:04}",
                "status": "FINISHED",
                "lifecycle": "active",
                "started_at": 1_700_000_000_000_000 + number,
            }
            for number, run in enumerate(ids)
        ],
    )
    asset = f"dataset:{data.dataset_id}"
    warehouse.lake.patch(
        "lineage",
        [
            {"run_id": run, "direction": "read", "asset": asset, "logged_at": 1_700_000_000_000_000}
            for run in ids
        ],
    )
    return data.dataset_id
