"""Takes from MLflow the requests to addresses of ours, where it would send them.

All that MLflow's client asks of a server goes through `mlflow.utils.rest_utils.http_request`,
from its stores and from a dozen other places, and from there through one function that sends it.
That function is wrapped, once, when an address of ours is first used; requests to other addresses
pass as before. It has no public name, so a test with MLflow's newest release guards it, and a
release without it is refused with an error that says so.
"""

from __future__ import annotations

from typing import Any, Final

from mlflow.utils import rest_utils

from mere.plugins.mlflow.within import Reached, reach

__all__ = ["divert"]

_SENDER = "_get_http_response_with_retries"
_KEPT = ("data", "files", "headers", "json", "params", "stream")

_reached: Final[dict[str, Reached]] = {}


def divert(uri: str) -> str:
    """Have MLflow's requests to an address answered in this process.

    Args:
        uri: ``mere+`` and the address of a warehouse.

    Returns:
        The address as MLflow may put it before paths.
    """
    base = uri.rstrip("/")
    _wrap_sender()
    _reached[base] = reach(base.partition("+")[2])
    return base


def _wrap_sender() -> None:
    original = getattr(rest_utils, _SENDER, None)
    if original is None:
        raise RuntimeError(
            f"this release of MLflow sends its requests in a way that mere does not know "
            f"(mlflow.utils.rest_utils.{_SENDER} is gone): upgrade mere, or use `mere server`"
        )
    if getattr(original, "is_mere", False):
        return

    def send(method: str, url: str, *args: Any, **options: Any) -> Any:
        base = _base_of(url)
        if base is None:
            return original(method, url, *args, **options)
        kept = {name: options[name] for name in _KEPT if name in options}
        # MLflow would send again what failed; the warehouse's own store has done so already.
        return _reached[base].request(method, url[len(base) :], kept)

    send.is_mere = True  # type: ignore[attr-defined]
    setattr(rest_utils, _SENDER, send)


def _base_of(url: str) -> str | None:
    if not url.startswith("mere+"):
        return None
    fitting = [base for base in tuple(_reached) if url.startswith(f"{base}/")]
    return max(fitting, key=len, default=None)
