"""Settings from the environment: the only module that reads ``os.environ``.

Everything else is handed a mapping or one of the frozen settings made from it here, so that a
test says what the environment is and nothing depends on when a variable was looked up.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from mere.errors import ErrorCode, InvalidInput

__all__ = [
    "CatalogSettings",
    "IcebergSettings",
    "OidcSettings",
    "S3Config",
    "ServerSettings",
    "Settings",
    "cache_folder",
    "environment",
    "first_admin",
    "spool_bytes_max",
    "state_folder",
    "webhook_allow",
]

_GB_MAX = 1_000_000
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"", "0", "false", "no", "off"})


def environment() -> Mapping[str, str]:
    """The process's environment variables as they are now; a copy that cannot be changed."""
    return MappingProxyType(dict(os.environ))


def cache_folder(env: Mapping[str, str]) -> Path:
    """Where files are kept that can be had again: ``mere`` in the user's cache folder."""
    base = env.get("XDG_CACHE_HOME") or Path(env.get("HOME") or Path.home(), ".cache")
    return Path(base, "mere")


def state_folder(env: Mapping[str, str]) -> Path:
    """Where is kept what must not be lost: ``mere`` in the user's state folder."""
    base = env.get("XDG_STATE_HOME") or Path(env.get("HOME") or Path.home(), ".local", "state")
    return Path(base, "mere")


def webhook_allow(env: Mapping[str, str]) -> tuple[str, ...]:
    """What webhooks may call although it is not public: ``MERE_WEBHOOK_ALLOW``, comma by comma."""
    words = env.get("MERE_WEBHOOK_ALLOW", "").split(",")
    return tuple(word.strip() for word in words if word.strip())


