"""What one process knows of the runs that are logged to, so that a write need not read.

Before something is logged to a run it must be known that the run is there, in use, and which
params it has. A read for each write would cost more than the write, so the answers are kept here,
for the runs that were asked for last.

What others write is learned from the journal: `RunGate.catch_up` looks at the segments that have
come since it looked last. The gate asks for that whenever it is older than `FRESH_MS`; so a run
that was deleted elsewhere is refused after that time. Whoever must be certain (before params, and
before anything is refused) looks anew with `RunGate.look`.

Params never change, so to have learned one is enough. A change of a lifecycle makes the gate
forget the run; the next look reads it. After another process has folded, segments may have come
and gone between two looks: then all is forgotten.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from mere.entities.experiment import Lifecycle
from mere.errors import ErrorCode, InvalidInput, NotFound
from mere.services.runs.recent_points import RecentPoints
from mere.services.tables import METRICS, RUNS

if TYPE_CHECKING:
    from mere.clock import Clock
    from mere.lake import Lake
    from mere.lake.records import Patch
    from mere.lake.segment import Segment, SegmentName

__all__ = ["FRESH_MS", "KnownExperiment", "KnownRun", "ParamWrites", "RunGate"]

FRESH_MS = 500
_RUNS_MAX = 4_096
_STRIPES = 64
_EXPERIMENTS_MAX = 100_000


class KnownExperiment(NamedTuple):
    """What is known of one experiment."""

    is_active: bool
    artifact_location: str


class KnownRun:
    """What is known of one run.

    Args:
        run_id: Which one.
        experiment_id: Where it belongs.
        is_active: Whether it may be logged to, so far as the run itself goes.
        params: Its params; only ever added to.
    """

    __slots__ = ("experiment_id", "is_active", "params", "run_id")

    def __init__(
        self, run_id: str, experiment_id: str, *, is_active: bool, params: dict[str, str]
    ) -> None:
        self.run_id = run_id
        self.experiment_id = experiment_id
        self.is_active = is_active
        self.params = params


class ParamWrites(NamedTuple):
    """Who wrote which params of one run while somebody watched."""

    writes: list[tuple[SegmentName, dict[str, str | None]]]

    def against(self, mine: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
        """What others made of params that were written at the same moment with other values.

        Returns:
            Params that have another's value now, because it is the later one; and those that
            another had given a value before, over which mine was written.
        """
        theirs: dict[str, str] = {}
        overwritten: dict[str, str] = {}
        ordered = sorted(self.writes, key=lambda write: write[0])
        for key, value in mine.items():
            values = [given for _, params in ordered if (given := params.get(key)) is not None]
            rival = next((given for given in values if given != value), None)
            if rival is None:
                continue
            if values[-1] != value:
                theirs[key] = values[-1]
            else:
                overwritten[key] = rival
        return theirs, overwritten


class RunGate:
    """The runs one process knows; safe for use by several threads.

    Args:
        lake: Where runs are stored.
        clock: Says how old is what is known.
    """

    def __init__(self, lake: Lake, clock: Clock) -> None:
        self._lake = lake
        self._clock = clock
        self._runs: dict[str, KnownRun] = {}
        self._experiments: dict[str, KnownExperiment] = {}
        self._seen: frozenset[Any] = frozenset()
        self._root = -1
        self._looked_at = float("-inf")
        self._looking = threading.Lock()
        self._watched: dict[str, list[tuple[SegmentName, dict[str, str | None]]]] = {}
        self.recent = RecentPoints()
        """Points that others stored a moment ago, and those that this process says it stored."""
        self._stripes = tuple(threading.Lock() for _ in range(_STRIPES))

    def lock(self, run_id: str) -> threading.Lock:
        """Held while params of a run are checked and written; one at a time for each thread."""
        return self._stripes[hash(run_id) % _STRIPES]

    def peek(self, run_id: str) -> KnownRun | None:
        """A run that may be logged to by all that is known and fresh; None means `look`.

        Reads nothing and never waits.
        """
        if (self._clock.monotonic() - self._looked_at) * 1000 > FRESH_MS:
            return None
        known = self._runs.get(run_id)
        if known is None or not known.is_active:
            return None
        experiment = self._experiments.get(known.experiment_id)
        return known if experiment is not None and experiment.is_active else None

    def look(self, run_id: str, *, is_fresh: bool = False) -> KnownRun:
        """A run that may be logged to; reads what is not known.

        Args:
            run_id: Which one.
            is_fresh: What others wrote up to this moment must be known, as before params.

        Raises:
            NotFound: There is no such run.
            InvalidInput: It, or its experiment, is deleted.
        """
        if not is_fresh:
            known = self.peek(run_id)
            if known is not None:
                return known
        since = self._clock.monotonic()
        with self._looking:
            self._catch_up(since)
            return self._open(run_id)

    @contextmanager
    def watching(self, run_id: str) -> Iterator[ParamWrites]:
        """Note who writes params of a run meanwhile, this process too; its lock must be held.

        What a fold takes out of the journal between two looks is not noted.
        """
        writes = self._watched[run_id] = []
        try:
            yield ParamWrites(writes)
        finally:
            del self._watched[run_id]

    def catch_up(self) -> None:
        """Learn what others wrote; one listing where that is nothing.

        Whoever does so more often than each `FRESH_MS` keeps `peek` from having to give up.
        """
        with self._looking:
            self._catch_up(self._clock.monotonic())

    def peek_experiment(self, experiment_id: str) -> KnownExperiment | None:
        """An experiment in which runs may begin by all that is known and fresh, as `peek`."""
        if (self._clock.monotonic() - self._looked_at) * 1000 > FRESH_MS:
            return None
        known = self._experiments.get(experiment_id)
        return known if known is not None and known.is_active else None

    def look_experiment(self, experiment_id: str) -> KnownExperiment:
        """An experiment in which runs may begin; reads what is not known.

        Raises:
            NotFound: There is none.
            InvalidInput: It is deleted.
        """
        known = self.peek_experiment(experiment_id)
        if known is not None:
            return known
        since = self._clock.monotonic()
        with self._looking:
            self._catch_up(since)
            known = self._experiment(experiment_id)
        if not known.is_active:
            raise InvalidInput(
                ErrorCode.EXPERIMENT_DELETED,
                f"experiment {experiment_id!r} is deleted: restore it, or use another one",
                experiment_id=experiment_id,
            )
        return known

    def expect(self, run_id: str, experiment_id: str, params: dict[str, str]) -> None:
        """Know a run that is about to be created; nobody else has its id yet."""
        self._keep(KnownRun(run_id, experiment_id, is_active=True, params=dict(params)))

    def forget(self, run_id: str) -> None:
        """Read a run anew when it is next asked for, because it has just been changed."""
        self._runs.pop(run_id, None)

    def forget_experiment(self, experiment_id: str) -> None:
        """Read an experiment anew, as `forget` does a run."""
        self._experiments.pop(experiment_id, None)

    def _catch_up(self, since: float) -> None:
        """Replay what has come, unless somebody did after `since`. Call with the lock held."""
        if self._looked_at > since:
            return
        looked_at = self._clock.monotonic()
        view = self._lake.view()
        is_root_known = view.root.number == self._root
        if not is_root_known:
            self._runs.clear()
            self._experiments.clear()
        for segment in view.tail:
            if segment.name not in self._seen:
                self.recent.learn(segment.logs.get(METRICS.name, ()))
                if self._watched:
                    self._note(segment)
                if is_root_known:
                    self._learn(segment.patches)
        self._seen = frozenset(view.listing.names)
        self._root = view.root.number
        self._looked_at = looked_at

    def _note(self, segment: Segment) -> None:
        for patch in segment.patches.get(RUNS.name, ()):
            writes = self._watched.get(patch.key[0])
            params = patch.maps.get("params")
            if writes is not None and params:
                writes.append((segment.name, params))

    def _learn(self, patches: dict[str, list[Patch]]) -> None:
        for patch in patches.get("experiments", ()):
            experiment = self._experiments.get(patch.key[0])
            if experiment is not None and _is_moved(patch, is_active=experiment.is_active):
                self._experiments.pop(patch.key[0], None)
        for patch in patches.get("runs", ()):
            if not (patch.sets or patch.maps or patch.is_tombstone):
                continue
            known = self._runs.get(patch.key[0])
            if known is None:
                continue
            if (
                _is_moved(patch, is_active=known.is_active)
                or patch.sets.get("experiment_id", known.experiment_id) != known.experiment_id
            ):
                self._runs.pop(known.run_id, None)
                continue
            for key, value in patch.maps.get("params", {}).items():
                if value is not None:
                    known.params[key] = value

    def _open(self, run_id: str) -> KnownRun:
        known = self._runs.get(run_id)
        if known is None:
            known = self._read(run_id)
            self._keep(known)
        if not known.is_active or not self._experiment(known.experiment_id).is_active:
            raise InvalidInput(
                ErrorCode.RUN_DELETED,
                f"run {run_id} is deleted: restore it, or log to another run",
                run_id=run_id,
            )
        return known

    def _read(self, run_id: str) -> KnownRun:
        row = self._lake.get("runs", run_id)
        if (
            row is None
            or row.get("experiment_id") is None
            or row.get("lifecycle") == Lifecycle.PURGED
        ):
            raise NotFound(
                ErrorCode.RUN_NOT_FOUND,
                f"there is no run {run_id!r}: `mere runs` lists those known",
                run_id=run_id,
            )
        return KnownRun(
            run_id,
            row["experiment_id"],
            is_active=row.get("lifecycle") == Lifecycle.ACTIVE,
            params=dict(row.get("params") or {}),
        )

    def _experiment(self, experiment_id: str) -> KnownExperiment:
        known = self._experiments.get(experiment_id)
        if known is None:
            row = self._lake.get("experiments", experiment_id)
            if row is None or row.get("lifecycle") == Lifecycle.PURGED:
                raise NotFound(
                    ErrorCode.EXPERIMENT_NOT_FOUND,
                    f"there is no experiment with id {experiment_id!r}: `mere experiments` lists "
                    "those known",
                    experiment_id=experiment_id,
                )
            if len(self._experiments) >= _EXPERIMENTS_MAX:
                self._experiments.clear()
            known = KnownExperiment(
                row.get("lifecycle") == Lifecycle.ACTIVE,
                row.get("artifact_location") or "artifacts",
            )
            self._experiments[experiment_id] = known
        return known

    def _keep(self, known: KnownRun) -> None:
        while len(self._runs) >= _RUNS_MAX:
            # The one that has been known the longest; it costs one read if it is asked for again.
            self._runs.pop(next(iter(self._runs)), None)
        self._runs[known.run_id] = known


def _is_moved(patch: Patch, *, is_active: bool) -> bool:
    """Whether a patch may put into the bin, or take out of it, what is known as said."""
    lifecycle = patch.sets.get("lifecycle")
    return patch.is_tombstone or (
        lifecycle is not None and (lifecycle == Lifecycle.ACTIVE) != is_active
    )
