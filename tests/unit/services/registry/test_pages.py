"""What the pages of models and deployments are made of: windows, histories, comparisons."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from mere.entities.model import GatePart
from mere.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.services.registry.catalogue import ModelsWanted
from mere.services.registry.catalogue import find as find_models
from mere.services.registry.comparison import compare
from mere.services.registry.deployment_windows import (
    DeploymentsWanted,
    find_deployments,
    find_matrix,
    find_uses,
)
from mere.services.registry.history import HistoryWanted, find_history
from mere.services.registry.version_windows import ModelVersionsWanted, find_versions_of
from mere.services.tables import TABLES
from mere.services.warehouse import Warehouse
from mere.testing.clock import ManualClock

RUNS = {
    "a" * 32: {"acc": 0.8, "loss": 0.5},
    "b" * 32: {"acc": 0.9, "loss": float("nan"), "system/cpu": 7.0},
}


@pytest.fixture
def warehouse() -> Iterator[Warehouse]:
    """Two versions of ``digits`` by two runs of experiment 7, and two models beside it."""
    clock = ManualClock()
    lake = Lake.open("memory://", tables=TABLES, store=MemoryStore(clock), clock=clock)
    opened = Warehouse(lake, clock, "memory://")
    for at, (run, metrics) in enumerate(RUNS.items()):
        row: dict[str, Any] = {"run_id": run, "experiment_id": "7", "name": f"run-{at}"}
        summary = {key: _tally(value, clock.now_us()) for key, value in metrics.items()}
        more = {"params": {"lr": str(at), "seed": "1"}, "metric_summary": summary}
        lake.patch("runs", [{**row, **more, "started_at": clock.now_us()}])
    models = opened.models
    models.create("digits", description="Reads digits.", tags={"team": "Vision"}, created_by="ann")
    for run in RUNS:
        clock.sleep(1)
        models.versions.create("digits", "s3://bucket/key", run_id=run, created_by="bob")
    models.create("Churn", created_by="eve")
    models.create("prompt", tags={"mlflow.prompt.is_prompt": "true"})
    models.create("empty")
    models.versions.create("Churn", "s3://bucket/key")
    yield opened
    opened.close()


def _tally(value: float, now_us: int) -> dict[str, Any]:
    point = {"step": 0, "timestamp": now_us, "value": value}
    return {**point, "min": value, "max": value, "count": 1}


def names(warehouse: Warehouse, readable: set[str] | None = None, **wanted: Any) -> list[str]:
    found = find_models(warehouse.lake, ModelsWanted(**wanted), readable)
    return [one.name for one in found.models]


def test_models_are_found_sorted_and_counted(warehouse: Warehouse) -> None:
    assert names(warehouse) == ["Churn", "digits", "empty"]
    assert names(warehouse, is_descending=True) == ["empty", "digits", "Churn"]
    assert names(warehouse, order="versions", is_descending=True) == ["digits", "Churn", "empty"]
    assert names(warehouse, search="vision ANN") == ["digits"]
    assert names(warehouse, {"Churn", "empty"}, search="") == ["Churn", "empty"]
    window = find_models(warehouse.lake, ModelsWanted(limit=1, offset=1), None)
    assert ([one.name for one in window.models], window.total, window.all) == (["digits"], 3, 3)
    beyond = find_models(warehouse.lake, ModelsWanted(offset=9), None)
    assert (beyond.models, beyond.total) == ([], 3)


def test_a_model_tells_of_its_newest_version_and_where_it_is_live(warehouse: Warehouse) -> None:
    models = warehouse.models
    models.aliases.set("digits", "champion", 1)
    models.reviews.add("digits", 1, "requested")
    models.reviews.add("digits", 2, "rejected")
    warehouse.deployments.deploy("digits", 1, environment="production", application="shop")
    found = find_models(warehouse.lake, ModelsWanted(search="@no"), None)
    assert (found.models, found.total, found.environments) == ([], 0, ["production"])
    one = find_models(warehouse.lake, ModelsWanted(search="champion"), None).models[0]
    assert (one.versions, one.latest, one.latest_review, one.waiting) == (2, 2, "rejected", 1)
    assert (one.aliases, one.live, one.environments) == ({"champion": 1}, 1, ["production"])
    assert (one.tags, one.created_by, one.latest_by) == ({"team": "Vision"}, "ann", "bob")
    assert names(warehouse, review="rejected") == ["digits"]
    assert names(warehouse, review="waiting") == ["digits"]
    assert names(warehouse, live="*") == names(warehouse, live="production") == ["digits"]
    assert names(warehouse, live="-") == ["Churn", "empty"]


def test_what_cannot_be_a_window_is_refused(warehouse: Warehouse) -> None:
    for wanted in ({"order": "size"}, {"limit": 0}, {"limit": 10_000}, {"offset": -1}):
        with pytest.raises(InvalidInput):
            find_models(warehouse.lake, ModelsWanted(**wanted), None)


def test_versions_come_with_the_metrics_of_their_runs(warehouse: Warehouse) -> None:
    found = find_versions_of(warehouse.lake, "digits", ModelVersionsWanted(), None)
    assert [one.version.version for one in found.versions] == [2, 1]
    assert (found.total, found.all, found.shown) == (2, 2, ["acc", "loss"])
    assert found.keys == ["acc", "loss", "system/cpu"]
    newest = found.versions[0]
    assert (newest.metrics, newest.run_name) == ({"acc": 0.9, "loss": "nan"}, "run-1")
    by = ModelVersionsWanted(order="metric:loss", metric=["system/cpu"], search="run-1 bob")
    told = find_versions_of(warehouse.lake, "digits", by, None)
    assert [one.metrics for one in told.versions] == [{"system/cpu": 7.0}]
    ascending = ModelVersionsWanted(order="metric:acc", is_descending=False)
    told = find_versions_of(warehouse.lake, "digits", ascending, None, ["loss"])
    assert [one.version.version for one in told.versions] == [1, 2]
    assert told.shown == ["loss", "acc"]
    with pytest.raises(InvalidInput):
        find_versions_of(warehouse.lake, "digits", ModelVersionsWanted(order="x"), None)
    with pytest.raises(NotFound):
        find_versions_of(warehouse.lake, "nobody", ModelVersionsWanted(), None)


def test_runs_that_may_not_be_read_tell_nothing(warehouse: Warehouse) -> None:
    found = find_versions_of(warehouse.lake, "digits", ModelVersionsWanted(), {"8"})
    assert [(one.metrics, one.run_name) for one in found.versions] == [({}, None)] * 2
    assert found.keys == []
    told = compare(warehouse.lake, "digits", 2, "1", {"8"})
    assert (told.mine.metrics, told.mine.run_id, told.params) == ({}, None, [])


def test_a_version_is_compared_with_an_alias_or_another(warehouse: Warehouse) -> None:
    warehouse.models.aliases.set("digits", "champion", 1)
    told = compare(warehouse.lake, "digits", 2, "champion", None)
    assert told.other is not None
    assert (told.mine.metrics["acc"], told.other.metrics["acc"]) == (0.9, 0.8)
    assert (told.other.aliases, told.mine.experiment_id) == (["champion"], "7")
    assert [(one.key, one.mine, one.other) for one in told.params] == [("lr", "1", "0")]
    assert (told.params_total, told.same_params) == (1, 1)
    assert compare(warehouse.lake, "digits", 1, "champion", None).other is None
    for base in ("nobody", "9"):
        with pytest.raises(NotFound):
            compare(warehouse.lake, "digits", 2, base, None)


def test_moves_of_aliases_are_remembered(warehouse: Warehouse) -> None:
    aliases = warehouse.models.aliases
    aliases.set("digits", "champion", 1, moved_by="ann")
    aliases.set("digits", "champion", 1, moved_by="ann")  # changes nothing
    warehouse.clock.sleep(1)
    aliases.set("digits", "champion", 2, moved_by="bob")
    warehouse.clock.sleep(1)
    aliases.remove("digits", "champion", moved_by="eve")
    warehouse.models.rename("digits", "numbers")
    found = find_history(warehouse.lake, "numbers", HistoryWanted(kind=["alias", "alias removed"]))
    told = [(one.kind, one.version, one.from_version, one.who) for one in found.events]
    assert told == [
        ("alias removed", 2, 2, "eve"),
        ("alias", 2, 1, "bob"),
        ("alias", 1, None, "ann"),
    ]
    of_one = find_history(warehouse.lake, "numbers", HistoryWanted(version=1, kind=["alias"]))
    assert [one.version for one in of_one.events] == [2, 1]


def test_an_alias_goes_with_its_version_or_model(warehouse: Warehouse) -> None:
    aliases = warehouse.models.aliases
    aliases.set("digits", "old", 1)
    aliases.set("digits", "new", 2)
    warehouse.models.versions.delete("digits", 1)
    warehouse.models.delete("digits")
    rows = warehouse.lake.sql(
        "select alias, from_version from model_alias_moves where version is null order by alias"
    )
    assert rows.to_pylist() == [
        {"alias": "new", "from_version": 2},
        {"alias": "old", "from_version": 1},
    ]


def test_a_history_tells_what_happened_the_newest_first(warehouse: Warehouse) -> None:
    place: dict[str, Any] = {"environment": "production", "application": "shop"}
    steps = (
        lambda: warehouse.models.gates.set("digits", "good", "metrics.acc > 0", created_by="ann"),
        lambda: warehouse.models.reviews.add("digits", 1, "approved", comment="Fine.", by="eve"),
        lambda: warehouse.deployments.deploy("digits", 1, **place, deployed_by="ci"),
        lambda: warehouse.models.versions.delete("digits", 2),
    )
    for step in steps:
        warehouse.clock.sleep(1)
        step()
    found = find_history(warehouse.lake, "digits", HistoryWanted(limit=3))
    assert [one.kind for one in found.events] == ["deleted", "deployed", "approved"]
    assert found.has_more
    assert (found.events[1].what, found.events[2].words) == ("production / shop", "Fine.")
    rest = find_history(warehouse.lake, "digits", HistoryWanted(offset=3))
    assert [one.kind for one in rest.events] == ["gate", "version", "version", "model"]
    assert not rest.has_more


def test_gates_say_what_they_found(warehouse: Warehouse) -> None:
    gates = warehouse.models.gates
    warehouse.models.aliases.set("digits", "champion", 1)
    gates.set("digits", "good", "metrics.acc > 0.85 and (delta.acc >= 0 or not tags.a = '1')")
    result = gates.check("digits", 2, "champion")[0]
    assert result.holds
    assert result.parts == [
        GatePart(text="metrics.acc > 0.85", value="0.9", holds=True),
        GatePart(text="delta.acc >= 0", value=result.parts[1].value, holds=True),
        GatePart(text="tags.a = '1'", value=None, holds=False),
    ]
    assert float(result.parts[1].value or 0) == pytest.approx(0.1)
    tried = gates.test("digits", 1, "metrics.acc > 0.85 and review = 'approved'", "champion")
    assert (tried.holds, [one.holds for one in tried.parts]) == (False, [False, False])
    assert gates.metrics("digits") == ["acc"]
    gates.set("digits", "never", "version > 9")
    with pytest.raises(PermissionDenied):
        warehouse.models.aliases.set("digits", "champion", 2)
    with pytest.raises(InvalidInput):
        gates.test("digits", 1, "metrics.acc >")


def test_nobody_writes_over_a_description_that_they_have_not_seen(warehouse: Warehouse) -> None:
    models = warehouse.models
    assert models.describe("digits", "New.", expected="Reads digits.").description == "New."
    with pytest.raises(Conflict):
        models.describe("digits", "Mine.", expected="Reads digits.")
    assert models.versions.describe("digits", 1, "First.", expected="").description == "First."
    with pytest.raises(Conflict):
        models.versions.describe("digits", 1, "Mine.", expected="")


@pytest.fixture
def deployed(warehouse: Warehouse) -> Warehouse:
    """Version 1 in production, rejected; version 2 in staging; Churn in production."""
    warehouse.models.aliases.set("digits", "champion", 2)
    for name, version, environment, application in (
        ("digits", 1, "production", "Shop"),
        ("digits", 2, "staging", "Shop"),
        ("Churn", 1, "production", "crm"),
    ):
        warehouse.clock.sleep(60)
        warehouse.deployments.deploy(
            name, version, environment=environment, application=application, deployed_by="ci"
        )
    warehouse.models.reviews.add("digits", 1, "rejected")
    return warehouse


def test_deployments_say_what_is_of_concern(deployed: Warehouse) -> None:
    found = find_deployments(deployed.lake, DeploymentsWanted(), None)
    told = [(one.deployment.model, one.concerns) for one in found.deployments]
    assert told == [
        ("Churn/1", []),
        ("digits/2", []),
        ("digits/1", ["rejected", "not champion", "old"]),
    ]
    assert (found.total, found.all) == (3, 3)
    assert [(one.name, one.live, one.concerns) for one in found.environments] == [
        ("production", 2, 1),
        ("staging", 1, 0),
    ]
    assert found.concerns == {"rejected": 1, "not champion": 1, "old": 1}
    for concern in ("any", "rejected", "not champion", "old"):
        narrowed = find_deployments(deployed.lake, DeploymentsWanted(concern=concern), None)
        assert [one.model for one in narrowed.deployments] == ["digits"]
    seen = find_deployments(deployed.lake, DeploymentsWanted(), {"Churn"})
    assert ([one.model for one in seen.deployments], seen.all) == (["Churn"], 1)
    for wrong in (
        DeploymentsWanted(concern="x"),
        DeploymentsWanted(state="x"),
        DeploymentsWanted(order="x"),
    ):
        with pytest.raises(InvalidInput):
            find_deployments(deployed.lake, wrong, None)


def test_deployments_are_narrowed_also_to_a_day(deployed: Warehouse) -> None:
    live = deployed.deployments.list(application="crm")[0]
    deployed.clock.sleep(60)
    deployed.deployments.retire(live.deployment_id, reason="over")
    deployed.models.rename("digits", "numbers")

    def found(**wanted: Any) -> list[str]:
        rows = find_deployments(deployed.lake, DeploymentsWanted(**wanted), None).deployments
        return [f"{one.model}/{one.deployment.model_version}" for one in rows]

    assert found() == ["numbers/2", "numbers/1"]
    assert found(state="retired") == ["Churn/1"]
    assert found(model="numbers", version=1) == ["numbers/1"]
    assert found(environment="staging", application="Shop") == ["numbers/2"]
    assert found(search="shop numbers/2 CI") == ["numbers/2"]
    assert live.started_at is not None
    assert found(day=live.started_at) == ["Churn/1", "numbers/2", "numbers/1"]
    assert found(day=live.started_at - timedelta(seconds=1)) == ["numbers/2", "numbers/1"]


def test_a_matrix_shows_a_stretch_of_the_applications(deployed: Warehouse) -> None:
    found = find_matrix(deployed.lake, DeploymentsWanted(limit=1), None)
    assert (found.environments, found.total) == (["production", "staging"], 2)
    assert [one.name for one in found.applications] == ["crm"]
    rest = find_matrix(deployed.lake, DeploymentsWanted(offset=1), None).applications
    assert [one.name for one in rest] == ["Shop"]
    assert {
        key: [one.deployment.model for one in rows] for key, rows in rest[0].places.items()
    } == {
        "production": ["digits/1"],
        "staging": ["digits/2"],
    }
    assert find_matrix(deployed.lake, DeploymentsWanted(search="nothing"), None).total == 0


def test_live_applications_are_found_by_a_dataset(deployed: Warehouse) -> None:
    lake, run = deployed.lake, "a" * 32
    row = {"dataset_id": "d1", "name": "scans", "version": 3}
    lake.patch("datasets", [row])
    deployed.lineage.record(run, "read", "dataset:d1", context="training")
    uses = find_uses(lake, "scans", None, None, None).uses
    assert [(one.environment, one.version, one.dataset_version) for one in uses] == [
        ("production", 1, 3)
    ]
    assert uses[0].trained_at is not None
    assert find_uses(lake, "scans", uses[0].trained_at, None, None).uses == []
    later = uses[0].trained_at + timedelta(seconds=1)
    assert len(find_uses(lake, "scans", later, None, None).uses) == 1
    assert find_uses(lake, "scans", None, {"Churn"}, None).uses == []
    assert find_uses(lake, "scans", None, None, {"8"}).uses == []
    assert find_uses(lake, "other", None, None, None).uses == []
