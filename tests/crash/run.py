"""The long hunt: ``python -m tests.crash.run --kills 200 --store local`` (or ``s3``)."""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from pathlib import Path

from mere.testing.s3server import run_s3_server
from tests.crash.hunt import Hunt, check
from tests.crash.worker import open_lake

__all__ = ["hunt", "main"]

ROLES = ["write", "write", "write", "fold", "fold", "keep"]


def hunt(
    url: str, cache: Path, environment: dict[str, str], *, kills: int, seed: int, every: int = 5
) -> int:
    """Kill so many processes and check now and then; return how many batches were acknowledged."""
    seen: frozenset[str] = frozenset()
    with (
        Hunt(url, str(cache), environment, ROLES, seed) as hunting,
        open_lake(url, str(cache)) as reader,
    ):
        for number in range(1, kills + 1):
            hunting.kill_one()
            if number % every == 0:
                seen = check(reader, set(hunting.acked), seen)
                if sys.stdout.isatty() or number % 20 == 0:
                    print(f"{number} kills, {len(seen)} batches", flush=True)
    with open_lake(url, str(cache)) as last:
        seen = check(last, hunting.acked, seen)
        last.fold()
        assert check(last, hunting.acked, seen) == seen
        assert not last.view().tail
    return len(hunting.acked)


def main() -> int:
    """Run what the command line asks for; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="how many processes to kill")
    parser.add_argument("--store", choices=("local", "s3"), default="local")
    parser.add_argument("--seed", type=int, default=0, help="decides when whom")
    given = parser.parse_args()
    begun = time.monotonic()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mere-crash-")))
        url, environment = (folder / "lake").as_uri(), dict[str, str]()
        if given.store == "s3":
            server = stack.enter_context(run_s3_server())
            url, environment = server.new_prefix(), dict(server.environment)
            import os

            os.environ.update(environment)
        acked = hunt(url, folder / "cache", environment, kills=given.kills, seed=given.seed)
    took = time.monotonic() - begun
    print(f"{given.kills} kills on {given.store}: {acked} batches acknowledged, none lost, none")
    print(f"doubled, none by half; {took:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
