"""Models and deployments in the browser: found, read, compared, moved through gates, deployed."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.portal.browser import Watch, axe, press, settled, shot
from tests.portal.seeded import HOSTILE_NAMES, Seeded


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_models_and_their_versions_are_looked_at(page: Page, seeded: Seeded, theme: str) -> None:
    page.goto("/models")
    row = page.get_by_role("row").filter(has_text=seeded.model)
    expect(row).to_contain_text("@champion")
    expect(row).to_contain_text("production")
    axe(page)
    shot(page, "models")
    row.get_by_role("link", name=seeded.model, exact=True).click()
    versions = page.get_by_role("grid", name="Versions")
    expect(versions.get_by_role("row")).to_have_count(4)
    expect(page.get_by_role("heading", name="Card")).to_be_visible()
    axe(page)
    shot(page, "model")
    versions.get_by_role("link", name="v3").click()
    expect(page.get_by_role("heading", name="Version 3")).to_be_visible()
    expect(page.get_by_text("faster; look at 7s").first).to_be_visible()
    axe(page)
    shot(page, "model-version")
    page.get_by_role("link", name="Compare", exact=True).click()
    expect(page.get_by_text("Swap sides")).to_be_visible()
    axe(page)
    shot(page, "model-compare")
    page.get_by_role("link", name="Files", exact=True).click()
    expect(page.get_by_role("treeitem").filter(has_text="MLmodel")).to_be_visible()
    page.get_by_role("link", name="History", exact=True).click()
    expect(page.get_by_text("@challenger").first).to_be_visible()
    axe(page)
    assert page.evaluate("() => window.hacked") is None


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_runs_where(page: Page, seeded: Seeded, theme: str) -> None:
    page.goto("/deployments")
    expect(page.get_by_role("table")).to_contain_text(seeded.model)
    axe(page)
    shot(page, "deployments")
    page.get_by_role("button", name="List and history").click()
    expect(page.get_by_role("grid", name="Deployments")).to_contain_text(seeded.model)
    axe(page)
    shot(page, "deployments-list")
    page.get_by_role("button", name="By dataset").click()
    page.get_by_label("Dataset", exact=True).fill("scans")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_role("heading", name=re.compile("answers? for scans"))).to_be_visible()
    axe(page)
    shot(page, "deployments-by-dataset")


def test_an_alias_moves_by_keys_alone_if_its_gates_hold(page: Page, seeded: Seeded) -> None:
    models = seeded.warehouse.models
    models.create("gated")
    for _ in range(3):
        models.versions.create("gated", "s3://bucket/key")
    models.reviews.add("gated", 2, "approved")
    models.aliases.set("gated", "champion", 1)
    models.gates.set("gated", "reviewed", "review = 'approved'", alias="champion")
    page.goto("/")
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    press(page, "g", "m")
    expect(page.get_by_role("heading", name="Models")).to_be_visible()
    press(page, "/")
    page.keyboard.type("gated")
    found = page.get_by_role("row")
    expect(found.nth(1)).to_contain_text("gated")
    expect(found).to_have_count(2)
    press(page, "Escape", "j")
    expect(page.get_by_role("grid", name="Models")).to_be_focused()
    press(page, "Enter")
    expect(page.get_by_role("grid", name="Versions")).to_be_visible()
    press(page, "m")
    dialog = page.get_by_role("dialog", name="Move an alias of gated")
    expect(dialog.get_by_label("Alias", exact=False).first).to_be_focused()
    page.keyboard.type("champion")
    press(page, "Tab")
    page.keyboard.type("3")
    expect(dialog.get_by_text("it may not move")).to_be_visible()
    expect(dialog.get_by_role("cell", name="nothing there")).to_be_visible()
    expect(dialog.get_by_role("button", name="Move it")).to_be_disabled()
    axe(page)
    shot(page, "move-alias")
    press(page, "Backspace")
    page.keyboard.type("2")
    expect(dialog.get_by_text("All gates hold")).to_be_visible()
    press(page, "Enter")
    expect(dialog).to_be_hidden()
    assert models.get("gated").aliases == {"champion": 2}
    press(page, "4")
    expect(page.get_by_role("main")).to_contain_text("moved from v1 to v2")
    press(page, "Escape")
    expect(page.get_by_role("heading", name="Models")).to_be_visible()


def test_a_gate_is_put_together_tried_and_saved(page: Page, seeded: Seeded) -> None:
    models = seeded.warehouse.models
    models.create("to gate")
    models.versions.create("to gate", "s3://bucket/key", tags={"region": "eu"})
    page.goto("/models/to%20gate?tab=gates")
    page.get_by_role("button", name="Add n").click()
    dialog = page.get_by_role("dialog", name="A new gate")
    dialog.get_by_label("Name", exact=True).fill("in Europe")
    dialog.get_by_label("What is asked of the version").select_option(label="Tag of the version")
    dialog.get_by_label("Tag", exact=True).fill("region")
    dialog.get_by_label("With what").fill("eu")
    dialog.get_by_role("button", name="Add to the condition").click()
    dialog.get_by_role("button", name="Try", exact=True).click()
    expect(dialog.get_by_role("listitem")).to_contain_text("holds")
    axe(page)
    shot(page, "gate")
    dialog.get_by_role("button", name="Save the gate").click()
    expect(dialog).to_be_hidden()
    (gate,) = models.gates.list("to gate")
    assert (gate.condition, gate.alias) == ("tags.region = 'eu'", "champion")
    page.get_by_role("button", name="Remove in Europe").click()
    expect(page.get_by_text("No gates")).to_be_visible()


def test_a_deployment_is_recorded_and_retired(page: Page, watch: Watch, seeded: Seeded) -> None:
    watch.allow("400")  # the digest of an image that is a tag
    models = seeded.warehouse.models
    models.create("to deploy")
    models.versions.create("to deploy", "s3://bucket/key")
    page.goto("/models/to%20deploy?tab=deployments")
    expect(page.get_by_text("It is live nowhere")).to_be_visible()
    press(page, "n")
    dialog = page.get_by_role("dialog", name="Record a deployment")
    expect(dialog.get_by_label("Model", exact=True)).to_have_value("to deploy")
    dialog.get_by_label("Version", exact=True).fill("1")
    dialog.get_by_label("Environment").fill("trial")
    dialog.get_by_label("Application", exact=True).fill("kiosk")
    dialog.get_by_label("Digest of its image").fill("latest")
    dialog.get_by_role("button", name="Record it").click()
    expect(dialog.get_by_role("alert")).to_contain_text("image digest 'latest' is none")
    dialog.get_by_label("Digest of its image").fill("")
    dialog.get_by_role("button", name="Record it").click()
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="kiosk").click()
    shown = page.get_by_role("dialog", name="kiosk in trial")
    axe(page)
    shown.get_by_role("button", name="Retire it …").click()
    shown.get_by_label("Why it ends").fill("end of the trial")
    press(page, "Enter")
    expect(shown).to_be_hidden()
    expect(page.get_by_text("It is live nowhere")).to_be_visible()
    (ended,) = seeded.warehouse.deployments.list(model="to deploy", live_only=False)
    assert (ended.status, ended.reason) == ("retired", "end of the trial")


def test_hostile_names_are_only_shown(page: Page, seeded: Seeded) -> None:
    models = seeded.warehouse.models
    names = [re.sub("[/:]", "_", name)[:200] for name in HOSTILE_NAMES[:3]]
    for name in names:
        models.create(name, description=f"{name} <script>window.hacked = 1</script>")
        models.versions.create(name, "s3://bucket/key", tags={"<b>": name})
        seeded.warehouse.deployments.deploy(name, 1, environment=name, application=name)
    for name in names:
        page.goto("/models")
        page.get_by_label("Find models by name, owner, alias or tag").fill(name)
        page.get_by_role("grid").get_by_role("link", name=name, exact=True).first.click()
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
        press(page, "3")
        expect(page.get_by_role("grid", name="Deployments").get_by_role("row")).to_have_count(2)
        page.get_by_role("grid").get_by_role("link", name="v1").first.click()
        expect(page.get_by_role("heading", name="Version 1")).to_be_visible()
    page.goto("/deployments")
    settled(page)
    axe(page)
    shot(page, "deployments-hostile")
    assert page.evaluate("() => window.hacked") is None


def test_what_others_change_is_shown_at_once(page: Page, seeded: Seeded) -> None:
    models = seeded.warehouse.models
    models.create("watched")
    models.versions.create("watched", "s3://bucket/key")
    page.goto("/models/watched")
    expect(page.get_by_text("None yet. An alias such as")).to_be_visible()
    models.aliases.set("watched", "champion", 1)
    expect(page.get_by_role("button", name="Move champion")).to_be_visible()
    models.describe("watched", "Look here.")
    expect(page.get_by_text("Look here.")).to_be_visible()


def test_the_palette_finds_a_version(page: Page, seeded: Seeded) -> None:
    page.goto("/")
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    press(page, "Control+k")
    expect(page.get_by_role("combobox", name="Find anything")).to_be_focused()
    page.keyboard.type(f"{seeded.model} 2")
    page.get_by_role("option", name=re.compile("version 2")).click()
    expect(page.get_by_role("heading", name="Version 2")).to_be_visible()


def test_a_narrow_window_and_errors(page: Page, watch: Watch, seeded: Seeded) -> None:
    watch.allow("404")  # a model that nobody registered
    page.set_viewport_size({"width": 900, "height": 900})
    page.goto(f"/models/{seeded.model}")
    expect(page.get_by_role("grid", name="Versions")).to_be_visible()
    shot(page, "model-narrow")
    page.goto("/deployments")
    expect(page.get_by_role("table")).to_be_visible()
    shot(page, "deployments-narrow")
    page.goto("/models/nobody")
    expect(page.get_by_role("alert")).to_contain_text("there is no registered model 'nobody'")
