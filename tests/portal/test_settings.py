"""Settings: oneself, tokens, users, groups, grants, webhooks, the trail and the server."""

from __future__ import annotations

import itertools
import re
import urllib.error
import urllib.request

import pytest
from playwright.sync_api import Page, expect

from tests.portal.browser import axe, focused, press, settled, shot
from tests.portal.conftest import PASSWORD

_numbers = itertools.count(1)


@pytest.fixture
def signed_in(open_page, guarded):
    """Open a page of the guarded server as somebody: ``signed_in("root", "/settings/users")``."""

    def opened(name: str, path: str, **more: int) -> Page:
        page = open_page(guarded.url, **more)
        page.goto(path)
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        press(page, "Enter")
        page.get_by_role("heading", name="Settings").wait_for()
        return page

    return opened


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_tab_is_clean(signed_in, theme):
    page = signed_in("root", "/settings")
    for number, tab in enumerate(
        ("profile", "tokens", "users", "groups", "access", "webhooks", "audit", "server"), 1
    ):
        press(page, str(number))
        expect(page).to_have_url(re.compile(f"/settings/{tab}$"))
        settled(page)
        axe(page)
        shot(page, f"settings-{tab}")


def test_a_token_is_made_shown_once_and_revoked(signed_in, guarded):
    page = signed_in("ada", "/settings/tokens")
    page.get_by_label("What it is for").fill("nightly <b>")
    press(page, "Enter")
    expect(page.get_by_text("It is shown only now.")).to_be_visible()
    secret = page.locator("code", has_text=re.compile(r"^mere_")).first.inner_text()
    axe(page)
    request = urllib.request.Request(f"{guarded.url}/api/v1/experiments")
    request.add_header("Authorization", f"Bearer {secret}")
    with urllib.request.urlopen(request) as answer:
        assert b"team" in answer.read()
    page.reload()
    expect(page.get_by_role("rowheader", name="nightly <b>")).to_be_visible()
    assert page.get_by_text(secret).count() == 0
    page.get_by_role("button", name="Revoke").first.click()
    axe(page)
    confirm = page.get_by_role("button", name="Revoke it")
    expect(confirm).to_be_disabled()
    page.get_by_label("Type").fill("nightly <b>")
    confirm.click()
    expect(page.get_by_text("There is none.")).to_be_visible()
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(request)


def test_a_user_s_life_by_keys_alone(signed_in, watches):
    page = signed_in("root", "/settings/users")
    name = f"zoe{next(_numbers)}"
    watches[0].allow("400")
    page.get_by_label("Name", exact=True).focus()
    page.keyboard.type(name)
    press(page, "Tab")
    page.keyboard.type("Zoë <i>")
    press(page, "Tab")
    page.keyboard.type("short")
    press(page, "Enter")
    wrong = page.get_by_label("Password", exact=True)
    expect(wrong).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("alert")).to_contain_text("10")
    axe(page)
    wrong.focus()
    press(page, "Control+a")
    page.keyboard.type(PASSWORD)
    press(page, "Enter")
    row = page.get_by_role("row", name=name)
    expect(row).to_contain_text("Zoë <i>")
    role = row.get_by_label(f"Role of {name}")
    role.focus()
    press(page, "e")  # what chooses in a list of choices, and no key of the page
    press(page, "Enter")
    if role.input_value() != "editor":
        role.select_option("editor")
    expect(page.get_by_text(f"{name} is editor now.")).to_be_visible()
    page.get_by_role("button", name="Undo").focus()
    press(page, "Enter")
    expect(role).to_have_value("viewer")
    row.get_by_role("button", name="Keep out").focus()
    press(page, "Enter")
    expect(row).to_contain_text("kept out")
    row.get_by_role("button", name="Delete").focus()
    press(page, "Enter")
    page.get_by_label("Type").wait_for()
    page.keyboard.type(name)
    press(page, "Enter")
    expect(row).to_have_count(0)


def test_groups_and_grants(signed_in):
    page = signed_in("root", "/settings/groups")
    name = f"people {next(_numbers)}"
    page.get_by_label("Name", exact=True).fill(name)
    press(page, "Enter")
    page.get_by_label(f"Put somebody into {name}").select_option("vera")
    expect(page.get_by_role("button", name=f"Take vera out of {name}")).to_be_visible()
    axe(page)
    page.get_by_role("link", name="Access").click()
    page.get_by_label("To whom").select_option(label=f"{name} (group)")
    page.get_by_label("Role", exact=True).select_option("none")
    page.get_by_label("Which").select_option(label="team")
    page.get_by_role("button", name="Give it").click()
    row = page.get_by_role("row", name=name)
    expect(row).to_contain_text("experiment team")
    axe(page)
    shot(page, "settings-grants")
    row.get_by_role("button", name="Take away").click()
    expect(row).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(row).to_have_count(1)
    row.get_by_role("button", name="Take away").click()
    expect(row).to_have_count(0)


