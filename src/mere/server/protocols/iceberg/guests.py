"""Tables that other writers own: made, committed to, renamed and dropped through the catalog.

Offered where ``MERE_ICEBERG_WRITES`` is set. The tables of mere itself are never written here:
mere's own processes fold into them, and nobody else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mere.errors import ErrorCode, InvalidInput
from mere.server.operations import Answer, Call
from mere.server.protocols.iceberg.tables import config_of
from mere.server.protocols.iceberg.wire import (
    NAMESPACE,
    WRITE,
    is_writable,
    levels,
    operation,
    prefix_of,
    state_of,
)

if TYPE_CHECKING:
    from mere.lake.guests import Guests, GuestTable

__all__ = ["OPERATIONS"]

_TABLE = "namespaces/{namespace}/tables/{table}"
_SHUT = {406: "application/json"}
"""What is answered where nothing may be written."""


class NewNamespace(msgspec.Struct):
    """A namespace to be made."""

    namespace: list[str]
    properties: dict[str, str] = {}


class NewProperties(msgspec.Struct):
    """What changes in a namespace's properties."""

    removals: list[str] = []
    updates: dict[str, str] = {}


class NewTable(msgspec.Struct, rename="kebab"):
    """A table to be made; the lake reads the rest of it."""

    name: str
    schema: dict[str, Any]
    location: str | None = None
    partition_spec: dict[str, Any] | None = None
    write_order: dict[str, Any] | None = None
    stage_create: bool = False
    properties: dict[str, str] = {}


class Registration(msgspec.Struct, rename="kebab"):
    """A table whose metadata is there already."""

    name: str
    metadata_location: str
    overwrite: bool = False


class Identifier(msgspec.Struct):
    """A table's name in its namespace."""

    namespace: list[str]
    name: str


class TableCommit(msgspec.Struct):
    """What changes in one table, if the requirements hold."""

    requirements: list[dict[str, Any]] = []
    updates: list[dict[str, Any]] = []
    identifier: Identifier | None = None


class Transaction(msgspec.Struct, rename="kebab"):
    """What changes in several tables at once."""

    table_changes: list[TableCommit]


class Renaming(msgspec.Struct):
    """A table's name, and the one it gets."""

    source: Identifier
    destination: Identifier


@operation("POST", *prefix_of("namespaces"), permission=WRITE, request=NewNamespace, sends=_SHUT)
def create_namespace(call: Call) -> dict[str, Any]:
    """Make a namespace for tables of other writers."""
    asked: NewNamespace = call.data
    guests = _guests(call, tuple(asked.namespace))
    guests.create_namespace(tuple(asked.namespace), asked.properties)
    return {"namespace": asked.namespace, "properties": asked.properties}


@operation(
    "DELETE",
    *prefix_of("namespaces/{namespace}"),
    permission=WRITE,
    status=204,
    sends=_SHUT,
)
def drop_namespace(call: Call) -> Answer:
    """Remove an empty namespace."""
    namespace = levels(call.path["namespace"])
    _guests(call, namespace).drop_namespace(namespace)
    return Answer(status=204)


@operation(
    "POST",
    *prefix_of("namespaces/{namespace}/properties"),
    permission=WRITE,
    request=NewProperties,
    sends=_SHUT,
)
def set_properties(call: Call) -> dict[str, Any]:
    """Change a namespace's properties."""
    asked: NewProperties = call.data
    both = sorted(set(asked.removals) & asked.updates.keys())
    if both:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"property {both[0]!r} is to be removed and set: say one"
        )
    namespace = levels(call.path["namespace"])
    before = _guests(call, namespace).set_properties(namespace, asked.removals, asked.updates)
    return {
        "updated": sorted(asked.updates),
        "removed": [name for name in asked.removals if name in before],
        "missing": [name for name in asked.removals if name not in before],
    }


@operation(
    "POST",
    *prefix_of("namespaces/{namespace}/tables"),
    permission=WRITE,
    request=NewTable,
    sends=_SHUT,
)
def create_table(call: Call) -> Answer:
    """Make a table, or say what it would be."""
    namespace = levels(call.path["namespace"])
    request = msgspec.to_builtins(call.data)
    return _told(call, _guests(call, namespace).create(namespace, request))