def spool_bytes_max(env: Mapping[str, str]) -> int:
    """How much may wait on this machine's disk, of all processes of a user together.

    Raises:
        InvalidInput: ``MERE_SPOOL_GB`` is no number from 0.
    """
    value = env.get("MERE_SPOOL_GB", "").strip() or "10"
    try:
        gigabytes = float(value)
    except ValueError:
        gigabytes = math.nan
    if not 0 <= gigabytes <= _GB_MAX:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"MERE_SPOOL_GB is {value!r}; set it to a number of gigabytes from 0 to {_GB_MAX:,}",
            name="MERE_SPOOL_GB",
            value=value,
        )
    return round(gigabytes * 1_000_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Config:
    """How to reach an S3 service and who is asking.

    Without an access key the library that speaks S3 looks for the credentials of the machine
    (container and instance roles, web identity), as the AWS tools do.
    """

    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    region: str = "us-east-1"
    endpoint: str | None = None
    """Base URL of the service; none means AWS's own of the region."""
    is_virtual_hosted: bool = False
    """Whether the bucket stands in the host name instead of the path."""
    ca_bundle: str | None = None
    """A file of PEM certificates to trust beside those of the system."""

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> S3Config:
        """Read the standard ``AWS_…`` variables; empty ones count as not set.

        Raises:
            InvalidInput: A variable holds something it cannot.
        """

        def first(*names: str) -> str | None:
            return next((env[name] for name in names if env.get(name)), None)

        key, secret = first("AWS_ACCESS_KEY_ID"), first("AWS_SECRET_ACCESS_KEY")
        if (key is None) != (secret is None):
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together; set both or neither",
            )
        endpoint = first("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
        if endpoint is not None and not endpoint.startswith(("http://", "https://")):
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"the S3 endpoint {endpoint!r} is no URL; begin it with http:// or https://",
                endpoint=endpoint,
            )
        style = "AWS_VIRTUAL_HOSTED_STYLE_REQUEST"
        return cls(
            access_key_id=key,
            secret_access_key=secret,
            session_token=first("AWS_SESSION_TOKEN"),
            region=first("AWS_REGION", "AWS_DEFAULT_REGION") or "us-east-1",
            endpoint=endpoint.rstrip("/") if endpoint else None,
            is_virtual_hosted=_flag(env, style, default=endpoint is None),
            ca_bundle=first("AWS_CA_BUNDLE"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a user of mere says once, for all that runs."""

    warehouse: str
    """Where everything is kept: ``file:///…``, a plain path, or ``s3://bucket/prefix``."""
    has_capture: bool = True
    """Whether runs note their code, command and environment."""
    has_console: bool = True
    """Whether runs keep what the process writes to its terminal."""
    has_system_metrics: bool = True
    """Whether runs sample the machine."""
    run_id: str | None = None
    """The run that processes take part in, where they are not told in code."""
    rank: int | None = None
    """Which process of that run this is, where no launcher says."""
    repeats: str | None = None
    """The run that this process repeats, as `mere rerun` says."""
    repetition: str | None = None
    """What the runs of one repetition have in common."""
    inputs: str | None = None
    """The dataset versions a repetition reads: a JSON object, ids by name."""

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> Settings:
        """Read the ``MERE_…`` variables; the warehouse is otherwise a folder in the user's home.

        Raises:
            InvalidInput: A variable that is on or off is neither, or a number is none.
        """
        home = Path(env.get("HOME") or Path.home())
        return cls(
            warehouse=env.get("MERE_WAREHOUSE") or (home / ".mere" / "warehouse").as_uri(),
            has_capture=_flag(env, "MERE_CAPTURE", default=True),
            has_console=_flag(env, "MERE_CONSOLE", default=True),
            has_system_metrics=_flag(env, "MERE_SYSTEM_METRICS", default=True),
            run_id=env.get("MERE_RUN_ID") or None,
            rank=_count(env, "MERE_RANK"),
            repeats=env.get("MERE_REPEATS") or None,
            repetition=env.get("MERE_REPETITION") or None,
            inputs=env.get("MERE_INPUTS") or None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """How a server serves. All of it can be said by `mere server`'s options."""

    warehouse: str
    """The warehouse's address."""
    host: str = "127.0.0.1"
    port: int = 5000
    workers: int = 1
    """Processes that answer; each has its own connection to the store."""
    threads: int = 16
    """Reads under way at once in each of them."""
    sign_in: bool | None = None
    """Whether people and programs have to sign in; None: unless only loopback is listened on."""
    public_url: str | None = None
    """The address at which others reach the server, where a proxy is before it."""
    refresh_s: float = 0.5
    """How old what a worker knows of other writers may get, where it does not look at once."""
    fold_s: float = 1.0
    """How often the server looks whether there is something to fold; 0 leaves it to others."""
    body_bytes_max: int = 64 << 20
    """The largest body of a request that is not an upload."""
    request_s_max: float = 120.0
    """How long an answer may take."""
    body_s_max: float = 60.0
    """How long a client may take to send a body that is not an upload."""
    rate_per_s: float = 0.0
    """Requests a second of one client; 0 sets no limit."""
    is_access_logged: bool = False
    """Whether each request is logged, one JSON line each."""
    mlflow_ui: bool = False
    """Whether MLflow's own web UI is served below ``/mlflow``, where its package is installed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcSettings:
    """A provider of single sign-on (OpenID Connect), and what its word means here."""

    issuer: str
    """The provider's address, as it writes it itself."""
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    """None where the server is registered as a public client."""
    label: str = "single sign-on"
    """What the portal writes on the button."""
    scopes: str = "openid profile email"
    name_claim: str = "preferred_username"
    """What a new user is called; ``email`` is taken where it is missing."""
    role_claim: str = "groups"
    """The claim that tells roles: a text or a list."""
    roles: Mapping[str, str] = field(default_factory=dict)
    """The role on the warehouse, by value of that claim. Where it is empty, the provider does not
    tell roles: admins give them here."""
    default_role: str = "viewer"
    """The role of whom no value matches; ``none`` keeps them out."""

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> OidcSettings | None:
        """Read the ``MERE_OIDC_…`` variables; None where there is no issuer.

        Raises:
            InvalidInput: A variable that is needed is missing, or the roles cannot be read.
        """
        issuer = env.get("MERE_OIDC_ISSUER", "").strip()
        if not issuer:
            return None
        client_id = env.get("MERE_OIDC_CLIENT_ID", "").strip()
        if not client_id:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                "MERE_OIDC_ISSUER is set and MERE_OIDC_CLIENT_ID is not: set it to the id under "
                "which the server is registered with the provider",
            )
        given = {
            "label": env.get("MERE_OIDC_LABEL"),
            "scopes": env.get("MERE_OIDC_SCOPES"),
            "name_claim": env.get("MERE_OIDC_NAME_CLAIM"),
            "role_claim": env.get("MERE_OIDC_ROLE_CLAIM"),
            "default_role": env.get("MERE_OIDC_DEFAULT_ROLE"),
        }
        return cls(
            issuer=issuer,
            client_id=client_id,
            client_secret=env.get("MERE_OIDC_CLIENT_SECRET") or None,
            roles=_pairs(env.get("MERE_OIDC_ROLES", "")),
            **{name: value.strip() for name, value in given.items() if value and value.strip()},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogSettings:
    """The other catalog in which a warehouse keeps its tables, if this process is told of one."""

    uri: str | None = None
    """The address of an Iceberg REST catalog."""
    warehouse: str | None = None
    """What it calls the warehouse, if it has several."""
    namespace: str = "mere"
    """Where the tables are in it; levels with dots between them."""
    token: str | None = field(default=None, repr=False)
    """A bearer token for it."""
    credential: str | None = field(default=None, repr=False)
    """An id and a secret, ``id:secret``, for OAuth's client credentials."""

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> CatalogSettings:
        """Read the ``MERE_CATALOG_…`` variables; empty ones count as not set."""
        return cls(
            uri=env.get("MERE_CATALOG_URI", "").rstrip("/") or None,
            warehouse=env.get("MERE_CATALOG_WAREHOUSE") or None,
            namespace=env.get("MERE_CATALOG_NAMESPACE") or "mere",
            token=env.get("MERE_CATALOG_TOKEN") or None,
            credential=env.get("MERE_CATALOG_CREDENTIAL") or None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class IcebergSettings:
    """What the Iceberg REST catalog of a server offers beyond reading what is folded."""

    is_folding: bool = False
    """Whether the journal is folded before a table is loaded, so that engines see all there is."""
    is_writable: bool = False
    """Whether other writers may keep tables of their own in it."""
    has_credentials: bool = False
    """Whether admins are told the static S3 credentials of the server."""
    s3: S3Config | None = None
    """How engines reach the store; None where they are told nothing of it."""

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> IcebergSettings:
        """Read the ``MERE_ICEBERG_…`` variables.

        Raises:
            InvalidInput: A variable that is on or off is neither.
        """
        return cls(
            is_folding=_flag(env, "MERE_ICEBERG_FOLD", default=False),
            is_writable=_flag(env, "MERE_ICEBERG_WRITES", default=False),
            has_credentials=_flag(env, "MERE_ICEBERG_CREDENTIALS", default=False),
            s3=S3Config.from_environment(env),
        )


def first_admin(env: Mapping[str, str]) -> tuple[str, str] | None:
    """The name and the password of the user to make where there is none yet, if both are said."""
    name, password = env.get("MERE_ADMIN_NAME"), env.get("MERE_ADMIN_PASSWORD")
    return (name, password) if name and password else None


def _pairs(text: str) -> dict[str, str]:
    """Read ``value=role, value=role``."""
    pairs = [pair.strip() for pair in text.split(",") if pair.strip()]
    split = [pair.rpartition("=") for pair in pairs]
    if not all(value.strip() and role.strip() for value, _, role in split):
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"MERE_OIDC_ROLES is {text!r}; set it to value=role, value=role, …",
            value=text,
        )
    return {value.strip(): role.strip() for value, _, role in split}


def _count(env: Mapping[str, str], name: str) -> int | None:
    """Read a variable that holds a number from 0, or nothing."""
    value = env.get(name, "").strip()
    if not value:
        return None
    if not (value.isascii() and value.isdigit()):
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"{name} is {value!r}; set it to a number from 0",
            name=name,
            value=value,
        )
    return int(value)


def _flag(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    """Read a variable that is either on or off."""
    value = env.get(name, "").strip().lower()
    if not value:
        return default
    if value not in _TRUE | _FALSE:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"{name} is {value!r}; set it to true or false",
            name=name,
            value=value,
        )
    return value in _TRUE
