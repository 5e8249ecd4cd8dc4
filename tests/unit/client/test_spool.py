"""What could not be sent: kept on disk, sent later by whoever comes, each record once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import mere
from mere.cli.app import run as cli
from mere.client import courier
from mere.client.spool import Address, Entry, Spool, address_of, spool_root
from mere.clock import SystemClock
from mere.config import environment
from mere.errors import CorruptData, Unavailable
from mere.lake.segment import SegmentName
from mere.testing.proxy import FaultPlan, FlakyProxy, run_flaky_proxy
from mere.testing.s3server import S3Server
from tests.unit.client.conftest import SOURCES

HERE = Address("/somewhere")


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    made = Spool.create(HERE, SystemClock(), tmp_path / "spool")
    yield made
    made.close()


# The folder


def test_what_is_held_is_read_back_in_order(spool: Spool) -> None:
    first = spool.hold("segment", b"one")
    second = spool.hold("upload", b"two", b"content")
    assert spool.entries() == [first, second]
    assert spool.read(first) == (b"one", None)
    data, blob = spool.read(second)
    assert (data, blob and blob.read_bytes()) == (b"two", b"content")
    spool.remove(second)
    assert blob is not None
    assert not blob.exists()
    assert [entry.kind for entry in spool.entries()] == ["segment"]


def test_a_file_is_moved_and_comes_back_if_the_disk_is_full(spool: Spool, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x")
    spool.folder.chmod(0o500)
    if os.access(spool.folder, os.W_OK):  # as root: no folder is closed to it
        spool.folder.rename(spool.folder.with_name("gone"))
    with pytest.raises(Unavailable):
        spool.hold("upload", b"{}", file)
    assert file.read_bytes() == b"x"
    gone = spool.folder.with_name("gone")
    if gone.exists():
        gone.rename(spool.folder)
    spool.folder.chmod(0o700)


def test_names_of_entries_round_trip() -> None:
    name = SegmentName(2**63, "0123456789abcdef", 7)
    for entry in (Entry(3, "begin"), Entry(4, "segment", name, 1_700_000_000_000_000)):
        assert Entry.parse(entry.file) == entry
    for file in ("lock", "0000000001.blob", "1.segment", "0000000001.segment.x", ".x.part"):
        assert Entry.parse(file) is None


def test_a_mark_outlives_the_process(spool: Spool) -> None:
    name = SegmentName(5, "0123456789abcdef", 1)
    spool.mark(spool.hold("segment", b"one"), name, 9)
    spool.abandon()
    again = Spool.adopt(spool.folder)
    assert again is not None
    assert [(e.name, e.first_us) for e in again.entries()] == [(name, 9)]
    assert again.address == HERE
    again.abandon()


def test_only_one_process_holds_a_spool(spool: Spool) -> None:
    assert Spool.adopt(spool.folder) is None
    spool.close()
    assert not spool.folder.exists()
    assert Spool.adopt(spool.folder) is None


def test_damage_is_seen(spool: Spool) -> None:
    entry = spool.hold("segment", b"one" * 100)
    file = spool.folder / entry.file
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(CorruptData):
        spool.read(entry)
    assert spool.set_aside(entry).exists()
    assert spool.entries() == []


# Processes and a bucket

TRAIN = """
    import sys, time, mere
    run = mere.start_run("outage", params={"lr": 1}, flush_interval_s=0.1)
    for value in range(20):
        run.log({"a": value})
    run.flush()
    print("flushed", flush=True)
    sys.stdin.readline()
    for value in range(20, 60):
        run.log({"a": value})
        time.sleep(0.01)
    time.sleep(float(sys.argv[1]))
    print("logged", flush=True)
    sys.stdin.readline()
    run.finish(timeout_s=float(sys.argv[2]))
"""


@pytest.fixture
def proxy(url: str, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[FlakyProxy]:
    """A fresh prefix behind a proxy that all in the test log to."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    with run_flaky_proxy(s3_server.endpoint) as made:
        for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
            if name in environment():
                monkeypatch.setenv(name, made.endpoint)
        monkeypatch.setenv("MERE_WAREHOUSE", s3_server.new_prefix("spool"))
        yield made


