"""Data files of bulk tables: streams of Arrow batches to Parquet objects, and back.

Rows keep their order: the name of a file begins with its number in the write. Neither way holds
more than a row group or so in memory. A file is written to the local disk first, since its size
and digest have to be known before it can be stored.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyiceberg.manifest import DataFile
from pyiceberg.schema import Schema

from mere.errors import CorruptData, ErrorCode, InvalidInput
from mere.lake.arrow import arrow_schema
from mere.lake.blobs import digest_file
from mere.lake.bulk_schema import plain_schema
from mere.lake.merge import Reading
from mere.lake.parquet import describe_data_file
from mere.lake.tables import DataFileRef

__all__ = ["read_files", "write_files"]

_GROUP_ROWS_MAX = 1 << 20
_GROUP_BYTES = 32 << 20
_SLICE_ROWS_MAX = 1 << 16
_FILE_BYTES = 128 << 20
_READ_ROWS_MAX = 1 << 16


def write_files(
    reading: Reading, table: str, schema: Schema, batches: Iterable[pa.RecordBatch]
) -> list[DataFile]:
    """Store rows as Parquet files; no metadata refers to them yet.

    Raises:
        InvalidInput: A value does not fit into its column's stored type.
        Unavailable: The store did not answer; what is stored already is an orphan.
    """
    # Two columns of one path in Parquet would get each other's bounds, and readers would skip
    # files by them.
    is_plain = all("." not in path for path in _names(arrow_schema(schema)))
    properties = {} if is_plain else {"write.metadata.metrics.default": "none"}
    added: list[DataFile] = []
    groups = _groups(_stored(schema, batches), arrow_schema(schema))
    with tempfile.TemporaryDirectory(prefix="mere-write-") as folder:
        path = Path(folder, "file.parquet")
        for number, footer in enumerate(_local_files(groups, path)):
            key = reading.iceberg.new_key(table, ".parquet", f"data/{number:05d}-")
            digest, size = digest_file(path)
            reading.store.put_file(key, path, size=size, digest=digest)
            added.append(
                describe_data_file(reading.iceberg.path(key), size, footer, schema, properties)
            )
    return added


def read_files(
    reading: Reading,
    files: Sequence[DataFileRef],
    schema: Schema,
    columns: Sequence[str] | None = None,
) -> pa.RecordBatchReader:
    """The rows of some files that have one schema, in order.

    Raises:
        CorruptData: While it is read: a file is missing, or not what its table says.
    """
    wanted = plain_schema(schema)
    if columns is not None:
        wanted = pa.schema([wanted.field(name) for name in columns])

    def batches() -> Iterator[pa.RecordBatch]:
        for file in files:
            (path,) = reading.files.paths([(file.key, file.size)])
            yield from _read_file(path, file, wanted)

    return pa.RecordBatchReader.from_batches(wanted, batches())


def _read_file(path: str, ref: DataFileRef, wanted: pa.Schema) -> Iterator[pa.RecordBatch]:
    try:
        with pq.ParquetFile(path, memory_map=True) as file:
            metadata = file.metadata
            if metadata.num_rows != ref.rows:
                raise CorruptData(
                    ErrorCode.BAD_OBJECT,
                    f"data file {ref.key} has {metadata.num_rows} rows, its table says {ref.rows}",
                    key=ref.key,
                )
            size = sum(
                metadata.row_group(n).total_byte_size for n in range(metadata.num_row_groups)
            )
            rows = _GROUP_BYTES * metadata.num_rows // max(1, size)
            rows = min(max(1, rows), _READ_ROWS_MAX)
            for batch in file.iter_batches(rows, columns=list(wanted.names)):
                arrays = [batch.column(field.name).cast(field.type) for field in wanted]
                yield pa.RecordBatch.from_arrays(arrays, schema=wanted)
    except (pa.ArrowException, OSError, KeyError) as error:
        if isinstance(error, CorruptData):
            raise
        raise CorruptData(
            ErrorCode.BAD_OBJECT,
            f"data file {ref.key} cannot be read: {error}: restore it from a backup, or read an "
            "older snapshot",
            key=ref.key,
        ) from error


def _stored(schema: Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Rows in the types they are stored in, in slices of bounded size."""
    target = arrow_schema(schema)
    for batch in batches:
        for piece in _slices(batch):
            arrays = [_cast(piece.column(field.name), field) for field in target]
            yield from _slices(pa.RecordBatch.from_arrays(arrays, schema=target))


def _slices(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    rows = min(_SLICE_ROWS_MAX, max(1, _GROUP_BYTES * batch.num_rows // max(1, batch.nbytes)))
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)


def _cast(array: pa.Array, field: pa.Field) -> pa.Array:
    try:
        return _unwrapped(array).cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        advice = "cast the column before it is written"
        if pa.types.is_timestamp(array.type) or pa.types.is_time(array.type):
            advice = "Iceberg keeps microseconds: round the column before it is written"
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"column {field.name!r} of type {array.type} cannot be stored as {field.type}: "
            f"{error}; {advice}",
            column=field.name,
        ) from error


def _unwrapped(array: pa.Array) -> pa.Array:
    """An array without what Arrow casts have no way through."""
    while isinstance(array, pa.ExtensionArray):
        array = array.storage
    if pa.types.is_run_end_encoded(array.type):
        return _unwrapped(pc.run_end_decode(array))
    if pa.types.is_dictionary(array.type):
        return _unwrapped(array.dictionary_decode())
    return array


def _groups(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """Batches put together as row groups."""
    held: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        if held and (size + batch.nbytes > _GROUP_BYTES or rows + batch.num_rows > _GROUP_ROWS_MAX):
            yield pa.Table.from_batches(held, schema)
            held, rows, size = [], 0, 0
        held.append(batch)
        rows += batch.num_rows
        size += batch.nbytes
    if held:
        yield pa.Table.from_batches(held, schema)


def _local_files(groups: Iterator[pa.Table], path: Path) -> Iterator[pq.FileMetaData]:
    """Write row groups to a file until it is large enough, give its footer, and begin anew."""
    group = next(groups, None)
    while group is not None:
        path.unlink(missing_ok=True)
        with pq.ParquetWriter(
            path,
            group.schema,
            compression="zstd",
            compression_level=3,
            store_schema=False,
        ) as writer:
            size = 0
            while group is not None and size < _FILE_BYTES:
                writer.write_table(group, row_group_size=group.num_rows)
                group = next(groups, None)
                size = path.stat().st_size
        yield pq.read_metadata(path)


def _names(fields: Iterable[pa.Field]) -> Iterator[str]:
    for field in fields:
        yield field.name
        if pa.types.is_struct(field.type):
            yield from _names(field.type)
        elif pa.types.is_map(field.type):
            yield from _names([field.type.key_field, field.type.item_field])
        elif pa.types.is_list(field.type):
            yield from _names([field.type.value_field])
