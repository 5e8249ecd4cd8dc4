"""The tables of the catalog: listed and loaded."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from mere.entities.actor import ActorKind, Role, Scope
from mere.errors import ErrorCode, InvalidInput, NotFound
from mere.server.operations import Answer, Call
from mere.server.protocols.iceberg.catalog import require_namespace
from mere.server.protocols.iceberg.wire import (
    NAMESPACE,
    READ,
    guest_of,
    levels,
    operation,
    page,
    prefix_of,
    settings,
    state_of,
)
from mere.services.sql.open_tables import LoadedTable
from mere.services.sql.queries import state_named

__all__ = ["OPERATIONS", "config_of"]

_TABLE = "namespaces/{namespace}/tables/{table}"


@operation("GET", *prefix_of("namespaces/{namespace}/tables"), permission=READ)
def list_tables(call: Call) -> dict[str, Any]:
    """List the tables: of ours, those that something was folded into."""
    guest = guest_of(call)
    if guest is None:
        require_namespace(call.path["namespace"])
        found = call.warehouse.open_tables.names(call.actor, _as_of(call))
    else:
        found = call.warehouse.open_tables.guests.tables(guest)
    names, token = page(call, found)
    listed = [{"namespace": list(guest or (NAMESPACE,)), "name": name} for name in names]
    return {"identifiers": listed, **({} if token is None else {"next-page-token": token})}


@operation("GET", *prefix_of(_TABLE), permission=READ, sends={304: ""})
def load_table(call: Call) -> Answer:
    """Load a table: its metadata as it lies in the store, and how to reach the store.

    The parameter `snapshots` is ``all`` or ``refs``: then only those that a branch or a tag names.
    """
    mode = dict(call.query).get("snapshots", "all").lower()
    if mode not in ("all", "refs"):
        raise InvalidInput(ErrorCode.INVALID_VALUE, f"snapshots={mode[:40]!r}: say all or refs")
    table = _loaded(call)
    digest = hashlib.sha256(f"{mode} {table.location}".encode()).hexdigest()[:32]
    headers = {"ETag": f'"{digest}"', "Cache-Control": "private, no-cache"}
    if digest in call.headers.get("if-none-match", ""):
        return Answer(status=304, headers=headers)
    metadata = table.metadata if mode == "all" else _only_refs(table.metadata)
    body = {
        "metadata-location": table.location,
        "metadata": msgspec.Raw(metadata),
        "config": config_of(call),
    }
    return Answer(msgspec.json.encode(body), headers=headers)


@operation("HEAD", *prefix_of(_TABLE), permission=READ, status=204)
def has_table(call: Call) -> Answer:
    """Say whether there is such a table."""
    _loaded(call)
    return Answer(status=204)


@operation("GET", *prefix_of(f"{_TABLE}/credentials"), permission=READ)
def get_credentials(call: Call) -> dict[str, Any]:
    """Say which credentials are lent for a table: none, see `docs/catalog.md`."""
    _loaded(call)
    return {"storage-credentials": []}


@operation("POST", *prefix_of(f"{_TABLE}/metrics"), permission=READ, status=204)
async def report_metrics(call: Call) -> Answer:
    """Take what an engine reports of its scan, and forget it."""
    await call.body()
    return Answer(status=204)


def _loaded(call: Call) -> LoadedTable:
    guest = guest_of(call)
    tables = call.warehouse.open_tables
    if guest is not None:
        found = tables.guests.load(guest, call.path["table"])
        return LoadedTable(found.location, found.metadata)
    as_of = _as_of(call)
    if levels(call.path["namespace"]) != (NAMESPACE,):
        # No missing namespace: Spark looks for a metadata table, as runs.snapshots, by this error.
        name = ".".join((*levels(call.path["namespace"]), call.path["table"]))
        raise NotFound(ErrorCode.TABLE_NOT_FOUND, f"there is no table {name[:200]!r}", table=name)
    if as_of is None and settings().is_folding:
        tables.fold()
    return tables.load(call.actor, call.path["table"], as_of)


def _as_of(call: Call) -> datetime | str | int | None:
    state = state_of(call)
    return None if state is None else state_named(state)


def _only_refs(metadata: bytes) -> bytes:
    """The same metadata with the snapshots alone that a branch or a tag names."""
    tree: dict[str, Any] = msgspec.json.decode(metadata)
    named = {ref["snapshot-id"] for ref in tree.get("refs", {}).values()}
    named.add(tree.get("current-snapshot-id"))
    tree["snapshots"] = [one for one in tree.get("snapshots", ()) if one["snapshot-id"] in named]
    return msgspec.json.encode(tree)


def config_of(call: Call) -> Mapping[str, str]:
    """How engines reach the store: where it is, and for admins, if so set, with which keys."""
    offered = settings()
    if offered.s3 is None or not call.warehouse.open_tables.location.startswith("s3://"):
        return {}
    s3 = offered.s3
    path_style = str(not s3.is_virtual_hosted).lower()
    config = {
        "s3.region": s3.region,
        "client.region": s3.region,
        "s3.path-style-access": path_style,
        "s3.force-virtual-addressing": str(s3.is_virtual_hosted).lower(),
    }
    if s3.endpoint:
        config["s3.endpoint"] = s3.endpoint
    if offered.has_credentials and s3.access_key_id and _is_admin(call):
        config["s3.access-key-id"] = s3.access_key_id
        config["s3.secret-access-key"] = s3.secret_access_key or ""
        if s3.session_token:
            config["s3.session-token"] = s3.session_token
    return config


def _is_admin(call: Call) -> bool:
    if call.actor.kind is ActorKind.LOCAL:
        return True
    return call.warehouse.access.role_on(call.actor, Scope.warehouse()) is Role.ADMIN


OPERATIONS = (list_tables, load_table, has_table, get_credentials, report_metrics)
