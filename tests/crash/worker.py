"""What the processes do that are killed: write and say so, fold, keep up. No end of their own."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import threading
import time
from collections.abc import Mapping

from mere.errors import MereError, Unavailable
from mere.lake import Column, Lake, LakeSettings, Table

__all__ = ["TABLES", "open_lake", "work"]

TABLES = (
    Table("events", (Column("batch", "string"), Column("n", "long")), sort=("batch", "n")),
    Table("things", (Column("batch", "string"), Column("name", "string")), key=("batch",)),
)
_SETTINGS = LakeSettings(
    keyed_file_rows=200,
    log_file_rows=1_000,
    manifests_max=6,
    snapshots_kept=4,
    compact_files_min=3,
    parallel_requests=4,
    orphan_ms=20_000,
    fold_ms_max=5_000,
    root_spacing=((10_000, 0),),
    roots_min=2,
)


def open_lake(url: str, cache: str) -> Lake:
    """Open the warehouse under test."""
    from pathlib import Path

    return Lake.open(url, tables=TABLES, settings=_SETTINGS, cache=Path(cache))


def work(
    role: str, url: str, cache: str, name: str, environment: Mapping[str, str], said: int
) -> None:
    """Be a process of a role until killed.

    Args:
        role: ``write``, ``fold`` or ``keep``; ``write:10`` is ten slower writers at once.
        url: The warehouse.
        cache: The folder for local copies.
        name: Begins the ids of all batches.
        environment: Variables that reach the store.
        said: A pipe: one line when ready, then the id of each batch once it is acknowledged.
    """
    os.environ.update(environment)
    kind, _, number = role.partition(":")
    pause_s = 1.0 if number else 0.01
    if kind == "write":
        threads = [
            threading.Thread(
                target=_write,
                args=(url, cache, f"{name}.{n}", pause_s, said),
                daemon=True,
            )
            for n in range(int(number or 1))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return
    with open_lake(url, cache) as lake:
        os.write(said, b"ready\n")
        while True:
            with contextlib.suppress(Unavailable):
                if kind == "fold":
                    lake.fold()
                else:
                    lake.upkeep()
            if kind == "keep":
                time.sleep(0.05)


def _write(url: str, cache: str, name: str, pause_s: float, said: int) -> None:
    chance = random.Random(name)
    with open_lake(url, cache) as lake:
        os.write(said, b"ready\n")
        for number in itertools.count():
            batch_id = f"{name}.{number:06d}"
            try:
                with lake.batch() as batch:
                    batch.append("events", [{"batch": batch_id, "n": n} for n in range(2)])
                    batch.patch("things", [{"batch": batch_id, "name": batch_id}])
            except MereError as error:
                os.write(said, f"error {error!r}\n".encode())
                raise
            os.write(said, f"{batch_id}\n".encode())
            time.sleep(chance.random() * pause_s)
