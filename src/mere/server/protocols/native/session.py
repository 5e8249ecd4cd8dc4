"""Sign-in of browsers: begin a session, renew it, end it, and learn who one is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from litestar import Response
from litestar.datastructures import Cookie

from mere.entities.actor import Actor, ActorKind
from mere.entities.user import User
from mere.errors import ErrorCode, MereError, Unauthenticated
from mere.server.operations import PUBLIC, SIGNED_IN, Call
from mere.server.protocols.native.wire import operation
from mere.server.signin.cookies import (
    cleared_cookies,
    csrf_token,
    hidden_cookie,
    session_cookie,
    session_cookies,
)
from mere.server.signin.identify import SignIn, client_address, user_actor
from mere.server.signin.oidc import CALLBACK, PENDING_S, Pending, Provider
from mere.services.access.sessions import LIFE_S, RENEW_S, Session

__all__ = [
    "OPERATIONS",
    "Credentials",
    "SsoQuery",
    "WhoAmI",
    "begin_sso",
    "finish_sso",
    "renew",
    "sign_in",
    "sign_out",
    "sign_out_everywhere",
    "who_am_i",
]

_PENDING_COOKIE = "mere_sso"


class Credentials(msgspec.Struct):
    """A name and a password."""

    name: str
    password: str


class SsoQuery(msgspec.Struct):
    """Where to go when single sign-on is done: a path of this server."""

    back: str = "/"


class WhoAmI(msgspec.Struct):
    """Who one is to the server, and how one could sign in.

    Args:
        name: The user.
        display_name: What people call them.
        kind: ``user``, ``token``, ``nobody``, or ``local`` where sign-in is off.
        role: Their role on the warehouse.
        is_sign_in_required: Whether the server wants to know who one is.
        sso_label: What to write on the button of single sign-on; None where there is none.
        csrf_token: What a page of the portal sends in the header ``X-Mere-CSRF`` with whatever
            changes something, if a session signs it in.
        renew_after_s: After how many seconds the page should renew its session.
    """

    name: str
    display_name: str
    kind: str
    role: str
    is_sign_in_required: bool
    sso_label: str | None = None
    csrf_token: str | None = None
    renew_after_s: int | None = None


@operation("GET", "/api/v1/session", permission=PUBLIC, answer=WhoAmI)
async def who_am_i(call: Call) -> WhoAmI:
    """Who one is, and how one could sign in."""
    cookie = session_cookie(call.raw.cookies) if call.actor.session_id else None
    return _who(call.server.sign_in, call.actor, cookie)


@operation(
    "POST",
    "/api/v1/session",
    permission=PUBLIC,
    request=Credentials,
    answer=WhoAmI,
    body_max=16_384,
)
def sign_in(call: Call) -> Response[bytes]:
    """Sign a browser in with a name and a password."""
    one: Credentials = call.data
    _require_on(call)
    access = call.warehouse.access
    address = client_address(call, call.server.settings)
    try:
        user = access.users.check_password(one.name, one.password, address)
    except MereError as error:
        name = f"user {one.name!r}"
        access.audit(call.actor, "sign_in", name, str(error.code), address, call.request_id)
        raise
    return _begun(call, user, "password")


@operation("POST", "/api/v1/session/renew", permission=SIGNED_IN, answer=WhoAmI)
def renew(call: Call) -> Response[bytes]:
    """Get another cookie for the session of this browser; the one before ends in a minute."""
    sessions = call.warehouse.access.sessions
    found = sessions.find(session_cookie(call.raw.cookies) or "")
    if found is None or not call.actor.session_id:
        raise Unauthenticated(
            ErrorCode.SIGN_IN_REQUIRED, "there is no session to renew: sign in with a browser"
        )
    user, session = found
    session, cookie = sessions.renew(session)
    return _with_session(call, user, session, cookie)


@operation("DELETE", "/api/v1/session", permission=SIGNED_IN)
def sign_out(call: Call) -> Response[bytes]:
    """End the session of this browser."""
    if call.actor.session_id:
        call.warehouse.access.sessions.end(call.actor.session_id)
    return Response(
        b"{}",
        media_type="application/json",
        status_code=200,
        cookies=cleared_cookies(is_secure=_is_secure(call)),
        headers={"Cache-Control": "no-store"},
    )


class OwnSession(msgspec.Struct):
    """A browser that is signed in as oneself."""

    session_id: str
    method: str
    started_at: datetime
    seen_at: datetime
    expires_at: datetime
    address: str
    agent: str
    is_this: bool


class OwnSessions(msgspec.Struct):
    """All browsers that are signed in as oneself, the newest first."""

    sessions: list[OwnSession]


@operation("GET", "/api/v1/sessions", permission=SIGNED_IN, answer=OwnSessions)
def list_sessions(call: Call) -> OwnSessions:
    """One's own sessions, the one of this browser among them."""
    return OwnSessions(
        [
            OwnSession(
                session_id=one.session_id,
                method=one.method,
                started_at=one.started_at,
                seen_at=one.seen_at,
                expires_at=one.expires_at,
                address=one.address,
                agent=one.agent,
                is_this=one.session_id == call.actor.session_id,
            )
            for one in _own_sessions(call)
        ]
    )


@operation("DELETE", "/api/v1/sessions/{session_id}", permission=SIGNED_IN)
def end_session(call: Call) -> dict[str, int]:
    """End one of one's own sessions."""
    wanted = call.path["session_id"]
    found = [one for one in _own_sessions(call) if one.session_id == wanted]
    for one in found:
        call.warehouse.access.sessions.end(one.session_id)
    return {"ended": len(found)}


