"""Many small batches as one: what thousands of requests wrote in the time of one put.

To concatenate them would keep a record part and a patch for each request, which everybody who
reads the segment has to go through. So records of the same columns are put into one part, and
contributions to the tallies of one row are added up. What a reader sees is the same: tallies add
up in any order, and all other patches stay apart and in order.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mere.lake.records import Batch, LogPart, Patch
from mere.lake.rows import merge_tallies

__all__ = ["gathered"]

_TALLY = ("step", "timestamp", "value", "min", "max", "count")


def gathered(batches: Iterable[Batch]) -> Batch:
    """One batch with all that these hold; they themselves stay as they are."""
    result = Batch()
    parts: dict[tuple[str, ...], LogPart] = {}
    tallies: dict[tuple[str, tuple[Any, ...]], Patch] = {}
    for batch in batches:
        for table, logs in batch.logs.items():
            for part in logs:
                _add_part(result, parts, table, part)
        for table, patches in batch.patches.items():
            for patch in patches:
                _add_patch(result, tallies, table, patch)
    result.records = sum(part.rows for logs in result.logs.values() for part in logs) + sum(
        map(len, result.patches.values())
    )
    return result


def _add_part(
    result: Batch, parts: dict[tuple[str, ...], LogPart], table: str, part: LogPart
) -> None:
    shape = (table, *part.columns)
    kept = parts.get(shape)
    if kept is None:
        columns = {name: list(values) for name, values in part.columns.items()}
        kept = parts[shape] = LogPart(part.rows, columns)
        result.logs.setdefault(table, []).append(kept)
        return
    for name, values in part.columns.items():
        kept.columns[name].extend(values)
    kept.rows += part.rows


def _add_patch(
    result: Batch,
    tallies: dict[tuple[str, tuple[Any, ...]], Patch],
    table: str,
    patch: Patch,
) -> None:
    if patch.sets or patch.maps or patch.is_tombstone or patch.tick is not None:
        result.patches.setdefault(table, []).append(patch)
        return
    kept = tallies.get((table, patch.key))
    if kept is None:
        copied = {name: dict(entries) for name, entries in patch.tallies.items()}
        kept = tallies[table, patch.key] = Patch(patch.key, {}, {}, copied)
        result.patches.setdefault(table, []).append(kept)
        return
    for name, entries in patch.tallies.items():
        mine = kept.tallies.setdefault(name, {})
        for entry, contribution in entries.items():
            known = mine.get(entry)
            mine[entry] = contribution if known is None else _sum(known, contribution)


def _sum(first: list[Any], second: list[Any]) -> list[Any]:
    merged = merge_tallies(dict(zip(_TALLY, first, strict=True)), second)
    return [merged[name] for name in _TALLY]
