"""Datasets: their versions, and the data of each, whatever it is made of."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mere.entities.dataset import PURGED, Dataset, DatasetKind
from mere.entities.dataset_diff import DatasetDiff
from mere.errors import ErrorCode, InvalidInput
from mere.services.datasets.cards import Cards
from mere.services.datasets.catalogue import Catalogue
from mere.services.datasets.diff import diff_files, diff_tables
from mere.services.datasets.files import DatasetFiles
from mere.services.datasets.references import DatasetReferences
from mere.services.datasets.tabular import DatasetTables, slug_of, version_tag
from mere.services.datasets.versions import DatasetVersions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pyarrow as pa

    from mere.clock import Clock
    from mere.lake import Lake

__all__ = ["Datasets"]

_SHOWN_MAX = 5


class Datasets(DatasetVersions):
    """The datasets of one warehouse.

    Args:
        lake: Where they are stored.
        clock: For new ids and times.

    Attributes:
        tables: Versions that are tables.
        files: Versions that are made of files.
        references: Versions whose data is kept elsewhere.
        catalogue: Finds datasets, and who used them.
        cards: What people wrote about datasets.
    """

    def __init__(self, lake: Lake, clock: Clock) -> None:
        super().__init__(lake, clock)
        self.tables = DatasetTables(lake, self, clock)
        self.files = DatasetFiles(lake, self)
        self.references = DatasetReferences(self)
        self.catalogue = Catalogue(lake)
        self.cards = Cards(lake, clock, self)

    def read(
        self,
        dataset: Dataset,
        columns: list[str] | None = None,
        *,
        properties: Mapping[str, str] | None = None,
    ) -> pa.RecordBatchReader:
        """The rows of a version, in bounded memory.

        Args:
            dataset: The version.
            columns: Only these.
            properties: Of a reference: pyiceberg's properties, with credentials.

        Raises:
            InvalidInput: It has no rows, or no such column.
            NotFound: The data is kept elsewhere, and is not there any more.
            CorruptData: A stored file is missing or damaged.
        """
        if dataset.kind is DatasetKind.FILES:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"dataset {dataset.label} is made of files and has no rows: use files(), open() or "
                "download()",
                dataset=dataset.label,
            )
        known = [column.name for column in dataset.columns]
        for name in columns or ():
            if known and name not in known:
                raise InvalidInput(
                    ErrorCode.UNKNOWN_COLUMN,
                    f"dataset {dataset.label} has no column {name!r}: it has {', '.join(known)}",
                    column=name,
                )
        if dataset.kind is DatasetKind.REFERENCE:
            return self.references.read(dataset, columns, properties=properties)
        return self.tables.read(dataset, columns)

    def download(
        self,
        dataset: Dataset,
        to: str | os.PathLike[str],
        *,
        properties: Mapping[str, str] | None = None,
        on_bytes: Callable[[int], None] | None = None,
    ) -> Path:
        """Copy a version into a folder: its files, or its rows as one Parquet file.

        Args:
            dataset: The version.
            to: The folder, made where there is none.
            properties: As for `read`.
            on_bytes: Told of progress with files: each further number of bytes done.

        Returns:
            The folder, or the Parquet file.

        Raises:
            CorruptData: A stored file is missing or damaged.
            InvalidInput: The folder cannot be written.
        """
        if dataset.kind is DatasetKind.FILES:
            return self.files.download(dataset, to, on_bytes=on_bytes)
        import pyarrow.parquet as pq

        reader = self.read(dataset, properties=properties)
        target = Path(os.path.abspath(to), f"{slug_of(dataset.name) or 'dataset'}.parquet")
        part = target.with_name(target.name + ".part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with pq.ParquetWriter(part, reader.schema, compression="zstd") as writer:
                for batch in reader:
                    writer.write_batch(batch)
            part.replace(target)
        except OSError as error:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE, f"file {str(target)!r} cannot be written: {error}"
            ) from error
        return target

    def diff(
        self,
        first: Dataset,
        second: Dataset,
        *,
        sample: int = 10,
        may_read: Callable[[Dataset], bool] = lambda _: True,
    ) -> DatasetDiff:
        """What is different between two versions.

        Args:
            first: The version before.
            second: The version after.
            sample: How many different rows to return of either kind.
            may_read: Whether the rows of a version may be read; those of others are not compared.

        Raises:
            InvalidInput: One is made of files and the other is not.
        """
        if (first.kind is DatasetKind.FILES) != (second.kind is DatasetKind.FILES):
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"{first.label} is of kind {first.kind} and {second.label} of kind {second.kind}: "
                "they cannot be compared",
            )
        if first.kind is DatasetKind.FILES:
            return diff_files(first, second, self.files.list(first), self.files.list(second))
        read = self.read if may_read(first) and may_read(second) else None
        return diff_tables(first, second, read, sample=sample)

    def purge(self, dataset_id: str) -> Dataset:
        """Remove a version for good, so that its data can be collected; to do it again is fine.

        Objects of files are left to the collection, as other versions may share them.

        Raises:
            NotFound: There is no such version.
            InvalidInput: A run that is there still has read it.
        """
        dataset = self.get(dataset_id)
        users = self.readers(dataset_id)
        if users:
            shown = ", ".join(users[:_SHOWN_MAX]) + (", …" if len(users) > _SHOWN_MAX else "")
            raise InvalidInput(
                ErrorCode.IN_USE,
                f"dataset {dataset.label} has been read by {len(users)} runs ({shown}): remove "
                "these for good first",
                dataset_id=dataset_id,
            )
        if dataset.table_name is not None and dataset.snapshot_id is not None:
            self._drop(dataset, dataset.table_name, dataset.snapshot_id)
        gone = dict.fromkeys(
            ("table_name", "snapshot_id", "manifest", "schema", "profile", "source", "bytes")
        )
        self.change(dataset_id, lifecycle=PURGED, **gone)
        return dataset

    def readers(self, dataset_id: str) -> list[str]:
        """The runs that have read a version and are there still, the bin included."""
        found = self._lake.sql(
            "select l.run_id from lineage l join runs r on r.run_id = l.run_id "
            "where l.asset = $asset and l.direction = 'read' order by l.run_id",
            params={"asset": f"dataset:{dataset_id}"},
        )
        ids: list[str] = found["run_id"].to_pylist()
        return ids

    def _drop(self, dataset: Dataset, table: str, snapshot_id: int) -> None:
        kept = self._lake.scan(
            "datasets", where={"table_name": table}, columns=["dataset_id", "snapshot_id"]
        ).to_pylist()
        others = [row for row in kept if row["dataset_id"] != dataset.dataset_id]
        if not others:
            self._lake.drop_table(table)
            return
        self._lake.release_snapshot(table, version_tag(dataset))
        if snapshot_id not in [row["snapshot_id"] for row in others]:
            self._lake.drop_snapshots(table, [snapshot_id])
