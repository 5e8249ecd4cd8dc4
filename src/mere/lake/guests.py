"""Guest tables: Iceberg tables that other writers own, in a catalog beside the lake's own.

``guests/roots/<number>.json`` names the namespaces and the current metadata of all guest tables.
As with the lake's own catalog, a root is created only if absent and its number is one above its
parent's: of writers that commit at once one wins, and the others check their requirements again
on what it left. A root swaps any number of tables, so a transaction over several is one root, too.

Data files are the owners' business: nothing here folds, compacts or collects them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from pydantic import TypeAdapter, ValidationError
from pyiceberg.catalog.rest import CreateTableRequest
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.exceptions import ValidationError as Incompatible
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import (
    TableMetadata,
    TableMetadataUtil,
    TableMetadataV1,
    new_table_metadata,
)
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER
from pyiceberg.table.update import TableRequirement, TableUpdate, update_table_metadata

from mere.clock import Clock
from mere.errors import AlreadyExists, Conflict, CorruptData, ErrorCode, InvalidInput, NotFound
from mere.lake.objects.store import ObjectStore

__all__ = ["Change", "GuestTable", "Guests", "Namespace"]

Namespace = tuple[str, ...]
"""A namespace's levels."""

_FOLDER = "guests/"
_ROOTS = "guests/roots/"
_ROOT = re.compile(r"guests/roots/([0-9]{20})\.json")
_SEPARATOR = "\x1f"
_VERSION = re.compile(r"(\d{5,})-[^/]*\.metadata\.json$")
_ROOTS_KEPT = 100
_ATTEMPTS = 50
_NAME_CHARS_MAX = 200
_UPDATES: TypeAdapter[Any] = TypeAdapter(tuple[TableUpdate, ...])
_REQUIREMENTS: TypeAdapter[Any] = TypeAdapter(tuple[TableRequirement, ...])


class _Root(msgspec.Struct, frozen=True):
    """The state of all guest tables: namespaces with their properties, tables by namespace."""

    number: int
    at: datetime
    namespaces: dict[str, dict[str, str]]
    tables: dict[str, dict[str, str]]
    nonce: str


_EMPTY = _Root(0, datetime(1970, 1, 1, tzinfo=UTC), {}, {}, "")


class GuestTable(NamedTuple):
    """A table: where its metadata lies, and that file's content."""

    location: str
    metadata: bytes


class Change(NamedTuple):
    """What a commit changes in one table, as the protocol has it."""

    namespace: Namespace
    name: str
    requirements: Sequence[Mapping[str, Any]]
    updates: Sequence[Mapping[str, Any]]


