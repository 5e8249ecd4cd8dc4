"""Which points of a metric are not here yet: the rule that makes an import repeatable.

Points have no key of their own; the same step, time and value may be logged twice on purpose. So
points are compared as multisets, metric by metric: what the source has more often than we have is
missing here. What an earlier import wrote, or wrote half, is always part of what the source has;
the difference is then exactly the rest.
"""

from __future__ import annotations

import math
from array import array
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from mere.entities.metric import Tally

__all__ = ["Gathered", "is_same_tally", "missing"]

_NAN_BITS = 0x7FF8000000000000


class Gathered:
    """All points of one metric of the source, packed at 24 bytes a point."""

    def __init__(self) -> None:
        self.steps = array("q")
        self.timestamps = array("q")
        self.values = array("d")
        self.model_ids: dict[int, str | None] = {}
        self.dataset_ids: dict[int, str | None] = {}

    def __len__(self) -> int:
        return len(self.steps)

    def add(self, stretch: Any) -> None:
        """Add a stretch of the same metric."""
        begin = len(self.steps)
        self.steps.extend(stretch.steps)
        self.timestamps.extend(stretch.timestamps)
        self.values.extend(stretch.values)
        for ids, kept in (
            (stretch.model_ids, self.model_ids),
            (stretch.dataset_ids, self.dataset_ids),
        ):
            for index, one in enumerate(ids or ()):
                if one is not None:
                    kept[begin + index] = one


def missing(source: Gathered, here: pa.Table) -> list[int]:
    """The positions of the source's points that are not here, in the source's order.

    Args:
        source: All points of one metric of one run.
        here: The same metric's points in the warehouse: step, timestamp, value.
    """
    import numpy as np

    steps = np.concatenate([_numbers(here, "step"), np.frombuffer(source.steps, np.int64)])
    times = np.concatenate(
        [_numbers(here, "timestamp"), np.frombuffer(source.timestamps, np.int64)]
    )
    values = here.column("value").to_numpy().astype(np.float64)
    bits = _bits(np.concatenate([values, np.frombuffer(source.values, np.float64)]))
    is_source = np.arange(len(steps)) >= here.num_rows
    # Within equal points ours come first; the nth of the source is covered by the nth of ours.
    order = np.lexsort((is_source, bits, times, steps))
    new_group = np.ones(len(order), dtype=bool)
    new_group[1:] = (
        (np.diff(steps[order]) != 0)
        | (np.diff(times[order]) != 0)
        | (bits[order][1:] != bits[order][:-1])
    )
    group = np.cumsum(new_group) - 1
    is_source = is_source[order]
    ours = np.bincount(group[~is_source], minlength=group[-1] + 1 if len(group) else 0)
    theirs = np.flatnonzero(is_source)
    starts = np.flatnonzero(new_group)
    rank = theirs - starts[group[theirs]] - ours[group[theirs]]
    fresh = order[theirs[rank >= ours[group[theirs]]]] - here.num_rows
    positions: list[int] = np.sort(fresh).tolist()
    return positions


def is_same_tally(tally: Tally, summary: dict[str, Any]) -> bool:
    """Whether what is known here of a metric is what the source's points amount to."""
    timestamp = summary["timestamp"]
    micros = timestamp if isinstance(timestamp, int) else _micros(timestamp)
    return (
        tally.count == summary["count"]
        and tally.step == summary["step"]
        and tally.timestamp == micros
        and all(
            _is_same(ours, summary[name])
            for name, ours in (("value", tally.value), ("min", tally.min), ("max", tally.max))
        )
    )


def _is_same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


def _micros(moment: Any) -> int:
    from datetime import UTC, datetime

    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return int((delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds)


def _numbers(table: pa.Table, name: str) -> np.ndarray[Any, Any]:
    import numpy as np
    import pyarrow as pa

    found: np.ndarray[Any, Any] = table.column(name).cast(pa.int64()).to_numpy()
    return found.astype(np.int64, copy=False)


def _bits(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    import numpy as np

    bits = values.view(np.int64).copy()
    bits[np.isnan(values)] = _NAN_BITS
    return bits
