from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mere.errors import InvalidInput, NotFound
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.services.tables import TABLES
from mere.services.warehouse import Warehouse
from mere.testing.clock import ManualClock

SHA = "sha256:" + "0123456789abcdef" * 4


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(ManualClock())


@pytest.fixture
def warehouse(store: MemoryStore) -> Iterator[Warehouse]:
    opened = open_warehouse(store, 0)
    opened.models.create("digits")
    for _ in range(3):
        opened.models.versions.create("digits", "s3://bucket/key")
    yield opened
    opened.close()


def open_warehouse(store: MemoryStore, seed: int) -> Warehouse:
    clock = ManualClock(seed)
    lake = Lake.open("memory://", tables=TABLES, store=store, clock=clock)
    return Warehouse(lake, clock, "memory://")


def test_a_new_version_ends_the_period_of_the_old_one(warehouse: Warehouse) -> None:
    place: dict[str, Any] = {"environment": "production", "application": "shop"}
    first = warehouse.deployments.deploy(
        "digits", 1, **place, application_version="1.0", image_digest=SHA, deployed_by="ann"
    )
    warehouse.clock.sleep(60)
    second = warehouse.deployments.deploy("digits", 2, **place, tags={"ticket": "7"})
    assert (second.status, second.model, second.tags) == ("live", "digits/2", {"ticket": "7"})
    ended = warehouse.deployments.get(first.deployment_id)
    assert (ended.status, ended.reason) == ("retired", "replaced by digits/2")
    assert ended.ended_at == second.started_at
    assert ended.started_at is not None
    assert ended.ended_at is not None
    assert (ended.ended_at - ended.started_at).total_seconds() == 60
    assert [one.deployment_id for one in warehouse.deployments.list()] == [second.deployment_id]
    assert len(warehouse.deployments.list(live_only=False)) == 2


def test_what_is_live_unchanged_stays(warehouse: Warehouse) -> None:
    place: dict[str, Any] = {"environment": "production", "application": "shop"}
    first = warehouse.deployments.deploy("digits", 1, **place, endpoint="https://a")
    again = warehouse.deployments.deploy("digits", 1, **place, endpoint="https://a")
    assert again == first
    changed = warehouse.deployments.deploy("digits", 1, **place, endpoint="https://b")
    assert changed.deployment_id != first.deployment_id
    assert len(warehouse.deployments.list()) == 1


def test_versions_share_the_traffic_if_told_so(warehouse: Warehouse) -> None:
    place: dict[str, Any] = {"environment": "production", "application": "shop"}
    warehouse.deployments.deploy("digits", 1, **place, traffic=0.9)
    warehouse.deployments.deploy("digits", 2, **place, traffic=0.1, keep_others=True)
    warehouse.deployments.deploy("digits", 2, **place, traffic=0.2, keep_others=True)
    live = {one.model_version: one.traffic for one in warehouse.deployments.list()}
    assert live == {1: 0.9, 2: 0.2}
    warehouse.deployments.deploy("digits", 3, **place)
    assert [one.model_version for one in warehouse.deployments.list()] == [3]


def test_other_places_and_models_are_left_alone(warehouse: Warehouse) -> None:
    warehouse.models.create("other")
    warehouse.models.versions.create("other", "s3://bucket/key")
    deploy = warehouse.deployments.deploy
    deploy("digits", 1, environment="production", application="shop")
    deploy("digits", 1, environment="staging", application="shop")
    deploy("digits", 1, environment="production", application="app\0shop")
    deploy("other", 1, environment="production", application="shop")
    deploy("digits", 2, environment="production", application="shop")
    found = {(o.environment, o.application, o.model) for o in warehouse.deployments.list()}
    assert found == {
        ("production", "shop", "digits/2"),
        ("staging", "shop", "digits/1"),
        ("production", "app\0shop", "digits/1"),
        ("production", "shop", "other/1"),
    }
    assert len(warehouse.deployments.list(environment="staging")) == 1
    assert len(warehouse.deployments.list(model="digits", live_only=False)) == 4
    assert len(warehouse.deployments.list(model="digits", version=2)) == 1


