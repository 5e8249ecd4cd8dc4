"""Taking in rows that were made elsewhere, with the ids and times they have there.

What is written together is one segment, so that a metric's points and what they add to the run's
summary are both there or both missing. Names and numbers that must be unique are claimed, as those
made here are.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from mere.entities.dataset import PURGED, DatasetKind
from mere.entities.experiment import DEFAULT_ID, DEFAULT_NAME
from mere.services.datasets.tabular import version_tag
from mere.services.datasets.versions import DatasetVersions

if TYPE_CHECKING:
    import pyarrow as pa

    from mere.clock import Clock
    from mere.entities.dataset import Dataset
    from mere.lake import Lake

__all__ = ["Arrivals", "Imports", "changed_rows", "chunks", "derived_id"]

_RANDOM_BITS = 19
_DATASET_TABLE = re.compile(r"dataset(_[a-z0-9]+){0,40}")
_ROWS_AT_ONCE = 1_000


class Arrivals:
    """Rows of any tables, gathered to be written as one segment."""

    def __init__(self) -> None:
        self.patches: dict[str, list[dict[str, Any]]] = {}
        self.logs: dict[str, dict[str, list[Any]]] = {}
        self.records = 0

    def patch(self, table: str, row: dict[str, Any]) -> None:
        """Add a change to a row of a keyed table."""
        self.patches.setdefault(table, []).append(row)
        self.records += 1

    def append(self, table: str, columns: Mapping[str, Sequence[Any]]) -> None:
        """Add records of a log table, as equally long columns, always the same ones."""
        kept = self.logs.setdefault(table, {name: [] for name in columns})
        for name, values in columns.items():
            kept[name].extend(values)
        self.records += len(next(iter(columns.values())))


class Imports:
    """The intake of one warehouse.

    Args:
        lake: Where rows are stored.
        clock: For new ids.
    """

    def __init__(self, lake: Lake, clock: Clock) -> None:
        self._lake = lake
        self._clock = clock
        self._datasets: dict[tuple[str | None, ...], str] = {}

    def experiment(
        self, name: str, wanted_id: str | None, tags: Mapping[str, str], lifecycle: str
    ) -> tuple[str, bool]:
        """The id of the experiment of that name, created now if there was none.

        Args:
            name: Its name.
            wanted_id: The id to give it where that is free.
            tags: Tags to set.
            lifecycle: What a new one is.

        Returns:
            The id, and whether it is new.
        """
        here = self._lake.scan("experiments", where={"name": name}).to_pylist(
            maps_as_pydicts="lossy"
        )
        is_new = False
        if not here:
            row = {"name": name, "tags": dict(tags), "lifecycle": lifecycle}
            row |= {"artifact_location": "artifacts", "experiment_id": self._id(name, wanted_id)}
            claim = self._lake.claim("experiment", name, row)
            self._lake.patch("experiments", [claim.record], at=claim.tick)
            is_new = claim.won
            here = [claim.record]
        known = here[0].get("tags") or {}
        changed = {key: value for key, value in tags.items() if known.get(key) != value}
        experiment_id: str = here[0]["experiment_id"]
        if changed:
            self._lake.patch("experiments", [{"experiment_id": experiment_id, "tags": changed}])
        return experiment_id, is_new

    def rows(self, table: str, **where: Any) -> list[dict[str, Any]]:
        """Rows of a keyed table whose columns hold these values, or one of a list of values."""
        if any(isinstance(value, list) and not value for value in where.values()):
            return []
        found = self._lake.scan(table, where=where)
        rows: list[dict[str, Any]] = found.to_pylist(maps_as_pydicts="lossy")
        return rows

    def points(self, run_id: str, key: str) -> pa.Table:
        """All points of one metric of one run: step, timestamp, value."""
        return self._lake.scan(
            "metrics",
            where={"run_id": run_id, "key": key},
            columns=["step", "timestamp", "value"],
        )

    def console_lines(self, run_id: str) -> dict[int, int]:
        """How many lines of output there are of each process of a run."""
        found = self._lake.scan("console", where={"run_id": run_id}, columns=["process", "line"])
        counts: dict[int, int] = {}
        for process, line in zip(
            found["process"].to_pylist(), found["line"].to_pylist(), strict=True
        ):
            counts[process] = max(counts.get(process, 0), line + 1)
        return counts

    def dataset(self, draft: Dataset) -> str:
        """The id of a dataset version that lies elsewhere, recorded now if it was not.

        The same name, digest and source is the same version, however often it is imported.

        Args:
            draft: The version; its number and id are given here.
        """
        identity = (draft.name, draft.digest, draft.source_type, draft.source)
        known = self._datasets.get(identity)
        if known is not None:
            return known
        for row in self.rows("datasets", name=draft.name):
            there = (row["name"], row["digest"], row["source_type"], row["source"])
            self._datasets.setdefault(there, row["dataset_id"])
        if identity not in self._datasets:
            made = DatasetVersions(self._lake, self._clock).publish(draft)
            self._datasets[identity] = made.dataset_id
        return self._datasets[identity]

    def adopt_dataset(self, dataset: Dataset, data: pa.RecordBatchReader | None) -> None:
        """Take in a dataset version under its own id, with its rows if it is a table.

        Nothing is done if it is here. If its number is another version's here, it gets the next.

        Args:
            dataset: The version, as it was elsewhere.
            data: The rows of a table; without them it is recorded as lying elsewhere.
        """
        if self._lake.get("datasets", dataset.dataset_id) is not None:
            return
        wanted, snapshot = dataset, None
        if dataset.kind is DatasetKind.TABLE and dataset.lifecycle != PURGED:
            if data is None:
                wanted = msgspec.structs.replace(dataset, kind=DatasetKind.REFERENCE)
            else:
                table = self._dataset_table(dataset.table_name or "dataset", dataset.name)
                snapshot = self._lake.write_table(table, data)
                wanted = msgspec.structs.replace(
                    dataset, table_name=table, snapshot_id=snapshot.snapshot_id
                )
        while True:
            row = _dataset_row(wanted)
            name = f"{wanted.name}/{wanted.version}"
            claim = self._lake.claim("dataset_version", name, row)
            if claim.won or claim.record.get("dataset_id") == wanted.dataset_id:
                break
            wanted = msgspec.structs.replace(wanted, version=wanted.version + 1)
        # After a crash the claim names the snapshot of the first attempt; that of this one counts.
        self._lake.patch("datasets", [row], at=claim.tick)
        if snapshot is not None:
            self._lake.keep_snapshot(snapshot.table, snapshot.snapshot_id, version_tag(wanted))

    def merge(self, table: str, rows: Sequence[dict[str, Any]]) -> None:
        """Write what of the rows of a keyed table differs from those here."""
        changed = changed_rows(self._lake, table, rows)
        if changed:
            self._lake.patch(table, changed)

    def _dataset_table(self, wanted: str, name: str) -> str:
        """The table for a dataset's rows: the one it had elsewhere, if that is free or its own."""
        # A name from elsewhere must not be that of a table of ours.
        wanted = wanted if _DATASET_TABLE.fullmatch(wanted) else "dataset_imported"
        table, number = wanted, 1
        while self._lake.claim("dataset_table", table, {"dataset": name}).record != {
            "dataset": name
        }:
            number += 1
            table = f"{wanted}_{number}"
        return table

    def write(self, arrivals: Arrivals) -> None:
        """Make rows durable, all of them or none.

        Raises:
            InvalidInput: A value does not fit its column.
            Unavailable: The store did not answer; importing again takes up where it was.
        """
        with self._lake.batch() as batch:
            for table, columns in arrivals.logs.items():
                batch.append(table, columns)
            for table, rows in arrivals.patches.items():
                batch.patch(table, rows)

    def fold(self) -> None:
        """Move what was written into the tables, so that it need not be held in memory."""
        self._lake.fold()

    def _id(self, name: str, wanted: str | None) -> str:
        if name == DEFAULT_NAME:
            return DEFAULT_ID
        if wanted is not None and wanted != DEFAULT_ID and self._is_free(wanted, name):
            return wanted
        # As for experiments created here: digits, sorted by time.
        ms = self._clock.now_us() // 1000
        return str(ms * 1_000_000 + self._clock.random_bits(_RANDOM_BITS))

    def _is_free(self, wanted: str, name: str) -> bool:
        # Two imports at once may both want the id 1, for different names.
        if self._lake.get("experiments", wanted) is not None:
            return False
        claim = self._lake.claim("experiment_id", wanted, {"name": name})
        return claim.won or claim.record.get("name") == name


