"""Series of a log table looked at from afar: pyramids, files without one, and the tail, as one.

`SeriesReader.look` answers with at most so many buckets of equal width for each series of a
window. Over positions they are exact always: buckets of a level lie within those asked for, files
without a pyramid and sparse series are read point by point, and the tail is added. Over moments
they are exact while there are few points; beyond that a bucket of a level, which holds 64
neighbours or more, counts as a whole where its latest point lies, and `Look.is_exact` says so.

**What is new.** A look tells its `Mark`: the root it stood on and how far it saw each writer of
the tail. The next look with that mark reads only what came since: the segments behind it, and the
files that folds added if these took segments that the mark had not seen. It answers with all
buckets that new points fall into, whole; to put them in the place of the old ones is always right,
even where some of them did not change after all. Where rows were erased since, it answers with all
there is: what is gone falls into no bucket that could be told.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mere.errors import CorruptData, ErrorCode, InvalidInput, NotFound
from mere.lake.arrow import from_log
from mere.lake.catalog import EMPTY
from mere.lake.files import in_parallel
from mere.lake.parquet import read_data_file
from mere.lake.pyramid import (
    FINEST_BITS,
    LEVEL_BITS,
    Buckets,
    Floats,
    Ints,
    Points,
    bucket_points,
    merge_buckets,
    pyramid_file,
)
from mere.lake.pyramid_files import (
    Directory,
    directory_of,
    points_of,
    read_directory,
    read_level,
)
from mere.lake.schema import Table
from mere.lake.segment import Segment, SegmentName
from mere.lake.tables import DataFileRef

if TYPE_CHECKING:
    from mere.lake.catalog import Catalog
    from mere.lake.view import TableView, View

__all__ = ["Look", "Mark", "SeriesReader", "Window"]

Name = tuple[str, ...]
Group = tuple[Ints, Ints, Floats]
"""The positions, moments and values of a row group."""

_WIDTH = 4
_DIRECTORIES_KEPT = 2_048
_POINTS_KEPT = 4_000_000
_POINTS_EXACT = 4_000_000
_NEW_ROWS_MAX = 1_000_000
_LEVELS_BUCKETS = 4
_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1


class Mark(NamedTuple):
    """How far a look saw.

    Args:
        root: The number of the root it stood on.
        seen: The last sequence of each writer behind that.
        bits: How wide its buckets were: what is seen later in others is shown whole.
    """

    root: int
    seen: dict[str, int]
    bits: int


@dataclass(frozen=True)
class Window:
    """What is looked at.

    Args:
        names: The series, each a value for every sort column but the last.
        buckets_max: At most so many buckets; 2 at least.
        lower: The least position or moment; by default, that of the first point.
        upper: The greatest.
        origins: Buckets are of moments, counted from that of each series; else of positions.
    """

    names: Sequence[Name]
    buckets_max: int
    lower: int | None = None
    upper: int | None = None
    origins: Sequence[int] | None = None


@dataclass(frozen=True)
class Look:
    """What was seen.

    Args:
        bits: Buckets are ``2**bits`` wide.
        first: The number of the window's first bucket.
        last: The number of its last.
        buckets: Those that hold points, by the place of their series in the window and number.
        points: How many points all series have, also outside the window.
        is_exact: Whether each point was counted in its very bucket.
        is_partial: Whether these are only the buckets that changed since the mark.
        mark: How far it saw.
    """

    bits: int
    first: int
    last: int
    buckets: Buckets
    points: int
    is_exact: bool
    is_partial: bool
    mark: Mark


@dataclass
class _Known:
    """One data file, as far as it was read for this look.

    Args:
        file: What the table says of it.
        directory: Its directory, where it has a pyramid.
        places: The rows of the directory that are wanted.
        series: Which series of the window each of them is.
        points: The points of a file without pyramid, where they are few enough to keep.
    """

    file: DataFileRef
    directory: Directory | None
    places: Ints
    series: Ints
    points: Points | None = None


class _Extents:
    """How many points each series has, and from where to where."""

    def __init__(self, count: int) -> None:
        self.count = np.zeros(count, np.int64)
        self.front = np.full(count, _INT_MAX)
        self.back = np.full(count, _INT_MIN)
        self.since = np.full(count, _INT_MAX)
        self.until = np.full(count, _INT_MIN)

    def add_points(self, points: Points) -> None:
        """Take in points."""
        np.add.at(self.count, points.series, 1)
        np.minimum.at(self.front, points.series, points.position)
        np.maximum.at(self.back, points.series, points.position)
        np.minimum.at(self.since, points.series, points.moment)
        np.maximum.at(self.until, points.series, points.moment)

    def add_directory(self, directory: Directory, places: Ints, series: Ints) -> None:
        """Take in what a directory says of some of its series."""
        np.add.at(self.count, series, directory.count[places])
        np.minimum.at(self.front, series, directory.front[places])
        np.maximum.at(self.back, series, directory.back[places])
        np.minimum.at(self.since, series, directory.since[places])
        np.maximum.at(self.until, series, directory.until[places])


class SeriesReader:
    """Looks at series of one warehouse; for several threads.

    Args:
        catalog: The roots, for marks of older ones.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lock = threading.Lock()
        self._tails: dict[tuple[str, SegmentName], pa.Table] = {}
        self._directories: dict[str, Directory] = {}
        self._groups: dict[tuple[str, int], Group] = {}

    def look(
        self, view: View, table: str, window: Window, since: Mark | None = None
    ) -> Look | None:
        """Look at a window; None where nothing was added to its series since the mark.

        Raises:
            InvalidInput: The table has no pyramid declared.
            CorruptData: A file is damaged or gone.
        """
        one = view.table(table)
        if one.table.pyramid is None:
            raise InvalidInput(ErrorCode.INVALID_VALUE, f"table {table} has no series to look at")
        names = {name: index for index, name in enumerate(window.names)}
        new = None if since is None else self._new(view, one, names, since)
        if new is not None and not len(new):
            return None
        return _Looking(self, view, one, window, names).look(new, since)

    @staticmethod
    def mark(view: View) -> Mark:
        """How far a view sees."""
        return Mark(view.root.number, _seen_of(view), 0)

    def tail(self, view: View, one: TableView, segments: Sequence[Segment]) -> pa.Table:
        """The points in some segments of the tail; each is made into Arrow once.

        Only columns that every version of the table has: whoever grows it changes its schema
        while segments that were made into Arrow before are in the tail still.
        """
        table = one.table
        columns = _columns(table)
        with self._lock:
            held = {(table.name, segment.name) for segment in view.tail}
            self._tails = {
                key: rows
                for key, rows in self._tails.items()
                if key in held or key[0] != table.name
            }
            parts = []
            for segment in segments:
                key = (table.name, segment.name)
                if key not in self._tails:
                    rows = from_log(one.schema, segment.logs.get(table.name, ()))
                    self._tails[key] = rows.select(columns)
                parts.append(self._tails[key])
        return pa.concat_tables(parts) if parts else one.schema.empty_table().select(columns)

    def directory(
        self, view: View, one: TableView, file: DataFileRef, path: str | None
    ) -> Directory | None:
        """The series of a data file: by its pyramid, else found out once by reading it.

        None where some of its rows lack values.

        Args:
            view: The view.
            one: The table.
            file: The file.
            path: Where its pyramid is, if it has one.
        """
        with self._lock:
            found = self._directories.get(file.key)
        if found is not None:
            return found
        found = None
        # One that is damaged is not missed: the points themselves say the same.
        with contextlib.suppress(CorruptData):
            found = None if path is None else read_directory(path, one.table)
        if found is None:
            (path,) = view.reading.files.paths([(file.key, file.size)])
            rows = read_data_file(path, file, one.state, columns=_columns(one.table))
            found = directory_of(one.table, rows)
        if found is not None:
            with self._lock:
                while len(self._directories) >= _DIRECTORIES_KEPT:
                    self._directories.pop(next(iter(self._directories)))
                self._directories[file.key] = found
        return found

    def groups(self, path: str, file: DataFileRef, table: Table, numbers: list[int]) -> list[Group]:
        """Row groups of a data file, decoded; those read last are kept, as charts share them."""
        with self._lock:
            held = {n: self._groups.pop((file.key, n), None) for n in numbers}
        missing = [n for n, group in held.items() if group is None]
        if missing:
            with pq.ParquetFile(path, memory_map=True) as opened:
                for number in missing:
                    rows = opened.read_row_group(number, _columns(table)[-3:])
                    whole = points_of(table, rows, np.zeros(rows.num_rows, np.int64))
                    held[number] = (whole.position, whole.moment, whole.value)
        found = {n: group for n, group in held.items() if group is not None}
        with self._lock:
            self._groups.update({(file.key, n): group for n, group in found.items()})
            kept = sum(len(group[0]) for group in self._groups.values())
            while kept > _POINTS_KEPT and self._groups:
                kept -= len(self._groups.pop(next(iter(self._groups)))[0])
        return [found[number] for number in numbers]

    @staticmethod
    def pyramid_paths(view: View, files: Sequence[DataFileRef]) -> dict[str, str]:
        """Where the pyramids of data files lie on the local disk, by the keys of these."""
        beside = {file.key: pyramid for file in files if (pyramid := pyramid_file(file.key))}
        try:
            return dict(zip(beside, view.reading.files.paths(beside.values()), strict=True))
        except CorruptData:  # one at least is gone
            found = {}
            for key, pyramid in beside.items():
                with contextlib.suppress(CorruptData):
                    (found[key],) = view.reading.files.paths([pyramid])
            return found

    def _new(
        self, view: View, one: TableView, names: dict[Name, int], since: Mark
    ) -> Points | None:
        """The points that came since a mark, perhaps more; None where that cannot be told."""
        if since.root > view.root.number:
            return None
        folded: dict[str, int] = {}
        erased = 0
        old_files: set[str] = set()
        now = one.state.folded
        if since.root != view.root.number:
            try:
                root = self._catalog.read(since.root) if since.root else EMPTY
                old = root.tables.get(one.table.name)
                if old is not None:
                    state = view.reading.iceberg.load(old)
                    folded = state.folded
                    erased = state.erased
                    old_files = {file.key for file in view.reading.iceberg.files(state)}
            except (NotFound, CorruptData):  # that state has expired
                return None
            if one.state.erased != erased:
                return None
        else:
            folded = now

        def is_known(writer: str, sequence: int) -> bool:
            return sequence <= max(since.seen.get(writer, 0), folded.get(writer, 0))

        segments = [
            segment
            for segment in view.tail
            if not is_known(segment.name.writer, segment.name.sequence)
            and segment.name.sequence > now.get(segment.name.writer, 0)
        ]
        parts = [_chosen_points(one.table, self.tail(view, one, segments), names)]
        if not all(is_known(*folded_to) for folded_to in now.items()):
            files = [file for file in one.files if file.key not in old_files]
            if sum(file.rows for file in files) > _NEW_ROWS_MAX:
                return None
            parts += [_whole_file(view, one, file, names) for file in files]
        return Points.concat(parts)


