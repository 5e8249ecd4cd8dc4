"""Large objects read by ranges, a few at once, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from itertools import islice

from mere.lake.objects.pool import RequestPool
from mere.lake.objects.source import PIECE_BYTES
from mere.lake.objects.store import ObjectStore

__all__ = ["read_ranges"]

_AT_ONCE = 4


def read_ranges(store: ObjectStore, key: str, size: int, *, start: int = 0) -> Iterator[bytes]:
    """Get an object's ranges, a few at once, and give them in order.

    The last one asks for a byte beyond the end, so that an object that is too long is noticed:
    whoever adds up what comes finds another size than was said.

    Raises:
        NotFound: There is no such object.
        Unavailable: The store did not answer.
    """
    ranges = [(at, min(at + PIECE_BYTES, size)) for at in range(start, size, PIECE_BYTES)]
    ranges[-1:] = [(ranges[-1][0] if ranges else start, size + 1)]
    if len(ranges) == 1:
        yield store.get_range(key, *ranges[0])
        return
    pool = RequestPool(_AT_ONCE, thread_name_prefix="mere-ranges")
    waiting = iter(ranges)

    def ask(count: int) -> list[Future[bytes]]:
        return [pool.submit(store.get_range, key, *one) for one in islice(waiting, count)]

    under_way = ask(_AT_ONCE)
    try:
        while under_way:
            yield under_way.pop(0).result()
            under_way += ask(1)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
