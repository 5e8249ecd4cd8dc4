"""One simulated world: the tables, the shared store, the processes and what they may meet."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from mere.clock import Clock
from mere.lake import Column, Lake, LakeSettings, Table
from mere.lake.objects.memory import MemoryStore
from mere.lake.objects.retry import RetryingStore
from mere.lake.objects.store import ObjectStore
from mere.lake.schema import Pyramid
from mere.lake.segment import decode
from mere.testing.faults import FaultRates, FaultyStore
from tests.simulation.model import Model
from tests.simulation.scheduler import Process, Scheduler, StoreClock
from tests.simulation.series import Chart, new_window, small_pyramids
from tests.simulation.stepped import SteppedStore

__all__ = ["EVENTS", "POINTS", "SETTINGS", "TABLES", "World", "grown", "new_world"]

EVENTS = Table(
    "events",
    (Column("batch", "string"), Column("n", "long"), Column("value", "double")),
    sort=("batch", "n"),
)
POINTS = Table(
    "points",
    (
        Column("run", "string"),
        Column("key", "string"),
        Column("step", "long"),
        Column("at", "timestamptz"),
        Column("value", "double"),
    ),
    sort=("run", "key", "step"),
    pyramid=Pyramid("at", "value"),
)
THINGS = Table(
    "things",
    (Column("id", "string"), Column("name", "string"), Column("tags", "map<string,string>")),
    key=("id",),
)
RUNS = Table(
    "runs",
    (
        Column("owner", "string"),
        Column("number", "long"),
        Column("status", "string"),
        Column(
            "summary",
            "map<string,struct<step:long,timestamp:timestamptz,value:double,min:double,"
            "max:double,count:long>>",
            merge="tally",
        ),
        Column("latest", "map<string,double>", derive="summary.value"),
    ),
    key=("owner", "number"),
)
TABLES = (EVENTS, POINTS, THINGS, RUNS)

_SECOND = 1000

SETTINGS = LakeSettings(
    keyed_file_rows=3,
    log_file_rows=24,
    log_group_rows=5,
    manifests_max=3,
    snapshots_kept=2,
    late_ms=90 * _SECOND,
    ended_writer_ms=120 * _SECOND,
    lost_writer_ms=400 * _SECOND,
    fold_ms_max=20 * _SECOND,
    orphan_ms=60 * _SECOND,
    root_spacing=((60 * _SECOND, 0), (200 * _SECOND, 20 * _SECOND)),
    roots_min=1,
    compact_files_min=2,
    compact_tier_factor=2,
    parallel_requests=1,
)
"""Everything small, so that a few records reach every path of the engine."""


def grown(tables: tuple[Table, ...]) -> tuple[Table, ...]:
    """The tables as a newer version declares them: each with a column more."""
    extra = Column("extra", "string")
    return tuple(msgspec.structs.replace(t, columns=(*t.columns, extra)) for t in tables)


class World:
    """What all processes of one seed share.

    Args:
        seed: Decides everything.
        cache: A folder for local copies of files.
        trace: Told what happens.
        store: Where everything is kept; by default, in memory. Another one's clock is the true
            one, in which no time passes, so nothing in it is ever old enough to be collected.
    """

    def __init__(
        self,
        seed: int,
        cache: Path,
        trace: Callable[[str], None] | None = None,
        store: ObjectStore | None = None,
    ) -> None:
        self.seed = seed
        self.chance = random.Random(seed)
        self.scheduler = Scheduler(self.chance, trace)
        clock: Clock = StoreClock(self.scheduler)
        self.store = store or MemoryStore(clock, name=f"seed-{seed}")
        chosen = self.chance.choice(((THINGS,), (RUNS,), (THINGS, RUNS)))
        self.tables = (EVENTS, POINTS, *chosen)
        self.keyed = chosen
        self.model = Model(grown(self.tables))
        self.cache = cache
        self.roots: dict[int, frozenset[str]] = {}
        """The batches seen in each root."""
        self.tags: dict[str, tuple[int, frozenset[str]]] = {}
        """Each tag's root, and what had been acknowledged before it was given."""
        self.claims: dict[str, tuple[int, str | None]] = {}
        """Each claimed name's owner as everybody learned it, and who was told that it won."""
        self.tokens: dict[str, bool] = {}
        """Each row that was to be appended to the bulk table, and whether that was acknowledged."""
        self.snapshots: dict[int, tuple[str, ...]] = {}
        """The rows of each snapshot of the bulk table that was acknowledged."""
        self.charts = [Chart(new_window(self.chance, is_bounded=n > 0)) for n in range(3)]
        """Kept by people who ask now this process, now that one, for what is new."""
        self.rates = self._rates()
        self._lakes = 0

    def _rates(self) -> FaultRates:
        if self.chance.random() < 0.3:
            return FaultRates()
        scale = self.chance.choice((0.01, 0.03, 0.1))
        return FaultRates(
            fail_before=self.chance.random() * scale,
            lost_reply=self.chance.random() * scale,
            timeout=self.chance.random() * scale / 3,
            busy=self.chance.random() * scale,
            own_conflict=self.chance.random() * scale,
            torn_list=self.chance.choice((3 * scale, 3 * scale, 0.6)),
        )

    def open(self, process: Process, tables: tuple[Table, ...], *, is_faulty: bool = True) -> Lake:
        """Open the warehouse as a process does: through faults, retry and waiting."""
        self._lakes += 1
        stepped = SteppedStore(self.store, process, self._on_segment)
        faulty = FaultyStore(
            stepped,
            random.Random(self.chance.getrandbits(64)),
            self.rates if is_faulty else None,
            clock=process.clock,
            timeout_s=1.0,
            between_pages=process.step,
        )
        process.faulty = faulty
        store = RetryingStore(faulty, process.clock, deadline_s=3.0, delay_max_s=1.0)
        return Lake.open(
            self.store.url,
            tables=tables,
            settings=SETTINGS,
            clock=process.clock,
            store=store,
            cache=self.cache / str(self._lakes),
        )

    def _on_segment(self, key: str, data: bytes) -> None:
        """Learn what stamp a batch has, from the segment that is about to hold it."""
        segment = decode(key, data)
        (batch_id,) = {name for part in segment.logs["events"] for name in part.columns["batch"]}
        batch = self.model.batches[batch_id]
        stamp = (segment.name.tick, segment.name.writer)
        assert batch.stamp in (None, stamp), f"batch {batch_id} was sent as two segments"
        batch.stamp = stamp
        batch.patches = segment.patches


@contextmanager
def new_world(
    seed: int,
    trace: Callable[[str], None] | None = None,
    store: ObjectStore | None = None,
) -> Iterator[World]:
    """Make the world of a seed, with a folder in memory for its local copies of files."""
    memory = Path("/dev/shm")
    folder = tempfile.mkdtemp(prefix="mere-sim-", dir=memory if memory.is_dir() else None)
    try:
        with small_pyramids():
            yield World(seed, Path(folder), trace, store)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
