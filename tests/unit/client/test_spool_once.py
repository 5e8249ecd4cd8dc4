"""Each record is stored once, however sending, crashing, folding and waiting interleave."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mere.client.courier import Courier, Report
from mere.client.spool import Address, Entry, Spool
from mere.entities.metric import Points
from mere.errors import ErrorCode, Unavailable
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.lake.sealed import AT_SENDING, Sealed, pack
from mere.services.runs.metrics import run_batch
from mere.services.tables import TABLES
from mere.services.warehouse import Warehouse
from mere.testing.clock import ManualClock

URL = "memory://once"
HERE = Address(URL)
RUN = "0" * 32


class Crash(BaseException):
    """The process is killed here."""


class Store(MemoryStore):
    """Fails at the next puts into the journal as it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.meanwhile: Callable[[], None] | None = None

    def put(self, key: str, data: bytes, *, overwrite: bool = False) -> Any:
        is_segment = key.startswith("journal/") and "root" not in key
        fault = self.faults.pop(0) if is_segment and self.faults else ""
        if fault == "refused":
            raise Unavailable(ErrorCode.STORE_UNAVAILABLE, "nothing was stored")
        if fault == "meanwhile" and self.meanwhile is not None:
            self.meanwhile()
        done = super().put(key, data, overwrite=overwrite)
        if fault == "lost":
            raise Unavailable(ErrorCode.STORE_UNAVAILABLE, "the reply was lost")
        if fault == "killed":
            raise Crash
        return done


class Once(RuleBasedStateMachine):
    """One process that trains, and others that come after it or beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        self.clock = ManualClock()
        self.store = Store()
        self.warehouse = self._open()
        self.stream = self.warehouse.lake.stream()
        self.spool: Spool | None = None
        self.logged = 0
        self.adopted_beside = 0

    def teardown(self) -> None:
        self.store.faults = []
        if self.spool is not None:
            self.spool.abandon()
        for _ in range(2):
            self._sync()
        assert not [path for path in self.root.rglob("0*") if path.is_file()]
        self._check()
        self.warehouse.lake.fold()
        self._check()
        self.folder.cleanup()

    @rule(points=st.integers(1, 3), is_last=st.booleans())
    def hold(self, points: int, is_last: bool) -> None:
        """The store is away: a sending goes to the disk, never tried."""
        self._own().hold("segment", self._parcel(points, is_last))

    @rule(fault=st.sampled_from(["", "lost", "refused"]), is_last=st.booleans())
    def put(self, fault: str, is_last: bool) -> None:
        """A sending is tried; what fails goes to the disk under the name it was tried by."""
        parcel = self._parcel(1, is_last)
        sealed: Sealed = self.stream.seal(parcel)
        self.store.faults = [fault]
        try:
            self.stream.put(sealed)
        except Unavailable:
            self._own().hold("segment", parcel, name=sealed.segment.name, first_us=sealed.first_us)
        self.store.faults = []

    @precondition(lambda self: self.spool is not None)
    @rule(faults=st.lists(st.sampled_from(["", "lost", "refused", "killed", "meanwhile"])))
    def send(self, faults: list[str]) -> None:
        """The process sends what waits; another one syncs in its midst."""
        assert self.spool is not None
        self._with_faults(faults, lambda: self._courier(self._own()).send())

    @precondition(lambda self: self.spool is not None)
    @rule()
    def die_between_sending_and_removing(self) -> None:
        spool = self._own()
        remove = spool.remove

        def killed(entry: Entry) -> None:
            raise Crash

        spool.remove = killed  # type: ignore[method-assign]
        with contextlib.suppress(Crash):
            self._courier(spool).send()
        spool.remove = remove  # type: ignore[method-assign]
        self._die()

    @rule(faults=st.lists(st.sampled_from(["", "lost", "refused", "killed", "meanwhile"])))
    def sync(self, faults: list[str]) -> None:
        """Another process takes over what those that ended have left."""
        self._with_faults(faults, self._sync)

    @precondition(lambda self: self.spool is not None)
    @rule()
    def die(self) -> None:
        self._die()

    @rule()
    def fold(self) -> None:
        self.warehouse.lake.fold()

    @rule(hours=st.sampled_from([0.1, 2, 7, 24 * 5, 24 * 9]))
    def wait(self, hours: float) -> None:
        """Long enough for folds to forget streams, at times."""
        self.clock.advance(hours * 3600)

    @invariant()
    def nothing_is_doubled(self) -> None:
        found = self._values()
        assert len(found) == len(set(found))

    def _open(self) -> Warehouse:
        lake = Lake.open(URL, tables=TABLES, store=self.store, clock=self.clock)
        return Warehouse(lake, self.clock, URL)

    def _own(self) -> Spool:
        if self.spool is None:
            self.spool = Spool.create(HERE, self.clock, self.root)
        return self.spool

    def _courier(self, spool: Spool) -> Courier:
        return Courier(spool, self.clock, lambda _: self._open())

    def _parcel(self, count: int, is_last: bool) -> bytes:
        points = Points()
        for _ in range(count):
            points.add("a", self.logged, self.clock.now_us(), float(self.logged))
            self.logged += 1
        changes = {"status": "RUNNING"}
        batch = run_batch(RUN, points, changes, end_at=AT_SENDING)
        return pack(batch, self.warehouse.lake.tick(), is_last=is_last)

    def _with_faults(self, faults: list[str], act: Callable[[], object]) -> None:
        self.store.faults = list(faults)
        self.store.meanwhile = self._beside
        try:
            act()
        except Crash:
            self._die()
        self.store.faults, self.store.meanwhile = [], None

    def _beside(self) -> None:
        """Another process syncs at the same time: what is in hand is not its to send."""
        self.store.meanwhile = None
        held = self.spool.folder if self.spool else None
        for folder in self._folders():
            spool = Spool.adopt(folder)
            assert spool is None or folder != held
            if spool is not None:
                Courier(spool, self.clock, lambda _: self._open()).send()
                spool.close()

    def _sync(self) -> None:
        for folder in self._folders():
            spool = Spool.adopt(folder)
            if spool is None:
                continue
            try:
                report: Report = self._courier(spool).send()
                assert report.aside == {}
                spool.close()
            except Crash:
                spool.abandon()

    def _die(self) -> None:
        if self.spool is not None:
            self.spool.abandon()
            self.spool = None
        self.stream = self.warehouse.lake.stream()

    def _folders(self) -> list[Path]:
        return sorted(path for path in self.root.glob("*/*") if not path.name.startswith("."))

    def _values(self) -> list[float]:
        return self.warehouse.lake.sql("select value from metrics")["value"].to_pylist()

    def _check(self) -> None:
        assert sorted(self._values()) == [float(n) for n in range(self.logged)]


TestOnce = Once.TestCase
TestOnce.settings = settings(
    max_examples=25,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
