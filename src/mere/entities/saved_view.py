"""Saved views: what a page shows, under a name; and links that stand for an address.

A page of the portal keeps all it shows in its address. A saved view is that part of an address
under a name; a link is a whole address under a digest of it.
"""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import datetime
from enum import StrEnum
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from mere.entities.actor import Scope
from mere.entities.limits import check_name, check_text
from mere.errors import ErrorCode, InvalidInput

__all__ = [
    "SavedView",
    "ShareLink",
    "ViewDraft",
    "Visibility",
    "check_address",
    "check_draft",
    "check_page",
    "link_id",
    "scope_of_address",
]

STATE_CHARS_MAX = 100_000
"""An address of which nobody is proud has 2,000 characters; a board of 500 panels has 60,000."""
ADDRESS_CHARS_MAX = 120_000
_PAGE = re.compile(r"[a-z][a-z0-9-]{0,39}")
_CONTROLS = re.compile(r"[\x00-\x20\x7f\\]")
_ID_CHARS = 22
_NOT_PAGES = ("/api", "/ajax-api", "/v1", "/iceberg", "/assets", "/mlflow", "/graphql", "/s/")


class Visibility(StrEnum):
    """Who sees a view: its owner, or whoever may read its experiment."""

    PRIVATE = "private"
    SHARED = "shared"


class SavedView(msgspec.Struct, kw_only=True):
    """What a page shows, under a name.

    Args:
        view_id: A UUIDv7 as 32 hexadecimal digits.
        name: What people call it.
        page: Of which page it is, such as ``explore`` or ``sql``.
        experiment_id: Of which experiment; None where the page is of none.
        state: The address behind its ``?``.
        visibility: Who sees it.
        is_locked: Whether only its owner and admins change it.
        owner: The account that made it.
        forked_from: The view that it began as.
        revision: Counts its changes.
        changed_by: Who changed it last.
        changed_at: When.
        lifecycle: ``active`` or ``deleted``.
        is_default: Whether its page begins with it.
        is_starred: Whether whoever asks marked it.
        may_change: Whether whoever asks may change it.
    """

    view_id: str
    name: str
    page: str
    experiment_id: str | None = None
    state: str = ""
    visibility: Visibility = Visibility.PRIVATE
    is_locked: bool = False
    owner: str = ""
    forked_from: str | None = None
    revision: int = 1
    changed_by: str | None = None
    changed_at: datetime | None = None
    lifecycle: str = "active"
    is_default: bool = False
    is_starred: bool = False
    may_change: bool = False


class ViewDraft(msgspec.Struct, kw_only=True):
    """What people say of a view; what is not given stays as it is.

    Args:
        name: What to call it.
        state: The address behind its ``?``.
        visibility: Who sees it.
        is_locked: Whether only its owner and admins change it.
    """

    name: str | None = None
    state: str | None = None
    visibility: Visibility | None = None
    is_locked: bool | None = None


class ShareLink(msgspec.Struct):
    """An address that is too long to be sent around.

    Args:
        link_id: A digest of the address.
        address: The path, with what is behind its ``?``.
    """

    link_id: str
    address: str


def check_draft(draft: ViewDraft) -> ViewDraft:
    """Return what is said of a view if it can be said.

    Raises:
        InvalidInput: The name or the state cannot be one.
    """
    if draft.name is not None:
        check_name(draft.name, "view")
    if draft.state is not None:
        check_text(draft.state, "state of the view", STATE_CHARS_MAX, "show fewer panels or runs")
    return draft


def check_page(page: str) -> str:
    """Return the name of a page if it may be one; raises `InvalidInput`."""
    if _PAGE.fullmatch(page):
        return page
    raise InvalidInput(
        ErrorCode.INVALID_VALUE,
        f"page {page[:60]!r} is none: use a word of small letters, such as explore",
        page=page[:60],
    )


def check_address(address: str) -> str:
    """Return the address of a page of the portal, as a path of this very server.

    Raises:
        InvalidInput: It leads elsewhere, to no page, or is too long.
    """
    check_text(address, "address", ADDRESS_CHARS_MAX, "save the view and share that")
    path = unquote(urlsplit(address).path) if address.startswith("/") else ""
    leads_away = address.startswith("//") or path.startswith("//") or ".." in path.split("/")
    if not path or leads_away or _CONTROLS.search(address) or path.startswith(_NOT_PAGES):
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"address {address[:60]!r} is no page of the portal: send its path, such as /p/1?q=…",
            address=address[:60],
        )
    return address


def link_id(address: str) -> str:
    """The name of the link to an address: the same for the same address, and only for that."""
    digest = hashlib.sha256(address.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode()[:_ID_CHARS]


def scope_of_address(address: str) -> Scope:
    """What somebody must be able to read to be led to a page."""
    parts = urlsplit(address)
    words = [unquote(word) for word in parts.path.split("/")[1:]]
    kind, name = words[0], words[1] if len(words) > 1 else ""
    if name and kind == "p":
        if len(words) > 3 and words[2] == "runs":
            return Scope.all_of(Scope.experiment(name), Scope.run(words[3]))
        return Scope.experiment(name)
    if name and kind == "models":
        return Scope.model(name)
    if name and kind == "traces":
        return Scope.trace(name)
    if kind in {"traces", "compare"}:
        experiment = dict(parse_qsl(parts.query)).get("experiment")
        return Scope.experiment(experiment) if experiment else Scope.anything()
    if kind == "datasets":
        return Scope.warehouse()
    return Scope.anything()
