"""Where a run comes from, found out beside its sending.

To look through the code takes long where there is much of it, or where the machine is busy. So it
is done in a thread of its own. A run's row is written with what is known at once (host, process),
and what is found later follows it as a patch, after the objects that this names.
"""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import Any

import msgspec

from mere.client.beginning import RunSpec
from mere.client.capture import Captured, capture
from mere.client.hand import Hand, Job
from mere.client.intake import Intake
from mere.client.outbox import Outbox
from mere.errors import MereError, Unavailable
from mere.services.warehouse import Warehouse

__all__ = ["Origin"]

_FIRST_S = 1.0


class Origin:
    """Captures where one run comes from.

    Args:
        spec: The run.
        outbox: Where code waits that the store does not take in time.
    """

    def __init__(self, spec: RunSpec, outbox: Outbox) -> None:
        self._spec = spec
        self._outbox = outbox
        self._looking: Job[Captured] | None = None
        self._is_owed = False

    def start(self) -> None:
        """Begin to look."""
        looker = Hand(f"mere looks {self._spec.name}")
        looker.start()
        self._looking = looker.give(lambda: capture(is_wanted=self._spec.has_capture))
        looker.stop()

    def first(self, wait_s: float = _FIRST_S) -> tuple[Captured, bool]:
        """What is known for the run's row, and whether that is all there is to be known."""
        whole = self._whole(wait_s)
        return (whole, True) if whole is not None else (capture(is_wanted=False), False)

    def owe(self) -> None:
        """The row was made from less than all: tell the rest when it is known."""
        self._is_owed = True

    def wait(self, timeout_s: float) -> None:
        """Wait until the rest is known, if it is owed."""
        if self._is_owed:
            self._whole(timeout_s)

    def tell(
        self, intake: Intake, hand: Hand, warehouse: Warehouse | None, patience_s: float
    ) -> None:
        """Tell the rest once it is known, and what it names is stored or on disk.

        Args:
            intake: What is told.
            hand: Stores it.
            warehouse: Where; None while it must wait on disk.
            patience_s: How long to wait for the store.
        """
        if not self._is_owed or (whole := self._whole(0.0)) is None:
            return
        self._is_owed = False  # what fails by a bug is not tried at each sending
        objects = list(whole.objects.values())
        if warehouse is None or not _store(objects, hand, warehouse, patience_s):
            try:
                for data in objects:
                    self._outbox.hold("code", {}, data)
            except Unavailable:
                self._is_owed = True  # the disk is full: another time
                return
        # It is newer than what the row says, should that wait to be sent still.
        intake.take(("columns", _columns(whole), None, None))

    def _whole(self, wait_s: float) -> Captured | None:
        looking = self._looking
        if looking is None or not looking.wait(wait_s):
            return None
        return looking.result()


def _store(objects: list[bytes], hand: Hand, warehouse: Warehouse, patience_s: float) -> bool:
    """Whether the store took the objects in time; to store one twice changes nothing."""

    def put() -> None:
        for data in objects:
            warehouse.code.put(data)

    storing = hand.give(put)
    if not storing.wait(patience_s):
        return False
    with contextlib.suppress(MereError):
        storing.result()
        return True
    return False


def _columns(whole: Captured) -> dict[str, Any]:
    """What a row lacks that was made without it: tags and seeds were known at once."""
    known = {name: value for name, value in whole.columns().items() if name == "command"}
    if whole.source.pid is not None:  # else nothing could be found out, not even that
        known["source"] = msgspec.to_builtins(whole.source, builtin_types=(datetime,))
    return known
