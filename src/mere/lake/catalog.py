"""The catalog of roots: one object names the current metadata of all tables.

``catalog/<number>.json`` is created only if absent, and its number is one above its parent's, so
of several processes that publish at once exactly one wins and the others start over. Roots are
never changed. Invariant: root *n* names only objects that were stored before it was.

Where the tables are kept in another catalog, too (`mere.lake.elsewhere`), every changed table is
committed there before the root is created.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from mere.clock import Clock
from mere.config import CatalogSettings, environment
from mere.errors import (
    AlreadyExists,
    Conflict,
    CorruptData,
    ErrorCode,
    InvalidInput,
    NotFound,
)
from mere.lake.objects.store import ObjectStore

if TYPE_CHECKING:
    from mere.lake.elsewhere import Elsewhere

__all__ = ["Catalog", "Root"]

_PREFIX = "catalog/"
_TAGS = "catalog/tags/"
_ELSEWHERE = "catalog/elsewhere.json"
_NAME = re.compile(r"catalog/([0-9]{20})\.json")
_TAG_CHARS_MAX = 200


class Root(msgspec.Struct, frozen=True):
    """One consistent state of all tables.

    Args:
        number: One above the parent's.
        parent: The root it was made from; None for the first.
        at: When it was made; later than its parent.
        tables: The key of each table's metadata file.
        nonce: Makes every attempt's content its own, so that a lost reply can be told from a
            lost race.
    """

    number: int
    parent: int | None
    at: datetime
    tables: dict[str, str]
    nonce: str = ""

    @property
    def at_ms(self) -> int:
        """The time in milliseconds since the epoch."""
        return round(self.at.timestamp() * 1000)

    @property
    def key(self) -> str:
        """The object's key."""
        return f"{_PREFIX}{self.number:020d}.json"


EMPTY = Root(0, None, datetime(1970, 1, 1, tzinfo=UTC), {})
"""The state before the first root."""


