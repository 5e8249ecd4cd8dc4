"""The cookies of a session: one that signs in, which no script can read, and one for scripts.

The second holds the session's CSRF token, which scripts of the portal send back as a header with
whatever changes something. It is derived from the first, so none can be forged for another
session, and nothing more need be stored.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from litestar.datastructures import Cookie

__all__ = [
    "CSRF_HEADER",
    "cleared_cookies",
    "csrf_token",
    "hidden_cookie",
    "session_cookie",
    "session_cookies",
]

CSRF_HEADER = "x-mere-csrf"
_PLAIN = "mere_session"
_SECURE = "__Host-mere_session"
_CSRF = "mere_csrf"


def session_cookie(cookies: Mapping[str, str]) -> str | None:
    """The session's cookie, if the request has one."""
    return cookies.get(_SECURE) or cookies.get(_PLAIN)


def csrf_token(cookie: str) -> str:
    """The CSRF token of a session."""
    key = cookie.encode(errors="replace")
    return hmac.new(key, b"mere csrf", hashlib.sha256).hexdigest()[:40]


def session_cookies(cookie: str, max_age_s: int, *, is_secure: bool) -> list[Cookie]:
    """The cookies that begin a session."""
    name = _SECURE if is_secure else _PLAIN
    return [
        _cookie(name, cookie, max_age_s, is_secure=is_secure, is_hidden=True),
        _cookie(_CSRF, csrf_token(cookie), max_age_s, is_secure=is_secure, is_hidden=False),
    ]


def cleared_cookies(*, is_secure: bool) -> list[Cookie]:
    """The cookies that end one in the browser."""
    names = [(_PLAIN, True), (_CSRF, False)] + ([(_SECURE, True)] if is_secure else [])
    return [_cookie(name, "", 0, is_secure=is_secure, is_hidden=hidden) for name, hidden in names]


def hidden_cookie(name: str, value: str, max_age_s: int, *, is_secure: bool, path: str) -> Cookie:
    """A cookie that no script can read, and that comes back only from our own pages."""
    return Cookie(
        name,
        value=value,
        path=path,
        max_age=max_age_s,
        secure=is_secure,
        httponly=True,
        samesite="lax",
    )


def _cookie(name: str, value: str, max_age_s: int, *, is_secure: bool, is_hidden: bool) -> Cookie:
    cookie = hidden_cookie(name, value, max_age_s, is_secure=is_secure, path="/")
    cookie.httponly = is_hidden
    return cookie
