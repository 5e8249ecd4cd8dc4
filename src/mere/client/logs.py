"""Reading back what runs wrote: what `mere.console` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mere.services.warehouse import open_warehouse

if TYPE_CHECKING:
    import pyarrow as pa

    from mere.client.run import Run

__all__ = ["console"]


def console(
    run: Run | str,
    *,
    stream: str | None = None,
    tail: int | None = None,
    warehouse: str | None = None,
) -> pa.Table:
    """Return the lines that a run wrote to its standard output and error.

    Args:
        run: The run, its id, the beginning of its id, or its name.
        stream: Only ``stdout``, or only ``stderr``.
        tail: Only the last so many lines.
        warehouse: Where to look; by default, where the run is, or what ``MERE_WAREHOUSE`` says.

    Returns:
        An Arrow table in the order of time: process, line, stream, timestamp, text.

    Raises:
        NotFound: There is no such run.
        InvalidInput: There is no such stream, or several runs are meant.
    """
    if isinstance(run, str):
        opened = open_warehouse(warehouse)
        run_id = opened.runs.find(run).run_id
    else:
        opened, run_id = open_warehouse(warehouse or run.warehouse), run.run_id
    return opened.console.lines(run_id, stream=stream, tail=tail)
