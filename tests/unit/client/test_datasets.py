"""Datasets and lineage as training code uses them."""

from __future__ import annotations

import json
import logging
import pickle
import stat
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import mere
from mere.client import outbox
from mere.clock import SystemClock
from mere.errors import ErrorCode
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.services import warehouse
from mere.services.tables import TABLES


def edges() -> list[tuple[str, str, str | None]]:
    found = mere.sql(
        "select l.direction, d.name || '@' || d.version as label, l.context from lineage l "
        "join datasets d on l.asset = 'dataset:' || d.dataset_id order by all"
    ).to_pylist()
    return [(row["direction"], row["label"], row["context"]) for row in found]


def test_a_dataset_comes_back_in_every_form(url: str) -> None:
    data = mere.dataset("iris")
    first = data.write(pd.DataFrame({"w": [1.5, 2.5], "s": ["x", "y"]}), tags={"n": 1})
    second = data.write(pl.DataFrame({"w": [3.5], "s": ["z"]}), mode="append")
    assert repr(second) == "<mere.dataset iris@2>"
    assert (first.version, second.version, second.rows, second.table) == (1, 2, 3, "dataset_iris")
    assert mere.dataset("iris", 1).arrow().to_pydict() == {"w": [1.5, 2.5], "s": ["x", "y"]}
    latest = mere.dataset("iris")
    assert latest.pandas()["w"].tolist() == [1.5, 2.5, 3.5]
    assert latest.polars(["s"])["s"].to_list() == ["x", "y", "z"]
    assert sum(batch.num_rows for batch in latest.batches()) == 3
    assert latest.schema == pa.schema([("w", pa.float64()), ("s", pa.string())])
    assert latest.profile is not None
    assert latest.profile["columns"][0]["max"] == 3.5
    assert latest.dataset_id == second.dataset_id == mere.dataset("iris@2").dataset_id
    assert latest.digest != first.digest
    assert mere.datasets()["name"].to_pylist() == ["iris"]
    assert latest.versions()["version"].to_pylist() == [2, 1]
    assert mere.sql("select count(*) as n from dataset_iris")["n"].to_pylist() == [3]
    first.set_tags({"n": None, "m": "x"})
    assert mere.dataset("iris", 1).info.tags == {"m": "x"}
    assert pickle.loads(pickle.dumps(first)).rows == 2


