from __future__ import annotations

import threading

import numpy as np

from mere.client.buffer import Buffer, Call, snapshot


def test_calls_come_out_in_order() -> None:
    buffer = Buffer(lambda: None)
    for number in range(5):
        buffer.put(("metrics", {}, number, 0), 1)
    taken: list[Call] = []
    assert buffer.drain(taken.append, 3) is False
    assert buffer.drain(taken.append, 3) is True
    assert [call[2] for call in taken] == [0, 1, 2, 3, 4]


def test_beyond_the_bound_the_newest_are_dropped_and_counted() -> None:
    buffer = Buffer(lambda: None, points_max=10)
    for number in range(8):
        buffer.put(("metrics", {}, number, 0), 3)
    assert buffer.dropped == 12
    taken: list[Call] = []
    buffer.drain(taken.append, 100)
    buffer.settle(0)
    assert [call[2] for call in taken] == [0, 1, 2, 3]
    buffer.put(("metrics", {}, 9, 0), 3)
    assert buffer.waiting == 3


def test_the_worker_is_woken_once_when_much_waits() -> None:
    woken = []
    buffer = Buffer(lambda: woken.append(1))
    for _ in range(100):
        buffer.put(("metrics", {}, 0, 0), 1000)
    assert woken == [1]
    buffer.drain(lambda call: None, 1000)
    buffer.put(("metrics", {}, 0, 0), 1000)
    assert woken == [1, 1]


def test_threads_lose_nothing() -> None:
    buffer = Buffer(lambda: None)

    def put() -> None:
        for number in range(5000):
            buffer.put(("metrics", {}, number, 0), 1)

    threads = [threading.Thread(target=put) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken: list[Call] = []
    buffer.drain(taken.append, 10**6)
    assert len(taken) == 20_000


def test_a_snapshot_is_not_changed_by_what_happens_later() -> None:
    array = np.zeros(())
    metrics = {"a": 1.0, "nested": {"b": array}, "c": array}
    held = snapshot(metrics)
    array += 5
    metrics["a"] = 2.0
    assert held == {"a": 1.0, "nested": {"b": 0.0}, "c": 0.0}


def test_tensors_are_copied_where_they_are() -> None:
    class Tensor:
        def detach(self) -> Tensor:
            return self

        def clone(self) -> str:
            return "a copy"

    assert snapshot({"a": Tensor()}) == {"a": "a copy"}
