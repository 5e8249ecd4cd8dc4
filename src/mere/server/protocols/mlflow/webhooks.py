"""Webhooks in MLflow's protocol. Events of our own are not shown: clients know them not."""

from __future__ import annotations

from typing import Any

from mere.entities.webhook import Webhook
from mere.errors import ErrorCode, NotFound
from mere.server.operations import Call
from mere.server.protocols.mlflow.errors import invalid, not_there
from mere.server.protocols.mlflow.wire import ADMIN, Int64, Request, message, operation
from mere.server.protocols.mlflow.words import millis
from mere.services.webhooks.delivery import WebhookDelivery

__all__ = ["OPERATIONS"]

_HOOKS = "/*/2.0/mlflow/webhooks"
_PAGE, _PAGE_MAX = 100, 1_000
_ENTITIES = (
    "REGISTERED_MODEL",
    "MODEL_VERSION",
    "MODEL_VERSION_TAG",
    "MODEL_VERSION_ALIAS",
    "PROMPT",
    "PROMPT_VERSION",
    "PROMPT_TAG",
    "PROMPT_VERSION_TAG",
    "PROMPT_ALIAS",
)


class _Event(Request):
    entity: str = ""
    action: str = ""

    @property
    def name(self) -> str:
        """The event's name, as we call it."""
        return f"{self.entity.lower()}.{self.action.lower()}"


class _Create(Request):
    required = ("name", "url")
    name: str = ""
    url: str = ""
    events: tuple[_Event, ...] = ()
    description: str = ""
    secret: str = ""
    status: str = ""


class _List(Request):
    max_results: Int64 | None = None
    page_token: str = ""


class _Update(Request):
    name: str = ""
    url: str = ""
    events: tuple[_Event, ...] = ()
    description: str | None = None
    secret: str | None = None
    status: str = ""


class _Test(Request):
    event: _Event | None = None


def _shown(hook: Webhook) -> dict[str, Any]:
    events = [event.upper().split(".") for event in hook.events]
    return message(
        webhook_id=hook.webhook_id,
        name=hook.name,
        url=hook.url,
        events=[{"entity": e, "action": a} for e, a in events if e in _ENTITIES],
        description=hook.description or None,
        status=hook.status,
        creation_timestamp=millis(hook.registered_at),
        last_updated_timestamp=millis(hook.changed_at),
    )


@operation("POST", _HOOKS, permission=ADMIN, request=_Create)
def create_webhook(call: Call) -> dict[str, Any]:
    """Have events sent somewhere."""
    data: _Create = call.data
    made = call.warehouse.webhooks.create(
        data.name,
        data.url,
        [event.name for event in data.events],
        description=data.description or None,
        secret=data.secret or None,
        status=data.status or "ACTIVE",
        created_by=call.actor.name,
    )
    return {"webhook": _shown(made)}


@operation("GET", _HOOKS, permission=ADMIN, request=_List)
def list_webhooks(call: Call) -> dict[str, Any]:
    """All webhooks, newest first, page by page."""
    data: _List = call.data
    size = data.max_results or _PAGE
    if not 1 <= size <= _PAGE_MAX:
        raise invalid(f"max_results must be between 1 and {_PAGE_MAX}.")
    shown = [_shown(hook) for hook in call.warehouse.webhooks.list()]
    # Ids sort by time, newest first here, so a page ends at an id.
    known = [one for one in shown if "events" in one]
    left = [one for one in known if not data.page_token or one["webhook_id"] < data.page_token]
    page = left[:size]
    more = page[-1]["webhook_id"] if len(left) > size else None
    return message(webhooks=page, next_page_token=more)


@operation("GET", f"{_HOOKS}/{{webhook_id}}", permission=ADMIN)
def get_webhook(call: Call) -> dict[str, Any]:
    """One webhook."""
    return {"webhook": _shown(_found(call))}


@operation("PATCH", f"{_HOOKS}/{{webhook_id}}", permission=ADMIN, request=_Update)
def update_webhook(call: Call) -> dict[str, Any]:
    """Change what is given of a webhook."""
    data: _Update = call.data
    known = _found(call)
    changed = call.warehouse.webhooks.update(
        known.webhook_id,
        name=data.name or None,
        url=data.url or None,
        events=[event.name for event in data.events] or None,
        description=data.description,
        secret=data.secret,
        status=data.status or None,
    )
    return {"webhook": _shown(changed)}


@operation("DELETE", f"{_HOOKS}/{{webhook_id}}", permission=ADMIN)
def delete_webhook(call: Call) -> dict[str, Any]:
    """Delete a webhook."""
    call.warehouse.webhooks.delete(_found(call).webhook_id)
    return {}


@operation("POST", f"{_HOOKS}/{{webhook_id}}/test", permission=ADMIN, request=_Test)
def test_webhook(call: Call) -> dict[str, Any]:
    """Send an example to a webhook now, and say how it went."""
    data: _Test = call.data
    warehouse = call.warehouse
    delivery = WebhookDelivery(warehouse.lake, warehouse.clock, warehouse.webhooks)
    event = data.event.name if data.event is not None and data.event.entity else None
    went = delivery.test(_found(call).webhook_id, event)
    result = message(
        success=went.success,
        response_status=went.response_status,
        response_body=went.response_body,
        error_message=went.error,
    )
    return {"result": result}


def _found(call: Call) -> Webhook:
    webhook_id = call.path["webhook_id"]
    try:
        return call.warehouse.webhooks.get(webhook_id)
    except NotFound as error:
        if error.code != ErrorCode.WEBHOOK_NOT_FOUND:
            raise
        raise not_there(f"Webhook with ID {webhook_id} not found.") from error


OPERATIONS = (
    create_webhook,
    list_webhooks,
    get_webhook,
    update_webhook,
    delete_webhook,
    test_webhook,
)
