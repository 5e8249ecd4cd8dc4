"""Console: the lines that runs wrote to their standard output and error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mere.errors import ErrorCode, InvalidInput

if TYPE_CHECKING:
    import pyarrow as pa

    from mere.lake import Lake

__all__ = ["STREAMS", "Console"]

STREAMS = ("stdout", "stderr")


class Console:
    """The console lines of one warehouse.

    Args:
        lake: Where they are stored.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def lines(
        self,
        run_id: str,
        *,
        stream: str | None = None,
        tail: int | None = None,
        after: dict[int, int] | None = None,
    ) -> pa.Table:
        """Lines of a run in the order of time: process, line, stream, timestamp, text.

        Args:
            run_id: The run.
            stream: Only stdout, or only stderr.
            tail: Only the last so many.
            after: By process, the last line that is known already.

        Raises:
            InvalidInput: There is no such stream, or the number is negative.
        """
        if stream is not None and stream not in STREAMS:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE, f"stream {stream!r} is neither stdout nor stderr"
            )
        if tail is not None and tail < 0:
            raise InvalidInput(ErrorCode.INVALID_VALUE, f"tail {tail} is negative: give 0 or more")
        conditions, params = ["run_id = $run"], dict[str, Any](run=run_id)
        if stream is not None:
            conditions.append("stream = $stream")
            params["stream"] = stream
        if after:
            known = (f"(process = {int(p)} and line <= {int(n)})" for p, n in after.items())
            conditions.append(f"not ({' or '.join(known)})")
        query = (
            "select process, line, stream, timestamp, text from console "
            f"where {' and '.join(conditions)} order by "
        )
        if tail is None:
            return self._lake.sql(f"{query} timestamp, process, line", params)
        return self._lake.sql(
            f"select * from ({query} timestamp desc, process desc, line desc limit {int(tail)}) "
            "order by timestamp, process, line",
            params,
        )
