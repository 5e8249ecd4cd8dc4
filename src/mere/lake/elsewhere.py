"""Tables that are kept in another catalog, too: an Iceberg REST catalog of the organisation.

``catalog/elsewhere.json`` says where, for every process that works on the warehouse. Such a
catalog commits table by table, so it cannot say which states of several tables belong together:
that stays the work of roots. Whoever publishes a root commits each changed table to the other
catalog first, and creates the root last. Readers of mere see roots alone.

Crash cases. Between two tables, or before the root: tables in the other catalog are ahead of the
newest root, by records that are durable and still in the journal. The next publisher finds a
snapshot there that its own tables do not know, and puts the table on its own in place of it. So
what the other catalog shows is never wrong, at most ahead; and it ends where the roots are.
Losing the race for the root has the same ends. Upkeep settles what is left before it collects
files that no root refers to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

import msgspec
from pydantic import ValidationError
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError
from pyiceberg.table.metadata import TableMetadata, TableMetadataUtil
from pyiceberg.table.refs import MAIN_BRANCH
from pyiceberg.table.update import (
    AddSchemaUpdate,
    AddSnapshotUpdate,
    AssertRefSnapshotId,
    AssertTableUUID,
    RemovePropertiesUpdate,
    RemoveSnapshotRefUpdate,
    RemoveSnapshotsUpdate,
    SetCurrentSchemaUpdate,
    SetPropertiesUpdate,
    SetSnapshotRefUpdate,
    TableRequirement,
    TableUpdate,
)

from mere.config import CatalogSettings
from mere.errors import (
    AlreadyExists,
    Conflict,
    CorruptData,
    ErrorCode,
    InvalidInput,
    MereError,
    Unavailable,
)
from mere.lake.objects.store import ObjectStore

__all__ = ["ELSEWHERE", "Elsewhere", "Place", "RestTables", "TableCatalog", "open_elsewhere"]

ELSEWHERE = "catalog/elsewhere.json"
"""The object that says that tables are kept in another catalog, too."""


class Place(msgspec.Struct, frozen=True):
    """Another catalog; what signs in to it is never stored.

    Args:
        type: ``rest``.
        uri: The catalog's address.
        warehouse: What the catalog calls the warehouse, if it has several.
        namespace: Where the tables are in it.
    """

    type: str
    uri: str
    warehouse: str
    namespace: str


class TableCatalog(Protocol):
    """What is asked of the other catalog, one namespace of it."""

    def load(self, name: str) -> TableMetadata | None:
        """The table as it is there now; None where there is none."""

    def register(self, name: str, location: str) -> None:
        """Make a table of metadata that lies in the store already."""

    def commit(
        self,
        name: str,
        requirements: tuple[TableRequirement, ...],
        updates: tuple[TableUpdate, ...],
    ) -> None:
        """Change a table; raises `Conflict` where a requirement does not hold."""

    def drop(self, name: str) -> None:
        """Forget a table, and touch no file; harmless where there is none."""


class Elsewhere:
    """Keeps the tables of another catalog where the roots are.

    Args:
        catalog: The other catalog.
        store: The warehouse's store.
    """

    def __init__(self, catalog: TableCatalog, store: ObjectStore) -> None:
        self._catalog = catalog
        self._store = store

    def commit(
        self, before: Mapping[str, str], after: Mapping[str, str], confirm: Callable[[], None]
    ) -> None:
        """Commit the tables that change from one root to the next.

        Args:
            before: The metadata's key of each table at the parent.
            after: The same at the root that is about to be published.
            confirm: Raises `Conflict` if another root was published meanwhile; asked before
                anything is put in place of what somebody else has committed.

        Raises:
            Conflict: Somebody else commits at the same time.
            Unavailable: The other catalog did not answer, or refused.
        """
        for name in sorted(after):
            if before.get(name) != after[name]:
                self._bring(name, after[name], confirm)
        for name in sorted(before.keys() - after.keys()):
            self._catalog.drop(name)

    def settle(self, tables: Mapping[str, str], confirm: Callable[[], None]) -> None:
        """Put every table where the newest root has it; raises as `commit` does."""
        for name in sorted(tables):
            self._bring(name, tables[name], confirm)

    def _bring(self, name: str, key: str, confirm: Callable[[], None]) -> None:
        wanted = self._metadata(key)
        found = self._catalog.load(name)
        location = f"{wanted.location}/metadata/{key.rpartition('/')[2]}"
        if found is None:
            self._catalog.register(name, location)
            return
        known = {snapshot.snapshot_id for snapshot in wanted.snapshots}
        is_ours = found.current_snapshot_id is None or found.current_snapshot_id in known
        if found.table_uuid != wanted.table_uuid or not is_ours:
            confirm()
            self._catalog.drop(name)
            self._catalog.register(name, location)
            return
        updates = tuple(_updates(found, wanted))
        if updates:
            requirements = (
                AssertTableUUID(uuid=found.table_uuid),
                AssertRefSnapshotId(ref=MAIN_BRANCH, snapshot_id=found.current_snapshot_id),
            )
            self._catalog.commit(name, requirements, updates)

    def _metadata(self, key: str) -> TableMetadata:
        try:
            return TableMetadataUtil.parse_raw(self._store.get(key).decode())
        except (ValidationError, ValueError, KeyError) as error:
            raise CorruptData(
                ErrorCode.BAD_OBJECT, f"{key} is no table metadata: {error}"
            ) from error


def _updates(found: TableMetadata, wanted: TableMetadata) -> Iterator[TableUpdate]:
    """What leads from one state of a table to another, in an order that holds at each step."""
    schemas = {schema.schema_id for schema in found.schemas}
    for schema in wanted.schemas:
        if schema.schema_id not in schemas:
            yield AddSchemaUpdate(schema_=schema)
    if found.current_schema_id != wanted.current_schema_id:
        yield SetCurrentSchemaUpdate(schema_id=wanted.current_schema_id)
    changed = {k: v for k, v in wanted.properties.items() if found.properties.get(k) != v}
    if changed:
        yield SetPropertiesUpdate(updates=changed)
    gone = sorted(found.properties.keys() - wanted.properties.keys())
    if gone:
        yield RemovePropertiesUpdate(removals=gone)
    known = {snapshot.snapshot_id for snapshot in found.snapshots}
    for snapshot in sorted(wanted.snapshots, key=lambda one: one.sequence_number or 0):
        if snapshot.snapshot_id not in known:
            yield AddSnapshotUpdate(snapshot=snapshot)
    for name, ref in wanted.refs.items():
        if found.refs.get(name) != ref:
            yield SetSnapshotRefUpdate(
                ref_name=name,
                type=ref.snapshot_ref_type,
                snapshot_id=ref.snapshot_id,
                max_ref_age_ms=ref.max_ref_age_ms,
                max_snapshot_age_ms=ref.max_snapshot_age_ms,
                min_snapshots_to_keep=ref.min_snapshots_to_keep,
            )
    for name in sorted(found.refs.keys() - wanted.refs.keys()):
        yield RemoveSnapshotRefUpdate(ref_name=name)
    expired = sorted(known - {snapshot.snapshot_id for snapshot in wanted.snapshots})
    if expired:
        yield RemoveSnapshotsUpdate(snapshot_ids=expired)


def open_elsewhere(
    store: ObjectStore, settings: CatalogSettings, *, is_recorded: bool
) -> Elsewhere | None:
    """The other catalog, if there is one; the first process that is told of one records it.

    Args:
        store: The warehouse's store.
        settings: What this process is told.
        is_recorded: Whether the warehouse says that there is one.

    Raises:
        InvalidInput: This process is told of another one than the warehouse says.
        Unavailable: It does not answer.
    """
    if not is_recorded and settings.uri is None:
        return None
    place = None
    if settings.uri is not None:
        place = Place("rest", settings.uri, settings.warehouse or "", settings.namespace)
        if not is_recorded:
            try:
                store.put(ELSEWHERE, msgspec.json.format(msgspec.json.encode(place), indent=1))
            except AlreadyExists:
                is_recorded = True
    if is_recorded:
        recorded = _recorded(store)
        if place is not None and place != recorded:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"the tables are kept in {recorded.uri}, namespace {recorded.namespace}: set "
                "MERE_CATALOG_URI and its like to that, or leave them out",
            )
        place = recorded
    assert place is not None
    return Elsewhere(RestTables(place, settings), store)


def _recorded(store: ObjectStore) -> Place:
    try:
        return msgspec.json.decode(store.get(ELSEWHERE), type=Place)
    except msgspec.MsgspecError as error:
        raise CorruptData(ErrorCode.BAD_OBJECT, f"{ELSEWHERE} cannot be read: {error}") from error


class RestTables:
    """The tables of one namespace of an Iceberg REST catalog.

    Args:
        place: Which.
        settings: What signs in to it.
    """

    def __init__(self, place: Place, settings: CatalogSettings) -> None:
        from pyiceberg.catalog.rest import RestCatalog
        from pyiceberg.exceptions import NamespaceAlreadyExistsError

        secrets = {"token": settings.token, "credential": settings.credential}
        given = {name: value for name, value in secrets.items() if value}
        if place.warehouse:
            given["warehouse"] = place.warehouse
        self._namespace = tuple(place.namespace.split("."))
        with _translated(place.uri):
            self._catalog = RestCatalog("elsewhere", uri=place.uri, **given)
            try:
                self._catalog.create_namespace(self._namespace)
            except NamespaceAlreadyExistsError:
                return

    def load(self, name: str) -> TableMetadata | None:
        with _translated(name):
            try:
                found: TableMetadata = self._catalog.load_table((*self._namespace, name)).metadata
            except NoSuchTableError:
                return None
        return found

    def register(self, name: str, location: str) -> None:
        with _translated(name):
            self._catalog.register_table((*self._namespace, name), location)

    def commit(
        self,
        name: str,
        requirements: tuple[TableRequirement, ...],
        updates: tuple[TableUpdate, ...],
    ) -> None:
        with _translated(name):
            table = self._catalog.load_table((*self._namespace, name))
            self._catalog.commit_table(table, requirements, updates)

    def drop(self, name: str) -> None:
        with _translated(name):
            try:
                self._catalog.drop_table((*self._namespace, name))
            except NoSuchTableError:
                return


@contextmanager
def _translated(what: str) -> Iterator[None]:
    from pyiceberg.exceptions import TableAlreadyExistsError

    try:
        yield
    except MereError:
        raise
    except (CommitFailedException, TableAlreadyExistsError, NoSuchTableError) as error:
        raise Conflict(
            ErrorCode.ROOT_MOVED, f"another process commits to {what} in the other catalog"
        ) from error
    except Exception as error:  # a foreign library's boundary, with errors of many more libraries
        # Their messages may hold what was sent, so only the kind of error is told.
        raise Unavailable(
            ErrorCode.STORE_UNAVAILABLE,
            f"{what}: the other catalog failed ({type(error).__name__}): look whether it answers, "
            "and at MERE_CATALOG_TOKEN or MERE_CATALOG_CREDENTIAL",
        ) from error
