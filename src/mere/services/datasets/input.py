"""What may be written as a table, and the types it is stored in.

Anything that Arrow can read becomes a stream of record batches in the types that Iceberg has:
narrow integers widen, dictionaries are decoded, times are in microseconds. A value that would
change by this is refused. A stream is bounded in memory: batches hold some ten megabytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mere.entities.dataset import SchemaColumn
from mere.errors import ErrorCode, InvalidInput
from mere.lake.bulk_schema import stored_schema

__all__ = ["TabularInput", "fit_input", "read_input", "schema_columns"]

_BATCH_ROWS_MAX = 65_536
_BATCH_BYTES = 32 << 20
_FORMATS = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".arrow": "ipc",
    ".feather": "ipc",
    ".jsonl": "json",
    ".ndjson": "json",
}
_PACKED = {".gz", ".bz2", ".zst"}


class TabularInput:
    """Rows to be written, in the types they are stored in.

    Args:
        schema: The stored schema.
        batches: Begins a stream of the rows.
        rows: How many there are, where that is known.
        is_rewindable: Whether the stream can be had a second time.
        source: The place they come from, where it is a file.
    """

    def __init__(
        self,
        schema: pa.Schema,
        batches: Callable[[], Iterator[pa.RecordBatch]],
        *,
        rows: int | None = None,
        is_rewindable: bool = True,
        source: str | None = None,
    ) -> None:
        self.schema = schema
        self.rows = rows
        self.is_rewindable = is_rewindable
        self.source = source
        self._batches = batches

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, batch by batch; raises `InvalidInput` for a value that cannot be stored."""
        with _translated():
            for batch in self._batches():
                if batch.num_rows:
                    yield _cast(batch, self.schema)


def read_input(data: Any) -> TabularInput:
    """Take what people have: Arrow, pandas, Polars, columns, rows, or a path to a file.

    Raises:
        InvalidInput: It is no table, or has a column that cannot be stored.
    """
    with _translated():
        if isinstance(data, str | Path):
            return _from_path(Path(data))
        if isinstance(data, pa.RecordBatchReader):
            return TabularInput(_storable(data.schema), lambda: iter(data), is_rewindable=False)
        table = _as_table(data)
    width = table.nbytes / table.num_rows if table.num_rows else 1
    rows_max = int(min(max(_BATCH_BYTES / max(width, 1), 1), _BATCH_ROWS_MAX))
    return TabularInput(
        _storable(table.schema),
        lambda: iter(table.to_batches(max_chunksize=rows_max)),
        rows=table.num_rows,
    )


def fit_input(given: TabularInput, schema: pa.Schema) -> TabularInput:
    """Rows to be appended, as rows of a table that is there: columns may be missing.

    Raises:
        InvalidInput: There is a column that the table lacks, or one of another type.
    """
    extra = [name for name in given.schema.names if name not in schema.names]
    if extra:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"column {extra[0]!r} is not one of the dataset's ({', '.join(schema.names)}): leave "
            "it out, or write all rows anew with mode='overwrite'",
            column=extra[0],
        )
    for field in schema:
        if not field.nullable and field.name not in given.schema.names:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"column {field.name!r} is missing, and the dataset does not allow null in it",
                column=field.name,
            )
    return TabularInput(
        schema,
        lambda: (_filled(batch, schema) for batch in given.batches()),
        rows=given.rows,
        is_rewindable=given.is_rewindable,
        source=given.source,
    )


def schema_columns(schema: pa.Schema) -> list[SchemaColumn]:
    """A schema as it is recorded."""
    return [SchemaColumn(field.name, str(field.type), field.nullable) for field in schema]


def _as_table(data: Any) -> pa.Table:
    if isinstance(data, pa.Table):
        return data
    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([data])
    library = type(data).__module__.partition(".")[0]
    if library == "pandas" and hasattr(data, "columns"):
        # An index with a name is a column; one without is a count of rows.
        is_named = any(name is not None for name in data.index.names)
        named = data.reset_index() if is_named else data
        return pa.Table.from_pandas(named, preserve_index=False).replace_schema_metadata(None)
    if library == "polars" and hasattr(data, "collect"):
        data = data.collect()
    if hasattr(data, "__arrow_c_stream__"):
        return pa.table(data)
    if isinstance(data, Mapping):
        return pa.table({_name(name): _column(name, values) for name, values in data.items()})
    is_rows = isinstance(data, Sequence) and not isinstance(data, str | bytes)
    if is_rows and all(isinstance(row, Mapping) for row in data):
        names = dict.fromkeys(name for row in data for name in row)
        return pa.table(
            {_name(name): _column(name, [row.get(name) for row in data]) for name in names}
        )
    raise InvalidInput(
        ErrorCode.INVALID_VALUE,
        f"a {type(data).__name__} is no table: pass an Arrow table or reader, a pandas or Polars "
        "frame, a dictionary of columns, a list of dictionaries, or a path",
    )


def _from_path(path: Path) -> TabularInput:
    import pyarrow.dataset as ds

    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in _PACKED]
    kind = _FORMATS.get(suffixes[-1] if suffixes else "")
    if not path.exists():
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"there is no file or folder {str(path)!r}", path=str(path)
        )
    if path.is_dir():
        kind = kind or "parquet"
    if kind is None:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"the format of {path.name!r} is not known: name it *{', *'.join(_FORMATS)}, or write "
            "it as files with write_files",
            path=str(path),
        )
    found = ds.dataset(path, format=kind)
    return TabularInput(
        _storable(found.schema),
        lambda: found.scanner(
            batch_size=_BATCH_ROWS_MAX, batch_readahead=2, fragment_readahead=1
        ).to_batches(),
        rows=found.count_rows() if kind == "parquet" else None,
        source=path.resolve().as_uri(),
    )


def _column(name: Any, values: Any) -> Any:
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    try:
        return pa.array(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"column {name!r} cannot be stored: {error}", column=str(name)
        ) from error


def _name(name: Any) -> str:
    if not isinstance(name, str):
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"column name {name!r} is no text: give columns names"
        )
    return name


def _filled(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    columns = [
        batch.column(field.name)
        if field.name in batch.schema.names
        else pa.nulls(batch.num_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, names=schema.names)


def _cast(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    if batch.schema.equals(schema):
        return batch
    columns = []
    for column, field in zip(batch.columns, schema, strict=True):
        plain = column.storage if isinstance(column, pa.ExtensionArray) else column
        if pa.types.is_run_end_encoded(plain.type):
            plain = pc.run_end_decode(plain)
        try:
            columns.append(plain if plain.type.equals(field.type) else plain.cast(field.type))
        except pa.ArrowException as error:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"column {field.name!r} cannot be stored as {field.type} without a change: {error}",
                column=field.name,
            ) from error
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _storable(schema: pa.Schema) -> pa.Schema:
    """A schema in the types of Iceberg; a column without any value is of text.

    Raises:
        InvalidInput: A name is empty or met twice, or a type has no counterpart.
    """
    fields = [
        pa.field(field.name, pa.string() if pa.types.is_null(field.type) else field.type)
        for field in schema
    ]
    return stored_schema(pa.schema(fields))


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"the data cannot be read as a table: {error}"
        ) from error
