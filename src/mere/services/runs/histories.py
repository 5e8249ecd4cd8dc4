"""Histories of metrics: all points of a metric, in order and each once, kept for whoever pages.

A client that reads a long history asks for it page by page, and a chart asks again every few
seconds. What was read is kept, and stays good for as long as the run's summary counts as many
points of the metric as it did.

A point that was sent twice (same step, time and value) is there once: a client that got no answer
sends again what may have been stored.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from mere.lake import Lake

__all__ = ["BY_STEP", "BY_TIME", "Histories", "in_order"]

_COLUMNS = ["step", "timestamp", "value"]
BY_TIME = ("timestamp", "step", "value")
BY_STEP = ("step", "timestamp", "value")
_POINTS_MAX = 4_000_000


class Histories:
    """The histories of one warehouse that were read last; safe for use by several threads.

    Args:
        lake: Where points are stored.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str], tuple[int, pa.Table]] = OrderedDict()
        self._points = 0

    def of(self, run_ids: Sequence[str], key: str) -> dict[str, pa.Table]:
        """The points of one metric of some runs, by time, step and value.

        Returns:
            step, timestamp and value by run; runs without the metric are left out.
        """
        counts = self._counts(run_ids, key)
        found: dict[str, pa.Table] = {}
        with self._lock:
            for run_id, count in counts.items():
                kept = self._kept.get((run_id, key))
                if kept is not None and kept[0] == count:
                    self._kept.move_to_end((run_id, key))
                    found[run_id] = kept[1]
        wanted = [run_id for run_id in counts if run_id not in found]
        if wanted:
            for run_id, history in self._read(wanted, key).items():
                found[run_id] = history
                self._keep((run_id, key), counts[run_id], history)
        return {run_id: found[run_id] for run_id in run_ids if run_id in found}

    def _counts(self, run_ids: Sequence[str], key: str) -> dict[str, int]:
        rows = self._lake.scan(
            "runs",
            where={"run_id": list(dict.fromkeys(run_ids))},
            columns=["run_id", "metric_summary"],
        )
        counts = {}
        for run_id, entries in zip(
            rows["run_id"].to_pylist(), rows["metric_summary"].to_pylist(), strict=True
        ):
            for name, tally in entries or ():
                if name == key:
                    counts[run_id] = tally["count"]
        return counts

    def _read(self, run_ids: list[str], key: str) -> dict[str, pa.Table]:
        import pyarrow.compute as pc

        points = self._lake.scan(
            "metrics", where={"run_id": run_ids, "key": key}, columns=["run_id", *_COLUMNS]
        )
        if len(run_ids) == 1:
            return {run_ids[0]: in_order(points.select(_COLUMNS))}
        return {
            run_id: in_order(points.filter(pc.equal(points["run_id"], run_id)).select(_COLUMNS))
            for run_id in run_ids
        }

    def _keep(self, name: tuple[str, str], count: int, history: pa.Table) -> None:
        with self._lock:
            old = self._kept.pop(name, None)
            self._points += history.num_rows - (old[1].num_rows if old else 0)
            self._kept[name] = (count, history)
            while self._points > _POINTS_MAX and self._kept:
                _, (_, dropped) = self._kept.popitem(last=False)
                self._points -= dropped.num_rows


def in_order(points: pa.Table, order: Sequence[str] = BY_TIME) -> pa.Table:
    """Points sorted by these columns, each point once.

    Most metrics are stored as they were logged: then nothing needs to be moved.
    """
    if points.num_rows < 2:
        return points.combine_chunks()
    points = points.combine_chunks()
    if not _is_rising(points.column(order[0])):
        points = points.sort_by([(name, "ascending") for name in order]).combine_chunks()
        points = _without_repeats(points)
    return points


def _is_rising(column: pa.ChunkedArray) -> bool:
    """Whether each value is greater than the one before; then no two points are the same."""
    import pyarrow.compute as pc

    values = column.combine_chunks()
    later, earlier = values.slice(1), values.slice(0, len(values) - 1)
    return bool(pc.all(pc.greater(later, earlier)).as_py())


def _without_repeats(points: pa.Table) -> pa.Table:
    """Sorted points without those that are the same as the one before."""
    import pyarrow as pa
    import pyarrow.compute as pc

    count = points.num_rows
    same: Any = None
    for name in _COLUMNS:
        values = points.column(name).combine_chunks()
        later, earlier = values.slice(1), values.slice(0, count - 1)
        equal = pc.equal(later, earlier)
        if name == "value":
            equal = pc.or_(equal, pc.and_(pc.is_nan(later), pc.is_nan(earlier)))
        same = equal if same is None else pc.and_(same, equal)
    if not pc.any(same).as_py():
        return points
    return points.filter(pa.concat_arrays([pa.array([True]), pc.invert(same)]))
