"""Clients that log without a pause, retry as MLflow's does, and know what was acknowledged."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

__all__ = ["Load", "check_all_there"]

_RETRIED = frozenset({408, 429, 500, 502, 503, 504})
_RETRY_S = 0.05
_PATIENCE_S = 400.0
_BATCH = 20


@dataclass
class _Done:
    """What one client was told is stored."""

    runs: list[str] = field(default_factory=list)
    points: dict[str, int] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    retries: int = 0
    statuses: set[int] = field(default_factory=set)


class Load:
    """So many clients at once, until told to stop.

    Args:
        url: Where they send; each keeps to one request at a time.
        clients: How many.
    """

    def __init__(self, url: str, clients: int = 4) -> None:
        self._url = url
        self._is_over = threading.Event()
        self.done = [_Done() for _ in range(clients)]
        self._threads = [threading.Thread(target=self._work, args=(one,)) for one in self.done]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    @property
    def acknowledged(self) -> int:
        """How many calls were acknowledged so far."""
        return sum(len(one.runs) + sum(one.points.values()) for one in self.done)

    def _work(self, done: _Done) -> None:
        run = self._created(done)
        step = 0
        while run is not None and not self._is_over.is_set():
            # Each step is logged once; which call does it changes.
            if step % 50 == 49:
                run, step = self._created(done), 0
            elif step % 10 == 9:
                metrics = [
                    {"key": f"b{n}", "value": n, "timestamp": step, "step": step}
                    for n in range(_BATCH)
                ]
                if self._sent(done, "log-batch", run_id=run, metrics=metrics) is not None:
                    done.points[run] += _BATCH
                step += 1
            else:
                point = {"key": "m", "value": step / 7, "timestamp": step, "step": step}
                if self._sent(done, "log-metric", run_id=run, **point) is not None:
                    done.points[run] += 1
                step += 1

    def _created(self, done: _Done) -> str | None:
        answer = self._sent(done, "create", experiment_id="0")
        if answer is None:
            return None
        run: str = answer["run"]["info"]["run_id"]
        done.runs.append(run)
        done.points[run] = 0
        return run

    def _sent(self, done: _Done, what: str, **fields: Any) -> Any:
        give_up = time.monotonic() + _PATIENCE_S
        while time.monotonic() < give_up:
            try:
                address = f"{self._url}/api/2.0/mlflow/runs/{what}"
                answer = httpx.post(address, json=fields, timeout=200)
            except httpx.TransportError:
                done.retries += 1
                time.sleep(_RETRY_S)
                continue
            done.statuses.add(answer.status_code)
            if answer.status_code == 200:
                return answer.json()
            if answer.status_code not in _RETRIED:
                done.refused.append(f"{what}: {answer.status_code} {answer.text}")
                return None
            done.retries += 1
            time.sleep(_RETRY_S)
        done.refused.append(f"{what}: no answer in {_PATIENCE_S} s")
        return None


def check_all_there(url: str, load: Load) -> None:
    """Every acknowledged call is there, and nothing twice, says the server at an address."""
    with httpx.Client(base_url=f"{url}/api/2.0/mlflow", timeout=60) as client:
        for done in load.done:
            assert done.refused == []
            for run, count in done.points.items():
                answer = client.get("/runs/get", params={"run_id": run})
                assert answer.status_code == 200, answer.text
                keys = [one["key"] for one in answer.json()["run"]["data"].get("metrics", [])]
                points = [
                    (key, one["step"])
                    for key in keys
                    for one in client.get(
                        "/metrics/get-history", params={"run_id": run, "metric_key": key}
                    ).json()["metrics"]
                ]
                assert len(points) == len(set(points)), "a point is there twice"
                assert len(points) == count
