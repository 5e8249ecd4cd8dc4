"""The runs of a repetition, found, linked to those they repeat, and judged."""

from __future__ import annotations

from typing import Any

from mere.repeat.matching import Started, match_runs
from mere.repeat.verdict import Outcome, Point, Verdict, judge
from mere.services.warehouse import Warehouse

__all__ = ["compare_runs", "match_and_judge"]

_REPETITION_TAG = "mere.repetition"
_COLUMNS = "run_id, experiment_id, parent_run_id, kind, name, params, status"


def match_and_judge(
    warehouse: Warehouse, run_id: str, token: str, tolerance: float
) -> tuple[str | None, Verdict]:
    """Find the run that repeats another among those marked by a token, and compare the two.

    Returns:
        The id of the new run, None where none corresponds; and the verdict, which is also in the
        tags of the new run.
    """
    old = _same_process(warehouse, run_id)
    new = warehouse.sql(
        f"select {_COLUMNS} from runs where tags[$tag] = $token",
        {"tag": _REPETITION_TAG, "token": token},
    ).to_pylist(maps_as_pydicts="lossy")
    siblings, fresh = _started(old), _started(new)
    pairs = {one.run_id: match_runs(one, siblings, fresh) for one in siblings}
    repeated = pairs[run_id]
    # A run that stands for another run of the same process repeats that one, not the one asked for.
    owners = {found: one for one, found in pairs.items() if found and found != repeated}
    links = [
        {"run_id": one.run_id, "repeats": owners.get(one.run_id)}
        for one in fresh
        if one.run_id != repeated
    ]
    if links:
        warehouse.lake.patch("runs", links)
    if repeated is None:
        reason = "the program started no run that corresponds to the one repeated"
        return None, Verdict(outcome=Outcome.NOTHING, metrics=[], reason=reason)
    verdict = compare_runs(warehouse, run_id, repeated, tolerance)
    _note(warehouse, run_id, repeated, verdict)
    return repeated, verdict


def compare_runs(warehouse: Warehouse, one: str, other: str, tolerance: float) -> Verdict:
    """Compare the metrics and the ends of two runs."""
    before, after = warehouse.runs.get(one), warehouse.runs.get(other)
    reason = None
    if before.status != after.status:
        reason = f"the run was {before.status}, its repetition {after.status}"
    return judge(
        _points(warehouse, one), _points(warehouse, other), tolerance=tolerance, reason=reason
    )


def _points(warehouse: Warehouse, run_id: str) -> dict[str, list[Point]]:
    columns = ["key", "step", "timestamp", "value"]
    found = warehouse.lake.scan("metrics", where={"run_id": run_id}, columns=columns)
    ordered = found.sort_by([(name, "ascending") for name in columns[:3]])
    points: dict[str, list[Point]] = {}
    keys, steps, values = (ordered[name].to_pylist() for name in ("key", "step", "value"))
    for key, step, value in zip(keys, steps, values, strict=True):
        points.setdefault(key, []).append((step, value))
    return points


def _note(warehouse: Warehouse, run_id: str, repeated: str, verdict: Verdict) -> None:
    tags: dict[str, Any] = {
        "mere.verdict": str(verdict.outcome),
        "mere.verdict.metrics": verdict.counts() or "none",
    }
    if verdict.difference is not None:
        tags["mere.verdict.difference"] = repr(verdict.difference)
    warehouse.runs.set_tags(repeated, tags)
    warehouse.lake.patch("runs", [{"run_id": repeated, "repeats": run_id}])


def _same_process(warehouse: Warehouse, run_id: str) -> list[dict[str, Any]]:
    """The runs that the process of a run started, itself included."""
    found: list[dict[str, Any]] = warehouse.sql(
        "with asked as (select source as s from runs where run_id = $run) "
        f"select {_COLUMNS} from runs, asked where run_id = $run or ("
        "source.pid = s.pid and source.machine = s.machine "
        "and source.process_started_at = s.process_started_at) order by run_id",
        {"run": run_id},
    ).to_pylist(maps_as_pydicts="lossy")
    return found


def _started(rows: list[dict[str, Any]]) -> list[Started]:
    parents = {row["run_id"]: row["parent_run_id"] for row in rows}
    return [
        Started(
            run_id=row["run_id"],
            experiment_id=row["experiment_id"],
            kind=row["kind"],
            name=row["name"],
            params=row["params"] or {},
            depth=_depth(row["run_id"], parents),
        )
        for row in rows
    ]


def _depth(run_id: str, parents: dict[str, str | None]) -> int:
    """How many runs a run is nested in, cycles aside."""
    depth, parent = 0, parents.get(run_id)
    while parent is not None and depth < len(parents):
        depth, parent = depth + 1, parents.get(parent)
    return depth
