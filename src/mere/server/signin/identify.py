"""Who sends a request: by a token, by a name and a password, or by a browser's session.

Tokens come as ``Authorization: Bearer``, names and passwords as ``Authorization: Basic`` (where
the password may be a token, too), sessions as a cookie. What was found right a moment ago is
answered from memory, on the event loop; everything else is looked up in a thread.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from mere.config import OidcSettings, ServerSettings, first_admin
from mere.entities.actor import Actor, ActorKind, Role
from mere.entities.token import Token, is_token
from mere.entities.user import User
from mere.errors import AlreadyExists, ErrorCode, MereError, PermissionDenied, Unauthenticated
from mere.server.signin.cookies import CSRF_HEADER, csrf_token, session_cookie
from mere.server.signin.exposure import (
    check_exposure,
    check_host,
    check_origin,
    must_sign_in,
)
from mere.server.signin.oidc import Provider, check_oidc
from mere.services.access.access import Access

if TYPE_CHECKING:
    from mere.server.operations import Call

__all__ = ["SignIn", "check_sign_in", "client_address", "token_actor", "user_actor"]

_log = logging.getLogger("mere.server")
_CREDENTIALS_CHARS_MAX = 4_096
_FLUSH_S = 5.0
_PAGES_OF_MLFLOW = ("/ajax-api/", "/graphql")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_REFUSED = frozenset(
    {
        ErrorCode.ACCESS_DENIED,
        ErrorCode.SIGN_IN_REQUIRED,
        ErrorCode.TOO_MANY_ATTEMPTS,
        ErrorCode.FOREIGN_ORIGIN,
    }
)


class SignIn:
    """Tells who sends a request, for one worker.

    Args:
        access: Users, tokens and sessions.
        settings: Whether anybody has to sign in, and what the server is called.
        env: The environment, for the first admin and the provider of single sign-on.
    """

    def __init__(self, access: Access, settings: ServerSettings, env: Mapping[str, str]) -> None:
        self.access = access
        self.settings = settings
        self.is_required = must_sign_in(settings)
        self._env = env
        oidc = OidcSettings.from_environment(env)
        self.provider = (
            None if oidc is None else Provider(oidc, settings, access.users, access.clock)
        )
        """The provider of single sign-on, if one is set up."""

    async def identify(self, call: Call) -> Actor:
        """Who sends a request; whoever shows nothing is nobody.

        Raises:
            Unauthenticated: What was shown is wrong, expired or revoked.
            PermissionDenied: The request was made by a page of another site.
        """
        headers = call.headers
        is_bearer = headers.get("authorization", "")[:7].lower() == "bearer "
        if not is_bearer:  # no page can make a browser send a token
            check_origin(self.settings, call.operation.method, headers)
        if not self.is_required:
            check_host(self.settings, headers)
            return Actor.local()
        try:
            return await self._shown(call)
        except (Unauthenticated, PermissionDenied):
            # Whoever may come without a sign-in may come with one that is void.
            if call.operation.permission.is_public:
                return Actor.nobody()
            raise

    def begin(self) -> None:
        """Make the first admin, where there is no user yet and the environment names one."""
        try:
            self._make_first_admin()
        except MereError as error:
            _log.error("could not look for a first admin: %s", error)

    def _make_first_admin(self) -> None:
        if not self.is_required or not self.access.users.is_empty():
            return
        wanted = first_admin(self._env)
        if wanted is not None:
            try:
                self.access.users.create(*wanted, role=Role.ADMIN, by="the environment")
            except AlreadyExists:
                return  # another worker was quicker
            _log.warning("made the first admin, %s, as MERE_ADMIN_NAME says", wanted[0])
        elif self.provider is None:
            _log.warning(
                "there are no users yet: make one with `mere users create NAME --admin` on the "
                "warehouse, or start with MERE_ADMIN_NAME and MERE_ADMIN_PASSWORD"
            )

    async def close(self) -> None:
        """Write what waits to be noted, and let go of connections to the provider."""
        with suppress(MereError):
            await asyncio.to_thread(self.access.trail.flush, _FLUSH_S)
        if self.provider is not None:
            await self.provider.close()

    def note(self, call: Call, outcome: str) -> None:
        """Put a request into the audit trail, if it changed something or was refused.

        Where nobody signs in there is nobody to tell apart, and no trail.
        """
        if not self.is_required:
            return
        if call.operation.method in _SAFE and outcome not in _REFUSED:
            return
        self.access.audit(
            call.actor,
            call.operation.name,
            _target(call),
            outcome,
            client_address(call, self.settings),
            call.request_id,
        )

    async def _shown(self, call: Call) -> Actor:
        header = call.headers.get("authorization")
        if header is not None:
            return await self._by_header(call, header)
        cookie = session_cookie(call.raw.cookies)
        if cookie is None:
            return Actor.nobody()
        return await self._by_cookie(call, cookie)

    async def _by_header(self, call: Call, header: str) -> Actor:
        scheme, _, value = header.partition(" ")
        value = value.strip()
        if len(value) > _CREDENTIALS_CHARS_MAX:
            raise _unreadable()
        if scheme.lower() == "bearer":
            return await self._by_token(call, value)
        if scheme.lower() != "basic":
            raise _unreadable()
        name, password = _basic(value)
        if is_token(password):
            return await self._by_token(call, password)
        users = self.access.users
        user = users.remembered(name, password)
        if user is None:
            address = client_address(call, self.settings)
            user = await call.in_thread(users.check_password, name, password, address)
        return user_actor(user)

    async def _by_token(self, call: Call, text: str) -> Actor:
        tokens = self.access.tokens
        found = tokens.sign_in_quickly(text)
        if found is None:
            found = await call.in_thread(tokens.sign_in, text)
        return token_actor(*found)

    async def _by_cookie(self, call: Call, cookie: str) -> Actor:
        sessions = self.access.sessions
        is_known, found = sessions.find_quickly(cookie)
        if not is_known:
            found = await call.in_thread(sessions.find, cookie)
        if found is None:
            return Actor.nobody()
        self._check_page(call, cookie)
        user, session = found
        return user_actor(user, session_id=session.session_id)

    def _check_page(self, call: Call, cookie: str) -> None:
        """Return if it is our own page that uses the session to change something."""
        if call.operation.method in _SAFE:
            return
        check_origin(self.settings, call.operation.method, call.headers, is_strict=True)
        # MLflow's own pages know nothing of our token; the origin has to do for them.
        if call.raw.url.path.startswith(_PAGES_OF_MLFLOW):
            return
        shown = call.headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(shown.encode(errors="replace"), csrf_token(cookie).encode()):
            raise PermissionDenied(
                ErrorCode.FOREIGN_ORIGIN,
                f"the session's CSRF token is missing: send it in the header {CSRF_HEADER}, as "
                "`GET /api/v1/session` tells it",
            )


def check_sign_in(settings: ServerSettings, env: Mapping[str, str]) -> None:
    """Return if a server may be started like this; asked before anything is listened on.

    Raises:
        InvalidInput: Others could reach it without sign-in, or single sign-on is set up wrongly.
    """
    check_exposure(settings.host, settings.sign_in)
    oidc = OidcSettings.from_environment(env)
    if oidc is not None:
        check_oidc(oidc)


def client_address(call: Call, settings: ServerSettings) -> str:
    """The network address of the client; behind a proxy, what the nearest proxy says it is."""
    forwarded = call.headers.get("x-forwarded-for") if settings.public_url else None
    if forwarded:
        # The last one was added by the proxy before us; those before it anybody could have sent.
        return forwarded.rpartition(",")[2].strip()[:64]
    client = call.raw.client
    return client.host if client else ""


def user_actor(user: User, *, session_id: str | None = None) -> Actor:
    """The actor that a signed-in user is."""
    return Actor(
        name=user.name,
        kind=ActorKind.USER,
        display_name=user.display_name or user.name,
        role=user.role,
        session_id=session_id,
    )


def token_actor(user: User, token: Token) -> Actor:
    """The actor that a token is."""
    return Actor(
        name=user.name,
        kind=ActorKind.TOKEN,
        display_name=user.display_name or user.name,
        role=min(user.role, token.role, key=lambda role: role.rank),
        token_id=token.token_id,
    )


def _basic(value: str) -> tuple[str, str]:
    """The name and the password of HTTP basic."""
    try:
        text = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise _unreadable() from error
    name, colon, password = text.partition(":")
    if not colon:
        raise _unreadable()
    return name, password


def _unreadable() -> Unauthenticated:
    return Unauthenticated(
        ErrorCode.SIGN_IN_REQUIRED,
        "the Authorization header cannot be read: send `Basic` with name and password, or "
        "`Bearer` with a token",
    )


def _target(call: Call) -> str:
    """What a request was on: the object its permission is about, else its path."""
    scope = call.operation.permission.scope
    if scope is not None and call.data is not None:
        try:
            return str(scope(call))
        except Exception:  # noqa: BLE001  a note must not fail, whatever the data is
            return call.raw.url.path
    return call.raw.url.path
