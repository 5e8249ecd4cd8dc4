"""Giving up segments that cannot be read any more: the only way records are ever dropped.

Nothing here runs by itself; a person decides, after `Lake.status` has named the damage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mere.errors import CorruptData, MereError, NotFound
from mere.lake.records import Batch
from mere.lake.segment import Segment, SegmentName, decode, encode

if TYPE_CHECKING:
    from mere.lake.engine import Lake

__all__ = ["give_up_damaged"]


def give_up_damaged(lake: Lake) -> list[str]:
    """Put an empty segment in the place of each damaged or missing one; returns their keys."""
    listing = lake.journal.look()
    given_up = []
    for name in listing.names:
        try:
            data = lake.store.get(name.key)
            decode(name.key, data)
        except NotFound:  # folded since it was listed
            continue
        except CorruptData:
            lake.store.put(f"damaged/{name.key}", data, overwrite=True)
            lake.store.put(name.key, _empty(name), overwrite=True)
            given_up.append(name.key)
    try:
        lake.newest_view()
    except MereError as error:
        if "missing" not in error.details:
            raise
        given_up += [_fill(lake, listing.names, gap) for gap in error.details["missing"]]
    return given_up


def _fill(lake: Lake, names: tuple[SegmentName, ...], gap: tuple[str, int]) -> str:
    """Create an empty segment for a gap, with the time of the writer's next one."""
    writer, sequence = gap
    later = min(n for n in names if n.writer == writer and n.sequence > sequence)
    name = SegmentName(later.tick, writer, sequence)
    lake.store.put(name.key, _empty(name))
    return name.key


def _empty(name: SegmentName) -> bytes:
    return encode(Segment.of(name, Batch()))
