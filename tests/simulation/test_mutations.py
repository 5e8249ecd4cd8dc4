"""The simulation can fail: it notices each of these bugs in the engine within some seeds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mere.lake import journal, merge, views
from mere.lake.catalog import Catalog, Root
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


def test_a_segment_is_deleted_before_its_root_exists(monkeypatch):
    original: Callable[..., Any] = views.Views._refreshed

    def refreshed(self: views.Views, *, look_for_root: bool) -> Any:
        view = original(self, look_for_root=look_for_root)
        if look_for_root and view.tail:
            self._journal.delete([view.tail[0].name])
        return view

    monkeypatch.setattr(views.Views, "_refreshed", refreshed)
    assert notices()


def test_the_engine_as_it_is_passes():
    assert journal.gaps([], {}) == []
    assert not notices(5)
