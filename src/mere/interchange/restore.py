"""Takes a portable folder back, into any warehouse, as often as one likes.

The archive is read as any other source is; beside that come the things only mere has: lineage,
dataset versions with their data, and the objects of code and environments. Ids are kept.
Experiments are found by their names. A dataset version whose number is another's here gets the
next one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mere.entities.dataset import Dataset, DatasetKind
from mere.interchange.archive import ArchiveFile, read_manifest, verified
from mere.interchange.foreign import (
    ConsoleLine,
    ForeignExperiment,
    ForeignFile,
    ForeignModels,
    ForeignRun,
    Stretch,
)
from mere.interchange.importer import import_source
from mere.interchange.report import ImportReport, OnProgress
from mere.services.imports import Imports, chunks

if TYPE_CHECKING:
    import pyarrow as pa

    from mere.services.warehouse import Warehouse

__all__ = ["import_archive"]

_ROWS_AT_ONCE = 50_000
_GROUPS_KEPT = 4
_OWNERS_AT_ONCE = 1_000
_OTHER_COLUMNS = frozenset(
    {
        "run_id",
        "experiment_id",
        "params",
        "tags",
        "metrics",
        "metric_summary",
        "created_at",
        "updated_at",
    }
)
_STAMPS = ("created_at", "updated_at")


def import_archive(
    folder: Path, warehouse: Warehouse, *, artifacts: bool, on_progress: OnProgress
) -> ImportReport:
    """Take an archive back.

    Args:
        folder: The archive.
        warehouse: Where to.
        artifacts: Whether files of runs and models are taken, too.
        on_progress: Told now and then how far it is.

    Raises:
        NotFound: It is no finished export.
        InvalidInput: It is of a newer format.
        CorruptData: A file is missing or not what was exported. Tables are verified before
            anything is written.
        Unavailable: The store did not answer: import again.
    """
    source = _Archive(folder)
    imports = Imports(warehouse.lake, warehouse.clock)
    _put_objects(source, warehouse)
    datasets = _put_datasets(source, imports)
    report = import_source(source, warehouse, artifacts=artifacts, on_progress=on_progress)
    report.datasets = datasets
    imports.merge("lineage", source.rows("lineage"))
    if artifacts:
        _date_artifacts(source, imports)
    for kind, count in source.manifest.left_out.items():
        report.leave_out(f"{kind}, left out of the export", count)
    return report


class _Archive:
    """An archive as a source; its tables are verified when it is opened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = read_manifest(folder)
        self._tables = {
            file.path.removeprefix("tables/").removesuffix(".parquet"): verified(folder, file)
            for file in self.manifest.tables
        }
        self.files_by_path = {file.path: file for file in self.manifest.files}
        self._runs: dict[str, list[dict[str, Any]]] = {}
        self._sorted: dict[str, _SortedFile] = {}

    @property
    def label(self) -> str:
        return str(self.folder)

    def rows(self, name: str) -> list[dict[str, Any]]:
        """All rows of a small table, without the stamps that each warehouse gives."""
        if name not in self._tables:
            return []
        table = self.read(name)
        kept = [column for column in table.column_names if column not in _STAMPS]
        rows: list[dict[str, Any]] = table.select(kept).to_pylist(maps_as_pydicts="lossy")
        return rows

    def read(self, name: str) -> pa.Table:
        """A small table."""
        import pyarrow.parquet as pq

        return pq.ParquetFile(self._tables[name]).read()

    def batches(self, name: str) -> Any:
        """A table as a stream of batches."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        file = pq.ParquetFile(self._tables[name])
        return pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches())

    def experiments(self) -> Iterator[ForeignExperiment]:
        for row in self.rows("runs"):
            self._runs.setdefault(row["experiment_id"], []).append(row)
        for row in self.rows("experiments"):
            yield ForeignExperiment(
                key=row["experiment_id"],
                name=row["name"],
                wanted_id=row["experiment_id"],
                lifecycle=row["lifecycle"] or "active",
                tags=row["tags"] or {},
            )

    def runs(self, experiment: ForeignExperiment) -> Iterator[ForeignRun]:
        for row in self._runs.pop(experiment.key, ()):
            yield ForeignRun(
                run_id=row["run_id"],
                key=row["run_id"],
                columns={name: value for name, value in row.items() if name not in _OTHER_COLUMNS},
                params=row["params"] or {},
                tags=row["tags"] or {},
            )

    def points(self, run: ForeignRun) -> Iterator[Stretch]:
        for part in self._of("metrics", run.run_id):
            rows = part.to_pydict()
            begin = 0
            keys = rows["key"]
            times = part.column("timestamp").cast("int64").to_pylist()
            while begin < len(keys):
                end = begin
                while end < len(keys) and keys[end] == keys[begin]:
                    end += 1
                yield Stretch(
                    keys[begin],
                    rows["step"][begin:end],
                    times[begin:end],
                    rows["value"][begin:end],
                    rows["logged_model_id"][begin:end],
                    rows["dataset_id"][begin:end],
                )
                begin = end

    def console(self, run: ForeignRun) -> Iterator[ConsoleLine]:
        for part in self._of("console", run.run_id):
            rows = part.to_pydict()
            times = part.column("timestamp").cast("int64").to_pylist()
            for stream, at, text, process in zip(
                rows["stream"], times, rows["text"], rows["process"], strict=True
            ):
                yield ConsoleLine(stream, at, text, process)

    def files(self, run: ForeignRun) -> Iterator[ForeignFile]:
        return self.model_files(run.run_id)

    def models(self, experiments: dict[str, str]) -> ForeignModels:
        logged = self.rows("logged_models")
        for row in logged:
            row["experiment_id"] = experiments.get(row["experiment_id"], row["experiment_id"])
        return ForeignModels(
            logged=logged,
            registered=self.rows("registered_models"),
            versions=self.rows("model_versions"),
            aliases=self.rows("model_aliases"),
            locations={row["model_id"]: row["model_id"] for row in logged},
        )

    def model_files(self, location: str) -> Iterator[ForeignFile]:
        for row in (row for part in self._of("artifacts", location) for row in part.to_pylist()):
            path = f"artifacts/{row['owner']}/{row['path']}"
            file = self.files_by_path.get(path)
            if file is None:
                continue  # gone when it was exported, which the manifest says
            yield ForeignFile(
                path=row["path"],
                local=verified(self.folder, file),
                size=row["size"],
                digest=row["digest"],
                kind=row["kind"],
                media_type=row["media_type"],
                step=row["step"],
                caption=row["caption"],
            )

    def left_out(self) -> dict[str, int]:
        return {}

    def close(self) -> None:
        return

    def _of(self, name: str, key: str) -> Iterator[pa.Table]:
        if name in self._tables:
            if name not in self._sorted:
                self._sorted[name] = _SortedFile(self._tables[name])
            yield from self._sorted[name].rows_of(key)


class _SortedFile:
    """A Parquet file sorted by its first column: rows of one key, without reading all of it."""

    def __init__(self, path: Path) -> None:
        import pyarrow.parquet as pq

        self._file = pq.ParquetFile(path)
        self._bounds = [
            self._file.metadata.row_group(number).column(0).statistics
            for number in range(self._file.metadata.num_row_groups)
        ]
        self._decoded: OrderedDict[int, pa.Table] = OrderedDict()

    def rows_of(self, key: str) -> Iterator[pa.Table]:
        """The rows of a key, some at a time."""
        import pyarrow.compute as pc

        for number, bounds in enumerate(self._bounds):
            has_bounds = bounds is not None and bounds.has_min_max
            if has_bounds and not bounds.min <= key <= bounds.max:
                continue
            table = self._group(number)
            found = table.filter(pc.equal(table.column(0), key))
            for begin in range(0, found.num_rows, _ROWS_AT_ONCE):
                yield found.slice(begin, _ROWS_AT_ONCE)

    def _group(self, number: int) -> pa.Table:
        if number not in self._decoded:
            self._decoded[number] = self._file.read_row_group(number)
            if len(self._decoded) > _GROUPS_KEPT:
                self._decoded.popitem(last=False)
        self._decoded.move_to_end(number)
        return self._decoded[number]


def _put_objects(source: _Archive, warehouse: Warehouse) -> None:
    def put(file: ArchiveFile) -> None:
        path = verified(source.folder, file)
        key = f"objects/{file.digest}"  # what it is called in the folder proves nothing
        if not warehouse.lake.blobs.exists(key):
            warehouse.lake.blobs.put_file(key, path, size=file.size, digest=file.digest)

    objects: Iterable[ArchiveFile] = (
        file for file in source.manifest.files if file.path.startswith("objects/")
    )
    warehouse.lake.blobs.each(objects, put, width=4)


def _date_artifacts(source: _Archive, imports: Imports) -> None:
    """Say of the files when they were logged; that they were imported now is of no interest."""
    columns = ("owner", "path", "logged_at")
    for rows in chunks(source.rows("artifacts"), _OWNERS_AT_ONCE):
        owners = sorted({row["owner"] for row in rows})
        there = {
            (row["owner"], row["path"], row["digest"])
            for row in imports.rows("artifacts", owner=owners)
        }
        imports.merge(
            "artifacts",
            [
                {name: row.get(name) for name in columns}
                for row in rows
                if (row["owner"], row["path"], row["digest"]) in there
            ],
        )


def _put_datasets(source: _Archive, imports: Imports) -> int:
    names = {file.path for file in source.manifest.tables}
    rows = sorted(source.rows("datasets"), key=lambda row: (row["name"], row["version"] or 0))
    for row in rows:
        known = {name: value for name, value in row.items() if value is not None}
        try:
            dataset = msgspec.convert(known, Dataset)
        except msgspec.ValidationError:  # written by another client, and no version of ours
            imports.merge("datasets", [row])
            continue
        data = None
        if dataset.kind is DatasetKind.TABLE:
            table = f"datasets/{dataset.dataset_id}"
            data = source.batches(table) if f"tables/{table}.parquet" in names else None
        imports.adopt_dataset(dataset, data)
    return len(rows)
