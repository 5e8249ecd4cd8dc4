"""What this machine knows of its processes: enough to say that one of them is gone.

A process number means something only within one boot and one process namespace (two containers
of a machine both have a process 1), and numbers are used again. So a process is named by
machine, number and starting time.
"""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

import psutil

__all__ = ["is_gone", "process_started_us", "this_machine"]

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = Path("/proc/self/ns/pid")
# The machine's clock may be set after a process has begun, which moves its starting time.
_START_TOLERANCE_US = 60_000_000


@cache
def this_machine() -> str:
    """The space of process numbers this process lives in, named uniquely."""
    try:
        return f"{_BOOT_ID.read_text().strip()}/{_NAMESPACE.readlink()}"
    except OSError:
        return f"{platform.node()}/{int(psutil.boot_time())}"


def process_started_us(pid: int) -> int | None:
    """When a process of this machine began, in microseconds; None if that cannot be told."""
    try:
        return int(psutil.Process(pid).create_time() * 1e6)
    except (psutil.Error, ValueError):
        return None


def is_gone(pid: int, started_us: int | None) -> bool:
    """Whether the process of that number and start no longer runs on this machine."""
    if not psutil.pid_exists(pid):
        return True
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return True
        began_us = int(process.create_time() * 1e6)
    except (psutil.Error, ValueError):
        # It is there, and others' processes may be hidden from us: believe that it lives.
        return False
    return started_us is not None and abs(began_us - started_us) > _START_TOLERANCE_US
