"""A team that talks: a warehouse with accounts, an experiment of some of them, a model."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mere.entities.actor import Actor, ActorKind, Role, Scope
from mere.entities.comment import Subject
from mere.entities.run import Run
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.services.tables import TABLES
from mere.services.warehouse import Warehouse
from mere.testing.clock import ManualClock

RUN, SECRET = Subject("run", "a" * 32), Subject("run", "b" * 32)
MODEL = Subject("model", "digits/1")
PASSWORD = "correct horse battery"


def user(name: str) -> Actor:
    return Actor(name=name, kind=ActorKind.USER)


ROOT, ANN, BEN, CLEO, EVE = (user(name) for name in ("root", "ann", "ben", "cleo", "eve"))


@pytest.fixture
def team() -> Iterator[Warehouse]:
    """Ann edits, Ben and Cleo read, Eve reads nothing; all but Ann are kept from `SECRET`."""
    clock = ManualClock()
    lake = Lake.open("memory://", tables=TABLES, store=MemoryStore(clock), clock=clock)
    opened = Warehouse(lake, clock, "memory://")
    roles = {
        "root": Role.ADMIN,
        "ann": Role.EDITOR,
        "ben": Role.VIEWER,
        "cleo": Role.VIEWER,
        "eve": Role.NONE,
    }
    for name, role in roles.items():
        opened.access.users.create(name, PASSWORD, role=role)
    homes = [opened.experiments.create(name).experiment_id for name in ("open", "secret")]
    for name in ("ben", "cleo"):
        opened.access.grants.give("user", name, Scope.experiment(homes[1]), Role.NONE, by="root")
    group = opened.access.grants.create_group("data team")
    for name in ("ben", "eve"):
        opened.access.grants.add_member(group.group_id, name)
    for subject, home in zip((RUN, SECRET), homes, strict=True):
        opened.runs.create(
            Run(run_id=subject.id, experiment_id=home, name=f"heron-{home}", created_by="ann")
        )
    opened.models.create("digits")
    opened.models.versions.create("digits", "s3://bucket/key", created_by="ann")
    yield opened
    opened.close()


@pytest.fixture
def pause(team: Warehouse):
    """Let a second pass, so that what comes next is later."""
    return lambda: team.clock.sleep(1)
