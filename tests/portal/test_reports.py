"""Reports: written, pinned, published, exported; by mouse, and by keyboard alone."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

from mere.entities.actor import Actor, ActorKind, Role, Scope
from mere.services.warehouse import open_warehouse
from tests.portal.browser import axe, press, settled, shot
from tests.portal.conftest import PASSWORD
from tests.portal.seeded import HOSTILE_NAMES

LOCAL = Actor.local()


def panel(**parts: object) -> str:
    return f"```panel\n{json.dumps(parts)}\n```\n"


def write(seeded, title: str, body: str) -> str:
    return seeded.warehouse.reports.create(LOCAL, title, body).report.report_id


def text_of(page):
    return page.get_by_label(re.compile("^Text in Markdown"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_report_shows_all_kinds_of_panels(page, watch, seeded, scratch, theme):
    watch.allow("status of 404")
    experiment, runs = scratch("all")
    of = {"experiment": experiment}
    body = "\n".join(
        [
            "# Findings\n\nWith **bold** words.",
            panel(kind="lines", keys=["loss"], **of),
            panel(kind="runs", columns=["name", "params.lr"], filter="params.n > 2", **of),
            panel(kind="scatter", x="params.lr", y="metrics.loss", **of),
            panel(kind="sql", query="select 6 * 7 as answer"),
            panel(kind="image", run=runs[0], path="none.png"),
            panel(kind="lines", keys=["loss"], experiment="0000"),
            "```panel\n{nonsense\n```",
        ]
    )
    page.set_viewport_size({"width": 1440, "height": 3000})
    page.goto(f"/reports/{write(seeded, 'All kinds', body)}")
    expect(page.get_by_role("heading", name="Findings")).to_be_visible()
    expect(page.get_by_role("link", name="all-4")).to_be_visible()
    expect(page.get_by_role("cell", name="42")).to_be_visible()
    expect(page.get_by_text("This image cannot be shown")).to_be_visible()
    expect(page.get_by_text("is not there any more")).to_be_visible()
    expect(page.get_by_text("This is no JSON")).to_be_visible()
    expect(page.locator("[data-plot=loss]")).to_have_accessible_name(re.compile("5 lines"))
    axe(page)
    shot(page, "report")


def test_a_report_is_written_by_mouse(page, scratch):
    experiment, _ = scratch("mouse")
    page.goto("/reports")
    page.get_by_role("button", name="Write a report").click()
    page.get_by_label("Title").fill("By mouse")
    page.get_by_role("button", name="+ Panel").click()
    page.get_by_role("button", name="Table of runs").click()
    page.get_by_label("Experiment").select_option(experiment)
    axe(page, within="[role=dialog]")
    page.get_by_role("button", name="Insert", exact=True).click()
    expect(page.get_by_role("link", name="mouse-0")).to_be_visible()
    page.get_by_role("button", name="Pin", exact=True).click()
    expect(page.get_by_text(re.compile("^pinned .* by local$"))).to_be_visible()
    axe(page)
    shot(page, "report-editor")
    page.get_by_role("button", name="Done").click()
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("published", exact=True)).to_be_visible()
    page.goto("/reports?q=mouse")
    expect(page.get_by_role("link", name="By mouse")).to_be_visible()
    axe(page)
    shot(page, "reports")


def test_a_report_is_written_by_keyboard_alone(page):
    page.goto("/reports")
    expect(page.get_by_role("heading", name="Reports", exact=True)).to_be_visible()
    press(page, "n")
    expect(text_of(page)).to_be_focused()
    press(page, "Control+End")
    page.keyboard.type("## Mine\n/")
    expect(page.get_by_role("dialog", name="Insert a panel")).to_be_visible()
    press(page, "Tab", "Tab", "Tab", "Enter", "Tab")
    page.keyboard.type("Sum")
    press(page, "Tab")
    page.keyboard.type("select 6 * 7 as answer")
    press(page, "Tab", "Enter")
    expect(page.get_by_role("cell", name="42")).to_be_visible()
    expect(text_of(page)).to_be_focused()
    press(page, "Control+s")
    expect(page.get_by_text("Saved as version 2.")).to_be_visible()


def test_what_is_not_saved_is_kept_and_leaving_asks(page, seeded):
    report = write(seeded, "Kept", "one")
    page.goto(f"/reports/{report}?edit=1")
    text_of(page).fill("two")
    settled(page, 600)
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(text_of(page)).to_have_value("two")
    expect(page.get_by_text("did not save")).to_be_visible()
    page.get_by_role("link", name="Experiments").first.click()
    expect(page.get_by_role("dialog", name="Leave without saving?")).to_be_visible()
    page.get_by_role("button", name="Save and leave").click()
    expect(page).to_have_url(re.compile("/experiments$"))
    assert seeded.warehouse.reports.get(LOCAL, report).body == "two"


def test_both_texts_are_offered_where_two_save(page, watch, seeded):
    watch.allow("status of 409")
    report = write(seeded, "Ours", "one")
    page.goto(f"/reports/{report}?edit=1")
    text_of(page).fill("mine")
    seeded.warehouse.reports.save(LOCAL, report, "Ours", "theirs", was=1)
    press(page, "Control+s")
    expect(page.get_by_label("Theirs: version 2")).to_have_value("# Ours\n\ntheirs")
    expect(page.get_by_label("Yours")).to_have_value("# Ours\n\nmine")
    axe(page, within="[role=dialog]")
    page.get_by_role("button", name="Save mine over it").click()
    expect(page.get_by_text("Saved as version 3.")).to_be_visible()
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_role("button", name="Edit")).to_be_visible()
    press(page, "v")
    expect(page.get_by_label("Changes to 1 file")).to_contain_text("theirs")
    shot(page, "report-versions")
    page.get_by_role("button", name=re.compile("^Version 1")).click()
    page.get_by_role("button", name="Make it the newest again").click()
    expect(page.get_by_text("version 4").first).to_be_visible()


def test_a_pinned_chart_outlives_its_runs(page, seeded, scratch):
    experiment, runs = scratch("pinned")
    body = panel(kind="lines", keys=["loss"], experiment=experiment)
    report = write(seeded, "Pinned", body)
    page.goto(f"/reports/{report}?edit=1")
    page.get_by_role("button", name="Pin", exact=True).click()
    expect(page.get_by_text(re.compile("^pinned .* by local$"))).to_be_visible()
    press(page, "Control+s")
    expect(page.get_by_text("Saved as version 2.")).to_be_visible()
    seeded.warehouse.runs.delete(runs)
    page.goto(f"/reports/{report}")
    expect(page.locator("[data-plot=loss]")).to_have_accessible_name(re.compile("5 lines"))


def test_the_file_needs_nothing_and_does_nothing(page, seeded, scratch, tmp_path):
    experiment, _ = scratch("file")
    of = {"experiment": experiment}
    body = (
        "<script>window.hacked = 1</script> [x](javascript:alert(1)) ![y](https://example.com/y.png)\n\n"
        + panel(kind="lines", keys=["loss"], title="<img src=x onerror=window.hacked=2>", **of)
        + panel(kind="runs", columns=["name"], **of)
    )
    page.goto(f"/reports/{write(seeded, HOSTILE_NAMES[0], body)}")
    page.get_by_role("button", name="More to do").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="Save as HTML").click()
    file = tmp_path / "report.html"
    download.value.save_as(file)
    text = file.read_text()
    assert "<script" not in text
    assert 'src="data:image/png;base64,' in text
    assert "file-4" in text
    found = page.context.new_page()
    found.goto(file.as_uri())
    expect(found.get_by_role("heading", name=HOSTILE_NAMES[0])).to_be_visible()
    assert found.evaluate("() => window.hacked") is None
    assert found.evaluate("() => document.querySelector('img').naturalWidth > 300")
    assert page.evaluate("() => window.hacked") is None


def test_two_hundred_panels_exist_when_they_are_seen(page, seeded, scratch):
    experiment, _ = scratch("much")
    one = panel(kind="lines", keys=["loss"], experiment=experiment)
    page.goto(f"/reports/{write(seeded, 'Much', (one + chr(10)) * 200)}")
    expect(page.locator("[data-plot]").first).to_be_visible()
    settled(page)
    assert page.locator("[data-plot]").count() <= 8
    page.evaluate("() => document.querySelector('main').scrollTo(0, 1e9)")
    expect(page.locator("figure").last).to_be_visible()
    settled(page)
    assert page.locator("[data-plot]").count() <= 16


def test_a_chart_goes_from_the_board_into_a_report(page, seeded, scratch):
    experiment, _ = scratch("board")
    report = write(seeded, "From the board", "Before.")
    page.goto(f"/p/{experiment}?show=charts")
    page.get_by_role("button", name="Add loss to a report").click()
    dialog = page.get_by_role("dialog", name="Add this panel to a report")
    dialog.get_by_label("Find a report").fill("From the board")
    axe(page, within="[role=dialog]")
    dialog.get_by_role("button", name="From the board").click()
    dialog.get_by_role("link", name="From the board").click()
    expect(page).to_have_url(re.compile(f"/reports/{report}"))
    expect(page.locator("[data-plot=loss]")).to_be_visible()


def test_readers_see_what_they_may(open_page, guarded, watches):
    warehouse = open_warehouse(str(guarded.log.parent / "lake"))
    ada = Actor(name="ada", kind=ActorKind.USER)
    (team,) = warehouse.experiments.list().to_pylist()
    here = panel(kind="lines", keys=["loss"], experiment=team["experiment_id"])
    hidden = warehouse.experiments.create("hidden").experiment_id
    there = panel(kind="runs", columns=["name"], experiment=hidden, title="Hidden")
    report = warehouse.reports.create(ada, "For readers", f"{here}\n{there}").report.report_id
    warehouse.access.grants.give("user", "vera", Scope.experiment(hidden), Role.NONE, by="root")
    page = open_page(guarded.url)
    watches[0].allow("status of 40[34]")
    page.goto("/")
    page.get_by_label("Name").fill("vera")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    page.goto(f"/reports/{report}")
    expect(page.get_by_text("There is no such report")).to_be_visible()
    warehouse.reports.publish(ada, report, 1)
    page.goto(f"/reports/{report}")
    expect(page.locator("[data-plot=loss]")).to_be_visible()
    expect(page.get_by_text("You may not read what this panel shows")).to_be_visible()
    expect(page.get_by_role("button", name="Edit")).to_have_count(0)


def test_narrow(open_page, server, seeded, scratch):
    experiment, _ = scratch("narrow")
    body = "# Narrow\n\n" + panel(kind="lines", keys=["loss"], experiment=experiment)
    page = open_page(server.url, width=900)
    report = write(seeded, HOSTILE_NAMES[3], body)
    page.goto(f"/reports/{report}")
    expect(page.locator("[data-plot=loss]")).to_be_visible()
    shot(page, "report-900")
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    page.goto(f"/reports/{report}?edit=1")
    expect(text_of(page)).to_be_visible()
    shot(page, "report-editor-900")
    page.goto("/reports")
    shot(page, "reports-900")


def test_no_reports_yet(open_page, guarded):
    page = open_page(guarded.url)
    page.goto("/")
    page.get_by_label("Name").fill("root")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    page.goto("/reports?q=surely+nothing+has+these+words")
    expect(page.get_by_text("No report matches")).to_be_visible()
    axe(page)
