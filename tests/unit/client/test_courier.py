"""What waits is sent in order, and one entry that cannot be sent holds up no other."""

from __future__ import annotations

import errno
import json
import logging
import time
from pathlib import Path
from typing import Any

import pytest

import mere
from mere.cli.app import run as cli
from mere.client import courier, outbox
from mere.client.spool import Address, Spool, address_of, spool_root
from mere.clock import SystemClock
from mere.errors import CorruptData, ErrorCode, Internal, InvalidInput, PermissionDenied
from mere.services.warehouse import Warehouse

BAD = [
    AttributeError("no such thing"),
    ZeroDivisionError("by zero"),
    Internal(ErrorCode.BUG, "it should not be"),
]
LEFT = [
    InvalidInput(ErrorCode.INVALID_VALUE, "not like this"),
    CorruptData(ErrorCode.BAD_OBJECT, "what it names is damaged"),
]
PASSING = [OSError(errno.EMFILE, "too many open files"), RuntimeError("no new thread")]


class Probe:
    """A sender that fails at some entries."""

    def __init__(self) -> None:
        self.sent: list[int] = []
        self.fails: dict[int, Exception] = {}

    def __call__(self, _: Warehouse, meta: dict[str, Any], blob: Path | None) -> None:
        if meta["n"] in self.fails:
            raise self.fails[meta["n"]]
        assert blob is not None
        self.sent.append(meta["n"])


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> Probe:
    made = Probe()
    monkeypatch.setitem(courier._senders, "probe", made)
    return made


@pytest.fixture
def spool(url: str) -> Spool:
    """A spool of a process that has ended, with five entries."""
    made = Spool.create(address_of(url), SystemClock())
    for n in range(5):
        made.hold("probe", json.dumps({"n": n}).encode(), b"file")
    made.abandon()
    return made


def aside() -> list[str]:
    return sorted(path.name for path in spool_root().glob("aside/*"))


@pytest.mark.parametrize("error", BAD, ids=lambda e: type(e).__name__)
def test_a_poisoned_entry_is_set_aside_with_its_file(
    probe: Probe, spool: Spool, error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    probe.fails = {1: error}
    assert cli(["sync"]) == 1
    assert probe.sent == [0, 2, 3, 4]
    name = f"{spool.folder.name}-0000000002"
    assert aside() == [f"{name}.blob", f"{name}.probe"]
    shown = capsys.readouterr().out
    assert name in shown
    assert (error.message if isinstance(error, Internal) else str(error)) in shown
    assert not spool.folder.exists()
    assert cli(["sync"]) == 0


@pytest.mark.parametrize("error", [*LEFT, *PASSING], ids=lambda e: type(e).__name__)
def test_what_may_be_mended_stays_and_is_sent_later(
    probe: Probe, spool: Spool, error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    probe.fails = {0: error, 3: error}
    assert cli(["sync"]) == 1
    assert probe.sent == [1, 2, 4]
    assert aside() == []
    assert "left 2 in" in capsys.readouterr().out
    probe.fails = {}
    assert cli(["sync"]) == 0
    assert probe.sent == [1, 2, 4, 0, 3]


def test_who_is_let_in_nowhere_stops(probe: Probe, spool: Spool) -> None:
    probe.fails = {1: PermissionDenied(ErrorCode.ACCESS_DENIED, "not you")}
    report = mere.sync()
    assert probe.sent == [0]
    assert list(report.left.values()) == ["not you"] * 4


def test_a_file_that_the_disk_does_not_give_holds_up_nothing(probe: Probe, spool: Spool) -> None:
    entry = spool.entries()[2]
    (spool.folder / entry.file).unlink()
    (spool.folder / entry.file).mkdir()  # reading it fails, by no fault of its content
    report = mere.sync()
    assert probe.sent == [0, 1, 3, 4]
    assert list(report.left) == [str(spool.folder / entry.file)]


def test_a_run_goes_on_past_a_poisoned_entry_and_says_so(
    url: str, probe: Probe, caplog: pytest.LogCaptureFixture
) -> None:
    probe.fails = {0: KeyError("gone"), 1: InvalidInput(ErrorCode.INVALID_VALUE, "not like this")}
    own = outbox.outbox_of(url)
    for n in range(3):
        own.hold("probe", {"n": n}, b"file")
    with caplog.at_level(logging.WARNING, "mere"):
        first, second = own.send(None), own.send(None)
    assert probe.sent == [2]
    assert (len(first.aside), len(first.left), own.waiting(None)) == (1, 1, 0)
    assert (len(second.aside), len(second.left)) == (0, 1)
    said = [record.getMessage() for record in caplog.records]
    assert sum("'gone'" in text for text in said) == 1
    assert sum("not like this" in text for text in said) == 1


def test_who_forgets_late_means_no_entry_of_the_next_spool(url: str, probe: Probe) -> None:
    """A put whose reply came late forgets its entry, which may have been sent by then."""
    own = outbox.outbox_of(url)
    late = own.hold("probe", {"n": 1}, b"file")
    own.send(None)
    own.close()
    own.hold("probe", {"n": 2}, b"file")
    own.forget(late)
    own.send(None)
    assert probe.sent == [1, 2]


def test_a_warehouse_out_of_reach_is_asked_once_and_holds_up_no_other(
    url: str,
    spool: Spool,
    probe: Probe,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    for _ in range(3):
        away = Spool.create(Address("s3://bucket/away", "http://127.0.0.1:9"), SystemClock())
        away.hold("begin", b"{}")
        away.abandon()
    began = time.monotonic()
    assert cli(["sync"]) == 1
    assert time.monotonic() - began < 20
    assert probe.sent == [0, 1, 2, 3, 4]
    shown = capsys.readouterr().out
    assert shown.count("s3://bucket/away does not answer") == 3
    assert "hush" not in shown
