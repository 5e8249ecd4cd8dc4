"""Datasets in the browser: found, looked into, compared, described; hostile data does nothing."""

from __future__ import annotations

import struct
import zlib

import pytest
from playwright.sync_api import Page, expect

import mere
from tests.portal.browser import Watch, axe, focused, press, settled, shot
from tests.portal.seeded import HOSTILE_NAMES, Seeded


def _png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + b"\x20\x90\xd0" * 8 for _ in range(8)))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_dataset_is_found_and_looked_into(page: Page, seeded: Seeded, theme: str) -> None:
    page.goto("/datasets")
    row = page.get_by_role("row").filter(has_text=seeded.dataset).first
    expect(row).to_contain_text("runs")
    axe(page)
    shot(page, "datasets")
    row.get_by_role("link", name=seeded.dataset, exact=True).click()
    expect(page.get_by_role("heading", name="Versions (2)")).to_be_visible()
    expect(page.get_by_role("link", name="mlp-00")).to_be_visible()
    axe(page)
    shot(page, "dataset")
    page.get_by_role("grid", name="Versions").get_by_role("link", name="v2").click()
    expect(page.get_by_role("heading", name="v2", exact=True)).to_be_visible()
    axe(page)
    shot(page, "dataset-version")
    page.get_by_role("link", name="Schema (4)").click()
    expect(page.get_by_role("img", name="What width holds")).to_be_visible()
    axe(page)
    shot(page, "dataset-schema")
    page.get_by_role("link", name="Rows (380)").click()
    expect(page.get_by_role("gridcell", name="class 3").first).to_be_visible(timeout=30_000)
    axe(page)
    shot(page, "dataset-rows")
    page.get_by_role("link", name="Compare", exact=True).click()
    expect(page.get_by_role("heading", name="Some of the rows that differ")).to_be_visible()
    expect(page.get_by_role("img", name="width before")).to_be_visible()
    axe(page)
    shot(page, "dataset-compare")


def test_a_dataset_is_walked_by_keys_alone(page: Page, seeded: Seeded) -> None:
    data = mere.dataset("walked", warehouse=seeded.url)
    data.write({"picture": [_png(), b"none"], "words": ["long " * 600, "short"]})
    page.goto("/")
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    press(page, "g", "s")
    expect(page.get_by_role("heading", name="Datasets")).to_be_visible()
    press(page, "/")
    page.keyboard.type("walked")
    expect(page.get_by_role("row")).to_have_count(2)
    press(page, "Tab", "ArrowDown", "Enter")
    expect(page.get_by_role("heading", name="walked")).to_be_visible()
    press(page, "n")
    page.keyboard.type("# Walked\nby **keys**")
    press(page, "Control+Enter")
    expect(page.get_by_role("textbox", name="Notes in Markdown")).to_have_count(0)
    expect(page.get_by_role("heading", name="Walked", exact=True)).to_be_visible()
    press(page, "o")
    expect(page.get_by_role("heading", name="v1", exact=True)).to_be_visible()
    press(page, "3")
    grid = page.get_by_role("grid", name="Rows.")
    expect(grid.get_by_role("img")).to_have_count(1, timeout=30_000)
    while not focused(page).startswith("grid Rows."):
        press(page, "Tab")
    press(page, "ArrowRight", "Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("3,000 characters", timeout=30_000)
    press(page, "Escape")
    expect(dialog).to_have_count(0)
    expect(grid).to_be_focused()
    press(page, "ArrowLeft", "Enter")
    expect(dialog).to_contain_text("image/png", timeout=30_000)
    assert page.evaluate(
        "() => document.querySelector('[role=dialog] img').src.startsWith('blob:')"
    )


def test_hostile_and_many_datasets(page: Page, seeded: Seeded) -> None:
    for name in HOSTILE_NAMES:
        mere.dataset(name, warehouse=seeded.url).write(
            {name[:60]: ["<script>window.hacked = 1</script>"], "n": [float("nan")]},
            tags={"evil": "<img src=x onerror=hacked=1>"},
        )
        page.goto("/datasets")
        row = page.get_by_role("row").filter(has=page.get_by_title(name, exact=True))
        row.get_by_role("link").first.click()
        expect(page.get_by_title(name, exact=True).first).to_be_visible()
        page.get_by_role("link", name="v1").first.click()
        expect(page.get_by_role("heading", name="v1", exact=True)).to_be_visible()
        press(page, "2")
        expect(page.get_by_role("table", name="Columns")).to_be_visible()
        page.reload()
        expect(page.get_by_role("table", name="Columns")).to_be_visible()
    settled(page)
    assert page.evaluate("() => window.hacked") is None


def test_files_are_looked_at(page: Page, seeded: Seeded, tmp_path) -> None:
    for number in range(300):
        (tmp_path / f"{number:03}.txt").write_text(f"file {number}")
    (tmp_path / "page.html").write_text("<script>parent.hacked = 1</script>")
    mere.dataset("folder", warehouse=seeded.url).write_files(tmp_path)
    page.goto("/datasets/folder/v/1?tab=files")
    expect(page.get_by_text("301 files")).to_be_visible()
    assert page.get_by_role("row").count() < 80
    page.get_by_label("Find files").fill("page")
    page.get_by_role("button", name="page.html").click()
    expect(page.get_by_role("group", name="page.html")).to_contain_text("parent.hacked")
    axe(page)
    shot(page, "dataset-files")
    assert page.evaluate("() => window.hacked") is None


def test_what_is_not_there_is_said(page: Page, watch: Watch) -> None:
    watch.allow("404")
    page.goto("/datasets/none-such")
    expect(page.get_by_role("alert")).to_contain_text("there is no dataset")
    page.goto("/datasets?q=none-such")
    expect(page.get_by_text("No dataset is called that")).to_be_visible()
