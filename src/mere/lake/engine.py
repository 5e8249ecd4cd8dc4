"""The engine's face: one object a warehouse, through which everything is written and read.

Heavy libraries (pyarrow, pyiceberg, DuckDB) are loaded by the first read or fold. A process that
only writes needs none of them.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from mere.clock import Clock, HybridClock, SystemClock
from mere.errors import (
    Conflict,
    CorruptData,
    ErrorCode,
    MereError,
    NotFound,
    Unavailable,
)
from mere.lake.blobs import Blobs
from mere.lake.buffered import BufferedWriter
from mere.lake.catalog import Catalog, Root
from mere.lake.claims import Claim, claim_name
from mere.lake.journal import Journal
from mere.lake.objects.open import open_store
from mere.lake.objects.retry import RetryingStore
from mere.lake.objects.store import ObjectStore
from mere.lake.records import Batch
from mere.lake.schema import Table
from mere.lake.sealed import Stream
from mere.lake.segment import Segment, SegmentName
from mere.lake.settings import LakeSettings
from mere.lake.snapshots import TableSnapshot
from mere.lake.warehouse import Warehouse, open_warehouse
from mere.lake.writer import SegmentWriter

if TYPE_CHECKING:
    import pyarrow as pa

    from mere.lake.bulk import BulkTables
    from mere.lake.fold import FoldReport
    from mere.lake.kept import KeptColumns
    from mere.lake.merge import Reading
    from mere.lake.pyramid_reading import Look, Mark, SeriesReader, Window
    from mere.lake.sql import SqlEngine
    from mere.lake.status import LakeStatus
    from mere.lake.upkeep import UpkeepReport
    from mere.lake.view import View
    from mere.lake.views import Views

__all__ = ["AsOf", "Lake", "LakeBatch"]

AsOf = datetime | str | int
"""A moment, a tag, or a root's number."""

_ATTEMPTS = 50


