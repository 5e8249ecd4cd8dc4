"""What waits for whom, and what happened."""

from __future__ import annotations

import pytest

from mere.entities.actor import Actor, Role, Scope
from mere.entities.run import Run
from mere.errors import InvalidInput, NotFound
from mere.services.discussion.activity import KINDS
from mere.services.discussion.inbox import KEPT_DAYS
from tests.unit.services.discussion.conftest import ANN, BEN, CLEO, EVE, MODEL, ROOT, RUN, SECRET


def waits(team, actor, **which) -> list[tuple[str, str | None]]:
    return [(one.kind, one.text) for one in team.inbox.list(actor, **which).items]


def happened(team, actor, **which) -> list[tuple[str, str | None]]:
    return [(one.kind, one.who) for one in team.activity.list(actor, **which).events]


def test_mentions_and_answers_wait_until_they_are_read(team, pause):
    head = team.comments.say(ANN, RUN, "@ben, look")
    pause()
    team.comments.say(CLEO, RUN, "one", thread=head.comment_id)
    pause()
    last = team.comments.say(BEN, RUN, "two", thread=head.comment_id)
    assert waits(team, BEN) == [("mention", "@ben, look")]
    assert waits(team, ANN) == [("answer", "two")]
    (item,) = team.inbox.list(ANN).items
    assert (item.comment_id, item.who, item.label) == (last.comment_id, "ben", item.label)
    assert team.inbox.list(ANN, limit=0).unread == 1
    team.inbox.mark_read(ANN, [item.item])
    assert (waits(team, ANN, unread_only=True), len(waits(team, ANN))) == ([], 1)
    pause()
    team.comments.say(CLEO, RUN, "three", thread=head.comment_id)
    assert waits(team, ANN, unread_only=True) == [("answer", "three")]
    team.inbox.mark_read(ANN, ["*"])
    assert team.inbox.list(ANN).unread == 0
    assert team.inbox.list(BEN).unread == 2


def test_a_name_that_is_added_later_is_news(team, pause):
    said = team.comments.say(ANN, RUN, "hello")
    team.inbox.mark_read(BEN, ["*"])
    pause()
    team.comments.edit(ANN, said.comment_id, "hello @ben", was="hello")
    assert team.inbox.list(BEN).unread == 1
    team.comments.delete(ANN, said.comment_id)
    assert team.inbox.list(BEN).items == []


def test_what_one_may_not_read_any_more_does_not_wait(team):
    team.comments.say(ROOT, SECRET, "@ann, look")
    assert len(waits(team, ANN)) == 1
    scope = Scope.experiment(team.run_homes.of([SECRET.id])[SECRET.id])
    team.access.grants.give("user", "ann", scope, Role.NONE, by="root")
    assert waits(team, ANN) == []


def test_what_is_old_does_not_wait(team):
    team.comments.say(ANN, RUN, "@ben")
    team.clock.sleep(KEPT_DAYS * 86_400 + 1)
    assert waits(team, BEN) == []


def test_who_is_asked_for_a_review_of_a_run_has_it_waiting_until_he_says_something(team, pause):
    team.run_reviews.add(ANN, RUN.id, "requested", comment="ok?", reviewers=["data team", "cleo"])
    assert waits(team, BEN) == waits(team, CLEO) == [("review", "ok?")]
    assert waits(team, EVE) == []
    pause()
    team.run_reviews.add(BEN, RUN.id, "rejected", comment="no")
    team.comments.say(CLEO, RUN, "I cannot tell")
    assert waits(team, BEN) == waits(team, CLEO) == []
    assert waits(team, ANN) == [("verdict", "rejected: no")]
    pause()
    team.run_reviews.add(ANN, RUN.id, "requested", comment="now?", reviewers=["ben"])
    assert waits(team, BEN) == [("review", "now?")]
    states = [one.state for one in team.run_reviews.of(RUN.id)]
    assert states == ["requested", "rejected", "requested"]


def test_reviews_of_versions_are_those_that_gates_know(team, pause):
    reviews = team.models.reviews
    place = team.subjects.find(ANN, MODEL)
    asked = team.people.asked(place, ["@ben"])
    reviews.add("digits", 1, "requested", comment="ship?", reviewers=asked, by="ann")
    assert waits(team, BEN) == [("review", "ship?")]
    assert team.models.versions.get("digits", 1).review == "requested"
    pause()
    reviews.add("digits", 1, "approved", by="ben")
    assert waits(team, BEN) == []
    assert waits(team, ANN) == [("verdict", "approved")]
    with pytest.raises(InvalidInput, match="only a request"):
        reviews.add("digits", 1, "approved", reviewers=["ben"])


