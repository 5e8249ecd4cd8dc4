"""The rule for runs whose process died without a word. It stands here and nowhere else.

A run that says RUNNING counts as KILLED when its process on this very machine is gone, or when
its heartbeat is older than `HEARTBEATS_MISSED_MAX` intervals. Runs without a heartbeat come from
clients that send none, so of those nothing is known and they are left as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from mere.services.runs import processes

__all__ = ["HEARTBEATS_MISSED_MAX", "HEARTBEAT_S", "is_dead"]

HEARTBEAT_S = 30
HEARTBEATS_MISSED_MAX = 10
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def is_dead(row: Mapping[str, Any], now_us: int) -> bool:
    """Whether a run's process is dead.

    Args:
        row: The run's `status`, `heartbeat_at` and `source`.
        now_us: The time now, in microseconds since the epoch.
    """
    heartbeat_at = row.get("heartbeat_at")
    if row.get("status") != "RUNNING" or heartbeat_at is None:
        return False
    silent_us = now_us - (heartbeat_at - _EPOCH) // timedelta(microseconds=1)
    if silent_us > HEARTBEAT_S * HEARTBEATS_MISSED_MAX * 1_000_000:
        return True
    source = row.get("source") or {}
    pid, machine = source.get("pid"), source.get("machine")
    if pid is None or machine != processes.this_machine():
        return False
    began = source.get("process_started_at")
    began_us = None if began is None else (began - _EPOCH) // timedelta(microseconds=1)
    return processes.is_gone(pid, began_us)
