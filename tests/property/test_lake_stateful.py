"""One lake against a plain model: whatever is done in whatever order, they agree."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
)

from mere.errors import AlreadyExists
from mere.lake import Column, Lake, LakeSettings, Table
from mere.lake.arrow import to_rows
from mere.lake.objects.memory import MemoryStore
from mere.lake.objects.retry import RetryingStore
from mere.testing.clock import ManualClock
from tests.simulation.model import plain

LOG = Table("log", (Column("series", "string"), Column("n", "long")), sort=("series", "n"))
ITEMS = Table(
    "items",
    (
        Column("id", "string"),
        Column("name", "string"),
        Column("size", "long"),
        Column("tags", "map<string,string>"),
    ),
    key=("id",),
)
PAIRS = Table(
    "pairs",
    (Column("owner", "string"), Column("number", "long"), Column("note", "string")),
    key=("owner", "number"),
)
TABLES = (LOG, ITEMS, PAIRS)
SETTINGS = LakeSettings(
    keyed_file_rows=3,
    log_file_rows=4,
    manifests_max=2,
    snapshots_kept=2,
    late_ms=60_000,
    fold_ms_max=10_000,
    orphan_ms=30_000,
    root_spacing=((3_600_000, 0),),
    compact_files_min=2,
    compact_tier_factor=2,
    parallel_requests=1,
)

IDS = st.sampled_from(["", "a", "b", "ab", "ü", "zz", "z/ z"])
NAMES = st.one_of(st.none(), st.text(max_size=3))
TAGS = st.dictionaries(st.sampled_from(["x", "y", ""]), NAMES, max_size=2)
ITEM_CHANGES = st.fixed_dictionaries(
    {}, optional={"name": NAMES, "size": st.integers(-5, 5), "tags": TAGS}
)
State = dict[str, Any]


class LakeMachine(RuleBasedStateMachine):
    """Does things to a lake and to three dictionaries."""

    moments = Bundle("moments")

    @initialize()
    def begin(self):
        self.clock = ManualClock(1)
        self.store = RetryingStore(MemoryStore(self.clock, name="stateful"), self.clock)
        self.log: list[tuple[str, int]] = []
        self.items: dict[str, State] = {}
        self.pairs: dict[tuple[str, int], State] = {}
        self.tags: dict[str, Any] = {}
        self.lake = self._open()

    def _open(self) -> Lake:
        return Lake.open(
            "memory://stateful",
            tables=TABLES,
            settings=SETTINGS,
            clock=self.clock,
            store=self.store,
        )

    def _copy(self) -> Any:
        items = {key: {**row, "tags": dict(row["tags"])} for key, row in self.items.items()}
        return sorted(self.log), items, {key: dict(row) for key, row in self.pairs.items()}

    @rule(series=IDS, count=st.integers(1, 6))
    def append(self, series: str, count: int):
        start = len(self.log)
        rows = [(series, start + n) for n in range(count)]
        self.lake.append("log", [{"series": series, "n": n} for series, n in rows])
        self.log += rows

    @rule(rows=st.lists(st.tuples(IDS, ITEM_CHANGES), min_size=1, max_size=4))
    def patch_items(self, rows: list[Any]):
        self.lake.patch("items", [{"id": key, **change} for key, change in rows])
        for key, change in rows:
            self._apply(key, change)

    def _apply(self, key: str, change: Any) -> None:
        row = self.items.setdefault(key, {"name": None, "size": None, "tags": {}})
        row.update({name: value for name, value in change.items() if name != "tags"})
        merged = row["tags"] | change.get("tags", {})
        row["tags"] = {name: value for name, value in merged.items() if value is not None}

    @rule(owner=IDS, numbers=st.lists(st.integers(-3, 3), min_size=1, max_size=4), note=NAMES)
    def patch_pairs(self, owner: str, numbers: list[int], note: str | None):
        rows = [{"owner": owner, "number": n, "note": note} for n in numbers]
        self.lake.patch("pairs", rows)
        self.pairs.update({(owner, n): {"note": note} for n in numbers})

    @rule(keys=st.lists(IDS, min_size=1, max_size=3))
    def delete_items(self, keys: list[str]):
        self.lake.delete("items", keys)
        for key in keys:
            self.items.pop(key, None)

    @rule(owner=IDS, number=st.integers(-3, 3))
    def delete_pair(self, owner: str, number: int):
        self.lake.delete("pairs", [(owner, number)])
        self.pairs.pop((owner, number), None)

    @rule(key=IDS, name=NAMES, number=st.integers(-3, 3), is_broken=st.booleans())
    def batch(self, key: str, name: str | None, number: int, *, is_broken: bool):
        try:
            with self.lake.batch() as batch:
                batch.append("log", [{"series": key, "n": len(self.log)}])
                batch.delete("items", [key])
                batch.patch("items", [{"id": key, "name": name}])
                batch.patch("pairs", [{"owner": key, "number": number, "note": name}])
                if is_broken:
                    raise RuntimeError
        except RuntimeError:
            return
        self.log.append((key, len(self.log)))
        self.items.pop(key, None)
        self._apply(key, {"name": name})
        self.pairs[key, number] = {"note": name}

    @rule()
    def fold(self):
        self.lake.fold()

    @rule()
    def upkeep(self):
        planned = self.lake.upkeep(dry_run=True)
        assert self.lake.upkeep().actions == planned.actions

    @rule(seconds=st.floats(0, 100))
    def wait(self, seconds: float):
        self.clock.advance(seconds)

    @rule()
    def reopen(self):
        self.lake.close()
        self.lake = self._open()

    @rule(target=moments)
    def remember(self):
        self.clock.advance(0.01)
        self.lake.fold()
        if not self.lake.roots():
            return multiple()
        self.clock.advance(0.01)
        when = datetime.fromtimestamp(self.clock.now_us() / 1e6, UTC)
        self.clock.advance(0.01)
        return when, self.lake.roots()[-1].number, self._copy()

    @rule(moment=moments)
    def look_back(self, moment: Any):
        when, number, state = moment
        known = {root.number for root in self.lake.roots()}
        if number in known:
            assert self._read(number) == state
            assert self._read(when) == state

    @rule(name=st.sampled_from(["one", "two", "two words"]))
    def tag(self, name: str):
        self.lake.fold()
        if not self.lake.roots():
            return
        number = self.lake.roots()[-1].number
        try:
            assert self.lake.tag(name) == number
        except AlreadyExists:
            assert self.tags[name][0] != number
            return
        self.tags.setdefault(name, (number, self._copy()))

    @rule()
    def look_at_tags(self):
        assert self.lake.tags() == {name: number for name, (number, _) in self.tags.items()}
        for name, (_, state) in self.tags.items():
            assert self._read(name) == state

    @rule(key=IDS, owner=IDS, number=st.integers(-3, 3))
    def get(self, key: str, owner: str, number: int):
        row = self.lake.get("items", key)
        assert (row is not None) == (key in self.items)
        if row is not None:
            expected = self.items[key]
            assert row["name"] == expected["name"]
            assert (row["tags"] or {}) == expected["tags"]
        pair = self.lake.get("pairs", (owner, number))
        assert (None if pair is None else pair["note"]) == self.pairs.get(
            (owner, number), {"note": None}
        )["note"]

    @rule(key=IDS)
    def scan_where(self, key: str):
        found = to_rows(self.lake.scan("log", {"series": key}, ["n"]))
        assert sorted(row["n"] for row in found) == [n for s, n in self.log if s == key]
        assert self.lake.scan("items", {"id": [key]}).num_rows == (key in self.items)

    @rule()
    def sql(self):
        counted = self.lake.sql(
            "select (select count(*) from log) l, (select count(*) from items) i, "
            "(select coalesce(sum(number), 0) from pairs) p"
        )
        expected = [len(self.log), len(self.items), sum(number for _, number in self.pairs)]
        assert [column[0].as_py() for column in counted.columns] == expected

    def _read(self, as_of: Any = None) -> Any:
        log = to_rows(self.lake.scan("log", as_of=as_of))
        items = to_rows(self.lake.scan("items", as_of=as_of))
        pairs = to_rows(self.lake.scan("pairs", as_of=as_of))
        found = {
            row["id"]: {"name": row["name"], "size": row["size"], "tags": row["tags"] or {}}
            for row in items
        }
        assert len(found) == len(items)
        notes = {(row["owner"], row["number"]): {"note": row["note"]} for row in pairs}
        assert len(notes) == len(pairs)
        return sorted((row["series"], row["n"]) for row in log), plain(found), notes

    @invariant()
    def agrees(self):
        if hasattr(self, "lake"):
            assert self._read() == self._copy()

    def teardown(self):
        if hasattr(self, "lake"):
            self.lake.close()


TestLake = LakeMachine.TestCase
TestLake.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
