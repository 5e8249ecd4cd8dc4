"""Answers as Arrow: the bytes of an IPC stream, with what is said of the whole in its schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from mere.server.operations import Answer, Call

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ARROW", "arrow_answer", "wants_arrow"]

ARROW: Final = "application/vnd.apache.arrow.stream"


def wants_arrow(call: Call, *, by_default: bool = False) -> bool:
    """Whether the caller takes Arrow rather than JSON, as it says by ``Accept``."""
    accepted = call.headers.get("accept", "")
    if ARROW in accepted:
        return True
    return by_default and "application/json" not in accepted


def arrow_answer(table: pa.Table, said: Mapping[str, bytes]) -> Answer:
    """A table as an IPC stream of one batch.

    Args:
        table: The rows.
        said: Added to the schema's metadata.
    """
    import pyarrow as pa

    whole = table.replace_schema_metadata({**(table.schema.metadata or {}), **said})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, whole.schema) as writer:
        for batch in whole.combine_chunks().to_batches():
            writer.write_batch(batch)
    return Answer(sink.getvalue().to_pybytes(), ARROW)
