"""What simulated processes do: write, read and check, look at charts, fold, keep up, tag, claim."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import pyarrow as pa

from mere.clock import HybridClock
from mere.errors import AlreadyExists, Conflict, ErrorCode, InvalidInput, NotFound, Unavailable
from mere.lake import Lake
from mere.lake.view import View
from mere.testing.faults import FaultRates
from tests.simulation.checks import check_bulk, check_charts, check_view, tokens_in
from tests.simulation.model import SimulatedBatch
from tests.simulation.scheduler import Crash, Process
from tests.simulation.series import new_points
from tests.simulation.world import World, grown

__all__ = ["Actor"]

_ROLES = {
    "writer": {"write": 8, "read": 1, "claim": 1},
    "folder": {"fold": 6, "read": 1, "look": 1, "tag": 1},
    "keeper": {"fold": 2, "upkeep": 4, "read": 1, "look": 1},
    "reader": {"read": 5, "look": 4, "as_of": 1, "get": 1},
    "publisher": {"publish": 6, "read_bulk": 3, "fold": 1, "upkeep": 1, "write": 1},
    "all": {
        "write": 5,
        "fold": 2,
        "read": 2,
        "upkeep": 1,
        "look": 2,
        "tag": 1,
        "claim": 1,
        "as_of": 1,
    },
}
_POINT = ("run", "key", "step", "at", "value")
_LATE_S_MAX = 20
_OUTAGE = FaultRates(fail_before=0.5, lost_reply=0.8)


class Actor:
    """One process with a role; killed now and then, and perhaps started again.

    Args:
        world: Where it lives.
        role: What it likes to do.
        actions: How many things it does before it ends.
        lives: How often it may be started.
    """

    def __init__(self, world: World, role: str, actions: int, lives: int) -> None:
        self._world = world
        self._chance = world.chance
        self._weights = _ROLES[role]
        self._actions = actions
        self._lives = lives
        self._seen: frozenset[str] = frozenset()
        self._count = 0
        self._is_new = False
        self._batch: SimulatedBatch | None = None

    def run(self, process: Process) -> None:
        """Live until all is done or the last life is lost."""
        for _ in range(self._lives):
            try:
                self._live(process)
                return
            except Crash:
                process.is_dead = False
                process.clock.sleep(self._chance.random() * 5)

    def _live(self, process: Process) -> None:
        process.say("START")
        self._process = process
        self._seen = frozenset()
        self._batch = None
        self._is_new = self._is_new or self._chance.random() < 0.2
        tables = grown(self._world.tables) if self._is_new else self._world.tables
        with self._opened(tables) as lake:
            while self._actions > 0:
                self._actions -= 1
                self._think(process)
                names, weights = zip(*self._weights.items(), strict=True)
                (name,) = self._chance.choices(names, weights)
                process.say(name)
                try:
                    getattr(self, f"_{name}")(lake)
                except Unavailable as error:
                    process.say(f"  {error}")
                except InvalidInput as error:
                    if error.code is not ErrorCode.UNSUPPORTED_FORMAT or self._is_new:
                        raise
                if not lake._writer.is_settled:
                    self._settle(lake)
            process.say("END")

    def _opened(self, tables: Any) -> Lake:
        for _ in range(20):
            try:
                return self._world.open(self._process, tables)
            except Unavailable:
                continue
        raise AssertionError("the store never answered")

    def _think(self, process: Process) -> None:
        """Wait a little, or very long, so that stamps expire and writers are forgotten."""
        seconds = self._chance.choice((0.0, 0.1, 2.0)) * self._chance.random()
        if self._chance.random() < 0.05:
            seconds = self._chance.random() * 500
        process.clock.sleep(seconds)

    def _settle(self, lake: Lake) -> None:
        """Send what is open before it is too late to find its place; else die."""
        for _ in range(3):
            self._process.clock.sleep(self._chance.random() * _LATE_S_MAX / 10)
            try:
                lake.settle()
            except Unavailable:
                continue
            assert self._batch is not None
            self._batch.state = "acked"
            self._process.say(f"  settled {self._batch.id}")
            return
        self._process.is_dead = True
        raise Crash

    def _write(self, lake: Lake) -> None:
        """Write a batch, at times while the store fails again and again."""
        faulty = self._process.faulty
        assert faulty is not None
        usual = faulty.rates
        if usual != FaultRates() and self._chance.random() < 0.15:
            faulty.rates = _OUTAGE
        try:
            self._write_batch(lake)
        finally:
            faulty.rates = usual

    def _write_batch(self, lake: Lake) -> None:
        self._count += 1
        model = self._world.model
        name = f"{self._process.name}-{self._count}"
        batch = SimulatedBatch(name, self._chance.randrange(1, 4))
        self._batch = model.batches[name] = batch
        try:
            with lake.batch() as b:
                b.append(
                    "events",
                    [{"batch": name, "n": n, "value": n / 2} for n in range(batch.events)],
                )
                if self._chance.random() < 0.5:
                    batch.points = new_points(self._chance)
                    b.append("points", [dict(zip(_POINT, p, strict=True)) for p in batch.points])
                for number in range(self._chance.choice((0, 1, 1, 2, 4))):
                    table = self._chance.choice(self._world.keyed).name
                    self._change(b, table, f"{name}.{number}")
        except Unavailable as error:
            if not error.details.get("kept"):
                batch.state = "refused"
            raise
        batch.state = "acked"
        self._process.say(f"  acked {name}")

    def _change(self, batch: Any, table: str, value: str) -> None:
        """Add one patch or tombstone, of values that occur nowhere else."""
        chance = self._chance
        key: Any = f"t{chance.randrange(8)}"
        if table == "runs":
            key = (chance.choice("abc"), chance.randrange(4))
        if chance.random() < (0.12 if table == "runs" else 0.2):
            batch.delete(table, [key])
            return
        row: dict[str, Any] = {"id": key}
        if table == "runs":
            row = {"owner": key[0], "number": key[1]}
        if chance.random() < 0.5:
            row["name" if table == "things" else "status"] = chance.choice((value, None))
        if self._is_new and chance.random() < 0.5:
            row["extra"] = value
        if table == "things":
            entries = chance.sample("xyz", chance.randrange(3))
            row["tags"] = {entry: chance.choice((value, value, None)) for entry in entries}
        else:
            entries = chance.sample(("loss", "acc"), chance.randrange(3))
            row["summary"] = {entry: self._contribution() for entry in entries}
        at = None
        if chance.random() < 0.1:
            ms = self._process.clock.now_us() // 1000 - chance.randrange(_LATE_S_MAX * 1000)
            at = HybridClock.from_ms(ms)
        batch.patch(table, [row], at=at)

    def _contribution(self) -> dict[str, Any]:
        value = self._chance.choice((math.nan, math.inf, 0.5, 1.5, -2.0))
        step = self._chance.randrange(5)
        return {
            "step": step,
            "timestamp": 1_000 * self._chance.randrange(3),
            "value": value,
            "min": value,
            "max": value,
            "count": 1,
        }

    def _read(self, lake: Lake) -> None:
        must = self._world.model.acked | self._seen
        use_sql = self._world.seed % 16 == 0 and self._chance.random() < 0.3

        def check(view: View) -> frozenset[str]:
            engine = lake._sql() if use_sql else None
            sql = (lambda name: engine.query(view, f"select * from {name}")) if engine else None
            return check_view(self._world, view, must, sql)

        self._seen = lake._answer(None, check)
        self._process.say(f"  saw {len(self._seen)} batches")

    def _look(self, lake: Lake) -> None:
        for kind in check_charts(self._world, lake):
            self._process.say(f"  looked and got {kind}")

    def _get(self, lake: Lake) -> None:
        """Read one row, and what a filter on its key gives: both from one view, as in a scan."""
        table = self._chance.choice(self._world.keyed)
        key: Any = (f"t{self._chance.randrange(8)}",)
        if table.name == "runs":
            key = (self._chance.choice("abc"), self._chance.randrange(4))
        where = dict(zip(table.key, key, strict=True))

        def check(view: View) -> None:
            one = view.table(table.name)
            row = one.get(key)
            found = one.scan(where)
            assert found.num_rows == (row is not None), f"get and scan differ for {key}"
            if row is not None:
                assert found.column("updated_at").cast("int64")[0].as_py() == row["updated_at"]

        lake._answer(None, check)

    def _fold(self, lake: Lake) -> None:
        report = lake.fold()
        self._process.say(f"  folded {report.segments} into root {report.root}")

    def _upkeep(self, lake: Lake) -> None:
        report = lake.upkeep()
        for action in report.actions:
            self._process.say(f"  {action.kind} {action.table} {action.objects}")

    def _tag(self, lake: Lake) -> None:
        name = f"tag{self._chance.randrange(6)}"
        acked = frozenset(self._world.model.acked)
        try:
            number = lake.tag(name)
        except AlreadyExists:
            return
        known = self._world.tags.setdefault(name, (number, acked))
        assert known[0] == number, f"tag {name} was given twice"

    def _as_of(self, lake: Lake) -> None:
        for name, (number, must) in self._world.tags.items():
            view = lake.view_as_of(name)
            assert view.root.number == number
            check_view(self._world, view, must)
            break
        roots = lake.roots()
        if roots:
            root = self._chance.choice(roots)
            try:
                view = lake.view_as_of(self._chance.choice((root.number, root.at)))
            except NotFound:  # expired meanwhile
                return
            check_view(self._world, view, ())

    def _publish(self, lake: Lake) -> None:
        """Append a row to the bulk table, in one snapshot."""
        self._count += 1
        token = f"{self._process.name}-{self._count}"
        self._world.tokens[token] = False
        try:
            snapshot = lake.write_table("bulk", pa.table({"token": [token]}), mode="append")
        except Conflict as error:  # the machine slept meanwhile
            self._process.say(f"  {error}")
            return
        self._world.tokens[token] = True
        self._process.say(f"  published {token} as root {snapshot.root}")
        rows = tokens_in(lake, snapshot.snapshot_id)
        assert rows[-1] == token, f"the snapshot of {token} ends with {rows[-1]}"
        self._world.snapshots[snapshot.snapshot_id] = rows
        if self._chance.random() < 0.3:
            with contextlib.suppress(Conflict):
                lake.keep_snapshot("bulk", snapshot.snapshot_id, token)

    def _read_bulk(self, lake: Lake) -> None:
        check_bulk(self._world, lake)

    def _claim(self, lake: Lake) -> None:
        name = f"name{self._chance.randrange(3)}"
        self._count += 1
        me = f"{self._process.name}-{self._count}"
        claim = lake.claim("names", name, {"owner": me})
        tick, winner = self._world.claims.setdefault(name, (claim.tick, None))
        owner = claim.record["owner"]
        assert claim.tick == tick, f"{name} has two owners"
        if claim.won:
            assert winner is None, f"{me} and {winner} both won {name}"
            assert owner == me
            self._world.claims[name] = (tick, me)
