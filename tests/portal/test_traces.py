"""Traces: the list with its facets, conversations, and one trace's waterfall."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Locator, Page, expect

from mere.entities.assessment import Assessment
from tests.portal.browser import axe, counters, press, shot
from tests.portal.made_traces import (
    big_trace,
    deep_trace,
    everyday_traces,
    odd_trace,
    trace_id_of,
    wide_trace,
)

BIG, WIDE, DEEP, ODD = (trace_id_of(0xA0 + n) for n in range(4))
BIG_SPANS, WIDE_SPANS = 5_000, 3_000


@pytest.fixture(scope="module")
def agent(seeded) -> str:
    """Make an experiment with everyday traces, and one with odd ones; the first one's id."""
    warehouse, now = seeded.warehouse, time.time_ns()
    home = warehouse.experiments.create("support agent").experiment_id
    warehouse.traces.receive(list(everyday_traces(300, now)), home)
    newest = warehouse.traces.list(experiment_ids=[home], limit=3)[0]
    said = Assessment(trace_id=newest[0].trace_id, name="helpful", value=False)
    warehouse.assessments.create(said)
    odd = warehouse.experiments.create("crawler").experiment_id
    for spans in (
        big_trace(0xA0, now, BIG_SPANS),
        wide_trace(0xA1, now, WIDE_SPANS),
        deep_trace(0xA2, now),
        odd_trace(0xA3, now),
    ):
        warehouse.traces.receive(spans, odd)
    return home


def spans_of(page: Page) -> Locator:
    return page.get_by_role("tree", name=re.compile("^Spans of the trace"))


def chosen(page: Page) -> str:
    return page.locator("[role=treeitem][aria-selected=true]").get_attribute("aria-label") or ""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_list_is_narrowed_down_by_mouse(page, watch, agent, theme):
    page.goto(f"/traces?experiment={agent}")
    expect(page.get_by_text("300 traces").first).to_be_visible()
    expect(page.get_by_role("row").nth(5)).to_be_visible()
    axe(page)
    shot(page, "traces")
    assert counters(page, watch).rows <= 80
    facets = page.get_by_role("complementary", name="Narrow down")
    facets.get_by_role("checkbox", name=re.compile("^error")).check()
    expect(page).to_have_url(re.compile("status=ERROR"))
    expect(page.get_by_role("row").nth(1).get_by_text("error")).to_be_visible()
    page.get_by_role("columnheader", name="Latency").get_by_role("button").click()
    expect(page).to_have_url(re.compile("sort=-duration"))
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_role("button", name="Clear")).to_have_count(0)
    page.get_by_role("button", name="As a table").click()
    expect(page.get_by_role("dialog", name="Traces over time")).to_be_visible()
    axe(page)
    press(page, "Escape")


def test_a_filter_and_what_is_wrong_with_it(page, agent):
    page.goto(f"/traces?experiment={agent}")
    field = page.get_by_label("Filter traces")
    field.fill("duration >> 1")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    assert "duration" not in page.url, "what is wrong is not asked for"
    axe(page)
    shot(page, "traces-filter-wrong")
    field.fill("feedback.helpful = 'false'")
    field.press("Enter")
    expect(page.get_by_text("1 trace", exact=True)).to_be_visible()
    expect(page.get_by_role("row").nth(1).get_by_text("✕ no")).to_be_visible()


def test_new_traces_wait_until_they_are_asked_for(page, agent, seeded):
    page.goto(f"/traces?experiment={agent}&name=late")
    expect(page.get_by_text("No trace is like that")).to_be_visible()
    page.goto(f"/traces?experiment={agent}")
    first = page.get_by_role("row").nth(1).get_by_role("link")
    expect(first).to_be_visible()
    before = first.get_attribute("href")
    spans = list(everyday_traces(1, time.time_ns() + 10**12, seed=77, days=0.0001))
    seeded.warehouse.traces.receive(spans, agent)
    new = page.get_by_role("button", name=re.compile("1 new trace"))
    expect(new).to_be_visible()
    assert first.get_attribute("href") == before
    press(page, "u")
    expect(new).to_have_count(0)
    expect(page.locator(f"a[href='/traces/{spans[0].trace_id}']")).to_be_visible()
    seeded.warehouse.traces.delete(agent, trace_ids=[spans[0].trace_id])


