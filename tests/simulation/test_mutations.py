"""The simulation can fail: it notices each of these bugs in the engine within some seeds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mere.errors import Conflict
from mere.lake import Lake, journal, merge, pyramid_reading, views
from mere.lake.catalog import Catalog, Root
from mere.lake.iceberg import Iceberg
from mere.lake.journal import Journal
from mere.lake.tables import TableState
from tests.simulation.run import failure_of

_SEEDS = 60


def notices(seeds: int = _SEEDS) -> bool:
    return any(failure_of(seed)[1] is not None for seed in range(seeds))


def test_records_folded_twice(monkeypatch):
    monkeypatch.setattr(TableState, "folded", property(lambda self: {}))
    assert notices()


def test_the_race_for_the_root_ignored(monkeypatch):
    def publish(self: Catalog, parent: Root, tables: dict[str, str], at_ms: int) -> Root:
        newest = self.newest(parent)
        return original(self, newest, {**newest.tables, **tables}, at_ms)

    original: Callable[..., Root] = Catalog.publish
    monkeypatch.setattr(Catalog, "publish", publish)
    assert notices()


def test_stamps_forgotten(monkeypatch):
    monkeypatch.setattr(merge, "_known_stamps", lambda *_: {})
    assert notices()


def test_no_marker_before_segments_go(monkeypatch):
    monkeypatch.setattr(Journal, "mark", lambda *_: None)
    assert notices()


def test_old_snapshots_of_bulk_tables_collected(monkeypatch):
    original: Callable[..., set[str]] = Iceberg.references

    def references(self: Iceberg, state: TableState, *, history: bool) -> set[str]:
        return original(self, state, history=history and not state.table.is_bulk)

    monkeypatch.setattr(Iceberg, "references", references)
    assert notices()


def test_a_bulk_table_changed_meanwhile_is_overlooked(monkeypatch):
    original: Callable[..., Any] = Lake.publish

    def publish(self: Lake, parent: Root, locations: dict[str, str], at_ms: int) -> Root:
        while True:
            try:
                return original(self, parent, locations, at_ms)
            except Conflict:
                parent = self.catalog.newest(parent)
                locations = {**parent.tables, **{k: v for k, v in locations.items() if k == "bulk"}}

    monkeypatch.setattr(Lake, "publish", publish)
    assert notices()


def test_a_segment_is_deleted_before_its_root_exists(monkeypatch):
    original: Callable[..., Any] = views.Views._refreshed

    def refreshed(self: views.Views, *, look_for_root: bool) -> Any:
        view = original(self, look_for_root=look_for_root)
        if look_for_root and view.tail:
            self._journal.delete([view.tail[0].name])
        return view

    monkeypatch.setattr(views.Views, "_refreshed", refreshed)
    assert notices()


def test_a_chart_takes_for_seen_what_it_has_not_seen(monkeypatch):
    original: Callable[..., dict[str, int]] = pyramid_reading._seen_of

    def seen_of(view: Any) -> dict[str, int]:
        return {writer: sequence + 1 for writer, sequence in original(view).items()}

    monkeypatch.setattr(pyramid_reading, "_seen_of", seen_of)
    assert notices()


def test_the_engine_as_it_is_passes():
    assert journal.gaps([], {}) == []
    assert not notices(5)
