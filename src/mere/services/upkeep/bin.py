"""Whether a run in the bin comes back or goes for good: decided once, by the create of one object.

A restore and a collection may meet at one run, and the order of their rows does not tell which of
them the other has seen. So each first creates ``bin/<run id>-<time of the deletion>`` with its
word, and goes on only where that word stands. Of two that say the same both go on: so does one
that was killed and comes again. The objects are of use for as long as both may be under way; a
collection removes those that are older than a day.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mere.errors import AlreadyExists

if TYPE_CHECKING:
    from mere.clock import Clock
    from mere.lake import Lake

__all__ = ["REMOVE", "RESTORE", "decide", "forget_old"]

RESTORE = b"restore"
REMOVE = b"remove"
_FOLDER = "bin/"
_KEPT_US = 86_400_000_000


def decide(lake: Lake, deleted_us: Mapping[str, int | None], word: bytes) -> list[str]:
    """Say one word about runs in the bin.

    Args:
        lake: The lake.
        deleted_us: When each run was put into the bin, by its id.
        word: `RESTORE` or `REMOVE`.

    Returns:
        The runs about which the other word has not been said, sorted.
    """
    won: list[str] = []
    lock = threading.Lock()

    def say(run_id: str) -> None:
        try:
            lake.blobs.put(f"{_FOLDER}{run_id}-{deleted_us[run_id] or 0}", word)
        except AlreadyExists:
            return
        with lock:
            won.append(run_id)

    lake.blobs.each(sorted(deleted_us), say)
    return sorted(won)


def forget_old(lake: Lake, clock: Clock) -> None:
    """Remove the words that nobody needs any more."""
    before_us = clock.now_us() - _KEPT_US
    old = [info.key for info in lake.blobs.list(_FOLDER) if info.modified_us < before_us]
    lake.blobs.delete(old)
