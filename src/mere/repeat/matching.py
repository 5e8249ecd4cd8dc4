"""Which run of a repetition corresponds to which of the runs repeated. Pure.

A script may start many runs: a sweep, nested runs, several processes. Two runs correspond if they
are of one experiment and kind and have the same params; where params tell none, or several, the
name decides, unless it was made up; and among those that are still alike, the order in which
their process started them.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

__all__ = ["Started", "match_runs"]


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """A run, as far as it tells which one it is.

    Args:
        run_id: Its id, which sorts by start.
        experiment_id: Its experiment.
        kind: Its kind.
        name: Its name; None where it was made up.
        params: Its params.
        depth: How many runs it is nested in.
    """

    run_id: str
    experiment_id: str
    kind: str | None = None
    name: str | None = None
    params: dict[str, str] = {}
    depth: int = 0


def match_runs(asked: Started, siblings: Sequence[Started], new: Sequence[Started]) -> str | None:
    """Return the id of the new run that corresponds to the one asked for; None where none does.

    Args:
        asked: The run that is repeated.
        siblings: All runs of its process, itself included.
        new: All runs of the repetition.
    """
    alike = [one for one in new if _place(one) == _place(asked)]
    siblings = [one for one in siblings if _place(one) == _place(asked)]
    for trait in (_params, _name):
        same = [one for one in alike if trait(one) == trait(asked)]
        if same:
            alike = same
            siblings = [one for one in siblings if trait(one) == trait(asked)]
    ordered = sorted(one.run_id for one in alike)
    place = sorted(one.run_id for one in siblings).index(asked.run_id)
    return ordered[place] if place < len(ordered) else None


def _place(run: Started) -> tuple[str, str | None, int]:
    return run.experiment_id, run.kind, run.depth


def _params(run: Started) -> dict[str, str]:
    return run.params


def _name(run: Started) -> str | None:
    return run.name
