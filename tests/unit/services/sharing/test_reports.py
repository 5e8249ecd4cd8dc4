from __future__ import annotations

import threading

import pytest

from mere.entities.report import check_body, panels_of
from mere.errors import Conflict, InvalidInput, MereError, NotFound, PermissionDenied
from tests.unit.services.sharing.conftest import RUNS, actor

ADA, BOB, EVE, GUEST, ROOT = (actor(name) for name in ("ada", "bob", "eve", "guest", "root"))


def panel(text: str) -> str:
    return f"Before\n\n```panel\n{text}\n```\n\nafter"


def test_a_draft_is_seen_by_its_editors_alone(warehouse):
    made = warehouse.reports.create(ADA, "What we learned", "# Hello", editors=["bob"])
    assert (made.shown, made.report.version, made.report.published) == (1, 1, None)
    for who in (EVE, GUEST):
        with pytest.raises(NotFound):
            warehouse.reports.get(who, made.report.report_id)
        assert warehouse.reports.list(who).total == 0
    for who in (ADA, BOB, ROOT):
        assert warehouse.reports.get(who, made.report.report_id).report.may_change
    with pytest.raises(PermissionDenied):
        warehouse.reports.create(EVE, "Not mine to write", "")


def test_readers_see_what_is_published_and_nothing_newer(warehouse):
    reports = warehouse.reports
    made = reports.create(ADA, "First", panel('{"experiment": "1"}')).report.report_id
    reports.publish(ADA, made, 1)
    reports.save(ADA, made, "Second", panel('{"experiment": "2"}') + " secret", was=1)
    seen = reports.get(GUEST, made)
    assert (seen.shown, seen.title, seen.report.title, seen.report.version) == (
        1,
        "First",
        "First",
        1,
    )
    assert "secret" not in seen.report.excerpt
    assert seen.report.experiments == ["1"]
    assert not seen.report.may_change
    with pytest.raises(NotFound):
        reports.get(GUEST, made, 2)
    with pytest.raises(PermissionDenied):
        reports.versions(GUEST, made)
    reports.publish(ADA, made, 2)
    with pytest.raises(NotFound):
        reports.get(GUEST, made)
    assert reports.get(EVE, made).title == "Second"
    reports.publish(ADA, made, None)
    with pytest.raises(NotFound):
        reports.get(EVE, made)


def test_a_report_of_nothing_is_for_who_reads_the_warehouse(warehouse):
    made = warehouse.reports.create(ADA, "Words", "only words").report.report_id
    warehouse.reports.publish(ADA, made, 1)
    assert warehouse.reports.get(EVE, made).body == "only words"
    with pytest.raises(NotFound):
        warehouse.reports.get(GUEST, made)


def test_a_report_is_of_the_experiments_of_its_panels(warehouse):
    body = "\n".join(
        [
            panel(f'{{"run": "{RUNS["2"]}"}}'),
            panel('{"experiments": ["1", 3, null]}'),
            panel("{nonsense"),
            panel("[1]"),
            "```json\n{}\n```",
        ]
    )
    made = warehouse.reports.create(ADA, "Both", body)
    assert made.report.experiments == ["1", "2"]


def test_each_save_is_a_version_that_can_be_compared_and_taken_back(warehouse):
    reports = warehouse.reports
    made = reports.create(ADA, "T", "one\ntwo\n").report.report_id
    reports.save(ADA, made, "T", "one\nthree\n", was=1)
    back = reports.restore_version(ADA, made, 1, was=2)
    assert (back.shown, back.body) == (3, "one\ntwo\n")
    found = reports.versions(ADA, made)
    assert [(one.version, one.restored_from) for one in found] == [(3, 1), (2, None), (1, None)]
    diff = reports.diff(ADA, made, 1, 2)
    assert diff.startswith("diff --git a/report.md b/report.md\n--- a/report.md\n+++ b/report.md\n")
    assert "-two\n+three\n" in diff
    assert reports.diff(ADA, made, 1, 3) == ""
    with pytest.raises(NotFound):
        reports.diff(ADA, made, 1, 9)


