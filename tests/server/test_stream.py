"""The event stream over HTTP, from real server processes over one warehouse."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from mere.clock import SystemClock
from mere.config import environment
from mere.lake import Lake
from mere.services.tables import TABLES

pytestmark = pytest.mark.slow
CLOCK = SystemClock()
RUN = "a" * 32


class Server:
    """One server process."""

    def __init__(self, warehouse: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mere", "server", "--port", "0", "--warehouse", str(warehouse)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(),
        )
        assert self.process.stdout is not None
        seen = []
        for line in self.process.stdout:
            seen.append(line)
            words = [word for word in line.split() if word.startswith("http://")]
            if words:
                self.url = words[0].rstrip(".,/")
                break
        else:
            raise AssertionError("".join(seen))
        self._drain = threading.Thread(target=self.process.stdout.read, daemon=True)
        self._drain.start()

    def close(self) -> None:
        """Stop it, where it lives still, with its workers."""
        if self.process.poll() is None:
            self.stop()
        self._drain.join(5)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def stop(self) -> float:
        """Stop it gracefully; how long it took."""
        begun = CLOCK.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(40)
        return CLOCK.monotonic() - begun


class Events:
    """The events of one stream, read in a thread."""

    def __init__(self, url: str, topics: str, last_id: str = "") -> None:
        self.received: list[tuple[str, str, list[str], float]] = []
        self.headers = httpx.Headers()
        self.is_over = threading.Event()
        self._at = f"{url}/api/v1/stream"
        self._topics, self._last_id = topics, last_id
        threading.Thread(target=self._read, daemon=True).start()
        self.wait(1)

    def _read(self) -> None:
        headers = {"last-event-id": self._last_id} if self._last_id else {}
        query = {"topics": self._topics}
        try:
            with httpx.stream("GET", self._at, params=query, headers=headers, timeout=60) as answer:
                self.headers = answer.headers
                event: dict[str, str] = {}
                for line in answer.iter_lines():
                    name, _, value = line.partition(": ")
                    event[name] = value
                    if not line and "data" in event:
                        topics = json.loads(event["data"])
                        self.received.append(
                            (event["event"], event["id"], topics, CLOCK.monotonic())
                        )
                        event = {}
        except httpx.HTTPError:
            pass
        self.is_over.set()

    def wait(self, count: int) -> None:
        """Wait until so many events have come."""
        give_up = CLOCK.monotonic() + 20
        while len(self.received) < count and CLOCK.monotonic() < give_up:
            CLOCK.sleep(0.01)
        assert len(self.received) >= count, self.received


@pytest.fixture
def server(tmp_path) -> Iterator[Server]:
    Lake.open(str(tmp_path / "w"), tables=TABLES).close()
    started = Server(tmp_path / "w")
    yield started
    started.close()


def test_ticks_come_quickly_and_the_stream_ends_when_the_server_does(server, tmp_path):
    for wrong in ("", "nothing", "run:"):
        answer = httpx.get(f"{server.url}/api/v1/stream", params={"topics": wrong})
        assert answer.status_code == 400
    lake = Lake.open(str(tmp_path / "w"), tables=TABLES)
    lake.patch("runs", [{"run_id": RUN, "experiment_id": "7"}])
    events = Events(server.url, f"run:{RUN},runs:7")
    assert events.received[0][0] == "hello"
    assert events.headers["content-type"].startswith("text/event-stream")
    assert events.headers["x-accel-buffering"] == "no"
    begun = CLOCK.monotonic()
    lake.append(
        "metrics", [{"run_id": RUN, "key": "loss", "step": 1, "timestamp": 0, "value": 1.0}]
    )
    events.wait(2)
    name, identity, topics, at = events.received[1]
    assert (name, topics) == ("tick", [f"run:{RUN}", "runs:7"])
    assert at - begun < 3
    again = Events(server.url, f"run:{RUN}", last_id=identity)
    assert again.received[0][0] == "hello"
    assert server.stop() < 20
    assert events.is_over.wait(5)
    lake.close()
