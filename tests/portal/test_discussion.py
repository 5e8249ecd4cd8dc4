"""What people say to each other: comments, mentions, reviews, the inbox, activity."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from mere.entities.actor import Actor
from mere.entities.comment import Subject
from mere.services.warehouse import open_warehouse
from tests.portal.browser import axe, counters, focused, press, shot
from tests.portal.conftest import PASSWORD

_HOSTILE = (
    "<script>window.hacked = 1</script> <img src=x onerror='window.hacked = 2'> "
    "[js](javascript:window.hacked=3) ![spy](https://example.com/spy.png) \u202eRTL\u202c "
    + "W" * 300
    + "\n\n<style>body { display: none }</style>"
)


@pytest.fixture
def sign_in(open_page, guarded):
    """Open a page of the team's server as somebody."""

    def opened(name: str, **size: Any) -> Page:
        page = open_page(guarded.url, **size)
        page.goto("/")
        page.request.post("/api/v1/session", data={"name": name, "password": PASSWORD})
        page.goto("/experiments")
        expect(page.get_by_role("link", name="team")).to_be_visible()
        return page

    return opened


@pytest.fixture
def swift(guarded) -> str:
    """The address of the discussion of the team's run."""
    run = _warehouse(guarded).runs.find("swift")
    return f"/p/{run.experiment_id}/runs/{run.run_id}/activity"


def _warehouse(guarded) -> Any:
    return open_warehouse(str(guarded.log.parent / "lake"))


def _threads(page: Page) -> Any:
    return page.get_by_role("list", name="Threads, the newest first")


