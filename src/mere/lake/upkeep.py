"""Upkeep: what a warehouse needs now and then so that it stays small and quick.

`plan_upkeep` decides and does nothing else; `run_upkeep` carries the plan out. Upkeep never
changes what a view shows. Anyone may run it, several at once, killed at any moment:

- compaction stages new files and publishes a root, as a fold does; whoever loses the race leaves
  orphans;
- a root is deleted before anything it alone refers to: this run's orphans are those of the roots
  that were there when it began, so the files of a root that expires now go in a later run;
- an orphan goes only when it is old. Younger ones may belong to a fold under way, and a fold
  gives up long before its files are that old;
- bulk tables are neither compacted nor expired: their snapshots are versions that somebody may
  want. What they refer to is kept, for all snapshots that the newest metadata lists;
- ages are taken by the store's own clock, so no machine's broken clock makes a root look old.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa

from mere.errors import Conflict
from mere.lake.arrow import sort_order
from mere.lake.catalog import Root
from mere.lake.files import in_parallel
from mere.lake.fold import Folder, write_sorted
from mere.lake.iceberg import Iceberg
from mere.lake.objects.store import ObjectInfo
from mere.lake.parquet import read_data_file
from mere.lake.settings import LakeSettings
from mere.lake.tables import Commit, DataFileRef, TableState

if TYPE_CHECKING:
    from mere.lake.engine import Lake
    from mere.lake.view import View

__all__ = ["Action", "UpkeepPlan", "UpkeepReport", "UpkeepState", "plan_upkeep", "run_upkeep"]


class Action(msgspec.Struct, frozen=True):
    """One thing upkeep did, or would do.

    Args:
        kind: ``compact``, ``expire-roots``, ``expire-snapshots`` or ``delete-orphans``.
        table: The table, where it concerns one.
        objects: How many objects it takes away.
        bytes: Their size.
        reason: Why.
    """

    kind: str
    table: str
    objects: int
    bytes: int
    reason: str


class UpkeepReport(msgspec.Struct, frozen=True):
    """What upkeep did, or would do in a dry run."""

    actions: list[Action]
    dry_run: bool


@dataclass(frozen=True)
class UpkeepState:
    """All that a plan is made from.

    Args:
        roots: The roots there are, in order, with the store's time of each in microseconds.
        tagged: Numbers of tagged roots.
        files: The newest root's files by table.
        tables: The newest root's tables.
        objects: Everything below ``tables/``.
        referenced: Keys that some root or tag refers to, and the hints of their tables.
        newest_us: The store's clock, as far as it is known: the time of its newest object.
    """

    roots: Sequence[tuple[Root, int]]
    tagged: frozenset[int]
    files: Mapping[str, Sequence[DataFileRef]]
    tables: Mapping[str, TableState]
    objects: Sequence[ObjectInfo]
    referenced: frozenset[str]
    newest_us: int


@dataclass(frozen=True)
class UpkeepPlan:
    """What is to be done.

    Args:
        compact: Groups of files to be merged, by table.
        expire: Roots to be deleted.
        snapshots: Tables whose metadata lists old snapshots, and how many.
        orphans: Objects to be deleted.
    """

    compact: dict[str, list[list[DataFileRef]]] = field(default_factory=dict)
    expire: list[Root] = field(default_factory=list)
    snapshots: dict[str, int] = field(default_factory=dict)
    orphans: list[ObjectInfo] = field(default_factory=list)


def plan_upkeep(state: UpkeepState, settings: LakeSettings) -> UpkeepPlan:
    """Decide what to do; a function of its arguments."""
    compact = {
        name: groups
        for name, files in state.files.items()
        if not state.tables[name].table.is_bulk
        and (groups := _groups(state.tables[name], files, settings))
    }
    orphan_us = state.newest_us - settings.orphan_ms * 1000
    orphans = [
        info
        for info in state.objects
        if info.key not in state.referenced and info.modified_us < orphan_us
    ]
    before_ms = _history_ms(state.newest_us, settings)
    snapshots = {
        name: count
        for name, table in state.tables.items()
        if not table.table.is_bulk and (count := len(Iceberg.expirable(table, before_ms)))
    }
    return UpkeepPlan(compact, _expired(state, settings), snapshots, orphans)


def _history_ms(newest_us: int, settings: LakeSettings) -> int:
    """Tables' own metadata goes back as far as all roots are kept; roots go back further."""
    return newest_us // 1000 - settings.root_spacing[0][0]


def _groups(
    table: TableState, files: Sequence[DataFileRef], settings: LakeSettings
) -> list[list[DataFileRef]]:
    """Files of like size that are worth merging, neighbours together.

    Files half as large as a file may be are left alone, so each row is rewritten once a tier:
    a number of times that grows with the logarithm of the table only.
    """
    is_keyed = table.table.is_keyed
    rows_max = settings.keyed_file_rows if is_keyed else settings.log_file_rows
    tiers: dict[int, list[DataFileRef]] = {}
    for file in files:
        if file.rows <= rows_max // 2:
            tier = 0 if is_keyed else int(math.log(max(1, file.rows), settings.compact_tier_factor))
            tiers.setdefault(tier, []).append(file)
    groups = []
    for members in tiers.values():
        group: list[DataFileRef] = []
        rows = 0
        for file in members:
            if rows + file.rows > rows_max:
                groups.append(group)
                group, rows = [], 0
            group.append(file)
            rows += file.rows
        groups.append(group)
    return [group for group in groups if len(group) >= settings.compact_files_min]


