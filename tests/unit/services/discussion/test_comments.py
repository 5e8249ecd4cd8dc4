"""Comments: who may say, change, settle and take back what; whom a text addresses."""

from __future__ import annotations

import pytest

from mere.entities.actor import Actor, Role, Scope
from mere.entities.comment import TEXT_CHARS_MAX, Subject
from mere.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from mere.services.sql.rules import rules_for
from tests.unit.services.discussion.conftest import (
    ANN,
    BEN,
    CLEO,
    EVE,
    MODEL,
    PASSWORD,
    ROOT,
    RUN,
    SECRET,
)


def texts(page) -> list[tuple[str | None, list[str | None]]]:
    return [
        (one.head.comment.text, [answer.comment.text for answer in one.answers])
        for one in page.threads
    ]


def told(team, comment) -> list[str]:
    rows = team.lake.sql("select told from comments where comment_id = ?", [comment.comment_id])
    return rows["told"].to_pylist()[0]


def test_threads_have_one_level_of_answers(team, pause):
    first = team.comments.say(BEN, RUN, "first")
    pause()
    answer = team.comments.say(ANN, RUN, "answer", thread=first.comment_id)
    pause()
    again = team.comments.say(CLEO, RUN, "to the answer", thread=answer.comment_id)
    assert again.thread == first.comment_id
    pause()
    team.comments.say(ANN, RUN, "second")
    page = team.comments.threads(BEN, RUN)
    assert texts(page) == [("second", []), ("first", ["answer", "to the answer"])]
    assert (page.total, page.unresolved, page.comments, page.is_open) == (2, 2, 4, True)
    assert set(page.people) == {"ann", "ben", "cleo"}
    assert team.comments.threads(BEN, MODEL).total == 0
    with pytest.raises(NotFound):
        team.comments.say(BEN, MODEL, "elsewhere", thread=first.comment_id)


def test_there_are_stretches_and_one_that_has_a_comment(team, pause):
    said = []
    for number in range(7):
        said.append(team.comments.say(BEN, RUN, f"c{number}"))
        pause()
    answer = team.comments.say(BEN, RUN, "deep", thread=said[1].comment_id)
    page = team.comments.threads(BEN, RUN, offset=2, limit=2)
    assert texts(page) == [("c4", []), ("c3", [])]
    page = team.comments.threads(BEN, RUN, limit=2, around=answer.comment_id)
    assert (page.offset, texts(page)) == (4, [("c2", []), ("c1", ["deep"])])
    with pytest.raises(NotFound):
        team.comments.threads(BEN, RUN, around="0" * 32)
    for wrong in ({"limit": 0}, {"limit": 201}, {"offset": -1}):
        with pytest.raises(InvalidInput):
            team.comments.threads(BEN, RUN, **wrong)


def test_of_many_answers_the_last_are_shown_and_the_others_asked_for(team):
    head = team.comments.say(BEN, RUN, "head")
    for number in range(25):
        team.clock.sleep(0.01)
        team.comments.say(ANN, RUN, f"a{number}", thread=head.comment_id)
    (thread,) = team.comments.threads(BEN, RUN).threads
    assert (len(thread.answers), thread.answers_total) == (20, 25)
    assert thread.answers[0].comment.text == "a5"
    page = team.comments.answers(BEN, head.comment_id, offset=3, limit=2)
    assert ([one.comment.text for one in page.answers], page.total) == (["a3", "a4"], 25)


def test_one_changes_what_one_wrote_unless_it_changed_meanwhile(team, pause):
    said = team.comments.say(BEN, RUN, "was")
    pause()
    changed = team.comments.edit(BEN, said.comment_id, "is", was="was")
    assert (changed.text, changed.edited_at is not None) == ("is", True)
    with pytest.raises(Conflict) as refused:
        team.comments.edit(BEN, said.comment_id, "mine", was="was")
    assert refused.value.code == "changed_meanwhile"
    for other in (ANN, ROOT, Actor.local()):
        with pytest.raises(PermissionDenied):
            team.comments.edit(other, said.comment_id, "no", was="is")
    for wrong in ("", "x" * (TEXT_CHARS_MAX + 1)):
        with pytest.raises(InvalidInput):
            team.comments.edit(BEN, said.comment_id, wrong, was="is")
    team.comments.delete(BEN, said.comment_id)
    with pytest.raises(Conflict):
        team.comments.edit(BEN, said.comment_id, "back", was="is")