def _own_sessions(call: Call) -> list[Session]:
    if call.actor.kind is not ActorKind.USER:
        return []
    return call.warehouse.access.sessions.of_user(call.actor.name)


@operation("DELETE", "/api/v1/sessions", permission=SIGNED_IN)
def sign_out_everywhere(call: Call) -> dict[str, int]:
    """End all other sessions of the user."""
    sessions = call.warehouse.access.sessions
    if call.actor.kind not in (ActorKind.USER, ActorKind.TOKEN):
        return {"ended": 0}
    return {"ended": sessions.end_all(call.actor.name, but=call.actor.session_id)}


@operation("GET", "/api/v1/session/sso", permission=PUBLIC, request=SsoQuery, status=302)
async def begin_sso(call: Call) -> Response[bytes]:
    """Send the browser to the organisation's provider of single sign-on."""
    base = f"{'https' if _is_secure(call) else 'http'}://{call.headers.get('host', '')}"
    url, pending = await _provider(call).begin(call.data.back, base)
    return _sent_to(url, [_pending_cookie(call, pending.packed(), PENDING_S)])


@operation("GET", CALLBACK, permission=PUBLIC, status=302)
async def finish_sso(call: Call) -> Response[bytes]:
    """Take the browser back from the provider, and sign it in."""
    provider = _provider(call)
    pending = Pending.unpacked(call.raw.cookies.get(_PENDING_COOKIE, ""))
    if pending is None:
        raise Unauthenticated(
            ErrorCode.SSO_FAILED,
            "this browser has not begun a single sign-on, or too long ago: begin again",
        )
    identity = await provider.finish(pending, dict(call.query))
    user = await call.in_thread(provider.admitted, identity)
    session, cookie = await call.in_thread(_begin, call, user, "sso")
    secure = _is_secure(call)
    cookies = [*session_cookies(cookie, LIFE_S, is_secure=secure), _pending_cookie(call, "", 0)]
    _note(call, user, session)
    return _sent_to(pending.back, cookies)


def _provider(call: Call) -> Provider:
    _require_on(call)
    provider: Provider | None = call.server.sign_in.provider
    if provider is None:
        raise Unauthenticated(
            ErrorCode.SSO_FAILED, "single sign-on is not set up here: sign in with a password"
        )
    return provider


def _require_on(call: Call) -> None:
    if not call.server.sign_in.is_required:
        raise Unauthenticated(
            ErrorCode.SIGN_IN_REQUIRED,
            "sign-in is switched off on this server: everything is allowed without",
        )


def _begun(call: Call, user: User, method: str) -> Response[bytes]:
    session, cookie = _begin(call, user, method)
    _note(call, user, session)
    return _with_session(call, user, session, cookie)


def _begin(call: Call, user: User, method: str) -> tuple[Session, str]:
    address = client_address(call, call.server.settings)
    agent = call.headers.get("user-agent", "")
    sessions = call.warehouse.access.sessions
    if call.actor.session_id:
        sessions.end(call.actor.session_id)
    return sessions.begin(user, method, address=address, agent=agent)


def _note(call: Call, user: User, session: Session) -> None:
    call.warehouse.access.audit(
        user_actor(user),
        "sign_in",
        f"user {user.name!r} by {session.method}",
        "ok",
        client_address(call, call.server.settings),
        call.request_id,
    )


def _with_session(call: Call, user: User, session: Session, cookie: str) -> Response[bytes]:
    actor = user_actor(user, session_id=session.session_id)
    left_s = max(1, int((session.expires_at - session.seen_at).total_seconds()))
    return Response(
        msgspec.json.encode(_who(call.server.sign_in, actor, cookie)),
        media_type="application/json",
        status_code=200,
        cookies=session_cookies(cookie, left_s, is_secure=_is_secure(call)),
        headers={"Cache-Control": "no-store"},
    )


def _who(sign_in: SignIn, actor: Actor, cookie: str | None) -> WhoAmI:
    provider = sign_in.provider if sign_in.is_required else None
    return WhoAmI(
        name=actor.name,
        display_name=actor.display_name,
        kind=str(actor.kind),
        role=str(actor.role),
        is_sign_in_required=sign_in.is_required,
        sso_label=None if provider is None else provider.settings.label,
        csrf_token=None if cookie is None else csrf_token(cookie),
        renew_after_s=None if cookie is None else RENEW_S,
    )


def _sent_to(url: str, cookies: list[Cookie]) -> Response[bytes]:
    headers: dict[str, Any] = {"Location": url, "Cache-Control": "no-store"}
    return Response(b"", status_code=302, headers=headers, cookies=cookies)


def _pending_cookie(call: Call, value: str, max_age_s: int) -> Cookie:
    return hidden_cookie(
        _PENDING_COOKIE, value, max_age_s, is_secure=_is_secure(call), path=CALLBACK
    )


def _is_secure(call: Call) -> bool:
    """Whether the browser reaches the server by https."""
    public = call.server.settings.public_url or ""
    forwarded = call.headers.get("x-forwarded-proto", "")
    return "https" in (public.partition(":")[0].lower(), call.raw.url.scheme, forwarded.lower())


OPERATIONS = (
    who_am_i,
    sign_in,
    renew,
    sign_out,
    list_sessions,
    end_session,
    sign_out_everywhere,
    begin_sso,
    finish_sso,
)
