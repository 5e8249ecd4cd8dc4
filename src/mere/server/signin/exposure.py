"""What the server may be exposed to: sign-in is off on loopback only, and for this machine only.

Without sign-in the server takes whoever reaches it for the machine's user. A page of the web that
the user has open could reach it through the browser: by a name that is made to point here (DNS
rebinding), or by sending forms across sites. So names other than those of loopback are refused,
and so are writes that come from pages of other origins. With sign-in the second holds as well.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import urlsplit

from mere.config import ServerSettings
from mere.errors import ErrorCode, InvalidInput, PermissionDenied

__all__ = ["check_exposure", "check_host", "check_origin", "is_loopback", "must_sign_in", "origin"]

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


@lru_cache(maxsize=1024)
def is_loopback(host: str) -> bool:
    """Whether a name or address means this machine, as seen from itself."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def must_sign_in(settings: ServerSettings) -> bool:
    """Whether everybody has to sign in: as was said, or else beyond loopback."""
    if settings.sign_in is not None:
        return settings.sign_in
    return not is_loopback(settings.host)


def check_exposure(host: str, sign_in: bool | None) -> None:  # noqa: FBT001  a setting's value
    """Return if the server may listen on an address.

    Raises:
        InvalidInput: Sign-in was switched off, and others than this machine reach the address.
    """
    if sign_in is False and not is_loopback(host):
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"without sign-in everybody who reaches {host} could change everything: listen on "
            "127.0.0.1, or leave sign-in on and make a first user with "
            "`mere users create NAME --admin`",
            host=host,
        )


def check_host(settings: ServerSettings, headers: Mapping[str, str]) -> None:
    """Return if the server was called by a name of its own; asked where sign-in is off.

    Raises:
        PermissionDenied: It was called by another name, as by a rebinding of that name.
    """
    called = headers.get("host", "")
    if _is_own_name(settings, called):
        return
    raise PermissionDenied(
        ErrorCode.FOREIGN_ORIGIN,
        f"this server is for its own machine and was called {called!r}: call it localhost, or "
        "switch sign-in on",
        host=called,
    )


@lru_cache(maxsize=1024)
def _is_own_name(settings: ServerSettings, called: str) -> bool:
    name = _name_of(called)
    own = {settings.host.strip("[]").lower(), _name_of(urlsplit(settings.public_url or "").netloc)}
    return is_loopback(name) or (name != "" and name in own)


def check_origin(
    settings: ServerSettings, method: str, headers: Mapping[str, str], *, is_strict: bool = False
) -> None:
    """Return unless a page of another origin makes the browser change something.

    Args:
        settings: Tell the server's public address.
        method: What is done; reading is let pass, as the page cannot see the answer.
        headers: The request's.
        is_strict: Whether the browser has to say where the request comes from: it is a browser's
            session that signs it in, so it was sent by a browser, and all of them say so.

    Raises:
        PermissionDenied: It comes from elsewhere.
    """
    if method in _SAFE:
        return
    told, site = headers.get("origin"), headers.get("sec-fetch-site")
    if told is None:
        if site in ("same-origin", "none") or (site is None and not is_strict):
            return
    elif origin(told) in _own_origins(settings, headers):
        return
    raise PermissionDenied(
        ErrorCode.FOREIGN_ORIGIN,
        f"a page of {told or 'another site'} may not change anything here: use the portal at the "
        "server's own address, or a token",
        origin=told,
    )


def origin(url: str) -> tuple[str, int | None]:
    """The host and port of an origin; the scheme is left out, as proxies may end TLS."""
    try:
        parts = urlsplit(url)
        return (parts.hostname or "").rstrip("."), parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return "", None


def _own_origins(
    settings: ServerSettings, headers: Mapping[str, str]
) -> set[tuple[str, int | None]]:
    host = headers.get("host", "")
    own = {origin(f"{scheme}://{host}") for scheme in _DEFAULT_PORTS} if host else set()
    if settings.public_url:
        own.add(origin(settings.public_url))
    own.discard(("", None))
    return own


def _name_of(netloc: str) -> str:
    """The host of ``host:port``; empty where it is none."""
    try:
        return urlsplit(f"//{netloc}").hostname or ""
    except ValueError:
        return ""
