"""SQL of people: what they may read by it is what they may read anywhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mere.entities.actor import Actor, ActorKind, Role, Scope
from mere.errors import InvalidInput, NotFound, Unauthenticated
from mere.services.access.tables import ADMIN_TABLES, PRIVATE_TABLES
from mere.services.sql.rules import CLOSED_TABLES, RULED_TABLES
from mere.services.tables import TABLES
from mere.services.warehouse import Warehouse, close_warehouses, open_warehouse


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory) -> Iterator[Warehouse]:
    """Two experiments with a run each; users who may read all, one, the models alone, nothing."""
    one = open_warehouse(str(tmp_path_factory.mktemp("lake")))
    users, grants = one.access.users, one.access.grants
    users.create("root", "long enough a password", role=Role.ADMIN, by="test")
    users.create("viewer", "long enough a password", role=Role.VIEWER, by="test")
    users.create("guest", "long enough a password", role=Role.NONE, by="test")
    users.create("kept-out", "long enough a password", role=Role.VIEWER, by="test")
    with one.lake.batch() as batch:
        for number in ("1", "2"):
            run = f"run{number}"
            batch.patch("experiments", [{"experiment_id": number, "name": f"e{number}"}])
            batch.patch("runs", [{"run_id": run, "experiment_id": number, "params": {"p": number}}])
            batch.append("metrics", [{"run_id": run, "key": "loss", "step": 1, "value": 0.5}])
            batch.patch("artifacts", [{"owner": run, "path": "a.txt", "size": 1}])
            batch.patch("registered_models", [{"name": f"model{number}"}])
            batch.patch("datasets", [{"dataset_id": f"d{number}", "name": "data"}])
    grants.give("user", "guest", Scope.experiment("1"), Role.VIEWER, by="test")
    grants.give("user", "guest", Scope.model("model2"), Role.VIEWER, by="test")
    grants.give("user", "kept-out", Scope.experiment("2"), Role.NONE, by="test")
    one.lake.fold()
    one.lake.append("metrics", [{"run_id": "run2", "key": "loss", "step": 2, "value": 0.25}])
    yield one
    one.queries.close()
    close_warehouses()


def actor(name: str) -> Actor:
    return Actor(name=name, kind=ActorKind.USER)


def ids(warehouse: Warehouse, who: Actor, query: str) -> list:
    return [
        row[0] for row in zip(*warehouse.queries.run(who, query).to_pydict().values(), strict=True)
    ]


def test_every_table_is_closed_or_has_a_rule():
    names = {table.name for table in TABLES}
    assert names == CLOSED_TABLES | PRIVATE_TABLES | RULED_TABLES
    assert not RULED_TABLES & (CLOSED_TABLES | PRIVATE_TABLES)


def test_passwords_and_sessions_are_shown_to_nobody(warehouse):
    for who in (Actor.local(), actor("root"), actor("viewer")):
        for table in PRIVATE_TABLES:
            with pytest.raises(InvalidInput, match="there is no table"):
                warehouse.queries.run(who, f"from {table}")


def test_tables_of_access_are_for_admins(warehouse):
    for table in ADMIN_TABLES:
        for who in (Actor.local(), actor("root")):
            warehouse.queries.run(who, f"from {table}")
        for who in (actor("viewer"), actor("guest"), actor("kept-out")):
            with pytest.raises(InvalidInput, match="there is no table"):
                warehouse.queries.run(who, f"from {table}")


@pytest.mark.parametrize(
    ("name", "experiments", "runs", "points", "models", "datasets"),
    [
        ("root", ["1", "2"], ["run1", "run2"], 3, ["model1", "model2"], ["d1", "d2"]),
        ("viewer", ["1", "2"], ["run1", "run2"], 3, ["model1", "model2"], ["d1", "d2"]),
        ("guest", ["1"], ["run1"], 1, ["model2"], None),
        ("kept-out", ["1"], ["run1"], 1, ["model1", "model2"], ["d1", "d2"]),
    ],
)
def test_grants_hold_for_rows(warehouse, name, experiments, runs, points, models, datasets):
    who = actor(name)
    query = "select experiment_id from experiments where experiment_id <> '0' order by all"
    assert ids(warehouse, who, query) == experiments
    assert ids(warehouse, who, "select run_id from runs order by all") == runs
    assert ids(warehouse, who, "select count(*) from metrics") == [points]
    assert ids(warehouse, who, "select owner from artifacts order by all") == runs
    assert ids(warehouse, who, "select name from registered_models order by all") == models
    if datasets is None:
        with pytest.raises(InvalidInput, match="there is no table"):
            warehouse.queries.run(who, "from datasets")
    else:
        assert ids(warehouse, who, "select dataset_id from datasets order by all") == datasets
    joined = "select r.run_id from runs r join metrics m using (run_id) group by all order by all"
    assert ids(warehouse, who, joined) == runs


def test_every_table_that_is_offered_can_be_read(warehouse):
    for name in ("guest", "kept-out"):
        for table in sorted(RULED_TABLES):
            try:
                warehouse.queries.run(actor(name), f"select count(*) from {table}")
            except InvalidInput as error:
                assert error.code == "unknown_table", (name, table, error.message)


def test_states_of_the_past_are_read_with_the_grants_of_today(warehouse):
    root = warehouse.lake.view().root.number
    count = "select count(*) from metrics"
    assert warehouse.queries.run(actor("viewer"), count, as_of=root).to_pydict() == {
        "count_star()": [2]
    }
    assert warehouse.queries.run(actor("guest"), count, as_of=root).to_pydict() == {
        "count_star()": [1]
    }
    with pytest.raises(NotFound):
        warehouse.queries.run(actor("guest"), count, as_of="no-such-tag")


def test_nobody_reads_nothing(warehouse):
    with pytest.raises(Unauthenticated):
        warehouse.queries.run(Actor.nobody(), "select 1")
