"""The difference between two dataset versions: schemas, rows as multisets, files by path."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from mere.entities.dataset import Dataset, DatasetFile, DatasetKind
from mere.entities.dataset_diff import ColumnChange, DatasetDiff, FileChange, FilesDiff, RowsDiff
from mere.errors import InvalidInput, NotFound, Unavailable

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["diff_files", "diff_tables"]

Read = Callable[[Dataset, list[str] | None], "pa.RecordBatchReader"]


def diff_tables(
    first: Dataset, second: Dataset, read: Read | None, *, sample: int = 10
) -> DatasetDiff:
    """Compare two versions that are tables, or references to tables.

    Args:
        first: The version before.
        second: The version after.
        read: Reads columns of a version; None where rows are not to be compared.
        sample: How many different rows to return of either kind.
    """
    before = {column.name: column for column in first.columns}
    after = {column.name: column for column in second.columns}
    changed = [
        ColumnChange(name, before[name], after[name])
        for name in before
        if name in after and before[name] != after[name]
    ]
    # A column that only may or may not be null any more can be compared still.
    shared = [name for name in before if name in after and before[name].type == after[name].type]
    rows = None
    is_same = first.digest is not None and first.digest == second.digest
    if is_same and first.rows is not None:
        rows = RowsDiff(first.rows, first.rows, 0, 0, list(before))
    elif read is not None and _is_readable(first) and _is_readable(second):
        rows = _diff_rows(first, second, shared, read, sample)
    is_same_schema = first.columns == second.columns
    if rows is not None and is_same_schema:
        is_same = is_same or not (rows.added or rows.removed)
    return DatasetDiff(
        before=first.label,
        after=second.label,
        is_same=is_same,
        columns_added=[column for name, column in after.items() if name not in before],
        columns_removed=[column for name, column in before.items() if name not in after],
        columns_changed=changed,
        rows=rows,
    )


def diff_files(
    first: Dataset,
    second: Dataset,
    before: Sequence[DatasetFile],
    after: Sequence[DatasetFile],
) -> DatasetDiff:
    """Compare two versions that are made of files."""
    old = {one.path: one for one in before}
    new = {one.path: one for one in after}
    added = [one for path, one in new.items() if path not in old]
    removed = [one for path, one in old.items() if path not in new]
    changed = [
        FileChange(path, one, new[path])
        for path, one in old.items()
        if path in new and new[path].digest != one.digest
    ]
    same = [one for path, one in old.items() if path in new and new[path].digest == one.digest]
    return DatasetDiff(
        before=first.label,
        after=second.label,
        is_same=not (added or removed or changed),
        files=FilesDiff(
            added,
            removed,
            changed,
            len(same),
            bytes_added=sum(one.size for one in (*added, *(pair.after for pair in changed))),
            bytes_removed=sum(one.size for one in (*removed, *(pair.before for pair in changed))),
            bytes_unchanged=sum(one.size for one in same),
        ),
    )


def _is_readable(dataset: Dataset) -> bool:
    return dataset.kind is DatasetKind.TABLE or bool(dataset.schema)


def _diff_rows(
    first: Dataset, second: Dataset, columns: list[str], read: Read, sample: int
) -> RowsDiff | None:
    from mere.lake.compare import compare_rows

    try:
        before, after = (read(one, columns or None) for one in (first, second))
    except (NotFound, Unavailable, InvalidInput):
        # Data kept elsewhere may be gone; what was recorded of it can be compared still.
        if DatasetKind.REFERENCE in (first.kind, second.kind):
            return None
        raise
    found = compare_rows(before, after, columns, sample=sample)
    return RowsDiff(
        found.before,
        found.after,
        found.added,
        found.removed,
        columns,
        [_row(*one) for one in found.added_sample],
        [_row(*one) for one in found.removed_sample],
    )


def _row(row: dict[str, Any], count: int) -> dict[str, Any]:
    return {"row": row, "count": count}
