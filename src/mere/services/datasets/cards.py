"""Cards: what people write about a dataset as a whole, whatever its versions."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from mere.entities.run import check_notes
from mere.errors import Conflict, ErrorCode
from mere.lake import Column, Table

if TYPE_CHECKING:
    from mere.clock import Clock
    from mere.lake import Lake
    from mere.services.datasets.versions import DatasetVersions

__all__ = ["DATASET_CARDS", "Cards", "DatasetCard"]

DATASET_CARDS = Table(
    "dataset_cards",
    columns=(
        Column("name", "string", "the dataset"),
        Column("notes", "string", "what people wrote about it, as Markdown"),
        Column("changed_by", "string", "the account that wrote it"),
        Column("changed_at", "timestamptz"),
    ),
    key=("name",),
    doc="what people wrote about datasets",
)


class DatasetCard(msgspec.Struct, frozen=True):
    """What people wrote about a dataset.

    Args:
        name: The dataset.
        notes: Markdown; None where nobody has written any.
        changed_by: Who wrote it.
        changed_at: When.
    """

    name: str
    notes: str | None = None
    changed_by: str | None = None
    changed_at: datetime | None = None


class Cards:
    """The cards of one warehouse.

    Args:
        lake: Where they are stored.
        clock: Says when they are written.
        versions: Know which datasets there are.
    """

    def __init__(self, lake: Lake, clock: Clock, versions: DatasetVersions) -> None:
        self._lake = lake
        self._clock = clock
        self._versions = versions

    def get(self, name: str) -> DatasetCard:
        """The card of a dataset.

        Raises:
            NotFound: There is no such dataset.
        """
        if not self._versions.of(name).num_rows:
            self._versions.find(name)  # tells why there is none
        row = self._lake.get("dataset_cards", name) or {}
        return DatasetCard(
            name, row.get("notes") or None, row.get("changed_by"), row.get("changed_at")
        )

    def set_notes(
        self, name: str, notes: str, *, changed_by: str | None, expected: str | None = None
    ) -> DatasetCard:
        """Write what people say about a dataset.

        Args:
            name: The dataset.
            notes: Markdown; empty for none.
            changed_by: The account that writes it.
            expected: The notes that are to be replaced; where they are others, nothing is written.

        Raises:
            InvalidInput: They cannot be notes.
            NotFound: There is no such dataset.
            Conflict: Somebody else wrote notes meanwhile.
        """
        found = self.get(name).notes or ""
        checked = check_notes(notes)
        if expected is not None and found != expected:
            raise Conflict(
                ErrorCode.CHANGED_MEANWHILE,
                "somebody else changed the notes meanwhile: read them again, then write yours",
                dataset=name,
            )
        row = {"name": name, "notes": checked or None, "changed_by": changed_by}
        self._lake.patch("dataset_cards", [{**row, "changed_at": self._clock.now_us()}])
        return self.get(name)