class Catalog:
    """Finds, reads and publishes roots and tags."""

    def __init__(self, store: ObjectStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._roots: dict[int, Root] = {}
        self._is_elsewhere = False
        self._elsewhere: Elsewhere | None = None

    def numbers(self, after: int = 0) -> list[int]:
        """The numbers of the roots there are above `after`, in order: one listing."""
        start = f"{_PREFIX}{after:020d}.json"
        infos = self._store.list(_PREFIX, start_after=start)
        # Its name sorts behind those of roots, so it is in each such listing.
        self._is_elsewhere = self._is_elsewhere or any(info.key == _ELSEWHERE for info in infos)
        found = (_NAME.fullmatch(info.key) for info in infos)
        return [int(match[1]) for match in found if match]

    def foreign(self) -> list[str]:
        """Keys in the catalog's folder that are neither roots nor tags."""
        return [
            info.key
            for info in self._store.list(_PREFIX)
            if not _NAME.fullmatch(info.key)
            and info.key != _ELSEWHERE
            and not (info.key.startswith(_TAGS) and info.key.endswith(".json"))
        ]

    def newest(self, known: Root = EMPTY) -> Root:
        """The newest root; `known` saves listing what is older than it."""
        while numbers := self.numbers(after=known.number):
            try:
                return self.read(numbers[-1])
            except NotFound:  # expired since the listing, so there is a newer one
                continue
        return known

    def read(self, number: int) -> Root:
        """Read one root.

        Raises:
            NotFound: There is none with this number, or it has expired.
            CorruptData: The object is no root.
        """
        root = self._roots.get(number)
        if root is None:
            key = f"{_PREFIX}{number:020d}.json"
            try:
                root = _decode(key, self._store.get(key))
            except NotFound as error:
                raise NotFound(
                    ErrorCode.ROOT_NOT_FOUND,
                    f"there is no root {number}: it was never made, or has expired",
                    number=number,
                ) from error
            if root.number != number:
                raise _corrupt(key, f"says it is root {root.number}")
            if len(self._roots) > 1024:
                self._roots.clear()
            self._roots[number] = root
        return root

    def confirm(self, root: Root) -> None:
        """Make sure that a root has not expired since it was read.

        Raises:
            NotFound: It has.
        """
        self._roots.pop(root.number, None)
        self.read(root.number)

    def publish(self, parent: Root, tables: dict[str, str], at_ms: int) -> Root:
        """Create the root that follows `parent`.

        Raises:
            Conflict: Another process published first; start over from the newest root.
            Unavailable: The other catalog, in which the tables are kept, too, did not answer.
        """
        elsewhere = self.elsewhere()
        if elsewhere is not None:
            elsewhere.commit(parent.tables, tables, lambda: self._confirm_newest(parent))
        root = Root(
            parent.number + 1,
            parent.number or None,
            datetime.fromtimestamp(max(at_ms, parent.at_ms + 1) / 1000, UTC),
            dict(sorted(tables.items())),
            f"{self._clock.random_bits(64):016x}",
        )
        try:
            self._store.put(root.key, msgspec.json.format(msgspec.json.encode(root), indent=1))
        except AlreadyExists as error:
            raise Conflict(
                ErrorCode.ROOT_MOVED,
                f"root {root.number} was published by another process",
                number=root.number,
            ) from error
        self._roots[root.number] = root
        return root

    def elsewhere(self) -> Elsewhere | None:
        """The other catalog in which the tables are kept, too, if there is one.

        Raises:
            Unavailable: It does not answer.
        """
        if self._elsewhere is None:
            settings = CatalogSettings.from_environment(environment())
            if self._is_elsewhere or settings.uri is not None:
                from mere.lake.elsewhere import open_elsewhere

                self._elsewhere = open_elsewhere(
                    self._store, settings, is_recorded=self._is_elsewhere
                )
        return self._elsewhere

    def settle(self, root: Root) -> bool:
        """Put the tables of the other catalog where a root has them; False where there is none."""
        elsewhere = self.elsewhere()
        if elsewhere is not None:
            elsewhere.settle(root.tables, lambda: self._confirm_newest(root))
        return elsewhere is not None

    def _confirm_newest(self, root: Root) -> None:
        if self.numbers(after=root.number):
            raise Conflict(
                ErrorCode.ROOT_MOVED,
                f"a root newer than {root.number} was published by another process",
                number=root.number,
            )

    def at(self, when: datetime) -> Root:
        """The root that was the newest at a moment.

        Raises:
            NotFound: The first root is younger, or that of the moment has expired.
        """
        numbers = self.numbers()
        low, high = 0, len(numbers)
        while low < high:
            middle = (low + high) // 2
            if self.read(numbers[middle]).at <= when:
                low = middle + 1
            else:
                high = middle
        if low == 0:
            raise NotFound(
                ErrorCode.ROOT_NOT_FOUND,
                f"there is no state as of {when.isoformat()}: nothing was folded by then, or it "
                "has expired",
                at=when.isoformat(),
            )
        return self.read(numbers[low - 1])

    def tag(self, name: str, root: Root) -> Root:
        """Give a root a name, for ever; repeating it with the same root is no error.

        Raises:
            InvalidInput: The name cannot be one.
            AlreadyExists: The name is that of another root.
        """
        key = _tag_key(name)
        try:
            self._store.put(key, msgspec.json.format(msgspec.json.encode(root), indent=1))
        except AlreadyExists as error:
            raise AlreadyExists(
                ErrorCode.TAG_EXISTS,
                f"tag {name!r} is that of another state: choose another name",
                tag=name,
            ) from error
        return root

    def tagged(self, name: str) -> Root:
        """The root with this name.

        Raises:
            NotFound: No root has it.
        """
        key = _tag_key(name)
        try:
            return _decode(key, self._store.get(key))
        except NotFound as error:
            raise NotFound(
                ErrorCode.ROOT_NOT_FOUND,
                f"there is no tag {name!r}: `mere tag` lists them",
                tag=name,
            ) from error

    def tags(self) -> dict[str, Root]:
        """All tags."""
        infos = self._store.list(_TAGS)
        return {
            info.key.removeprefix(_TAGS).removesuffix(".json"): _decode(
                info.key, self._store.get(info.key)
            )
            for info in infos
            if info.key.endswith(".json")
        }


def _tag_key(name: str) -> str:
    if (
        not 0 < len(name) <= _TAG_CHARS_MAX
        or name.startswith(".")
        or any(c in '/\\:*?"<>|' or not c.isprintable() for c in name)
    ):
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"tag {name!r} is no name: use up to {_TAG_CHARS_MAX} characters without slashes, "
            "not beginning with a dot",
            tag=name,
        )
    return f"{_TAGS}{name}.json"


def _decode(key: str, data: bytes) -> Root:
    try:
        return msgspec.json.decode(data, type=Root)
    except msgspec.MsgspecError as error:
        raise _corrupt(key, f"cannot be read: {error}") from error


def _corrupt(key: str, what: str) -> CorruptData:
    return CorruptData(
        ErrorCode.BAD_OBJECT,
        f"root {key} {what}: restore the object from a backup; without it, what it folded last is "
        "lost",
        key=key,
    )
