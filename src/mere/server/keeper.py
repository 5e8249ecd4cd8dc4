"""The process of a server that folds the journal and keeps the warehouse in order.

It holds nothing: killed at any moment, the next one goes on. Several keepers of several replicas
may work on one warehouse; losing the race for a root is cheap. It ends when its parent closes its
standard input, by dying or by choice.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading

import msgspec

from mere.clock import Clock
from mere.config import ServerSettings
from mere.errors import MereError
from mere.server.observing import log_to_stderr
from mere.server.serving import settings_of_worker
from mere.services.warehouse import Warehouse, open_warehouse
from mere.services.webhooks.sender import WebhookSender

__all__ = ["Keeper", "main", "next_pause"]

_log = logging.getLogger("mere.server.keeper")

_FOLD_SEGMENTS = 256
_FOLD_AGE_S = 60.0
_PAUSE_S_MAX = 5.0
_UPKEEP_S = 300.0
_REAP_S = 60.0
_FORGET_S = 86_400.0
_FORGET_FIRST_S = 3_600.0


class Keeper:
    """Decides when there is something to do.

    Args:
        warehouse: What to keep.
        clock: For what was done when.
    """

    def __init__(self, warehouse: Warehouse, clock: Clock) -> None:
        self._warehouse = warehouse
        self._clock = clock
        now = clock.monotonic()
        self._folded_at = now
        self._kept_at = now
        self._reaped_at = now
        # Within an hour of its start, so that a server that is restarted daily does it, too.
        self._forgot_at = now - _FORGET_S + _FORGET_FIRST_S

    def look(self) -> int:
        """Do what is due, and return how many segments there were.

        That is to fold a long or old tail, upkeep, to end the runs whose process died, and once a
        day to forget what is of no use any more.
        """
        now = self._clock.monotonic()
        segments = self._warehouse.tail_segments()
        is_old = now - self._folded_at > _FOLD_AGE_S
        if segments >= _FOLD_SEGMENTS or (segments and is_old):
            report = self._warehouse.lake.fold()
            self._folded_at = self._clock.monotonic()
            fields = {"segments": report.segments, "records": report.records, "root": report.root}
            _log.info("folded", extra={"fields": fields})
        if now - self._reaped_at > _REAP_S:
            self._warehouse.runs.reap()
            self._reaped_at = now
        if now - self._kept_at > _UPKEEP_S:
            self._warehouse.lake.upkeep()
            self._kept_at = now
        if now - self._forgot_at > _FORGET_S:
            self._forgot_at = now
            forgotten = self._warehouse.housekeeping.forget_old()
            _log.info("forgot", extra={"fields": msgspec.structs.asdict(forgotten)})
        return segments


def next_pause(pause_s: float, segments: int, fold_s: float) -> float:
    """How long to wait for the next look: longer and longer while there is nothing to fold.

    Args:
        pause_s: The pause before this look.
        segments: How many segments it found.
        fold_s: The pause while something is written, and the least there is.
    """
    # Where nothing is written, each look is a request for nothing.
    return fold_s if segments else max(fold_s, min(_PAUSE_S_MAX, pause_s * 1.5))


def main() -> int:
    """Keep the warehouse of the settings until the standard input ends; return the exit code."""
    log_to_stderr()
    settings = settings_of_worker()
    try:
        warehouse = open_warehouse(settings.warehouse)
        warehouse.lake.refresh()
    except MereError as error:
        print(error.code, error.message, flush=True)  # noqa: T201  it is what the parent reads
        return 1
    with contextlib.suppress(BrokenPipeError):  # the parent is gone already
        print("ready", flush=True)  # noqa: T201
        _keep(settings, warehouse)
    return 0


def _keep(settings: ServerSettings, warehouse: Warehouse) -> None:
    is_over = threading.Event()
    threading.Thread(target=_watch_parent, args=(is_over,), daemon=True).start()
    keeper = Keeper(warehouse, warehouse.clock)
    WebhookSender(warehouse).start()
    pause_s = settings.fold_s or None
    while not is_over.wait(pause_s):
        try:
            segments = keeper.look()
            if pause_s is not None:
                pause_s = next_pause(pause_s, segments, settings.fold_s)
        except MereError as error:
            _log.warning("could not keep the warehouse: %s", error)
        except Exception:  # noqa: BLE001  the next look may do better
            _log.exception("a bug in mere: could not keep the warehouse")


def _watch_parent(is_over: threading.Event) -> None:
    sys.stdin.buffer.read()
    is_over.set()


if __name__ == "__main__":
    # Threads that wait for the parent, and for webhooks, know no end; nothing is left to be done.
    os._exit(main())
