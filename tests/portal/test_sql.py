"""The SQL lab: asked by mouse and by keys, its charts, states of the past, and hostile results."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.portal.browser import axe, focused, press, shot

_SLOW = "select count(*) from range(10000000) a, range(10000000) b"


def _at(sql: str, **more: str) -> str:
    return "/query?" + "&".join(
        f"{name}={quote(text)}" for name, text in {"sql": sql, **more}.items()
    )


def _editor(page: Page) -> None:
    page.locator("[data-editor=code]").wait_for()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_question_by_mouse(page, theme):
    page.goto("/query")
    _editor(page)
    shot(page, "sql-empty")
    axe(page)
    page.get_by_label("Find a table or column").fill("params")
    expect(page.get_by_text("what went in; a param never changes").first).to_be_visible()
    page.get_by_role("tab", name="Questions").click()
    page.get_by_role("button", name="Best run of each experiment").click()
    expect(page.get_by_role("columnheader", name="best_run")).to_be_visible()
    shot(page, "sql-table")
    axe(page)
    page.get_by_role("columnheader", name="least").get_by_role("button").click()
    assert page.get_by_role("columnheader", name="least").get_attribute("aria-sort") == "ascending"
    page.get_by_role("button", name="Chart", exact=True).click()
    expect(page.get_by_role("group", name="Kind of chart")).to_be_visible()
    page.get_by_role("button", name="histogram").click()
    expect(page.get_by_role("img", name="Histogram of least")).to_be_visible()
    assert "chart=histogram" in page.url
    shot(page, "sql-histogram")
    axe(page)
    page.get_by_role("tab", name="History").click()
    expect(page.get_by_role("button", name="just now")).to_have_count(1)


def test_a_question_by_keys_alone(page):
    page.goto("/experiments")
    expect(page.get_by_role("heading", name="Experiments")).to_be_visible()
    press(page, "g", "q")
    _editor(page)
    press(page, "e")
    page.keyboard.type("select name, sta")
    press(page, "Escape")  # closes the suggestions, if there are any
    press(page, "Control+a")
    page.keyboard.type("select name, status from runs order by name")
    press(page, "Escape", "Escape")
    assert focused(page) == "button Run"
    press(page, "e", "Control+Enter")
    expect(page.get_by_role("gridcell").first).to_be_visible()
    page.get_by_role("grid").focus()
    press(page, "ArrowDown", "ArrowRight", "s")
    assert page.get_by_role("columnheader", name="status").get_attribute("aria-sort") == "ascending"
    press(page, "Control+c")
    expect(page.get_by_text("The cell is copied")).to_be_attached()
    assert page.evaluate("navigator.clipboard.readText()") in ("FAILED", "FINISHED")
    press(page, "Enter")
    expect(page.get_by_role("dialog", name="status, row 2")).to_be_visible()
    press(page, "Escape")
    expect(page.get_by_role("grid")).to_be_focused()
    press(page, "v")
    expect(page.get_by_text("There is no number to draw")).to_be_visible()
    press(page, "b")
    expect(page.get_by_role("tab", name="History")).to_have_count(0)


def test_an_error_is_marked_where_it_is(page, watch):
    watch.allow("400")
    page.goto(_at("select name,\n  lss from runs"))
    expect(page.get_by_role("alert")).to_contain_text("Line 2, column 3")
    expect(page.locator(".cm-wrong")).to_have_text("lss")
    shot(page, "sql-error")
    axe(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_lines_over_time(page, theme):
    page.goto(
        _at(
            "select step, value, key from metrics where key in ('train/loss', 'val/loss') "
            "order by step",
            view="chart",
        )
    )
    chart = page.locator("[data-plot]")
    chart.wait_for()
    state = page.evaluate("document.querySelector('[data-plot]').plot.debugState()")
    assert {line["label"] for line in state["lines"]} >= {"train/loss", "val/loss"}
    shot(page, "sql-lines")
    axe(page)


def test_states_of_the_past(page, seeded, watch):
    lake = seeded.warehouse.lake
    root = lake.fold().root
    lake.tag("before-tests")
    page.goto(_at("select count(*) as runs from runs"))
    page.get_by_role("button", name="As of now").click()
    expect(page.get_by_text("Roots, one for each fold")).to_be_visible()
    axe(page)
    page.get_by_role("button", name="before-tests").click()
    expect(page.get_by_text("as of tag before-tests", exact=True)).to_be_visible()
    assert "as_of=before-tests" in page.url
    shot(page, "sql-past")
    page.get_by_role("button", name="As of tag before-tests").click()
    page.get_by_role("button", name=f"root {root}").first.click()
    expect(page.get_by_text(f"as of root {root}", exact=True)).to_be_visible()
    page.get_by_role("button", name="Back to now").click()
    expect(page.get_by_role("button", name="As of now")).to_be_visible()
    watch.allow("404")
    page.goto(_at("select 1", as_of="2001-01-01T00:00:00Z"))
    expect(page.get_by_role("alert").first).to_contain_text("there is no state as of")


def test_a_query_that_takes_long_is_stopped(page):
    page.goto(_at(_SLOW))
    page.get_by_text("The query runs").wait_for()
    page.get_by_role("button", name="Stop").last.click()
    expect(page.get_by_text("The query was stopped")).to_be_visible()
    # Both places of the server are free again at once.
    page.goto(_at("select 42 as answer"))
    expect(page.get_by_role("gridcell", name="42")).to_be_visible()


def test_a_large_answer_is_cut_and_says_so(page):
    page.goto(_at("select i, i * i as square from range(1000000) t(i)"))
    expect(page.get_by_text("The first 10,000 rows of more")).to_be_visible()
    page.get_by_role("grid").focus()
    press(page, "Control+End")
    expect(page.get_by_text("10,000", exact=True)).to_be_visible()
    assert page.locator("[role=gridcell]").count() < 200
    page.goto(_at("select 1 as a where false"))
    expect(page.get_by_text("The answer has no rows")).to_be_visible()


def test_results_are_saved_and_taken_along(page):
    page.goto(_at("select name, status from runs order by name limit 3"))
    page.get_by_role("gridcell").first.wait_for()
    page.get_by_role("button", name="Save or share").click()
    axe(page)
    with page.expect_download() as saved:
        page.get_by_role("menuitem", name="Save as CSV").click()
    assert saved.value.path().read_text().startswith('"name","status"\n')
    page.get_by_role("button", name="Save or share").click()
    page.get_by_role("menuitem", name="Copy as Python").click()
    assert page.evaluate("navigator.clipboard.readText()").startswith("import mere\n")


_HOSTILE = """select
  '<img src=x onerror="window.hacked=1"><script>window.hacked=2</script>' as html,
  '\u202egnp.exe' as rtl, repeat('long ', 100000) as long, '\\xff\\x00'::blob as bin,
  9007199254740993 as big, 1.50::decimal(9,2) as money, 'nan'::double as odd, null as nothing,
  timestamptz '2020-01-01 00:00:00.123456+01' as tz, interval '1 month 2 days' as iv,
  [1, null] as l, {'a': [1.5::decimal(4,2)]} as st, map {'k': 1} as m, 1 as dup, 2 as dup,
  'infinity'::timestamp as far, range(50000) as many, 1 as "<b>name</b>" """


def test_hostile_results_do_nothing(page):
    page.set_viewport_size({"width": 3600, "height": 900})
    page.goto(_at(_HOSTILE))
    page.get_by_role("gridcell").first.wait_for()
    shown = page.get_by_role("gridcell").all_inner_texts()
    for text in (
        "0xff00",
        "9007199254740993",
        "1.50",
        "NaN",
        "null",
        "2019-12-31 23:00:00.123456Z",
    ):
        assert text in shown, (text, shown)
    assert "1 mon 2 d" in shown
    assert '{"a": [1.50]}' in shown
    assert page.evaluate("window.hacked") is None
    page.get_by_role("gridcell").first.dblclick()
    expect(page.get_by_role("dialog")).to_contain_text("<script>window.hacked=2</script>")
    assert page.evaluate("window.hacked") is None
    page.keyboard.press("Escape")
    axe(page)
    shot(page, "sql-hostile")


def test_the_editor_is_loaded_apart(page, watch):
    page.goto("/experiments")
    page.get_by_role("heading", name="Experiments").first.wait_for()
    assert not [one for one in watch.requests if "CodeEditor" in one.url]
    page.goto("/query")
    _editor(page)
    assert [one for one in watch.requests if "CodeEditor" in one.url]


def test_grants_hold_in_the_lab(open_page, guarded, watches):
    page = open_page(guarded.url, width=900)
    page.goto("/query")
    watches[0].allow("400")
    page.get_by_label("Name").fill("vera")
    page.get_by_label("Password").fill("correct horse battery")
    press(page, "Enter")
    _editor(page)
    expect(page.get_by_role("button", name="runs", exact=False).first).to_be_visible()
    names = page.evaluate("fetch('/api/v1/sql/tables').then((a) => a.json())")
    told = {one["name"] for one in json.loads(json.dumps(names))["tables"]}
    assert "runs" in told
    assert not told & {"users", "tokens", "audit", "webhooks", "passwords", "sessions"}
    page.goto(_at("select * from users"))
    expect(page.get_by_role("alert")).to_contain_text("there is no table 'users'")
    shot(page, "sql-narrow")
