"""Writes a selection of a warehouse as a portable folder; see `mere.interchange.archive`.

All tables are of one state of the warehouse. An export that was cut short goes on where it was:
files that are there and whole are kept, tables are written anew, and the manifest comes last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mere.entities.dataset import DatasetKind
from mere.errors import AlreadyExists, ErrorCode, InvalidInput, NotFound
from mere.interchange.archive import MANIFEST, ArchiveFile, Manifest, write_manifest
from mere.interchange.selection import Selection
from mere.lake.blobs import digest_file

if TYPE_CHECKING:
    import pyarrow as pa

    from mere.entities.dataset import Dataset
    from mere.services.warehouse import Warehouse

__all__ = ["ExportReport", "export_runs"]

_POINTS_AT_ONCE = 1_000_000
_RUNS_AT_ONCE = 1_000
_GROUP_ROWS = 65_536


class ExportReport(msgspec.Struct):
    """What an export wrote, counted while it goes on.

    Args:
        folder: Where to.
        runs: How many.
        points: Of their metrics.
        files: Artifacts, and objects of datasets and code.
        datasets: Dataset versions.
        bytes: Of all files and tables together.
        left_out: What the selection needs and the folder does not have, by kind.
    """

    folder: str
    runs: int = 0
    points: int = 0
    files: int = 0
    datasets: int = 0
    bytes: int = 0
    left_out: dict[str, int] = {}


OnExport = Callable[[ExportReport], None]


def export_runs(
    warehouse: Warehouse,
    folder: Path,
    runs: list[str] | None,
    *,
    made_by: str,
    on_progress: OnExport,
) -> ExportReport:
    """Write runs with all that belongs to them.

    Args:
        warehouse: Where they are.
        folder: Where to; it may hold an export that was cut short, and nothing else.
        runs: Their ids; None for all.
        made_by: The version of mere, for the manifest.
        on_progress: Told now and then what has been written.

    Raises:
        AlreadyExists: The folder holds a finished export.
        InvalidInput: The folder holds other files, or cannot be written.
        CorruptData: A stored file is not what was logged.
    """
    _prepare(folder)
    root = warehouse.lake.fold().root
    export = _Export(warehouse, folder, Selection(warehouse, runs, root), on_progress)
    try:
        return export.run(made_by, root)
    except OSError as error:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"cannot write to {folder}: {error.strerror or error}: make room and export again, "
            "it goes on where it was",
            path=str(folder),
        ) from error


class _Export:
    def __init__(
        self, warehouse: Warehouse, folder: Path, selection: Selection, on_progress: OnExport
    ) -> None:
        self._warehouse = warehouse
        self._folder = folder
        self._selection = selection
        self._on_progress = on_progress
        self._tables: list[ArchiveFile] = []
        self._files: dict[str, ArchiveFile] = {}
        self.report = ExportReport(str(folder))

    def run(self, made_by: str, root: int) -> ExportReport:
        selection, report = self._selection, self.report
        report.runs = selection.tables["runs"].num_rows
        for name, table in selection.tables.items():
            # Sorted, so that whoever takes it back finds what belongs together in one place.
            first = table.sort_by([(table.column_names[0], "ascending")])
            self._write_table(name, table.schema, [first])
        schema = self._warehouse.lake.scan("metrics", where={"run_id": ""}).schema
        self._write_table("metrics", schema, self._points())
        schema = self._warehouse.lake.scan("console", where={"run_id": ""}).schema
        self._write_table("console", schema, self._console())
        self._copy_artifacts()
        self._copy_datasets()
        for digest in sorted(selection.objects):
            self._copy(f"objects/{digest}", digest, None, "objects of code and environments")
        manifest = Manifest(
            made_by=made_by,
            source=self._warehouse.lake.warehouse.warehouse_id,
            root=root,
            tables=self._tables,
            files=[self._files[path] for path in sorted(self._files)],
            left_out=report.left_out,
        )
        write_manifest(self._folder, manifest)
        return report

    # Tables

    def _points(self) -> Iterator[pa.Table]:
        """The points of all runs, as many runs at once as have a million of them together."""
        waiting: list[str] = []
        count = 0
        for run_id, counts in sorted(self._selection.points):
            points = sum(counts.values())
            if points > _POINTS_AT_ONCE:
                for key in sorted(counts):
                    yield self._sorted_points(run_id=[run_id], key=[key])
                continue
            if waiting and count + points > _POINTS_AT_ONCE:
                yield self._sorted_points(run_id=waiting)
                waiting, count = [], 0
            waiting.append(run_id)
            count += points
        if waiting:
            yield self._sorted_points(run_id=waiting)

    def _sorted_points(self, **where: Any) -> pa.Table:
        found = self._selection.scan("metrics", **where)
        self.report.points += found.num_rows
        self._on_progress(self.report)
        return found.sort_by([("run_id", "ascending"), ("key", "ascending"), ("step", "ascending")])

    def _console(self) -> Iterator[pa.Table]:
        ids = sorted(self._selection.tables["runs"]["run_id"].to_pylist())
        for begin in range(0, len(ids), _RUNS_AT_ONCE):
            found = self._selection.scan("console", run_id=ids[begin : begin + _RUNS_AT_ONCE])
            order = [("run_id", "ascending"), ("process", "ascending"), ("line", "ascending")]
            yield found.sort_by(order)

    def _write_table(self, name: str, schema: pa.Schema, parts: Iterable[Any]) -> None:
        """Write rows to ``tables/<name>.parquet``, part by part."""
        import pyarrow.parquet as pq

        path = f"tables/{name}.parquet"
        target = self._folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        part_file = target.with_name(target.name + ".part")
        rows = 0
        with pq.ParquetWriter(part_file, schema, compression="zstd") as writer:
            for part in parts:
                if part.num_rows:
                    writer.write(part, row_group_size=_GROUP_ROWS)
                    rows += part.num_rows
        part_file.replace(target)
        digest, size = digest_file(target)
        self._tables.append(ArchiveFile(path, size, digest, rows))
        self.report.bytes += size

    # Files

    def _copy_artifacts(self) -> None:
        """Each file at its readable path, whatever object holds it now."""
        columns = ["owner", "path", "digest", "size", "location"]
        rows = self._selection.tables["artifacts"].select(columns).to_pylist()

        def copy(row: dict[str, Any]) -> None:
            path = f"artifacts/{row['owner']}/{row['path']}"
            self._copy(path, row["digest"], row["size"], "artifacts", key=row["location"])

        self._warehouse.lake.blobs.each(rows, copy, width=4)

    def _copy_datasets(self) -> None:
        ids = self._selection.tables["datasets"]["dataset_id"].to_pylist()
        for dataset_id in ids:
            dataset = self._warehouse.datasets.get(dataset_id)
            self.report.datasets += 1
            if dataset.lifecycle == "purged":
                continue
            if dataset.kind is DatasetKind.FILES:
                self._copy_dataset_files(dataset)
            elif dataset.kind is DatasetKind.TABLE:
                reader = self._warehouse.datasets.read(dataset)
                self._write_table(f"datasets/{dataset_id}", reader.schema, reader)
            self._on_progress(self.report)

    def _copy_dataset_files(self, dataset: Dataset) -> None:
        manifest = dataset.manifest or ""
        self._copy(manifest, manifest.removeprefix("objects/"), None, "manifests of datasets")

        def copy(one: Any) -> None:
            self._copy(f"objects/{one.digest}", one.digest, one.size, "files of datasets")

        distinct = {one.digest: one for one in self._warehouse.datasets.files.list(dataset)}
        self._warehouse.lake.blobs.each(distinct.values(), copy, width=4)

    def _copy(
        self, path: str, digest: str, size: int | None, what: str, key: str | None = None
    ) -> None:
        """Copy one object, unless it is there already, verified either way."""
        if path in self._files:
            return
        target = self._folder / path
        blobs = self._warehouse.lake.blobs
        try:
            known = size if size is not None else blobs.head(key or path).size
            if not _is_whole(target, known, digest):
                target.parent.mkdir(parents=True, exist_ok=True)
                blobs.download(key or path, target, size=known, digest=digest)
        except NotFound:
            left_out = self.report.left_out
            left_out[f"{what} that are gone"] = left_out.get(f"{what} that are gone", 0) + 1
            return
        self._files[path] = ArchiveFile(path, known, digest)
        self.report.files += 1
        self.report.bytes += known
        self._on_progress(self.report)


def _is_whole(path: Path, size: int, digest: str) -> bool:
    if path.is_symlink() or not path.is_file() or path.stat().st_size != size:
        return False
    return digest_file(path)[0] == digest


def _prepare(folder: Path) -> None:
    if (folder / MANIFEST).exists():
        raise AlreadyExists(
            ErrorCode.OBJECT_EXISTS,
            f"{folder} holds a finished export already: name another folder",
            path=str(folder),
        )
    if folder.exists() and not folder.is_dir():
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"{folder} is a file: name a folder", path=str(folder)
        )
    ours = {"tables", "artifacts", "objects", f"{MANIFEST}.part"}
    others = {path.name for path in folder.iterdir()} - ours if folder.is_dir() else set()
    if others:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"{folder} holds other files ({', '.join(sorted(others)[:3])}): name a new folder",
            path=str(folder),
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"cannot make folder {folder}: {error.strerror}"
        ) from error
