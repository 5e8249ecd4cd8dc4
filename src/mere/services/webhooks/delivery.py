"""Sending events: each until it is taken or given up, whoever sends it.

Any number of processes send; an attempt is claimed before it is made, so that two never make the
same. A process that dies while sending leaves an attempt of which nobody knows how it ended: it
counts as failed after a while, and the next one is made. So an event may come twice, with the same
delivery id, and is never lost without a row that says so.

A delivery is signed the way MLflow signs: HMAC-SHA256 over the id, the time and the body.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from mere.clock import HybridClock
from mere.clock import run_id as new_id
from mere.entities.webhook import DeliveryStatus, Webhook, WebhookStatus, check_events
from mere.errors import InvalidInput, MereError, NotFound, Unavailable
from mere.services.webhooks.examples import EXAMPLES
from mere.services.webhooks.guard import Reply

if TYPE_CHECKING:
    from mere.clock import Clock
    from mere.lake import Lake
    from mere.services.webhooks.webhooks import Webhooks

__all__ = ["HookTest", "WebhookDelivery", "signature"]

_KIND = "webhook_attempt"
_TIMEOUT_S = 10.0
_LOST_AFTER_MS = 60_000
_WAITS_S = (2, 10, 60, 300, 1_800, 7_200, 21_600)
_RETRY_AFTER_S_MAX = 3_600
_AT_ONCE = 100
_RECEIVERS_AT_ONCE = 8
_IDLE_US = 1_000_000
_ERROR_CHARS_MAX = 500
_TRIED_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_DUE = (
    "select * from webhook_deliveries where status = 'pending' "
    "and due_at <= make_timestamptz($now::bigint) order by delivery_id limit $limit"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class HookTest(msgspec.Struct, frozen=True):
    """How a test went.

    Args:
        success: Whether the receiver took it.
        response_status: What it answered.
        response_body: The beginning of what it said.
        error: Why it was not reached.
    """

    success: bool
    response_status: int | None = None
    response_body: str | None = None
    error: str | None = None


class WebhookDelivery:
    """The deliveries of one warehouse.

    Args:
        lake: Where they are stored.
        clock: For times, and for waiting.
        webhooks: To whom.
    """

    def __init__(self, lake: Lake, clock: Clock, webhooks: Webhooks) -> None:
        self._lake = lake
        self._clock = clock
        self._webhooks = webhooks
        self._seen: object = None
        self._idle_until_us = 0

    def send_due(self) -> int:
        """Make an attempt at what is due now; how many were made.

        Raises:
            Unavailable: The store did not answer.
        """
        now, view = self._clock.now_us(), self._lake.view()
        if view is self._seen and now < self._idle_until_us:
            return 0  # nothing was written since, and nothing was due soon
        params = {"now": now, "limit": _AT_ONCE}
        due: dict[str, list[dict[str, Any]]] = {}
        for row in self._lake.sql(_DUE, params=params).to_pylist():
            due.setdefault(row["webhook_id"], []).append(row)
        # One after another to one receiver; no receiver keeps the others waiting.
        with ThreadPoolExecutor(_RECEIVERS_AT_ONCE) as pool:
            made = sum(pool.map(lambda rows: sum(map(self._attempt, rows)), due.values()))
        if not made:
            self._seen, self._idle_until_us = view, now + _IDLE_US
        return made

    def test(self, webhook_id: str, event: str | None = None) -> HookTest:
        """Send an example to a webhook now, whether it is active or not.

        Args:
            webhook_id: Which.
            event: An example of what; by default, of the first event it is told of.

        Raises:
            NotFound: There is no such webhook.
            InvalidInput: There is no such event.
        """
        hook = self._webhooks.get(webhook_id)
        (name,) = check_events([event or hook.events[0]])
        moment = _EPOCH + timedelta(microseconds=self._clock.now_us())
        try:
            reply = self._post(hook, new_id(self._clock), name, EXAMPLES[name], moment)
        except (InvalidInput, Unavailable) as error:
            return HookTest(False, error=error.message)
        return HookTest(_is_taken(reply), reply.status, reply.body)

    def _attempt(self, row: dict[str, Any]) -> bool:
        number = (row["attempts"] or 0) + 1
        name = f"{row['delivery_id']}/{number}"
        claim = self._lake.claim(_KIND, name, {"due": row["delivery_id"]})
        if not claim.won:
            age_ms = self._clock.now_us() // 1000 - HybridClock.to_ms(claim.tick)
            if age_ms > _LOST_AFTER_MS:
                self._note(row, number, None, "its sender ended while it was being sent")
            return False
        try:
            hook = self._webhooks.get(row["webhook_id"])
        except NotFound:
            self._note(row, number, None, "the webhook was deleted", is_final=True)
            return False
        if hook.status != WebhookStatus.ACTIVE:
            self._note(row, number, None, "the webhook is disabled", is_final=True)
            return False
        data = msgspec.json.decode(row["payload"])
        try:
            reply = self._post(hook, row["delivery_id"], row["event"], data, row["happened_at"])
        except InvalidInput as error:
            self._note(row, number, None, error.message, is_final=True)
        except MereError as error:
            self._note(row, number, None, error.message)
        else:
            self._note(row, number, reply, None)
        return True

    def _post(
        self,
        hook: Webhook,
        delivery_id: str,
        event: str,
        data: Mapping[str, Any],
        happened_at: datetime,
    ) -> Reply:
        entity, _, action = event.partition(".")
        moment = happened_at.astimezone(UTC).isoformat()
        told = {"entity": entity, "action": action, "timestamp": moment, "data": data}
        body = msgspec.json.encode(told)
        seconds = str(self._clock.now_us() // 1_000_000)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "mere",
            "X-MLflow-Delivery-Id": delivery_id,
            "X-MLflow-Timestamp": seconds,
        }
        secret = self._webhooks.secret(hook)
        if secret is not None:
            headers["X-MLflow-Signature"] = signature(secret, delivery_id, seconds, body)
        return self._webhooks.guard.post(hook.url, body, headers, _TIMEOUT_S)

    def _note(
        self,
        row: Mapping[str, Any],
        number: int,
        reply: Reply | None,
        error: str | None,
        *,
        is_final: bool = False,
    ) -> None:
        """Write down how an attempt went, and when the next one is due."""
        now = self._clock.now_us()
        change: dict[str, Any] = {
            "delivery_id": row["delivery_id"],
            "attempts": number,
            "answered_at": now,
            "response_status": None if reply is None else reply.status,
        }
        if reply is not None and _is_taken(reply):
            change |= {"status": DeliveryStatus.DELIVERED, "error": None}
        else:
            words = error or f"it answered {reply.status if reply else ''}"
            change["error"] = words[:_ERROR_CHARS_MAX]
            tries = reply is None or reply.status in _TRIED_AGAIN
            if is_final or not tries or number > len(_WAITS_S):
                change["status"] = DeliveryStatus.FAILED
            else:
                change["due_at"] = now + round(self._wait_s(number, reply) * 1_000_000)
        self._lake.patch("webhook_deliveries", [change])

    def _wait_s(self, number: int, reply: Reply | None) -> float:
        """How long to wait: longer each time, never at the same moment as others."""
        said = reply.retry_after if reply else None
        if said is not None and said.isascii() and said.isdigit() and len(said) < 6:
            return min(int(said), _RETRY_AFTER_S_MAX)
        return _WAITS_S[number - 1] * (0.75 + 0.5 * self._clock.random_bits(16) / 65_536)


def signature(secret: str, delivery_id: str, seconds: str, body: bytes) -> str:
    """What a receiver compares: ``v1,`` and the HMAC of id, time and body in base 64."""
    signed = b".".join((delivery_id.encode(), seconds.encode(), body))
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _is_taken(reply: Reply) -> bool:
    return 200 <= reply.status < 300