class Guests:
    """The catalog of guest tables; several threads and processes may use it at once.

    Args:
        store: The warehouse's store.
        location: The address with which every path begins.
        clock: For times and names.
    """

    def __init__(self, store: ObjectStore, location: str, clock: Clock) -> None:
        self._store = store
        self._location = location
        self._clock = clock
        self._known = _EMPTY

    # Namespaces

    def namespaces(self, parent: Namespace = ()) -> list[Namespace]:
        """The namespaces right below another, in order.

        Raises:
            NotFound: There is no such parent.
        """
        root = self._newest()
        if parent:
            _require_namespace(root, parent)
        depth = len(parent)
        known = (tuple(name.split(_SEPARATOR)) for name in root.namespaces)
        return sorted(
            {one[: depth + 1] for one in known if one[:depth] == parent and one != parent}
        )

    def properties(self, namespace: Namespace) -> dict[str, str]:
        """A namespace's properties.

        Raises:
            NotFound: There is no such namespace.
        """
        return dict(_require_namespace(self._newest(), namespace))

    def create_namespace(self, namespace: Namespace, properties: Mapping[str, str]) -> None:
        """Make a namespace.

        Raises:
            AlreadyExists: There is one.
            InvalidInput: A level cannot be a name.
        """
        for level in namespace:
            _check_name(level)

        def change(root: _Root) -> _Root:
            if _key(namespace) in root.namespaces:
                raise AlreadyExists(
                    ErrorCode.NAME_TAKEN, f"namespace {'.'.join(namespace)!r} is there already"
                )
            return _with_namespace(root, namespace, dict(properties))

        self._change(change)

    def set_properties(
        self, namespace: Namespace, removals: Iterable[str], updates: Mapping[str, str]
    ) -> dict[str, str]:
        """Change a namespace's properties and return those that were there before.

        Raises:
            NotFound: There is no such namespace.
        """
        before: dict[str, str] = {}

        def change(root: _Root) -> _Root:
            before.clear()
            before.update(_require_namespace(root, namespace))
            gone = set(removals)
            kept = {name: value for name, value in before.items() if name not in gone}
            return _with_namespace(root, namespace, {**kept, **updates})

        self._change(change)
        return before

    def drop_namespace(self, namespace: Namespace) -> None:
        """Remove an empty namespace.

        Raises:
            NotFound: There is none.
            Conflict: There are tables or namespaces in it.
        """

        def change(root: _Root) -> _Root:
            _require_namespace(root, namespace)
            key = _key(namespace)
            inner = any(name.startswith(key + _SEPARATOR) for name in root.namespaces)
            if inner or root.tables.get(key):
                raise Conflict(
                    ErrorCode.IN_USE,
                    f"namespace {'.'.join(namespace)!r} is not empty: drop what is in it first",
                )
            left = {name: one for name, one in root.namespaces.items() if name != key}
            return msgspec.structs.replace(root, namespaces=left)

        self._change(change)

    # Tables

    def tables(self, namespace: Namespace) -> list[str]:
        """The tables of a namespace, in order; raises as `properties` does."""
        root = self._newest()
        _require_namespace(root, namespace)
        return sorted(root.tables.get(_key(namespace), {}))

    def load(self, namespace: Namespace, name: str) -> GuestTable:
        """A table.

        Raises:
            NotFound: There is none of this name.
        """
        return self._read(_require_table(self._newest(), namespace, name))

    def create(self, namespace: Namespace, request: Mapping[str, Any]) -> GuestTable:
        """Make a table, or with ``stage-create`` only say what it would be.

        Raises:
            NotFound: There is no such namespace.
            AlreadyExists: There is such a table.
            InvalidInput: The request cannot be read, or names a place outside of the guests'.
        """
        try:
            wanted = CreateTableRequest.model_validate(
                {"location": None, "partition-spec": None, "write-order": None, **request}
            )
        except ValidationError as error:
            raise _unreadable(error) from error
        _check_name(wanted.name)
        with _applying():
            metadata = new_table_metadata(
                schema=wanted.table_schema,
                partition_spec=wanted.partition_spec or UNPARTITIONED_PARTITION_SPEC,
                sort_order=wanted.write_order or UNSORTED_SORT_ORDER,
                location=(wanted.location or self._place(namespace, wanted.name)).rstrip("/"),
                properties=wanted.properties,
                table_uuid=UUID(int=self._clock.random_bits(128), version=4),
            )
        self._check_place(metadata.location)
        _require_free(self._newest(), namespace, wanted.name)
        if wanted.stage_create:
            return GuestTable("", _encode(metadata))
        table = self._write(metadata, "")
        self._change(lambda root: _with_new_table(root, namespace, wanted.name, table.location))
        return table

    def register(self, namespace: Namespace, name: str, location: str) -> GuestTable:
        """Give a table whose metadata is there already a name; raises as `create` does."""
        _check_name(name)
        self._check_place(location)
        table = self._read(location)
        self._check_place(_parse(table).location)
        self._change(lambda root: _with_new_table(root, namespace, name, location))
        return table

    def commit(self, changes: Sequence[Change]) -> list[GuestTable]:
        """Change tables, all of them or none.

        Raises:
            NotFound: There is no such table.
            Conflict: A requirement does not hold: somebody else was quicker.
            InvalidInput: An update cannot be read or applied.
        """
        done: list[GuestTable] = []

        def change(root: _Root) -> _Root:
            done.clear()
            for one in changes:
                done.append(self._changed(root, one))
                root = _with_table(root, one.namespace, one.name, done[-1].location)
            return root

        self._change(change)
        return done

    def rename(self, source: tuple[Namespace, str], target: tuple[Namespace, str]) -> None:
        """Give a table another name.

        Raises:
            NotFound: There is no such table, or no such namespace to move it to.
            AlreadyExists: There is a table of the new name.
        """
        _check_name(target[1])

        def change(root: _Root) -> _Root:
            location = _require_table(root, *source)
            return _with_new_table(_without_table(root, *source), *target, location)

        self._change(change)

    def drop(self, namespace: Namespace, name: str, *, is_purging: bool = False) -> None:
        """Forget a table, and with `is_purging` delete its files, too.

        Raises:
            NotFound: There is none of this name.
        """
        location = _require_table(self._newest(), namespace, name)
        left = self._change(lambda root: _without_table(root, namespace, name))
        if not is_purging:
            return
        place = _parse(self._read(location)).location
        self._check_place(place)
        folder = self._store_key(place) + "/"
        kept = (one for tables in left.tables.values() for one in tables.values())
        if not any(self._store_key(one).startswith(folder) for one in kept):
            self._store.delete([info.key for info in self._store.list(folder)])

    # Inside

    def _changed(self, root: _Root, change: Change) -> GuestTable:
        """Write the metadata of a table as a change makes it."""
        try:
            requirements = _REQUIREMENTS.validate_python(change.requirements)
            updates = _UPDATES.validate_python(change.updates)
        except ValidationError as error:
            raise _unreadable(error) from error
        location = root.tables.get(_key(change.namespace), {}).get(change.name, "")
        is_new = any(one.get("type") == "assert-create" for one in change.requirements)
        if not location and not is_new:
            _require_table(root, change.namespace, change.name)
        if is_new:
            _require_namespace(root, change.namespace)
            _check_name(change.name)
        old = _parse(self._read(location)) if location else None
        try:
            with _applying():
                for requirement in requirements:
                    requirement.validate(old)
        except CommitFailedException as error:
            raise Conflict(ErrorCode.ROOT_MOVED, f"{error}: load the table again") from error
        with _applying():
            metadata = update_table_metadata(
                old or _nothing(),
                updates,
                enforce_validation=old is None,
                metadata_location=location or None,
            )
        self._check_place(metadata.location)
        return self._write(metadata, location)

    def _write(self, metadata: TableMetadata, before: str) -> GuestTable:
        found = _VERSION.search(before)
        version = int(found[1]) + 1 if found else 0
        nonce = f"{self._clock.random_bits(96):024x}"
        location = f"{metadata.location}/metadata/{version:05d}-{nonce}.metadata.json"
        table = GuestTable(location, _encode(metadata))
        self._store.put(self._store_key(location), table.metadata)
        return table

    def _read(self, location: str) -> GuestTable:
        return GuestTable(location, self._store.get(self._store_key(location)))

    def _place(self, namespace: Namespace, name: str) -> str:
        slug = "/".join(re.sub(r"[^A-Za-z0-9_-]", "_", one) for one in (*namespace, name))
        return f"{self._location}/{_FOLDER}{slug}-{self._clock.random_bits(32):08x}"

    def _check_place(self, location: str) -> None:
        """Refuse places that are not the guests'."""
        inner = location.removeprefix(f"{self._location}/{_FOLDER}")
        parts = inner.split("/")
        if inner == location or parts[0] == "roots" or not {"", ".", ".."}.isdisjoint(parts):
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"location {location[:200]!r} is not a place for guest tables: leave it out, or "
                f"begin it with {self._location}/{_FOLDER}",
            )

    def _store_key(self, location: str) -> str:
        return location.removeprefix(f"{self._location}/")

    def _newest(self) -> _Root:
        while True:
            after = f"{_ROOTS}{self._known.number:020d}.json"
            found = (_ROOT.fullmatch(i.key) for i in self._store.list(_ROOTS, start_after=after))
            numbers = [int(match[1]) for match in found if match]
            if not numbers:
                return self._known
            key = f"{_ROOTS}{numbers[-1]:020d}.json"
            try:
                self._known = msgspec.json.decode(self._store.get(key), type=_Root)
            except NotFound:  # deleted since the listing, so there is a newer one
                continue
            except msgspec.MsgspecError as error:
                raise CorruptData(
                    ErrorCode.BAD_OBJECT, f"{key} cannot be read: {error}", key=key
                ) from error

    def _change(self, change: Callable[[_Root], _Root]) -> _Root:
        """Publish a root made of the newest one; whoever loses the race starts over from that."""
        for _ in range(_ATTEMPTS):
            parent = self._newest()
            root = msgspec.structs.replace(
                change(parent),
                number=parent.number + 1,
                at=datetime.fromtimestamp(self._clock.now_us() / 1e6, UTC),
                nonce=f"{self._clock.random_bits(64):016x}",
            )
            try:
                self._store.put(f"{_ROOTS}{root.number:020d}.json", msgspec.json.encode(root))
            except AlreadyExists:
                continue
            if root.number > _ROOTS_KEPT:
                self._store.delete([f"{_ROOTS}{root.number - _ROOTS_KEPT:020d}.json"])
            return root
        raise Conflict(ErrorCode.ROOT_MOVED, "other writers were quicker each time: commit again")


