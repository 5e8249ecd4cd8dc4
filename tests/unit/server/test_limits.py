from __future__ import annotations

import pytest

from mere.server.limits import RateLimit
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
