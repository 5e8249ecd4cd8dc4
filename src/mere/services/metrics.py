"""Metrics: every point of every run, and the summary kept with the run itself.

Points and what they add to the run's summary are written as one segment, so that no reader sees
the one without the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from mere.entities.limits import check_key
from mere.entities.metric import Points

if TYPE_CHECKING:
    import pyarrow as pa

    from mere.lake import Lake

__all__ = ["Metrics"]


class Metrics:
    """The metrics of one warehouse.

    Args:
        lake: Where they are stored.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

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
        patch: dict[str, Any] = {"run_id": run_id, **(changes or {})}
        if points:
            for key in points.tallies:
                check_key(key, "metric")
            patch["metric_summary"] = {
                key: msgspec.structs.asdict(tally) for key, tally in points.tallies.items()
            }
        is_end = (changes or {}).get("ended_at") is not None
        with self._lake.batch(ends_stream=is_end) as batch:
            if points:
                batch.append(
                    "metrics",
                    {
                        "run_id": [run_id] * len(points),
                        "key": points.keys,
                        "step": points.steps,
                        "timestamp": points.timestamps,
                        "value": points.values,
                    },
                )
            batch.patch("runs", [patch])

    def history(self, run_id: str, key: str) -> pa.Table:
        """All points of one metric of one run, by step and time: step, timestamp, value."""
        found = self._lake.scan(
            "metrics",
            where={"run_id": run_id, "key": key},
            columns=["step", "timestamp", "value"],
        )
        return found.sort_by([("step", "ascending"), ("timestamp", "ascending")])
