"""Iceberg tables of other catalogs, read where they are.

A table is opened by the address of its metadata file, or through its catalog. What a warehouse
says about a foreign table may have been written by anybody, so only properties that name places
are taken from it (`public_properties`): no credentials are stored, and none that make pyiceberg
load code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pyarrow as pa

from mere.errors import ErrorCode, InvalidInput, MereError, NotFound, Unavailable

__all__ = ["ForeignTable", "open_foreign", "public_address", "public_properties"]

_PUBLIC = frozenset(
    {
        "type",
        "uri",
        "warehouse",
        "prefix",
        "s3.endpoint",
        "s3.region",
        "s3.force-virtual-addressing",
        "gcs.project-id",
        "gcs.service.host",
        "adls.account-name",
        "adls.account-host",
        "glue.region",
        "glue.endpoint",
        "client.region",
    }
)
_CODE = frozenset({"py-catalog-impl", "py-io-impl"})


class ForeignTable:
    """One snapshot of a table that is not ours.

    Args:
        table: pyiceberg's table.
        snapshot_id: Which snapshot; by default, the newest.
    """

    def __init__(self, table: Any, snapshot_id: int | None) -> None:
        snapshot = (
            table.current_snapshot() if snapshot_id is None else table.snapshot_by_id(snapshot_id)
        )
        if snapshot is None and snapshot_id is not None:
            known = [str(one.snapshot_id) for one in table.snapshots()]
            raise NotFound(
                ErrorCode.OBJECT_NOT_FOUND,
                f"the table has no snapshot {snapshot_id}: it has {', '.join(known) or 'none'}",
                snapshot_id=snapshot_id,
            )
        self._table = table
        self.snapshot_id: int | None = snapshot.snapshot_id if snapshot else None
        schema = table.schema()
        if snapshot is not None and snapshot.schema_id is not None:
            schema = table.schemas().get(snapshot.schema_id, schema)
        self.schema: pa.Schema = _without_metadata(schema.as_arrow())
        total = snapshot.summary["total-records"] if snapshot and snapshot.summary else None
        self.rows = int(total) if total is not None else (0 if snapshot is None else None)
        self.metadata_location: str = table.metadata_location

    def read(self, columns: list[str] | None = None) -> pa.RecordBatchReader:
        """The rows, batch by batch.

        Raises:
            Unavailable: A file could not be read.
        """
        with _translated("the table"):
            scan = self._table.scan(
                selected_fields=tuple(columns) if columns else ("*",), snapshot_id=self.snapshot_id
            )
            reader = scan.to_arrow_batch_reader()

        def batches() -> Iterator[pa.RecordBatch]:
            with _translated("the table"):
                yield from reader

        return pa.RecordBatchReader.from_batches(reader.schema, batches())


def open_foreign(
    *,
    table: str | None = None,
    catalog: Mapping[str, str] | None = None,
    metadata_location: str | None = None,
    snapshot_id: int | None = None,
) -> ForeignTable:
    """Open a table by its metadata file, else through its catalog.

    Args:
        table: Its name in the catalog: ``namespace.table``.
        catalog: pyiceberg's properties of the catalog and of the store.
        metadata_location: The address of a metadata file.
        snapshot_id: Which snapshot; by default, the newest.

    Raises:
        NotFound: There is no such table or snapshot.
        InvalidInput: A property names code to be loaded.
        Unavailable: The catalog or the store did not answer, or refused.
    """
    from pyiceberg.catalog import load_catalog
    from pyiceberg.table import StaticTable

    found: Any
    properties = dict(catalog or {})
    if _CODE & set(properties):
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"property {min(_CODE & set(properties))!r} names code to be loaded: leave it out",
        )
    if metadata_location is not None:
        try:
            with _translated(metadata_location):
                found = StaticTable.from_metadata(metadata_location, properties)
            return ForeignTable(found, snapshot_id)
        except MereError:
            # The catalog may have expired that metadata file, and keep the snapshot.
            if table is None:
                raise
    if table is None:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, "name the table, or the address of its metadata file"
        )
    with _translated(table):
        loaded: Any = load_catalog(str(properties.pop("name", "default")), **properties)
        found = loaded.load_table(table)
    return ForeignTable(found, snapshot_id)


def public_properties(properties: Mapping[str, str]) -> dict[str, str]:
    """Those properties that may be stored: places, without credentials."""
    return {
        name: public_address(str(value)) if name in ("uri", "warehouse") else str(value)
        for name, value in properties.items()
        if name in _PUBLIC
    }


def public_address(address: str) -> str:
    """An address without user, password, query and fragment."""
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"the address cannot be read: {error}"
        ) from error
    if not parts.scheme:
        return address
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, place, parts.path, "", ""))


def _without_metadata(schema: pa.Schema) -> pa.Schema:
    return pa.schema([field.remove_metadata() for field in schema])


@contextmanager
def _translated(what: str) -> Iterator[None]:
    from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError

    try:
        yield
    except MereError:
        raise
    except (NoSuchTableError, NoSuchNamespaceError, FileNotFoundError) as error:
        raise NotFound(
            ErrorCode.OBJECT_NOT_FOUND, f"there is no table at {public_address(what)}", table=what
        ) from error
    except Exception as error:  # a foreign library's boundary, with errors of many more libraries
        # Their messages may hold what was sent, so only the kind of error is told.
        raise Unavailable(
            ErrorCode.STORE_UNAVAILABLE,
            f"{public_address(what)} cannot be read ({type(error).__name__}): check the address, "
            "and the credentials in the properties given or in the environment",
        ) from error
