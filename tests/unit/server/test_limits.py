from __future__ import annotations

import asyncio

import pytest

from mere.clock import SystemClock
from mere.errors import Unavailable
from mere.server.limits import Deadlines, RateLimit
from mere.testing.clock import ManualClock


def test_a_client_gets_twice_its_rate_at_once_and_then_its_rate():
    clock = ManualClock()
    limit = RateLimit(10, clock)
    waits = [limit.wait_s("a") for _ in range(21)]
    assert waits[:20] == [0] * 20
    assert waits[20] == pytest.approx(0.1)
    assert limit.wait_s("b") == 0
    clock.sleep(0.1)
    assert [limit.wait_s("a") > 0 for _ in range(2)] == [False, True]


def test_no_rate_is_no_limit():
    limit = RateLimit(0, ManualClock())
    assert not any(limit.wait_s("a") for _ in range(1000))


class Jumping(SystemClock):
    """The machine's clock, put forward at will."""

    ahead_s = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead_s


def test_time_in_which_the_process_did_not_run_makes_no_answer_late():
    clock = Jumping()
    deadlines = Deadlines(1.0, clock)

    async def answer(seconds: float) -> str:
        return await deadlines.keep(asyncio.sleep(seconds, "in time"))

    async def both() -> list[str]:
        watch = asyncio.create_task(deadlines.watch())
        answers = [asyncio.create_task(answer(0.25))]
        await asyncio.sleep(0.05)
        clock.ahead_s += 3600  # the machine was suspended; it sees so at the next look
        answers.append(asyncio.create_task(answer(0.25)))
        done = [await one for one in answers]
        with pytest.raises(Unavailable, match=r"longer than 1 s"):
            await answer(30)
        watch.cancel()
        return done

    assert asyncio.run(both()) == ["in time", "in time"]
