"""Bulk tables: Iceberg tables that are written whole, snapshot by snapshot, beside the journal.

They hold datasets. Nobody waits for one row of them, so their rows bypass the journal: files are
written first, then metadata, and a root publishes both, as a fold does with records. Each write is
one snapshot. Snapshots are versions that somebody may want, so upkeep neither expires nor compacts
them; they go when `drop_snapshots` or `drop_table` is called, and their files when no root refers
to them any more.

**Races.** A root that somebody else publishes meanwhile (`Conflict`) changes nothing for us as long
as the table itself is where it was: what is staged is valid on top of any root, and is published
again. If the table did change, new metadata is made on top of it: an append adds its rows to
those that are there now, an overwrite replaces them, a tag or a drop is applied to them. Data files
are kept, unless the field ids in them mean other columns now; then they are written again.
So of two writers both succeed, one after the other, and a fold neither loses nor doubles a write.

**Crashes.** Before the root: orphans. After it: all is done. Whoever is told `Unavailable` does not
know whether the root was published, and looks at `snapshots` before trying again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.refs import MAIN_BRANCH, SnapshotRefType
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.table.update import (
    RemoveSnapshotRefUpdate,
    RemoveSnapshotsUpdate,
    SetSnapshotRefUpdate,
    update_table_metadata,
)

from mere.errors import AlreadyExists, Conflict, ErrorCode, InvalidInput, NotFound, Unavailable
from mere.lake.bulk_files import read_files, write_files
from mere.lake.bulk_schema import conform, first_schema, next_schema, plain_schema, stored_schema
from mere.lake.catalog import EMPTY, Root
from mere.lake.iceberg import Iceberg
from mere.lake.merge import Reading
from mere.lake.snapshots import TableSnapshot
from mere.lake.tables import BULK_SUFFIX, Commit, DataFileRef, TableState

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile

    from mere.lake.engine import Lake

__all__ = ["BulkTables"]

_ATTEMPTS = 50
_MODES = ("overwrite", "append")
_COUNTS = ("added-", "deleted-", "removed-", "total-", "operation")
_TAG_CHARS_MAX = 200


@dataclass
class _Write:
    """One write on its way: its rows, then the files they have become.

    Args:
        given: The schema as it was given.
        batches: The rows, which can be read once.
        files: The files, when they are written.
        schema: The schema whose field ids are in them.
        started_us: When the first of them was begun.
    """

    given: pa.Schema
    batches: Iterable[pa.RecordBatch]
    files: list[DataFile] | None = None
    schema: Schema | None = None
    started_us: int = 0


class BulkTables:
    """The bulk tables of a lake; safe for use by several threads.

    Args:
        lake: The lake.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._root = EMPTY

    def write(
        self,
        name: str,
        data: pa.Table | pa.RecordBatchReader,
        *,
        mode: str,
        properties: Mapping[str, str] | None,
        onto: int | None,
    ) -> TableSnapshot:
        """Write rows as one snapshot; see `Lake.write_table`."""
        if mode not in _MODES:
            raise _invalid(f"mode {mode!r} is unknown: use {' or '.join(_MODES)}", mode=mode)
        own = {str(key): str(value) for key, value in (properties or {}).items()}
        if taken := [key for key in own if key.startswith(_COUNTS)]:
            raise _invalid(f"property {taken[0]!r} is Iceberg's own: choose another name")
        batches = data.to_batches() if isinstance(data, pa.Table) else data
        write = _Write(data.schema, batches)
        stored_schema(data.schema)

        def change(state: TableState | None, at_ms: int) -> str:
            self._check_onto(name, state, onto)
            return self._stage_write(name, state, write, mode, own, at_ms)

        root = self._commit(name, change, lambda: write.started_us)
        state = self._reading.iceberg.load(root.tables[name])
        snapshot = state.metadata.current_snapshot()
        assert snapshot is not None, "it was just written"
        return _described(state, snapshot, root)

    def read(
        self, name: str, snapshot_id: int | None, columns: Sequence[str] | None
    ) -> pa.RecordBatchReader:
        """Read one snapshot; see `Lake.read_table`."""
        state, snapshot, _ = self._find(name, snapshot_id)
        schema = _schema_of(state, snapshot)
        names = [column.name for column in schema.fields]
        if columns is not None and not columns:
            raise _invalid(f"no column of table {name} is asked for: name one, or give None")
        for column in columns or ():
            if column not in names:
                raise InvalidInput(
                    ErrorCode.UNKNOWN_COLUMN,
                    f"table {name} has no column {column!r}: it has {', '.join(names)}",
                    table=name,
                    column=column,
                )
        iceberg = self._reading.iceberg
        return read_files(self._reading, iceberg.files_of(state, snapshot), schema, columns)

    def files(self, name: str, snapshot_id: int | None) -> list[tuple[str, int, int]]:
        """The files of one snapshot in order; see `Lake.table_files`."""
        state, snapshot, _ = self._find(name, snapshot_id)
        files = self._reading.iceberg.files_of(state, snapshot)
        return [(file.key, file.rows, file.size) for file in files]

    def schema(self, name: str, snapshot_id: int | None) -> pa.Schema:
        """The schema of one snapshot; see `Lake.table_schema`."""
        state, snapshot, _ = self._find(name, snapshot_id)
        return plain_schema(_schema_of(state, snapshot))

    def snapshots(self, name: str) -> list[TableSnapshot]:
        """All snapshots in the order in which they were written; see `Lake.table_snapshots`."""
        state, _, root = self._find(name, None)
        found = sorted(state.metadata.snapshots, key=lambda one: one.sequence_number or 0)
        return [_described(state, snapshot, root) for snapshot in found]

    def keep(self, name: str, snapshot_id: int, tag: str) -> None:
        """Tag a snapshot; see `Lake.keep_snapshot`."""
        _check_tag(tag)

        def change(state: TableState | None, at_ms: int) -> str:
            state = _required(name, state)
            _snapshot_of(state, snapshot_id)
            held = state.metadata.refs.get(tag)
            if held is not None and held.snapshot_id == snapshot_id:
                return state.location
            if held is not None:
                raise AlreadyExists(
                    ErrorCode.TAG_EXISTS,
                    f"tag {tag!r} of table {name} is that of snapshot {held.snapshot_id}: choose "
                    "another name, or release it",
                    tag=tag,
                )
            update = SetSnapshotRefUpdate(
                ref_name=tag,
                type=SnapshotRefType.TAG,
                snapshot_id=snapshot_id,
                max_ref_age_ms=None,
                max_snapshot_age_ms=None,
                min_snapshots_to_keep=None,
            )
            return self._reading.iceberg.stage_updates(state, [update], at_ms)

        self._commit(name, change)

    def release(self, name: str, tag: str) -> None:
        """Take a tag away; see `Lake.release_snapshot`."""
        _check_tag(tag)

        def change(state: TableState | None, at_ms: int) -> str | None:
            if state is None or tag not in state.metadata.refs:
                return state.location if state else None
            update = RemoveSnapshotRefUpdate(ref_name=tag)
            return self._reading.iceberg.stage_updates(state, [update], at_ms)

        self._commit(name, change)

    def drop_snapshots(self, name: str, snapshot_ids: Iterable[int]) -> None:
        """Take snapshots out of a table; see `Lake.drop_snapshots`."""
        doomed = set(snapshot_ids)

        def change(state: TableState | None, at_ms: int) -> str | None:
            if state is None:
                return None
            there = doomed & {one.snapshot_id for one in state.metadata.snapshots}
            if not there:
                return state.location
            metadata = _without(name, state.metadata, there, at_ms)
            return self._reading.iceberg.stage_metadata(state.table, metadata)

        self._commit(name, change)

    def drop(self, name: str) -> None:
        """Remove a table; see `Lake.drop_table`."""
        self._commit(name, lambda _state, _at_ms: None)

    @property
    def _reading(self) -> Reading:
        return self._lake.reading

    def _newest(self) -> Root:
        """The newest root; never an older one than before."""
        root = self._lake.catalog.newest(self._root)
        if root.number > self._root.number:
            self._root = root
        return root

    def _state(self, root: Root, name: str) -> TableState | None:
        location = root.tables.get(name)
        if location is None:
            return None
        if not location.endswith(BULK_SUFFIX):
            raise _invalid(
                f"table {name} holds records, and is no bulk table: choose another name",
                table=name,
            )
        return self._reading.iceberg.load(location)

    def _find(self, name: str, snapshot_id: int | None) -> tuple[TableState, Snapshot, Root]:
        root = self._newest()
        state = _required(name, self._state(root, name))
        if snapshot_id is None:
            snapshot = state.metadata.current_snapshot()
            assert snapshot is not None, "a bulk table has a snapshot"
        else:
            snapshot = _snapshot_of(state, snapshot_id)
        return state, snapshot, root

    def _commit(
        self,
        name: str,
        change: Callable[[TableState | None, int], str | None],
        started_us: Callable[[], int] = lambda: 0,
    ) -> Root:
        """Publish what `change` makes of the table: a key of metadata, or None to remove it.

        `change` is called again only where the table has changed meanwhile.
        """
        lake = self._lake
        if name in lake.declared:
            raise _invalid(f"table {name} is declared to hold records: choose another name")
        staged: tuple[str | None, str | None] | None = None
        staged_us = 0
        for _ in range(_ATTEMPTS):
            root = self._newest()
            state = self._state(root, name)
            location = state.location if state else None
            if staged is None or staged[0] != location:
                staged_us = lake.clock.now_us()
                at_ms = max(staged_us // 1000, root.at_ms + 1)
                staged = (location, change(state, at_ms))
                if lake.catalog.newest(root).number > root.number:
                    continue  # staging took a while: see first whether the table has changed
            if staged[1] == location:
                return root
            tables = {key: value for key, value in root.tables.items() if key != name}
            if staged[1] is not None:
                tables[name] = staged[1]
            self._check_age(started_us() or staged_us)
            try:
                self._root = lake.publish(root, tables, lake.clock.now_us() // 1000)
            except Conflict:
                continue
            return self._root
        raise Unavailable(
            ErrorCode.ROOT_MOVED,
            f"other processes published first {_ATTEMPTS} times: try again later",
        )

    def _check_age(self, started_us: int) -> None:
        """Refuse to publish files so old that they may have been collected as orphans."""
        settings = self._lake.settings
        limit_ms = max(settings.fold_ms_max, settings.orphan_ms // 2)
        took_ms = (self._lake.clock.now_us() - started_us) // 1000
        if took_ms > limit_ms:
            raise Conflict(
                ErrorCode.ROOT_MOVED,
                f"the write took {took_ms} ms, more than {limit_ms}: write again, in smaller parts",
            )

    def _check_onto(self, name: str, state: TableState | None, onto: int | None) -> None:
        current = state.metadata.current_snapshot_id if state else None
        if onto is not None and current != onto:
            raise Conflict(
                ErrorCode.ROOT_MOVED,
                f"table {name} is at snapshot {current} and no longer at {onto}: read it again",
                table=name,
                snapshot_id=current,
            )

    def _stage_write(
        self,
        name: str,
        state: TableState | None,
        write: _Write,
        mode: str,
        properties: dict[str, str],
        at_ms: int,
    ) -> str:
        iceberg = self._reading.iceberg
        if state is None:
            base = iceberg.create_bulk(name, first_schema(stored_schema(write.given)))
        elif mode == "append":
            base = state
            conform(write.given, state.metadata.schema(), name)
        else:
            schema = next_schema(state.metadata, stored_schema(write.given))
            base = iceberg.with_schema(state, schema)
        commit = Commit(mode if state else "append", properties=properties)
        commit.added = self._files(name, base.metadata.schema(), write)
        if mode == "overwrite" and state is not None:
            commit.removed = iceberg.files(state)
        return iceberg.stage(base, commit, at_ms)

    def _files(self, name: str, schema: Schema, write: _Write) -> list[DataFile]:
        """The files of a write, written now, or again where the field ids are others now."""
        if write.files is None or write.schema is None:
            write.started_us = self._lake.clock.now_us()
            write.files = write_files(self._reading, name, schema, write.batches)
        elif write.schema.as_struct() != schema.as_struct():
            old = [_ref(self._reading.iceberg, file) for file in write.files]
            rows = read_files(self._reading, old, write.schema)
            write.files = write_files(self._reading, name, schema, rows)
        write.schema = schema
        return write.files


def _ref(iceberg: Iceberg, file: DataFile) -> DataFileRef:
    key, size = iceberg.key(file.file_path), file.file_size_in_bytes
    return DataFileRef(key, file.record_count, size, (), (), file)


def _required(name: str, state: TableState | None) -> TableState:
    if state is None:
        raise NotFound(
            ErrorCode.OBJECT_NOT_FOUND,
            f"there is no table {name}: it was never written, or was dropped",
            table=name,
        )
    return state


def _snapshot_of(state: TableState, snapshot_id: int) -> Snapshot:
    found = state.metadata.snapshot_by_id(snapshot_id)
    if found is None:
        known = ", ".join(str(one.snapshot_id) for one in state.metadata.snapshots[-10:])
        raise NotFound(
            ErrorCode.OBJECT_NOT_FOUND,
            f"table {state.table.name} has no snapshot {snapshot_id}: the newest are {known}",
            table=state.table.name,
            snapshot_id=snapshot_id,
        )
    return found


def _schema_of(state: TableState, snapshot: Snapshot) -> Schema:
    """The schema that a snapshot was written in, which is that of all its files."""
    schemas = state.metadata.schemas
    return next(one for one in schemas if one.schema_id == snapshot.schema_id)


def _described(state: TableState, snapshot: Snapshot, root: Root) -> TableSnapshot:
    summary = snapshot.summary
    entries: dict[str, Any] = dict(summary.additional_properties) if summary else {}
    tags = (name for name, ref in state.metadata.refs.items() if name != MAIN_BRANCH)
    return TableSnapshot(
        table=state.table.name,
        snapshot_id=snapshot.snapshot_id,
        rows=int(entries.get("total-records", 0)),
        bytes=int(entries.get("total-files-size", 0)),
        files=int(entries.get("total-data-files", 0)),
        root=root.number,
        at=datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC),
        operation=summary.operation.value if summary else "",
        tags=tuple(
            sorted(n for n in tags if state.metadata.refs[n].snapshot_id == snapshot.snapshot_id)
        ),
        properties={k: v for k, v in entries.items() if not k.startswith(_COUNTS)},
    )


def _without(name: str, metadata: TableMetadata, doomed: set[int], at_ms: int) -> TableMetadata:
    """Metadata without some snapshots; where the current one goes, the newest left follows it.

    Raises:
        InvalidInput: A tag holds one of them, or none would be left.
    """
    for tag, ref in metadata.refs.items():
        if tag != MAIN_BRANCH and ref.snapshot_id in doomed:
            raise _invalid(
                f"snapshot {ref.snapshot_id} of table {name} is held by tag {tag!r}: release it "
                "first",
                table=name,
                tag=tag,
            )
    left = [one for one in metadata.snapshots if one.snapshot_id not in doomed]
    if not left:
        raise _invalid(f"no snapshot of table {name} would be left: drop the table", table=name)
    main = metadata.refs[MAIN_BRANCH]
    after = update_table_metadata(metadata, (RemoveSnapshotsUpdate(snapshot_ids=sorted(doomed)),))
    at_ms = max(at_ms, metadata.last_updated_ms)
    changes: dict[str, Any] = {"last_updated_ms": at_ms}
    if main.snapshot_id in doomed:
        newest = max(left, key=lambda one: one.sequence_number or 0)
        changes |= {
            "current_snapshot_id": newest.snapshot_id,
            "current_schema_id": newest.schema_id,
            "refs": {
                **after.refs,
                MAIN_BRANCH: main.model_copy(update={"snapshot_id": newest.snapshot_id}),
            },
        }
    return after.model_copy(update=changes)


def _check_tag(tag: str) -> None:
    if not 0 < len(tag) <= _TAG_CHARS_MAX or tag == MAIN_BRANCH or not tag.isprintable():
        raise _invalid(
            f"tag {tag!r} is no name: use up to {_TAG_CHARS_MAX} printable characters, and not "
            f"{MAIN_BRANCH!r}",
            tag=tag,
        )


def _invalid(message: str, **details: Any) -> InvalidInput:
    return InvalidInput(ErrorCode.INVALID_VALUE, message, **details)
