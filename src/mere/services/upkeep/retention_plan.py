"""What a collection removes for good: a function of what there is, without any I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mere.lake.blobs import RENEWED_AFTER_US
from mere.lake.objects.store import ObjectInfo

__all__ = [
    "DAY_US",
    "BinnedDataset",
    "BinnedRun",
    "BinnedTrace",
    "GcPlan",
    "GcState",
    "orphan_limit_us",
    "plan_gc",
]

DAY_US = 86_400_000_000
_RUN = "run:"


@dataclass(frozen=True)
class BinnedRun:
    """A run that is in the bin, by itself or with its experiment.

    Args:
        run_id: Which one.
        since_us: Since when nobody has used it.
        is_purged: Whether its removal has begun.
        rows: How many rows belong to it, by table.
    """

    run_id: str
    since_us: int
    is_purged: bool = False
    rows: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class BinnedDataset:
    """A dataset version that is in the bin.

    Args:
        dataset_id: Which one.
        label: What people call it.
        since_us: When it was put there.
        bytes: The size of its table; files are counted as objects.
        readers: The runs that have read it and are there still.
    """

    dataset_id: str
    label: str
    since_us: int
    bytes: int = 0
    readers: frozenset[str] = frozenset()


@dataclass(frozen=True)
class BinnedTrace:
    """A trace that is in the bin, by itself or with its experiment.

    Args:
        trace_id: Which one.
        since_us: Since when nobody has used it.
        is_own: Whether it was deleted by itself, so that nothing brings it back.
    """

    trace_id: str
    since_us: int
    is_own: bool = True


@dataclass(frozen=True)
class GcState:
    """All that a plan is made from.

    Args:
        now_us: What time it is.
        store_us: The store's clock, as far as it is known: the time of its newest object.
        runs: Runs in the bin.
        datasets: Dataset versions in the bin.
        traces: Traces in the bin.
        pinned: Why runs and dataset versions must stay, by ``run:<id>`` or ``dataset:<id>``.
        owners: What else owns artifacts and goes with a run: its id by theirs.
        referrers: Who refers to an object, by its key: ``run:<id>``, ``dataset:<id>`` or a name
            of something that stays.
        objects: Everything below ``artifacts/`` and ``objects/``.
    """

    now_us: int
    store_us: int
    runs: Sequence[BinnedRun] = ()
    datasets: Sequence[BinnedDataset] = ()
    traces: Sequence[BinnedTrace] = ()
    pinned: Mapping[str, str] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)
    referrers: Mapping[str, frozenset[str]] = field(default_factory=dict)
    objects: Sequence[ObjectInfo] = ()


@dataclass(frozen=True)
class GcPlan:
    """What is to be removed for good.

    Args:
        runs: Runs.
        datasets: Dataset versions.
        traces: Traces.
        owned: Objects that belong to these runs.
        orphans: Objects that nothing refers to, or nothing will.
        kept: Why what is old enough stays, by ``run:<id>`` or ``dataset:<id>``.
    """

    runs: list[BinnedRun] = field(default_factory=list)
    datasets: list[BinnedDataset] = field(default_factory=list)
    traces: list[BinnedTrace] = field(default_factory=list)
    owned: list[ObjectInfo] = field(default_factory=list)
    orphans: list[ObjectInfo] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)


def orphan_limit_us(state: GcState, older_than_us: int) -> int:
    """The time since when objects that nothing refers to are left, as the store tells time.

    It is twice the age at which writers renew what they find there already, so whoever has met
    such an object a moment ago is safe: see `mere.lake.blobs.RENEWED_AFTER_US`.
    """
    return state.store_us - max(older_than_us, 2 * RENEWED_AFTER_US)


def plan_gc(state: GcState, older_than_us: int) -> GcPlan:
    """Decide what goes; a function of its arguments.

    Args:
        state: What there is.
        older_than_us: For how long it must have been in the bin, or unreferred to. Objects that
            nothing refers to are left for a day at least: they may belong to rows under way.
    """
    plan = GcPlan()
    until_us = state.now_us - older_than_us
    for run in state.runs:
        name = f"{_RUN}{run.run_id}"
        if run.is_purged:
            plan.runs.append(run)
        elif run.since_us <= until_us:
            if name in state.pinned:
                plan.kept[name] = state.pinned[name]
            else:
                plan.runs.append(run)
    plan.traces.extend(trace for trace in state.traces if trace.since_us <= until_us)
    gone = {run.run_id for run in plan.runs}
    for dataset in state.datasets:
        name = f"dataset:{dataset.dataset_id}"
        if dataset.since_us > until_us:
            continue
        users = dataset.readers - gone
        if name in state.pinned:
            plan.kept[name] = state.pinned[name]
        elif users:
            plan.kept[name] = f"{dataset.label} was read by {len(users)} runs that are there"
        else:
            plan.datasets.append(dataset)
    names = {f"{_RUN}{run_id}" for run_id in gone}
    names.update(f"dataset:{dataset.dataset_id}" for dataset in plan.datasets)
    orphan_us = orphan_limit_us(state, older_than_us)
    for info in state.objects:
        if state.referrers.get(info.key, frozenset()) - names:
            continue
        folder, _, rest = info.key.partition("/")
        owner = rest.partition("/")[0] if folder == "artifacts" else ""
        if owner and state.owners.get(owner, owner) in gone:
            plan.owned.append(info)
        elif info.modified_us < orphan_us:
            plan.orphans.append(info)
    return plan