def test_a_webhook_is_refused_next_to_its_field_and_made(signed_in, watches):
    page = signed_in("root", "/settings/webhooks")
    watches[0].allow("400")
    name = f"hook{next(_numbers)}"
    page.get_by_label("Name", exact=True).fill("not a name!")
    page.get_by_label("Address").fill("https://hooks.example.org/mere")
    page.get_by_label("deployment.created").check()
    page.get_by_role("button", name="Make the webhook").click()
    expect(page.get_by_label("Name", exact=True)).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Make the webhook").click()
    expect(page.get_by_text(name, exact=True)).to_be_visible()
    page.get_by_role("button", name="Pause").first.click()
    expect(page.get_by_text("It is paused.")).to_be_visible()
    page.get_by_role("button", name="Show deliveries").first.click()
    expect(page.get_by_text("Nothing was sent yet")).to_be_visible()
    axe(page)
    page.get_by_role("button", name="Delete").first.click()
    page.get_by_label("Type").fill(name)
    press(page, "Enter")
    expect(page.get_by_text("Nobody is told of anything yet")).to_be_visible()


def test_the_trail_is_filtered_by_the_address(signed_in):
    page = signed_in("root", "/settings/audit")
    expect(page.get_by_role("row").nth(1)).to_be_visible()
    page.get_by_label("Who", exact=True).fill("nobody-of-that-name")
    expect(page.get_by_text("No note is like that")).to_be_visible()
    expect(page).to_have_url(re.compile("actor=nobody-of-that-name"))
    page.get_by_role("button", name="Show all").click()
    expect(page.get_by_role("row").nth(1)).to_be_visible()


def test_a_password_is_changed_and_sessions_end(signed_in, guarded, watches):
    first = signed_in("vera", "/settings/profile")
    second = signed_in("vera", "/settings/profile", width=900)
    shot(second, "settings-narrow")
    first.reload()
    expect(first.get_by_role("button", name="End", exact=True)).not_to_have_count(0)
    watches[0].allow("401", "400")
    watches[1].allow("401")
    first.get_by_label("Password now").fill("wrong wrong wrong")
    for label in ("New password", "New password, again"):
        first.get_by_label(label, exact=True).fill(PASSWORD + "!")
    press(first, "Enter")
    expect(first.get_by_label("Password now")).to_have_attribute("aria-invalid", "true")
    first.get_by_label("Password now").fill(PASSWORD)
    press(first, "Enter")
    expect(first.get_by_text("It is changed")).to_be_visible()
    # Others share this user: it gets its password back.
    first.get_by_label("Password now").fill(PASSWORD + "!")
    for label in ("New password", "New password, again"):
        first.get_by_label(label, exact=True).fill(PASSWORD)
    press(first, "Enter")
    expect(first.get_by_text("It is changed")).to_be_visible()
    second.wait_for_timeout(5_500)  # a session that ended elsewhere is known for so long
    second.reload()
    expect(second.get_by_label("Password")).to_be_visible()


def test_who_is_no_admin_sees_what_is_their_own(signed_in):
    page = signed_in("ada", "/settings/users")
    expect(page.get_by_text("This is for admins")).to_be_visible()
    links = page.get_by_role("navigation", name="Settings").get_by_role("link")
    expect(links).to_have_text(["Profile", "Tokens"])
    axe(page)


def test_without_sign_in_it_says_how_to_turn_it_on(page):
    page.goto("/experiments")
    expect(page.get_by_role("heading", name="Experiments")).to_be_visible()
    press(page, "g", "e")
    expect(page.get_by_role("heading", name="Sign-in is off")).to_be_visible()
    expect(page.get_by_text("mere server --sign-in")).to_be_visible()
    axe(page)
    shot(page, "settings-off")
    page.get_by_label("Single keys do something").uncheck()
    press(page, "Escape")
    page.locator("main").focus()
    press(page, "2")
    assert page.url.endswith("/settings")
    page.get_by_label("Single keys do something").check()
    page.get_by_role("link", name="Server").click()
    expect(page.get_by_text("off: everybody who reaches it is an admin")).to_be_visible()
    assert focused(page)
