"""A run's files: sent in the background, kept on disk while the store is down, never lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

import mere
from mere.client import outbox
from mere.client.files import media_path
from mere.client.spool import spool_root
from mere.client.uploads import UPLOAD, UploadLimits, Uploads
from mere.clock import SystemClock
from mere.errors import ErrorCode, InvalidInput, Unavailable
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.lake.objects.store import ObjectInfo
from mere.services import warehouse
from mere.services.artifacts.artifacts import NewArtifact
from mere.services.tables import TABLES
from mere.testing.s3server import S3Server
from tests.unit.client.conftest import SOURCES, Script

URL = "memory://uploads"
RUN = "a" * 32
SMALL = UploadLimits(memory_item_bytes=10, memory_bytes=25, staged_item_bytes=100, staged_bytes=250)


class Outage(MemoryStore):
    """A store that can be told to be down, or to be slow with files."""

    is_down = False
    gate = threading.Event()

    def put(self, key: str, data: bytes, *, overwrite: bool = False) -> bool:
        if self.is_down:
            raise Unavailable(ErrorCode.STORE_UNAVAILABLE, "the store is down")
        if key.startswith("artifacts/"):
            self.gate.wait(20)
        return super().put(key, data, overwrite=overwrite)

    def list(
        self, prefix: str, *, start_after: str = "", known: Mapping[str, ObjectInfo] | None = None
    ) -> list[ObjectInfo]:
        if self.is_down:
            raise Unavailable(ErrorCode.STORE_UNAVAILABLE, "the store is down")
        return super().list(prefix, start_after=start_after, known=known)


@pytest.fixture
def store(url: str) -> Iterator[Outage]:
    made = Outage()
    made.gate.set()
    clock = SystemClock()
    lake = Lake.open(URL, tables=TABLES, store=made, clock=clock)
    warehouse._shared.open[URL] = warehouse.Warehouse(lake, clock, URL)
    yield made
    made.is_down = False
    made.gate.set()
    while (run := mere.active_run()) is not None:
        run.finish(timeout_s=0)


@pytest.fixture
def uploads(store: Outage) -> Iterator[Uploads]:
    made = Uploads(RUN, URL, "run x", SystemClock(), SMALL)
    yield made
    made.leave()
    if made._thread is not None:  # or it would send into the next test's store
        made._thread.join(10)


def stored(run_id: str = RUN, url: str = URL) -> dict[str, bytes]:
    """The content of all artifacts of a run, read anew."""
    artifacts = warehouse.open_warehouse(url).artifacts
    return {one.path: artifacts.read(run_id, one.path) for one in artifacts.list(run_id)}


def a_file(folder: Path, name: str, content: bytes | str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def on_disk() -> list[Path]:
    return sorted(spool_root().rglob(f"*.{UPLOAD}"))


def until(is_so: Callable[[], object]) -> None:
    for _ in range(500):
        if is_so():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come to be")


def item(path: str, content: bytes | Path) -> NewArtifact:
    return NewArtifact(path=path, content=content)


# What a run's owner calls


def test_everything_a_run_can_keep(url: str, tmp_path: Path) -> None:
    a_file(tmp_path / "model", "weights/1.bin", b"\0" * (2 << 20))
    a_file(tmp_path / "model", "config.json", "{}")
    notes = a_file(tmp_path, "notes.md", "# hi")
    with mere.start_run("x", name="quiet") as run:
        run.log_artifact(notes)
        run.log_artifact(str(notes), "docs/größe.md")
        run.log_artifacts(tmp_path / "model")
        run.log_artifact(tmp_path / "model", "again")
        run.log_artifacts(tmp_path / "model" / "weights", "")
        run.log_text("log.txt", "hello")
        run.log_dict("conf/a.json", {"lr": 0.1})
        run.log_dict("conf/a.yaml", {"lr": 0.1})
        for step in range(2):
            run.log_image("samples/cat", np.full((4, 4), step / 2), step=step, caption="a cat")
        run.log_image("last.png", np.zeros((4, 4)))
        run.log_audio("beep", np.zeros(80), rate=8000)
        run.log_table("predictions", {"a": [1, 2]})
        run.log_histogram("weights", np.arange(10), np.int64(7))  # type: ignore[arg-type]
        run.log_figure("curve", notes)
    found = {one.path: one for one in mere.list_artifacts(run)}
    assert sorted(found) == [
        "1.bin",
        "again/config.json",
        "again/weights/1.bin",
        "conf/a.json",
        "conf/a.yaml",
        "docs/größe.md",
        "log.txt",
        "media/beep.wav",
        "media/curve.md",
        "media/last.png",
        "media/predictions.parquet",
        "media/samples/cat/00000000.png",
        "media/samples/cat/00000001.png",
        "media/weights/00000007.histogram.json",
        "model/config.json",
        "model/weights/1.bin",
        "notes.md",
    ]
    cat = found["media/samples/cat/00000001.png"]
    assert (cat.kind, cat.step, cat.caption, cat.media_type) == ("image", 1, "a cat", "image/png")
    assert found["media/weights/00000007.histogram.json"].step == 7
    assert stored(run.run_id, url)["notes.md"] == b"# hi"
    assert on_disk() == []


def test_names_become_readable_paths() -> None:
    assert media_path("a/b", ".png", 3) == "media/a/b/00000003.png"
    assert media_path("a/b.PNG", ".png", 3) == "media/a/b/00000003.png"
    assert media_path("a.b", ".png", None) == "media/a.b.png"
    assert media_path("c", "", None) == "media/c"


def test_what_cannot_be_kept_is_one_warning(
    url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with mere.start_run("x") as run:
        for _ in range(3):
            run.log_artifact(tmp_path / "missing")
            run.log_artifacts(tmp_path / "missing")
            run.log_artifact("a\0b")
            run.log_artifact(7)  # type: ignore[arg-type]
            run.log_text("../x", "climbs")
            run.log_text("x", 7)  # type: ignore[arg-type]
            run.log_dict("x.json", 7)
            run.log_image("i", np.zeros(3))
            run.log_image("/i", np.zeros((3, 3)))
            run.log_image("i", np.zeros((3, 3)), step=-1)
            run.log_image("i", np.zeros((3, 3)), step=1.5)  # type: ignore[arg-type]
            run.log_audio("a", np.zeros(3))
            run.log_table("t", object())
            run.log_figure("f", None)
            run.log_histogram("h", "missing")
        run.log({"still": 1})
    messages = [record.getMessage() for record in caplog.records]
    assert sum("was not logged" in message for message in messages) == 15
    assert all(record.levelname == "WARNING" for record in caplog.records)
    assert mere.list_artifacts(run) == []
    assert mere.get_run(run.run_id).metrics == {"still": 1.0}
    run.log_text("late.txt", "x")
    assert "the run has ended" in caplog.text


def test_at_most_so_many_warnings(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with mere.start_run("x") as run:
        for number in range(50):
            run.log_artifact(f"missing {number}")
    assert sum("was not logged" in record.getMessage() for record in caplog.records) == 20


def test_files_left_out_of_a_folder_are_one_warning(
    url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    a_file(tmp_path / "in", "good", "1")
    for number in range(5):
        (tmp_path / "in" / f"out {number}").symlink_to("/etc/hostname")
    with mere.start_run("x") as run:
        run.log_artifacts(tmp_path / "in")
    assert [one.path for one in mere.list_artifacts(run)] == ["in/good"]
    (warning,) = [record.getMessage() for record in caplog.records]
    assert "5 file(s)" in warning
    assert "leads out" in warning


def test_a_flush_waits_for_files(store: Outage) -> None:
    with mere.start_run("x", warehouse=URL) as run:
        run.flush()
        store.gate.clear()
        run.log_text("a.txt", "1")
        with pytest.raises(mere.Unavailable, match=r"1 file\(s\) of run"):
            run.flush(0.2)
        store.gate.set()
        run.flush()
        assert stored(run.run_id) == {"a.txt": b"1"}


# Where files wait


def test_small_ones_wait_in_memory_and_larger_ones_on_disk(
    uploads: Uploads, store: Outage, tmp_path: Path
) -> None:
    store.gate.clear()
    changing = a_file(tmp_path, "changing", b"12345")
    uploads.add(item("small", changing))
    changing.write_bytes(b"other")
    assert on_disk() == []
    larger = a_file(tmp_path, "larger", b"l" * 50)
    uploads.add(item("larger", larger))
    larger.unlink()
    assert len(on_disk()) == 1
    for number in range(3):
        uploads.add(item(f"bytes {number}", bytes(10)))  # the third no longer fits
    assert len(on_disk()) == 2
    store.gate.set()
    assert uploads.wait(10) == []
    until(lambda: not on_disk())
    assert stored()["small"] == b"12345"
    assert stored()["larger"] == b"l" * 50
    assert len(stored()) == 5
    assert (uploads._memory, uploads._staged) == (0, 0)


def test_large_ones_are_sent_within_the_call(uploads: Uploads, tmp_path: Path) -> None:
    uploads.add(item("large", a_file(tmp_path, "large", b"x" * 500)))
    assert stored() == {"large": b"x" * 500}
    assert on_disk() == []


def test_large_folders_are_sent_within_the_call(uploads: Uploads, tmp_path: Path) -> None:
    for number in range(20):
        a_file(tmp_path / "in", f"{number:02}", b"x" * 30)
    uploads.add_folder("in", tmp_path / "in")
    assert len(stored()) == 20
    uploads.add_folder("", tmp_path / "in")
    assert len(stored()) == 40


def test_what_fits_neither_place_is_told(uploads: Uploads, store: Outage, tmp_path: Path) -> None:
    store.is_down = True
    uploads.add(item("a", a_file(tmp_path, "a", b"x" * 200)))
    assert len(on_disk()) == 1
    with pytest.raises(Unavailable, match="200 bytes wait on disk already, of 250"):
        uploads.add(item("b", a_file(tmp_path, "b", b"x" * 200)))
    store.is_down = False
    assert uploads.wait(10) == []
    assert list(stored()) == ["a"]


def test_what_was_too_large_for_the_disk_is_tried_anew(
    uploads: Uploads, store: Outage, tmp_path: Path
) -> None:
    huge = a_file(tmp_path, "huge", b"x" * 500)
    store.is_down = True
    with pytest.raises(Unavailable, match="log it again later"):
        uploads.add(item("huge", huge))
    store.is_down = False
    uploads.add(item("huge", huge))
    assert list(stored()) == ["huge"]


def test_a_full_disk_is_no_loss_while_the_store_answers(
    uploads: Uploads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise Unavailable(ErrorCode.STORE_FULL, "no space left")

    monkeypatch.setattr(uploads._outbox, "hold", full)
    uploads.add(item("a", a_file(tmp_path, "a", b"x" * 50)))
    assert stored() == {"a": b"x" * 50}
    assert list((tmp_path / "state" / "mere" / "staging").iterdir()) == []


def test_the_disk_is_full_and_the_store_is_down(
    uploads: Uploads, store: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.is_down = True
    monkeypatch.setattr(outbox.Outbox, "_own", _raise_full)
    uploads.add(item("a", b"1"))
    assert uploads.wait(0.2) == ["a"]
    assert uploads.leave() == (1, None)


def _raise_full(*_: object) -> None:
    raise Unavailable(ErrorCode.STORE_FULL, "no space left")


def test_copies_that_a_crash_left_are_removed(
    uploads: Uploads, tmp_path: Path, store: Outage
) -> None:
    old = a_file(tmp_path / "state" / "mere" / "staging", "old", b"1")
    os.utime(old, (0, 0))
    new = a_file(tmp_path / "state" / "mere" / "staging", "new", b"1")
    uploads.add(item("a", a_file(tmp_path, "a", b"x" * 50)))
    assert not old.exists()
    assert new.exists()


# Outages


def test_an_outage_delays_and_loses_nothing(
    uploads: Uploads, store: Outage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    uploads.add(item("before", b"0"))
    assert uploads.wait(10) == []
    store.is_down = True
    uploads.add(item("small", b"1"))
    uploads.add(item("larger", a_file(tmp_path, "l", b"2" * 50)))
    uploads.add(item("large", a_file(tmp_path, "L", b"3" * 120)))
    uploads.add(item("before", b"4"))
    assert sorted(uploads.wait(0.3)) == ["before", "large", "larger", "small"]
    store.is_down = False
    assert uploads.wait(10) == []
    assert stored() == {"before": b"4", "small": b"1", "larger": b"2" * 50, "large": b"3" * 120}
    until(lambda: not on_disk())
    messages = [record.getMessage() for record in caplog.records]
    assert sum("does not take files" in message for message in messages) == 1
    assert sum("takes files again" in message for message in messages) == 1


def test_what_is_left_at_the_end_is_sent_by_sync(
    store: Outage, caplog: pytest.LogCaptureFixture
) -> None:
    run = mere.start_run("x", warehouse=URL)
    run.log_text("a.txt", "1")
    run.flush()
    store.is_down = True
    run.log_text("a.txt", "2")
    run.log_text("b.txt", "3")
    run.finish(timeout_s=0.2)
    assert "2 file(s) wait in" in caplog.text
    assert "`mere sync`" in caplog.text
    store.is_down = False
    report = outbox.sync(warehouse=URL)
    assert report.left == {}
    assert report.sent[UPLOAD] == 2
    assert stored(run.run_id) == {"a.txt": b"2", "b.txt": b"3"}
    assert on_disk() == []


def test_what_comes_late_does_not_hide_what_is_newer(uploads: Uploads, store: Outage) -> None:
    store.is_down = True
    uploads.add(item("a", b"old"))
    uploads.wait(0.2)
    uploads.leave()
    store.is_down = False
    warehouse.open_warehouse(URL).artifacts.put_bytes(RUN, "a", b"new")
    outbox.sync(warehouse=URL)
    assert stored() == {"a": b"new"}


def test_what_is_refused_is_told_and_the_rest_is_sent(
    uploads: Uploads, caplog: pytest.LogCaptureFixture
) -> None:
    uploads.add(item("a/b", b"1"))
    uploads.add(item("a", b"2"))
    uploads.add(item("c", b"3"))
    assert uploads.wait(10) == []
    assert len(stored()) == 2
    assert caplog.text.count("was not logged") == 1


def test_what_sync_has_sent_is_not_missed(
    uploads: Uploads, store: Outage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store.is_down = True
    uploads.add(item("a", a_file(tmp_path, "a", b"1" * 50)))
    uploads.wait(0.2)
    store.is_down = False
    assert outbox.sync(warehouse=URL).left == {}
    assert uploads.wait(10) == []
    assert stored() == {"a": b"1" * 50}
    assert "was not logged" not in caplog.text


def test_an_entry_that_makes_no_sense_stays_and_is_named(uploads: Uploads) -> None:
    uploads._outbox.hold(UPLOAD, {"path": "a"}, b"1")
    uploads._outbox.hold(UPLOAD, {"owner": RUN, "path": "b", "kind": "file"})
    uploads._outbox.hold(UPLOAD, {"owner": RUN, "path": "../c", "kind": "file"}, b"1")
    report = outbox.sync(warehouse=URL)
    reasons = sorted(report.left.values())
    assert [reason.split(":")[0].split(" '")[0] for reason in reasons] == [
        "a spooled file cannot be understood",
        "bad artifact path",
        "the spooled content of",
    ]
    for entry in uploads._outbox._own().entries():
        uploads._outbox._own().remove(entry)


def test_a_warehouse_that_cannot_be_opened_is_said_once(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    refused = Uploads(RUN, "gopher://x", "run x", SystemClock())
    for number in range(5):
        refused.add(item(str(number), b"1"))
        refused.wait(5)
    assert caplog.text.count("no files will be logged") == 1
    assert refused.leave() == (0, None)


def test_a_bug_loses_nothing(
    uploads: Uploads, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifacts = warehouse.open_warehouse(URL).artifacts
    monkeypatch.setattr(artifacts, "put_all", lambda *_, **__: 1 / 0)
    uploads.add(item("a", b"1"))
    uploads.wait(10)
    assert "please report it" in caplog.text
    assert len(on_disk()) == 1
    monkeypatch.undo()
    assert outbox.sync(warehouse=URL).sent == {UPLOAD: 1}
    assert stored() == {"a": b"1"}


# Processes


def test_a_killed_process_leaves_its_files_to_the_next(url: str, tmp_path: Path) -> None:
    file = tmp_path / "train.py"
    file.write_text(
        textwrap.dedent(
            """
            import os, signal, time
            import mere
            from mere.services.artifacts.artifacts import Artifacts
            Artifacts.put_all = lambda *_, **__: time.sleep(60)
            open("big", "wb").write(b"x" * (2 << 20))
            run = mere.start_run("x", run_id="b" * 32)
            run.flush()
            run.log_artifact("big")
            os.kill(os.getpid(), signal.SIGKILL)
            """
        )
    )
    done = subprocess.run(
        [sys.executable, str(file)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": SOURCES},
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert mere.list_artifacts("b" * 32) == []
    assert outbox.sync().left == {}
    assert stored("b" * 32, url) == {"big": b"x" * (2 << 20)}
    assert on_disk() == []


def test_files_logged_at_the_very_end_are_sent(url: str, script: Script) -> None:
    done = script(
        """
        import mere
        run = mere.start_run("x", name="ends")
        for n in range(30):
            run.log_text(f"{n}.txt", str(n))
        """
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert len(mere.list_artifacts("ends")) == 30
    assert on_disk() == []


def test_a_forked_child_logs_files_too(url: str, script: Script) -> None:
    done = script(
        """
        import os, sys, mere
        run = mere.start_run("x", name="forks")
        run.log_text("parent.txt", "1")
        pid = os.fork()
        if pid == 0:
            run.log_text("child.txt", "2")
            sys.exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        run.log_text("after.txt", "3")
        """
    )
    assert done.returncode == 0, done.stderr
    run = mere.get_run("forks")
    found = {"parent.txt": b"1", "child.txt": b"2", "after.txt": b"3"}
    assert stored(run.run_id, url) == found
    assert run.status == "FINISHED"


@pytest.fixture
def bucket(url: str, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return s3_server.new_prefix("uploads")


def test_files_go_to_a_bucket(bucket: str, script: Script, tmp_path: Path) -> None:
    done = script(
        f"""
        import os, mere, numpy as np
        os.chdir({str(tmp_path)!r})
        with mere.start_run("x", run_id="d" * 32, warehouse="{bucket}") as run:
            for step in range(20):
                run.log_image("noise", np.random.rand(32, 32), step=step)
            open("big", "wb").write(bytes(range(256)) * (80 << 12))
            run.log_artifact("big")
        """
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    found = stored("d" * 32, bucket)
    assert len(found) == 21
    assert found["big"] == bytes(range(256)) * (80 << 12)


def test_a_forked_child_of_a_bucket_warns_and_hangs_nowhere(bucket: str, script: Script) -> None:
    done = script(
        f"""
        import os, sys, mere
        run = mere.start_run("x", run_id="e" * 32, warehouse="{bucket}")
        run.log_text("parent.txt", "1")
        run.flush()
        pid = os.fork()
        if pid == 0:
            for n in range(5):
                run.log_text(f"child {{n}}.txt", "2")
            sys.exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        run.log_text("after.txt", "3")
        """
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("no files will be logged") == 1
    assert set(stored("e" * 32, bucket)) == {"parent.txt", "after.txt"}


def test_what_cannot_be_taken_is_raised(uploads: Uploads, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        uploads.add(item("a", tmp_path / "none"))
    with pytest.raises(InvalidInput):
        uploads.add(item("a", tmp_path))
    with pytest.raises(InvalidInput, match="bad artifact path"):
        uploads.add_folder("/x", tmp_path)
