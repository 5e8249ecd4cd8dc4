"""Files of runs: a large one, and a folder of ten thousand small ones, beside plain copying.

The peak of memory is that of the whole process and grows only, so it is told as what the work has
added to it; the large file comes first.
"""

from __future__ import annotations

import os
import resource
import shutil
from pathlib import Path

from benchmarks.harness import Bench, Theme, time_once
from benchmarks.points import new_ids
from mere.clock import SystemClock
from mere.services.artifacts.artifacts import Artifacts

__all__ = ["THEME"]

_STORES = ("folder", "s3")


def _run(bench: Bench) -> None:
    for where in _STORES:
        if bench.wants(f"artifacts.large.{where}"):
            _large(bench, where)
    for where in _STORES:
        if bench.wants(f"artifacts.small.{where}"):
            _small(bench, where)


def _large(bench: Bench, where: str) -> None:
    """One sparse file up and down, beside a durable copy of it."""
    size = bench.choose(256 << 20, 2 << 30, 2 << 30)
    bench.say(f"a file of {size >> 20} MB, {where}")
    source = bench.folder / "large"
    with source.open("wb") as out:
        out.truncate(size)
    with bench.lake(where) as lake:
        artifacts = Artifacts(lake, SystemClock())
        owner = new_ids(1)[0]
        artifacts.put_bytes(owner, "warm", b"")
        artifacts.list(owner)
        before = _peak_mb()
        up_s = time_once(lambda: artifacts.put(owner, "large", source))
        again_s = time_once(lambda: artifacts.put(owner, "large", source))
        to = bench.folder / "down"
        down_s = time_once(lambda: artifacts.download(owner, "large", to))
        added = _peak_mb() - before
        shutil.rmtree(to)
    copy_s = time_once(lambda: _copy(source, bench.folder / "copy"))
    source.unlink()
    bench.emit(
        f"artifacts.large.{where}",
        size / up_s / 1e6,
        "MB/s",
        store=bench.s3().kind if where == "s3" else "folder",
        megabytes=size >> 20,
        down_mb_per_s=round(size / down_s / 1e6, 1),
        again_s=round(again_s, 2),
        memory_added_mb=round(added, 1),
        beside={
            "what": "copying it on the same disk, with fsync and no digest",
            "value": round(size / copy_s / 1e6, 1),
            "unit": "MB/s",
            "ratio": round(copy_s / up_s, 3),
        },
    )


def _small(bench: Bench, where: str) -> None:
    """A folder of small files up, up again and down, beside a plain copy."""
    files = bench.choose(1_000, 10_000, 10_000)
    bench.say(f"a folder of {files} files, {where}")
    source = bench.folder / "small"
    for number in range(files):
        file = source / f"{number % 100:02}" / f"{number:05}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(number.to_bytes(8, "big") * 64)
    with bench.lake(where) as lake:
        artifacts = Artifacts(lake, SystemClock())
        owner = new_ids(1)[0]
        before = _peak_mb()
        up_s = time_once(lambda: artifacts.put_folder(owner, "in", source))
        again_s = time_once(lambda: artifacts.put_folder(owner, "in", source))
        to = bench.folder / "down"
        down_s = time_once(lambda: artifacts.download(owner, "in", to))
        added = _peak_mb() - before
        shutil.rmtree(to)
    copy_s = time_once(lambda: shutil.copytree(source, bench.folder / "copied"))
    shutil.rmtree(bench.folder / "copied")
    shutil.rmtree(source)
    bench.emit(
        f"artifacts.small.{where}",
        files / up_s,
        "files/s",
        store=bench.s3().kind if where == "s3" else "folder",
        files=files,
        down_files_per_s=round(files / down_s),
        again_files_per_s=round(files / again_s),
        memory_added_mb=round(added, 1),
        beside={
            "what": "copying the folder on the same disk, without fsync",
            "value": round(files / copy_s),
            "unit": "files/s",
            "ratio": round(copy_s / up_s, 3),
        },
    )


def _copy(source: Path, to: Path) -> None:
    with source.open("rb") as reader, to.open("wb") as writer:
        shutil.copyfileobj(reader, writer, 1 << 20)
        writer.flush()
        os.fsync(writer.fileno())
    to.unlink()


def _peak_mb() -> float:
    """The most memory that this process has had, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


THEME = Theme(
    tuple(f"artifacts.{what}.{where}" for what in ("large", "small") for where in _STORES), _run
)