def _expired(state: UpkeepState, settings: LakeSettings) -> list[Root]:
    """Roots that no span of the retention keeps.

    Of each interval the last root is kept, the one that time travel to its end would find.
    """
    kept: set[int] = set(state.tagged)
    kept.update(root.number for root, _ in state.roots[-settings.roots_min :])
    newest_in: dict[tuple[int, int], int] = {}
    for root, modified_us in state.roots:
        age_ms = (state.newest_us - modified_us) // 1000
        span = next((span for span in settings.root_spacing if age_ms <= span[0]), None)
        if span is None:
            continue
        if span[1] == 0:
            kept.add(root.number)
        else:
            newest_in[span[1], modified_us // 1000 // span[1]] = root.number
    kept.update(newest_in.values())
    return [root for root, _ in state.roots if root.number not in kept]


def run_upkeep(lake: Lake, *, dry_run: bool) -> UpkeepReport:
    """Plan and, unless it is a dry run, carry the plan out."""
    view = lake.newest_view()
    state = _read_state(lake, view)
    plan = plan_upkeep(state, lake.settings)
    actions = _actions(plan)
    if not dry_run:
        lake.store.delete([info.key for info in plan.orphans])
        lake.store.delete([root.key for root in plan.expire])
        for name, groups in plan.compact.items():
            for group in groups:
                _compact(lake, name, {file.key for file in group})
        before_ms = _history_ms(state.newest_us, lake.settings)
        for name in plan.snapshots:
            _expire_snapshots(lake, name, before_ms)
    return UpkeepReport(actions, dry_run)


def _actions(plan: UpkeepPlan) -> list[Action]:
    actions = [
        Action(
            "compact",
            name,
            len(group),
            sum(file.size for file in group),
            f"{sum(file.rows for file in group)} rows in {len(group)} small files",
        )
        for name, groups in plan.compact.items()
        for group in groups
    ]
    if plan.expire:
        reason = f"states up to {plan.expire[-1].at.isoformat()} that retention does not keep"
        actions.append(Action("expire-roots", "", len(plan.expire), 0, reason))
    actions += [
        Action("expire-snapshots", name, 0, 0, f"{count} snapshots older than all roots are kept")
        for name, count in plan.snapshots.items()
    ]
    by_table: dict[str, list[ObjectInfo]] = {}
    for info in plan.orphans:
        by_table.setdefault(info.key.split("/")[1], []).append(info)
    actions += [
        Action("delete-orphans", name, len(infos), sum(i.size for i in infos), "nobody refers to")
        for name, infos in by_table.items()
    ]
    return actions


def _read_state(lake: Lake, view: View) -> UpkeepState:
    objects = lake.store.list("tables/")
    if lake.catalog.settle(view.root):
        # The other catalog writes metadata beside ours, and alone knows what of it is needed.
        objects = [info for info in objects if not info.key.endswith(".metadata.json")]
    times = {info.key: info.modified_us for info in lake.store.list("catalog/")}
    roots = [(root, times[root.key]) for root in lake.roots() if root.key in times]
    tags = lake.catalog.tags()
    iceberg = view.reading.iceberg
    locations = {
        location
        for root in (view.root, *(root for root, _ in roots), *tags.values())
        for location in root.tables.values()
    }
    newest = set(view.root.tables.values())
    references = in_parallel(
        lambda location: (
            iceberg.references(iceberg.load(location), history=True)
            if location in newest
            else iceberg.references_at(location)
        ),
        locations,
        lake.settings.parallel_requests,
    )
    hints = {
        f"tables/{name}/metadata/version-hint.text"
        for root in (view.root, *(root for root, _ in roots), *tags.values())
        for name in root.tables
    }
    stored = {name: iceberg.load(location) for name, location in view.root.tables.items()}
    return UpkeepState(
        roots=roots,
        tagged=frozenset(root.number for root in tags.values()),
        files={name: iceberg.files(state) for name, state in stored.items()},
        tables=stored,
        objects=objects,
        referenced=frozenset(hints).union(*references),
        newest_us=max((info.modified_us for info in objects), default=0),
    )


def _compact(lake: Lake, name: str, group: set[str]) -> bool:
    """Merge a group of files; False where another process changed them meanwhile."""
    view = lake.newest_view()
    started_us = lake.clock.now_us()
    state = view.reading.iceberg.load(view.root.tables[name])
    files = [file for file in view.reading.iceberg.files(state) if file.key in group]
    if len(files) != len(group):
        return False
    paths = view.reading.files.paths((file.key, file.size) for file in files)
    rows = pa.concat_tables(
        read_data_file(path, file, state) for path, file in zip(paths, files, strict=True)
    )
    rows = rows.take(sort_order(rows, state.table.order))
    added = write_sorted(view.reading, state, rows, lake.settings)
    commit = Commit.after("replace", state)
    commit.added, commit.removed = added, files
    at_ms = max(started_us // 1000, view.root.at_ms + 1)
    location = view.reading.iceberg.stage(state, commit, at_ms)
    return _publish(lake, view, name, location, started_us)


def _expire_snapshots(lake: Lake, name: str, before_ms: int) -> bool:
    """Take old snapshots out of a table's metadata; False where the race was lost."""
    view = lake.newest_view()
    started_us = lake.clock.now_us()
    state = view.reading.iceberg.load(view.root.tables[name])
    if not Iceberg.expirable(state, before_ms):
        return False
    location = view.reading.iceberg.stage_expiry(state, before_ms, started_us // 1000)
    return _publish(lake, view, name, location, started_us)


def _publish(lake: Lake, view: View, name: str, location: str, started_us: int) -> bool:
    try:
        Folder(lake.catalog, lake.clock, lake.settings).check_age(started_us)
        lake.publish(view.root, {**view.root.tables, name: location}, started_us // 1000)
    except Conflict:
        return False
    return True
