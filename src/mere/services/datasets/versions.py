"""Versions of datasets: numbered 1, 2, 3 … in each name, whoever comes first.

A version's number is claimed by an object that carries the whole version; the row in the table
follows. Its data is durable before that. Whoever wants the next number and meets a claim whose row
is missing has met a crash between the two, and writes the row as it was claimed, so that it loses
to everything written since.

A version in the bin can be restored. One that was removed for good keeps its row, without what
described the data: its number is not given again, and lineage still knows its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from mere.clock import run_id as new_id
from mere.entities.dataset import PURGED, Dataset, parse_dataset
from mere.entities.experiment import Lifecycle
from mere.entities.limits import check_name, check_tag
from mere.errors import ErrorCode, InvalidInput, NotFound

if TYPE_CHECKING:
    import pyarrow as pa

    from mere.clock import Clock
    from mere.lake import Lake

__all__ = ["DatasetVersions"]

_KIND = "dataset_version"
_SHOWN_MAX = 20
_SHORT = ("dataset_id", "name", "version", "lifecycle")
_LIST = (
    "select name, count(*) as versions, max(version) as version, "
    "arg_max(kind, version) as kind, arg_max(rows, version) as rows, "
    "arg_max(files, version) as files, arg_max(bytes, version) as bytes, "
    "arg_max(table_name, version) as table_name, arg_max(dataset_id, version) as dataset_id, "
    "max(created_at) as written_at from datasets where lifecycle = 'active' "
    "group by name order by written_at desc, name"
)
_VERSIONS = (
    "select version, dataset_id, kind, rows, files, bytes, digest, tags, run_id, created_by, "
    "created_at, lifecycle from datasets where name = $name and lifecycle <> 'purged' "
    "order by version desc"
)

# Below, `list` is a method.
_Rows = list[dict[str, Any]]
_Datasets = list[Dataset]


class DatasetVersions:
    """The dataset versions of one warehouse.

    Args:
        lake: Where they are stored.
        clock: For new ids and times.
    """

    def __init__(self, lake: Lake, clock: Clock) -> None:
        self._lake = lake
        self._clock = clock

    def get(self, dataset_id: str) -> Dataset:
        """Return a version by id, whatever its lifecycle.

        Raises:
            NotFound: There is none.
        """
        row = self._lake.get("datasets", dataset_id)
        if row is None:
            raise _not_found(f"dataset with id {dataset_id!r}", dataset=dataset_id)
        return _entity(row)

    def find(self, name: str, version: int | None = None) -> Dataset:
        """Return a version in use, by default the newest.

        Raises:
            NotFound: There is none; the message names those there are.
        """
        rows = {row["version"]: row for row in self._short(name)}
        active = sorted(
            number for number, row in rows.items() if row["lifecycle"] == Lifecycle.ACTIVE
        )
        if version is None and active:
            version = active[-1]
        if version in active:
            return self.get(rows[version]["dataset_id"])
        if not rows or (version is None and all(r["lifecycle"] == PURGED for r in rows.values())):
            raise _not_found(f"dataset {name!r}", dataset=name)
        if version is None or version in rows:
            label = name if version is None else f"{name}@{version}"
            is_gone = version is not None and rows[version]["lifecycle"] == PURGED
            where = "was removed for good" if is_gone else "is in the bin: restore it"
            raise NotFound(ErrorCode.DATASET_NOT_FOUND, f"dataset {label!r} {where}", dataset=label)
        shown = ", ".join(str(number) for number in active[-_SHOWN_MAX:]) or "none"
        raise NotFound(
            ErrorCode.DATASET_NOT_FOUND,
            f"dataset {name!r} has no version {version}: it has "
            f"{'…, ' if len(active) > _SHOWN_MAX else ''}{shown}",
            dataset=name,
            version=version,
        )

    def resolve(self, word: str) -> Dataset:
        """Return the version meant by ``name@version``, by a name (the newest), or by an id.

        Raises:
            NotFound: None is meant.
        """
        if len(word) == 32 and not set(word) - set("0123456789abcdef"):
            row = self._lake.get("datasets", word)
            if row is not None:
                return _entity(row)
        name, version = parse_dataset(word)
        try:
            return self.find(name, version)
        except NotFound:
            # The name itself may end in an @ and digits.
            if version is None or not self._short(word):
                raise
        return self.find(word)

    def newest(self, name: str) -> Dataset | None:
        """Return the newest version in use, or None where there is none."""
        try:
            return self.find(name)
        except NotFound:
            return None

    def of(self, name: str) -> pa.Table:
        """The versions of a name that are in use or in the bin, newest first."""
        return self._lake.sql(_VERSIONS, params={"name": name})

    def list(self) -> pa.Table:
        """All names in use with their newest version, latest written first."""
        return self._lake.sql(_LIST)

    def labels(self, ids: Sequence[str]) -> dict[str, tuple[str, str | None]]:
        """What people call versions, by id, and their lifecycle where they are not in use."""
        if not ids:
            return {}
        found = self._lake.scan("datasets", where={"dataset_id": list(ids)}, columns=list(_SHORT))
        return {
            row["dataset_id"]: (
                f"{row['name']}@{row['version']}",
                None if row["lifecycle"] == Lifecycle.ACTIVE else row["lifecycle"],
            )
            for row in found.to_pylist()
        }

    def publish(self, draft: Dataset) -> Dataset:
        """Give what has been written the next number of its name.

        Args:
            draft: The version; its number and id are given here.

        Raises:
            InvalidInput: The name or a tag cannot be one.
        """
        draft.checked()
        version = max((row["version"] for row in self._short(draft.name)), default=0) + 1
        while True:
            wanted = msgspec.structs.replace(draft, version=version, dataset_id=new_id(self._clock))
            claim = self._lake.claim(_KIND, f"{draft.name}/{version}", _row(wanted))
            stored = _entity(claim.record)
            # Written even where the row is there: as of the claim it changes nothing then.
            self._lake.patch("datasets", [_row(stored)], at=claim.tick)
            if claim.won:
                return stored
            version += 1

    def change(self, dataset_id: str, **columns: Any) -> None:
        """Change columns of a version's row."""
        self._lake.patch("datasets", [{"dataset_id": dataset_id, **columns}])

    def set_tags(self, dataset: Dataset, tags: Mapping[str, Any]) -> Dataset:
        """Set tags of a version; a value of None removes the tag.

        Raises:
            InvalidInput: A key or value breaks a limit.
        """
        checked = dict(check_tag(key, value) for key, value in tags.items())
        if all(dataset.tags.get(key) == value for key, value in checked.items()):
            return dataset
        self.change(dataset.dataset_id, tags=checked)
        merged = {key: value for key, value in {**dataset.tags, **checked}.items() if value}
        return msgspec.structs.replace(dataset, tags=merged)

    def delete(self, name: str, version: int | None = None) -> _Datasets:
        """Put a version, or all of a name, into the bin.

        Raises:
            NotFound: There is none in use.
        """
        return self._move(name, version, Lifecycle.ACTIVE, Lifecycle.DELETED)

    def restore(self, name: str, version: int | None = None) -> _Datasets:
        """Take a version, or all of a name, out of the bin.

        Raises:
            NotFound: There is none in it.
        """
        return self._move(name, version, Lifecycle.DELETED, Lifecycle.ACTIVE)

    def _move(self, name: str, version: int | None, source: str, target: str) -> _Datasets:
        ids = [
            row["dataset_id"]
            for row in sorted(self._short(name), key=lambda row: int(row["version"]))
            if row["lifecycle"] == source and version in (None, row["version"])
        ]
        if not ids:
            label = name if version is None else f"{name}@{version}"
            place = "in use" if source == Lifecycle.ACTIVE else "in the bin"
            raise NotFound(
                ErrorCode.DATASET_NOT_FOUND,
                f"no dataset {label!r} is {place}: `mere datasets` lists those known",
                dataset=label,
            )
        deleted_at = self._clock.now_us() if target == Lifecycle.DELETED else None
        change = {"lifecycle": target, "deleted_at": deleted_at}
        self._lake.patch("datasets", [{"dataset_id": one, **change} for one in ids])
        return [self.get(one) for one in ids]

    def _short(self, name: str) -> _Rows:
        check_name(name, "dataset")
        found = self._lake.scan("datasets", where={"name": name}, columns=list(_SHORT))
        rows: _Rows = found.to_pylist()
        # Other clients' datasets may have no number of ours.
        return [row for row in rows if row["version"] is not None]


def _row(dataset: Dataset) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(dataset, builtin_types=(datetime,))
    return {
        name: value
        for name, value in row.items()
        if value is not None and value != {} and name != "created_at"
    }


def _entity(row: dict[str, Any]) -> Dataset:
    known = {name: value for name, value in row.items() if value is not None}
    try:
        return msgspec.convert(known, Dataset)
    except msgspec.ValidationError as error:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"dataset {row.get('dataset_id')!r} was written by another client and is not one of "
            f"mere's versions: {error}",
        ) from error


def _not_found(what: str, **details: Any) -> NotFound:
    return NotFound(
        ErrorCode.DATASET_NOT_FOUND,
        f"there is no {what}: `mere datasets` lists those known",
        **details,
    )