@operation(
    "POST",
    *prefix_of("namespaces/{namespace}/register"),
    permission=WRITE,
    request=Registration,
    sends=_SHUT,
)
def register_table(call: Call) -> Answer:
    """Give a table whose metadata is there already a name."""
    asked: Registration = call.data
    if asked.overwrite:
        raise InvalidInput(
            ErrorCode.NOT_OFFERED, "a table is not replaced by registering: drop it first"
        )
    namespace = levels(call.path["namespace"])
    guests = _guests(call, namespace)
    return _told(call, guests.register(namespace, asked.name, asked.metadata_location))


@operation("POST", *prefix_of(_TABLE), permission=WRITE, request=TableCommit, sends=_SHUT)
def commit_table(call: Call) -> Answer:
    """Change a table, if the requirements hold."""
    from mere.lake.guests import Change

    namespace = levels(call.path["namespace"])
    asked: TableCommit = call.data
    change = Change(namespace, call.path["table"], asked.requirements, asked.updates)
    (table,) = _guests(call, namespace).commit([change])
    return _told(call, table)


@operation(
    "POST",
    *prefix_of("transactions/commit"),
    permission=WRITE,
    request=Transaction,
    status=204,
    sends=_SHUT,
)
def commit_transaction(call: Call) -> Answer:
    """Change several tables, all of them or none."""
    from mere.lake.guests import Change

    changes = []
    for one in call.data.table_changes:
        if one.identifier is None:
            raise InvalidInput(ErrorCode.INVALID_VALUE, "a change of a table names no table")
        namespace = tuple(one.identifier.namespace)
        changes.append(Change(namespace, one.identifier.name, one.requirements, one.updates))
    _guests(call, *(change.namespace for change in changes)).commit(changes)
    return Answer(status=204)


@operation("DELETE", *prefix_of(_TABLE), permission=WRITE, status=204, sends=_SHUT)
def drop_table(call: Call) -> Answer:
    """Forget a table; with `purgeRequested` its files go, too."""
    namespace = levels(call.path["namespace"])
    is_purging = dict(call.query).get("purgeRequested", "").lower() == "true"
    _guests(call, namespace).drop(namespace, call.path["table"], is_purging=is_purging)
    return Answer(status=204)


@operation(
    "POST",
    *prefix_of("tables/rename"),
    permission=WRITE,
    request=Renaming,
    status=204,
    sends=_SHUT,
)
def rename_table(call: Call) -> Answer:
    """Give a table another name."""
    source, target = call.data.source, call.data.destination
    old, new = (tuple(source.namespace), source.name), (tuple(target.namespace), target.name)
    _guests(call, old[0], new[0]).rename(old, new)
    return Answer(status=204)


def _guests(call: Call, *namespaces: tuple[str, ...]) -> Guests:
    """The catalog of guest tables, if these namespaces may be written.

    Raises:
        InvalidInput: Nothing is written here, or not in this namespace.
    """
    state = state_of(call)
    if not is_writable():
        raise InvalidInput(
            ErrorCode.NOT_OFFERED,
            "this catalog is read-only: MERE_ICEBERG_WRITES opens it for other writers' tables",
        )
    if state is not None or any(not one or one[0] == NAMESPACE for one in namespaces):
        raise InvalidInput(
            ErrorCode.NOT_OFFERED,
            f"the namespace {NAMESPACE!r} and states of the past are read-only: "
            "use another namespace, in the catalog of now",
        )
    return call.warehouse.open_tables.guests


def _told(call: Call, table: GuestTable) -> Answer:
    body: dict[str, Any] = {
        "metadata": msgspec.Raw(table.metadata),
        "config": dict(config_of(call)),
    }
    if table.location:
        body["metadata-location"] = table.location
    return Answer(msgspec.json.encode(body))


OPERATIONS = (
    create_namespace,
    drop_namespace,
    set_properties,
    create_table,
    register_table,
    commit_table,
    commit_transaction,
    drop_table,
    rename_table,
)
