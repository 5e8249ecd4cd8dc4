"""The model registry against plain dictionaries: any calls, folds in between, two processes."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from mere.entities.model import ModelVersion
from mere.errors import AlreadyExists, Conflict, InvalidInput, MereError, NotFound
from mere.lake import Lake, LakeSettings
from mere.lake.objects.memory import MemoryStore
from mere.services.registry.models import Models
from mere.services.tables import TABLES
from mere.services.warehouse import Warehouse
from mere.testing.clock import ManualClock

_CALLS = 40
_NAMES = ("iris", "größe", "x y")
_ALIASES = ("champion", "old")
_STAGES = ("None", "Staging", "Production", "Archived")
_SETTINGS = LakeSettings(keyed_file_rows=4, compact_files_min=2)


@dataclass
class Version:
    """A version as it should be; `place` tells it from another of the same number."""

    place: int
    source: str
    tags: dict[str, str]
    description: str | None = None
    stage: str = "None"
    is_active: bool = True
    has_moved: bool = False


@dataclass
class Model:
    """A name as it should be, whether in use or not: its numbers are never given again."""

    is_active: bool = False
    description: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    versions: dict[int, Version] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)

    def active(self) -> dict[int, Version]:
        return {n: v for n, v in self.versions.items() if v.is_active and not v.has_moved}


class Registry:
    """What the registry should do."""

    def __init__(self) -> None:
        self.models = {name: Model() for name in _NAMES}
        self._places = itertools.count()

    def _model(self, name: str) -> Model:
        model = self.models[name]
        if not model.is_active:
            raise KeyError(name)
        return model

    def _version(self, name: str, number: int) -> Version:
        version = self._model(name).active().get(number)
        if version is None:
            raise KeyError(number)
        return version

    def create(self, name: str, description: str | None, tags: dict[str, str]) -> None:
        model = self.models[name]
        if model.is_active:
            raise FileExistsError(name)
        model.is_active, model.description, model.tags = True, description, dict(tags)

    def describe(self, name: str, text: str | None, expected: str | None) -> None:
        model = self._model(name)
        if expected is not None and (model.description or "") != expected:
            raise BlockingIOError
        model.description = text

    def set_tags(self, name: str, tags: dict[str, str | None]) -> None:
        _merge(self._model(name).tags, tags)

    def rename(self, name: str, new: str) -> None:
        source = self._model(name)
        target = self.models[new]
        if new == name:
            return
        if target.is_active:
            raise FileExistsError(new)
        for number, version in source.versions.items():
            other = target.versions.get(number)
            if other is not None and other.place != version.place:
                raise FileExistsError(new)
        moved = {n: v for n, v in source.versions.items() if not v.has_moved}
        left = {n: Version(v.place, "", {}, has_moved=True) for n, v in source.versions.items()}
        self.models[new] = Model(
            True,
            source.description,
            source.tags,
            {**target.versions, **moved},
            source.aliases,
        )
        self.models[name] = Model(versions=left)

    def delete(self, name: str) -> None:
        model = self._model(name)
        for version in model.active().values():
            version.is_active = False
        model.is_active, model.aliases = False, {}

    def add(self, name: str, source: str, tags: dict[str, str]) -> int:
        model = self._model(name)
        number = max(model.versions, default=0) + 1
        model.versions[number] = Version(next(self._places), source, dict(tags))
        return number

    def tag_version(self, name: str, number: int, tags: dict[str, str | None]) -> None:
        _merge(self._version(name, number).tags, tags)

    def describe_version(self, name: str, number: int, text: str | None) -> None:
        self._version(name, number).description = text

    def stage(self, name: str, number: int, stage: str, *, archives: bool) -> None:
        if archives and stage not in ("Staging", "Production"):
            raise ValueError(stage)
        chosen = self._version(name, number)
        for version in self._model(name).active().values():
            if archives and version.stage == stage:
                version.stage = "Archived"
        chosen.stage = stage

    def delete_version(self, name: str, number: int) -> None:
        self._version(name, number).is_active = False
        model = self.models[name]
        model.aliases = {alias: at for alias, at in model.aliases.items() if at != number}

    def point(self, name: str, alias: str, number: int) -> None:
        self._version(name, number)
        self.models[name].aliases[alias] = number

    def unpoint(self, name: str, alias: str) -> bool:
        return self._model(name).aliases.pop(alias, None) is not None


def _merge(into: dict[str, str], tags: dict[str, str | None]) -> None:
    for key, value in tags.items():
        into.pop(key, None)
        if value is not None:
            into[key] = value


_MEANINGS: dict[type[Exception], type[MereError]] = {
    KeyError: NotFound,
    FileExistsError: AlreadyExists,
    BlockingIOError: Conflict,
    ValueError: InvalidInput,
}


class Both:
    """The service and the model of it, called alike."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        store = MemoryStore(ManualClock())
        self.clocks = [ManualClock(seed), ManualClock(seed + 1_000)]
        self.houses = []
        for clock in self.clocks:
            lake = Lake.open(
                "memory://", tables=TABLES, store=store, clock=clock, settings=_SETTINGS
            )
            self.houses.append(Warehouse(lake, clock, "memory://"))
        self.expected = Registry()

    def call(self) -> None:
        """Make one call, of both; they return the same, or refuse for the same reason."""
        chance = self.chance
        for clock in self.clocks:
            clock.advance(chance.choice((0, 1, 60)))
        models = chance.choice(self.houses).models
        name, number = chance.choice(_NAMES), chance.randrange(1, 4)
        text = chance.choice((None, "a", "b"))
        tags = {key: chance.choice(("1", "2", None)) for key in chance.sample("kl", 1)}
        given = {key: value for key, value in tags.items() if value is not None}
        source = f"s3://bucket/{chance.randrange(99)}"
        stage, alias = chance.choice(_STAGES), chance.choice(_ALIASES)
        other, expected = chance.choice(_NAMES), chance.choice((None, "a", ""))
        archives = chance.random() < 0.4
        model, versions = self.expected, models.versions
        calls: list[tuple[Any, Any]] = [
            (
                lambda: models.create(name, description=text, tags=given),
                lambda: model.create(name, text, given),
            ),
            (
                lambda: versions.create(name, source, tags=given).version,
                lambda: model.add(name, source, given),
            ),
            (
                lambda: models.describe(name, text, expected=expected),
                lambda: model.describe(name, text, expected),
            ),
            (lambda: models.set_tags(name, tags), lambda: model.set_tags(name, tags)),
            (lambda: models.rename(name, other), lambda: model.rename(name, other)),
            (lambda: models.delete(name), lambda: model.delete(name)),
            (
                lambda: versions.set_tags(name, number, tags),
                lambda: model.tag_version(name, number, tags),
            ),
            (
                lambda: versions.describe(name, number, text),
                lambda: model.describe_version(name, number, text),
            ),
            (
                lambda: versions.move_to_stage(name, number, stage, archive_others=archives),
                lambda: model.stage(name, number, stage, archives=archives),
            ),
            (
                lambda: versions.delete(name, number),
                lambda: model.delete_version(name, number),
            ),
            (
                lambda: models.aliases.set(name, alias, number),
                lambda: model.point(name, alias, number),
            ),
            (lambda: models.aliases.remove(name, alias), lambda: model.unpoint(name, alias)),
        ]
        weights = (6, 8, 2, 2, 2, 1, 2, 2, 4, 2, 4, 1)
        (index,) = chance.choices(range(len(calls)), weights)
        self._compare(index, *calls[index])

    def _compare(self, index: int, real: Any, modelled: Any) -> None:
        try:
            wanted = modelled()
        except tuple(_MEANINGS) as error:
            with pytest.raises(_MEANINGS[type(error)]):
                real()
            return
        found = real()
        if wanted is not None:
            assert found == wanted, f"call {index}"

    def upkeep(self) -> None:
        """Fold, or compact, now and then, in either process."""
        lake = self.chance.choice(self.houses).lake
        if self.chance.random() < 0.25:
            lake.fold()
        if self.chance.random() < 0.05:
            lake.upkeep()

    def check(self) -> None:
        """All that the registry shows is what the dictionaries hold, in both processes."""
        for house in self.houses:
            for name, model in self.expected.models.items():
                _check(house.models, name, model)
            found = {one.name for one in house.models.search().items}
            assert found == {name for name, one in self.expected.models.items() if one.is_active}
            pairs = {(one.name, one.version) for one in house.models.versions.search().items}
            assert pairs == {
                (name, number)
                for name, model in self.expected.models.items()
                if model.is_active
                for number in model.active()
            }


