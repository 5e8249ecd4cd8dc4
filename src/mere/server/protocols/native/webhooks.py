"""Webhooks: who is told of events, and what became of each delivery."""

from __future__ import annotations

from datetime import datetime

import msgspec

from mere.entities.webhook import EVENTS, Delivery, Webhook
from mere.server.operations import Call
from mere.server.protocols.native.wire import ADMIN, operation
from mere.services.webhooks.delivery import HookTest, WebhookDelivery

__all__ = ["OPERATIONS"]

_PATH = "/api/v1/webhooks"
_ONE = f"{_PATH}/{{webhook_id}}"
_SHOWN = 100


class NewHook(msgspec.Struct):
    """A webhook to be made."""

    name: str
    url: str
    events: list[str]
    description: str | None = None
    secret: str | None = None
    status: str = "ACTIVE"


class HookChange(msgspec.Struct):
    """What to change of a webhook; a secret of ``""`` ends the signing."""

    name: str | None = None
    url: str | None = None
    events: list[str] | None = None
    description: str | None = None
    secret: str | None = None
    status: str | None = None


class Hook(msgspec.Struct):
    """A webhook as it is shown: without its secret."""

    webhook_id: str
    name: str
    url: str
    events: list[str]
    status: str
    is_signed: bool
    description: str | None = None
    registered_at: datetime | None = None
    changed_at: datetime | None = None
    created_by: str | None = None


class Hooks(msgspec.Struct):
    """All webhooks, and the events there are."""

    webhooks: list[Hook]
    events: list[str]


class WhichTest(msgspec.Struct):
    """An example of which event to send."""

    event: str | None = None


class Deliveries(msgspec.Struct):
    """What was sent and is to be sent, newest first."""

    deliveries: list[Delivery]


def _shown(hook: Webhook) -> Hook:
    plain = msgspec.structs.asdict(hook)
    known = {name: plain[name] for name in Hook.__struct_fields__ if name in plain}
    return Hook(**known, is_signed=hook.secret_key is not None)


@operation("GET", _PATH, permission=ADMIN, answer=Hooks)
def list_webhooks(call: Call) -> Hooks:
    """All webhooks, newest first."""
    return Hooks([_shown(hook) for hook in call.warehouse.webhooks.list()], list(EVENTS))


@operation("POST", _PATH, permission=ADMIN, request=NewHook, answer=Hook, status=201)
def create_webhook(call: Call) -> Hook:
    """Have events sent somewhere."""
    data: NewHook = call.data
    made = call.warehouse.webhooks.create(
        data.name,
        data.url,
        data.events,
        description=data.description,
        secret=data.secret,
        status=data.status,
        created_by=call.actor.name,
    )
    return _shown(made)


@operation("GET", _ONE, permission=ADMIN, answer=Hook)
def get_webhook(call: Call) -> Hook:
    """One webhook."""
    return _shown(call.warehouse.webhooks.get(call.path["webhook_id"]))


@operation("PATCH", _ONE, permission=ADMIN, request=HookChange, answer=Hook)
def change_webhook(call: Call) -> Hook:
    """Change what is given of a webhook."""
    data: HookChange = call.data
    changed = call.warehouse.webhooks.update(
        call.path["webhook_id"],
        name=data.name,
        url=data.url,
        events=data.events,
        description=data.description,
        secret=data.secret,
        status=data.status,
    )
    return _shown(changed)


@operation("DELETE", _ONE, permission=ADMIN, status=204)
def delete_webhook(call: Call) -> None:
    """Delete a webhook; what was to be sent to it is not."""
    call.warehouse.webhooks.delete(call.path["webhook_id"])


@operation("POST", f"{_ONE}/test", permission=ADMIN, request=WhichTest, answer=HookTest)
def send_test(call: Call) -> HookTest:
    """Send an example to a webhook now, and say how it went."""
    data: WhichTest = call.data
    warehouse = call.warehouse
    delivery = WebhookDelivery(warehouse.lake, warehouse.clock, warehouse.webhooks)
    return delivery.test(call.path["webhook_id"], data.event)


@operation("GET", f"{_ONE}/deliveries", permission=ADMIN, answer=Deliveries)
def list_deliveries(call: Call) -> Deliveries:
    """What was sent to a webhook and what is still to be sent, newest first."""
    return Deliveries(call.warehouse.webhooks.deliveries(call.path["webhook_id"], limit=_SHOWN))


OPERATIONS = (
    list_webhooks,
    create_webhook,
    get_webhook,
    change_webhook,
    delete_webhook,
    send_test,
    list_deliveries,
)