def test_what_is_taken_back_leaves_a_mark_where_it_was_answered(team, pause):
    lonely = team.comments.say(BEN, RUN, "lonely")
    pause()
    head = team.comments.say(BEN, RUN, "head @ann")
    team.comments.say(ANN, RUN, "answer", thread=head.comment_id)
    for other in (ANN, CLEO):
        with pytest.raises(PermissionDenied):
            team.comments.delete(other, head.comment_id)
    team.comments.delete(BEN, lonely.comment_id)
    team.comments.delete(ROOT, head.comment_id)
    team.comments.delete(BEN, head.comment_id)  # again, which changes nothing
    page = team.comments.threads(BEN, RUN)
    assert (texts(page), page.comments) == ([(None, ["answer"])], 1)
    mark = page.threads[0].head
    assert (mark.comment.deleted_by, mark.comment.mentions) == ("root", [])
    assert (mark.may_edit, mark.may_delete) == (False, False)


def test_a_thread_is_settled_by_who_began_it_or_may_change_the_run(team):
    head = team.comments.say(BEN, RUN, "head")
    answer = team.comments.say(CLEO, RUN, "answer", thread=head.comment_id)
    with pytest.raises(PermissionDenied):
        team.comments.resolve(CLEO, head.comment_id, is_resolved=True)
    with pytest.raises(InvalidInput, match=head.comment_id):
        team.comments.resolve(ANN, answer.comment_id, is_resolved=True)
    settled = team.comments.resolve(ANN, head.comment_id, is_resolved=True)
    assert settled.resolved_by == "ann"
    page = team.comments.threads(BEN, RUN, with_resolved=False)
    assert (page.threads, page.total, page.unresolved) == ([], 1, 0)
    opened = team.comments.resolve(BEN, head.comment_id, is_resolved=False)
    assert (opened.resolved_at, opened.resolved_by) == (None, None)


def test_who_may_not_read_it_is_told_nothing(team):
    said = team.comments.say(ANN, SECRET, "hush")
    for actor in (BEN, EVE):
        with pytest.raises(NotFound):
            team.comments.say(actor, SECRET, "me too")
        with pytest.raises(NotFound):
            team.comments.threads(actor, SECRET)
        for ask in (team.comments.get, team.comments.answers, team.comments.delete):
            with pytest.raises(NotFound) as refused:
                ask(actor, said.comment_id)
            assert refused.value.code == "comment_not_found"
        with pytest.raises(NotFound):
            team.comments.edit(actor, said.comment_id, "x", was="hush")
    with pytest.raises(NotFound):
        team.comments.get(BEN, "no such id")
    with pytest.raises(NotFound):
        team.comments.say(BEN, Subject("run", "c" * 32), "of nothing")


def test_a_text_addresses_those_who_may_read_it(team):
    said = team.comments.say(ANN, RUN, "@Ben, @eve, @nobody, @[Data Team], @ann. `@cleo`")
    assert said.mentions == ["Ben", "Data Team", "ann"]
    assert told(team, said) == ["ben"]
    hidden = team.comments.say(ANN, SECRET, "@ben @eve @root @[data team]")
    assert (hidden.mentions, told(team, hidden)) == (["root"], ["root"])
    team.comments.edit(ANN, said.comment_id, "@cleo", was=said.text)
    assert told(team, said) == ["cleo"]