def _whole_file(view: View, one: TableView, file: DataFileRef, names: dict[Name, int]) -> Points:
    """The points of some series in a data file, by their names."""
    order = one.table.sort[:-1]
    wanted = [sorted({name[i] for name in names}) for i in range(len(order))]
    if not all(file.may_hold(i, values) for i, values in enumerate(wanted)):
        return Points.concat(())
    (path,) = view.reading.files.paths([(file.key, file.size)])
    where = {
        column: pa.array(values, one.schema.field(column).type)
        for column, values in zip(order, wanted, strict=True)
    }
    rows = read_data_file(path, file, one.state, where=where, columns=_columns(one.table))
    return _chosen_points(one.table, rows, names)


def _columns(table: Table) -> list[str]:
    """The columns that say all of a point: its series, its position, its moment and its value."""
    assert table.pyramid is not None
    return [*table.sort, table.pyramid.moment, table.pyramid.value]


def _chosen_points(table: Table, rows: pa.Table, names: dict[Name, int]) -> Points:
    """The points of some series among rows of a table."""
    series = _series_of(table, rows, names)
    chosen = np.flatnonzero(series >= 0)
    return points_of(table, rows.take(pa.array(chosen)), series[chosen])


def _series_of(table: Table, rows: pa.Table, names: dict[Name, int]) -> Ints:
    """Which of some series each row belongs to; -1 for none of them."""
    found = np.full(rows.num_rows, -1)
    columns = [rows.column(name).combine_chunks() for name in table.sort[:-1]]
    if not rows.num_rows or not names:
        return found
    candidates = np.ones(rows.num_rows, bool)
    for index, column in enumerate(columns):
        values = pa.array(sorted({name[index] for name in names}), column.type)
        candidates &= pc.is_in(column, values).to_numpy(zero_copy_only=False)
    at = np.flatnonzero(candidates)
    if not len(at):
        return found
    code = np.zeros(len(at), np.int64)
    parts = []
    for column in columns:
        encoded = column.take(pa.array(at)).dictionary_encode()
        indices = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        code = code * len(encoded.dictionary) + indices
        parts.append((encoded.dictionary.to_pylist(), indices))
    starts = np.flatnonzero(np.append(True, code[1:] != code[:-1]))
    known: dict[int, int] = {}
    which = np.empty(len(starts), np.int64)
    for number, start in enumerate(starts.tolist()):
        one = int(code[start])
        if one not in known:
            known[one] = names.get(tuple(words[indices[start]] for words, indices in parts), -1)
        which[number] = known[one]
    found[at] = np.repeat(which, np.diff(starts, append=len(at)))
    return found


