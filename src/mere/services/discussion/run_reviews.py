"""Reviews of runs: whom somebody asks to look at a run, and what they say of it.

They are like those of versions of models, which the registry keeps because its gates ask for
them. Nothing is kept from anybody by the review of a run, so whoever may read it may review it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from mere.clock import run_id as new_id
from mere.entities.comment import RunReview, Subject, check_comment
from mere.entities.model import ReviewState, check_reviewers

if TYPE_CHECKING:
    from mere.clock import Clock
    from mere.entities.actor import Actor
    from mere.lake import Lake
    from mere.services.discussion.people import People
    from mere.services.discussion.subjects import Subjects
    from mere.services.registry.turns import Patches
    from mere.services.webhooks.events import WebhookEvents

__all__ = ["RunReviews"]


class RunReviews:
    """The reviews of all runs of one warehouse.

    Args:
        lake: Where they are stored.
        clock: For new ids and times.
        subjects: Knows the runs, and who may read them.
        people: Knows who may be asked.
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

    def add(
        self,
        actor: Actor,
        run_id: str,
        state: str,
        *,
        comment: str | None = None,
        reviewers: Sequence[str] = (),
    ) -> RunReview:
        """Request a review of a run, approve or reject it, or only remark on it.

        Args:
            actor: Who says it.
            run_id: The run.
            state: ``requested``, ``approved``, ``rejected`` or ``comment``.
            comment: In words.
            reviewers: Users and groups whom a request asks.

        Raises:
            NotFound: There is no such run, or they may not read it.
            InvalidInput: The state or the comment cannot be one, one of the reviewers may not
                read the run, or it was deleted.
        """
        place = self._subjects.open(actor, Subject("run", run_id))
        said = ReviewState.of(state)
        row = {
            "run_id": run_id,
            "review_id": new_id(self._clock),
            "state": said,
            "comment": None if comment is None else check_comment(comment),
            "reviewers": check_reviewers(said, self._people.asked(place, reviewers)),
            "reviewed_by": actor.name,
            "reviewed_at": self._clock.now_us(),
        }
        patches: Patches = {"run_reviews": [row]}
        told = {name: row[name] for name in ("run_id", "state", "comment", "reviewers")}
        self._events.add(patches, "run_review.created", {**told, "reviewed_by": actor.name})
        with self._lake.batch() as batch:
            for table, rows in patches.items():
                batch.patch(table, rows)
        self._events.happened()
        return next(one for one in self.of(run_id) if one.review_id == row["review_id"])

    def of(self, run_id: str) -> list[RunReview]:
        """What reviewers said of a run, oldest first."""
        rows = self._lake.scan("run_reviews", where={"run_id": run_id}).to_pylist()
        return [
            msgspec.convert({k: v for k, v in one.items() if v is not None}, RunReview)
            for one in sorted(rows, key=lambda one: (one["reviewed_at"], one["review_id"]))
        ]
