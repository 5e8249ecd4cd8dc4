from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from mere.errors import AlreadyExists, InvalidInput, NotFound
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.services.runs.experiments import Experiments
from mere.services.tables import TABLES
from mere.testing.clock import ManualClock

_lakes: list[Lake] = []


@pytest.fixture
def store() -> Iterator[MemoryStore]:
    yield MemoryStore(ManualClock())
    while _lakes:
        _lakes.pop().close()


def opened(store: MemoryStore, seed: int = 0) -> tuple[Lake, Experiments]:
    clock = ManualClock(seed)
    lake = Lake.open("memory://", tables=TABLES, store=store, clock=clock)
    _lakes.append(lake)
    return lake, Experiments(lake, clock)


def test_created_then_found(store: MemoryStore) -> None:
    _, experiments = opened(store)
    made = experiments.create("digits", tags={"team": "a"}, created_by="ann")
    assert made.experiment_id.isdigit()
    assert int(made.experiment_id) < 2**63
    found = experiments.find("digits")
    assert (found.experiment_id, found.tags, found.created_by) == (
        made.experiment_id,
        {"team": "a"},
        "ann",
    )
    assert experiments.get(made.experiment_id) == found


def test_the_default_experiment_is_0(store: MemoryStore) -> None:
    _, experiments = opened(store)
    assert experiments.get_or_create("Default").experiment_id == "0"


def test_a_name_is_taken_once(store: MemoryStore) -> None:
    _, first = opened(store)
    _, second = opened(store, seed=1)
    made = first.create("digits")
    with pytest.raises(AlreadyExists, match="digits"):
        second.create("digits")
    assert second.get_or_create("digits").experiment_id == made.experiment_id
    assert first.list().num_rows == 1


def test_a_crash_between_claim_and_row_is_healed(store: MemoryStore) -> None:
    lake, experiments = opened(store)
    lake.claim("experiment", "digits", {"experiment_id": "77", "name": "digits"})
    with pytest.raises(NotFound):
        experiments.find("digits")
    assert experiments.get_or_create("digits").experiment_id == "77"
    assert experiments.find("digits").experiment_id == "77"


def test_healing_undoes_nothing(store: MemoryStore) -> None:
    lake, experiments = opened(store)
    made = experiments.create("digits", tags={"a": "claimed"})
    lake.patch("experiments", [{"experiment_id": made.experiment_id, "tags": {"a": "later"}}])
    before = lake.get("experiments", made.experiment_id)
    opened(store, seed=1)[1].get_or_create("digits")
    assert lake.get("experiments", made.experiment_id) == before
    assert experiments.find("digits").tags == {"a": "later"}


def test_many_at_once_get_the_same(store: MemoryStore) -> None:
    services = [opened(store, seed)[1] for seed in range(8)]
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda s: s.get_or_create("race").experiment_id, services))
    assert len(ids) == 1


def test_names_are_checked(store: MemoryStore) -> None:
    _, experiments = opened(store)
    with pytest.raises(InvalidInput):
        experiments.get_or_create(" ")
    with pytest.raises(NotFound, match="mere experiments"):
        experiments.get("12")
