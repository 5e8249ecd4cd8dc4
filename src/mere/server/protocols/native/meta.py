"""What is asked about the server itself: whether it lives, what it speaks, how it does."""

from __future__ import annotations

from typing import Final

import msgspec

from mere.errors import ErrorCode, Unavailable
from mere.server.observing import METRICS_TYPE, metrics_page
from mere.server.openapi import openapi_page
from mere.server.operations import PUBLIC, SIGNED_IN, Answer, Call
from mere.server.protocols.native.wire import operation

__all__ = ["MLFLOW_VERSION", "OPERATIONS"]

MLFLOW_VERSION: Final = "3.17.2"
"""The release of MLflow whose protocol is spoken; its clients ask before they use what is new."""


class Health(msgspec.Struct):
    """Whether the server can do its work."""

    status: str


@operation("GET", "/health", permission=PUBLIC, sends={200: "text/plain"})
async def health(call: Call) -> Answer:
    """Say whether this process answers and takes new requests."""
    if call.server.is_stopping:
        raise Unavailable(ErrorCode.STORE_UNAVAILABLE, "the server is stopping")
    return Answer(b"OK", "text/plain")


@operation("GET", "/ready", permission=PUBLIC, answer=Health)
def ready(call: Call) -> Health:
    """Say whether the store answers, too: one listing."""
    call.warehouse.lake.refresh()
    return Health("ready")


@operation("GET", "/version", permission=PUBLIC, sends={200: "text/plain"})
async def version(call: Call) -> Answer:  # noqa: ARG001  every handler is told the call
    """The release of MLflow whose protocol is spoken, as its clients ask for it."""
    return Answer(MLFLOW_VERSION.encode(), "text/plain")


@operation("GET", "/metrics", permission=SIGNED_IN, sends={200: "text/plain"})
def metrics(call: Call) -> Answer:  # noqa: ARG001  same
    """The server's metrics, as Prometheus reads them."""
    return Answer(metrics_page(), METRICS_TYPE)


@operation("GET", "/openapi.json", permission=SIGNED_IN)
def openapi(call: Call) -> Answer:
    """All operations, as OpenAPI 3.1."""
    return Answer(openapi_page(call.server.operations))


OPERATIONS = (health, ready, version, metrics, openapi)
