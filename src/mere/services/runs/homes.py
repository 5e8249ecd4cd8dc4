"""In which experiment runs are: asked for many at once, remembered, since it never changes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mere.lake import Lake

__all__ = ["RunHomes"]

_KEPT = 500_000


class RunHomes:
    """The experiments of the runs of one warehouse.

    Args:
        lake: Where the runs are stored.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._known: dict[str, str] = {}

    def of(self, run_ids: Iterable[str]) -> Mapping[str, str]:
        """The ids of the experiments by those of the runs; unknown runs are left out."""
        wanted = list(dict.fromkeys(run_ids))
        unknown = [run_id for run_id in wanted if run_id not in self._known]
        if unknown:
            found = self._lake.scan("runs", {"run_id": unknown}, ["run_id", "experiment_id"])
            self.learn(
                {
                    row["run_id"]: row["experiment_id"]
                    for row in found.to_pylist()
                    if row["experiment_id"] is not None
                }
            )
        return {run_id: self._known[run_id] for run_id in wanted if run_id in self._known}

    def learn(self, homes: Mapping[str, str]) -> None:
        """Note what is known from elsewhere."""
        if len(self._known) + len(homes) > _KEPT:
            self._known = {}
        self._known.update(homes)

    def readable(self, run_ids: Iterable[str], experiments: Collection[str] | None) -> list[str]:
        """Those of some runs that are in some experiments; all of them where these are None."""
        wanted = list(run_ids)
        if experiments is None:
            return wanted
        homes = self.of(wanted)
        return [run_id for run_id in wanted if homes.get(run_id) in experiments]
