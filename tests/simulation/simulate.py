"""Run one seed from the first process to the last check."""

from __future__ import annotations

from collections.abc import Callable

from mere.errors import Unavailable
from mere.lake.objects.store import ObjectStore
from tests.simulation.actors import Actor
from tests.simulation.checks import check_bulk, check_charts, check_roots, check_store, check_view
from tests.simulation.scheduler import Process
from tests.simulation.world import World, grown, new_world

__all__ = ["simulate"]


def simulate(
    seed: int,
    trace: Callable[[str], None] | None = None,
    store: ObjectStore | None = None,
) -> World:
    """Simulate the world of a seed; raise AssertionError (or what the engine raises) if it errs."""
    with new_world(seed, trace, store) as world:
        chance = world.chance
        roles = ["writer", "folder", chance.choice(("reader", "all"))]
        roles += chance.choices(("writer", "folder", "keeper", "reader", "all"), k=2)
        roles += ["publisher"] * chance.choice((0, 1, 2, 3))
        crash_rate = chance.choice((0.0, 0.002, 0.01))
        for number, role in enumerate(roles):
            actor = Actor(world, role, chance.randrange(3, 9), lives=chance.randrange(1, 4))
            skew_us = chance.choice((0, chance.randrange(-5_000_000, 5_000_000)))
            process = world.scheduler.spawn(f"{role[0]}{number}", actor.run, skew_us=skew_us)
            process.crash_rate = crash_rate
        world.scheduler.run()
        world.scheduler.spawn("last", lambda process: _finish(world, process))
        world.scheduler.run()
        return world


def _finish(world: World, process: Process) -> None:
    """Fold all that is there with nobody else about, and look at it from both sides."""
    with world.open(process, grown(world.tables), is_faulty=False) as lake:
        before = check_view(world, lake.view(), world.model.acked)
        check_charts(world, lake)
        if lake.view().tail:
            lake.fold()
        after = check_view(world, lake.view(), before)
        assert before == after, f"the last fold changed {sorted(before ^ after)}"
        if world.chance.random() < 0.3:
            lake.upkeep()
            assert check_view(world, lake.view(), after) == after
        check_charts(world, lake)
        if lake.roots():
            check_store(world, lake)
        check_bulk(world, lake)
        for name, (number, must) in world.tags.items():
            view = lake.view_as_of(name)
            assert view.root.number == number
            check_view(world, view, must)
        check_roots(world)
        try:
            lake.close()
        except Unavailable as error:
            raise AssertionError("nothing was open") from error