class LakeBatch:
    """Records that become durable and visible together. See `Lake.batch`."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self.records = Batch()

    def append(self, table: str, rows: Any) -> None:
        """Add records of a log table; raises as `Lake.append` does."""
        self.records.append(self._lake.table(table), rows)

    def patch(
        self, table: str, rows: Iterable[Mapping[str, Any]], *, at: int | None = None
    ) -> None:
        """Add patches to a keyed table; raises as `Lake.patch` does."""
        self.records.patch(self._lake.table(table), rows, at=at)

    def delete(self, table: str, keys: Iterable[Any]) -> None:
        """Add tombstones for rows; raises as `Lake.delete` does."""
        self.records.delete(self._lake.table(table), keys)


class Lake:
    """A warehouse, open for writing and reading; safe for use by several threads.

    Use `Lake.open`.
    """

    def __init__(
        self,
        store: ObjectStore,
        warehouse: Warehouse,
        tables: Iterable[Table],
        settings: LakeSettings,
        clock: Clock,
        cache: Path | None,
    ) -> None:
        self.warehouse = warehouse
        self.settings = settings
        self._store = store
        self.blobs = Blobs(store, clock, width=settings.parallel_requests)
        """Plain objects beside the tables."""
        self._clock = clock
        self._declared = {table.name: table for table in tables}
        self._cache = cache
        self._hybrid = HybridClock(clock)
        self._catalog = Catalog(store, clock)
        self._journal = Journal(store, self._hybrid, width=settings.parallel_requests)
        self._hurried = _hurried(store, clock, settings.journal_put_ms)
        self._writer = SegmentWriter(
            self._hurried,
            clock,
            self._hybrid,
            on_segment=self._on_segment,
            is_stored=self._is_stored,
            late_ms=settings.late_ms,
            gather_records_max=settings.gather_records_max,
            idle_ms_max=settings.lost_writer_ms // 2,
        )
        self._buffered: list[BufferedWriter] = []
        self.listeners: set[Callable[[], None]] = set()
        """Called when something was written through this lake; must return at once."""
        self.reset()
        _lakes.add(self)

    def reset(self) -> None:
        """Forget what cannot be shared with a forked child: locks, views, the query engine."""
        self._lock = threading.Lock()
        self._views_parts: Views | None = None
        self._sql_engine: SqlEngine | None = None
        self._bulk_tables: BulkTables | None = None
        self._series_reader: SeriesReader | None = None

    def reset_after_fork(self) -> None:
        """Make the lake usable in a forked child."""
        if self._sql_engine is not None:
            self._sql_engine.abandon()
        self.reset()

    @classmethod
    def open(
        cls,
        url: str,
        *,
        tables: Iterable[Table] = (),
        settings: LakeSettings | None = None,
        clock: Clock | None = None,
        store: ObjectStore | None = None,
        cache: Path | None = None,
    ) -> Lake:
        """Open the warehouse at a URL, and make it where there is none.

        Args:
            url: ``file:///folder``, a plain path, ``s3://bucket/prefix`` or ``memory://name``.
            tables: Tables to write; those in the warehouse are known without being declared.
            settings: Sizes, times and limits.
            clock: Where time and randomness come from.
            store: The store itself, where it is not to be opened from the URL.
            cache: The folder for copies of immutable files; by default the user's.

        Raises:
            InvalidInput: The URL is of no known kind, the warehouse's format is newer than this
                version knows, or the store does not honour put-if-absent.
            Unavailable: The store did not answer.
        """
        clock = clock or SystemClock()
        store = store or open_store(url, clock=clock)
        warehouse = open_warehouse(store, clock, probe_always=store.url.startswith("s3://"))
        return cls(store, warehouse, tables, settings or LakeSettings(), clock, cache)

    # Writing

    def append(self, table: str, rows: Any) -> None:
        """Write records of a log table; returns when they are durable.

        Args:
            table: The table's name.
            rows: Rows as mappings, or a mapping of equally long columns, or an Arrow table.

        Raises:
            InvalidInput: A value does not fit its column; nothing was written.
            Unavailable: The store did not answer. Where ``details["kept"]`` is true the records
                are kept here and sent before the next ones: do not write them again.
        """
        with self.batch() as batch:
            batch.append(table, rows)

    def patch(
        self, table: str, rows: Iterable[Mapping[str, Any]], *, at: int | None = None
    ) -> None:
        """Change rows of a keyed table; returns when the changes are durable.

        Args:
            table: The table's name.
            rows: For each row its key columns and what to set. Map columns merge by key, and None
                removes a key.
            at: The tick of a claim, for a change that must lose to all later ones.

        Raises:
            InvalidInput: As for `append`.
            Unavailable: As for `append`.
        """
        with self.batch() as batch:
            batch.patch(table, rows, at=at)

    def delete(self, table: str, keys: Iterable[Any]) -> None:
        """Remove rows of a keyed table, by key; raises as `append` does."""
        with self.batch() as batch:
            batch.delete(table, keys)

    @contextmanager
    def batch(self, *, ends_stream: bool = False) -> Iterator[LakeBatch]:
        """Gather records of any tables and write them as one, when the block ends well.

        Args:
            ends_stream: This is probably the last that the process writes, as when a run ends.
                Folds then forget the writer within hours, not days.
        """
        batch = LakeBatch(self)
        yield batch
        if batch.records.records:
            self._writer.commit(batch.records, is_last=ends_stream)

    def writer(self, *, interval_ms: int = 1000) -> BufferedWriter:
        """A writer whose calls return at once and which sends at least every `interval_ms`."""
        writer = BufferedWriter(
            self._writer,
            self.table,
            self._clock,
            interval_ms=interval_ms,
            pending_records_max=self.settings.pending_records_max,
        )
        self._buffered.append(writer)
        return writer

    def stream(self) -> Stream:
        """A stream of segments for a sender that keeps what it sends; for one thread."""
        return Stream(
            self._hurried,
            self._clock,
            self._hybrid,
            on_segment=self._on_segment,
            is_stored=self._is_stored,
            scan=self.scan,
            late_ms=self.settings.late_ms,
            lost_writer_ms=self.settings.lost_writer_ms,
            ended_writer_ms=self.settings.ended_writer_ms,
        )

    def tick(self) -> int:
        """A time for a parcel: behind every one this process has seen."""
        return self._hybrid.tick()

    def settle(self) -> None:
        """Send what an earlier failure left open; raises as `append` does."""
        self._writer.settle()

    def claim(self, kind: str, name: str, record: Mapping[str, Any]) -> Claim:
        """Claim a name of a kind, once for all, or learn who has it.

        Raises:
            InvalidInput: The record is no JSON object.
        """
        return claim_name(self._store, self._clock, self._hybrid, kind, name, dict(record))

    def table(self, name: str) -> Table:
        """A table's declaration.

        Raises:
            InvalidInput: It is neither declared nor in the warehouse.
        """
        declared = self._declared.get(name)
        return declared if declared is not None else self.view().table(name).table

    @property
    def tables(self) -> list[str]:
        """The names of all tables, declared or in the warehouse."""
        return sorted(self.view().states)

    # Reading

    def sql(
        self,
        query: str,
        params: Sequence[Any] | Mapping[str, Any] | None = None,
        *,
        as_of: AsOf | None = None,
    ) -> pa.Table:
        """Run a query over all tables, what is not folded yet included.

        Args:
            query: SQL as DuckDB speaks it.
            params: Values for ``?`` (a sequence) or ``$name`` (a mapping).
            as_of: Read the state of a moment, a tag or a root instead. That is what had been
                folded by then.

        Raises:
            InvalidInput: The query is wrong.
            NotFound: There is no state as of then.
            CorruptData: An object the tables refer to is missing or damaged.
        """
        engine = self._sql()
        return self._answer(as_of, lambda view: engine.query(view, query, params))

    def sql_kept(
        self, query: str, params: Mapping[str, Any], table: str, columns: KeptColumns
    ) -> pa.Table:
        """Run a query over columns of a keyed table that are kept in memory; raises as `sql` does.

        The first query with a column reads all of its files, the next ones none: this is for
        questions that are asked again and again. See `mere.lake.kept`.

        Args:
            query: SQL in which ``kept_rows`` has the table's key and these columns.
            params: Values for ``$name``.
            table: The keyed table.
            columns: Expressions over its columns, by the name that they have in the query.
        """
        engine = self._sql()
        return self._answer(
            None, lambda view: engine.query_kept(view, query, params, (table, columns))
        )

    def get(self, table: str, key: Any, *, as_of: AsOf | None = None) -> dict[str, Any] | None:
        """One row of a keyed table as plain values, or None; raises as `sql` does."""
        from mere.lake.rows_out import key_of, public_row

        def answer(view: View) -> dict[str, Any] | None:
            one = view.table(table)
            row = one.get(key_of(one.table, key))
            return None if row is None else public_row(one.table, row)

        found: dict[str, Any] | None = self._answer(as_of, answer)
        return found

    def scan(
        self,
        table: str,
        where: Mapping[str, Any] | None = None,
        columns: Sequence[str] | None = None,
        *,
        as_of: AsOf | None = None,
        is_encoded: bool = False,
    ) -> pa.Table:
        """The rows of a table whose columns hold given values; raises as `sql` does.

        Args:
            table: The table's name.
            where: A value, or a list of values, by column. Files and row groups that cannot hold
                them by their sort columns are not read.
            columns: The columns to return; all of them otherwise.
            as_of: As for `sql`.
            is_encoded: Whether the texts of maps come as Arrow's dictionaries, one for each chunk.
        """
        return self._answer(
            as_of, lambda view: view.table(table).scan(where, columns, is_encoded=is_encoded)
        )

    def look(
        self, table: str, windows: Sequence[tuple[Window, Mark | None]]
    ) -> tuple[Mark, list[Look | None]]:
        """Series of a log table from afar: exact buckets of windows; see `pyramid_reading`.

        Args:
            table: A table with a pyramid.
            windows: Which series, from where to where, in how many buckets; and the mark of an
                earlier look at the same window, where only what changed is wanted.

        Returns:
            How far all this saw, and what is seen in each window: None where nothing changed.

        Raises:
            InvalidInput: The table has no pyramid.
            CorruptData: An object the tables refer to is missing or damaged.
        """
        reader = self._series()

        def answer(view: View) -> tuple[Mark, list[Look | None]]:
            looks = [reader.look(view, table, window, since) for window, since in windows]
            return reader.mark(view), looks

        found: tuple[Mark, list[Look | None]] = self._answer(None, answer)
        return found

    def refresh(self) -> None:
        """Look for what other processes wrote: one listing where there is nothing new."""
        self.view()

    def view(self, *, age_ms_max: int = 0) -> View:
        """The newest state.

        Args:
            age_ms_max: A state this old will do, if nothing was written here since.
        """
        return self._views().current(age_ms_max=age_ms_max)

    def view_as_of(self, as_of: AsOf) -> View:
        """The state as of a moment, a tag or a root.

        Raises:
            NotFound: There is none.
            InvalidInput: A moment without a time zone.
        """
        return self._views().as_of(as_of)

    # Bulk tables

    def write_table(
        self,
        name: str,
        data: pa.Table | pa.RecordBatchReader,
        *,
        mode: str = "overwrite",
        properties: Mapping[str, str] | None = None,
        onto: int | None = None,
    ) -> TableSnapshot:
        """Write rows as one snapshot of a bulk table, which is made where there is none.

        The rows bypass the journal and pass through bounded memory. When this returns, they are
        durable, and whoever reads finds them.

        Args:
            name: The table's name in SQL.
            data: The rows; a reader is read once.
            mode: ``overwrite``: these rows are the table now, with any schema. ``append``: they
                come behind those that are there, and have to fit.
            properties: Kept in the snapshot's summary.
            onto: Write only if this is the table's newest snapshot still.

        Raises:
            InvalidInput: A column cannot be stored, or does not fit; names it. Or the table holds
                records.
            Conflict: The newest snapshot is another than `onto`, or the write took half a day.
            Unavailable: The store did not answer; `table_snapshots` tells whether it was written.
        """
        return self._bulk().write(name, data, mode=mode, properties=properties, onto=onto)

    def read_table(
        self, name: str, snapshot_id: int | None = None, columns: Sequence[str] | None = None
    ) -> pa.RecordBatchReader:
        """The rows of a bulk table in the order in which they were written, batch by batch.

        Args:
            name: The table.
            snapshot_id: Any snapshot that the table keeps; by default, the newest.
            columns: The columns to return; all of them otherwise.

        Raises:
            NotFound: There is no such table or snapshot.
            InvalidInput: There is no such column, or the table holds records.
            CorruptData: Perhaps while it is read: a file is missing or damaged.
        """
        return self._bulk().read(name, snapshot_id, columns)

    def table_schema(self, name: str, snapshot_id: int | None = None) -> pa.Schema:
        """The schema of one snapshot of a bulk table; raises as `read_table` does."""
        return self._bulk().schema(name, snapshot_id)

    def table_files(self, name: str, snapshot_id: int) -> list[tuple[str, int, int]]:
        """The Parquet files of one snapshot of a bulk table, in the order of its rows.

        Returns:
            The key, the number of rows and the bytes of each.

        Raises:
            NotFound: There is no such table or snapshot.
        """
        return self._bulk().files(name, snapshot_id)

    def table_snapshots(self, name: str) -> list[TableSnapshot]:
        """The snapshots of a bulk table, the newest last; raises as `read_table` does."""
        return self._bulk().snapshots(name)

    def keep_snapshot(self, name: str, snapshot_id: int, tag: str) -> None:
        """Tag a snapshot of a bulk table, so that it cannot be dropped.

        Raises:
            NotFound: There is no such table or snapshot.
            AlreadyExists: The tag is that of another snapshot.
            InvalidInput: The tag cannot be one.
        """
        self._bulk().keep(name, snapshot_id, tag)

    def release_snapshot(self, name: str, tag: str) -> None:
        """Take a tag from its snapshot; one that is not there is no error."""
        self._bulk().release(name, tag)

    def drop_snapshots(self, name: str, snapshot_ids: Iterable[int]) -> None:
        """Drop snapshots of a bulk table; those that are not there are no error.

        Where the newest goes, the newest of those left takes its place. Upkeep removes the files
        when no root that is kept refers to them.

        Raises:
            InvalidInput: A tag holds one of them, or none would be left.
        """
        self._bulk().drop_snapshots(name, snapshot_ids)

    def drop_table(self, name: str) -> None:
        """Drop a bulk table, tagged snapshots and all; one that is not there is no error."""
        self._bulk().drop(name)

    # States and upkeep

    def fold(self) -> FoldReport:
        """Move the journal's tail into the Iceberg tables; losing a race is no error.

        Raises:
            CorruptData: A segment or a file is damaged.
            Unavailable: The store did not answer; folding again is safe.
        """
        from mere.lake.fold import Folder, FoldReport, deletable

        folder = Folder(self._catalog, self._clock, self.settings)
        for _ in range(_ATTEMPTS):
            view = self.newest_view()
            todo, root = view.tail, view.root
            doomed = deletable(view)
            if todo:
                try:
                    root = folder.fold(view, self._declared.values())
                except Conflict:
                    continue
                doomed += [segment.name for segment in todo]
            old = [number for number in view.listing.markers if number < root.number]
            if (doomed or old) and view.listing.root < root.number:
                # Where the root is another's, that one was perhaps killed before it could say so.
                self._journal.mark(root.number)
            self._point_hints(root, {name for segment in todo for name in segment.tables})
            self._journal.delete(doomed, markers=old)
            return FoldReport(
                root.number,
                len(todo),
                sum(segment.records for segment in todo),
                tuple(sorted({name for segment in todo for name in segment.tables})),
                len(doomed),
            )
        raise Unavailable(
            ErrorCode.ROOT_MOVED,
            f"other processes published first {_ATTEMPTS} times: fold again later",
        )

    def tag(self, name: str) -> int:
        """Fold, and give the state a name for ever; returns the root's number.

        Raises:
            InvalidInput: The name cannot be one.
            AlreadyExists: The name is that of another state.
        """
        self.fold()
        root = self._catalog.newest()
        return self._catalog.tag(name, root).number

    def tags(self) -> dict[str, int]:
        """The root's number of each tag."""
        return {name: root.number for name, root in self._catalog.tags().items()}

    def roots(self) -> list[Root]:
        """The roots that can be read, in order."""
        found = []
        for number in self._catalog.numbers():
            try:
                found.append(self._catalog.read(number))
            except NotFound:  # expired since it was listed
                continue
        return found

    def erase(self, table: str, values: Collection[str]) -> int:
        """Remove rows of a log table for good, by its first sort column; returns how many.

        Older states keep them until they expire.

        Raises:
            InvalidInput: The table is no sorted log table.
            Unavailable: Other processes were quicker again and again, or the store is away.
        """
        from mere.lake.erase import erase

        return erase(self, table, values)

    def erase_before(self, table: str, before_us: int) -> int:
        """Remove rows of a log table sorted by time that are older; returns how many.

        Older states keep them until they expire.

        Raises:
            InvalidInput: The table is no log table sorted by time.
            Unavailable: Other processes were quicker again and again, or the store is away.
        """
        from mere.lake.erase import erase_before

        return erase_before(self, table, before_us)

    def upkeep(self, *, dry_run: bool = False) -> UpkeepReport:
        """Compact small files, expire old states, collect what nobody refers to.

        Args:
            dry_run: Only say what would be done.
        """
        from mere.lake.upkeep import run_upkeep

        return run_upkeep(self, dry_run=dry_run)

    def give_up_damaged(self) -> list[str]:
        """Give up segments that are damaged or missing, so that the rest can be read again.

        Each is replaced by an empty segment; what is left of a damaged one goes to ``damaged/``.
        Their records are lost. Returns their keys.
        """
        from mere.lake.repair import give_up_damaged

        return give_up_damaged(self)

    def status(self) -> LakeStatus:
        """Sizes and ages, and what lies in the warehouse that is not ours or is damaged."""
        from mere.lake.status import read_status

        return read_status(self)

    def close(self) -> None:
        """Send what is pending and let go of everything; raises as `append` does."""
        try:
            for writer in self._buffered:
                writer.close()
            self._writer.settle()
        finally:
            self.reset()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Inside

    @property
    def store(self) -> ObjectStore:
        """The warehouse's object store."""
        return self._store

    @property
    def catalog(self) -> Catalog:
        """The catalog of roots."""
        return self._catalog

    @property
    def declared(self) -> Mapping[str, Table]:
        """The tables that this process declares, by name."""
        return self._declared

    @property
    def reading(self) -> Reading:
        """Access to the tables' metadata and files."""
        return self._views().reading

    @property
    def clock(self) -> Clock:
        """Where time and randomness come from."""
        return self._clock

    @property
    def journal(self) -> Journal:
        """The reading end of the journal."""
        return self._journal

    def publish(self, parent: Root, locations: Mapping[str, str], at_ms: int) -> Root:
        """Publish a root made elsewhere than in a fold; raises `Conflict` as a fold would."""
        root = self._catalog.publish(parent, dict(locations), at_ms)
        changed = {name for name, key in locations.items() if parent.tables.get(name) != key}
        # The marker tells those who read along; nothing was folded, so nothing is lost without.
        with suppress(Unavailable):
            self._journal.mark(root.number)
        self._point_hints(root, changed)
        return root

    def newest_view(self) -> View:
        """The state on the newest root there is, even where the tail has not changed."""
        return self._views().newest()

    def _on_segment(self, segment: Segment) -> None:
        if self._views_parts is not None:
            self._journal.remember(segment)
            self._views_parts.note_write()
        for tell in list(self.listeners):
            tell()

    def _is_stored(self, name: SegmentName) -> bool:
        """Whether a segment of ours is in the journal, or was there and has been folded."""
        if name in self._journal.look().names:
            return True
        return self.newest_view().folded.get(name.writer, 0) >= name.sequence

    def _answer(self, as_of: AsOf | None, ask: Any) -> Any:
        """Ask a view; if its files were collected meanwhile, ask a newer one."""
        if as_of is not None:
            view = self.view_as_of(as_of)
            try:
                return ask(view)
            except CorruptData:
                self._catalog.confirm(view.root)
                raise
        view = self.view()
        try:
            return ask(view)
        except CorruptData:
            newer = self.newest_view()
            if newer.root.number == view.root.number:
                raise
            return ask(newer)

    def _views(self) -> Views:
        from mere.lake.reading import open_reading
        from mere.lake.views import Views

        with self._lock:
            if self._views_parts is None:
                self._views_parts = Views(
                    open_reading(
                        self._store, self.warehouse, self.settings, self._clock, self._cache
                    ),
                    self._catalog,
                    self._journal,
                    self._hybrid,
                    self._clock,
                    self.settings,
                    self._declared,
                )
            return self._views_parts

    def _bulk(self) -> BulkTables:
        from mere.lake.bulk import BulkTables

        with self._lock:
            if self._bulk_tables is None:
                self._bulk_tables = BulkTables(self)
            return self._bulk_tables

    def _series(self) -> SeriesReader:
        from mere.lake.pyramid_reading import SeriesReader

        with self._lock:
            if self._series_reader is None:
                self._series_reader = SeriesReader(self._catalog)
            return self._series_reader

    def _sql(self) -> SqlEngine:
        from mere.lake.sql import SqlEngine

        with self._lock:
            if self._sql_engine is None:
                self._sql_engine = SqlEngine()
            return self._sql_engine

    def _point_hints(self, root: Root, tables: Iterable[str]) -> None:
        """Tell engines without a catalog where the tables are: a hint, so failing is harmless.

        Whoever is slow would point back at an older root; so it looks again after it has
        written, and follows whoever published meanwhile.
        """
        names = set(tables)
        try:
            while names:
                for name in sorted(names):
                    version = root.tables[name].rpartition("/")[2].removesuffix(".metadata.json")
                    key = f"tables/{name}/metadata/version-hint.text"
                    self._store.put(key, version.encode(), overwrite=True)
                newest = self._catalog.newest(root)
                names = {
                    name
                    for name in names & newest.tables.keys()
                    if newest.tables[name] != root.tables[name]
                }
                root = newest
        except MereError:
            return


def _hurried(store: ObjectStore, clock: Clock, deadline_ms: int) -> ObjectStore:
    """The same store, whose retry gives up earlier."""
    if isinstance(store, RetryingStore):
        return RetryingStore(store.inner, clock, deadline_s=deadline_ms / 1000)
    return store


_lakes: weakref.WeakSet[Lake] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for lake in _lakes:
        lake.reset_after_fork()


os.register_at_fork(after_in_child=_after_fork_in_child)
