"""Single sign-on by OpenID Connect: the authorization code flow with PKCE.

The browser is sent to the provider with a fresh state, nonce and code challenge; what belongs to
them waits in a cookie of the browser for ten minutes, so any replica can finish what another
began. Coming back, the code is exchanged, and the identity token is believed only if it is signed
by a key of the provider's, for us, now, with our nonce. Who it is, is decided by issuer and
subject, never by a name or an address that its owner may choose.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import msgspec

from mere.entities.actor import Role
from mere.entities.user import User, check_user_name
from mere.errors import ErrorCode, InvalidInput, PermissionDenied, Unauthenticated, Unavailable
from mere.server.signin.exposure import is_loopback

if TYPE_CHECKING:
    import httpx
    from joserfc.jwk import KeySet

    from mere.clock import Clock
    from mere.config import OidcSettings, ServerSettings
    from mere.services.access.users import Users

__all__ = [
    "CALLBACK",
    "Identity",
    "Pending",
    "Provider",
    "check_oidc",
    "failed",
    "safe_path",
]

CALLBACK = "/api/v1/session/sso/callback"
PENDING_S = 600
_TIMEOUT_S = 10.0
_LEEWAY_S = 60
_DISCOVERY_S = 3_600
_KEYS_S = 3_600
_KEYS_AGAIN_S = 10
_ANSWER_BYTES_MAX = 1 << 20
# Signatures by the provider's private key only: one that we could make ourselves proves nothing.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")


class Pending(msgspec.Struct, frozen=True):
    """A sign-in that the browser is away for; kept in a cookie of its own.

    Args:
        state: Comes back with the browser.
        nonce: Comes back in the identity token.
        verifier: Shows the provider that whoever exchanges the code began the flow.
        back: The path to go to when it is done.
        redirect: Where the provider was told to send the browser.
    """

    state: str
    nonce: str
    verifier: str
    back: str
    redirect: str

    def packed(self) -> str:
        """The cookie's value."""
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")

    @classmethod
    def unpacked(cls, text: str) -> Pending | None:
        """Read the cookie's value; None where it is none of ours."""
        try:
            data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            return msgspec.json.decode(data, type=cls)
        except (ValueError, msgspec.MsgspecError):
            return None


class Identity(msgspec.Struct, frozen=True):
    """Who somebody is, as the provider says."""

    subject: str
    claims: Mapping[str, Any]


