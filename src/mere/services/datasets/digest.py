"""The digest of a table's content: of its schema and its rows in their order.

It does not depend on how rows are cut into batches, nor on what lies under a null. Each column
has its own hashes: of the positions of its nulls, of the lengths of its values, and of its values
one after the other; a nested column has those of its parts.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from mere.services.datasets.input import schema_columns

__all__ = ["TableDigest"]


class TableDigest:
    """Takes a table batch by batch.

    Args:
        schema: The schema of all batches.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._columns = [_Column(field.type) for field in schema]
        self._whole = hashlib.sha256(msgspec.json.encode(schema_columns(schema)))
        self.rows = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Take the next rows."""
        self.rows += batch.num_rows
        for digest, column in zip(self._columns, batch.columns, strict=True):
            digest.add(column)

    def hexdigest(self) -> str:
        """The digest of all rows taken so far."""
        whole = self._whole.copy()
        whole.update(str(self.rows).encode())
        for column in self._columns:
            column.close(whole)
        return whole.hexdigest()


class _Column:
    def __init__(self, kind: pa.DataType) -> None:
        self._kind = kind
        self._rows = 0
        self._nulls, self._lengths, self._values = (hashlib.sha256() for _ in range(3))
        self._parts = [_Column(part) for part in _parts(kind)]

    def add(self, array: Any) -> None:
        if isinstance(array, pa.ChunkedArray):
            array = array.combine_chunks()
        if array.null_count:
            places = np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))
            self._nulls.update((places + self._rows).astype("<i8").tobytes())
        self._rows += len(array)
        if array.null_count:
            array = array.drop_null()
        if len(array):
            self._add_values(array)

    def close(self, whole: Any) -> None:
        for part in (self._nulls, self._lengths, self._values):
            whole.update(part.digest())
        for child in self._parts:
            child.close(whole)

    def _add_values(self, array: Any) -> None:
        kind = self._kind
        if pa.types.is_struct(kind):
            for child, part in zip(self._parts, array.flatten(), strict=True):
                child.add(part)
        elif pa.types.is_map(kind):
            offsets = array.offsets.to_numpy()
            self._add_lengths(offsets)
            start, length = int(offsets[0]), int(offsets[-1] - offsets[0])
            self._parts[0].add(array.keys.slice(start, length))
            self._parts[1].add(array.items.slice(start, length))
        elif pa.types.is_list(kind):
            self._add_lengths(array.offsets.to_numpy())
            self._parts[0].add(array.flatten())
        elif pa.types.is_string(kind) or pa.types.is_binary(kind):
            buffers = array.buffers()
            offsets = np.frombuffer(buffers[1], "<i4")[array.offset :][: len(array) + 1]
            self._add_lengths(offsets)
            if offsets[-1] > offsets[0]:
                self._values.update(memoryview(buffers[2])[int(offsets[0]) : int(offsets[-1])])
        elif pa.types.is_boolean(kind):
            self._values.update(array.cast(pa.uint8()).to_numpy().tobytes())
        else:
            width = kind.byte_width if pa.types.is_fixed_size_binary(kind) else kind.bit_width // 8
            start = array.offset * width
            self._values.update(memoryview(array.buffers()[1])[start:][: len(array) * width])

    def _add_lengths(self, offsets: Any) -> None:
        self._lengths.update(np.diff(offsets.astype("<i8")).tobytes())


def _parts(kind: pa.DataType) -> list[pa.DataType]:
    if pa.types.is_map(kind):
        return [kind.key_type, kind.item_type]
    if pa.types.is_struct(kind):
        return [part.type for part in kind]
    return [kind.value_type] if pa.types.is_list(kind) else []
