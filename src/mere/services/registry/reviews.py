"""Reviews: what people say of a version, and where that leaves it.

Each word is kept. The last request, approval or rejection is the version's stage of review, which
gates can ask for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mere.clock import run_id as new_id
from mere.entities.limits import check_text
from mere.entities.model import Review, ReviewState, check_reviewers
from mere.services.registry.rows import active_version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mere.clock import Clock
    from mere.lake import Lake
    from mere.services.registry.turns import Patches
    from mere.services.webhooks.events import WebhookEvents

__all__ = ["Reviews"]

_COMMENT_CHARS_MAX = 100_000


class Reviews:
    """The reviews of all model versions of one warehouse.

    Args:
        lake: Where they are stored.
        clock: For new ids and times.
        events: Told of what happens.
    """

    def __init__(self, lake: Lake, clock: Clock, events: WebhookEvents) -> None:
        self._lake = lake
        self._clock = clock
        self._events = events

    def add(
        self,
        name: str,
        version: object,
        state: str,
        *,
        comment: str | None = None,
        reviewers: Sequence[str] = (),
        by: str | None = None,
    ) -> Review:
        """Request, approve or reject a version, or only comment on it.

        Args:
            name: The registered model.
            version: Its version.
            state: ``requested``, ``approved``, ``rejected`` or ``comment``.
            comment: In words.
            reviewers: The users whom a request asks; they find it in their inboxes.
            by: The account that says it.

        Raises:
            NotFound: There is no such version.
            InvalidInput: The state or the comment cannot be one.
        """
        said = ReviewState.of(state)
        if comment is not None:
            check_text(comment, "comment", _COMMENT_CHARS_MAX, "shorten it")
        row = active_version(self._lake, name, version)
        key = {"name": name, "version": row["version"]}
        review = {
            **key,
            "review_id": new_id(self._clock),
            "version_id": row["version_id"],
            "state": said,
            "comment": comment,
            "reviewers": check_reviewers(said, reviewers),
            "reviewed_by": by,
            "reviewed_at": self._clock.now_us(),
        }
        patches: Patches = {"model_reviews": [review]}
        if said is not ReviewState.COMMENT:
            patches["model_versions"] = [{**key, "review": said}]
        data = {**key, "version": str(row["version"]), "state": said}
        more = {"comment": comment, "reviewed_by": by, "reviewers": list(reviewers)}
        self._events.add(patches, "model_version_review.created", {**data, **more})
        with self._lake.batch() as batch:
            for table, rows in patches.items():
                batch.patch(table, rows)
        self._events.happened()
        return next(one for one in self.of(name, version) if one.review_id == review["review_id"])

    def of(self, name: str, version: object) -> list[Review]:
        """What was said of a version, oldest first, also under an older name of the model.

        Raises:
            NotFound: There is no such version.
        """
        row = active_version(self._lake, name, version)
        where = {"version_id": row["version_id"]}
        if row["version_id"] is None:
            where = {"name": name, "version": row["version"]}
        rows = self._lake.scan("model_reviews", where=where).to_pylist()
        return [
            msgspec.convert({k: v for k, v in one.items() if v is not None}, Review)
            for one in sorted(rows, key=lambda one: (one["reviewed_at"], one["review_id"]))
        ]