def test_those_who_may_be_addressed_are_found_by_name(team):
    place = team.subjects.find(ANN, RUN)
    names = [one.name for one in team.people.search(place, "", 20)]
    assert names == ["ann", "ben", "cleo", "data team", "root"]
    assert [one.name for one in team.people.search(place, "E", 20)] == ["ben", "cleo", "data team"]
    hidden = team.subjects.find(ANN, SECRET)
    assert [one.name for one in team.people.search(hidden, "", 20)] == ["ann", "root"]
    with pytest.raises(InvalidInput, match="eve"):
        team.people.asked(place, ["ben", "eve"])


def test_nothing_is_added_to_what_is_in_the_bin(team):
    said = team.comments.say(BEN, RUN, "before")
    team.runs.delete([RUN.id])
    with pytest.raises(InvalidInput, match="restore"):
        team.comments.say(BEN, RUN, "after")
    with pytest.raises(InvalidInput):
        team.comments.edit(BEN, said.comment_id, "after", was="before")
    page = team.comments.threads(BEN, RUN)
    assert (page.is_open, page.threads[0].head.may_edit) == (False, False)
    assert page.threads[0].head.may_delete


def test_what_is_said_of_a_version_stays_with_it_under_another_name(team):
    team.comments.say(BEN, MODEL, "of the first")
    team.models.rename("digits", "numbers")
    renamed = Subject("model", "numbers/1")
    assert texts(team.comments.threads(BEN, renamed)) == [("of the first", [])]
    with pytest.raises(NotFound):
        team.comments.threads(BEN, MODEL)


def test_who_gets_a_name_later_does_not_get_what_was_said_under_it(team):
    said = team.comments.say(BEN, RUN, "the first Ben")
    team.access.users.delete("ben")
    page = team.comments.threads(ANN, RUN)
    assert page.people["ben"].is_gone
    team.access.users.create("ben", PASSWORD, role=Role.VIEWER)
    with pytest.raises(PermissionDenied):
        team.comments.edit(BEN, said.comment_id, "the second Ben", was="the first Ben")
    with pytest.raises(PermissionDenied):
        team.comments.delete(BEN, said.comment_id)


def test_sign_in_off(team):
    local = Actor.local()
    said = team.comments.say(local, RUN, "alone, @ann")
    assert (said.written_by, said.mentions) == ("local", ["ann"])
    assert team.comments.edit(local, said.comment_id, "still", was="alone, @ann").text == "still"
    page = team.comments.threads(local, RUN)
    assert not page.people["local"].is_gone


def test_reports_are_talked_about_by_who_reads_them(team):
    report = team.reports.create(ANN, "Results", "# All well").report
    subject = Subject("report", report.report_id)
    team.comments.say(ANN, subject, "@ben, a draft")
    with pytest.raises(NotFound):
        team.comments.threads(BEN, subject)
    team.reports.publish(ANN, report.report_id, 1)
    said = team.comments.say(BEN, subject, "@ann, fine")
    assert said.mentions == ["ann"]
    assert team.comments.threads(BEN, subject).total == 2


def test_when_a_run_is_gone_for_good_so_is_what_was_said_of_it(team):
    team.comments.say(BEN, RUN, "gone soon")
    team.run_reviews.add(BEN, RUN.id, "approved")
    team.comments.say(ANN, SECRET, "stays")
    team.runs.delete([RUN.id])
    team.clock.sleep(40 * 86_400)
    team.retention.collect()
    assert team.lake.sql("select text from comments")["text"].to_pylist() == ["stays"]
    assert team.lake.sql("from run_reviews").num_rows == 0


def test_by_sql_one_reads_what_one_reads_elsewhere(team):
    names = ["comments", "run_reviews", "inbox_reads", "runs"]
    whole = rules_for(team.access, ANN, names, [])
    assert "comments" in (whole.tables or ())
    assert "inbox_reads" not in (whole.tables or ())
    assert "report" in whole.filters["comments"]
    assert "subject_kind = 'run'" in rules_for(team.access, BEN, names, []).filters["comments"]
    team.access.grants.give("user", "eve", Scope.model("digits"), Role.VIEWER, by="root")
    assert "comments" in (rules_for(team.access, EVE, names, []).tables or ())