class _Looking:
    """One look on its way."""

    def __init__(
        self,
        reader: SeriesReader,
        view: View,
        one: TableView,
        window: Window,
        names: dict[Name, int],
    ) -> None:
        self._reader = reader
        self._view = view
        self._one = one
        self._window = window
        self._names = names
        self._by_moment = window.origins is not None
        self._origins = np.asarray(window.origins or [0] * len(window.names), np.int64)
        self._extents = _Extents(len(window.names))
        self._kept = 0
        self._paths: dict[str, str] = {}
        self._lock = threading.Lock()

    def look(self, new: Points | None, since: Mark | None) -> Look:
        """Look; at the buckets of new points only, where these are known."""
        tail = _chosen_points(
            self._one.table, self._reader.tail(self._view, self._one, self._tail()), self._names
        )
        self._extents.add_points(tail)
        files = self._files()
        self._paths = self._reader.pyramid_paths(self._view, files)
        known = [k for k in in_parallel(self._open, files, _WIDTH) if k is not None]
        bits, first, last = self._grid()
        is_exact = not self._by_moment or self._within(known, bits, first, last) <= _POINTS_EXACT
        touched = None
        if new is not None and since is not None and since.bits == bits:
            touched = self._touched(new, bits, first, last)
        cut = _Cut(bits, first, last, is_exact)
        if touched is not None:
            known, cut = self._narrowed(known, cut, touched)
        parts = in_parallel(lambda one: self._buckets(one, cut), known, _WIDTH)
        parts.append(self._bucket(tail, cut))
        buckets = merge_buckets(parts, by_moment=self._by_moment)
        if touched is not None:
            buckets = buckets.where(_pair_in(buckets.series, buckets.bucket, touched))
        return Look(
            bits,
            first,
            last,
            buckets,
            int(self._extents.count.sum()),
            is_exact,
            touched is not None,
            Mark(self._view.root.number, _seen_of(self._view), bits),
        )

    def _tail(self) -> list[Segment]:
        folded = self._one.state.folded
        return [s for s in self._view.tail if s.name.sequence > folded.get(s.name.writer, 0)]

    def _files(self) -> list[DataFileRef]:
        wanted = [
            sorted({name[i] for name in self._names}) for i in range(len(self._one.table.sort) - 1)
        ]
        return [
            file
            for file in self._one.files
            if wanted and all(file.may_hold(i, values) for i, values in enumerate(wanted))
        ]

    def _open(self, file: DataFileRef) -> _Known | None:
        """What a file has of the window's series: by its directory, or point by point."""
        path = self._paths.get(file.key)
        directory = self._reader.directory(self._view, self._one, file, path)
        if directory is None:
            points = _whole_file(self._view, self._one, file, self._names)
            held = np.unique(points.series)
            with self._lock:
                self._extents.add_points(points)
                self._kept += len(points)
                # What is too much is read again when it is needed.
                kept = points if self._kept <= _POINTS_KEPT else None
            return _Known(file, None, held, held, kept) if len(held) else None
        series = _series_of(self._one.table, directory.names, self._names)
        places = np.flatnonzero(series >= 0)
        with self._lock:
            self._extents.add_directory(directory, places, series[places])
        return _Known(file, directory, places, series[places]) if len(places) else None

    def _within(self, known: list[_Known], bits: int, first: int, last: int) -> float:
        """About how many points of files with pyramids lie in a stretch of moments."""
        lower, upper = float(first << bits), float((last + 1) << bits)
        total = 0.0
        for one in known:
            if one.directory is not None:
                origins = self._origins[one.series]
                since = (one.directory.since[one.places] - origins).astype(np.float64)
                until = (one.directory.until[one.places] - origins).astype(np.float64) + 1
                part = (np.minimum(until, upper) - np.maximum(since, lower)) / (until - since)
                total += float((np.clip(part, 0, 1) * one.directory.count[one.places]).sum())
        return total

    def _grid(self) -> tuple[int, int, int]:
        """The finest buckets that suffice: their bits, and the numbers of the first and last."""
        held = self._extents.count > 0
        window = self._window
        lower, upper = window.lower, window.upper
        if held.any():
            fronts, backs = self._extents.front[held], self._extents.back[held]
            if self._by_moment:
                origins = self._origins[held]
                fronts = self._extents.since[held] - origins
                backs = self._extents.until[held] - origins
            lower = int(fronts.min()) if lower is None else lower
            upper = int(backs.max()) if upper is None else upper
        lower = 0 if lower is None else lower
        upper = lower if upper is None else max(lower, upper)
        bits = 0
        while (upper >> bits) - (lower >> bits) >= window.buckets_max:
            bits += 1
        return bits, lower >> bits, upper >> bits

    def _touched(self, new: Points, bits: int, first: int, last: int) -> Ints:
        """The (series, bucket) of new points within the window, sorted, each once."""
        bucket = self._axis(new) >> bits
        held = (bucket >= first) & (bucket <= last)
        pairs = np.stack([new.series[held], bucket[held]], axis=1)
        return np.unique(pairs, axis=0)

    def _narrowed(self, known: list[_Known], cut: _Cut, touched: Ints) -> tuple[list[_Known], _Cut]:
        """Only the files and the stretch in which something changed."""
        if not len(touched):
            return [], cut
        changed = np.unique(touched[:, 0])
        narrowed = []
        for one in known:
            chosen = np.isin(one.series, changed)
            if not chosen.any():
                continue
            places, series = one.places[chosen], one.series[chosen]
            narrowed.append(_Known(one.file, one.directory, places, series, one.points))
        stretch = touched[:, 1]
        return narrowed, _Cut(cut.bits, int(stretch.min()), int(stretch.max()), cut.is_exact)

    def _axis(self, points: Points) -> Ints:
        return points.moment - self._origins[points.series] if self._by_moment else points.position

    def _bucket(self, points: Points, cut: _Cut) -> Buckets:
        bucket = self._axis(points) >> cut.bits
        held = (bucket >= cut.first) & (bucket <= cut.last)
        if not held.all():
            points, bucket = points.where(held), bucket[held]
        return bucket_points(points, bucket, by_moment=self._by_moment)

    def _buckets(self, one: _Known, cut: _Cut) -> Buckets:
        """The buckets of a file's series, of the coarsest level that is fine enough."""
        if one.directory is None:
            points = one.points
            if points is None:
                points = _whole_file(self._view, self._one, one.file, self._names)
            return self._bucket(points, cut)
        levels = self._levels(one.directory, one.places, cut)
        parts = []
        path = self._paths.get(one.file.key)
        for bits in np.unique(levels).tolist():
            chosen = levels == bits
            places, series = one.places[chosen], one.series[chosen]
            if bits >= 0 and path is not None:
                parts.append(self._from_level(path, bits, places, series, cut))
            else:
                parts.append(self._bucket(self._slices(one, places, series, cut), cut))
        return Buckets.concat(parts)

    def _levels(self, directory: Directory, places: Ints, cut: _Cut) -> Ints:
        """The bits of the level to read for each series; -1 to read its points."""
        finest, coarsest = directory.finest[places], directory.coarsest[places]
        if not self._by_moment:
            fitting = cut.bits - (cut.bits - FINEST_BITS) % LEVEL_BITS
            level = np.minimum(coarsest, fitting)
            return np.where((finest >= 0) & (finest <= level), level, -1)
        if cut.is_exact:
            return np.full(len(places), -1)
        wanted = np.maximum(1, _LEVELS_BUCKETS * self._window.buckets_max)
        span = (directory.back[places] - directory.front[places]).astype(np.float64) + 1
        bits = np.floor(np.log2(np.maximum(1, span / wanted))).astype(np.int64)
        level = np.maximum(finest, np.minimum(coarsest, bits - (bits % LEVEL_BITS)))
        return np.where(finest >= 0, level, -1)

    def _from_level(self, path: str, bits: int, places: Ints, series: Ints, cut: _Cut) -> Buckets:
        level = read_level(path, bits, places)
        level = level.replaced(series=series[np.searchsorted(places, level.series)])
        if self._by_moment:
            bucket = (level.until - self._origins[level.series]) >> cut.bits
        elif bits <= cut.bits:
            bucket = level.bucket >> (cut.bits - bits)
        held = (bucket >= cut.first) & (bucket <= cut.last)
        return level.replaced(bucket=bucket).where(held)

    def _slices(self, one: _Known, places: Ints, series: Ints, cut: _Cut) -> Points:
        """The points of some series of a file that has a directory: the row groups they lie in."""
        assert one.directory is not None
        table, file = self._one.table, one.file
        (path,) = self._view.reading.files.paths([(file.key, file.size)])
        starts = one.directory.row[places]
        ends = starts + one.directory.count[places]
        near, far = cut.first << cut.bits, ((cut.last + 1) << cut.bits) - 1
        if self._by_moment:
            near += int(self._origins[series].min())
            far += int(self._origins[series].max())
        axis = _columns(table)[-2 if self._by_moment else -3]
        try:
            spans = _groups(pq.read_metadata(path), starts, ends, axis, (near, far))
            groups = self._reader.groups(path, file, table, [number for number, _, _ in spans])
        except (pa.ArrowException, OSError) as error:
            raise CorruptData(
                ErrorCode.BAD_OBJECT, f"data file {file.key} cannot be read: {error}", key=file.key
            ) from error
        parts = []
        for (_, begin, end), group in zip(spans, groups, strict=True):
            for place in np.flatnonzero((starts < end) & (ends > begin)).tolist():
                held = slice(max(starts[place] - begin, 0), min(ends[place], end) - begin)
                parts.append((series[place], [column[held] for column in group]))
        if not parts:
            return Points.concat(())
        lengths = [len(columns[0]) for _, columns in parts]
        return Points(
            np.repeat(np.array([which for which, _ in parts]), lengths),
            *(np.concatenate([columns[i] for _, columns in parts]) for i in range(3)),
        )


