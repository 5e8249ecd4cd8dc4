"""What is asked about the server itself: whether it lives, what it speaks, how it does."""

from __future__ import annotations

import platform
from typing import Final

import msgspec

from mere import __version__
from mere.errors import ErrorCode, Unavailable
from mere.lake.status import LakeStatus, glance
from mere.server.observing import METRICS_TYPE, metrics_page
from mere.server.openapi import openapi_page
from mere.server.operations import PUBLIC, SIGNED_IN, Answer, Call
from mere.server.protocols.native.wire import ADMIN, operation

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


class About(msgspec.Struct):
    """The server, and the warehouse that it serves.

    Args:
        version: Its release.
        mlflow_version: The release of MLflow whose protocol it speaks.
        python: What it runs on.
        is_sign_in_required: Whether people and programs have to sign in.
        has_sso: Whether they can by an organisation's provider.
        workers: Processes that answer.
        fold_s: How often it looks for something to fold; 0 leaves it to others.
        public_url: The address at which others reach it, where a proxy is before it.
        warehouse: Sizes and ages of its tables, those of datasets apart; its address is without
            anything secret.
    """

    version: str
    mlflow_version: str
    python: str
    is_sign_in_required: bool
    has_sso: bool
    workers: int
    fold_s: float
    public_url: str | None
    warehouse: LakeStatus


@operation("GET", "/api/v1/about", permission=ADMIN, answer=About)
def about(call: Call) -> About:
    """What the server is, how it is set up, and how large its tables are."""
    server = call.server
    settings = server.settings
    return About(
        version=__version__,
        mlflow_version=MLFLOW_VERSION,
        python=platform.python_version(),
        is_sign_in_required=server.sign_in.is_required,
        has_sso=server.sign_in.is_required and server.sign_in.provider is not None,
        workers=settings.workers,
        fold_s=settings.fold_s,
        public_url=settings.public_url,
        warehouse=glance(call.warehouse.lake),
    )


@operation("GET", "/openapi.json", permission=SIGNED_IN)
def openapi(call: Call) -> Answer:
    """All operations, as OpenAPI 3.1."""
    return Answer(openapi_page(call.server.operations))


OPERATIONS = (health, ready, version, metrics, about, openapi)
