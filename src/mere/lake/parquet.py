"""Data files: Arrow tables to Parquet objects with Iceberg's statistics, and back."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.schema import Schema
from pyiceberg.typedef import Record

from mere.errors import CorruptData, ErrorCode
from mere.lake.arrow import arrow_schema
from mere.lake.iceberg import Iceberg
from mere.lake.objects.store import ObjectStore
from mere.lake.pyramid import data_suffix, pyramid_file
from mere.lake.pyramid_files import encode_pyramid
from mere.lake.tables import DataFileRef, TableState

__all__ = ["describe_data_file", "encoded", "read_data_file", "write_data_file"]

_BATCH_ROWS = 4_096
"""So many rows with maps are decoded at once: a row may have thousands of entries."""


def write_data_file(
    store: ObjectStore,
    iceberg: Iceberg,
    state: TableState,
    table: pa.Table,
    group_rows: int,
) -> DataFile:
    """Store a table's rows as one Parquet file; no metadata refers to it yet.

    Integers and times are delta-encoded and floats split by byte: within a sorted file they
    are close to their neighbours, and zstd then leaves little. All else gets a dictionary, the
    keys of maps above all: reading one entry of a map decodes the keys of every row.
    """
    buffer = io.BytesIO()
    leaves = dict(leaf for field in table.schema for leaf in _leaves(field.name, field.type))
    deltas = [name for name, t in leaves.items() if _is_integer_like(t)]
    floats = [name for name, t in leaves.items() if pa.types.is_floating(t)]
    pq.write_table(
        table,
        buffer,
        row_group_size=group_rows,
        compression="zstd",
        compression_level=3,
        use_dictionary=[name for name in leaves if name not in {*deltas, *floats}],
        column_encoding={
            **dict.fromkeys(deltas, "DELTA_BINARY_PACKED"),
            **dict.fromkeys(floats, "BYTE_STREAM_SPLIT"),
        },
        store_schema=False,
    )
    data = buffer.getvalue()
    pyramid = encode_pyramid(state.table, table)
    key = iceberg.new_key(state.table.name, data_suffix(pyramid))
    beside = pyramid_file(key)
    if pyramid is not None and beside is not None:
        store.put(beside[0], pyramid)
    store.put(key, data)
    return describe_data_file(
        iceberg.path(key),
        len(data),
        pq.read_metadata(io.BytesIO(data)),
        state.metadata.schema(),
        state.metadata.properties,
    )


def describe_data_file(
    path: str,
    size: int,
    footer: pq.FileMetaData,
    schema: Schema,
    properties: Mapping[str, str],
) -> DataFile:
    """What Iceberg's metadata says of a Parquet file.

    Args:
        path: Where it lies.
        size: How many bytes it has.
        footer: What Parquet says of it.
        schema: The table's.
        properties: The table's; they say of which columns bounds are kept.
    """
    # Loads Arrow's datasets and, where there is one, pandas: nothing that a reader needs.
    from pyiceberg.io.pyarrow import (
        compute_statistics_plan,
        data_file_statistics_from_parquet_metadata,
        parquet_path_to_id_mapping,
    )

    statistics = data_file_statistics_from_parquet_metadata(
        footer,
        compute_statistics_plan(schema, dict(properties)),
        parquet_path_to_id_mapping(schema),
    )
    return DataFile.from_args(
        content=DataFileContent.DATA,
        file_path=path,
        file_format=FileFormat.PARQUET,
        partition=Record(),
        file_size_in_bytes=size,
        sort_order_id=None,
        spec_id=0,
        equality_ids=None,
        key_metadata=None,
        **statistics.to_serialized_dict(),
    )


def read_data_file(
    path: str,
    ref: DataFileRef,
    state: TableState,
    *,
    where: Mapping[str, pa.Array] | None = None,
    columns: Sequence[str] | None = None,
    is_encoded: bool = False,
) -> pa.Table:
    """The rows of a data file in the table's present schema; columns added since are null.

    Args:
        path: Where the file lies on the local disk.
        ref: What the table's metadata says of it.
        state: The table.
        where: The values wanted, by column; row groups that cannot hold them are not decoded.
        columns: The columns wanted, in the order of the result; all of them otherwise.
        is_encoded: Whether maps are as `encoded` has them, and decoded some rows at a time.

    Raises:
        CorruptData: The file cannot be read, or does not hold the rows its table says.
    """
    where = where or {}
    schema = arrow_schema(state.metadata.schema())
    if columns is not None:
        schema = pa.schema([schema.field(name) for name in columns])
    try:
        texts = list(_texts_of_maps(schema, path)) if is_encoded else None
        schema = encoded(schema) if is_encoded else schema
        with pq.ParquetFile(path, memory_map=True, read_dictionary=texts) as file:
            held = set(file.schema_arrow.names)
            rows = file.metadata.num_rows
            groups = list(_groups(file.metadata, where))
            names = sorted({*schema.names, *where} & held)
            if is_encoded:
                table = _some_at_a_time(file, groups, names, where)
            else:
                table = _fulfilling(file.read_row_groups(groups, names), where)
        arrays = [
            table.column(field.name).cast(field.type)
            if field.name in held
            else pa.nulls(table.num_rows, field.type)
            for field in schema
        ]
    except (pa.ArrowException, OSError) as error:
        raise CorruptData(
            ErrorCode.BAD_OBJECT,
            f"data file {ref.key} cannot be read: {error}: restore it from a backup, or read an "
            "older state with as_of",
            key=ref.key,
        ) from error
    if rows != ref.rows:
        raise CorruptData(
            ErrorCode.BAD_OBJECT,
            f"data file {ref.key} has {rows} rows, its table says {ref.rows}",
            key=ref.key,
        )
    return pa.Table.from_arrays(arrays, schema=schema)


def encoded(schema: pa.Schema) -> pa.Schema:
    """A schema in which the texts of maps are numbers of texts that are there once.

    Data files keep them so. To read five million texts of which a few thousand differ takes a
    tenth of the time as long as nobody writes each of them out.
    """
    return pa.schema([field.with_type(_encoded_type(field.type)) for field in schema])


def _encoded_type(kind: pa.DataType) -> pa.DataType:
    if not pa.types.is_map(kind):
        return kind
    parts = (kind.key_type, kind.item_type)
    numbered = pa.dictionary(pa.int32(), pa.string())
    return pa.map_(*(numbered if pa.types.is_string(part) else part for part in parts))


def _texts_of_maps(schema: pa.Schema, path: str) -> Iterator[str]:
    """Where a file has the texts that `encoded` numbers, as Parquet calls these places."""
    held = set(pq.read_schema(path, memory_map=True).names)
    for field in schema:
        if field.name in held and pa.types.is_map(field.type):
            for part, kind in (("key", field.type.key_type), ("value", field.type.item_type)):
                if pa.types.is_string(kind):
                    yield f"{field.name}.key_value.{part}"


def _some_at_a_time(
    file: pq.ParquetFile, groups: Sequence[int], names: list[str], where: Mapping[str, pa.Array]
) -> pa.Table:
    """The rows wanted of some row groups, without all of a large group in memory at once."""
    asked = [name for name in names if name in where]
    if asked:
        groups = [
            group
            for group in groups
            if _fulfilling(file.read_row_group(group, asked), where).num_rows
        ]
    parts = [
        _fulfilling(pa.Table.from_batches([batch]), where)
        for group in groups  # each by itself: no batch can have the dictionaries of two
        for batch in file.iter_batches(_BATCH_ROWS, [group], names)
    ]
    return pa.concat_tables([file.read_row_groups([], names), *parts])


def _fulfilling(table: pa.Table, where: Mapping[str, pa.Array]) -> pa.Table:
    """The rows that have the values wanted; a column that is not there is null."""
    for name, values in where.items():
        if name in table.column_names:
            column = table.column(name).cast(values.type)
        else:
            column = pa.nulls(table.num_rows, values.type)
        held = pc.is_in(column, values)
        if not pc.all(held).as_py():
            table = table.filter(held)
    return table


def _leaves(path: str, kind: pa.DataType) -> Iterator[tuple[str, pa.DataType]]:
    """The columns that a column is stored as, under the paths Parquet gives them."""
    if pa.types.is_map(kind):
        yield from _leaves(f"{path}.key_value.key", kind.key_type)
        yield from _leaves(f"{path}.key_value.value", kind.item_type)
    elif pa.types.is_struct(kind):
        for field in kind:
            yield from _leaves(f"{path}.{field.name}", field.type)
    elif pa.types.is_list(kind):
        yield from _leaves(f"{path}.list.element", kind.value_type)
    else:
        yield path, kind


def _is_integer_like(kind: pa.DataType) -> bool:
    return bool(pa.types.is_int64(kind) or pa.types.is_timestamp(kind))


def _groups(metadata: pq.FileMetaData, where: Mapping[str, pa.Array]) -> Iterator[int]:
    """The row groups that may hold rows with all the values wanted."""
    bounded = {
        name: values.to_pylist()
        for name, values in where.items()
        if not values.null_count and (pa.types.is_string(values.type) or values.type == pa.int64())
    }
    indices = {metadata.schema.column(i).path: i for i in range(metadata.num_columns)}
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        if all(
            _may_hold(group.column(indices[name]).statistics, values)
            for name, values in bounded.items()
            if name in indices
        ):
            yield number


def _may_hold(statistics: pq.Statistics | None, values: Sequence[Any]) -> bool:
    if statistics is None or not statistics.has_min_max:
        return True
    low, high = statistics.min, statistics.max
    return any(low <= value <= high for value in values)
