"""Webhooks: who is told of what, and how a delivery went.

An event is named ``entity.action``. Those of models and prompts have the names and the data that
MLflow's webhooks have; those of deployments, reviews and comments are ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

import msgspec

from mere.entities.limits import check_text
from mere.errors import ErrorCode, InvalidInput

__all__ = [
    "EVENTS",
    "Delivery",
    "DeliveryStatus",
    "Webhook",
    "WebhookStatus",
    "check_events",
    "check_hook_name",
    "check_secret",
    "check_url",
]

EVENTS = (
    "registered_model.created",
    "model_version.created",
    "model_version_tag.set",
    "model_version_tag.deleted",
    "model_version_alias.created",
    "model_version_alias.deleted",
    "prompt.created",
    "prompt_version.created",
    "prompt_tag.set",
    "prompt_tag.deleted",
    "prompt_version_tag.set",
    "prompt_version_tag.deleted",
    "prompt_alias.created",
    "prompt_alias.deleted",
    "model_version_review.created",
    "run_review.created",
    "comment.created",
    "deployment.created",
    "deployment.deleted",
)
"""All events there are."""

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_URL_CHARS_MAX = 2_000
_SECRET_CHARS_MAX = 1_000


class WebhookStatus(StrEnum):
    """Whether events are sent."""

    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"

    @classmethod
    def of(cls, value: object) -> WebhookStatus:
        """Return the status of that name.

        Raises:
            InvalidInput: There is no such status.
        """
        try:
            return cls(str(value).upper())
        except ValueError as error:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"status {value!r} is unknown: use {' or '.join(cls)}",
                value=str(value),
            ) from error


class DeliveryStatus(StrEnum):
    """How far a delivery is."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who is told of events. The secret is kept elsewhere and never shown.

    Args:
        webhook_id: Sorts by time.
        name: What it is called.
        url: Where events are sent.
        events: Which ones.
        description: What it is for.
        status: Whether they are sent.
        secret_key: The object that holds the secret; None where nothing is signed.
        lifecycle: ``active`` or ``deleted``.
        registered_at: When it was made.
        changed_at: When it was changed last.
        created_by: The account that made it.
    """

    webhook_id: str
    name: str
    url: str
    events: list[str]
    description: str | None = None
    status: str = WebhookStatus.ACTIVE
    secret_key: str | None = None
    lifecycle: str = "active"
    registered_at: datetime | None = None
    changed_at: datetime | None = None
    created_by: str | None = None


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One event on its way to one webhook.

    Args:
        delivery_id: Told to the receiver: of two requests with one id the second repeats it.
        webhook_id: To whom.
        event: What happened.
        payload: Its data, as JSON.
        status: How far it is.
        attempts: How often it was sent.
        happened_at: When the event happened.
        due_at: When it is sent next.
        answered_at: When it was sent last.
        response_status: What the receiver answered last.
        error: Why it failed last.
    """

    delivery_id: str
    webhook_id: str
    event: str
    payload: str
    status: str = DeliveryStatus.PENDING
    attempts: int = 0
    happened_at: datetime | None = None
    due_at: datetime | None = None
    answered_at: datetime | None = None
    response_status: int | None = None
    error: str | None = None


def check_hook_name(name: object) -> str:
    """Return the name of a webhook, if it may be one.

    Raises:
        InvalidInput: It may not.
    """
    text = name if isinstance(name, str) else ""
    if not _NAME.fullmatch(text):
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"webhook name {str(name)[:80]!r} is invalid: use up to 63 letters, digits, dots, "
            "underscores and hyphens, a letter or digit first and last",
            value=text,
        )
    return text


def check_url(url: object) -> str:
    """Return an address to send events to, if it may be one; where it leads is not looked at.

    Raises:
        InvalidInput: It is no absolute address of HTTP, or holds a password.
    """
    text = check_text(url, "webhook url", _URL_CHARS_MAX, "shorten it")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise _bad_url(text, str(error)) from error
    if parts.scheme not in ("http", "https"):
        raise _bad_url(text, "it must begin with https:// or http://")
    if not parts.hostname or port == 0:
        raise _bad_url(text, "it names no host")
    if parts.username is not None or parts.password is not None:
        raise _bad_url(text, "it must not hold a user or a password: give the webhook a secret")
    if re.search(r"[\x00-\x20\x7f]", text) or not text.isascii():
        raise _bad_url(text, "write spaces and letters beyond ASCII as %XX, or as punycode")
    return text


def check_events(events: Iterable[object]) -> list[str]:
    """Return the names of events, each once, if they are known.

    Raises:
        InvalidInput: There is none, or one is unknown.
    """
    wanted = list(dict.fromkeys(str(event) for event in events))
    unknown = [event for event in wanted if event not in EVENTS]
    if unknown or not wanted:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"webhook events {unknown} are unknown: give one or more of {', '.join(EVENTS)}",
            events=unknown,
        )
    return wanted


def check_secret(secret: object) -> str:
    """Return a secret to sign with, if it may be one.

    Raises:
        InvalidInput: It is no text, empty or too long. The message does not show it.
    """
    if not isinstance(secret, str) or not 0 < len(secret) <= _SECRET_CHARS_MAX:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"the secret is empty or too long: give 1 to {_SECRET_CHARS_MAX:,} characters",
        )
    return secret


def _bad_url(url: str, reason: str) -> InvalidInput:
    return InvalidInput(ErrorCode.INVALID_VALUE, f"invalid webhook url {url!r}: {reason}", url=url)
