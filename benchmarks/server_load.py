"""Raw HTTP load: by wrk where it is installed, else by a small generator of our own."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

__all__ = ["Loaded", "load"]

_SCRIPT = Path(__file__).with_name("server_load.lua")
_CALLS = itertools.count()
_NUMBERS_A_CALL = 10_000_000


@dataclass(frozen=True)
class Loaded:
    """What a server answered under load."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    failed: int
    by: str

    @property
    def per_s(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


def load(url: str, body: str, folder: Path, *, connections: int, seconds: float) -> Loaded:
    """Post a body over and over, over so many connections, each with one request at a time.

    Args:
        url: Where to.
        body: JSON, in which ``{n}`` becomes a number of its own for each request of this process:
            to send the same point again is no work, as servers know it.
        folder: For a file that says this to wrk.
        connections: How many.
        seconds: For so long.
    """
    first = next(_CALLS) * _NUMBERS_A_CALL
    if shutil.which("wrk") is None:
        return asyncio.run(_generate(url, body, first, connections, seconds))
    file = folder / "body.json"
    file.write_text(body)
    threads = min(2, connections)
    words = ["wrk", f"-t{threads}", f"-c{connections}", f"-d{max(1, round(seconds))}s"]
    words += [
        "--timeout",
        "60s",
        "-s",
        str(_SCRIPT),
        url,
        "--",
        str(file),
        str(threads),
        str(first),
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    line = next(one for one in done.stdout.splitlines() if one.startswith("RESULT "))
    return Loaded(**json.loads(line.removeprefix("RESULT ")), by="wrk")


async def _generate(url: str, body: str, first: int, connections: int, seconds: float) -> Loaded:
    parts = urlsplit(url)
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        "Content-Type: application/json\r\nContent-Length: "
    )
    taken: list[float] = []
    failed = 0
    number = first
    began = time.perf_counter()

    async def client() -> None:
        nonlocal failed, number
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        while time.perf_counter() - began < seconds:
            number += 1
            text = body.replace("{n}", str(number)).encode()
            sent = time.perf_counter()
            writer.write(f"{head}{len(text)}\r\n\r\n".encode() + text)
            answer = await reader.readuntil(b"\r\n\r\n")
            fields = answer.decode("latin-1").lower().split("\r\n")
            length = next(one for one in fields if one.startswith("content-length:"))
            await reader.readexactly(int(length.partition(":")[2]))
            failed += not fields[0].split()[1].startswith("2")
            taken.append(time.perf_counter() - sent)
        writer.close()

    await asyncio.gather(*(client() for _ in range(connections)))
    took = time.perf_counter() - began
    taken.sort()
    return Loaded(
        len(taken),
        took,
        taken[len(taken) // 2] * 1000,
        taken[len(taken) * 99 // 100] * 1000,
        failed,
        "asyncio",
    )
