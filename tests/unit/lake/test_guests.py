"""The catalog of guest tables: one wins, the others look again, nothing reaches ours."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mere.errors import AlreadyExists, Conflict, InvalidInput, MereError, NotFound
from mere.lake.guests import Change, Guests
from mere.lake.objects.memory import MemoryStore
from mere.testing.clock import ManualClock

SCHEMA: dict[str, Any] = {
    "type": "struct",
    "schema-id": 0,
    "fields": [{"id": 1, "name": "a", "type": "long", "required": False}],
}
NS = ("sales",)
PLACE = b"s3://bucket/lake/tables/runs"


def guests_of(store: MemoryStore, clock: ManualClock) -> Guests:
    return Guests(store, "s3://bucket/lake", clock)


@pytest.fixture
def guests(store, clock) -> Guests:
    one = guests_of(store, clock)
    one.create_namespace(NS, {"owner": "ann"})
    return one


def set_to(name: str, value: str, onto: int | None = None) -> Change:
    requirements = (
        [] if onto is None else [{"type": "assert-current-schema-id", "current-schema-id": onto}]
    )
    return Change(
        NS, name, requirements, [{"action": "set-properties", "updates": {"value": value}}]
    )


def value_of(guests: Guests, name: str) -> str | None:
    import json

    return json.loads(guests.load(NS, name).metadata)["properties"].get("value")


def test_namespaces_come_and_go(guests):
    guests.create_namespace(("sales", "north"), {})
    assert guests.namespaces() == [NS]
    assert guests.namespaces(NS) == [("sales", "north")]
    with pytest.raises(AlreadyExists):
        guests.create_namespace(NS, {})
    with pytest.raises(Conflict, match="not empty"):
        guests.drop_namespace(NS)
    assert guests.set_properties(NS, ["owner", "x"], {"b": "2"}) == {"owner": "ann"}
    assert guests.properties(NS) == {"b": "2"}
    guests.drop_namespace(("sales", "north"))
    guests.drop_namespace(NS)
    with pytest.raises(NotFound):
        guests.properties(NS)


@pytest.mark.parametrize("name", ["", "a/b", "a\x1fb", "a\nb", "x" * 201])
def test_what_is_no_name_is_refused(guests, name):
    with pytest.raises(InvalidInput):
        guests.create_namespace((name,), {})
    with pytest.raises(InvalidInput):
        guests.create(NS, {"name": name, "schema": SCHEMA})


@pytest.mark.parametrize(
    "place",
    [
        "s3://bucket/lake",
        "s3://bucket/lake/guests/",
        "s3://bucket/lake/guests",
        "s3://bucket/lake/guests/roots/x",
        "s3://bucket/lake/guests/../tables/runs",
        "s3://bucket/lake/guests/a//b",
        "s3://bucket/lake/tables/runs",
        "s3://bucket/lake/journal",
        "s3://other/guests/t",
        "file:///etc/passwd",
    ],
)
def test_guests_stay_in_their_place(guests, place):
    with pytest.raises(InvalidInput, match="place"):
        guests.create(NS, {"name": "t", "schema": SCHEMA, "location": place})
    with pytest.raises((InvalidInput, NotFound)):
        guests.register(NS, "t", f"{place}/metadata/v1.metadata.json")
    guests.create(NS, {"name": "t", "schema": SCHEMA})
    with pytest.raises(InvalidInput, match="place"):
        guests.commit([Change(NS, "t", [], [{"action": "set-location", "location": place}])])


def test_a_table_s_life(guests, store):
    first = guests.create(NS, {"name": "t", "schema": SCHEMA})
    assert first.location.startswith("s3://bucket/lake/guests/sales/t-")
    with pytest.raises(AlreadyExists):
        guests.create(NS, {"name": "t", "schema": SCHEMA})
    guests.commit([set_to("t", "one")])
    assert value_of(guests, "t") == "one"
    guests.rename((NS, "t"), (NS, "u"))
    assert guests.tables(NS) == ["u"]
    guests.register(NS, "again", guests.load(NS, "u").location)
    guests.drop(NS, "u", is_purging=True)  # the other name still needs the files
    assert value_of(guests, "again") == "one"
    guests.drop(NS, "again", is_purging=True)
    assert {info.key.split("/")[1] for info in store.list("guests/")} == {"roots"}
    with pytest.raises(NotFound):
        guests.load(NS, "again")


def test_metadata_that_claims_the_place_of_our_tables_is_not_taken(guests, store):
    """Else to drop it with its files would drop ours."""
    made = guests.create(NS, {"name": "t", "schema": SCHEMA})
    forged = made.metadata.replace(made.location.rpartition("/metadata/")[0].encode(), PLACE)
    store.put("guests/forged.metadata.json", forged)
    with pytest.raises(InvalidInput, match="place"):
        guests.register(NS, "forged", "s3://bucket/lake/guests/forged.metadata.json")


def test_a_staged_table_is_made_by_its_first_commit(guests):
    staged = guests.create(NS, {"name": "t", "schema": SCHEMA, "stage-create": True})
    assert staged.location == ""
    assert guests.tables(NS) == []
    updates: list[dict[str, Any]] = [
        {"action": "assign-uuid", "uuid": "9c12d441-03fe-4693-9a96-a0705ddf69c1"},
        {"action": "upgrade-format-version", "format-version": 2},
        {"action": "add-schema", "schema": SCHEMA, "last-column-id": 1},
        {"action": "set-current-schema", "schema-id": -1},
        {"action": "add-spec", "spec": {"spec-id": 0, "fields": []}},
        {"action": "set-default-spec", "spec-id": -1},
        {"action": "add-sort-order", "sort-order": {"order-id": 0, "fields": []}},
        {"action": "set-default-sort-order", "sort-order-id": -1},
        {"action": "set-location", "location": "s3://bucket/lake/guests/sales/t"},
    ]
    made = Change(NS, "t", [{"type": "assert-create"}], updates)
    guests.commit([made])
    assert guests.tables(NS) == ["t"]
    with pytest.raises(Conflict):
        guests.commit([made])


def test_requirements_are_checked_against_what_won(guests, store, clock):
    guests.create(NS, {"name": "t", "schema": SCHEMA})
    other = guests_of(store, clock)
    other.commit(
        [
            Change(
                NS,
                "t",
                [],
                [
                    {
                        "action": "add-schema",
                        "schema": {
                            **SCHEMA,
                            "schema-id": 1,
                            "fields": [
                                *SCHEMA["fields"],
                                {"id": 2, "name": "b", "type": "string", "required": False},
                            ],
                        },
                    },
                    {"action": "set-current-schema", "schema-id": -1},
                ],
            )
        ]
    )
    with pytest.raises(Conflict):
        guests.commit([set_to("t", "late", onto=0)])
    guests.commit([set_to("t", "new", onto=1)])
    assert value_of(other, "t") == "new"


def test_a_transaction_changes_all_tables_or_none(guests):
    for name in ("t", "u"):
        guests.create(NS, {"name": name, "schema": SCHEMA})
    guests.commit([set_to("t", "1"), set_to("u", "1")])
    with pytest.raises(Conflict):
        guests.commit([set_to("t", "2"), set_to("u", "2", onto=9)])
    with pytest.raises(NotFound):
        guests.commit([set_to("t", "3"), set_to("none", "3")])
    assert (value_of(guests, "t"), value_of(guests, "u")) == ("1", "1")


@pytest.mark.parametrize(
    ("requirements", "updates"),
    [
        ([], [{"action": "no-such-action"}]),
        ([], [{"updates": {}}]),
        ([{"type": "no-such-type"}], []),
        ([], [{"action": "set-current-schema", "schema-id": 77}]),
        ([], [{"action": "set-default-spec", "spec-id": 77}]),
        ([], [{"action": "upgrade-format-version", "format-version": 1}]),
        ([], [{"action": "remove-snapshots", "snapshot-ids": [5]}]),
    ],
)
def test_what_cannot_be_applied_is_refused(guests, requirements, updates):
    guests.create(NS, {"name": "t", "schema": SCHEMA})
    with pytest.raises(InvalidInput):
        guests.commit([Change(NS, "t", requirements, updates)])


@pytest.mark.parametrize(
    "request_",
    [
        {"name": "t"},
        {"name": "t", "schema": {"type": "struct", "fields": [{"id": "x"}]}},
        {"name": 5, "schema": SCHEMA},
        {"name": "t", "schema": {**SCHEMA, "fields": SCHEMA["fields"] * 2}},
        {
            "name": "t",
            "schema": SCHEMA,
            "partition-spec": {
                "spec-id": 0,
                "fields": [
                    {"source-id": 9, "field-id": 1000, "name": "p", "transform": "identity"}
                ],
            },
        },
        {"name": "t", "schema": SCHEMA, "properties": {"format-version": "x"}},
        {"name": "t", "schema": SCHEMA, "properties": {"format-version": "9"}},
    ],
)
def test_what_is_no_table_is_refused(guests, request_):
    with pytest.raises(InvalidInput):
        guests.create(NS, request_)
    assert guests.tables(NS) == []


def test_of_writers_at_once_none_is_lost(store, clock):
    guests_of(store, clock).create_namespace(NS, {})

    def make(number: int) -> None:
        guests_of(store, clock).create(NS, {"name": f"t{number}", "schema": SCHEMA})

    threads = [threading.Thread(target=make, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert guests_of(store, clock).tables(NS) == [f"t{n}" for n in range(6)]


def test_old_roots_go(guests, store):
    for number in range(120):
        guests.set_properties(NS, [], {"n": str(number)})
    assert len(store.list("guests/roots/")) == 100
    assert guests.properties(NS)["n"] == "119"


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["create", "drop", "rename", "commit"]),
            st.sampled_from("abc"),
            st.sampled_from("abc"),
            st.integers(0, 1),
        ),
        max_size=15,
    )
)
def test_two_processes_agree_with_a_dictionary(steps):
    clock = ManualClock(3)
    store = MemoryStore(clock, name="guests")
    both = [guests_of(store, clock) for _ in range(2)]
    both[0].create_namespace(NS, {})
    model: dict[str, str | None] = {}
    for number, (step, name, other, who) in enumerate(steps):
        guests = both[who]
        try:
            if step == "create":
                guests.create(NS, {"name": name, "schema": SCHEMA})
            elif step == "drop":
                guests.drop(NS, name)
            elif step == "rename":
                guests.rename((NS, name), (NS, other))
            else:
                guests.commit([set_to(name, str(number))])
        except MereError:
            is_taken = step == "rename" and other in model and other != name
            assert (step == "create") == (name in model) or is_taken
            continue
        if step == "create":
            assert name not in model
            model[name] = None
        elif step == "drop":
            del model[name]
        elif step == "rename":
            model[other] = model.pop(name)
        else:
            model[name] = str(number)
    for guests in both:
        assert {name: value_of(guests, name) for name in guests.tables(NS)} == model
