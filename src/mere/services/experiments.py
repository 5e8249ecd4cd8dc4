"""Experiments: created once by name, whoever comes first.

A name is claimed by an object that carries the experiment itself; the row in the table follows.
Whoever meets a claim without its row has met a crash between the two, and writes the row as it
was claimed, so that it loses to everything written since. A process does so once for each name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mere.entities.experiment import DEFAULT_ID, DEFAULT_NAME, Experiment
from mere.entities.limits import check_name
from mere.errors import AlreadyExists, ErrorCode, NotFound

if TYPE_CHECKING:
    import pyarrow as pa

    from mere.clock import Clock
    from mere.lake import Claim, Lake

__all__ = ["Experiments"]

_KIND = "experiment"
_RANDOM_BITS = 19


class Experiments:
    """The experiments of one warehouse.

    Args:
        lake: Where they are stored.
        clock: For new ids.
    """

    def __init__(self, lake: Lake, clock: Clock) -> None:
        self._lake = lake
        self._clock = clock
        self._known: dict[str, Experiment] = {}

    def create(
        self, name: str, *, tags: dict[str, str] | None = None, created_by: str | None = None
    ) -> Experiment:
        """Create an experiment.

        Raises:
            AlreadyExists: The name is taken.
            InvalidInput: The name may not be one.
        """
        claim, experiment = self._claim(name, tags or {}, created_by)
        if not claim.won:
            raise AlreadyExists(
                ErrorCode.NAME_TAKEN,
                f"experiment {name!r} exists already: log into it, or choose another name",
                name=name,
                experiment_id=experiment.experiment_id,
            )
        return experiment

    def get_or_create(self, name: str, *, created_by: str | None = None) -> Experiment:
        """Return the experiment of that name, created now if there was none.

        Raises:
            InvalidInput: The name may not be one.
        """
        known = self._known.get(name)
        if known is None:
            _, known = self._claim(name, {}, created_by)
            self._known[name] = known
        return known

    def get(self, experiment_id: str) -> Experiment:
        """Return an experiment by id.

        Raises:
            NotFound: There is none.
        """
        row = self._lake.get("experiments", experiment_id)
        if row is None:
            raise _not_found(f"experiment with id {experiment_id!r}")
        return _entity(row)

    def find(self, name: str) -> Experiment:
        """Return an experiment by name.

        Raises:
            NotFound: There is none.
        """
        rows = self._lake.scan("experiments", where={"name": name}).to_pylist(
            maps_as_pydicts="lossy"
        )
        if not rows:
            raise _not_found(f"experiment {name!r}")
        return _entity(rows[0])

    def list(self) -> pa.Table:
        """All experiments in use, with the number of their runs, newest first."""
        return self._lake.sql(
            "select e.experiment_id, e.name, e.tags, e.created_by, e.created_at, "
            "count(r.run_id) as runs, max(r.started_at) as last_run_at "
            "from experiments e left join runs r on r.experiment_id = e.experiment_id "
            "and r.lifecycle = 'active' where e.lifecycle = 'active' "
            "group by all order by e.created_at desc, e.experiment_id desc"
        )

    def _claim(
        self, name: str, tags: dict[str, str], created_by: str | None
    ) -> tuple[Claim, Experiment]:
        check_name(name, "experiment")
        wanted = Experiment(
            experiment_id=DEFAULT_ID if name == DEFAULT_NAME else self._new_id(),
            name=name,
            tags=tags,
            created_by=created_by,
        )
        claim = self._lake.claim(_KIND, name, _row(wanted))
        experiment = _entity(claim.record)
        # Written even where the row is there: that costs one put, and to look would cost reading
        # the tail. As it is written as of the claim, it changes nothing then.
        self._lake.patch("experiments", [_row(experiment)], at=claim.tick)
        return claim, experiment

    def _new_id(self) -> str:
        # Digits, as other tracking clients expect; sorts by time, and fits a signed long.
        ms = self._clock.now_us() // 1000
        return str(ms * 1_000_000 + self._clock.random_bits(_RANDOM_BITS))


def _row(experiment: Experiment) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(experiment)
    return {name: value for name, value in row.items() if value is not None}


def _entity(row: dict[str, Any]) -> Experiment:
    known = {name: value for name, value in row.items() if value is not None}
    return msgspec.convert(known, Experiment)


def _not_found(what: str) -> NotFound:
    return NotFound(
        ErrorCode.EXPERIMENT_NOT_FOUND, f"there is no {what}: `mere experiments` lists those known"
    )