class _Discovered(msgspec.Struct, frozen=True):
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class Provider:
    """The provider of single sign-on, as one worker knows it.

    Args:
        settings: Where it is, and what its word means here.
        server: What the server itself is called.
        users: Told who signs in.
        clock: Time and randomness.
    """

    def __init__(
        self, settings: OidcSettings, server: ServerSettings, users: Users, clock: Clock
    ) -> None:
        check_oidc(settings)
        self.settings = settings
        self._server = server
        self._users = users
        self._clock = clock
        self._http: httpx.AsyncClient | None = None
        self._lock = asyncio.Lock()
        self._discovered: tuple[float, _Discovered] | None = None
        self._keys: tuple[float, KeySet] | None = None

    async def begin(self, back: str, base_url: str) -> tuple[str, Pending]:
        """Return where to send the browser, and what to keep until it is back.

        Args:
            back: The path to go to in the end.
            base_url: How the browser reaches this server, where no public address is set.

        Raises:
            Unavailable: The provider did not answer.
        """
        provider = await self._provider()
        pending = Pending(
            state=self._random(),
            nonce=self._random(),
            verifier=self._random() + self._random(),
            back=safe_path(back),
            redirect=(self._server.public_url or base_url).rstrip("/") + CALLBACK,
        )
        challenge = hashlib.sha256(pending.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": pending.redirect,
            "scope": self.settings.scopes,
            "state": pending.state,
            "nonce": pending.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        sign = "&" if "?" in provider.authorization_endpoint else "?"
        return provider.authorization_endpoint + sign + urlencode(query), pending

    async def finish(self, pending: Pending, answer: Mapping[str, str]) -> Identity:
        """Return who came back from the provider.

        Args:
            pending: What was kept when the browser left.
            answer: The query it came back with.

        Raises:
            Unauthenticated: Something of it is not as it must be.
            Unavailable: The provider did not answer.
        """
        state = answer.get("state", "").encode(errors="replace")
        if not hmac.compare_digest(state, pending.state.encode()):
            raise failed("its state is another than that of this browser: begin again")
        if "error" in answer:
            said = answer.get("error_description") or answer["error"]
            raise failed(f"the provider says: {said[:200]}")
        provider = await self._provider()
        if answer.get("iss") not in (None, provider.issuer):
            raise failed("the answer names another provider")
        if not answer.get("code"):
            raise failed("the provider sent no code")
        tokens = await self._exchange(provider, pending, answer["code"])
        claims = await self._believed(str(tokens.get("id_token", "")), provider, pending.nonce)
        access_token = tokens.get("access_token")
        if provider.userinfo_endpoint and access_token and self._lacks(claims):
            told = await self._asked(provider.userinfo_endpoint, bearer=str(access_token))
            if told.get("sub") == claims["sub"]:  # else it is somebody else's
                claims = {**told, **claims}
        return Identity(claims["sub"], claims)

    def admitted(self, identity: Identity) -> User:
        """Return the user that somebody is here, made or changed as the provider says.

        Raises:
            PermissionDenied: No role is theirs, or they are disabled here.
        """
        role = self._role(identity.claims)
        if role is Role.NONE:
            raise PermissionDenied(
                ErrorCode.ACCESS_DENIED,
                f"no value of the claim {self.settings.role_claim!r} gives you a role here: ask "
                "whoever administers the sign-on",
            )
        display = str(identity.claims.get("name") or "")[:200]
        name = self._name(identity)
        return self._users.from_provider(
            self.settings.issuer, identity.subject, name, display, role
        )

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()

    def _role(self, claims: Mapping[str, Any]) -> Role | None:
        """The highest role that the claim gives; None where roles are given here."""
        if not self.settings.roles:
            return None
        told = claims.get(self.settings.role_claim)
        values = [told] if isinstance(told, str) else told if isinstance(told, list) else []
        known = self.settings.roles
        roles = [Role.of(known[str(value)]) for value in values if str(value) in known]
        return max(roles, key=lambda one: one.rank, default=Role.of(self.settings.default_role))

    def _name(self, identity: Identity) -> str:
        for claim in (self.settings.name_claim, "email"):
            try:
                return check_user_name(identity.claims.get(claim))
            except InvalidInput:
                continue
        digest = hashlib.sha256(f"{self.settings.issuer} {identity.subject}".encode())
        return f"sso-{digest.hexdigest()[:12]}"

    def _lacks(self, claims: Mapping[str, Any]) -> bool:
        wanted = [self.settings.name_claim]
        wanted += [self.settings.role_claim] if self.settings.roles else []
        return any(name not in claims for name in wanted)

    async def _exchange(self, provider: _Discovered, pending: Pending, code: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": pending.redirect,
            "code_verifier": pending.verifier,
        }
        return await self._asked(provider.token_endpoint, form=form, provider=provider)

    async def _believed(self, token: str, provider: _Discovered, nonce: str) -> dict[str, Any]:
        """The claims of an identity token that proves to be the provider's, for us and for now."""
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwt import JWTClaimsRegistry

        now = self._clock.now_us() // 1_000_000
        rules = JWTClaimsRegistry(
            now=lambda: now,
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": provider.issuer},
            aud={"essential": True, "value": self.settings.client_id},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            try:
                decoded = jwt.decode(token, await self._key_set(provider), list(_ALGORITHMS))
            except (JoseError, ValueError):
                # Perhaps the provider has changed its keys since they were fetched.
                keys = await self._key_set(provider, is_again=True)
                decoded = jwt.decode(token, keys, list(_ALGORITHMS))
            rules.validate(decoded.claims)
        except (JoseError, ValueError, KeyError) as error:
            raise failed(f"the identity token cannot be believed ({error})") from error
        claims: dict[str, Any] = decoded.claims
        audience = claims["aud"]
        party = claims.get("azp")
        is_shared = isinstance(audience, list) and len(audience) > 1
        if (party is not None or is_shared) and party != self.settings.client_id:
            raise failed("the identity token was made for another party")
        if not isinstance(claims["sub"], str) or not claims["sub"]:
            raise failed("the identity token names no subject")
        return claims

    async def _provider(self) -> _Discovered:
        """Where the provider's endpoints are, as it says itself."""
        now = self._clock.monotonic()
        async with self._lock:
            if self._discovered is None or now - self._discovered[0] > _DISCOVERY_S:
                issuer = self.settings.issuer
                url = issuer.rstrip("/") + "/.well-known/openid-configuration"
                found = await self._asked(url)
                try:
                    known = msgspec.convert(found, _Discovered)
                except msgspec.ValidationError as error:
                    raise _unavailable(f"its configuration cannot be read: {error}") from error
                if known.issuer != issuer:
                    raise _unavailable(f"it calls itself {known.issuer!r}, not {issuer!r}")
                for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                    _require_https(getattr(known, name), name)
                self._discovered = (now, known)
            return self._discovered[1]

    async def _key_set(self, provider: _Discovered, *, is_again: bool = False) -> KeySet:
        from joserfc.jwk import KeySet

        now = self._clock.monotonic()
        age_max = _KEYS_AGAIN_S if is_again else _KEYS_S
        async with self._lock:
            if self._keys is None or now - self._keys[0] > age_max:
                found = await self._asked(provider.jwks_uri)
                self._keys = (now, KeySet.import_key_set(found))  # type: ignore[arg-type]
            return self._keys[1]

    async def _asked(
        self,
        url: str,
        *,
        form: dict[str, str] | None = None,
        provider: _Discovered | None = None,
        bearer: str = "",
    ) -> dict[str, Any]:
        """The provider's answer, a JSON object."""
        import httpx

        if self._http is None:
            self._http = httpx.AsyncClient(timeout=_TIMEOUT_S, follow_redirects=False)
        headers = {"Accept": "application/json"}
        if bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        try:
            if form is None:
                answer = await self._http.get(url, headers=headers)
            else:
                assert provider is not None
                auth = self._authenticate(provider, form)
                answer = await self._http.post(
                    url, data=form, headers=headers, auth=auth or httpx.USE_CLIENT_DEFAULT
                )
        except httpx.HTTPError as error:
            raise _unavailable(f"{urlsplit(url).netloc} did not answer: {error}") from error
        if len(answer.content) > _ANSWER_BYTES_MAX:
            raise _unavailable("its answer is too large")
        if form is not None and 400 <= answer.status_code < 500:
            raise failed(f"the provider refused the code: {answer.text[:200]}")
        if answer.status_code != 200:
            raise _unavailable(f"{url} answered {answer.status_code}")
        try:
            return msgspec.json.decode(answer.content, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise _unavailable(f"{url} answered no JSON: {error}") from error

    def _authenticate(self, provider: _Discovered, form: dict[str, str]) -> tuple[str, str] | None:
        """Say who we are, as the provider wants it told: in the form, or as HTTP basic."""
        secret = self.settings.client_secret
        methods = provider.token_endpoint_auth_methods_supported
        if secret is None or "client_secret_basic" not in methods:
            form["client_id"] = self.settings.client_id
            if secret is not None:
                form["client_secret"] = secret
            return None
        # RFC 6749, section 2.3.1: both are form-encoded before they become basic credentials.
        return _form_encoded(self.settings.client_id), _form_encoded(secret)

    def _random(self) -> str:
        bits = self._clock.random_bits(256).to_bytes(32)
        return base64.urlsafe_b64encode(bits).decode().rstrip("=")


def check_oidc(settings: OidcSettings) -> None:
    """Return if single sign-on can work like this.

    Raises:
        InvalidInput: The issuer is no https address, or a role is none.
    """
    _require_https(settings.issuer, "issuer")
    for role in (settings.default_role, *settings.roles.values()):
        Role.of(role)


def safe_path(path: str) -> str:
    """A path of our own to go to; anything that leads elsewhere becomes the start page."""
    is_own = path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if is_own and path.isprintable() and "\\" not in path else "/"


def failed(why: str) -> Unauthenticated:
    """The error of a single sign-on that did not come to its end."""
    return Unauthenticated(ErrorCode.SSO_FAILED, f"single sign-on did not work: {why}")


def _unavailable(why: str) -> Unavailable:
    return Unavailable(ErrorCode.SSO_FAILED, f"the provider of single sign-on: {why}")


def _form_encoded(text: str) -> str:
    return urlencode({"": text})[1:]


def _require_https(url: str, what: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        return
    raise InvalidInput(
        ErrorCode.INVALID_VALUE,
        f"the {what} of single sign-on is {url!r}: it must begin with https://",
        url=url,
    )
