"""Group commit for the event loop: whoever comes while a segment is on its way joins the next.

A request that writes waits for its records to be durable without a thread of its own. One thread
hands the lake all that has gathered meanwhile as one batch, so throughput grows with load and the
latency stays one or two puts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor

from mere.errors import ErrorCode, InvalidInput, MereError, Unavailable
from mere.lake.gathering import gathered
from mere.lake.records import Batch

__all__ = ["GroupCommit"]


class GroupCommit:
    """Makes batches of many requests durable together; for one event loop.

    Args:
        write: Makes one batch durable, as `Lake.commit` does.
        threads: Where it runs.
        records_max: So many records wait at most; who comes then is turned away.
    """

    def __init__(
        self, write: Callable[[Batch], None], threads: Executor, *, records_max: int = 2_000_000
    ) -> None:
        self._write = write
        self._threads = threads
        self._records_max = records_max
        self._records = 0
        self._waiting: list[_Waiting] = []
        self._sending: asyncio.Task[None] | None = None

    async def commit(self, batch: Batch) -> None:
        """Make a batch durable; its records become visible together.

        Raises:
            InvalidInput: The batch cannot be stored; nothing of it was.
            Unavailable: The store did not answer, or too much is waiting for it already.
        """
        if not batch.records:
            return
        if self._records + batch.records > self._records_max and self._waiting:
            raise Unavailable(
                ErrorCode.STORE_UNAVAILABLE,
                f"{self._records} records wait for the store already: try again in a moment",
                kept=False,
            )
        loop = asyncio.get_running_loop()
        waiting = _Waiting(batch, loop.create_future())
        self._waiting.append(waiting)
        self._records += batch.records
        if self._sending is None:
            self._sending = loop.create_task(self._send_all())
        # Whoever asked may go away; what it sent is written nevertheless.
        await waiting.done

    async def drain(self) -> None:
        """Wait until nothing is left to be written."""
        while self._sending is not None:
            await asyncio.shield(self._sending)

    async def _send_all(self) -> None:
        try:
            while self._waiting:
                taken, self._waiting = self._waiting, []
                await self._send(taken)
                self._records -= sum(one.batch.records for one in taken)
        finally:
            self._sending = None

    async def _send(self, taken: list[_Waiting]) -> None:
        error = await self._try(gathered(one.batch for one in taken))
        if isinstance(error, InvalidInput) and len(taken) > 1:
            # One of them cannot be stored; the others must not suffer for it.
            for one in taken:
                one.tell(await self._try(one.batch))
            return
        for one in taken:
            one.tell(error)

    async def _try(self, batch: Batch) -> Exception | None:
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._threads, self._write, batch)
        except MereError as error:
            return error
        except Exception as bug:  # noqa: BLE001  each who waits is told, and the next goes on
            return bug
        return None


class _Waiting:
    """A batch, and who waits for it."""

    __slots__ = ("batch", "done")

    def __init__(self, batch: Batch, done: asyncio.Future[None]) -> None:
        self.batch = batch
        self.done = done

    def tell(self, error: Exception | None) -> None:
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)
            self.done.exception()  # whoever asked may be gone: nobody need look at it
