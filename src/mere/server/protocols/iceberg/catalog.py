"""The catalog itself: what it can do, and its one namespace."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qs

from mere.errors import ErrorCode, InvalidInput, NotFound
from mere.server.operations import PUBLIC, SIGNED_IN, Answer, Call
from mere.server.protocols.iceberg.wire import (
    NAMESPACE,
    READ,
    SEPARATOR,
    guest_of,
    is_writable,
    levels,
    operation,
    page,
    prefix_of,
    state_of,
)
from mere.services.sql.queries import state_named

__all__ = ["OPERATIONS", "require_namespace"]

_ENDPOINTS: Final = (
    "GET /v1/{prefix}/namespaces",
    "GET /v1/{prefix}/namespaces/{namespace}",
    "HEAD /v1/{prefix}/namespaces/{namespace}",
    "GET /v1/{prefix}/namespaces/{namespace}/tables",
    "GET /v1/{prefix}/namespaces/{namespace}/tables/{table}",
    "HEAD /v1/{prefix}/namespaces/{namespace}/tables/{table}",
    "GET /v1/{prefix}/namespaces/{namespace}/tables/{table}/credentials",
    "POST /v1/{prefix}/namespaces/{namespace}/tables/{table}/metrics",
    "GET /v1/{prefix}/namespaces/{namespace}/views",
)
_WRITING: Final = (
    "POST /v1/{prefix}/namespaces",
    "DELETE /v1/{prefix}/namespaces/{namespace}",
    "POST /v1/{prefix}/namespaces/{namespace}/properties",
    "POST /v1/{prefix}/namespaces/{namespace}/tables",
    "POST /v1/{prefix}/namespaces/{namespace}/tables/{table}",
    "DELETE /v1/{prefix}/namespaces/{namespace}/tables/{table}",
    "POST /v1/{prefix}/namespaces/{namespace}/register",
    "POST /v1/{prefix}/tables/rename",
    "POST /v1/{prefix}/transactions/commit",
)


@operation("GET", "/iceberg/v1/config", permission=SIGNED_IN)
def get_config(call: Call) -> dict[str, Any]:
    """Say what the catalog can do.

    The parameter `warehouse` may be left out, or be ``mere``, the warehouse's address, or
    ``mere@`` and a tag, a root's number or a time: then the catalog is that of the past state.
    """
    wanted = dict(call.query).get("warehouse", "")
    name, has_state, state = wanted.partition("@")
    if not wanted or call.warehouse.open_tables.is_at(wanted):
        prefix = NAMESPACE
    elif name == NAMESPACE and (state or not has_state):
        if state:
            call.warehouse.lake.view_as_of(state_named(state))  # raises where there is none
        prefix = wanted
    else:
        raise NotFound(
            ErrorCode.NAMESPACE_NOT_FOUND,
            f"warehouse {wanted[:200]!r} is not this one: leave it out, or name it {NAMESPACE}",
        )
    endpoints = _ENDPOINTS + (_WRITING if is_writable() and prefix == NAMESPACE else ())
    return {"defaults": {}, "overrides": {"prefix": prefix}, "endpoints": list(endpoints)}


@operation("POST", "/iceberg/v1/oauth/tokens", permission=PUBLIC, body_max=16_384)
async def get_token(call: Call) -> dict[str, Any]:
    """Give the client's secret, a token of `mere tokens create`, back as its bearer token.

    Engines that only know OAuth's client credentials sign in this way. Nothing is checked here:
    each request that shows the token is.
    """
    form = parse_qs((await call.body()).decode("utf-8", "replace"))
    secret = form.get("client_secret", [""])[0]
    if form.get("grant_type", [""])[0] != "client_credentials" or not secret:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            "send grant_type=client_credentials and a token of mere as client_secret",
        )
    return {"access_token": secret, "token_type": "bearer", "expires_in": 3600}


@operation("GET", *prefix_of("namespaces"), permission=READ)
def list_namespaces(call: Call) -> dict[str, Any]:
    """List the namespaces: ours, and those of other writers."""
    has_guests = state_of(call) is None and is_writable()
    parent = dict(call.query).get("parent", "")
    above = levels(parent) if parent else ()
    found: list[tuple[str, ...]] = []
    if above in ((), (NAMESPACE,)) or not has_guests:
        if above:
            require_namespace(parent)
        else:
            found.append((NAMESPACE,))
    if has_guests and above != (NAMESPACE,):
        found += call.warehouse.open_tables.guests.namespaces(above)
    names, token = page(call, sorted(SEPARATOR.join(one) for one in found))
    answer: dict[str, Any] = {"namespaces": [list(levels(name)) for name in names]}
    return answer if token is None else {**answer, "next-page-token": token}


@operation("GET", *prefix_of("namespaces/{namespace}"), permission=READ)
def get_namespace(call: Call) -> dict[str, Any]:
    """Describe a namespace."""
    guest = guest_of(call)
    if guest is not None:
        found = call.warehouse.open_tables.guests.properties(guest)
        return {"namespace": list(guest), "properties": found}
    require_namespace(call.path["namespace"])
    location = call.warehouse.open_tables.location
    properties = {"location": f"{location}/tables", "comment": "the tables of mere, read-only"}
    return {"namespace": [NAMESPACE], "properties": properties}


@operation("HEAD", *prefix_of("namespaces/{namespace}"), permission=READ, status=204)
def has_namespace(call: Call) -> Answer:
    """Say whether there is such a namespace."""
    guest = guest_of(call)
    if guest is None:
        require_namespace(call.path["namespace"])
    else:
        call.warehouse.open_tables.guests.properties(guest)
    return Answer(status=204)


@operation("GET", *prefix_of("namespaces/{namespace}/views"), permission=READ)
def list_views(call: Call) -> dict[str, Any]:
    """List the views, of which there are none."""
    if guest_of(call) is None:
        require_namespace(call.path["namespace"])
    return {"identifiers": []}


def require_namespace(namespace: str) -> None:
    """Refuse every namespace but the one there is.

    Raises:
        NotFound: It is another one.
    """
    if levels(namespace) != (NAMESPACE,):
        raise NotFound(
            ErrorCode.NAMESPACE_NOT_FOUND,
            f"there is no namespace {'.'.join(levels(namespace))[:200]!r}: the tables are in "
            f"{NAMESPACE!r}",
        )


OPERATIONS = (
    get_config,
    get_token,
    list_namespaces,
    get_namespace,
    has_namespace,
    list_views,
)
