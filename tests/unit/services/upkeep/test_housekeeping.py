"""What goes by itself after a while, and what stays."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mere.entities.actor import Actor, Role
from mere.entities.run import Run
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.server.keeper import Keeper
from mere.services.runs.changes import ChangeKind
from mere.services.tables import TABLES
from mere.services.upkeep.housekeeping import AUDIT_KEPT_DAYS, DELIVERIES_KEPT_DAYS, Forgotten
from mere.services.warehouse import Warehouse
from mere.testing.clock import ManualClock

DAY_S = 86_400


@pytest.fixture
def house() -> Iterator[Warehouse]:
    clock = ManualClock()
    lake = Lake.open("memory://", tables=TABLES, store=MemoryStore(clock), clock=clock)
    made = Warehouse(lake, clock, "memory://")
    yield made
    made.close()


def fill(house: Warehouse) -> None:
    """One of each."""
    house.access.users.create("ann", "correct horse battery", role=Role.VIEWER)
    house.access.sessions.begin(house.access.users.get("ann"), "password")
    house.access.audit(Actor.local(), "native.runs.get", "run", "ok", "")
    house.access.trail.flush()
    now = house.clock.now_us()
    rows = [
        {"delivery_id": name, "status": name, "happened_at": now}
        for name in ("delivered", "failed", "pending")
    ]
    house.lake.patch("webhook_deliveries", rows)
    if not house.runs.search().num_rows:
        house.runs.create(Run(run_id="a" * 32, experiment_id="0"))
    kind = ChangeKind.UNARCHIVE if house.lake.store.list("undo/") else ChangeKind.ARCHIVE
    assert house.run_changes.change(kind, ["a" * 32]).changed == 1


def days_pass(house: Warehouse, days: int) -> None:
    assert isinstance(house.clock, ManualClock)
    house.clock.advance(days * DAY_S)


def test_each_thing_goes_at_its_age(house: Warehouse) -> None:
    fill(house)
    keep = house.housekeeping.forget_old
    assert keep() == Forgotten()
    days_pass(house, 9)
    both = Forgotten(sessions=1, changes=1)
    assert keep(dry_run=True) == both
    assert keep() == both
    assert keep() == Forgotten()
    days_pass(house, DELIVERIES_KEPT_DAYS)
    assert keep(dry_run=True) == Forgotten(deliveries=2)
    assert keep() == Forgotten(deliveries=2)
    left = house.lake.scan("webhook_deliveries")["status"].to_pylist()
    assert left == ["pending"], "what is still to be sent stays, however old it is"
    days_pass(house, AUDIT_KEPT_DAYS)
    house.access.audit(Actor.local(), "native.runs.list", "run", "ok", "")
    house.access.trail.flush()
    assert keep(dry_run=True) == Forgotten(notes=1)
    assert keep() == Forgotten(notes=1)
    (note,) = house.access.trail.search()
    assert note["operation"] == "native.runs.list"
    assert house.lake.store.list("undo/") == []


def test_a_collection_says_what_it_forgets(house: Warehouse) -> None:
    fill(house)
    days_pass(house, DELIVERIES_KEPT_DAYS + 1)
    for dry_run in (True, False):
        report = house.retention.collect(dry_run=dry_run)
        said = [action.what for action in report.actions if action.kind == "forget"]
        assert said == ["1 session", "2 deliveries", "1 change"]
        assert (report.rows, report.objects) == (3, 1)
    assert house.retention.collect().actions == []


def test_a_server_does_so_daily(house: Warehouse) -> None:
    assert isinstance(house.clock, ManualClock)
    keeper = Keeper(house, house.clock)
    house.lake.patch("sessions", [{"session_id": "s", "expires_at": 0}])
    keeper.look()
    assert house.lake.scan("sessions").num_rows == 1
    house.clock.advance(3_700)
    keeper.look()
    assert house.lake.scan("sessions").num_rows == 0
    house.lake.patch("sessions", [{"session_id": "s", "expires_at": 0}])
    house.clock.advance(DAY_S - 3_600)
    keeper.look()
    assert house.lake.scan("sessions").num_rows == 1, "not more often"
    house.clock.advance(3_700)
    keeper.look()
    assert house.lake.scan("sessions").num_rows == 0
