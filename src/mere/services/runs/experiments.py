"""Experiments: created once by name, whoever comes first.

A name is claimed by an object that carries the experiment itself; the row in the table follows.
Whoever meets a claim without its row has met a crash between the two, and writes the row as it
was claimed, so that it loses to everything written since. A process does so once for each name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from mere.entities.experiment import DEFAULT_ID, DEFAULT_NAME, Experiment, Lifecycle
from mere.entities.limits import check_name
from mere.errors import AlreadyExists, ErrorCode, InvalidInput, NotFound
from mere.search.schema import EXPERIMENTS
from mere.services.runs.search import Page, Subject, View, check_page_size, find_rows

if TYPE_CHECKING:
    import pyarrow as pa

    from mere.clock import Clock
    from mere.lake import Claim, Lake

__all__ = ["Experiments"]

_KIND = "experiment"
_RANDOM_BITS = 19
_COLUMNS = (
    "experiment_id",
    "name",
    "lifecycle",
    "artifact_location",
    "tags",
    "created_by",
    "created_at",
    "updated_at",
    "deleted_at",
    "runs",
    "last_run_at",
)
_COUNTED = (
    "counted as (select experiment_id, count(*) as runs, max(started_at) as last_run_at "
    "from runs where lifecycle = 'active' group by experiment_id), "
    "found as (select e.*, coalesce(c.runs, 0) as runs, c.last_run_at from experiments e "
    "left join counted c on c.experiment_id = e.experiment_id)"
)


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
        self,
        name: str,
        *,
        tags: dict[str, str] | None = None,
        created_by: str | None = None,
        artifact_location: str | None = None,
    ) -> Experiment:
        """Create an experiment.

        Args:
            name: Unique in the warehouse.
            tags: Anything worth remembering.
            created_by: The account that creates it.
            artifact_location: Where its runs put their files, if that is not the warehouse.

        Raises:
            AlreadyExists: The name is taken.
            InvalidInput: The name may not be one.
        """
        claim, experiment = self._claim(name, tags or {}, created_by, artifact_location)
        if not claim.won:
            raise _taken(name, experiment.experiment_id)
        return experiment

    def get_or_create(self, name: str, *, created_by: str | None = None) -> Experiment:
        """Return the experiment of that name, created now if there was none.

        Raises:
            InvalidInput: The name may not be one.
        """
        known = self._known.get(name)
        if known is None:
            _, known = self._claim(name, {}, created_by, None)
            self._known[name] = known
        return known

    def get(self, experiment_id: str) -> Experiment:
        """Return an experiment by id.

        Raises:
            NotFound: There is none.
        """
        row = self._lake.get("experiments", experiment_id)
        if row is None or row.get("lifecycle") == Lifecycle.PURGED:
            raise _not_found(f"experiment with id {experiment_id!r}", experiment_id=experiment_id)
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
            raise _not_found(f"experiment {name!r}", name=name)
        return _entity(rows[0])

    def rename(self, experiment_id: str, name: str) -> None:
        """Give an experiment another name; the one it had stays its own, and is never another's.

        So whoever still logs under the old name logs into the same experiment.

        Raises:
            NotFound: There is none of that id.
            InvalidInput: The name may not be one, or the experiment is deleted.
            AlreadyExists: The name is taken.
        """
        check_name(name, "experiment")
        renamed = msgspec.structs.replace(self._in_use(experiment_id), name=name)
        claim = self._lake.claim(_KIND, name, _row(renamed))
        if claim.record["experiment_id"] != experiment_id:
            raise _taken(name, claim.record["experiment_id"])
        self._lake.patch("experiments", [{"experiment_id": experiment_id, "name": name}])

    def set_tags(self, experiment_id: str, tags: Mapping[str, str]) -> None:
        """Set tags of an experiment.

        Raises:
            NotFound: There is none of that id.
            InvalidInput: It is deleted.
        """
        self._in_use(experiment_id)
        self._lake.patch("experiments", [{"experiment_id": experiment_id, "tags": dict(tags)}])

    def remove_tag(self, experiment_id: str, key: str) -> None:
        """Remove a tag of an experiment.

        Raises:
            NotFound: There is no such experiment, or it has no such tag.
            InvalidInput: It is deleted.
        """
        if key not in self._in_use(experiment_id).tags:
            raise NotFound(
                ErrorCode.TAG_NOT_FOUND,
                f"experiment {experiment_id} has no tag {key!r}",
                experiment_id=experiment_id,
                key=key,
            )
        self._lake.patch("experiments", [{"experiment_id": experiment_id, "tags": {key: None}}])

    def _in_use(self, experiment_id: str) -> Experiment:
        found = self.get(experiment_id)
        if found.lifecycle != Lifecycle.ACTIVE:
            raise InvalidInput(
                ErrorCode.EXPERIMENT_DELETED,
                f"experiment {experiment_id} is deleted: restore it, or use another one",
                experiment_id=experiment_id,
            )
        return found

    def delete(self, experiment_id: str) -> bool:
        """Put an experiment into the bin, and its runs with it; whether it was not there yet.

        The runs' own rows stay as they are, so to restore the experiment brings back those that
        were not deleted one by one. Its name stays taken.

        Raises:
            NotFound: There is none.
        """
        return self._move(experiment_id, Lifecycle.DELETED, self._clock.now_us())

    def restore(self, experiment_id: str) -> bool:
        """Take an experiment out of the bin; whether it was there.

        Raises:
            NotFound: There is none.
        """
        return self._move(experiment_id, Lifecycle.ACTIVE, None)

    def _move(self, experiment_id: str, target: str, deleted_at: int | None) -> bool:
        if self.get(experiment_id).lifecycle == target:
            return False
        change = {"lifecycle": target, "deleted_at": deleted_at}
        self._lake.patch("experiments", [{"experiment_id": experiment_id, **change}])
        return True

    def list(self, *, view: str = View.ACTIVE) -> pa.Table:
        """All experiments with the number of their runs, newest first.

        Args:
            view: ``active`` experiments, ``deleted`` or ``all``.
        """
        return self.search(view=view)

    def search(
        self,
        *,
        filter: str | None = None,  # noqa: A002 - the word of the language, and of MLflow
        order: str | Sequence[str] | None = None,
        view: str = View.ACTIVE,
        limit: int | None = None,
    ) -> pa.Table:
        """Experiments as an Arrow table, with the number of their runs.

        Args:
            filter: A condition in the filter language, such as ``name like 'digits%'``.
            order: What to sort by in that language; by default, the newest come first.
            view: ``active`` experiments, ``deleted`` or ``all``.
            limit: At most so many.

        Raises:
            InvalidInput: The filter, order, view or limit is wrong.
        """
        return self._find(filter, order, View.of(view), limit, None).rows

    def search_page(
        self,
        *,
        max_results: int = 1000,
        page_token: str | None = None,
        filter: str | None = None,  # noqa: A002 - the word of the language, and of MLflow
        order: str | Sequence[str] | None = None,
        view: str = View.ACTIVE,
    ) -> Page:
        """One page of experiments, and a token for the next.

        Args:
            max_results: At most so many a page.
            page_token: The token that came with the page before.
            filter: As for `search`.
            order: As for `search`.
            view: As for `search`.

        Raises:
            InvalidInput: As for `search`, or the token is not one of this query.
        """
        return self._find(filter, order, View.of(view), check_page_size(max_results), page_token)

    def _find(
        self,
        wanted: str | None,
        order: str | Sequence[str] | None,
        view: View,
        limit: int | None,
        page_token: str | None,
    ) -> Page:
        subject = Subject(EXPERIMENTS, _COUNTED, _COLUMNS)
        subject.only("lifecycle = any($lifecycles)", lifecycles=list(view.lifecycles))
        return find_rows(
            self._lake,
            subject,
            now_us=self._clock.now_us(),
            filter=wanted,
            order=order,
            columns=_COLUMNS,
            limit=limit,
            page_token=page_token,
            query=[view],
        )

    def _claim(
        self,
        name: str,
        tags: dict[str, str],
        created_by: str | None,
        artifact_location: str | None,
    ) -> tuple[Claim, Experiment]:
        check_name(name, "experiment")
        wanted = Experiment(
            experiment_id=DEFAULT_ID if name == DEFAULT_NAME else self._new_id(),
            name=name,
            artifact_location=artifact_location or "artifacts",
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
    return {
        name: value
        for name, value in row.items()
        if value is not None and name not in ("created_at", "updated_at")
    }


def _entity(row: dict[str, Any]) -> Experiment:
    known = {name: value for name, value in row.items() if value is not None}
    return msgspec.convert(known, Experiment)


def _not_found(what: str, **details: str) -> NotFound:
    return NotFound(
        ErrorCode.EXPERIMENT_NOT_FOUND,
        f"there is no {what}: `mere experiments` lists those known",
        **details,
    )


def _taken(name: str, experiment_id: str) -> AlreadyExists:
    return AlreadyExists(
        ErrorCode.NAME_TAKEN,
        f"experiment {name!r} exists already: log into it, or choose another name",
        name=name,
        experiment_id=experiment_id,
    )
