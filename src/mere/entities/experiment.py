"""An experiment: the named folder in which runs are kept."""

from __future__ import annotations

from datetime import datetime

import msgspec

from mere.entities.limits import check_name

__all__ = ["DEFAULT_ID", "DEFAULT_NAME", "Experiment", "Lifecycle"]

DEFAULT_ID = "0"
DEFAULT_NAME = "Default"


class Lifecycle:
    """Whether a thing is in use or in the bin; stored as text."""

    ACTIVE = "active"
    DELETED = "deleted"
    PURGED = "purged"
    """Being removed for good: nothing shows it, and nothing brings it back."""


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment.

    Args:
        experiment_id: Decimal digits; ``0`` is the experiment named Default.
        name: Unique in the warehouse.
        lifecycle: ``active`` or ``deleted``.
        artifact_location: Where runs put their files, relative to the warehouse unless a URL.
        tags: Anything worth remembering.
        created_by: The account that created it.
        created_at: When it was created; None before it is stored.
        updated_at: When it was changed last.
        deleted_at: When it was put into the bin, if it is there.
    """

    experiment_id: str
    name: str
    lifecycle: str = Lifecycle.ACTIVE
    artifact_location: str = "artifacts"
    tags: dict[str, str] = {}
    created_by: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    deleted_at: datetime | None = None

    def checked(self) -> Experiment:
        """Return the experiment itself if its name may be one.

        Raises:
            InvalidInput: The name is empty, too long or not storable.
        """
        check_name(self.name, "experiment")
        return self
