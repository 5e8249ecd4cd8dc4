"""A dataset version: a table, a set of files, or a reference to data kept elsewhere."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from mere.entities.experiment import Lifecycle
from mere.entities.limits import check_name, check_tag
from mere.errors import ErrorCode, InvalidInput

__all__ = ["PURGED", "Dataset", "DatasetFile", "DatasetKind", "SchemaColumn", "parse_dataset"]

PURGED = "purged"
"""The lifecycle of a version whose data is gone for good; its number is not given again."""

_ID_DIGITS = 32


class DatasetKind(StrEnum):
    """What a dataset version is made of."""

    TABLE = "table"
    FILES = "files"
    REFERENCE = "reference"


class SchemaColumn(msgspec.Struct, frozen=True):
    """One column of a table: its name, its type in Arrow's words, whether it may hold null."""

    name: str
    type: str
    nullable: bool = True


class DatasetFile(msgspec.Struct, frozen=True):
    """One file of a dataset version.

    Args:
        path: Below the version, with slashes.
        size: Bytes.
        digest: SHA-256 of the content, as 64 hexadecimal digits.
    """

    path: str
    size: int
    digest: str


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset version, as it is stored.

    Args:
        dataset_id: 32 hexadecimal digits, one id a version.
        name: What versions have in common.
        version: Counts from 1 in each name.
        digest: Of the content: versions with the same digest hold the same.
        kind: What it is made of.
        source_type: What kind of place it came from.
        source: Where it came from: an address without credentials, or a description.
        table_name: Of a table: its name in SQL.
        snapshot_id: Of a table: the Iceberg snapshot.
        manifest: Of files: the key of the object that lists them.
        schema: JSON: a list of columns with name, type and nullable.
        profile: JSON: see `mere.services.datasets.profile`.
        rows: Of a table: how many.
        files: Of files: how many.
        bytes: Of a table: of its data files; of files: of all their contents.
        tags: What else is worth remembering.
        run_id: The run that wrote it.
        created_by: The account that wrote it.
        lifecycle: ``active``, ``deleted`` (in the bin) or ``purged``.
        deleted_at: When it was put into the bin.
        created_at: When it was made; None before it is stored.
    """

    dataset_id: str
    name: str
    version: int
    digest: str | None = None
    kind: DatasetKind = DatasetKind.TABLE
    source_type: str | None = None
    source: str | None = None
    table_name: str | None = None
    snapshot_id: int | None = None
    manifest: str | None = None
    schema: str | None = None
    profile: str | None = None
    rows: int | None = None
    files: int | None = None
    bytes: int | None = None
    tags: dict[str, str] = {}
    run_id: str | None = None
    created_by: str | None = None
    lifecycle: str = Lifecycle.ACTIVE
    deleted_at: datetime | None = None
    created_at: datetime | None = None

    @property
    def label(self) -> str:
        """The version as people name it: ``name@version``."""
        return f"{self.name}@{self.version}"

    @property
    def columns(self) -> list[SchemaColumn]:
        """The schema, column by column; empty where none is known."""
        return msgspec.json.decode(self.schema, type=list[SchemaColumn]) if self.schema else []

    def checked(self) -> Dataset:
        """Return the dataset itself if its name and tags may be stored.

        Raises:
            InvalidInput: The name or a tag breaks a limit.
        """
        check_name(self.name, "dataset")
        for key, value in self.tags.items():
            check_tag(key, value)
        return self


def parse_dataset(word: str) -> tuple[str, int | None]:
    """Split ``name@3`` into name and version; without ``@`` and digits, the version is None.

    A name may hold ``@`` itself: only digits behind the last one are a version.

    Raises:
        InvalidInput: The version is 0.
    """
    name, at, digits = word.rpartition("@")
    if not (at and name and digits.isascii() and digits.isdigit()):
        return word, None
    version = int(digits)
    if version < 1:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"{word!r} names version 0: versions count from 1", value=word
        )
    return name, version
