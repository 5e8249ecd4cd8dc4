"""Imports of event files, written by tensorboardX (run1) and TensorBoard 2's writer (v2)."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import pytest

import mere
from mere.errors import InvalidInput, NotFound
from mere.interchange.wire import Damaged, decode, records_of_events
from mere.services.warehouse import open_warehouse
from tests.unit.interchange.conftest import contents


def rows(query: str):
    return mere.sql(query).to_pylist(maps_as_pydicts="lossy")


def test_scalars_params_texts_and_images_come_over(event_folder: Path) -> None:
    report = mere.import_tensorboard(event_folder, experiment="boards")
    assert (report.runs_new, report.points_new, report.files_new) == (3, 38, 5)
    assert report.left_out == {"histograms": 1}
    runs = {row["name"]: row for row in rows("from runs")}
    assert set(runs) == {"run1", "run1/hp", "v2"}
    assert runs["run1/hp"]["parent_run_id"] == runs["run1"]["run_id"]
    assert runs["run1/hp"]["params"] == {"lr": "0.1", "opt": "adam", "flag": "True"}
    assert runs["run1"]["metric_summary"]["loss/train"]["count"] == 30
    history = mere.metric_history("run1", "loss/train").to_pylist()
    assert [one["step"] for one in history] == list(range(30))
    assert history[1]["value"] == struct.unpack("<f", struct.pack("<f", 0.5))[0]
    assert history[1]["timestamp"].timestamp() == 1700000000.5
    assert [str(one["value"]) for one in mere.metric_history("run1", "bad").to_pylist()] == [
        "nan",
        "inf",
    ]
    acc = mere.metric_history("v2", "acc")["value"].to_pylist()
    assert acc == [0.0, 0.25, 0.5, 0.75, 1.0]
    artifacts = open_warehouse().artifacts
    assert artifacts.read(runs["v2"]["run_id"], "text/note/2.md") == "grüße".encode()
    assert artifacts.read(runs["v2"]["run_id"], "images/pic/3-1.png") == b"\x89PNG two"
    (image,) = artifacts.list(runs["run1"]["run_id"], "images")
    assert (image.kind, image.step, image.caption) == ("image", 1, "img/a")


def test_files_that_have_grown_go_on(event_folder: Path, here: Path) -> None:
    (file,) = (event_folder / "run1").glob("*tfevents*")
    whole = file.read_bytes()
    ends = [offset for offset, _ in records_of_events(file)]
    file.write_bytes(whole[: ends[10] + 5])  # the last record is half written
    assert mere.import_tensorboard(event_folder).points_new == 15
    file.write_bytes(whole)
    report = mere.import_tensorboard(event_folder)
    assert (report.runs_new, report.points_new) == (0, 23)
    first = contents(str(here / "warehouse"))
    report = mere.import_tensorboard(event_folder)
    assert (report.points_new, report.files_new, report.runs_changed) == (0, 0, 0)
    assert contents(str(here / "warehouse")) == first


def test_a_damaged_file_gives_what_stands_before(event_folder: Path) -> None:
    (file,) = (event_folder / "run1").glob("*tfevents*")
    data = bytearray(file.read_bytes())
    at = [offset for offset, _ in records_of_events(file)][12]
    data[at] ^= 0xFF
    file.write_bytes(data)
    report = mere.import_tensorboard(event_folder)
    assert report.left_out["event files that are damaged; what stands before was taken"] == 1
    assert mere.metric_history("run1", "loss/train").num_rows == 11


def test_tags_cannot_lead_elsewhere(event_folder: Path) -> None:
    (file,) = (event_folder / "v2").glob("*tfevents*")
    # Same length, so that only the checksum of the content, which is not looked at, is wrong.
    file.write_bytes(file.read_bytes().replace(b"\x0a\x04note", b"\x0a\x04../x"))
    mere.import_tensorboard(event_folder)
    (run_id,) = (row["run_id"] for row in rows("from runs where name = 'v2'"))
    paths = [one.path for one in open_warehouse().artifacts.list(run_id, "text")]
    assert paths == ["text/_/x/2.md"]


def test_folders_without_events_are_refused(here: Path) -> None:
    with pytest.raises(NotFound, match="no folder"):
        mere.import_tensorboard("nope")
    (here / "empty").mkdir()
    with pytest.raises(InvalidInput, match="no event file"):
        mere.import_tensorboard("empty")
    (here / "empty" / "events.out.tfevents.1").write_bytes(b"")
    report = mere.import_tensorboard("empty")
    assert report.runs == 0
    assert report.left_out == {"event files without an event": 1}


def test_a_copy_of_the_folder_is_the_same_runs(event_folder: Path, here: Path) -> None:
    mere.import_tensorboard(event_folder, experiment="e")
    copy = shutil.copytree(event_folder, here / "elsewhere")
    report = mere.import_tensorboard(copy, experiment="e")
    assert (report.runs_new, report.points_new) == (0, 0)


@pytest.mark.parametrize("data", [b"\x0a\x05ab", b"\x08", b"\x0f", b"\xff" * 20, b"\x09abc"])
def test_what_is_no_message_is_damaged(data: bytes) -> None:
    with pytest.raises(Damaged):
        decode(data)
