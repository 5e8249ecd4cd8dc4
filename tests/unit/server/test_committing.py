from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from mere.errors import ErrorCode, InvalidInput, Unavailable
from mere.lake import Column, Table
from mere.lake.records import Batch
from mere.server.committing import GroupCommit

EVENTS = Table("events", (Column("n", "long"),))


def batch(*numbers):
    made = Batch()
    made.append(EVENTS, [{"n": n} for n in numbers])
    return made


def numbers(written):
    return [n for part in written.logs["events"] for n in part.columns["n"]]


class Disk:
    """Takes batches, one at a time, when it is let to; refuses what holds a negative number."""

    def __init__(self):
        self.written = []
        self.may_go = threading.Event()
        self.may_go.set()
        self.error = None

    def write(self, one):
        assert self.may_go.wait(10)
        if any(n < 0 for n in numbers(one)):
            raise InvalidInput(ErrorCode.INVALID_VALUE, "negative")
        if self.error is not None:
            raise self.error
        self.written.append(numbers(one))


@pytest.fixture
def disk():
    return Disk()


def run(disk, act, **settings):
    async def main():
        with ThreadPoolExecutor(1) as threads:
            commits = GroupCommit(disk.write, threads, **settings)
            try:
                return await act(commits)
            finally:
                disk.may_go.set()
                await commits.drain()

    return asyncio.run(main())


def test_who_comes_meanwhile_goes_together(disk):
    async def act(commits):
        disk.may_go.clear()
        first = asyncio.create_task(commits.commit(batch(0)))
        await asyncio.sleep(0.01)
        others = [asyncio.create_task(commits.commit(batch(n))) for n in range(1, 50)]
        await asyncio.sleep(0.01)
        disk.may_go.set()
        await asyncio.gather(first, *others)

    run(disk, act)
    assert disk.written == [[0], list(range(1, 50))]


def test_one_that_cannot_be_stored_harms_no_other(disk):
    async def act(commits):
        disk.may_go.clear()
        tasks = [asyncio.create_task(commits.commit(batch(n))) for n in (1, -2, 3, 4)]
        await asyncio.sleep(0.01)
        disk.may_go.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    told = run(disk, act)
    assert [type(one) for one in told] == [type(None), InvalidInput, type(None), type(None)]
    assert sorted(n for written in disk.written for n in written) == [1, 3, 4]


def test_all_of_a_segment_learn_that_it_failed_and_the_next_goes_on(disk):
    disk.error = Unavailable(ErrorCode.STORE_UNAVAILABLE, "away")

    async def act(commits):
        told = await asyncio.gather(
            commits.commit(batch(1)), commits.commit(batch(2)), return_exceptions=True
        )
        disk.error = None
        await commits.commit(batch(3))
        return told

    told = run(disk, act)
    assert [type(one) for one in told] == [Unavailable, Unavailable]
    assert disk.written == [[3]]


def test_what_a_caller_who_went_away_sent_is_written(disk):
    async def act(commits):
        disk.may_go.clear()
        gone = asyncio.create_task(commits.commit(batch(1)))
        await asyncio.sleep(0.01)
        gone.cancel()
        disk.may_go.set()
        with pytest.raises(asyncio.CancelledError):
            await gone
        await commits.drain()

    run(disk, act)
    assert disk.written == [[1]]


def test_more_than_fits_is_turned_away(disk):
    async def act(commits):
        disk.may_go.clear()
        waiting = asyncio.create_task(commits.commit(batch(1)))
        await asyncio.sleep(0.01)
        also = asyncio.create_task(commits.commit(batch(2, 3)))
        await asyncio.sleep(0.01)
        with pytest.raises(Unavailable, match="3 records wait"):
            await commits.commit(batch(4))
        disk.may_go.set()
        await asyncio.gather(waiting, also)
        await commits.commit(batch(5))

    run(disk, act, records_max=3)
    assert disk.written == [[1], [2, 3], [5]]
