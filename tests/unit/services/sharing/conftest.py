"""A warehouse with two experiments, and people who may do more or less in them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mere.entities.actor import Actor, ActorKind, Role, Scope
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.services.tables import TABLES
from mere.services.warehouse import Warehouse
from mere.testing.clock import ManualClock

PASSWORD = "long enough a password"
ROLES = {"root": Role.ADMIN, "ada": Role.EDITOR, "bob": Role.EDITOR, "eve": Role.VIEWER}
RUNS = {"1": "a" * 32, "2": "b" * 32}


def actor(name: str) -> Actor:
    """Somebody who signed in."""
    return Actor(name=name, kind=ActorKind.USER)


@pytest.fixture
def warehouse() -> Iterator[Warehouse]:
    """Guests read experiment 1 and nothing else."""
    clock = ManualClock()
    store = MemoryStore(clock)
    lake = Lake.open("memory://", tables=TABLES, store=store, clock=clock)
    one = Warehouse(lake, clock, "memory://")
    for name, role in {**ROLES, "guest": Role.NONE}.items():
        one.access.users.create(name, PASSWORD, role=role)
    with lake.batch() as batch:
        for number, run in RUNS.items():
            batch.patch("experiments", [{"experiment_id": number, "name": f"e{number}"}])
            row = {"run_id": run, "experiment_id": number, "name": f"r{number}"}
            batch.patch("runs", [{**row, "lifecycle": "active", "params": {"lr": "0.1"}}])
            points = [
                {"key": "loss", "step": step, "value": 1 / (1 + step), "timestamp": step}
                for step in range(5)
            ]
            batch.append("metrics", [{"run_id": run, **point} for point in points])
    one.access.grants.give("user", "guest", Scope.experiment("1"), Role.VIEWER, by="root")
    yield one
    one.close()