def changed_rows(lake: Lake, table: str, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Patches for rows of a keyed table, as far as they differ from those there.

    Args:
        lake: Where the table is.
        table: Its name.
        rows: The rows; a column that is None stays as it is.
    """
    key = lake.table(table).key
    changed = []
    for part in chunks(rows, _ROWS_AT_ONCE):
        found = lake.scan(table, where={key[0]: sorted({row[key[0]] for row in part})})
        here = {
            tuple(row[name] for name in key): row
            for row in found.to_pylist(maps_as_pydicts="lossy")
        }
        for row in part:
            known = here.get(tuple(row[name] for name in key))
            patch = {
                name: value
                for name, value in row.items()
                if name not in key and value is not None and not _is_here(known or {}, name, value)
            }
            if patch or known is None:
                changed.append({name: row[name] for name in key} | patch)
    return changed


def _is_here(known: dict[str, Any], name: str, value: Any) -> bool:
    here = known.get(name)
    if isinstance(value, dict):
        return bool(known) and all((here or {}).get(key) == item for key, item in value.items())
    if isinstance(here, datetime) and isinstance(value, int):
        return round(here.timestamp() * 1_000_000) == value
    return bool(here == value)


def _dataset_row(dataset: Dataset) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(dataset, builtin_types=(datetime,))
    return {
        name: value
        for name, value in row.items()
        if value is not None and value != {} and name != "created_at"
    }


def derived_id(kind: str, *parts: Any) -> str:
    """An id of 32 hexadecimal digits that follows from what it stands for."""
    return hashlib.sha256(msgspec.json.encode([kind, *parts])).hexdigest()[:32]


def chunks(rows: Iterable[Any], size: int) -> Iterable[list[Any]]:
    """Lists of at most so many of the items."""
    chunk: list[Any] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