def test_files(url: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_text("one")
    written = mere.dataset("images").write_files(tmp_path / "in")
    assert [one.path for one in written.files()] == ["a"]
    assert (written.download(tmp_path / "out") / "a").read_text() == "one"
    with written.open("a") as file:
        assert file.read(2) == b"on"
    (tmp_path / "in" / "b").write_text("two")
    mere.dataset("images").write_files(tmp_path / "in")
    found = mere.dataset_diff("images@1", "images@2").files
    assert found is not None
    assert [one.path for one in found.added] == ["b"]


def test_what_is_not_there(url: str) -> None:
    with pytest.raises(mere.NotFound, match="no dataset"):
        mere.dataset("none", version=1)
    empty = mere.dataset("none")
    with pytest.raises(mere.NotFound, match="none"):
        empty.arrow()
    empty.write({"n": [1]})
    assert empty.arrow().num_rows == 1
    with pytest.raises(mere.NotFound, match="it has 1"):
        mere.dataset("none", version=2)
    with pytest.raises(mere.InvalidInput):
        mere.dataset("")


def test_the_bin(url: str) -> None:
    mere.dataset("a").write({"n": [1]})
    mere.dataset("a").write({"n": [2]})
    assert mere.delete_dataset("a", 2) == 1
    assert mere.dataset("a").version == 1
    assert mere.restore_dataset("a") == 1
    assert mere.dataset("a").version == 2


def test_inputs_and_outputs_of_a_run(url: str) -> None:
    first = mere.dataset("raw").write({"n": [1]})
    with mere.start_run("digits", name="train") as run:
        run.log_input(first, context="training")
        run.log_input("raw@1", context="training")
        made = mere.dataset("clean").write({"n": [2]})
        run.log_output(made)
        run.flush()
        assert edges() == [("read", "raw@1", "training"), ("write", "clean@1", None)]
        run.log_input(made.info, context="check")
    assert made.info.run_id == run.run_id
    assert ("read", "clean@1", "check") in edges()
    graph = mere.lineage(first)
    assert [node.label for node in graph.nodes] == ["raw@1", "train", "clean@1"]
    assert [node.label for node in mere.lineage(run, direction="down", depth=1).nodes] == [
        "train",
        "clean@1",
    ]
    with pytest.raises(mere.NotFound):
        mere.lineage("nothing")


def test_a_bad_input_never_raises(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "mere"), mere.start_run("digits") as run:
        for wrong in ("none", "none@3", 7, None, object(), mere.dataset("none"), "dataset:"):
            run.log_input(wrong)
        run.log_input("run:" + "0" * 32, context="x" * 1_000)
        run.log({"a": 1})
    assert len([r for r in caplog.records if "was not logged" in r.message]) == 8
    assert mere.sql("select * from lineage").num_rows == 0
    assert mere.runs()["status"].to_pylist() == ["FINISHED"]


class Outage(MemoryStore):
    """A store that can be told to fail."""

    is_down = False

    def put(self, key: str, data: bytes, *, overwrite: bool = False) -> bool:
        if self.is_down:
            raise mere.Unavailable(ErrorCode.STORE_UNAVAILABLE, "the store is down")
        return super().put(key, data, overwrite=overwrite)


def test_lineage_survives_a_store_that_is_away(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a run read travels with all else that it logs, through the spool too."""
    store, clock, place = Outage(), SystemClock(), "memory://lineage"
    lake = Lake.open(place, tables=TABLES, store=store, clock=clock)
    warehouse._shared.open[place] = warehouse.Warehouse(lake, clock, place)
    monkeypatch.setenv("MERE_WAREHOUSE", place)
    raw = mere.dataset("raw").write({"n": [1]})
    clean = mere.dataset("clean").write({"n": [2]})
    run = mere.start_run("digits", flush_interval_s=0.05)
    run.flush()
    store.is_down = True
    run.log_input(raw, context="training")
    with pytest.raises(mere.Unavailable):
        run.flush(timeout_s=0.5)
    run.log_output(clean)
    run.finish(timeout_s=0.5)
    store.is_down = False
    assert edges() == []
    outbox.sync(warehouse=place)
    assert edges() == [("read", "raw@1", "training"), ("write", "clean@1", None)]
    outbox._outboxes.reset()


def test_a_repetition_reads_the_versions_it_is_told(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = mere.dataset("a").write({"n": [1]})
    mere.dataset("a").write({"n": [2]})
    monkeypatch.setenv("MERE_INPUTS", json.dumps({"a": first.dataset_id}))
    assert mere.dataset("a").arrow().to_pydict() == {"n": [1]}
    assert mere.dataset("a", 2).arrow().to_pydict() == {"n": [2]}
    assert mere.dataset("a").write({"n": [3]}).version == 3
    monkeypatch.setenv("MERE_INPUTS", json.dumps({"a": "0" * 32}))
    with pytest.raises(mere.NotFound):
        mere.dataset("a")
    monkeypatch.setenv("MERE_INPUTS", "[1]")
    with pytest.raises(mere.InvalidInput, match="MERE_INPUTS"):
        mere.dataset("a")


def test_references(url: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("n\n1\n2\n")
    one = mere.dataset_reference("far", uri=(tmp_path / "t.csv").as_uri(), tags={"a": 1})
    assert one.arrow().to_pydict() == {"n": [1, 2]}
    assert one.schema.names == ["n"]
    assert one.info.tags == {"a": "1"}
    with mere.start_run("digits") as run:
        run.log_input(one)
    assert edges() == [("read", "far@1", None)]


def test_nothing_is_written_where_a_folder_is_closed(url: str) -> None:
    written = mere.dataset("a").write({"n": [1]})
    folder = Path(url)
    assert stat.S_ISDIR(folder.stat().st_mode)
    with pytest.raises(mere.InvalidInput, match="cannot be"):
        written.download("/proc/nothing")
