"""Iceberg v2 metadata on the object store: read, and staged for a root to publish.

Staging writes a manifest, a manifest list and a metadata file and publishes nothing: the new
metadata counts once a root names it. Each commit writes exactly one manifest, which lists the
files added, those removed and those that were neighbours of a removed one. Locations inside the
metadata begin with the warehouse's recorded location; keys are relative to it, so a warehouse
that was copied elsewhere still opens here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from pyiceberg.exceptions import ValidationError
from pyiceberg.manifest import (
    DataFile,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestFile,
    read_manifest_list,
    write_manifest,
    write_manifest_list,
)
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import (
    TableMetadata,
    TableMetadataUtil,
    new_table_metadata,
)
from pyiceberg.table.refs import MAIN_BRANCH, SnapshotRefType
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER
from pyiceberg.table.update import (
    AddSchemaUpdate,
    AddSnapshotUpdate,
    RemoveSnapshotsUpdate,
    SetCurrentSchemaUpdate,
    SetPropertiesUpdate,
    SetSnapshotRefUpdate,
    TableUpdate,
    update_table_metadata,
)

from mere.clock import Clock
from mere.errors import CorruptData, ErrorCode, MereError, NotFound
from mere.lake.iceberg_io import StoreIO
from mere.lake.iceberg_schema import bounds_of, grown_schema, schema_of
from mere.lake.objects.store import ObjectStore
from mere.lake.pyramid import pyramid_file
from mere.lake.records import Key
from mere.lake.rows import RowStamps
from mere.lake.schema import Table
from mere.lake.stamps import decode_stamps
from mere.lake.tables import (
    BULK_SUFFIX,
    PROPERTY_TABLE,
    Commit,
    DataFileRef,
    StampsRef,
    TableState,
    summary_of,
)

__all__ = ["Iceberg"]

_R = TypeVar("_R")


class Iceberg:
    """Reads and stages Iceberg metadata below one warehouse.

    Args:
        store: The object store.
        location: The location recorded in the warehouse, with which every path begins.
        clock: For names; random bits, never the time.
        manifests_max: More manifests than this are merged into one.
        snapshots_kept: How many snapshots one metadata file lists.
    """

    def __init__(
        self,
        store: ObjectStore,
        *,
        location: str,
        clock: Clock,
        manifests_max: int,
        snapshots_kept: int,
    ) -> None:
        self._store = store
        self._location = location
        self._clock = clock
        self._manifests_max = manifests_max
        self._snapshots_kept = snapshots_kept
        self._io = StoreIO(store, location)
        self._states: dict[str, TableState] = {}
        self._entries: dict[str, list[ManifestEntry]] = {}
        self._stamps: dict[str, dict[Key, RowStamps]] = {}
        self._lists: dict[str, list[ManifestFile]] = {}

    def load(self, location: str) -> TableState:
        """Read the table whose metadata file has this key.

        Raises:
            CorruptData: The file is missing or is no table of ours.
        """
        state = self._states.get(location)
        if state is None:
            try:
                text = self._store.get(location)
                metadata = TableMetadataUtil.parse_raw(text.decode())
                table = Table.from_json(metadata.properties[PROPERTY_TABLE])
            except NotFound as error:
                raise _bad(location, "is gone, though a root names it", error) from error
            except (ValidationError, ValueError, KeyError) as error:
                raise _bad(location, f"is no table metadata of mere: {error}", error) from error
            state = TableState(table, metadata, location)
            _remember(self._states, location, state, 256)
        return state

    def files(self, state: TableState) -> list[DataFileRef]:
        """The table's live files, in the order of their lower bounds or, in bulk, as written."""
        if state.table.is_bulk:
            return self.files_of(state, state.metadata.current_snapshot())
        refs = [
            self._ref(state, entry.data_file)
            for manifest in self.manifests(state)
            for entry in self._manifest_entries(manifest)
        ]
        return sorted(refs, key=lambda ref: (tuple(map(_null_first, ref.lower)), ref.key))

    def files_of(self, state: TableState, snapshot: Snapshot | None) -> list[DataFileRef]:
        """The files of one snapshot of a bulk table, in the order in which they were written."""
        entries = [
            entry
            for manifest in (self._manifests_of(snapshot) if snapshot else ())
            for entry in self._manifest_entries(manifest)
        ]
        # Names of files begin with their number in the write, see `bulk_files`.
        entries.sort(key=lambda entry: (entry.sequence_number or 0, self._key_of(entry)))
        return [self._ref(state, entry.data_file) for entry in entries]

    def manifests(self, state: TableState) -> list[ManifestFile]:
        """The manifests of the table's current snapshot."""
        snapshot = state.metadata.current_snapshot()
        return [] if snapshot is None else self._manifests_of(snapshot)

    def _manifests_of(self, snapshot: Snapshot) -> list[ManifestFile]:
        found = self._lists.get(snapshot.manifest_list)
        if found is None:
            file = self._io.new_input(snapshot.manifest_list)
            found = self._read(file.location, lambda: list(read_manifest_list(file)))
            _remember(self._lists, snapshot.manifest_list, found, 256)
        return found

    def stamps(self, ref: StampsRef) -> dict[Key, RowStamps]:
        """The stamps of rows that one fold touched.

        Raises:
            CorruptData: The object is missing or damaged.
        """
        found = self._stamps.get(ref.key)
        if found is None:
            data = self._read(self.path(ref.key), lambda: self._store.get(ref.key))
            found = decode_stamps(ref.key, data)
            _remember(self._stamps, ref.key, found, 64)
        return found

    def references(self, state: TableState, *, history: bool = False) -> set[str]:
        """Every key the table needs, its metadata file included.

        Args:
            state: The table.
            history: For all snapshots its metadata lists, not for the current one alone.
        """
        keys = {state.location, *(ref.key for ref in state.stamps)}
        current = state.metadata.current_snapshot()
        snapshots = state.metadata.snapshots if history else [current] if current else []
        for snapshot in snapshots:
            keys.add(self.key(snapshot.manifest_list))
            for manifest in self._manifests_of(snapshot):
                keys.add(self.key(manifest.manifest_path))
                keys.update(self._key_of(entry) for entry in self._manifest_entries(manifest))
        pyramids = (pyramid_file(key) for key in keys)
        return keys | {pyramid[0] for pyramid in pyramids if pyramid is not None}

    def key(self, location: str) -> str:
        """The key of a path found in metadata.

        Raises:
            CorruptData: The path lies outside the warehouse.
        """
        return self._io.key(location)

    def new_key(self, table: str, suffix: str, folder: str = "data/") -> str:
        """A key for a new file of a table; no two calls give the same."""
        return f"tables/{table}/{folder}{self._random_name()}{suffix}"

    def path(self, key: str) -> str:
        """The path under which metadata refers to a key."""
        return f"{self._location}/{key}"

    def create(self, table: Table) -> TableState:
        """An empty table, not stored anywhere yet."""
        metadata = new_table_metadata(
            schema=schema_of(table),
            partition_spec=UNPARTITIONED_PARTITION_SPEC,
            sort_order=UNSORTED_SORT_ORDER,
            location=self.path(f"tables/{table.name}"),
            properties={
                "format-version": "2",
                PROPERTY_TABLE: table.to_json(),
                "write.metadata.metrics.default": "none",
                **{f"write.metadata.metrics.column.{name}": "full" for name in table.order},
                **({"comment": table.doc} if table.doc else {}),
            },
            table_uuid=UUID(int=self._clock.random_bits(128)),
        )
        return TableState(table, metadata, "")

    def create_bulk(self, name: str, schema: Schema) -> TableState:
        """An empty bulk table, not stored anywhere yet; ids of the schema may change."""
        table = Table(name, (), is_bulk=True)
        metadata = new_table_metadata(
            schema=schema,
            partition_spec=UNPARTITIONED_PARTITION_SPEC,
            sort_order=UNSORTED_SORT_ORDER,
            location=self.path(f"tables/{name}"),
            properties={"format-version": "2", PROPERTY_TABLE: table.to_json()},
            table_uuid=UUID(int=self._clock.random_bits(128)),
        )
        return TableState(table, metadata, "")

    def with_schema(self, state: TableState, schema: Schema) -> TableState:
        """The table with a schema as its current one, not stored anywhere yet."""
        if schema.schema_id == state.metadata.current_schema_id:
            return state
        updates: list[TableUpdate] = [SetCurrentSchemaUpdate(schema_id=schema.schema_id)]
        if all(schema.schema_id != known.schema_id for known in state.metadata.schemas):
            updates.insert(0, AddSchemaUpdate(schema_=schema))
        metadata = update_table_metadata(state.metadata, tuple(updates))
        return TableState(state.table, metadata, state.location)

    def evolve(self, state: TableState, wanted: Table) -> TableState:
        """The table with the columns of `wanted` added, not stored anywhere yet.

        Raises:
            InvalidInput: `wanted` contradicts what is stored.
        """
        merged = wanted.merged_with(state.table)
        if merged == state.table:
            return state
        updates: list[TableUpdate] = [
            SetPropertiesUpdate(updates={PROPERTY_TABLE: merged.to_json()})
        ]
        present = {field.name for field in state.metadata.schema().fields}
        added = [column for column in merged.stored_columns if column.name not in present]
        if added:
            schema = grown_schema(state.metadata, added)
            updates += [
                AddSchemaUpdate(schema_=schema),
                SetCurrentSchemaUpdate(schema_id=schema.schema_id),
            ]
        metadata = update_table_metadata(state.metadata, tuple(updates))
        return TableState(merged, metadata, state.location)

    def stage(self, state: TableState, commit: Commit, at_ms: int) -> str:
        """Write the metadata of a commit and return its key; a root has to publish it.

        Four steps, each a new object or none: nothing that exists is touched, so a crash
        between any two leaves orphans only.
        """
        snapshot_id = self._clock.random_bits(62) + 1
        sequence = state.metadata.next_sequence_number()
        manifests = self._write_manifest(state, commit, snapshot_id)
        list_key = self.new_key(state.table.name, ".avro", "metadata/snap-")
        with write_manifest_list(
            format_version=2,
            output_file=self._io.new_output(self.path(list_key)),
            snapshot_id=snapshot_id,
            parent_snapshot_id=state.metadata.current_snapshot_id,
            sequence_number=sequence,
            avro_compression="deflate",
        ) as writer:
            writer.add_manifests(manifests)
        snapshot = Snapshot(
            snapshot_id=snapshot_id,
            parent_snapshot_id=state.metadata.current_snapshot_id,
            sequence_number=sequence,
            timestamp_ms=max(at_ms, state.metadata.last_updated_ms),
            manifest_list=self.path(list_key),
            summary=summary_of(state, commit),
            schema_id=state.metadata.current_schema_id,
        )
        updates: list[TableUpdate] = [
            AddSnapshotUpdate(snapshot=snapshot),
            SetSnapshotRefUpdate(
                ref_name=MAIN_BRANCH,
                type=SnapshotRefType.BRANCH,
                snapshot_id=snapshot_id,
                max_ref_age_ms=None,
                max_snapshot_age_ms=None,
                min_snapshots_to_keep=None,
            ),
        ]
        count = len(state.metadata.snapshots) + 1 - self._snapshots_kept
        # The snapshots of a bulk table are versions that somebody may want: they stay.
        old = state.metadata.snapshots[: max(0, count)] if not state.table.is_bulk else []
        if old:
            updates.append(RemoveSnapshotsUpdate(snapshot_ids=[s.snapshot_id for s in old]))
        return self.stage_updates(state, updates)

    def stage_expiry(self, state: TableState, before_ms: int) -> str:
        """Write metadata without the snapshots older than a moment; a root has to publish it."""
        old = self.expirable(state, before_ms)
        return self.stage_updates(state, [RemoveSnapshotsUpdate(snapshot_ids=old)])

    @staticmethod
    def expirable(state: TableState, before_ms: int) -> list[int]:
        """The ids of snapshots older than a moment, but for the current one."""
        current = state.metadata.current_snapshot_id
        return [
            snapshot.snapshot_id
            for snapshot in state.metadata.snapshots
            if snapshot.timestamp_ms < before_ms and snapshot.snapshot_id != current
        ]

    def stage_updates(self, state: TableState, updates: Sequence[TableUpdate]) -> str:
        """Write metadata with some changes and return its key; a root has to publish it."""
        return self.stage_metadata(
            state.table, update_table_metadata(state.metadata, tuple(updates))
        )

    def stage_metadata(self, table: Table, metadata: TableMetadata) -> str:
        """Write a table's metadata and return its key; a root has to publish it."""
        version = metadata.next_sequence_number() - 1
        key = f"tables/{table.name}/metadata/{version:05d}-{self._random_name()}"
        key += BULK_SUFFIX if table.is_bulk else ".metadata.json"
        self._store.put(key, metadata.model_dump_json(by_alias=True, exclude_none=True).encode())
        return key

    def _write_manifest(
        self, state: TableState, commit: Commit, snapshot_id: int
    ) -> list[ManifestFile]:
        removed = {file.key for file in commit.removed}
        kept: list[ManifestFile] = []
        absorbed: list[ManifestEntry] = []
        manifests = self.manifests(state)
        is_many = len(manifests) >= self._manifests_max
        for manifest in manifests:
            entries = self._manifest_entries(manifest)
            if is_many or any(self._key_of(entry) in removed for entry in entries):
                absorbed.extend(entries)
            else:
                kept.append(manifest)
        if not (commit.added or absorbed):
            return kept
        key = self.new_key(state.table.name, ".avro", "metadata/")
        with write_manifest(
            format_version=2,
            spec=state.metadata.spec(),
            schema=state.metadata.schema(),
            output_file=self._io.new_output(self.path(key)),
            snapshot_id=snapshot_id,
            avro_compression="deflate",
        ) as writer:
            for data_file in commit.added:
                writer.add(_added(data_file, snapshot_id))
            for entry in absorbed:
                if self._key_of(entry) in removed:
                    writer.delete(entry)
                else:
                    writer.existing(entry)
        return [writer.to_manifest_file(), *kept]

    def _key_of(self, entry: ManifestEntry) -> str:
        return self.key(entry.data_file.file_path)

    def _manifest_entries(self, manifest: ManifestFile) -> list[ManifestEntry]:
        path = manifest.manifest_path
        found = self._entries.get(path)
        if found is None:
            found = self._read(path, lambda: manifest.fetch_manifest_entry(self._io))
            _remember(self._entries, path, found, 1024)
        return found

    def _read(self, path: str, read: Callable[[], _R]) -> _R:
        """Read an Avro file; what is missing or unreadable is named."""
        try:
            return read()
        except NotFound as error:
            raise _bad(self.key(path), "is gone, though the tables refer to it", error) from error
        except MereError:
            raise
        except Exception as error:  # a damaged Avro file raises whatever its bytes lead to
            raise _bad(self.key(path), f"cannot be read: {error!r}", error) from error

    def _ref(self, state: TableState, data_file: DataFile) -> DataFileRef:
        lower, upper = bounds_of(state.metadata.schema(), state.table.order, data_file)
        return DataFileRef(
            self.key(data_file.file_path),
            data_file.record_count,
            data_file.file_size_in_bytes,
            lower,
            upper,
            data_file,
        )

    def _random_name(self) -> str:
        return f"{self._clock.random_bits(96):024x}"


def _added(data_file: DataFile, snapshot_id: int) -> ManifestEntry:
    return ManifestEntry.from_args(
        status=ManifestEntryStatus.ADDED,
        snapshot_id=snapshot_id,
        sequence_number=None,
        file_sequence_number=None,
        data_file=data_file,
    )


def _remember(cache: dict[str, Any], key: str, value: Any, limit: int) -> None:
    """Keep a value that never changes; the oldest goes where there are too many."""
    while len(cache) >= limit:
        cache.pop(next(iter(cache)), None)
    cache[key] = value


def _null_first(value: Any) -> tuple[bool, Any]:
    return (value is not None, value)


def _bad(key: str, what: str, cause: Exception) -> CorruptData:
    error = CorruptData(
        ErrorCode.BAD_OBJECT,
        f"{key} {what}: restore it from a backup, or read an older state with as_of",
        key=key,
    )
    error.__cause__ = cause
    return error