def _field(page: Page) -> Any:
    return page.get_by_role("textbox", name=re.compile("^Comment on this run"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_two_talk_by_mouse(sign_in, swift, theme):
    ada = sign_in("ada")
    ada.goto(swift)
    text = f"Why does it jump at step 3? ({theme})"
    _field(ada).fill(text + " @ver")
    ada.get_by_role("option", name="vera").click()
    expect(_field(ada)).to_have_value(text + " @vera ")
    ada.get_by_role("button", name="Preview").click()
    expect(ada.get_by_role("group", name="How it will look")).to_contain_text(text)
    ada.get_by_role("button", name="Write").click()
    ada.get_by_role("button", name="Comment", exact=True).click()
    said = ada.get_by_role("article").filter(has_text=text).first
    expect(said.locator(".mention")).to_have_text("@vera")

    vera = sign_in("vera")
    vera.get_by_role("button", name=re.compile(r"Inbox, \d+ not read")).click()
    inbox = vera.get_by_role("dialog", name="Inbox")
    entry = inbox.get_by_role("listitem").filter(has_text=text)
    expect(entry).to_contain_text("ada mentioned you on swift")
    axe(vera)
    shot(vera, "inbox")
    entry.get_by_role("link", name="swift").click()
    expect(vera).to_have_url(re.compile("/activity#c-[0-9a-f]{32}$"))
    meant = vera.get_by_role("article").filter(has_text=text).first
    expect(meant).to_be_focused()
    thread = _threads(vera).get_by_role("listitem").filter(has_text=text).first
    thread.get_by_role("button", name="Answer").click()
    thread.get_by_role("textbox").fill(f"The rate was changed there. ({theme})")
    thread.get_by_role("button", name="Answer").click()

    # The other sees it without asking.
    answer = ada.get_by_role("article").filter(has_text=f"The rate was changed there. ({theme})")
    expect(answer).to_be_visible()
    expect(answer.get_by_text("new", exact=True)).to_be_visible()
    expect(ada.get_by_role("button", name=re.compile("Inbox, 1 not read"))).to_be_visible()
    axe(ada)
    shot(ada, "discussion")
    ada.get_by_role("button", name="Inbox, 1 not read").click()
    ada.get_by_role("button", name="Mark all as read").click()
    expect(ada.get_by_role("button", name="Inbox, nothing new")).to_be_attached()
    press(ada, "Escape")
    mine = _threads(ada).get_by_role("listitem").filter(has_text=text).first
    mine.get_by_role("button", name="Resolve").click()
    expect(mine).to_contain_text("resolved")
    ada.get_by_role("checkbox", name="Only open threads").check()
    expect(ada.get_by_role("article").filter(has_text=text)).to_have_count(0)


def test_one_talks_by_keyboard_alone(sign_in, guarded, swift):
    page = sign_in("vera")
    page.goto(swift)
    expect(_field(page)).to_be_visible()
    press(page, "c")
    expect(_field(page)).to_be_focused()
    page.keyboard.type("Hello @")
    expect(page.get_by_role("listbox")).to_be_visible()
    press(page, "ArrowDown", "Enter")
    expect(_field(page)).to_have_value("Hello @root ")
    page.keyboard.type("by keys")
    press(page, "Control+Enter")
    said = page.get_by_role("article").filter(has_text="by keys").first
    expect(said.locator(".mention")).to_have_text("@root")
    for _ in range(20):
        if focused(page) == "button Edit":
            break
        press(page, "Tab")
    press(page, "Enter")
    expect(page.get_by_role("textbox", name=re.compile("^The comment"))).to_be_focused()
    press(page, "Control+a")
    page.keyboard.type("Changed by keys")
    press(page, "Control+Enter")
    expect(page.get_by_text("Changed by keys")).to_be_visible()
    expect(page.get_by_text("edited")).to_be_visible()
    press(page, "g", "i")
    expect(page.get_by_role("dialog", name="Inbox")).to_be_visible()
    press(page, "g", "a")  # what is beneath hears nothing
    press(page, "Escape")
    expect(page.get_by_role("dialog", name="Inbox")).to_be_hidden()
    press(page, "g", "a")
    expect(page.get_by_role("heading", name="Activity")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("vera commented on swift")


def test_what_others_changed_is_not_written_over(sign_in, guarded, swift, watches):
    warehouse = _warehouse(guarded)
    run = Subject("run", warehouse.runs.find("swift").run_id)
    ada = Actor(name="ada", kind="user")  # type: ignore[arg-type]
    said = warehouse.comments.say(ada, run, "as it was")
    page = sign_in("ada")
    page.goto(f"{swift}#c-{said.comment_id}")
    comment = page.locator(f"#c-{said.comment_id}")
    comment.get_by_role("button", name="Edit").click()
    field = comment.get_by_role("textbox")
    field.fill("as I want it")
    warehouse.comments.edit(ada, said.comment_id, "as it is elsewhere", was="as it was")
    expect(comment.get_by_role("alert")).to_contain_text("as it is elsewhere")
    expect(field).to_have_value("as I want it")
    watches[0].allow("status of 409")
    comment.get_by_role("button", name="Replace it with mine").click()
    comment.get_by_role("button", name="Save").click()
    expect(comment).to_contain_text("as I want it")
    comment.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(comment).to_have_count(0)


def test_a_review_is_asked_for_and_given(sign_in, swift):
    ada = sign_in("ada")
    ada.goto(swift)
    ada.get_by_role("button", name="Ask for one").click()
    dialog = ada.get_by_role("dialog", name="Ask for a review")
    expect(dialog.get_by_role("combobox")).to_be_focused()
    ada.keyboard.type("ver")
    expect(dialog.get_by_role("option")).to_have_count(1)
    press(ada, "Enter")
    axe(ada, within="[role=dialog]")
    shot(ada, "ask-for-review")
    dialog.get_by_label("What they should look at").fill("Is the jump real?")
    dialog.get_by_role("button", name="Ask", exact=True).click()
    reviews = ada.get_by_role("region", name="Reviews")
    expect(reviews).to_contain_text("Waiting for vera")

    vera = sign_in("vera")
    vera.goto("/")
    waiting = vera.get_by_role("main").get_by_role("listitem").filter(has_text="Is the jump real?")
    expect(waiting).to_contain_text("ada asks you to review swift")
    axe(vera)
    shot(vera, "home-waiting")
    waiting.get_by_role("link", name="swift").click()
    vera.get_by_role("button", name="Review", exact=True).click()
    vera.get_by_role("dialog").get_by_label("Reject").check()
    vera.get_by_role("dialog").get_by_label("Why").fill("It is not.")
    vera.get_by_role("button", name="Send").click()
    expect(reviews).to_contain_text("vera rejected")
    expect(reviews).not_to_contain_text("Waiting for")
    ada.get_by_role("button", name=re.compile(r"Inbox, \d+ not read")).click()
    expect(ada.get_by_role("dialog", name="Inbox")).to_contain_text("vera reviewed swift")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_activity_is_filtered_and_remembers_it(sign_in, guarded, swift, theme):
    page = sign_in("ada")
    page.goto("/activity")
    main = page.get_by_role("main")
    expect(main).to_contain_text("swift")
    axe(page)
    shot(page, "activity")
    page.get_by_role("button", name="Runs ended").click()
    expect(main).to_contain_text(re.compile("Run swift.* ended"))
    expect(main).not_to_contain_text("commented")
    page.get_by_label("By").fill("nobody-here")
    expect(page.get_by_role("heading", name="Nothing happened")).to_be_visible()
    expect(page).to_have_url(re.compile(r"kind=ended&who=nobody-here"))
    page.reload()
    expect(page.get_by_role("heading", name="Nothing happened")).to_be_visible()
    axe(page)


def test_there_is_room_at_900_pixels(sign_in, swift):
    page = sign_in("ada", width=900)
    page.goto(swift)
    expect(_field(page)).to_be_visible()
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    shot(page, "discussion-900")


def test_hostile_texts_do_nothing_and_thousands_of_them_cost_a_page(page, watch, scratch, seeded):
    experiment, (run, *_) = scratch("talk", runs=1)
    subject = Subject("run", run)
    said = seeded.warehouse.comments.say(Actor.local(), subject, _HOSTILE)
    now = seeded.warehouse.clock.now_us()
    seeded.warehouse.lake.patch(
        "comments",
        [
            {
                "subject_id": run,
                "comment_id": f"{n:032x}",
                "subject_kind": "run",
                "text": f"comment {n}",
                "written_by": "somebody",
                "said_at": now - 1_000_000 * (5_000 - n),
            }
            for n in range(5_000)
        ],
    )
    page.goto(f"/p/{experiment}/runs/{run}/activity")
    text = page.locator(f"#c-{said.comment_id}")
    expect(text).to_contain_text("<script>window.hacked = 1</script>")
    expect(page.get_by_text("threads 1 to 20 of 5,001").first).to_be_visible()
    assert page.evaluate("() => window.hacked") is None
    assert text.locator("img, script, style, [onerror]").count() == 0
    links = text.get_by_role("link").evaluate_all("all => all.map((one) => one.protocol)")
    assert "javascript:" not in links
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    shot(page, "discussion-hostile")
    assert counters(page, watch).nodes < 1_500
    page.get_by_role("button", name="Older").first.click()
    expect(page.get_by_text("comment 4980")).to_be_visible()
    page.goto(f"/p/{experiment}/runs/{run}/activity#c-{10:032x}")
    expect(page.locator(f"#c-{10:032x}")).to_be_focused()
    page.goto(f"/p/{experiment}/runs/{run}/activity#c-{'f' * 32}")  # there is none
    watch.allow("status of 404")
    expect(_field(page)).to_be_visible()
    expect(_threads(page).get_by_role("article").first).to_be_visible()


def test_what_is_in_the_bin_is_read_only(page, scratch, seeded):
    experiment, (run, *_) = scratch("binned", runs=1)
    seeded.warehouse.comments.say(Actor.local(), Subject("run", run), "before it was deleted")
    seeded.warehouse.runs.delete([run])
    page.goto(f"/p/{experiment}/runs/{run}/activity")
    expect(page.get_by_text("before it was deleted")).to_be_visible()
    expect(page.get_by_text("It is in the bin: what was said can be read")).to_be_visible()
    expect(_field(page)).to_have_count(0)


def test_what_is_said_of_versions_and_reports_is_found_from_activity(page, seeded):
    warehouse, local = seeded.warehouse, Actor.local()
    data = warehouse.datasets.find(seeded.dataset, 1)
    report = warehouse.reports.create(local, "Weekly & <b>bold</b>", "# All well").report
    version = warehouse.models.versions.get(seeded.model, 1)
    for subject in (
        Subject("model", version.label),
        Subject("dataset", data.dataset_id),
        Subject("report", report.report_id),
    ):
        said = warehouse.comments.say(local, subject, f"a word on {subject.kind}")
        page.goto("/activity?kind=comment")
        entry = page.get_by_role("listitem").filter(has_text=f"a word on {subject.kind}")
        entry.get_by_role("link").click()
        expect(page.locator(f"#c-{said.comment_id}")).to_be_focused()
        assert page.url.endswith(f"#c-{said.comment_id}")
