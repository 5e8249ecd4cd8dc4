"""Iceberg v2 metadata on the object store: read, and staged for a root to publish.

Staging writes a manifest, a manifest list and a metadata file and publishes nothing: the new
metadata counts once a root names it. Each commit writes exactly one manifest, which lists the
files added, those removed and those that were neighbours of a removed one. Locations inside the
metadata begin with the warehouse's recorded location; keys are relative to it, so a warehouse
that was copied elsewhere still opens here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

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
from mere.lake.remembered import Remembered
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

_STATE_BYTES = 64 << 10
_STATES_BYTES_MAX = 16 << 20
"""Of states that no view holds. In memory a state is the objects made of its schema and snapshots,
60 to 150 KB, and how far each writer is folded, as text and as numbers: 1.5 times its file."""
_ENTRIES_MAX = 16_384
"""Each is 3 KB: the bounds of a file's columns, above all."""
_MANIFESTS_MAX = 8_192
_STAMPED_ROWS_MAX = 65_536
_KEYS_MAX = 1_000_000
"""Keys of files, each as one text however many manifests and states name it."""


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
        self._states = Remembered[TableState](_STATES_BYTES_MAX)
        self._held: WeakValueDictionary[str, TableState] = WeakValueDictionary()
        """What somebody holds anyway, as a view its tables: those are never loaded twice."""
        self._lists = Remembered[list[ManifestFile]](_MANIFESTS_MAX)
        self._entries = Remembered[list[ManifestEntry]](_ENTRIES_MAX)
        self._stamps = Remembered[dict[Key, RowStamps]](_STAMPED_ROWS_MAX)
        self._files = Remembered[tuple[str, ...]](_KEYS_MAX)
        self._needed = Remembered[tuple[tuple[str, ...], ...]](_KEYS_MAX)

    def load(self, location: str) -> TableState:
        """Read the table whose metadata file has this key.

        Raises:
            CorruptData: The file is missing or is no table of ours.
        """
        state = self._states.get(location) or self._held.get(location)
        if state is None:
            try:
                text = self._store.get(location)
                metadata = TableMetadataUtil.parse_raw(text.decode())
                table = Table.from_json(metadata.properties[PROPERTY_TABLE])
            except NotFound as error:
                raise _bad(location, "is gone, though a root names it", error) from error
            except (ValidationError, ValueError, KeyError) as error:
                raise _bad(location, f"is no table metadata of mere: {error}", error) from error
            state = self._held[location] = TableState(table, metadata, location)
            self._states.put(location, state, _STATE_BYTES + len(text) * 3 // 2)
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
            self._lists.put(snapshot.manifest_list, found, 1 + len(found))
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
            self._stamps.put(ref.key, found, 1 + len(found))
        return found

    def references(self, state: TableState, *, history: bool = False) -> set[str]:
        """Every key the table needs, its metadata file included.

        Args:
            state: The table.
            history: For all snapshots its metadata lists, not for the current one alone.
        """
        current = state.metadata.current_snapshot()
        snapshots = state.metadata.snapshots if history else [current] if current else []
        return _with_pyramids(self._parts(state, snapshots))

    def references_at(self, location: str) -> set[str]:
        """Every key that the table with this metadata file needs, as `references` has them.

        For whoever asks for those of all roots again and again: what a state refers to is far
        smaller than the state, most of it is what others refer to, and it is read only once.
        """
        parts = self._needed.get(location)
        if parts is None:
            state = self.load(location)
            current = state.metadata.current_snapshot()
            parts = tuple(self._parts(state, [current] if current else []))
            self._needed.put(location, parts, len(parts) + len(parts[0]))
        return _with_pyramids(parts)

    def _parts(self, state: TableState, snapshots: Sequence[Snapshot]) -> list[tuple[str, ...]]:
        """Keys that some snapshots of a table need: its own, and those of each manifest's files."""
        own = [state.location, *(ref.key for ref in state.stamps)]
        parts = []
        for snapshot in snapshots:
            own.append(self.key(snapshot.manifest_list))
            for manifest in self._manifests_of(snapshot):
                own.append(self.key(manifest.manifest_path))
                parts.append(self._files_in(manifest))
        return [tuple(map(sys.intern, own)), *parts]

    def _files_in(self, manifest: ManifestFile) -> tuple[str, ...]:
        path = manifest.manifest_path
        found = self._files.get(path)
        if found is None:
            entries = self._manifest_entries(manifest)
            found = tuple(sys.intern(self._key_of(entry)) for entry in entries)
            self._files.put(path, found, 1 + len(found))
        return found

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
        return TableState(table, metadata.model_copy(update={"last_updated_ms": 0}), "")

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
        return TableState(table, metadata.model_copy(update={"last_updated_ms": 0}), "")

    def with_schema(self, state: TableState, schema: Schema) -> TableState:
        """The table with a schema as its current one, not stored anywhere yet."""
        if schema.schema_id == state.metadata.current_schema_id:
            return state
        updates: list[TableUpdate] = [SetCurrentSchemaUpdate(schema_id=schema.schema_id)]
        if all(schema.schema_id != known.schema_id for known in state.metadata.schemas):
            updates.insert(0, AddSchemaUpdate(schema_=schema))
        metadata = _updated(state.metadata, updates, state.metadata.last_updated_ms)
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
        metadata = _updated(state.metadata, updates, state.metadata.last_updated_ms)
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
        return self.stage_updates(state, updates, snapshot.timestamp_ms)

    def stage_expiry(self, state: TableState, before_ms: int, at_ms: int) -> str:
        """Write metadata without the snapshots older than a moment; a root has to publish it."""
        old = self.expirable(state, before_ms)
        return self.stage_updates(state, [RemoveSnapshotsUpdate(snapshot_ids=old)], at_ms)

    @staticmethod
    def expirable(state: TableState, before_ms: int) -> list[int]:
        """The ids of snapshots older than a moment, but for the current one."""
        current = state.metadata.current_snapshot_id
        return [
            snapshot.snapshot_id
            for snapshot in state.metadata.snapshots
            if snapshot.timestamp_ms < before_ms and snapshot.snapshot_id != current
        ]

    def stage_updates(self, state: TableState, updates: Sequence[TableUpdate], at_ms: int) -> str:
        """Write metadata with some changes and return its key; a root has to publish it."""
        return self.stage_metadata(state.table, _updated(state.metadata, updates, at_ms))

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
            self._entries.put(path, found, 1 + len(found))
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


def _updated(metadata: TableMetadata, updates: Iterable[TableUpdate], at_ms: int) -> TableMetadata:
    """Metadata with some changes, at a time given: pyiceberg would ask the machine for it."""
    changed = update_table_metadata(metadata, tuple(updates))
    return changed.model_copy(update={"last_updated_ms": max(at_ms, metadata.last_updated_ms)})


def _with_pyramids(parts: Iterable[Iterable[str]]) -> set[str]:
    """Keys, and those of the pyramids that lie beside the data files among them."""
    keys = {key for part in parts for key in part}
    pyramids = (pyramid_file(key) for key in keys)
    return keys | {pyramid[0] for pyramid in pyramids if pyramid is not None}


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