def start(tmp_path: Path, lines: str, *arguments: object) -> subprocess.Popen[str]:
    file = tmp_path / f"train{time.monotonic_ns()}.py"
    file.write_text(textwrap.dedent(lines))
    return subprocess.Popen(
        [sys.executable, str(file), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": SOURCES},
    )


def tell(process: subprocess.Popen[str], expected: str) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == f"{expected}\n", process.stderr and process.stderr.read()


def go_on(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def points() -> list[float]:
    return sorted(mere.sql("select value from metrics")["value"].to_pylist())


def spooled() -> list[Path]:
    return [path for path in spool_root().glob("*/*/0*") if path.parent.parent.name != "aside"]


def train_into_an_outage(proxy: FlakyProxy, tmp_path: Path, *, is_killed: bool) -> str:
    """Run a training whose store goes away in its midst; return what it wrote to stderr."""
    process = start(tmp_path, TRAIN, 2.6, 1)
    with process:
        tell(process, "flushed")
        proxy.faults.is_down = True
        go_on(process)
        tell(process, "logged")
        if is_killed:
            process.send_signal(signal.SIGKILL)
        else:
            go_on(process)
        assert process.stderr is not None
        said = process.stderr.read()
        process.wait(timeout=20)
    proxy.faults.is_down = False
    assert spooled()
    return said


@pytest.mark.slow
def test_a_run_that_ends_in_an_outage_is_sent_by_sync(
    proxy: FlakyProxy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = train_into_an_outage(proxy, tmp_path, is_killed=False)
    assert "`mere sync`" in said
    assert mere.runs("outage")["status"].to_pylist() != ["FINISHED"]
    assert cli(["sync"]) == 0
    assert "segments" in capsys.readouterr().out
    assert points() == [float(n) for n in range(60)]
    assert mere.runs("outage")["status"].to_pylist() == ["FINISHED"]
    (row,) = mere.sql("select metric_summary['a'].count as n from runs").to_pylist()
    assert row["n"] == 60
    assert not spooled()
    assert cli(["sync", "--json"]) == 0


@pytest.mark.slow
def test_a_process_killed_in_an_outage_and_two_syncs_at_once(
    proxy: FlakyProxy, tmp_path: Path
) -> None:
    train_into_an_outage(proxy, tmp_path, is_killed=True)
    command = [sys.executable, "-m", "mere", "sync"]
    env = {**os.environ, "PYTHONPATH": SOURCES}
    both = [subprocess.Popen(command, env=env, stdout=subprocess.PIPE) for _ in range(2)]
    for one in both:
        one.communicate(timeout=60)
    assert not spooled()
    assert points() == [float(n) for n in range(60)]
    assert mere.runs("outage")["status"].to_pylist() == ["KILLED"]


@pytest.mark.slow
def test_a_sync_killed_between_sending_and_removing(proxy: FlakyProxy, tmp_path: Path) -> None:
    train_into_an_outage(proxy, tmp_path, is_killed=True)
    before = len(spooled())
    killed = """
        import os
        from mere.client import outbox
        from mere.client.spool import Spool
        Spool.remove = lambda self, entry: os.kill(os.getpid(), 9)
        outbox.sync()
    """
    for _ in range(3):
        process = start(tmp_path, killed)
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
        mere.fold()
    assert len(spooled()) == before
    assert cli(["sync"]) == 0
    assert points() == [float(n) for n in range(60)]
    assert not spooled()


@pytest.mark.slow
def test_a_run_that_never_reached_the_store_is_adopted_by_the_next(
    proxy: FlakyProxy, tmp_path: Path
) -> None:
    proxy.faults.is_down = True
    lines = """
        import mere
        with mere.start_run("never", name="first", params={"lr": 2}, finish_timeout_s=1) as run:
            for value in range(10):
                run.log({"a": value})
    """
    process = start(tmp_path, lines)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "`mere sync`" in said
    proxy.faults.is_down = False
    with mere.start_run("never", name="second") as run:
        run.log({"b": 1})
        run.flush()
        give_up = time.monotonic() + 20
        while spooled() and time.monotonic() < give_up:
            time.sleep(0.05)
    assert not spooled()
    rows = mere.runs("never", order="name").to_pylist(maps_as_pydicts="strict")
    assert [(row["name"], row["status"]) for row in rows] == [
        ("first", "FINISHED"),
        ("second", "FINISHED"),
    ]
    assert rows[0]["params"] == {"lr": "2"}
    assert rows[0]["source"]["pid"] == process.pid
    assert points() == sorted([1.0, *map(float, range(10))])


@pytest.mark.slow
def test_a_flaky_store_loses_and_doubles_nothing(proxy: FlakyProxy, tmp_path: Path) -> None:
    proxy.faults = FaultPlan(fail_one_in=5, pause_one_in=10, pause_s=3.0, seed=3)
    lines = """
        import time, mere
        with mere.start_run("flaky", flush_interval_s=0.1) as run:
            for value in range(300):
                run.log({"a": value})
                time.sleep(0.01)
    """
    process = start(tmp_path, lines)
    _, said = process.communicate(timeout=90)
    assert process.returncode == 0, said
    assert proxy.failed > 0
    proxy.faults = FaultPlan()
    cli(["sync"])
    assert points() == [float(n) for n in range(300)]
    assert mere.runs("flaky")["status"].to_pylist() == ["FINISHED"]


# What cannot be sent


def leftover(url: str) -> Spool:
    """A spool of a process that has ended, with one run's beginning in it."""
    return Spool.create(address_of(url), SystemClock())


def test_a_corrupt_and_a_foreign_file_are_set_aside_and_stop_nothing(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sent: list[dict[str, object]] = []
    courier.register_sender("probe", lambda _house, meta, _blob: sent.append(meta))
    spool = leftover(url)
    broken = spool.hold("segment", b"no segment at all")
    (spool.folder / "notes.txt").write_text("mine")
    spool.hold("probe", b'{"n": 1}')
    spool.hold("future", b"{}")
    spool.abandon()
    assert cli(["sync"]) == 1
    shown = capsys.readouterr().out
    assert sent == [{"n": 1}]
    aside = sorted(path.name for path in (spool_root() / "aside").iterdir())
    assert aside == sorted([f"{spool.folder.name}-{broken.file}", f"{spool.folder.name}-notes.txt"])
    assert all(name in shown for name in aside)
    assert "future" in shown
    assert len(spooled()) == 1


def test_a_spool_for_another_service_is_left_alone(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spool = Spool.create(Address("s3://bucket/x", "http://127.0.0.1:9"), SystemClock())
    spool.hold("begin", b"{}")
    spool.abandon()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:10")
    assert cli(["sync"]) == 1
    assert "AWS_ENDPOINT_URL" in capsys.readouterr().out
    assert len(spooled()) == 1