def test_several_are_chosen_deleted_and_brought_back_by_keys(page, agent):
    page.goto(f"/traces?experiment={agent}&status=OK")
    expect(page.get_by_role("row").nth(5)).to_be_visible()
    press(page, "j", "x", "j", "j", "Shift+X")
    expect(page.get_by_text("3 chosen")).to_be_visible()
    axe(page)
    shot(page, "traces-chosen")
    page.get_by_role("button", name="Delete").focus()
    press(page, "Enter")
    dialog = page.get_by_role("dialog", name="Delete 3 traces?")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Delete").focus()
    press(page, "Enter")
    expect(page.get_by_text("3 traces deleted.")).to_be_visible()
    page.get_by_role("button", name="Undo").focus()
    press(page, "Enter")
    expect(page.get_by_text("3 traces deleted.")).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_session_is_read_as_a_conversation(page, agent, theme):
    page.goto(f"/traces?experiment={agent}&view=sessions")
    page.get_by_role("button", name="session-7", exact=True).click()
    talk = page.get_by_role("region", name="Session session-7")
    expect(talk.get_by_text("4 traces")).to_be_visible()
    expect(talk.get_by_role("listitem").first).to_be_visible()
    axe(page)
    shot(page, "sessions")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_trace_is_read_by_keys(page, agent, seeded, theme):
    failed = seeded.warehouse.traces.list(
        experiment_ids=[agent], filter="status = 'ERROR' and span.name = 'lookup_order'"
    )[0][0]
    page.goto("/")
    expect(page.get_by_role("link", name="mere, home")).to_be_visible()
    press(page, "g", "t")
    expect(page).to_have_url(re.compile("/traces$"))
    page.goto(f"/traces/{failed.trace_id}")
    expect(spans_of(page)).to_be_visible()
    expect(page.get_by_role("heading", name="Input")).to_be_visible()
    press(page, "e")
    expect(page.get_by_text("TimeoutError: order service timed out")).to_be_visible()
    assert chosen(page).startswith("lookup_order")
    axe(page)
    shot(page, "trace")
    press(page, "k")
    expect(page.get_by_text("You answer customers.").first).to_be_visible()
    expect(page.get_by_text("Calls lookup_order")).to_be_visible()
    axe(page)
    shot(page, "trace-chat")
    press(page, "/")
    page.keyboard.type("timed out")
    expect(page.get_by_text(re.compile("of 1$"))).to_be_visible()
    press(page, "Enter", "Escape")
    expect(page).to_have_url(re.compile("find=timed"))
    press(page, "3")
    expect(page.get_by_role("table", name=re.compile("^Log"))).to_be_visible()
    press(page, "2")
    expect(page.get_by_role("table", name="Spans of the trace as a table")).to_be_visible()
    axe(page)
    press(page, "1", "Escape")
    expect(page.get_by_role("heading", name="Input")).to_have_count(0)
    press(page, "Escape")
    expect(page).to_have_url(re.compile("/traces\\?experiment="))


def test_a_trace_is_assessed(page, agent, seeded):
    one = seeded.warehouse.traces.list(experiment_ids=[agent], limit=5)[0][4]
    page.goto(f"/traces/{one.trace_id}")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_label("What is judged").fill("correct")
    page.get_by_label("Value", exact=True).fill("no")
    page.get_by_label("Why, in Markdown").fill("<script>window.hacked=1</script> it is **late**")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("✕ no")).to_be_visible()
    expect(page.locator("strong", has_text="late")).to_be_visible()
    page.get_by_role("button", name="Change correct").click()
    page.get_by_label("Value", exact=True).fill("yes")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("✓ yes")).to_be_visible()
    page.get_by_role("button", name="Remove correct").click()
    expect(page.get_by_text("Nobody has said yet")).to_be_visible()
    assert page.evaluate("() => window.hacked") is None


def test_shapes_that_are_odd(page, watch, agent):
    page.goto(f"/traces/{BIG}")
    expect(spans_of(page)).to_be_visible()
    expect(page.get_by_text(f"{BIG_SPANS:,} shown")).to_be_visible()
    cost = counters(page, watch)
    assert page.get_by_role("treeitem").count() <= 80
    assert cost.requests <= 8
    press(page, "x")
    expect(page.get_by_text(f"{BIG_SPANS:,} shown")).to_have_count(0)
    press(page, "e")
    expect(page.locator("[role=treeitem][aria-selected=true]")).to_be_visible()
    shot(page, "trace-big")
    page.goto(f"/traces/{WIDE}")
    spans_of(page).press("End")
    expect(page.get_by_role("treeitem", name=f"item {WIDE_SPANS - 2},")).to_be_visible()
    page.goto(f"/traces/{DEEP}")
    expect(spans_of(page)).to_be_visible()
    press(page, "e")
    expect(page.get_by_role("treeitem", name=re.compile("^recurse 299,"))).to_be_visible()
    shot(page, "trace-deep")
    page.goto(f"/traces/{ODD}")
    expect(page.get_by_role("treeitem")).to_have_count(11)
    expect(page.get_by_text("⚠ 4 odd")).to_be_visible()
    axe(page)
    shot(page, "trace-odd")


def test_time_is_zoomed_by_keys(page, agent):
    page.goto(f"/traces/{DEEP}")
    box = page.get_by_role("group", name=re.compile("^Time shown: 0 ms to 600 ms"))
    expect(box).to_be_visible()
    box.press("ArrowUp")
    expect(page.get_by_role("group", name=re.compile("^Time shown: 113 ms"))).to_be_visible()
    press(page, "0")
    expect(box).to_be_visible()


def test_a_run_and_its_experiment_lead_to_traces(page, agent, seeded, scratch):
    experiment, (run,) = scratch("traced", runs=1)
    one = seeded.warehouse.traces.list(experiment_ids=[agent], limit=1)[0][0]
    seeded.warehouse.traces.link_to_run([one.trace_id], run)
    page.goto(f"/p/{experiment}/runs/{run}")
    expect(page.get_by_role("heading", name="Traces (1)")).to_be_visible()
    axe(page)
    page.get_by_role("link", name="All of them").click()
    expect(page).to_have_url(re.compile(f"/traces\\?run={run}"))
    expect(page.get_by_text("1 trace", exact=True)).to_be_visible()
    page.goto(f"/p/{agent}")
    page.get_by_role("link", name="Traces").last.click()
    expect(page).to_have_url(re.compile(f"/traces\\?experiment={agent}"))


def test_the_palette_knows_traces_by_id(page, agent):
    page.goto("/experiments")
    expect(page.get_by_role("link", name="support agent")).to_be_visible()
    press(page, "Control+k")
    page.get_by_placeholder(re.compile("^An experiment")).fill(ODD)
    expect(page.get_by_role("option", name=re.compile("trace, "))).to_be_visible()
    press(page, "Enter")
    expect(page).to_have_url(re.compile(f"/traces/{ODD}$"))


def test_an_address_of_no_trace_says_so(page, watch, agent):
    watch.allow("status of 404")
    page.goto(f"/traces/{trace_id_of(0xFFFF)}")
    expect(page.get_by_role("alert")).to_contain_text("there is no trace")
