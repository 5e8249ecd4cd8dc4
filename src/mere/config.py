"""Settings from the environment: the only module that reads ``os.environ``.

Everything else is handed a mapping or one of the frozen settings made from it here, so that a
test says what the environment is and nothing depends on when a variable was looked up.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from mere.errors import ErrorCode, InvalidInput

__all__ = ["S3Config", "Settings", "cache_folder", "environment", "state_folder"]

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
