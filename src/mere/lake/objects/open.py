"""From a URL to a store."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

from mere import config
from mere.clock import Clock
from mere.errors import ErrorCode, InvalidInput, NotFound, PermissionDenied, Unavailable
from mere.lake.objects.local import LocalStore
from mere.lake.objects.memory import MemoryStore
from mere.lake.objects.retry import RetryingStore
from mere.lake.objects.store import ObjectStore

__all__ = ["open_store"]

_SUPPORTED = "file:///folder, a plain path, s3://bucket/prefix or memory://name"


def open_store(
    url: str, *, clock: Clock, environment: Mapping[str, str] | None = None
) -> ObjectStore:
    """Open the store behind a URL, with retry around it; nothing is asked of it yet.

    In ``file://`` URLs ``%20`` and its like are decoded; a plain path is taken as it stands, but
    for a leading ``~``.

    Args:
        url: ``file:///folder``, a plain path, ``s3://bucket/prefix`` or ``memory://name``.
        clock: Waits between attempts.
        environment: Where the standard AWS variables are; by default, the process's own.

    Raises:
        InvalidInput: The URL is of no supported kind, or misspelt.
    """
    return RetryingStore(_open_bare(url, clock, environment), clock)


def _open_bare(url: str, clock: Clock, env: Mapping[str, str] | None) -> ObjectStore:
    scheme, separator, rest = url.partition("://")
    if not separator:
        return _open_folder(_expand(url), url, clock)
    match scheme.lower():
        case "file":
            host, _, path = rest.partition("/")
            if host not in ("", "localhost"):
                raise InvalidInput(
                    ErrorCode.INVALID_VALUE,
                    f"{url!r} names a host; a file URL has three slashes: file:///folder",
                    url=url,
                )
            return _open_folder("/" + unquote(path, errors="strict"), url, clock)
        case "s3":
            # Loading obstore takes a while, and a local folder does without.
            from mere.lake.objects.s3 import S3Store

            variables = config.environment() if env is None else env
            return S3Store(f"s3://{rest}", config.S3Config.from_environment(variables))
        case "memory":
            return MemoryStore.named(rest.rstrip("/"), clock)
    raise InvalidInput(
        ErrorCode.INVALID_VALUE,
        f"{url!r} is of no kind that mere can open; it may be {_SUPPORTED}",
        url=url,
    )


def _expand(path: str) -> str:
    """Put the user's home for a leading ``~``, which a shell leaves in ``--warehouse=~/x``."""
    return str(Path(path).expanduser()) if path.startswith("~") else path


def _open_folder(path: str, url: str, clock: Clock) -> LocalStore:
    if not path or "\x00" in path:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"{url!r} names no folder; it may be {_SUPPORTED}",
            url=url,
        )
    if Path(path).exists() and not Path(path).is_dir():
        raise InvalidInput(ErrorCode.INVALID_VALUE, f"{url!r} is a file, not a folder", url=url)
    store = LocalStore(path)
    # Who may only read a warehouse can open it; the leftovers are then another's to remove.
    with contextlib.suppress(PermissionDenied, Unavailable, NotFound):
        store.sweep(clock.now_us())
    return store
