"""Events: what happened becomes rows of what is to be sent, written together with the change.

So an event is sent if, and only if, what it tells of is durable, also where the process that made
the change has no network, or dies at once: whoever delivers finds the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from mere.clock import run_id as new_id
from mere.entities.webhook import DeliveryStatus, WebhookStatus

if TYPE_CHECKING:
    from mere.clock import Clock
    from mere.lake import Lake
    from mere.services.registry.turns import Patches

__all__ = ["WebhookEvents"]


class WebhookEvents:
    """The events of one warehouse.

    Args:
        lake: Where webhooks and deliveries are stored.
        clock: For new ids and times.
    """

    def __init__(self, lake: Lake, clock: Clock) -> None:
        self._lake = lake
        self._clock = clock
        self.on_event: Callable[[], None] | None = None
        """Called when there may be something to be sent."""

    def add(self, patches: Patches, event: str, data: Mapping[str, Any]) -> None:
        """Add the deliveries of an event to the patches of the change it tells of."""
        rows = [self._row(hook, event, data) for hook in self._hooks(event)]
        if rows:
            patches.setdefault("webhook_deliveries", []).extend(rows)

    def happened(self) -> None:
        """Say that a change has been written, so that its events are sent soon."""
        if self.on_event is not None:
            self.on_event()

    def _hooks(self, event: str) -> list[str]:
        columns = ["webhook_id", "events", "lifecycle"]
        found = self._lake.scan("webhooks", where={"status": WebhookStatus.ACTIVE}, columns=columns)
        return [
            row["webhook_id"]
            for row in found.to_pylist()
            if row["lifecycle"] == "active" and event in (row["events"] or ())
        ]

    def _row(self, webhook_id: str, event: str, data: Mapping[str, Any]) -> dict[str, Any]:
        now = self._clock.now_us()
        return {
            "delivery_id": new_id(self._clock),
            "webhook_id": webhook_id,
            "event": event,
            "payload": msgspec.json.encode(data).decode(),
            "status": str(DeliveryStatus.PENDING),
            "attempts": 0,
            "happened_at": now,
            "due_at": now,
        }
