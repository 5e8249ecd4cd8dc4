"""Comments: said, changed, settled and taken back; in threads with one level of answers.

Whoever may read something may talk about it. A comment is changed by who wrote it, and taken back
by them or by an admin of what it is about; what was taken back leaves a mark, as others may have
answered it. A thread is settled by who began it, or by who may change what it is about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mere.clock import run_id as new_id
from mere.entities.comment import Comment, Subject, check_comment
from mere.errors import Conflict, ErrorCode, InvalidInput, NotFound, PermissionDenied
from mere.services.discussion.people import Person

if TYPE_CHECKING:
    from mere.clock import Clock
    from mere.entities.actor import Actor
    from mere.lake import Lake
    from mere.services.discussion.people import People
    from mere.services.discussion.subjects import Place, Subjects
    from mere.services.registry.turns import Patches
    from mere.services.webhooks.events import WebhookEvents

__all__ = ["Answers", "Comments", "Said", "Thread", "ThreadPage", "comment_entity"]

PAGE_MAX = 200
_ANSWERS_SHOWN = 20
_MINE = "select * from comments where subject_id = $key and subject_kind = $kind"
_HEADS = (
    f"with mine as ({_MINE}), tally as (select thread, count(*) as answers, "
    "count(*) filter (deleted_at is null) as alive from mine where thread is not null "
    "group by thread), heads as (select m.*, coalesce(t.answers, 0) as answers, "
    "coalesce(t.alive, 0) as alive from mine m left join tally t on t.thread = m.comment_id "
    "where m.thread is null and (m.deleted_at is null or t.alive > 0)) "
)
_TALLY = (
    f"{_HEADS} select count(*) as threads, count(*) filter (resolved_at is null) as unresolved, "
    "coalesce(sum(alive), 0)::bigint + count(*) filter (deleted_at is null) as comments, "
    "count(*) filter (comment_id > $from and ($all or resolved_at is null)) as newer from heads"
)
_PAGE = (
    f"{_HEADS} select * from heads where $all or resolved_at is null "
    "order by comment_id desc limit $limit offset $offset"
)
_LAST_ANSWERS = (
    f"with mine as ({_MINE}) select * from mine where thread = any($heads) "
    "qualify row_number() over (partition by thread order by comment_id desc) <= $limit "
    "order by comment_id"
)
_ANSWERS = (
    f"with mine as ({_MINE}) select *, count(*) over () as total from mine "
    "where thread = $thread order by comment_id limit $limit offset $offset"
)
_ONE = "select * from comments where comment_id = $id"


class Said(msgspec.Struct, frozen=True):
    """A comment, and what who asks may do with it."""

    comment: Comment
    may_edit: bool
    may_delete: bool


class Thread(msgspec.Struct, frozen=True):
    """A comment with its last answers.

    Args:
        head: The comment that begins it.
        answers: The last ones, oldest first.
        answers_total: How many there are.
        may_resolve: Whether who asks may settle it.
    """

    head: Said
    answers: list[Said]
    answers_total: int
    may_resolve: bool


class ThreadPage(msgspec.Struct, frozen=True):
    """A stretch of the threads about something, the newest first.

    Args:
        threads: The threads.
        offset: How many are before them.
        total: How many there are, settled ones included.
        unresolved: How many of them are not settled.
        comments: How many comments they hold.
        people: What is known of who wrote them, by name.
        is_open: Whether something may be added.
    """

    threads: list[Thread]
    offset: int
    total: int
    unresolved: int
    comments: int
    people: dict[str, Person]
    is_open: bool


class Answers(msgspec.Struct, frozen=True):
    """A stretch of the answers of a thread, the oldest first."""

    answers: list[Said]
    total: int
    people: dict[str, Person]


class Comments:
    """The comments of one warehouse.

    Args:
        lake: Where they are stored.
        clock: For new ids and times.
        subjects: Knows what is talked about, and who may read it.
        people: Knows whom a text addresses.
        events: Told of what happens.
    """

    def __init__(
        self, lake: Lake, clock: Clock, subjects: Subjects, people: People, events: WebhookEvents
    ) -> None:
        self._lake = lake
        self._clock = clock
        self._subjects = subjects
        self._people = people
        self._events = events

    def say(
        self, actor: Actor, subject: Subject, text: str, *, thread: str | None = None
    ) -> Comment:
        """Begin a thread about something, or answer in one.

        Args:
            actor: Who.
            subject: About what.
            text: Markdown, in which ``@name`` addresses people.
            thread: The comment that is answered; an answer to an answer joins its thread.

        Raises:
            NotFound: There is no such thing or thread, or they may not read it.
            InvalidInput: It cannot be a comment, or what it is about was deleted.
        """
        place = self._subjects.open(actor, subject)
        checked = check_comment(text)
        head = self._head(place, thread) if thread else None
        addressed = self._people.addressed(place, checked)
        now = self._clock.now_us()
        comment_id = new_id(self._clock)
        row = {
            "subject_id": place.key,
            "comment_id": comment_id,
            "subject_kind": subject.kind,
            "thread": head,
            "text": checked,
            "written_by": actor.name,
            "written_generation": self._people.generation(actor),
            "mentions": addressed.mentions,
            "told": [name for name in addressed.users if name != actor.name],
            "told_at": now,
            "said_at": now,
        }
        patches: Patches = {"comments": [row]}
        told = {"subject": str(subject), "label": place.label, "text": checked}
        more = {"written_by": actor.name, "thread": head, "mentions": addressed.mentions}
        self._events.add(patches, "comment.created", {"comment_id": comment_id, **told, **more})
        with self._lake.batch() as batch:
            for table, rows in patches.items():
                batch.patch(table, rows)
        self._events.happened()
        return comment_entity(self._row(place, comment_id), place)

    def edit(self, actor: Actor, comment_id: str, text: str, *, was: str) -> Comment:
        """Change what one said.

        Args:
            actor: Who; they must have written it.
            comment_id: The comment.
            text: What it says from now on.
            was: What it said when they began to change it.

        Raises:
            NotFound: There is no such comment, or they may not read it.
            PermissionDenied: It is somebody else's.
            Conflict: It says something else by now.
            InvalidInput: It cannot be a comment, or what it is about was deleted.
        """
        row, place = self._found(actor, comment_id)
        self._subjects.open(actor, place.subject)
        checked = check_comment(text)
        if not self._is_own(actor, row):
            raise _denied(actor, "change what somebody else wrote: answer it")
        if row["text"] != was:
            raise Conflict(
                ErrorCode.CHANGED_MEANWHILE,
                "the comment was changed meanwhile: read it again, then change it",
                comment_id=comment_id,
            )
        if checked == was:
            return comment_entity(row, place)
        now = self._clock.now_us()
        addressed = self._people.addressed(place, checked)
        told = [name for name in addressed.users if name != actor.name]
        change = {"text": checked, "mentions": addressed.mentions, "told": told, "edited_at": now}
        if not set(told) <= set(row["told"] or ()):
            change["told_at"] = now
        return self._changed(row, place, change)

    def delete(self, actor: Actor, comment_id: str) -> None:
        """Take back a comment; to do it again changes nothing.

        Raises:
            NotFound: There is no such comment, or they may not read it.
            PermissionDenied: It is somebody else's, and they are no admin of what it is about.
        """
        row, place = self._found(actor, comment_id)
        if row["deleted_at"] is not None:
            return
        if not (self._is_own(actor, row) or self._subjects.is_administered(actor, place)):
            raise _denied(
                actor, "delete what somebody else wrote: ask an admin of what it is about"
            )
        gone = {"deleted_at": self._clock.now_us(), "deleted_by": actor.name}
        self._changed(row, place, {"text": None, "mentions": [], "told": [], **gone})

    def resolve(self, actor: Actor, comment_id: str, *, is_resolved: bool) -> Comment:
        """Settle a thread, or open it again.

        Raises:
            NotFound: There is no such comment, or they may not read it.
            InvalidInput: The comment begins no thread.
            PermissionDenied: They neither began it nor may change what it is about.
        """
        row, place = self._found(actor, comment_id)
        if row["thread"] is not None:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"comment {comment_id} is an answer: resolve thread {row['thread']}",
                thread=row["thread"],
            )
        if not self._may_resolve(actor, row, place):
            raise _denied(actor, "settle what somebody else began: that takes the role editor")
        if is_resolved == (row["resolved_at"] is not None):
            return comment_entity(row, place)
        at = self._clock.now_us() if is_resolved else None
        by = actor.name if is_resolved else None
        return self._changed(row, place, {"resolved_at": at, "resolved_by": by})

    def threads(
        self,
        actor: Actor,
        subject: Subject,
        *,
        offset: int = 0,
        limit: int = 20,
        with_resolved: bool = True,
        around: str | None = None,
    ) -> ThreadPage:
        """A stretch of what was said of something, the newest thread first.

        Args:
            actor: Who asks.
            subject: Of what.
            offset: Leave out so many threads.
            limit: At most so many.
            with_resolved: Whether settled threads are told, too.
            around: A comment, in place of the offset: the stretch that has its thread.

        Raises:
            NotFound: There is no such thing, or they may not read it.
            InvalidInput: The stretch is too long.
        """
        _check_page(offset, limit)
        place = self._subjects.find(actor, subject)
        mine = {"key": place.key, "kind": subject.kind}
        head = self._head(place, around) if around else None
        every = with_resolved or head is not None
        tally = self._lake.sql(_TALLY, {**mine, "from": head or "~", "all": every}).to_pylist()[0]
        if head is not None:
            offset = tally["newer"] - tally["newer"] % limit
        page = {"all": every, "limit": limit, "offset": offset}
        heads = self._lake.sql(_PAGE, {**mine, **page}).to_pylist()
        ids = [row["comment_id"] for row in heads]
        shown = {**mine, "heads": ids, "limit": _ANSWERS_SHOWN}
        answers = self._lake.sql(_LAST_ANSWERS, shown).to_pylist() if ids else []
        by_thread: dict[str, list[dict[str, Any]]] = {}
        for row in answers:
            by_thread.setdefault(row["thread"], []).append(row)
        return ThreadPage(
            threads=[
                Thread(
                    self._said(actor, row, place),
                    [self._said(actor, one, place) for one in by_thread.get(row["comment_id"], ())],
                    row["answers"],
                    self._may_resolve(actor, row, place),
                )
                for row in heads
            ],
            offset=offset,
            total=tally["threads"],
            unresolved=tally["unresolved"],
            comments=tally["comments"],
            people=self._people.named(row["written_by"] for row in [*heads, *answers]),
            is_open=place.is_active,
        )

    def answers(
        self, actor: Actor, comment_id: str, *, offset: int = 0, limit: int = PAGE_MAX
    ) -> Answers:
        """A stretch of the answers of a thread, the oldest first.

        Raises:
            NotFound: There is no such thread, or they may not read it.
            InvalidInput: The stretch is too long.
        """
        _check_page(offset, limit)
        row, place = self._found(actor, comment_id)
        wanted = {"key": place.key, "kind": place.subject.kind, "thread": row["comment_id"]}
        rows = self._lake.sql(_ANSWERS, {**wanted, "limit": limit, "offset": offset}).to_pylist()
        return Answers(
            [self._said(actor, one, place) for one in rows],
            rows[0]["total"] if rows else 0,
            self._people.named(one["written_by"] for one in rows),
        )

    def get(self, actor: Actor, comment_id: str) -> Comment:
        """One comment.

        Raises:
            NotFound: There is none, or they may not read it.
        """
        return comment_entity(*self._found(actor, comment_id))

    def _said(self, actor: Actor, row: dict[str, Any], place: Place) -> Said:
        is_there = row["deleted_at"] is None
        is_own = self._is_own(actor, row)
        return Said(
            comment_entity(row, place),
            may_edit=is_there and is_own and place.is_active,
            may_delete=is_there and (is_own or self._subjects.is_administered(actor, place)),
        )

    def _may_resolve(self, actor: Actor, row: dict[str, Any], place: Place) -> bool:
        return self._is_own(actor, row) or self._subjects.is_changeable(actor, place)

    def _is_own(self, actor: Actor, row: dict[str, Any]) -> bool:
        """Whether somebody wrote a comment, and not one who had their name before them."""
        if row["written_by"] != actor.name:
            return False
        return bool(row["written_generation"] == self._people.generation(actor))

    def _changed(self, row: dict[str, Any], place: Place, change: dict[str, Any]) -> Comment:
        key = {"subject_id": place.key, "comment_id": row["comment_id"]}
        self._lake.patch("comments", [{**key, **change}])
        return comment_entity(self._row(place, row["comment_id"]), place)

    def _head(self, place: Place, comment_id: str) -> str:
        """The comment that begins a thread in which somebody answers."""
        row = self._lake.get("comments", (place.key, comment_id))
        if row is None:
            raise _unknown(comment_id)
        head: str = row["thread"] or row["comment_id"]
        return head

    def _row(self, place: Place, comment_id: str) -> dict[str, Any]:
        row = self._lake.get("comments", (place.key, comment_id))
        if row is None:
            raise _unknown(comment_id)
        return row

    def _found(self, actor: Actor, comment_id: str) -> tuple[dict[str, Any], Place]:
        """A comment by its id alone, with what it is about."""
        rows = self._lake.sql(_ONE, {"id": comment_id}).to_pylist()
        if not rows:
            raise _unknown(comment_id)
        key = (rows[0]["subject_kind"], rows[0]["subject_id"])
        place = self._subjects.readable(actor, [key]).get(key)
        if place is None:
            raise _unknown(comment_id)
        return rows[0], place


def comment_entity(row: dict[str, Any], place: Place) -> Comment:
    """A comment of its row."""
    known = {name: value for name, value in row.items() if value is not None}
    return msgspec.convert({**known, "subject": str(place.subject)}, Comment)


def _check_page(offset: int, limit: int) -> None:
    if not 1 <= limit <= PAGE_MAX or offset < 0:
        raise InvalidInput(
            ErrorCode.LIMIT_EXCEEDED,
            f"{limit} entries behind {offset}: ask for 1 to {PAGE_MAX}",
            limit=PAGE_MAX,
        )


def _unknown(comment_id: str) -> NotFound:
    return NotFound(
        ErrorCode.COMMENT_NOT_FOUND,
        f"there is no comment {comment_id[:80]!r}",
        comment_id=comment_id[:80],
    )


def _denied(actor: Actor, what: str) -> PermissionDenied:
    return PermissionDenied(
        ErrorCode.ACCESS_DENIED, f"{actor.name} may not {what}", actor=actor.name
    )
