"""Webhooks: who is told of events, and what became of each delivery.

A secret is kept as an object of its own, where no SQL can read it, and is never given out again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from mere.clock import run_id as new_id
from mere.config import environment, webhook_allow
from mere.entities.limits import check_text
from mere.entities.webhook import (
    Delivery,
    Webhook,
    WebhookStatus,
    check_events,
    check_hook_name,
    check_secret,
    check_url,
)
from mere.errors import ErrorCode, InvalidInput, NotFound
from mere.services.webhooks.guard import AddressGuard

if TYPE_CHECKING:
    import builtins

    from mere.clock import Clock
    from mere.lake import Lake
    from mere.services.webhooks.events import WebhookEvents

__all__ = ["Webhooks"]

_DESCRIPTION_CHARS_MAX = 10_000
_HOOKS_MAX = 1_000
_PAGE_MAX = 1_000


class Webhooks:
    """The webhooks of one warehouse.

    Args:
        lake: Where they are stored.
        clock: For new ids and times.
        events: What happens.
        guard: Says where events may be sent; by default, where the settings let them.
    """

    def __init__(
        self,
        lake: Lake,
        clock: Clock,
        events: WebhookEvents,
        guard: AddressGuard | None = None,
    ) -> None:
        self._lake = lake
        self._clock = clock
        self.events = events
        self._guard = guard

    @property
    def guard(self) -> AddressGuard:
        """Says where events may be sent; made when first needed, as the settings say then."""
        if self._guard is None:
            self._guard = AddressGuard(webhook_allow(environment()))
        return self._guard

    def create(
        self,
        name: str,
        url: str,
        events: Iterable[str],
        *,
        description: str | None = None,
        secret: str | None = None,
        status: str = WebhookStatus.ACTIVE,
        created_by: str | None = None,
    ) -> Webhook:
        """Make a webhook.

        Args:
            name: What it is called.
            url: Where events are sent; it must lead to a public address, or to one allowed.
            events: Which ones, such as ``model_version.created``.
            description: What it is for.
            secret: What deliveries are signed with.
            status: ``ACTIVE`` or ``DISABLED``.
            created_by: The account that makes it.

        Raises:
            InvalidInput: A part cannot be one, or the address is refused.
        """
        if self._lake.scan("webhooks", {"lifecycle": "active"}, ["name"]).num_rows >= _HOOKS_MAX:
            raise InvalidInput(
                ErrorCode.LIMIT_EXCEEDED,
                f"there are {_HOOKS_MAX:,} webhooks: delete one first",
                limit=_HOOKS_MAX,
            )
        now = self._clock.now_us()
        row: dict[str, Any] = {
            "webhook_id": new_id(self._clock),
            "name": check_hook_name(name),
            "url": self.guard.check(check_url(url)),
            "events": check_events(events),
            "description": _description(description),
            "status": WebhookStatus.of(status),
            "lifecycle": "active",
            "registered_at": now,
            "changed_at": now,
            "created_by": created_by,
        }
        if secret:
            row["secret_key"] = self._keep(row["webhook_id"], secret)
        self._lake.patch("webhooks", [row])
        return self.get(row["webhook_id"])

    def get(self, webhook_id: str) -> Webhook:
        """Return a webhook.

        Raises:
            NotFound: There is none of that id.
        """
        row = self._lake.get("webhooks", webhook_id)
        if row is None or row["lifecycle"] != "active":
            raise NotFound(
                ErrorCode.WEBHOOK_NOT_FOUND,
                f"there is no webhook with id {webhook_id!r}",
                webhook_id=webhook_id,
            )
        return _entity(row)

    def list(self) -> builtins.list[Webhook]:
        """All webhooks, newest first."""
        rows = self._lake.scan("webhooks", where={"lifecycle": "active"}).to_pylist()
        found = [_entity(row) for row in rows]
        return sorted(found, key=lambda one: one.webhook_id, reverse=True)

    def update(
        self,
        webhook_id: str,
        *,
        name: str | None = None,
        url: str | None = None,
        events: Iterable[str] | None = None,
        description: str | None = None,
        secret: str | None = None,
        status: str | None = None,
    ) -> Webhook:
        """Change what is given; a secret of ``""`` ends the signing.

        Raises:
            NotFound: There is no such webhook.
            InvalidInput: A part cannot be one, or the address is refused.
        """
        self.get(webhook_id)
        change: dict[str, Any] = {"changed_at": self._clock.now_us()}
        if name is not None:
            change["name"] = check_hook_name(name)
        if url is not None:
            change["url"] = self.guard.check(check_url(url))
        if events is not None:
            change["events"] = check_events(events)
        if description is not None:
            change["description"] = _description(description)
        if status is not None:
            change["status"] = WebhookStatus.of(status)
        if secret is not None:
            change["secret_key"] = self._keep(webhook_id, secret) if secret else None
        self._lake.patch("webhooks", [{"webhook_id": webhook_id, **change}])
        return self.get(webhook_id)

    def delete(self, webhook_id: str) -> None:
        """Delete a webhook; what was to be sent to it is not.

        Raises:
            NotFound: There is no such webhook.
        """
        found = self.get(webhook_id)
        gone = {"lifecycle": "deleted", "changed_at": self._clock.now_us(), "secret_key": None}
        self._lake.patch("webhooks", [{"webhook_id": webhook_id, **gone}])
        if found.secret_key is not None:
            self._lake.blobs.delete([found.secret_key])

    def secret(self, hook: Webhook) -> str | None:
        """What a webhook's deliveries are signed with; for those who send them."""
        if hook.secret_key is None:
            return None
        return self._lake.blobs.get(hook.secret_key).decode()

    def deliveries(self, webhook_id: str, *, limit: int = 100) -> builtins.list[Delivery]:
        """What was sent to a webhook and what is still to be sent, newest first.

        Raises:
            NotFound: There is no such webhook.
        """
        self.get(webhook_id)
        rows = self._lake.sql(
            "select * from webhook_deliveries where webhook_id = $id "
            "order by delivery_id desc limit $limit",
            params={"id": webhook_id, "limit": min(limit, _PAGE_MAX)},
        )
        return [
            msgspec.convert({k: v for k, v in row.items() if v is not None}, Delivery)
            for row in rows.to_pylist()
        ]

    def _keep(self, webhook_id: str, secret: str) -> str:
        key = f"secrets/webhooks/{webhook_id}-{self._clock.random_bits(64):016x}"
        self._lake.store.put(key, check_secret(secret).encode())
        return key


def _description(text: str | None) -> str | None:
    if text is None:
        return None
    return check_text(text, "description", _DESCRIPTION_CHARS_MAX, "shorten it")


def _entity(row: dict[str, Any]) -> Webhook:
    return msgspec.convert({k: v for k, v in row.items() if v is not None}, Webhook)
