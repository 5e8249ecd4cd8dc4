"""The thread that sends events in the background, in whatever process keeps a warehouse."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from mere.errors import MereError
from mere.services.webhooks.delivery import WebhookDelivery

if TYPE_CHECKING:
    from mere.services.warehouse import Warehouse

__all__ = ["WebhookSender"]

_log = logging.getLogger("mere.webhooks")
_LOOK_S = 1.0


class WebhookSender:
    """Sends what is due until it is stopped.

    Args:
        warehouse: Whose events.
        look_s: How often to look what is due.
    """

    def __init__(self, warehouse: Warehouse, *, look_s: float = _LOOK_S) -> None:
        self._delivery = WebhookDelivery(warehouse.lake, warehouse.clock, warehouse.webhooks)
        self._look_s = look_s
        self._is_over = threading.Event()
        self._due = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mere webhooks", daemon=True)
        warehouse.webhooks.events.on_event = self._due.set

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after what is being sent; what is left is sent by whoever comes next."""
        self._is_over.set()
        self._due.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_over.is_set():
            try:
                self._delivery.send_due()
            except MereError as error:
                _log.warning("events could not be sent: %s", error)
            except Exception:  # noqa: BLE001  the next look may do better
                _log.exception("a bug in mere: events could not be sent")
            self._due.wait(self._look_s)
            self._due.clear()