def test_retired_once_and_for_all(warehouse: Warehouse) -> None:
    made = warehouse.deployments.deploy("digits", 1, environment="production", application="shop")
    over = warehouse.deployments.retire(made.deployment_id, retired_by="bob", reason="too slow")
    assert (over.status, over.retired_by, over.reason) == ("retired", "bob", "too slow")
    warehouse.clock.sleep(5)
    assert warehouse.deployments.retire(made.deployment_id, reason="other") == over
    with pytest.raises(NotFound):
        warehouse.deployments.retire("0" * 32)
    with pytest.raises(NotFound):
        warehouse.deployments.deploy("digits", 4, environment="p", application="a")


def test_what_is_live_is_not_deleted(warehouse: Warehouse) -> None:
    made = warehouse.deployments.deploy("digits", 1, environment="production", application="shop")
    renamed = warehouse.models.rename("digits", "numbers").name
    with pytest.raises(InvalidInput, match="shop in production"):
        warehouse.models.versions.delete(renamed, 1)
    with pytest.raises(InvalidInput, match="retire it first"):
        warehouse.models.delete(renamed)
    assert len(warehouse.deployments.list(model="numbers")) == 1
    # The model's old name does not make it another one.
    warehouse.deployments.deploy(renamed, 2, environment="production", application="shop")
    assert [one.model for one in warehouse.deployments.list()] == ["numbers/2"]
    assert warehouse.deployments.get(made.deployment_id).status == "retired"
    warehouse.models.versions.delete(renamed, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"environment": ""},
        {"application": " "},
        {"image_digest": "shop:latest"},
        {"image_digest": "sha256:short"},
        {"traffic": 1.5},
        {"traffic": float("nan")},
        {"traffic": "all"},
        {"endpoint": ""},
        {"application_version": "x" * 3_000},
    ],
)
def test_parts_that_cannot_be_one_are_refused(
    warehouse: Warehouse, wrong: dict[str, object]
) -> None:
    right = {"environment": "production", "application": "shop"}
    with pytest.raises(InvalidInput):
        warehouse.deployments.deploy("digits", 1, **{**right, **wrong})  # type: ignore[arg-type]
    assert warehouse.deployments.list(live_only=False) == []


def test_of_many_at_once_one_is_left_live(store: MemoryStore, warehouse: Warehouse) -> None:
    others = [open_warehouse(store, seed) for seed in (1, 2, 3)]

    def deploy(numbered: tuple[int, Warehouse]) -> None:
        number, opened = numbered
        for endpoint in ("https://a", "https://b"):
            opened.deployments.deploy(
                "digits", number, environment="production", application="shop", endpoint=endpoint
            )

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(deploy, enumerate(others, 1)))
    for opened in others:
        opened.close()
    assert len(warehouse.deployments.list()) == 1
    periods = warehouse.deployments.list(live_only=False)
    assert len(periods) == 6
    assert sum(one.ended_at is None for one in periods) == 1


def test_a_deployment_whose_maker_crashed_is_written_by_the_next(
    store: MemoryStore, warehouse: Warehouse
) -> None:
    first = warehouse.deployments.deploy("digits", 1, environment="production", application="shop")
    claims = [info.key for info in store.list("claims/deployment/")]
    assert len(claims) == 1
    row = warehouse.lake.get("deployments", first.deployment_id)
    assert row is not None
    crashed = {
        "deployment_id": "1" * 32,
        "environment": "production",
        "application": "shop",
        "model_name": "digits",
        "model_version": 2,
        "status": "live",
        "place": 2,
    }
    ended = {"deployment_id": first.deployment_id, "status": "retired", "place": 2}
    import hashlib

    place = hashlib.sha256(b"production\0shop").hexdigest()
    patches = {"patches": {"deployments": [crashed, ended]}}
    warehouse.lake.claim("deployment", f"{place}/2", patches)
    third = warehouse.deployments.deploy("digits", 3, environment="production", application="shop")
    statuses = {o.deployment_id: o.status for o in warehouse.deployments.list(live_only=False)}
    assert statuses == {
        first.deployment_id: "retired",
        "1" * 32: "retired",
        third.deployment_id: "live",
    }