def _check(models: Models, name: str, model: Model) -> None:
    if not model.is_active:
        with pytest.raises(NotFound):
            models.get(name)
        return
    found = models.get(name)
    assert (found.description, found.tags, found.aliases) == (
        model.description,
        model.tags,
        model.aliases,
    )
    for number in model.versions:
        if number not in model.active():
            with pytest.raises(NotFound):
                models.versions.get(name, number)
            continue
        one = models.versions.get(name, number)
        wanted = model.versions[number]
        assert (one.source, one.tags, one.description, one.stage) == (
            wanted.source,
            wanted.tags,
            wanted.description,
            wanted.stage,
        )
        assert sorted(one.aliases) == sorted(a for a, at in model.aliases.items() if at == number)
    newest: dict[str, int] = {}
    for number, wanted in sorted(model.active().items()):
        newest[wanted.stage] = number
    latest: list[ModelVersion] = models.latest([name])[name]
    assert {one.stage: one.version for one in latest} == newest


@pytest.mark.parametrize("seed", range(3))
def test_the_registry_does_what_dictionaries_do(seed: int) -> None:
    both = Both(seed)
    for number in range(_CALLS):
        both.call()
        both.upkeep()
        if number % 9 == 8:
            both.check()
    both.check()
    for house in both.houses:
        house.close()
