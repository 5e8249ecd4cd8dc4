"""What an import did, counted while it goes on; the same numbers feed progress and summary."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

__all__ = ["Difference", "ImportReport", "OnProgress"]

_DIFFERENCES_KEPT_MAX = 1_000


class Difference(msgspec.Struct, frozen=True):
    """Something that differs between the source and the warehouse and was left as it is here."""

    run_id: str
    what: str
    here: str
    there: str


class ImportReport(msgspec.Struct):
    """What an import found and what of it was new.

    Args:
        source: Where from.
        experiments: How many the source has.
        experiments_new: How many of them were created.
        runs: How many the source has in what was asked for.
        runs_new: Were not here.
        runs_changed: Were here, and got something more or something else.
        points: Points of metrics in the source.
        points_new: Were not here.
        files: Files of runs and models in the source that were looked at.
        files_new: Were not here, or had another content.
        bytes_new: What these files weigh.
        console_lines_new: Lines of console output that were not here.
        datasets: Dataset versions that the runs used.
        models: Logged models, registered models and versions of models.
        conflicts: What differs and stays as it is here; at most a thousand are listed.
        conflicts_count: How many there are.
        left_out: What the source has and the warehouse did not take, by kind.
        seconds: How long it took.
    """

    source: str
    experiments: int = 0
    experiments_new: int = 0
    runs: int = 0
    runs_new: int = 0
    runs_changed: int = 0
    points: int = 0
    points_new: int = 0
    files: int = 0
    files_new: int = 0
    bytes_new: int = 0
    console_lines_new: int = 0
    datasets: int = 0
    models: int = 0
    conflicts: list[Difference] = []
    conflicts_count: int = 0
    left_out: dict[str, int] = {}
    seconds: float = 0.0

    def differs(self, run_id: str, what: str, here: object, there: object) -> None:
        """Note something that stays as it is here."""
        self.conflicts_count += 1
        if len(self.conflicts) < _DIFFERENCES_KEPT_MAX:
            self.conflicts.append(Difference(run_id, what, str(here), str(there)))

    def leave_out(self, kind: str, count: int = 1) -> None:
        """Note something that was not taken."""
        if count:
            self.left_out[kind] = self.left_out.get(kind, 0) + count


OnProgress = Callable[[ImportReport], None]
"""Called now and then with what has been done so far."""
