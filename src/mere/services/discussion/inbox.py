"""The inbox: what waits for somebody, read off what people said and how runs ended.

- *mention*: a comment addresses them, by their name or a group of theirs;
- *answer*: others answered in a thread in which they had said something: one entry a thread;
- *review*: they are asked to review something, until they review it or comment on it;
- *verdict*: somebody reviewed what they had asked to be reviewed;
- *failure*: a run of theirs failed, or was killed.

What they wrote themselves, what is about things that they may not read any more, and what is
older than `KEPT_DAYS` does not wait. Which entries were read is all that is stored.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from mere.entities.actor import ActorKind
from mere.errors import ErrorCode, InvalidInput
from mere.services.portal.windows import WindowRequest

if TYPE_CHECKING:
    import builtins

    from mere.clock import Clock
    from mere.entities.actor import Actor
    from mere.lake import Lake
    from mere.services.discussion.subjects import Subjects
    from mere.services.portal.windows import Windows

__all__ = ["KEPT_DAYS", "Inbox", "InboxItem", "InboxPage"]

KEPT_DAYS = 60
ITEMS_MAX = 1_000
_DAY_US = 86_400_000_000
_ALL = "*"
_ID_CHARS_MAX = 200
_EXCERPT = 300
_COLUMNS = (
    f"comment_id, subject_kind, subject_id, written_by as who, left(text, {_EXCERPT}) as text"
)
_MENTIONS = (
    f"select 'mention' as kind, comment_id as id, epoch_us(told_at) as at_us, {_COLUMNS} "
    "from comments where list_contains(told, $me) and written_by <> $me "
    "and deleted_at is null and epoch_us(told_at) >= $since"
)
_ANSWERS = (
    "with mine as (select coalesce(thread, comment_id) as thread, min(said_at) as since "
    "from comments where written_by = $me and deleted_at is null group by all) "
    f"select 'answer' as kind, c.thread as id, epoch_us(said_at) as at_us, {_COLUMNS} "
    "from comments c join mine m on m.thread = c.thread where written_by <> $me "
    "and said_at > m.since and deleted_at is null "
    "and not coalesce(list_contains(told, $me), false) and epoch_us(said_at) >= $since "
    "qualify row_number() over (partition by c.thread order by said_at desc, comment_id desc) = 1"
)
_SAID = (
    "with said as ("
    "select 'run' as subject_kind, run_id as subject_id, review_id, state, comment, reviewers, "
    "reviewed_by, reviewed_at from run_reviews union all "
    "select 'model', coalesce(version_id, name || '/' || version), review_id, state, comment, "
    "reviewers, reviewed_by, reviewed_at from model_reviews), "
)
_REVIEWS = (
    f"{_SAID} answered as (select subject_kind, subject_id, max(said_at) as last_at from ("
    "select subject_kind, subject_id, said_at from comments where written_by = $me union all "
    "select subject_kind, subject_id, reviewed_at from said where reviewed_by = $me) group by all) "
    "select 'review' as kind, review_id as id, epoch_us(reviewed_at) as at_us, "
    f"s.subject_kind, s.subject_id, reviewed_by as who, left(comment, {_EXCERPT}) as text "
    "from said s left join answered a "
    "on a.subject_kind = s.subject_kind and a.subject_id = s.subject_id "
    "where state = 'requested' and {asked} and (last_at is null or last_at <= reviewed_at) "
    "and epoch_us(reviewed_at) >= $since "
    "qualify row_number() over (partition by s.subject_id order by reviewed_at desc) = 1"
)
_VERDICTS = (
    f"{_SAID} asked as (select subject_kind, subject_id, min(reviewed_at) as since from said "
    "where state = 'requested' and reviewed_by = $me group by all) "
    "select 'verdict' as kind, review_id as id, epoch_us(reviewed_at) as at_us, "
    "s.subject_kind, s.subject_id, reviewed_by as who, "
    f"state || coalesce(': ' || left(comment, {_EXCERPT}), '') as text "
    "from said s join asked a on a.subject_kind = s.subject_kind and a.subject_id = s.subject_id "
    "where state <> 'requested' and reviewed_by <> $me and reviewed_at > a.since "
    "and epoch_us(reviewed_at) >= $since"
)
_ASKED = "list_contains(reviewers, $me)"
_ANYBODY_ASKED = "len(reviewers) > 0"


class InboxItem(msgspec.Struct, frozen=True):
    """Something that waits for somebody.

    Args:
        item: What to pass to mark it read.
        kind: ``mention``, ``answer``, ``review``, ``verdict`` or ``failure``.
        at_us: When it came up, in microseconds since the epoch.
        subject: What it is about.
        label: What people call that.
        experiment_id: The experiment of a run.
        who: Who said it.
        text: How it begins; of a failure, the run's status.
        comment_id: The comment; of answers, the newest.
        is_read: Whether it was read.
    """

    item: str
    kind: str
    at_us: int
    subject: str
    label: str
    experiment_id: str | None = None
    who: str | None = None
    text: str | None = None
    comment_id: str | None = None
    is_read: bool = False


class InboxPage(msgspec.Struct, frozen=True):
    """What waits for somebody, the newest first.

    Args:
        items: The entries.
        total: How many there are.
        unread: How many of them were not read.
    """

    items: list[InboxItem]
    total: int
    unread: int


class Inbox:
    """The inboxes of one warehouse.

    Args:
        lake: Where all is stored.
        clock: Tells what is old.
        subjects: Knows what may be read.
        windows: Know which runs failed.
    """

    def __init__(self, lake: Lake, clock: Clock, subjects: Subjects, windows: Windows) -> None:
        self._lake = lake
        self._clock = clock
        self._subjects = subjects
        self._windows = windows

    def list(
        self, actor: Actor, *, unread_only: bool = False, offset: int = 0, limit: int = 50
    ) -> InboxPage:
        """What waits for somebody.

        Args:
            actor: Who asks; where sign-in is off, what waits for anybody.
            unread_only: Whether what was read is left out.
            offset: Leave out so many entries.
            limit: At most so many; 0 only counts.

        Raises:
            InvalidInput: The stretch is too long.
        """
        if not 0 <= limit <= ITEMS_MAX or offset < 0:
            raise InvalidInput(
                ErrorCode.LIMIT_EXCEEDED,
                f"{limit} entries behind {offset}: ask for {ITEMS_MAX:,} at most",
                limit=ITEMS_MAX,
            )
        found = self._found(actor)
        unread = [one for one in found if not one.is_read]
        shown = unread if unread_only else found
        return InboxPage(shown[offset : offset + limit], len(shown), len(unread))

    def mark_read(self, actor: Actor, items: Iterable[str]) -> None:
        """Note that somebody read entries.

        Args:
            actor: Who.
            items: Which, as the list names them; ``*`` for all there are.

        Raises:
            InvalidInput: There are too many, or one is none.
        """
        names = list(dict.fromkeys(items))
        if len(names) > ITEMS_MAX or any(not 0 < len(one) <= _ID_CHARS_MAX for one in names):
            raise InvalidInput(
                ErrorCode.LIMIT_EXCEEDED,
                f"{len(names)} entries at once: name {ITEMS_MAX:,} at most, or * for all",
                limit=ITEMS_MAX,
            )
        at = self._clock.now_us()
        rows = [{"name": actor.name, "item": one, "read_at": at} for one in names]
        if rows:
            self._lake.patch("inbox_reads", rows)

    def _found(self, actor: Actor) -> builtins.list[InboxItem]:
        """All that waits, the newest first; at most `ITEMS_MAX`."""
        rows = [*self._said(actor), *self._failures(actor)]
        rows.sort(key=lambda row: (row["at_us"], row["id"]), reverse=True)
        keys = [(row["subject_kind"], row["subject_id"]) for row in rows]
        places = self._subjects.readable(actor, keys)
        read = self._read(actor)
        everything = read.get(_ALL, 0)
        found: builtins.list[InboxItem] = []
        for row, key in zip(rows, keys, strict=True):
            place = places.get(key)
            if place is None or not place.is_active:
                continue
            item = f"{row['kind']}:{row['id']}"
            found.append(
                InboxItem(
                    item=item,
                    kind=row["kind"],
                    at_us=row["at_us"],
                    subject=str(place.subject),
                    label=place.label,
                    experiment_id=place.experiment_id,
                    who=row["who"],
                    text=row["text"],
                    comment_id=row.get("comment_id"),
                    is_read=max(read.get(item, 0), everything) >= row["at_us"],
                )
            )
        return found[:ITEMS_MAX]

    def _said(self, actor: Actor) -> builtins.list[dict[str, Any]]:
        asked = _ANYBODY_ASKED if actor.kind is ActorKind.LOCAL else _ASKED
        reviews = _REVIEWS.format(asked=asked)
        given = {"me": actor.name, "since": self._since_us()}
        queries = (_MENTIONS, _ANSWERS, reviews, _VERDICTS)
        return [row for query in queries for row in self._lake.sql(query, given).to_pylist()]

    def _failures(self, actor: Actor) -> builtins.list[dict[str, Any]]:
        """Runs that failed, those that died without a word included."""
        condition = "(status = 'FAILED' or status = 'KILLED')"
        if actor.kind is not ActorKind.LOCAL:
            condition += f" and created_by = '{actor.name}'"
        wanted = WindowRequest(
            filter=condition,
            order=["ended_at desc"],
            columns=["status", "ended_at"],
            limit=ITEMS_MAX // 10,
        )
        found = self._windows.read(wanted).rows
        rows = []
        for run in found.to_pylist():
            if run["ended_at"] is None:
                continue
            at_us = int(run["ended_at"].timestamp() * 1_000_000)
            if at_us >= self._since_us():
                about = {"subject_kind": "run", "subject_id": run["run_id"]}
                told = {"id": run["run_id"], "at_us": at_us, "who": None, "text": run["status"]}
                rows.append({"kind": "failure", **about, **told})
        return rows

    def _read(self, actor: Actor) -> dict[str, int]:
        """When entries were read last, in microseconds since the epoch."""
        found = self._lake.sql(
            "select item, epoch_us(read_at) as at_us from inbox_reads where name = $me",
            {"me": actor.name},
        )
        return {row["item"]: row["at_us"] for row in found.to_pylist()}

    def _since_us(self) -> int:
        return self._clock.now_us() - KEPT_DAYS * _DAY_US
