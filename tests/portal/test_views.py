"""Saved views of the Explore page, and short links: by mouse, and by keyboard alone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from mere.entities.actor import Actor
from mere.entities.saved_view import ViewDraft, Visibility
from tests.portal.browser import axe, press, settled, shot
from tests.portal.seeded import HOSTILE_NAMES


def switcher(page):
    return page.get_by_role("button", name=re.compile("^Saved views"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_view_is_saved_changed_and_found_again_by_mouse(page, scratch, theme):
    experiment, _ = scratch("views")
    page.goto(f"/p/{experiment}?q=params.n+>+1&sort=name")
    expect(page.get_by_text("3 runs")).to_be_visible()
    switcher(page).click()
    page.get_by_role("button", name="Save as new").click()
    page.get_by_role("textbox", name="Name").fill("Later ones")
    page.get_by_label("Share it").check()
    axe(page, within="[role=dialog]")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(switcher(page)).to_have_text(re.compile("Later ones"))
    page.get_by_role("button", name="Charts", exact=True).click()
    expect(switcher(page)).to_have_accessible_name("Saved views; now Later ones, changed")
    switcher(page).click()
    page.get_by_role("button", name="Give a star").click()
    expect(page.get_by_role("button", name="Remove the star")).to_be_visible()
    axe(page, within="[aria-label='Saved views'][role=dialog]")
    shot(page, "views")
    page.get_by_role("button", name="Save changes").click()
    expect(switcher(page)).to_have_accessible_name("Saved views; now Later ones")

    switcher(page).click()
    page.get_by_role("button", name="What to do with Later ones").click()
    page.get_by_role("menuitem", name="Begin the page with it").click()
    expect(page.get_by_text("for everybody")).to_be_visible()
    page.goto(f"/p/{experiment}")
    expect(page).to_have_url(re.compile("show=charts"))
    expect(switcher(page)).to_have_accessible_name("Saved views; now Later ones")


def test_views_by_keyboard_alone(page, scratch):
    experiment, _ = scratch("keys")
    page.goto(f"/p/{experiment}?sort=name")
    expect(page.get_by_text("5 runs")).to_be_visible()
    press(page, "Control+s")
    page.keyboard.type("By name")
    press(page, "Enter")
    expect(switcher(page)).to_have_accessible_name("Saved views; now By name")
    press(page, "Escape")
    page.goto(f"/p/{experiment}?sort=started_at")
    expect(page.get_by_text("5 runs")).to_be_visible()
    press(page, "Shift+v")
    expect(page.get_by_label("Find a view")).to_be_focused()
    page.keyboard.type("name")
    press(page, "Enter")
    expect(page).to_have_url(re.compile("sort=name"))
    press(page, "Control+z")
    expect(page).to_have_url(re.compile("sort=started_at"))
    press(page, "Control+Shift+z")
    expect(page).to_have_url(re.compile("sort=name"))


def test_what_was_deleted_comes_back(page, scratch):
    experiment, _ = scratch("gone")
    page.goto(f"/p/{experiment}?sort=name")
    expect(page.get_by_text("5 runs")).to_be_visible()
    press(page, "Control+s")
    page.keyboard.type("Short lived")
    press(page, "Enter")
    switcher(page).click()
    page.get_by_role("button", name="What to do with Short lived").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("“Short lived” is back.")).to_be_visible()
    switcher(page).click()
    expect(page.get_by_role("button", name=re.compile("^Short lived"))).to_be_visible()


def test_of_two_who_change_a_view_the_second_is_asked(page, watch, scratch, seeded):
    watch.allow("status of 409")
    experiment, _ = scratch("both")
    views = seeded.warehouse.saved_views
    draft = ViewDraft(name="Ours", state="sort=name", visibility=Visibility.SHARED)
    ours = views.create(Actor.local(), "explore", draft, experiment_id=experiment)
    page.goto(f"/p/{experiment}?saved={ours.view_id}")
    expect(page).to_have_url(re.compile("sort=name"))
    page.get_by_role("button", name="Table", exact=True).click()
    views.change(Actor.local(), ours.view_id, ViewDraft(state="sort=status"), was=1)
    press(page, "Control+s")
    expect(page.get_by_role("alert")).to_contain_text("local changed “Ours” meanwhile")
    page.get_by_role("button", name="Save mine over it").click()
    expect(page.get_by_text("Saved “Ours”.")).to_be_visible()
    assert views.get(Actor.local(), ours.view_id).state == "show=table&sort=name"


def test_a_long_address_becomes_a_short_link(page, scratch):
    experiment, _ = scratch("long")
    page.goto(f"/p/{experiment}?q=name+!%3D+'{'x' * 1600}'")
    expect(page.get_by_text("5 runs")).to_be_visible()
    press(page, "y")
    expect(page.get_by_text("A short link was copied.")).to_be_visible()
    link = page.evaluate("() => navigator.clipboard.readText()")
    assert re.search("/s/[\\w-]{22}$", link)
    page.goto(link)
    expect(page).to_have_url(re.compile(f"/p/{experiment}\\?q="))


def test_a_link_that_leads_nowhere_says_so(page, watch):
    watch.allow("status of 404")
    page.goto(f"/s/{'x' * 22}")
    expect(page.get_by_role("alert")).to_contain_text("there is no link")


def test_hostile_names_and_very_many(page, scratch, seeded):
    experiment, _ = scratch("many")
    views = seeded.warehouse.saved_views
    for name in HOSTILE_NAMES:
        views.create(Actor.local(), "explore", ViewDraft(name=name), experiment_id=experiment)
    rows = [
        {
            "view_id": f"{n:032x}",
            "name": f"view {n}",
            "page": "explore",
            "experiment_id": experiment,
            "visibility": "shared",
            "owner": "ada",
            "lifecycle": "active",
        }
        for n in range(900)
    ]
    seeded.warehouse.lake.patch("saved_views", rows)
    page.goto(f"/p/{experiment}")
    expect(page.get_by_text("5 runs")).to_be_visible()
    press(page, "Shift+v")
    settled(page)
    expect(page.get_by_text(HOSTILE_NAMES[0])).to_be_visible()
    page.get_by_label("Find a view").fill("view 899")
    expect(page.get_by_role("listitem")).to_have_count(1)
    assert page.evaluate("() => window.hacked") is None
