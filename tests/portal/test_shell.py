"""What is around every page: navigation, palette, keys, themes, sign-in, freshness."""

from __future__ import annotations

import itertools
import re

import pytest
from playwright.sync_api import Page, expect

from tests.portal.browser import axe, focused, press, settled, shot
from tests.portal.conftest import PASSWORD


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_home_and_the_list_of_experiments(page, theme):
    page.goto("/")
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    expect(page.get_by_role("link", name="broken")).to_be_visible()
    axe(page)
    shot(page, "home")
    page.get_by_role("link", name="Experiments", exact=True).click()
    expect(page).to_have_url(re.compile("/experiments$"))
    expect(page.get_by_role("link", name="digits", exact=True)).to_be_visible()
    axe(page)
    shot(page, "experiments")
    page.get_by_label("Find an experiment by name").fill("host")
    expect(page.get_by_role("main").get_by_role("link")).to_have_text(["hostile"])


def test_keys_lead_everywhere(page):
    page.goto("/")
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    press(page, "g", "p")
    expect(page).to_have_url(re.compile("/experiments$"))
    press(page, "g", "h")
    expect(page).to_have_url(re.compile(r":\d+/$"))
    press(page, "?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys.get_by_text("Go to Experiments")).to_be_visible()
    axe(page)
    shot(page, "keys")
    press(page, "g", "p")  # what is beneath a dialog hears nothing
    expect(keys).to_be_visible()
    press(page, "Escape")
    expect(keys).to_be_hidden()
    assert page.url.endswith("/")


def test_the_palette_finds_experiments_and_places(page):
    page.goto("/")
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    press(page, "Control+k")
    field = page.get_by_role("combobox", name="Find anything")
    expect(field).to_be_focused()
    axe(page)
    shot(page, "palette")
    page.keyboard.type("digi")
    press(page, "Enter")
    expect(page.get_by_role("heading", name="digits")).to_be_visible()


def test_the_first_tab_skips_to_the_page(page):
    page.goto("/experiments")
    expect(page.get_by_role("heading", name="Experiments")).to_be_visible()
    press(page, "Tab")
    assert focused(page) == "a Skip to the page"
    press(page, "Enter")
    assert page.evaluate("() => document.activeElement.id") == "main"


@pytest.mark.parametrize("width", [600, 720, 900, 1440])
def test_the_header_has_room_at_every_width(open_page, server, width):
    page = open_page(server.url, width=width)
    page.goto("/experiments")
    expect(page.get_by_role("heading", name="Experiments")).to_be_visible()
    header = page.locator("header").first
    assert header.evaluate("one => one.scrollWidth <= one.clientWidth")
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    boxes = header.evaluate(
        """one => [...one.children].map((part) => part.getBoundingClientRect())
            .map((box) => [box.left, box.right])"""
    )
    assert all(a[1] <= b[0] + 1 for a, b in itertools.pairwise(boxes)), boxes
    shot(page, f"header-{width}")


def test_what_has_no_room_is_in_a_menu(open_page, server):
    page = open_page(server.url, width=300)
    page.goto("/")
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    page.get_by_role("button", name="More places").press("Enter")
    expect(page.get_by_role("menuitem").first).to_be_visible()
    axe(page, within="[role=menu]")
    page.get_by_role("menuitem", name=re.compile("Experiments")).click()
    expect(page).to_have_url(re.compile("/experiments$"))


def test_the_theme_is_kept(page):
    page.goto("/")
    page.get_by_label("Colours").select_option("dark")
    assert page.evaluate("() => document.documentElement.dataset.theme") == "dark"
    page.reload()
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    assert page.evaluate("() => document.documentElement.dataset.theme") == "dark"


def test_single_keys_can_be_off(page):
    page.goto("/")
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    press(page, "?")
    page.get_by_label("Single keys do something").uncheck()
    press(page, "Escape")
    press(page, "g", "p")
    settled(page)
    assert page.url.endswith("/")
    press(page, "Control+k")
    expect(page.get_by_role("combobox", name="Find anything")).to_be_focused()


def test_addresses_that_lead_nowhere_say_so(page, watch, seeded):
    watch.allow("status of 404")
    for address in ("/nowhere", "/p/0000", f"/p/{seeded.experiments['digits']}/runs/none"):
        page.goto(address)
        expect(page.get_by_text(re.compile("there is no", re.IGNORECASE)).first).to_be_visible()
        axe(page, without=("page-has-heading-one",))  # a page that failed to load has none


def test_freshness_is_said(page, watch):
    watch.allow("ERR_FAILED")
    page.goto("/")
    expect(page.get_by_role("button", name=re.compile("^Live"))).to_be_visible()
    press(page, ".")
    expect(page.get_by_role("button", name=re.compile("^Paused"))).to_be_visible()
    press(page, ".", ".", ".")  # however quickly
    expect(page.get_by_role("button", name=re.compile("^Live"))).to_be_visible()
    page.route("**/stream?*", lambda route: route.abort())
    press(page, ".")
    expect(page.get_by_role("button", name=re.compile("^Paused"))).to_be_visible()
    settled(page)
    press(page, ".")
    offline = page.get_by_role("button", name=re.compile("^The server does not answer"))
    expect(offline).to_be_visible()
    page.unroute("**/stream?*")
    expect(page.get_by_role("button", name=re.compile("^Live"))).to_be_visible()


def signed_in(page: Page, name: str) -> None:
    page.goto("/")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Home")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_signing_in_and_out(open_page, guarded, watches, theme):
    page = open_page(guarded.url)
    watches[0].allow("status of 401")
    page.goto("/experiments")
    expect(page.get_by_role("heading", name="Sign in to mere")).to_be_visible()
    axe(page)
    shot(page, "sign-in")
    page.keyboard.type("ada")
    press(page, "Tab")
    page.keyboard.type("not the password")
    press(page, "Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    axe(page)
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Enter")
    expect(page.get_by_role("link", name="team")).to_be_visible()
    expect(page.get_by_text("Ada")).to_be_visible()
    shot(page, "signed-in")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in to mere")).to_be_visible()
