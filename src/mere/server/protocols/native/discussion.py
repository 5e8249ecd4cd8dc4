"""What people say to each other: comments, reviews of runs, activity, the inbox."""

from __future__ import annotations

import msgspec

from mere.entities.actor import Action, Scope
from mere.entities.comment import Comment, RunReview, Subject
from mere.server.operations import Call, Permission
from mere.server.protocols.native.wire import operation
from mere.services.discussion.activity import ActivityPage
from mere.services.discussion.comments import Answers, ThreadPage
from mere.services.discussion.inbox import InboxPage
from mere.services.discussion.people import Person

__all__ = ["OPERATIONS"]

_COMMENTS = "/api/v1/comments"
_ONE = f"{_COMMENTS}/{{comment_id}}"
_PEOPLE_MAX = 20
_ABOUT = Permission(Action.READ, lambda call: Subject.of(call.data.subject).scope)
_OF_RUN = Permission(Action.READ, lambda call: Scope.run(call.data.run_id))
# What a comment is about is looked up, and what one may not read is not there.
_ANYTHING = Permission(Action.READ, lambda call: Scope.anything())  # noqa: ARG005


class ThreadsQuery(msgspec.Struct):
    """Which threads.

    Args:
        subject: About what: ``run:<id>``, ``model:<name>/<version>``, ``dataset:<id>`` or
            ``report:<id>``.
        offset: Leave out so many.
        limit: At most so many.
        with_resolved: Whether settled ones are told, too.
        around: A comment, in place of the offset: the stretch that has its thread.
    """

    subject: str
    offset: int = 0
    limit: int = 20
    with_resolved: bool = True
    around: str | None = None


class AnswersQuery(msgspec.Struct):
    """Which answers of a thread."""

    comment_id: str = ""
    offset: int = 0
    limit: int = 200


class NewComment(msgspec.Struct):
    """What somebody says.

    Args:
        subject: About what; see `ThreadsQuery`.
        text: Markdown of at most 20,000 characters, in which ``@name`` addresses people.
        thread: The comment that it answers.
    """

    subject: str
    text: str
    thread: str | None = None


class CommentChange(msgspec.Struct):
    """What to change of a comment.

    Args:
        comment_id: The comment.
        text: What it says from now on.
        was: What it said; where that is something else by now, nothing is written.
        is_resolved: Whether its thread is settled.
    """

    comment_id: str = ""
    text: str | msgspec.UnsetType = msgspec.UNSET
    was: str = ""
    is_resolved: bool | msgspec.UnsetType = msgspec.UNSET


class CommentId(msgspec.Struct):
    """Which comment."""

    comment_id: str = ""


class PeopleQuery(msgspec.Struct):
    """Who may be addressed about something, by what their names hold."""

    subject: str
    text: str = ""


class People(msgspec.Struct):
    """Users and groups."""

    people: list[Person]


class RunId(msgspec.Struct):
    """Which run."""

    run_id: str = ""


class NewRunReview(msgspec.Struct):
    """What somebody says of a run as its reviewer.

    Args:
        run_id: The run.
        state: ``requested``, ``approved``, ``rejected`` or ``comment``.
        comment: In words.
        reviewers: Users and groups whom a request asks.
    """

    state: str
    run_id: str = ""
    comment: str | None = None
    reviewers: list[str] = []


class RunReviewList(msgspec.Struct):
    """What was said of a run, oldest first."""

    reviews: list[RunReview]


class ActivityQuery(msgspec.Struct):
    """What happened.

    Args:
        kind: Only these kinds of events.
        who: Only what this account did.
        subject: Only what was done to this.
        before: The ``next`` of the page before.
        limit: At most so many.
    """

    kind: list[str] = []
    who: str | None = None
    subject: str | None = None
    before: str | None = None
    limit: int = 50


class InboxQuery(msgspec.Struct):
    """Which entries of the inbox; a limit of 0 only counts."""

    unread_only: bool = False
    offset: int = 0
    limit: int = 50


class InboxRead(msgspec.Struct):
    """What was read; ``*`` is all there is."""

    items: list[str]


@operation("GET", _COMMENTS, permission=_ABOUT, request=ThreadsQuery, answer=ThreadPage)
def list_comments(call: Call) -> ThreadPage:
    """A stretch of what was said of something, the newest thread first."""
    data: ThreadsQuery = call.data
    return call.warehouse.comments.threads(
        call.actor,
        Subject.of(data.subject),
        offset=data.offset,
        limit=data.limit,
        with_resolved=data.with_resolved,
        around=data.around,
    )