def test_of_two_who_save_at_once_one_is_told(warehouse):
    reports = warehouse.reports
    made = reports.create(ADA, "T", "0", editors=["bob"]).report.report_id
    told: list[MereError | None] = []

    def save(who, text):
        try:
            reports.save(who, made, "T", text, was=1)
            told.append(None)
        except MereError as error:
            told.append(error)

    threads = [threading.Thread(target=save, args=(who, who.name)) for who in (ADA, BOB)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    lost = [one for one in told if one is not None]
    assert len(lost) == 1
    assert isinstance(lost[0], Conflict)
    assert lost[0].details["version"] == 2
    assert [one.version for one in reports.versions(ADA, made)] == [2, 1]


def test_editors_save_and_owners_rule(warehouse):
    reports = warehouse.reports
    made = reports.create(ADA, "T", "0", editors=["bob", " bob"]).report
    assert made.editors == ["bob"]
    reports.save(BOB, made.report_id, "T", "1", was=1)
    for forbidden in (
        lambda: reports.delete(BOB, made.report_id),
        lambda: reports.set_editors(BOB, made.report_id, []),
    ):
        with pytest.raises(PermissionDenied):
            forbidden()
    reports.set_editors(ADA, made.report_id, [])
    with pytest.raises(NotFound):
        reports.get(BOB, made.report_id)
    reports.delete(ADA, made.report_id)
    with pytest.raises(NotFound):
        reports.get(ADA, made.report_id)
    assert reports.restore(ADA, made.report_id).title == "T"


def test_reports_are_found_by_words_and_state(warehouse):
    reports = warehouse.reports
    ids = [reports.create(ADA, f"Report {n}", f"about topic{n}").report.report_id for n in range(5)]
    reports.publish(ADA, ids[2], 1)
    assert reports.list(ADA).total == 5
    assert [one.report_id for one in reports.list(ADA, search="TOPIC3 ada").reports] == [ids[3]]
    assert [one.report_id for one in reports.list(ADA, state="published").reports] == [ids[2]]
    assert reports.list(ROOT, state="mine").total == 0
    page = reports.list(ADA, offset=4, limit=2)
    assert (len(page.reports), page.total) == (1, 5)
    with pytest.raises(InvalidInput):
        reports.list(ADA, limit=501)


def test_how_a_report_begins_is_words(warehouse):
    body = "# Why **this**\n\n- a [link](https://x.y)\n\n| a | b |\n|---|---|\n" + panel("{}")
    made = warehouse.reports.create(ADA, "T", body)
    assert made.report.excerpt == "Why this a link a b Before after"
    long = warehouse.reports.create(ADA, "T", "word " * 1_000).report.excerpt
    assert (len(long), long[-1]) == (240, "…")


def test_limits_are_said(warehouse):
    with pytest.raises(InvalidInput, match="1,000,000"):
        warehouse.reports.create(ADA, "T", "x" * 5_000_000)
    with pytest.raises(InvalidInput, match="500"):
        check_body(panel("{}") * 1 + "\n```panel\n{}\n```\n" * 500)
    for title in ("", "  ", "x" * 501):
        with pytest.raises(InvalidInput):
            warehouse.reports.create(ADA, title, "")


def test_panels_are_read_as_markdown_reads_fences():
    body = (
        "````panel\n```panel\n{}\n```\n````\n"
        '~~~panel\n{"a": 1}\n~~~\n'
        '    ```panel\n    {"b": 1}\n    ```\n'
        '```panel extra\n{"c": 1}\n```\n'
        '```panel\n{"d": 1}'
    )
    assert panels_of(body) == [{"a": 1}, {"c": 1}, {"d": 1}]
    assert panels_of("```panel\n" + "[" * 100_000 + "\n```") == []
