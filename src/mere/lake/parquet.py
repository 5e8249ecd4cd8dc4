"""Data files: Arrow tables to Parquet objects with Iceberg's statistics, and back."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.io.pyarrow import (
    compute_statistics_plan,
    data_file_statistics_from_parquet_metadata,
    parquet_path_to_id_mapping,
)
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.typedef import Record

from mere.errors import CorruptData, ErrorCode
from mere.lake.arrow import arrow_schema
from mere.lake.iceberg import DataFileRef, Iceberg, TableState
from mere.lake.objects.store import ObjectStore

__all__ = ["read_data_file", "write_data_file"]


def write_data_file(
    store: ObjectStore,
    iceberg: Iceberg,
    state: TableState,
    table: pa.Table,
    group_rows: int,
) -> DataFile:
    """Store a table's rows as one Parquet file; no metadata refers to it yet.

    Integers and times are delta-encoded and floats split by byte: within a sorted file they
    are close to their neighbours, and zstd then leaves little.
    """
    buffer = io.BytesIO()
    kinds = {field.name: field.type for field in table.schema}
    deltas = [name for name, t in kinds.items() if pa.types.is_int64(t) or pa.types.is_timestamp(t)]
    floats = [name for name, t in kinds.items() if pa.types.is_floating(t)]
    pq.write_table(
        table,
        buffer,
        row_group_size=group_rows,
        compression="zstd",
        compression_level=3,
        use_dictionary=[name for name in kinds if name not in {*deltas, *floats}],
        column_encoding={
            **dict.fromkeys(deltas, "DELTA_BINARY_PACKED"),
            **dict.fromkeys(floats, "BYTE_STREAM_SPLIT"),
        },
        store_schema=False,
    )
    data = buffer.getvalue()
    key = iceberg.new_key(state.table.name, ".parquet")
    store.put(key, data)
    schema = state.metadata.schema()
    statistics = data_file_statistics_from_parquet_metadata(
        pq.read_metadata(io.BytesIO(data)),
        compute_statistics_plan(schema, state.metadata.properties),
        parquet_path_to_id_mapping(schema),
    )
    return DataFile.from_args(
        content=DataFileContent.DATA,
        file_path=iceberg.path(key),
        file_format=FileFormat.PARQUET,
        partition=Record(),
        file_size_in_bytes=len(data),
        sort_order_id=None,
        spec_id=state.metadata.default_spec_id,
        equality_ids=None,
        key_metadata=None,
        **statistics.to_serialized_dict(),
    )


def read_data_file(
    path: str,
    ref: DataFileRef,
    state: TableState,
    *,
    filters: Sequence[tuple[str, str, object]] | None = None,
) -> pa.Table:
    """The rows of a data file in the table's present schema; columns added since are null.

    Raises:
        CorruptData: The file cannot be read, or does not hold the rows its table says.
    """
    schema = arrow_schema(state.metadata.schema())
    try:
        table = pq.read_table(path, filters=list(filters) if filters else None, partitioning=None)
        columns = [
            table.column(field.name).cast(field.type)
            if field.name in table.schema.names
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
    if not filters and table.num_rows != ref.rows:
        raise CorruptData(
            ErrorCode.BAD_OBJECT,
            f"data file {ref.key} has {table.num_rows} rows, its table says {ref.rows}",
            key=ref.key,
        )
    return pa.Table.from_arrays(columns, schema=schema)
