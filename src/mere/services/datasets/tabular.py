"""Datasets that are tables: each write is one snapshot of one Iceberg table.

The rows of all versions of a name are in the table ``dataset_<slug>``; a version is a snapshot of
it, kept by a tag ``version-<n>``. While the rows pass by on their way to the table, their digest
and profile are taken.

Crash cases: a snapshot whose version was never published is an orphan. The next append notices
that the newest snapshot is not that of the newest version. It waits a moment, as another process
may be about to publish it, and then writes the rows of the newest version and its own anew,
instead of adding to what nobody acknowledged.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec

from mere.entities.dataset import Dataset, DatasetKind
from mere.errors import Conflict, ErrorCode, InvalidInput

if TYPE_CHECKING:
    import pyarrow as pa

    from mere.clock import Clock
    from mere.lake import Lake
    from mere.lake.snapshots import TableSnapshot
    from mere.services.datasets.input import TabularInput
    from mere.services.datasets.versions import DatasetVersions

__all__ = ["DatasetTables", "slug_of", "version_tag"]

_MODES = ("overwrite", "append")
_SLUG_CHARS_MAX = 40
_PROFILED_AGAIN_ROWS_MAX = 1_000_000
_PATIENCE_S = 10.0
_LOOK_AGAIN_S = 0.1


class DatasetTables:
    """The tables of dataset versions.

    Args:
        lake: Where they are stored.
        versions: The versions they belong to.
        clock: For waiting.
    """

    def __init__(self, lake: Lake, versions: DatasetVersions, clock: Clock) -> None:
        self._lake = lake
        self._versions = versions
        self._clock = clock

    def write(
        self,
        name: str,
        data: Any,
        *,
        mode: str = "overwrite",
        tags: dict[str, str] | None = None,
        source: str | None = None,
        source_type: str | None = None,
        run_id: str | None = None,
        created_by: str | None = None,
    ) -> Dataset:
        """Store rows as a new version.

        Rows that are those of the newest version, in their order, make no new version: the newest
        is returned. That is not noticed of a stream, which cannot be read twice.

        Args:
            name: The dataset.
            data: What `read_input` takes.
            mode: ``overwrite``: the rows are the version; ``append``: they are added to those of
                the newest version.
            tags: What else is worth remembering.
            source: Where they come from, without credentials.
            source_type: What kind of place that is.
            run_id: The run that writes them.
            created_by: The account that writes them.

        Raises:
            InvalidInput: They are no table, cannot be stored, or do not fit what they are to be
                appended to.
            Conflict: Others wrote first, and the rows are a stream, which cannot be read twice.
        """
        from mere.services.datasets.input import read_input

        draft = Dataset(
            dataset_id="",
            name=name,
            version=0,
            kind=DatasetKind.TABLE,
            source_type=source_type,
            source=source,
            tags=tags or {},
            run_id=run_id,
            created_by=created_by,
        ).checked()
        if mode not in _MODES:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"mode {mode!r} is unknown: use {' or '.join(_MODES)}",
                mode=mode,
            )
        newest = self._newest(name)
        given = read_input(data)
        if mode == "append" and newest is not None:
            return self._append(given, newest, tags or {}, draft)
        if newest is not None and self._is_in(given, newest):
            self._keep(newest)
            return self._versions.set_tags(newest, tags or {})
        watch = _Watch(given)
        table = self._table_name(name) if newest is None else self._snapshot(newest)[0]
        snapshot = self._lake.write_table(table, watch.reader(), mode="overwrite")
        return self._publish(draft, watch, snapshot)

    def read(self, dataset: Dataset, columns: list[str] | None = None) -> pa.RecordBatchReader:
        """The rows of a version, in bounded memory.

        Raises:
            InvalidInput: It is no table, or has no such column.
            CorruptData: A file of it is missing or damaged.
        """
        table, snapshot_id = self._snapshot(dataset)
        return self._lake.read_table(table, snapshot_id, columns)

    def schema(self, dataset: Dataset) -> pa.Schema:
        """The schema of a version; raises as `read` does."""
        table, snapshot_id = self._snapshot(dataset)
        return self._lake.table_schema(table, snapshot_id)

    def _snapshot(self, dataset: Dataset) -> tuple[str, int]:
        if dataset.table_name is None or dataset.snapshot_id is None:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"dataset {dataset.label} is of kind {dataset.kind} and has no table",
                dataset=dataset.label,
            )
        return dataset.table_name, dataset.snapshot_id

    def _newest(self, name: str) -> Dataset | None:
        newest = self._versions.newest(name)
        if newest is not None and newest.kind is not DatasetKind.TABLE:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"the newest version of dataset {name!r} is of kind {newest.kind}: write the table "
                "under another name",
                name=name,
            )
        return newest

    def _append(
        self, given: TabularInput, base: Dataset, tags: dict[str, str], draft: Dataset
    ) -> Dataset:
        """Add rows to a version; if others are quicker, to the one they have made of it."""
        from mere.services.datasets.input import fit_input

        if given.rows == 0:
            return self._versions.set_tags(base, tags)
        deadline = self._clock.monotonic() + _PATIENCE_S
        while True:
            base = self._newest(base.name) or base
            table, snapshot_id = self._snapshot(base)
            current = self._lake.table_snapshots(table)[-1].snapshot_id
            is_patient = self._clock.monotonic() < deadline
            if current != snapshot_id and is_patient:
                # Somebody has written, and is about to publish it.
                self._clock.sleep(_LOOK_AGAIN_S)
                continue
            watch = _Watch(fit_input(given, self.schema(base)), base)
            if (base.rows or 0) <= _PROFILED_AGAIN_ROWS_MAX:
                watch.profile_first(self.read(base))
            mode, before = "append", None
            if current != snapshot_id:
                mode, before = "overwrite", self.read(base)
            try:
                snapshot = self._lake.write_table(
                    table, watch.reader(before), mode=mode, onto=current
                )
            except Conflict:
                if not given.is_rewindable or not is_patient:
                    raise
                continue
            return self._publish(draft, watch, snapshot)

    def _publish(self, draft: Dataset, watch: _Watch, snapshot: TableSnapshot) -> Dataset:
        from mere.services.datasets.input import schema_columns

        dataset = self._versions.publish(
            msgspec.structs.replace(
                draft,
                digest=watch.digest(),
                source_type=draft.source_type or ("file" if watch.source else None),
                source=draft.source or watch.source,
                table_name=snapshot.table,
                snapshot_id=snapshot.snapshot_id,
                schema=msgspec.json.encode(schema_columns(watch.schema)).decode(),
                profile=msgspec.json.encode(watch.profile()).decode(),
                rows=snapshot.rows,
                bytes=snapshot.bytes,
            )
        )
        self._keep(dataset)
        return dataset

    def _keep(self, dataset: Dataset) -> None:
        table, snapshot_id = self._snapshot(dataset)
        self._lake.keep_snapshot(table, snapshot_id, version_tag(dataset))

    @staticmethod
    def _is_in(given: TabularInput, newest: Dataset) -> bool:
        """Whether the newest version is already what would be written."""
        from mere.services.datasets.digest import TableDigest
        from mere.services.datasets.input import schema_columns

        if not given.is_rewindable or given.rows not in (None, newest.rows):
            return False
        if schema_columns(given.schema) != newest.columns:
            return False
        digest = TableDigest(given.schema)
        for batch in given.batches():
            digest.add(batch)
        return digest.hexdigest() == newest.digest

    def _table_name(self, name: str) -> str:
        """The table of a dataset: readable, and its own for ever."""
        slug, number = slug_of(name), 1
        while True:
            table = "_".join(filter(None, ("dataset", slug, str(number) if number > 1 else "")))
            claim = self._lake.claim("dataset_table", table, {"dataset": name})
            if claim.record.get("dataset") == name:
                return table
            number += 1


class _Watch:
    """Takes digest and profile of rows while they pass by.

    Args:
        given: The rows.
        base: The version they are appended to.
    """

    def __init__(self, given: TabularInput, base: Dataset | None = None) -> None:
        from mere.services.datasets.digest import TableDigest
        from mere.services.datasets.profile import Profiler

        self._given = given
        self._base = base
        self._digest = TableDigest(given.schema)
        self._profiler = Profiler(given.schema)
        self._is_whole = base is None
        self.schema = given.schema
        self.source = given.source

    def profile_first(self, rows: pa.RecordBatchReader) -> None:
        """Take the rows that are there into the profile."""
        for batch in rows:
            self._profiler.add(batch)
        self._is_whole = True

    def reader(self, before: pa.RecordBatchReader | None = None) -> pa.RecordBatchReader:
        """The rows, behind those that are not watched."""
        import pyarrow as pa

        return pa.RecordBatchReader.from_batches(self.schema, chain(before or (), self._batches()))

    def digest(self) -> str:
        """Of the rows; of appended ones, of what was there and of them."""
        digest = self._digest.hexdigest()
        if self._base is None:
            return digest
        return hashlib.sha256(f"{self._base.digest}+{digest}".encode()).hexdigest()

    def profile(self) -> dict[str, Any]:
        from mere.services.datasets.profile import merge_profiles

        profile = self._profiler.result()
        if self._is_whole or self._base is None or self._base.profile is None:
            return profile
        return merge_profiles(msgspec.json.decode(self._base.profile), profile)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        for batch in self._given.batches():
            self._digest.add(batch)
            self._profiler.add(batch)
            yield batch


def slug_of(name: str) -> str:
    """What is left of a name in lower-case ASCII letters, digits and underscores."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:_SLUG_CHARS_MAX].strip("_")


def version_tag(dataset: Dataset) -> str:
    """The tag by which a version's snapshot is kept."""
    return f"version-{dataset.version}"
