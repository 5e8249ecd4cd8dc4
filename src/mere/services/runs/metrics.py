"""Metrics: every point of every run, and the summary kept with the run itself.

Points and what they add to the run's summary are written as one segment, so that no reader sees
the one without the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from mere.entities.limits import check_key
from mere.entities.metric import Points
from mere.lake.records import Batch
from mere.services.runs.histories import BY_STEP, Histories, in_order
from mere.services.tables import CONSOLE, LINEAGE, METRICS, RUNS

if TYPE_CHECKING:
    import pyarrow as pa

    from mere.lake import Lake

__all__ = ["Line", "Metrics", "run_batch"]


class Line(NamedTuple):
    """One line that a run wrote to its terminal."""

    process: int
    line: int
    stream: str
    timestamp: int
    text: str


def run_batch(
    run_id: str,
    points: Points,
    changes: Mapping[str, Any] | None = None,
    lines: Sequence[Line] = (),
    *,
    end_at: int | None = None,
) -> Batch:
    """What a run logged, as one batch: points, what they add to its summary, and other changes.

    Args:
        run_id: The run.
        points: What was measured; may be empty.
        changes: Columns of the run to set, map entries to merge; under ``lineage`` what it read
            and wrote, as rows.
        lines: What it wrote to its terminal.
        end_at: The tick of the run's end, if that is among the changes.

    Raises:
        InvalidInput: A key or a value may not be one.
    """
    patch: dict[str, Any] = {"run_id": run_id, **(changes or {})}
    batch = Batch()
    if points:
        for key in points.tallies:
            check_key(key, "metric")
        patch["metric_summary"] = {
            key: msgspec.structs.asdict(tally) for key, tally in points.tallies.items()
        }
        columns = {
            "run_id": [run_id] * len(points),
            "key": points.keys,
            "step": points.steps,
            "timestamp": points.timestamps,
            "value": points.values,
        }
        batch.append(METRICS, columns)
    if lines:
        given = zip(Line._fields, zip(*lines, strict=True), strict=True)
        batch.append(CONSOLE, {"run_id": [run_id] * len(lines), **dict(given)})
    edges = patch.pop("lineage", None) or {}
    if edges:
        batch.patch(LINEAGE, [{"run_id": run_id, **edge} for edge in edges.values()])
    if patch.get("ended_at") is not None and end_at is not None:
        end: dict[str, Any] = {n: patch.pop(n) for n in ("status", "ended_at") if n in patch}
        batch.patch(RUNS, [{"run_id": run_id, **end}], at=end_at)
    # A process that only takes part in a run writes nothing to its row but what its points add.
    if len(patch) > 1:
        batch.patch(RUNS, [patch])
    return batch


class Metrics:
    """The metrics of one warehouse.

    Args:
        lake: Where they are stored.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self.histories = Histories(lake)
        """Those that are read page by page, or again and again."""

    def log(self, run_id: str, points: Points, changes: Mapping[str, Any] | None = None) -> None:
        """Make points of a run durable, together with other changes to the run.

        Args:
            run_id: The run.
            points: What was measured; may be empty.
            changes: Columns of the run to set, map entries to merge.

        Raises:
            InvalidInput: A key may not be one; nothing was written.
            Unavailable: The store did not answer; `details["kept"]` says whether the lake keeps
                the points and will send them before all else.
        """
        is_end = (changes or {}).get("ended_at") is not None
        with self._lake.batch(ends_stream=is_end) as batch:
            batch.records.extend(run_batch(run_id, points, changes))

    def history(self, run_id: str, key: str) -> pa.Table:
        """All points of one metric of one run, by step and time: step, timestamp, value."""
        found = self._lake.scan(
            "metrics",
            where={"run_id": run_id, "key": key},
            columns=["step", "timestamp", "value"],
        )
        return in_order(found, BY_STEP)
