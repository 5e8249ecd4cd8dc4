"""References: versions of datasets whose data is kept elsewhere.

A table of another Iceberg catalog is recorded with its snapshot and schema, and read back through
its metadata file or its catalog. Of anything else only the address is recorded; a file that can be
read as a table is. Credentials are never recorded: they are given anew, or the environment has
them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import msgspec

from mere.entities.dataset import Dataset, DatasetKind, SchemaColumn
from mere.entities.limits import check_name
from mere.errors import ErrorCode, InvalidInput

if TYPE_CHECKING:
    import pyarrow as pa

    from mere.lake.foreign import ForeignTable
    from mere.services.datasets.versions import DatasetVersions

__all__ = ["DatasetReferences"]

_METADATA = ".metadata.json"
_ICEBERG, _URI = "iceberg", "uri"


class _Place(msgspec.Struct, omit_defaults=True):
    """Where a table of another catalog is."""

    table: str | None = None
    catalog: dict[str, str] = {}
    metadata_location: str | None = None


class DatasetReferences:
    """The references among dataset versions.

    Args:
        versions: The versions.
    """

    def __init__(self, versions: DatasetVersions) -> None:
        self._versions = versions

    def add(
        self,
        name: str,
        *,
        table: str | None = None,
        catalog: Mapping[str, str] | None = None,
        uri: str | None = None,
        snapshot_id: int | None = None,
        digest: str | None = None,
        tags: dict[str, str] | None = None,
        run_id: str | None = None,
        created_by: str | None = None,
    ) -> Dataset:
        """Record data kept elsewhere as a new version; the newest itself if that is the same.

        Args:
            name: The dataset.
            table: A table's name in its catalog.
            catalog: pyiceberg's properties of the catalog; credentials are used and not stored.
            uri: An address instead: of a table's metadata file, or of anything.
            snapshot_id: Which snapshot of a table; by default, the newest.
            digest: Of the content, where it is known.
            tags: What else is worth remembering.
            run_id: The run that records it.
            created_by: The account that records it.

        Raises:
            InvalidInput: Neither a table nor an address is given, or both.
            NotFound: There is no such table or snapshot.
            Unavailable: The table cannot be reached.
        """
        from mere.lake.foreign import public_address

        check_name(name, "dataset")
        if (table is None) == (uri is None):
            raise InvalidInput(
                ErrorCode.INVALID_VALUE, "give either table, with its catalog, or uri"
            )
        draft = Dataset(
            dataset_id="",
            name=name,
            version=0,
            kind=DatasetKind.REFERENCE,
            tags=tags or {},
            run_id=run_id,
            created_by=created_by,
        )
        if table is not None or str(uri).endswith(_METADATA):
            draft = _of_table(draft, table, catalog or {}, uri, snapshot_id)
        else:
            draft = msgspec.structs.replace(
                draft, source_type=_URI, source=public_address(str(uri))
            )
        draft = msgspec.structs.replace(draft, digest=digest or _digest(draft))
        newest = self._versions.newest(name)
        if newest is not None and newest.kind is not DatasetKind.REFERENCE:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"the newest version of dataset {name!r} is of kind {newest.kind}: refer to other "
                "data under another name",
                name=name,
            )
        if newest is not None and newest.digest == draft.digest:
            return self._versions.set_tags(newest, tags or {})
        return self._versions.publish(draft)

    def read(
        self,
        dataset: Dataset,
        columns: list[str] | None = None,
        *,
        properties: Mapping[str, str] | None = None,
    ) -> pa.RecordBatchReader:
        """The rows of a reference, in bounded memory.

        Args:
            dataset: The version.
            columns: Only these.
            properties: pyiceberg's properties, with credentials.

        Raises:
            InvalidInput: It is no table that can be read from here.
            NotFound: It is not there any more.
            Unavailable: It cannot be reached.
        """
        import pyarrow as pa

        from mere.services.datasets.input import read_input

        if dataset.source_type == _ICEBERG:
            return self.open(dataset, properties=properties).read(columns)
        path = _local_path(dataset.source or "")
        if path is None:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"dataset {dataset.label} is a reference to {dataset.source}, which mere does not "
                "read: open it by that address",
                dataset=dataset.label,
            )
        given = read_input(path)
        reader = pa.RecordBatchReader.from_batches(given.schema, given.batches())
        if columns is None:
            return reader
        schema = pa.schema([given.schema.field(name) for name in columns])
        batches = (batch.select(columns) for batch in reader)
        return pa.RecordBatchReader.from_batches(schema, batches)

    def open(
        self, dataset: Dataset, *, properties: Mapping[str, str] | None = None
    ) -> ForeignTable:
        """Open the table that a reference means; raises as `read` does."""
        from mere.lake.foreign import open_foreign, public_properties

        place = msgspec.json.decode(dataset.source or "{}", type=_Place)
        return open_foreign(
            table=place.table,
            # Stored ones are filtered again: anybody may have written them.
            catalog={**public_properties(place.catalog), **(properties or {})},
            metadata_location=place.metadata_location,
            snapshot_id=dataset.snapshot_id,
        )


def _of_table(
    draft: Dataset,
    table: str | None,
    catalog: Mapping[str, str],
    uri: str | None,
    snapshot_id: int | None,
) -> Dataset:
    from mere.lake.foreign import open_foreign, public_address, public_properties
    from mere.services.datasets.input import schema_columns

    found = open_foreign(
        table=table, catalog=catalog, metadata_location=uri, snapshot_id=snapshot_id
    )
    place = _Place(
        table=table,
        catalog=public_properties(catalog),
        metadata_location=public_address(found.metadata_location),
    )
    columns: list[SchemaColumn] = schema_columns(found.schema)
    return msgspec.structs.replace(
        draft,
        source_type=_ICEBERG,
        source=msgspec.json.encode(place).decode(),
        snapshot_id=found.snapshot_id,
        schema=msgspec.json.encode(columns).decode(),
        rows=found.rows,
    )


def _digest(draft: Dataset) -> str:
    """Of what is known: the place, the snapshot and the schema."""
    source: Any = draft.source
    if draft.source_type == _ICEBERG:
        # The metadata file changes with every commit, the snapshot does not.
        place = msgspec.json.decode(draft.source or "{}", type=_Place)
        source = [place.table, place.catalog] if place.table else place.metadata_location
    known = msgspec.json.encode([draft.source_type, source, draft.snapshot_id, draft.schema])
    return hashlib.sha256(known).hexdigest()


def _local_path(source: str) -> Path | None:
    parts = urlsplit(source)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return Path(source) if not parts.scheme else None
