"""How long pins are kept, whoever saves, collects or falls over in between."""

from __future__ import annotations

import pytest

from mere.errors import NotFound
from mere.lake import Lake
from mere.services.portal.windows import WindowRequest
from mere.services.sharing.pin_keeping import PINS_KEPT_DAYS, forget_pins, key_of
from mere.services.sharing.pins import WindowPart
from mere.services.tables import TABLES
from mere.services.warehouse import Warehouse
from mere.testing.clock import ManualClock
from tests.meanwhile import ALL, Meanwhile
from tests.unit.services.sharing.conftest import RUNS, actor

ADA, ROOT = actor("ada"), actor("root")
DAY_S = 86_400
KEPT_S = PINS_KEPT_DAYS * DAY_S


def pinned(warehouse: Warehouse) -> str:
    days_pass(warehouse, 1)  # pins of one moment are one
    request = WindowRequest(experiments=["1"], columns=["name"])
    return warehouse.pins.make(ADA, [WindowPart(request)]).pin_id


def text(*pins: str) -> str:
    return "".join(f'```panel\n{{"kind": "table", "pin": "{one}"}}\n```\n' for one in pins)


def forget(warehouse: Warehouse, *, dry_run: bool = False) -> int:
    return forget_pins(warehouse.lake, warehouse.clock, dry_run=dry_run)


def has(warehouse: Warehouse, pin_id: str) -> bool:
    try:
        return warehouse.pins.get(ROOT, pin_id).pin_id == pin_id
    except NotFound:
        return False


def days_pass(warehouse: Warehouse, seconds: float = KEPT_S + 1) -> None:
    assert isinstance(warehouse.clock, ManualClock)
    warehouse.clock.advance(seconds)


def left(warehouse: Warehouse) -> tuple[set[str], set[str]]:
    """The ids of the objects, and those of the rows."""
    objects = {info.key.removeprefix("pins/") for info in warehouse.lake.blobs.list("pins/")}
    return objects, set(warehouse.lake.scan("report_pins")["pin_id"].to_pylist())


def test_a_pin_stays_while_any_version_of_any_report_names_it(warehouse):
    old, newest, broken, binned, loose = (pinned(warehouse) for _ in range(5))
    report = warehouse.reports.create(ADA, "Loss", text(old)).report.report_id
    warehouse.reports.save(ADA, report, "Loss", text(newest), was=1)
    warehouse.reports.create(ADA, "Broken", f'```panel\n{{"pin": "{broken}",,\n```')
    gone = warehouse.reports.create(ADA, "Gone", text(binned)).report.report_id
    warehouse.reports.delete(ADA, gone)
    assert (forget(warehouse), forget(warehouse, dry_run=True)) == (0, 0), "perhaps not saved yet"
    days_pass(warehouse)
    young = pinned(warehouse)
    kept = {old, newest, broken, binned, young}
    assert forget(warehouse, dry_run=True) == 1
    assert left(warehouse) == (kept | {loose}, kept | {loose})
    assert forget(warehouse) == 1
    assert left(warehouse) == (kept, kept)
    assert [has(warehouse, one) for one in (old, loose)] == [True, False]
    assert forget(warehouse) == 0
    days_pass(warehouse, 10 * KEPT_S)
    assert forget(warehouse) == 1
    assert left(warehouse) == (kept - {young}, kept - {young})


def test_what_a_crash_leaves_goes_with_the_next_collection(warehouse):
    without_row, without_object = pinned(warehouse), pinned(warehouse)
    warehouse.lake.delete("report_pins", [without_row])
    warehouse.lake.blobs.delete([key_of(without_object)])
    for pin_id in (without_row, without_object):
        with pytest.raises(NotFound, match="pin the panel again"):
            warehouse.pins.get(ROOT, pin_id)
    assert forget(warehouse) == 0
    days_pass(warehouse)
    assert (forget(warehouse, dry_run=True), forget(warehouse)) == (2, 2)
    assert left(warehouse) == (set(), set())


def test_a_save_that_names_an_old_pin_makes_it_young_before_it_is_stored(warehouse):
    pin_id = pinned(warehouse)
    report = warehouse.reports.create(ADA, "Loss", "").report.report_id
    days_pass(warehouse)
    # As if the process had died before the row of the version.
    warehouse.reports.save(ADA, report, "Loss", text(pin_id), was=1)
    warehouse.lake.delete("report_versions", [(report, 2)])
    assert forget(warehouse) == 0
    assert has(warehouse, pin_id)
    days_pass(warehouse)
    assert forget(warehouse) == 1


def other(warehouse: Warehouse, store: Meanwhile) -> Warehouse:
    """Another replica on the same warehouse."""
    clock = warehouse.clock
    lake = Lake.open("memory://", tables=TABLES, store=store, clock=clock)
    return Warehouse(lake, clock, "memory://")


@pytest.mark.parametrize("is_new", [True, False], ids=["create", "save"])
def test_a_save_and_a_collection_meet_and_the_pin_stays(warehouse, is_new):
    """At each request of the collection until it has looked at the pin for the last time."""
    goes_on, number = True, 0
    while goes_on:
        report = warehouse.reports.create(ADA, "Loss", "").report.report_id
        pin_id = pinned(warehouse)
        days_pass(warehouse)
        warehouse.lake.fold()  # or each round would have more to read than the last
        store = Meanwhile(warehouse.lake.store)
        replica = other(warehouse, store)

        def save(named: str = text(pin_id), report: str = report) -> object:
            if is_new:
                return warehouse.reports.create(ADA, "Loss", named)
            return warehouse.reports.save(ADA, report, "Loss", named, was=1)

        store.clear()
        store.before(save, *ALL, number=number)
        gone = forget(replica)
        looks = [n for n, seen in enumerate(store.seen) if seen == ("head", key_of(pin_id))]
        goes_on = store.has_happened and (gone == 0 or number <= looks[-1])
        assert gone == 0 or not goes_on, f"before request {number}, {store.seen[number]}"
        assert has(warehouse, pin_id) == (gone == 0)
        replica.close()
        number += 1
    assert number > len(looks) > 0, "the last save came after the last look"


def test_two_collect_at_once(warehouse):
    loose = [pinned(warehouse) for _ in range(3)]
    report = warehouse.reports.create(ADA, "Loss", text(loose.pop())).report.report_id
    days_pass(warehouse)
    store = Meanwhile(warehouse.lake.store)
    replica = other(warehouse, store)
    store.before(lambda: forget(warehouse), "delete")
    assert forget(replica) == 2
    assert store.has_happened
    objects, rows = left(warehouse)
    assert (len(objects), objects) == (1, rows)
    assert has(warehouse, warehouse.reports.get(ADA, report).body.split('"')[-2])
    replica.close()


def test_a_collection_whose_reply_was_lost_is_taken_up(warehouse):
    pins = {pinned(warehouse), pinned(warehouse)}
    days_pass(warehouse)

    def lose() -> None:
        raise ConnectionError("no reply")

    store = Meanwhile(warehouse.lake.store)
    replica = other(warehouse, store)
    store.before(lose, "put")  # the objects have gone, and the rows are to follow
    with pytest.raises(ConnectionError):
        forget(replica)
    assert left(warehouse) == (set(), pins)
    assert forget(warehouse) == 2
    assert left(warehouse) == (set(), set())
    assert warehouse.runs.get(RUNS["1"]).name == "r1"
    replica.close()
