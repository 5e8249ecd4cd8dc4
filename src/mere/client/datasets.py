"""Datasets as training code holds them: `mere.dataset` and what it returns."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec

from mere.config import Settings, environment
from mere.entities.dataset import PURGED, Dataset, DatasetFile, DatasetKind, parse_dataset
from mere.entities.dataset_diff import DatasetDiff
from mere.entities.limits import check_name
from mere.errors import ErrorCode, InvalidInput, NotFound
from mere.services.warehouse import open_warehouse, resolve_url

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from mere.services.datasets.datasets import Datasets
    from mere.services.datasets.paths import Paths

__all__ = [
    "DatasetHandle",
    "dataset",
    "dataset_diff",
    "dataset_reference",
    "datasets",
    "delete_dataset",
    "restore_dataset",
]


class DatasetHandle:
    """A dataset, or one version of it. `mere.dataset` makes them.

    Without a version it means the newest there is when it is first read, and that one from then
    on.

    Args:
        name: The dataset's name.
        warehouse: The address of the warehouse.
        stored: The version, where it is known.
        properties: Of references: pyiceberg's properties, with credentials.
    """

    def __init__(
        self,
        name: str,
        warehouse: str,
        stored: Dataset | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.warehouse = warehouse
        self._stored = stored
        self._properties = dict(properties or {})

    def __repr__(self) -> str:
        version = "" if self._stored is None else f"@{self._stored.version}"
        return f"<mere.dataset {self.name}{version}>"

    @property
    def info(self) -> Dataset:
        """What is stored of the version.

        Raises:
            NotFound: There is no version yet.
        """
        if self._stored is None:
            self._stored = self._datasets.find(self.name)
        return self._stored

    @property
    def version(self) -> int:
        """Its number; raises as `info` does, and so do all that follow."""
        return self.info.version

    @property
    def dataset_id(self) -> str:
        """Its id: 32 hexadecimal digits."""
        return self.info.dataset_id

    @property
    def digest(self) -> str | None:
        """The digest of its content."""
        return self.info.digest

    @property
    def table(self) -> str | None:
        """Of a table: its name in SQL, where it shows the rows written last."""
        return self.info.table_name

    @property
    def rows(self) -> int | None:
        """Of a table: the number of its rows."""
        return self.info.rows

    @property
    def profile(self) -> dict[str, Any] | None:
        """Of a table: what its columns hold, as recorded when it was written."""
        text = self.info.profile
        return None if text is None else msgspec.json.decode(text, type=dict[str, Any])

    @property
    def schema(self) -> pa.Schema:
        """Of a table: its Arrow schema."""
        info = self.info
        if info.kind is DatasetKind.TABLE:
            return self._datasets.tables.schema(info)
        return self._reader(None).schema

    def write(
        self, data: Any, mode: str = "overwrite", *, tags: Mapping[str, Any] | None = None
    ) -> DatasetHandle:
        """Write rows as a new version, and return it.

        Rows that are those of the newest version, in their order, make no new version: the newest
        is returned. That is not noticed of an Arrow reader, which cannot be read twice.

        Example:
            >>> v1 = mere.dataset("iris").write({"width": [3.5, 3.0]})
            >>> v2 = mere.dataset("iris").write([{"width": 3.2}], mode="append")

        Args:
            data: An Arrow table or reader, a pandas or Polars frame, a dictionary of columns, a
                list of dictionaries, or the path of a Parquet, CSV, JSON-lines or Arrow file.
            mode: ``overwrite``: these rows are the version; ``append``: they are added to those of
                the newest.
            tags: What else is worth remembering.

        Raises:
            InvalidInput: They are no table, hold a type that Iceberg does not have, or do not fit
                the rows they are to be appended to.
            Unavailable: The store did not answer; there is no new version.
        """
        texts = _texts(tags)
        stored = self._datasets.tables.write(self.name, data, mode=mode, tags=texts, **_author())
        return self._at(stored)

    def write_files(
        self,
        paths: Paths,
        *,
        tags: Mapping[str, Any] | None = None,
        follow_links: bool = False,
    ) -> DatasetHandle:
        """Write files as a new version, and return it; only what is new is sent.

        Args:
            paths: A folder, whose files are stored by their paths in it; or files and folders,
                stored by their own names; or local paths by path in the dataset.
            tags: What else is worth remembering.
            follow_links: Whether links to files may lead out of the folder.

        Raises:
            InvalidInput: There is no file, or one that cannot be stored.
            Unavailable: The store did not answer; writing again goes on from here.
        """
        stored = self._datasets.files.write(
            self.name, paths, tags=_texts(tags), follow_links=follow_links, **_author()
        )
        return self._at(stored)

    def batches(self, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The rows, batch by batch, in bounded memory; of these columns only, where given."""
        return iter(self._reader(columns))

    def arrow(self, columns: list[str] | None = None) -> pa.Table:
        """The rows as an Arrow table."""
        return self._reader(columns).read_all()

    def pandas(self, columns: list[str] | None = None) -> pd.DataFrame:
        """The rows as a pandas frame."""
        _require("pandas")
        frame: pd.DataFrame = self.arrow(columns).to_pandas()
        return frame

    def polars(self, columns: list[str] | None = None) -> pl.DataFrame:
        """The rows as a Polars frame."""
        _require("polars")
        import polars as pl

        frame = pl.from_arrow(self.arrow(columns))
        assert isinstance(frame, pl.DataFrame), "a table becomes a frame"
        return frame

    def files(self) -> list[DatasetFile]:
        """The files, by path: each with path, size and digest."""
        return self._datasets.files.list(self.info)

    def open(self, path: str) -> IO[bytes]:
        """Open one file for reading; what is asked for is fetched, and no more."""
        return self._datasets.files.open(self.info, path)

    def download(self, to: str | os.PathLike[str]) -> Path:
        """Copy it into a folder: its files, or a table as one Parquet file; all is verified.

        Files that are there already are kept, others in the folder are left alone.
        """
        return self._datasets.download(self.info, to, properties=self._properties)

    def versions(self) -> pa.Table:
        """The versions in use or in the bin, newest first, as an Arrow table."""
        return self._datasets.of(self.name)

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set tags of the version, and remove those whose value is None."""
        self._stored = self._datasets.set_tags(self.info, tags)

    @property
    def _datasets(self) -> Datasets:
        return open_warehouse(self.warehouse).datasets

    def _reader(self, columns: list[str] | None) -> pa.RecordBatchReader:
        return self._datasets.read(self.info, columns, properties=self._properties)

    def _at(self, stored: Dataset) -> DatasetHandle:
        return DatasetHandle(self.name, self.warehouse, stored, self._properties)


def dataset(
    name: str,
    version: int | None = None,
    *,
    properties: Mapping[str, str] | None = None,
    warehouse: str | None = None,
) -> DatasetHandle:
    """Return a dataset to write to, or a version of it to read.

    In a repetition (`mere rerun`) a name without a version means the version that the repeated run
    has read.

    Example:
        >>> mere.dataset("iris").write(frame)
        >>> mere.dataset("iris", version=1).pandas()

    Args:
        name: Its name; ``name@3`` means a version too.
        version: Which version; by default, the newest.
        properties: For references to tables of other catalogs: pyiceberg's properties, with
            credentials, which are not stored.
        warehouse: Where it is; by default, what ``MERE_WAREHOUSE`` says.

    Raises:
        NotFound: There is no such version; the message names those there are.
        InvalidInput: The name cannot be one.
    """
    url = resolve_url(warehouse)
    check_name(name, "dataset")
    if version is None:
        name, version = parse_dataset(name)
    stored = None
    if version is not None:
        stored = open_warehouse(url).datasets.find(name, version)
    else:
        pinned = _pinned().get(name)
        if pinned is not None:
            stored = open_warehouse(url).datasets.get(pinned)
            if stored.lifecycle == PURGED:
                raise NotFound(
                    ErrorCode.DATASET_NOT_FOUND,
                    f"dataset {stored.label}, which the repeated run read, was removed for good",
                    dataset=stored.label,
                )
    return DatasetHandle(name, url, stored, properties)


def dataset_reference(
    name: str,
    *,
    table: str | None = None,
    catalog: Mapping[str, str] | None = None,
    uri: str | None = None,
    snapshot_id: int | None = None,
    digest: str | None = None,
    tags: Mapping[str, Any] | None = None,
    warehouse: str | None = None,
) -> DatasetHandle:
    """Record data that is kept elsewhere as a version of a dataset.

    Of an Iceberg table the snapshot and the schema are recorded, and it can be read; of anything
    else the address.

    Example:
        >>> mere.dataset_reference("sales", uri="s3://lake/sales/metadata/v7.metadata.json")

    Args:
        name: The dataset.
        table: A table's name in its catalog, such as ``namespace.table``.
        catalog: pyiceberg's properties of that catalog. Credentials in them are used and not
            stored.
        uri: An address instead: of a table's metadata file, or of anything.
        snapshot_id: Which snapshot of the table; by default, the newest.
        digest: Of the content, where it is known.
        tags: What else is worth remembering.
        warehouse: Where to record it; by default, what ``MERE_WAREHOUSE`` says.

    Raises:
        NotFound: There is no such table or snapshot.
        Unavailable: The table cannot be reached.
        InvalidInput: Neither a table nor an address is given, or both.
    """
    url = resolve_url(warehouse)
    stored = open_warehouse(url).datasets.references.add(
        name,
        table=table,
        catalog=catalog,
        uri=uri,
        snapshot_id=snapshot_id,
        digest=digest,
        tags=_texts(tags),
        **_author(),
    )
    return DatasetHandle(name, url, stored, catalog)


def datasets(*, warehouse: str | None = None) -> pa.Table:
    """Return all datasets in use with their newest version, as an Arrow table."""
    return open_warehouse(warehouse).datasets.list()


def dataset_diff(
    before: DatasetHandle | str,
    after: DatasetHandle | str,
    *,
    sample: int = 10,
    warehouse: str | None = None,
) -> DatasetDiff:
    """Return what is different between two versions.

    Rows are compared as a multiset: their order does not matter. Files are compared by path.

    Example:
        >>> mere.dataset_diff("iris@1", "iris@2").rows.added

    Args:
        before: The first: a dataset, ``name@version``, or the id of a version.
        after: The second.
        sample: How many different rows to return of either kind.
        warehouse: Where to look; by default, what ``MERE_WAREHOUSE`` says.

    Raises:
        NotFound: There is no such version.
        InvalidInput: One is made of files and the other is not.
    """
    opened = open_warehouse(warehouse or getattr(before, "warehouse", None)).datasets
    first, second = (
        one.info if isinstance(one, DatasetHandle) else opened.resolve(one)
        for one in (before, after)
    )
    return opened.diff(first, second, sample=sample)


def delete_dataset(name: str, version: int | None = None, *, warehouse: str | None = None) -> int:
    """Put a version, or all versions of a name, into the bin; return how many.

    `mere.restore_dataset` takes them out again; `mere gc` removes them for good, later, except
    those that a run has read.

    Raises:
        NotFound: There is none in use.
    """
    return len(open_warehouse(warehouse).datasets.delete(name, version))


def restore_dataset(name: str, version: int | None = None, *, warehouse: str | None = None) -> int:
    """Take a version, or all versions of a name, out of the bin; return how many.

    Raises:
        NotFound: There is none in it.
    """
    return len(open_warehouse(warehouse).datasets.restore(name, version))


def _pinned() -> dict[str, str]:
    """The versions that a repetition reads, by name."""
    text = Settings.from_environment(environment()).inputs
    if not text:
        return {}
    try:
        return msgspec.json.decode(text, type=dict[str, str])
    except msgspec.MsgspecError as error:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"MERE_INPUTS is no JSON object of dataset ids by name: {error}",
        ) from error


def _texts(tags: Mapping[str, Any] | None) -> dict[str, str]:
    return {str(key): str(value) for key, value in (tags or {}).items() if value is not None}


def _author() -> dict[str, Any]:
    from mere.client.capture import user_name
    from mere.client.fluent import active_run

    run = active_run()
    return {"run_id": run.run_id if run is not None else None, "created_by": user_name()}


def _require(library: str) -> None:
    from importlib.util import find_spec

    if find_spec(library) is None:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"{library} is not installed: install it, or use arrow()"
        )