def _key(namespace: Namespace) -> str:
    return _SEPARATOR.join(namespace)


def _nothing() -> TableMetadata:
    """What the updates of a new table are applied to: they begin with its id and its format."""
    return TableMetadataV1.model_construct(last_column_id=-1, schema=Schema())  # type: ignore[call-arg]


def _encode(metadata: TableMetadata) -> bytes:
    return metadata.model_dump_json(by_alias=True, exclude_none=True).encode()


def _parse(table: GuestTable) -> TableMetadata:
    try:
        return TableMetadataUtil.parse_raw(table.metadata.decode())
    except (ValidationError, ValueError, KeyError) as error:
        raise CorruptData(
            ErrorCode.BAD_OBJECT, f"{table.location} is no table metadata: {error}"
        ) from error


def _require_namespace(root: _Root, namespace: Namespace) -> dict[str, str]:
    found = root.namespaces.get(_key(namespace))
    if found is None:
        raise NotFound(
            ErrorCode.NAMESPACE_NOT_FOUND, f"there is no namespace {'.'.join(namespace)[:200]!r}"
        )
    return found


def _require_table(root: _Root, namespace: Namespace, name: str) -> str:
    found = root.tables.get(_key(namespace), {}).get(name)
    if found is None:
        full = ".".join((*namespace, name))
        raise NotFound(ErrorCode.TABLE_NOT_FOUND, f"there is no table {full[:200]!r}", table=full)
    return found


