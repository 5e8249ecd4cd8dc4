"""Evaluation datasets in the browser: found, looked through, changed; hostile texts do nothing."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.portal.browser import Watch, axe, counters, focused, press, settled, shot
from tests.portal.seeded import HOSTILE_NAMES, Seeded

MANY = 3_000
EVIL = "<img src=x onerror='window.hacked = 1'><script>window.hacked = 2</script>"


def _dataset(seeded: Seeded, name: str, *homes: str, records: int = 3, **tags: str) -> str:
    datasets = seeded.warehouse.evaluation_datasets
    made = datasets.create(name, experiment_ids=homes, tags=tags, created_by="ada")
    trace = seeded.traces[0]
    datasets.upsert_records(
        made.dataset_id,
        [
            {
                "inputs": {"messages": [{"role": "user", "content": f"What is {n} times two?"}]},
                "outputs": f"It is **{2 * n}**.",
                "expectations": {"expected_response": str(2 * n), "note": EVIL},
                "tags": {"level": "easy"},
                "source": {"source_type": "TRACE", "source_data": {"trace_id": trace}},
            }
            for n in range(records)
        ],
        by="ada",
    )
    return made.dataset_id


@pytest.fixture(scope="module")
def sums(seeded: Seeded) -> str:
    """The name of a dataset with thousands of records; it belongs to an experiment."""
    _dataset(seeded, "sums", seeded.experiments["shop"], records=MANY, use="gate")
    return "sums"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_one_is_found_and_looked_through(
    page: Page, watch: Watch, seeded: Seeded, sums: str, theme: str
) -> None:
    home = seeded.experiments["shop"]
    page.goto("/datasets")
    page.get_by_role("link", name="Evaluation", exact=True).click()
    expect(page.get_by_role("heading", name="Evaluation datasets")).to_be_visible()
    row = page.get_by_role("row").filter(has_text=sums)
    expect(row).to_contain_text("3,000")
    expect(row.get_by_role("link", name="shop")).to_be_visible()
    axe(page)
    shot(page, "evaluation-list")
    row.get_by_role("link", name=sums).click()
    expect(page.get_by_role("link", name="Records (3,000)")).to_be_visible()
    expect(page.get_by_role("row").nth(1)).to_contain_text("What is 0 times two?")
    seen = counters(page, watch)
    assert seen.rows < 60
    page.get_by_label("Find records").fill("is 2999 times")
    expect(page.get_by_text("1 record found")).to_be_visible()
    page.get_by_role("link", name="What is 2999").click()
    panel = page.get_by_role("region", name="The record")
    expect(panel.get_by_text("What is 2999 times two?")).to_be_visible()
    expect(panel.locator("strong")).to_have_text("5998")
    expect(panel.get_by_text(EVIL)).to_be_visible()
    axe(page)
    shot(page, "evaluation-record")
    page.reload()
    expect(panel.get_by_text("What is 2999 times two?")).to_be_visible()
    trace = panel.get_by_role("link", name=seeded.traces[0])
    expect(trace).to_have_attribute("href", f"/traces/{seeded.traces[0]}")
    page.get_by_role("link", name="About", exact=True).click()
    snippet = page.get_by_text("mlflow.genai.datasets.get_dataset(")
    expect(snippet).to_be_visible()
    page.get_by_label("A new tag's name").fill("owner")
    page.get_by_label("Its value").fill(EVIL)
    page.get_by_role("button", name="Add", exact=True).last.click()
    expect(page.get_by_label("The value of owner")).to_have_value(EVIL)
    page.get_by_role("button", name="Take it out of shop").click()
    expect(page.get_by_role("heading", name="Experiments (0)")).to_be_visible()
    page.get_by_label("Another experiment").select_option(home)
    page.get_by_role("button", name="Add", exact=True).first.click()
    expect(page.get_by_role("heading", name="Experiments (1)")).to_be_visible()
    axe(page)
    shot(page, "evaluation-about")
    assert page.evaluate("() => window.hacked") is None


def test_records_are_removed_by_keys_alone(page: Page, seeded: Seeded) -> None:
    made = _dataset(seeded, "walked questions", records=30)
    page.goto("/")
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    press(page, "g", "s")
    expect(page.get_by_role("heading", name="Datasets")).to_be_visible()
    press(page, "2")
    expect(page.get_by_role("heading", name="Evaluation datasets")).to_be_visible()
    press(page, "/")
    page.keyboard.type("walked q")
    expect(page.get_by_role("row")).to_have_count(2)
    press(page, "Tab")
    while not focused(page).startswith("grid"):
        press(page, "Tab")
    press(page, "Enter")
    expect(page.get_by_role("heading", name="walked questions")).to_be_visible()
    grid = page.get_by_role("grid", name="Records")
    expect(grid).to_be_visible()
    press(page, "j", "Enter")
    panel = page.get_by_role("region", name="The record")
    expect(panel).to_be_focused()
    expect(panel.get_by_text("What is 1 times two?")).to_be_visible()
    press(page, "Escape")
    expect(panel).to_have_count(0)
    expect(grid).to_be_focused()
    press(page, "x", "j", "j", "Shift+x")
    expect(page.get_by_text("3 chosen")).to_be_visible()
    while not focused(page).startswith("button Remove"):
        press(page, "Shift+Tab")
    press(page, "Enter")
    dialog = page.get_by_role("dialog", name="Remove 3 records?")
    expect(dialog).to_contain_text("for good")
    press(page, "Enter")
    expect(page.get_by_text("3 records removed.")).to_be_visible()
    expect(page.get_by_role("link", name="Records (27)")).to_be_visible()
    assert seeded.warehouse.evaluation_datasets.get(made).records == 27
    press(page, "2")
    expect(page.get_by_role("heading", name="How to use it")).to_be_visible()
    press(page, "1")
    expect(grid).to_be_visible()


def test_traces_become_records_and_one_goes_there(page: Page, seeded: Seeded) -> None:
    page.goto("/traces")
    grid = page.get_by_role("grid", name="Traces")
    expect(grid.get_by_role("row").nth(2)).to_be_visible()
    for number in range(2):
        grid.get_by_role("checkbox").nth(number).check()
    page.get_by_role("button", name="Add to dataset").click()
    page.get_by_role("dialog").get_by_label("Name").fill("from traces")
    page.get_by_role("dialog").get_by_role("button", name="Add").click()
    page.get_by_role("status").get_by_role("link", name="from traces").click()
    expect(page.get_by_role("heading", name="from traces")).to_be_visible()
    expect(page.get_by_role("link", name="trace", exact=True).first).to_be_visible()
    # Live: what another program adds is there without a reload.
    made = seeded.warehouse.evaluation_datasets.search(filter="name = 'from traces'")[0][0]
    asked = [{"inputs": {"question": "And now?"}, "source": {"source_type": "HUMAN"}}]
    seeded.warehouse.evaluation_datasets.upsert_records(made.dataset_id, asked)
    expect(page.get_by_text("And now?")).to_be_visible()
    page.get_by_role("link", name="About", exact=True).click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="Evaluation datasets")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="from traces")).to_have_count(0)


def test_hostile_texts_and_narrow_windows(page: Page, seeded: Seeded) -> None:
    page.set_viewport_size({"width": 900, "height": 900})
    for name in HOSTILE_NAMES:
        made = _dataset(seeded, name, records=0, evil=EVIL)
        hostile = {"inputs": {name: EVIL}, "expectations": {name: name}, "outputs": EVIL}
        source = {"source_type": name, "source_data": {"trace_id": name}}
        asked = [{**hostile, "tags": {name: EVIL}, "source": source}]
        seeded.warehouse.evaluation_datasets.upsert_records(made, asked, by=name)
    page.goto("/datasets?tab=evaluation")
    for name in HOSTILE_NAMES:
        expect(page.get_by_title(name, exact=True).first).to_be_visible()
    shot(page, "evaluation-list-narrow")
    page.goto(f"/datasets/evaluation/{made}")
    page.get_by_role("row").nth(1).get_by_role("link").first.click()
    panel = page.get_by_role("region", name="The record")
    expect(panel.get_by_text(EVIL).first).to_be_visible()
    expect(page.get_by_role("grid", name="Records")).to_be_hidden()
    axe(page)
    shot(page, "evaluation-record-narrow")
    press(page, "Escape")
    expect(page.get_by_role("grid", name="Records")).to_be_visible()
    page.get_by_role("link", name="About", exact=True).click()
    expect(page.get_by_role("heading", name="How to use it")).to_be_visible()
    settled(page)
    assert page.evaluate("() => window.hacked") is None


def test_what_is_not_there_is_said(page: Page, watch: Watch, seeded: Seeded) -> None:
    watch.allow("404")
    page.goto("/datasets/evaluation/d-none")
    expect(page.get_by_role("alert")).to_contain_text("there is no evaluation dataset")
    page.goto("/datasets?tab=evaluation&q=none-such")
    expect(page.get_by_text("No evaluation dataset is called that")).to_be_visible()
    made = _dataset(seeded, "empty one", records=0)
    page.goto(f"/datasets/evaluation/{made}")
    expect(page.get_by_role("heading", name="No records yet")).to_be_visible()
    axe(page)
    made = _dataset(seeded, "with one", records=1)
    page.goto(f"/datasets/evaluation/{made}?record=dr-none")
    expect(page.get_by_role("alert")).to_contain_text("there is no record 'dr-none'")
