"""How much of this machine's disk may be taken by what waits to be sent.

The bound is for all spools of a user together, whoever made them: processes that were killed leave
theirs, and many may run at once. What is on disk is measured now and then, and what this process
adds is counted in between.

Files may fill nine tenths, so that records, which are small, find room for longer. Records are
taken while there is any room at all: how large they are is only known when they are packed, and to
pack them in vain once a second would cost the training time. So the bound may be exceeded by a
segment of each process.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from pathlib import Path

from mere.clock import Clock
from mere.errors import ErrorCode, Unavailable

__all__ = ["Room"]

_log = logging.getLogger("mere")

_MEASURE_S = 5.0
_SHARE = 20
"""Measuring may take one part in so many of the time: there may be very many files."""


class Room:
    """The room below the folder of all spools; safe for use by several threads.

    Args:
        root: That folder.
        bytes_max: How much it may hold.
        clock: Time.
    """

    def __init__(self, root: Path, bytes_max: int, clock: Clock) -> None:
        self._root = root
        self._bytes_max = bytes_max
        self._clock = clock
        self._lock = threading.Lock()
        self._bytes = 0
        self._due = -1.0
        self._is_warned = False

    def check(self) -> None:
        """See whether there is room for records.

        Raises:
            Unavailable: There is none.
        """
        self.take(0)

    def take(self, size: int, *, is_file: bool = False) -> None:
        """Count something that is about to be written; raises as `check` does.

        Args:
            size: How many bytes it has.
            is_file: Whether it is a file, which has to fit, and not into the last tenth.
        """
        with self._lock:
            if self._clock.monotonic() >= self._due:
                self._measure()
            limit = self._bytes_max - self._bytes_max // 10 if is_file else self._bytes_max
            is_full = self._bytes + size > limit if is_file else self._bytes >= limit
            if not is_full:
                self._bytes += size
                return
            is_first, self._is_warned = not self._is_warned, True
            error = self._refusal()
        if is_first:
            _log.warning(
                "%s. Training goes on; what does not fit waits in memory, as far as that has room, "
                "and is lost with the process",
                error.message,
            )
        raise error

    def measure_soon(self) -> None:
        """Something was removed."""
        self._due = -1.0

    def _measure(self) -> None:
        began = self._clock.monotonic()
        self._bytes = _bytes_below(self._root)
        now = self._clock.monotonic()
        self._due = now + max(_MEASURE_S, _SHARE * (now - began))

    def _refusal(self) -> Unavailable:
        return Unavailable(
            ErrorCode.STORE_FULL,
            f"{self._bytes:,} bytes wait in {self._root}, of {self._bytes_max:,} that may: run "
            "`mere sync` where the store can be reached, or set MERE_SPOOL_GB higher",
            waiting=self._bytes,
            limit=self._bytes_max,
        )


def _bytes_below(folder: Path) -> int:
    """What all files below a folder have; what vanishes meanwhile has nothing."""
    total, folders = 0, [str(folder)]
    while folders:
        try:
            with os.scandir(folders.pop()) as found:
                for one in found:
                    with contextlib.suppress(OSError):
                        if one.is_dir(follow_symlinks=False):
                            folders.append(one.path)
                        else:
                            total += one.stat(follow_symlinks=False).st_size
        except OSError:
            continue
    return total