def _require_free(root: _Root, namespace: Namespace, name: str) -> None:
    _require_namespace(root, namespace)
    if name in root.tables.get(_key(namespace), {}):
        full = ".".join((*namespace, name))
        raise AlreadyExists(ErrorCode.NAME_TAKEN, f"table {full[:200]!r} is there already")


def _with_namespace(root: _Root, namespace: Namespace, properties: dict[str, str]) -> _Root:
    return msgspec.structs.replace(
        root, namespaces={**root.namespaces, _key(namespace): properties}
    )


def _with_new_table(root: _Root, namespace: Namespace, name: str, location: str) -> _Root:
    _require_free(root, namespace, name)
    return _with_table(root, namespace, name, location)


def _with_table(root: _Root, namespace: Namespace, name: str, location: str) -> _Root:
    key = _key(namespace)
    tables = {**root.tables.get(key, {}), name: location}
    return msgspec.structs.replace(root, tables={**root.tables, key: tables})


def _without_table(root: _Root, namespace: Namespace, name: str) -> _Root:
    _require_table(root, namespace, name)
    key = _key(namespace)
    tables = {one: place for one, place in root.tables[key].items() if one != name}
    return msgspec.structs.replace(root, tables={**root.tables, key: tables})


def _check_name(name: str) -> None:
    if not 0 < len(name) <= _NAME_CHARS_MAX or not name.isprintable() or "/" in name:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"{name[:200]!r} cannot be a name: use up to {_NAME_CHARS_MAX} characters, no slash",
        )


@contextmanager
def _applying() -> Iterator[None]:
    """What pyiceberg makes of requests that contradict themselves is the request's fault."""
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError, Incompatible) as error:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"the request cannot be applied: {error}"
        ) from error


def _unreadable(error: ValidationError) -> InvalidInput:
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    return InvalidInput(
        ErrorCode.INVALID_VALUE, f"the request cannot be read: {where}: {first['msg']}"
    )
