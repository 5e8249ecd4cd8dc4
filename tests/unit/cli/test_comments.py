"""``mere comments …``."""

from __future__ import annotations

from mere.entities.actor import Role
from mere.services.warehouse import open_warehouse
from tests.unit.cli.conftest import Mere


def test_comments_are_added_and_listed(filled: Mere) -> None:
    assert "nobody said anything" in filled("comments", "list", "one").err
    first = filled("comments", "add", "one", "why \x1b[31m so\nlow?").out.strip()
    answer = filled("comments", "add", "one", "the rate", "--answer", first, "--json").json
    assert answer["thread"] == first
    for n in range(21):
        filled("comments", "add", "one", f"a{n}", "--answer", first)
    (thread,) = filled("comments", "list", "one", "--json").json
    assert [one["text"] for one in thread["answers"]][:2] == ["the rate", "a0"]
    assert len(thread["answers"]) == 22
    shown = filled("comments", "list", "one").out
    assert "\x1b[31m" not in shown
    assert "low?" in shown
    filled("comments", "add", "run:one", "second")
    listed = filled("comments", "list", "one", "--limit", "1")
    assert "1 more threads" in listed.err
    assert filled("comments", "add", "one", " ").code == 2
    assert filled("comments", "add", "one", "x", "--answer", "0").code == 1
    assert filled("comments", "list", "nothing").code == 1


def test_versions_are_talked_about_and_people_asked_to_review_them(filled: Mere) -> None:
    filled("models", "register", "digits", "s3://bucket/key")
    filled("comments", "add", "model:digits/1", "good")
    (thread,) = filled("comments", "list", "model:digits/1", "--unresolved", "--json").json
    assert thread["comment"]["subject"] == "model:digits/1"
    assert filled("models", "review", "digits/1", "--ask", "ann").code == 2
    warehouse = open_warehouse()
    warehouse.access.users.create("ann", "correct horse battery", role=Role.VIEWER)
    (review,) = filled("models", "review", "digits/1", "--ask", "ann", "--json").json
    assert (review["state"], review["reviewers"]) == ("requested", ["ann"])
    assert filled("comments", "list", "dataset:none@1").code == 1
    assert filled("comments", "list", "model:digits").code == 2