def test_reviews_that_cannot_be(team):
    for wrong in ({"state": "maybe"}, {"state": "requested", "reviewers": ["eve"]}):
        with pytest.raises(InvalidInput):
            team.run_reviews.add(ANN, RUN.id, **wrong)
    with pytest.raises(NotFound):
        team.run_reviews.add(BEN, SECRET.id, "approved")
    with pytest.raises(InvalidInput, match="only a request"):
        team.run_reviews.add(ANN, RUN.id, "approved", reviewers=["ben"])


def test_runs_that_failed_wait_for_who_started_them(team):
    team.runs.finish(RUN.id, "FAILED")
    assert waits(team, ANN) == [("failure", "FAILED")]
    assert waits(team, BEN) == []
    assert waits(team, Actor.local()) == [("failure", "FAILED")]
    team.runs.delete([RUN.id])
    assert waits(team, ANN) == []


def test_what_cannot_be_asked_of_an_inbox(team):
    for wrong in ({"limit": 1_001}, {"limit": -1}, {"offset": -1}):
        with pytest.raises(InvalidInput):
            team.inbox.list(BEN, **wrong)
    for items in (["x" * 201], [""], [str(n) for n in range(1_001)]):
        with pytest.raises(InvalidInput):
            team.inbox.mark_read(BEN, items)


def test_what_happened_is_read_off_the_tables(team, pause):
    team.lake.patch("runs", [{"run_id": RUN.id, "started_at": team.clock.now_us()}])
    pause()
    team.runs.finish(RUN.id)
    pause()
    team.comments.say(BEN, RUN, "done")
    pause()
    team.run_reviews.add(CLEO, RUN.id, "approved")
    pause()
    team.models.aliases.set("digits", "champion", 1, moved_by="ann")
    pause()
    team.deployments.deploy(
        "digits", 1, environment="production", application="shop", deployed_by="ann"
    )
    pause()
    report = team.reports.create(ANN, "Results", "# All well").report
    found = happened(team, ANN)
    assert found == [
        ("report", "ann"),
        ("deployed", "ann"),
        ("alias", "ann"),
        ("review", "cleo"),
        ("comment", "ben"),
        ("ended", "ann"),
        ("started", "ann"),
        ("version", "ann"),
    ]
    assert ("report", "ann") not in happened(team, BEN), "it is a draft"
    assert happened(team, BEN, kinds=["comment", "review"]) == [
        ("review", "cleo"),
        ("comment", "ben"),
    ]
    assert happened(team, BEN, who="ben") == [("comment", "ben")]
    assert len(happened(team, BEN, subject=RUN)) == 4
    assert happened(team, ANN, subject=MODEL)[-1] == ("version", "ann")
    team.reports.delete(ANN, report.report_id)
    assert happened(team, ANN)[0] == ("deployed", "ann")


def test_each_kind_of_event_can_be_asked_for_alone(team):
    for kind in KINDS:
        assert {one for one, _ in happened(team, ANN, kinds=[kind])} <= {kind}


def test_pages_of_what_happened_meet(team):
    for number in range(25):
        team.clock.sleep(0.01)
        team.comments.say(BEN, RUN, f"c{number}")
    found, before = [], None
    while True:
        page = team.activity.list(BEN, kinds=["comment"], before=before, limit=4)
        found += [one.text for one in page.events]
        before = page.next
        if before is None:
            break
    assert found == [f"c{n}" for n in reversed(range(25))]


def test_what_one_may_not_read_did_not_happen(team):
    team.comments.say(ANN, SECRET, "hush")
    team.lake.patch("runs", [{"run_id": SECRET.id, "started_at": team.clock.now_us()}])
    assert ("comment", "ann") in happened(team, ANN)
    assert {kind for kind, _ in happened(team, BEN)} == {"version"}
    assert happened(team, EVE) == []
    with pytest.raises(NotFound):
        team.activity.list(BEN, subject=SECRET)


def test_a_page_ends_where_much_of_what_happened_may_not_be_read(team):
    rows = [
        {"dataset_id": f"{n:032x}", "name": "d", "version": n, "lifecycle": "active"}
        for n in range(60)
    ]
    team.lake.patch("datasets", rows)
    team.runs.create(Run(run_id="c" * 32, experiment_id="0"))
    page = team.activity.list(EVE, limit=1)
    assert page.events == []
    assert page.next is not None


def test_what_cannot_be_asked_of_activity(team):
    for wrong in ({"kinds": ["gossip"]}, {"limit": 0}, {"limit": 201}, {"before": "x"}):
        with pytest.raises(InvalidInput):
            team.activity.list(BEN, **wrong)