@operation("POST", _COMMENTS, permission=_ABOUT, request=NewComment, answer=Comment, status=201)
def add_comment(call: Call) -> Comment:
    """Begin a thread about something, or answer in one."""
    data: NewComment = call.data
    return call.warehouse.comments.say(
        call.actor, Subject.of(data.subject), data.text, thread=data.thread
    )


@operation("GET", _ONE, permission=_ANYTHING, request=CommentId, answer=Comment)
def get_comment(call: Call) -> Comment:
    """One comment."""
    return call.warehouse.comments.get(call.actor, call.data.comment_id)


@operation("PATCH", _ONE, permission=_ANYTHING, request=CommentChange, answer=Comment)
def change_comment(call: Call) -> Comment:
    """Change one's comment, refused where it was changed meanwhile; or settle its thread."""
    data: CommentChange = call.data
    comments = call.warehouse.comments
    if isinstance(data.text, str):
        comments.edit(call.actor, data.comment_id, data.text, was=data.was)
    if isinstance(data.is_resolved, bool):
        comments.resolve(call.actor, data.comment_id, is_resolved=data.is_resolved)
    return comments.get(call.actor, data.comment_id)


@operation("DELETE", _ONE, permission=_ANYTHING, request=CommentId, status=204)
def delete_comment(call: Call) -> None:
    """Take back a comment: its text is removed, its place in the thread stays."""
    call.warehouse.comments.delete(call.actor, call.data.comment_id)


@operation("GET", f"{_ONE}/answers", permission=_ANYTHING, request=AnswersQuery, answer=Answers)
def list_answers(call: Call) -> Answers:
    """A stretch of the answers of a thread, the oldest first."""
    data: AnswersQuery = call.data
    return call.warehouse.comments.answers(
        call.actor, data.comment_id, offset=data.offset, limit=data.limit
    )


@operation("GET", "/api/v1/people", permission=_ABOUT, request=PeopleQuery, answer=People)
def list_people(call: Call) -> People:
    """Users and groups who may read something, by what their names hold: for mentions."""
    data: PeopleQuery = call.data
    warehouse = call.warehouse
    place = warehouse.subjects.find(call.actor, Subject.of(data.subject))
    return People(warehouse.people.search(place, data.text, _PEOPLE_MAX))


@operation(
    "GET",
    "/api/v1/runs/{run_id}/reviews",
    permission=_OF_RUN,
    request=RunId,
    answer=RunReviewList,
)
def list_run_reviews(call: Call) -> RunReviewList:
    """What reviewers said of a run, oldest first."""
    return RunReviewList(call.warehouse.run_reviews.of(call.data.run_id))


@operation(
    "POST",
    "/api/v1/runs/{run_id}/reviews",
    permission=_OF_RUN,
    request=NewRunReview,
    answer=RunReview,
    status=201,
)
def add_run_review(call: Call) -> RunReview:
    """Request a review of a run, approve or reject it, or only remark on it."""
    data: NewRunReview = call.data
    return call.warehouse.run_reviews.add(
        call.actor, data.run_id, data.state, comment=data.comment, reviewers=data.reviewers
    )


@operation(
    "GET", "/api/v1/activity", permission=_ANYTHING, request=ActivityQuery, answer=ActivityPage
)
def list_activity(call: Call) -> ActivityPage:
    """What happened in what one may read, the newest first."""
    data: ActivityQuery = call.data
    return call.warehouse.activity.list(
        call.actor,
        kinds=data.kind,
        who=data.who,
        subject=Subject.of(data.subject) if data.subject else None,
        before=data.before,
        limit=data.limit,
    )


@operation("GET", "/api/v1/inbox", permission=_ANYTHING, request=InboxQuery, answer=InboxPage)
def read_inbox(call: Call) -> InboxPage:
    """What waits for whoever asks: mentions, answers, review requests, failures."""
    data: InboxQuery = call.data
    return call.warehouse.inbox.list(
        call.actor, unread_only=data.unread_only, offset=data.offset, limit=data.limit
    )


@operation("POST", "/api/v1/inbox/read", permission=_ANYTHING, request=InboxRead, status=204)
def mark_inbox_read(call: Call) -> None:
    """Note that entries of one's inbox were read."""
    call.warehouse.inbox.mark_read(call.actor, call.data.items)


OPERATIONS = (
    list_comments,
    add_comment,
    get_comment,
    change_comment,
    delete_comment,
    list_answers,
    list_people,
    list_run_reviews,
    add_run_review,
    list_activity,
    read_inbox,
    mark_inbox_read,
)
