"""Every store that `open_store` opens keeps the contract of object stores."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from mere.clock import SystemClock
from mere.lake.objects.local import LocalStore
from mere.lake.objects.memory import MemoryStore
from mere.lake.objects.open import open_store
from mere.lake.objects.retry import RetryingStore
from mere.lake.objects.store import ObjectStore
from mere.testing.clock import ManualClock
from mere.testing.contract import ObjectStoreContract
from mere.testing.counting import CountingStore
from mere.testing.faults import FaultRates, FaultyStore
from mere.testing.s3server import S3Server


class TestMemoryStore(ObjectStoreContract):
    @pytest.fixture
    def store(self, request: pytest.FixtureRequest) -> ObjectStore:
        return open_store(f"memory://{request.node.nodeid}", clock=SystemClock())


class TestLocalStore(ObjectStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> ObjectStore:
        return open_store((tmp_path / "a b%20é").as_uri(), clock=SystemClock())


class TestLocalStoreWithNamedTemporaryFiles(ObjectStoreContract):
    """As on file systems without nameless files."""

    @pytest.fixture
    def store(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
        monkeypatch.setattr("mere.lake.objects.local._UNNAMED", 0)
        return RetryingStore(LocalStore(tmp_path / "lake"), SystemClock())


class TestS3Store(ObjectStoreContract):
    @pytest.fixture
    def store(self, s3_server: S3Server) -> ObjectStore:
        url = s3_server.new_prefix("contract é %20")
        return open_store(url, clock=SystemClock(), environment=s3_server.environment)

    @pytest.fixture(autouse=True)
    def _only_one_can_win(self, request: pytest.FixtureRequest, s3_server: S3Server) -> None:
        """moto looks whether a key is free and takes it in two steps: two may be told they won."""
        if s3_server.kind == "moto" and request.function.__name__.endswith("exactly_one_wins"):
            pytest.skip("moto's put-if-absent is not atomic; `make minio` builds a server whose is")


class TestStoreThatFailsOften(ObjectStoreContract):
    """The contract is kept through faults that a real network makes rarely."""

    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock(1)

    @pytest.fixture
    def let_time_pass(self, clock: ManualClock) -> Callable[[], None]:
        return lambda: clock.advance(1)

    @pytest.fixture
    def store(self, clock: ManualClock) -> ObjectStore:
        rates = FaultRates(
            fail_before=0.05,
            lost_reply=0.1,
            timeout=0.05,
            busy=0.05,
            own_conflict=0.1,
            torn_list=0.5,
        )
        faulty = FaultyStore(MemoryStore(clock), random.Random(1), rates, timeout_s=0.1)
        return RetryingStore(CountingStore(faulty), clock)