@dataclass(frozen=True)
class _Cut:
    """The buckets to be read: their bits, and the numbers of the first and the last."""

    bits: int
    first: int
    last: int
    is_exact: bool


def _groups(
    metadata: pq.FileMetaData,
    starts: Ints,
    ends: Ints,
    axis: str,
    reach: tuple[int, int],
) -> list[tuple[int, int, int]]:
    """The row groups that hold some rows, with the numbers of the first row and behind the last.

    Those are left out in which nothing is within reach.
    """
    column = [metadata.schema.column(i).path for i in range(metadata.num_columns)].index(axis)
    found = []
    begin = 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        end = begin + group.num_rows
        if ((starts < end) & (ends > begin)).any():
            held = group.column(column).statistics
            is_bounded = held is not None and held.has_min_max
            if not is_bounded or (held.max_raw >= reach[0] and held.min_raw <= reach[1]):
                found.append((number, begin, end))
        begin = end
    return found


def _pair_in(series: Ints, bucket: Ints, pairs: Ints) -> Any:
    """Which (series, bucket) are among some pairs."""
    wanted = {(int(one), int(number)) for one, number in pairs}
    given = zip(series.tolist(), bucket.tolist(), strict=True)
    return np.fromiter((pair in wanted for pair in given), bool, len(series))


def _seen_of(view: View) -> dict[str, int]:
    """The last sequence of each writer in a view's tail."""
    seen: dict[str, int] = {}
    for segment in view.tail:
        name = segment.name
        seen[name.writer] = max(name.sequence, seen.get(name.writer, 0))
    return seen
