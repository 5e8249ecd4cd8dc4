"""Warehouses that earlier versions of the product logged into: what is new reads and extends them.

`tracking_1.zip` was written before artifacts, datasets and captures were: three runs, the last of
which had not been folded, and the tag ``then`` from before it.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

import mere
from mere.services.warehouse import close_warehouses

ARCHIVES = sorted(Path(__file__).parent.glob("tracking_*.zip"))


@pytest.fixture(params=ARCHIVES, ids=lambda path: path.stem)
def old(request, tmp_path, monkeypatch):
    with zipfile.ZipFile(request.param) as archive:
        archive.extractall(tmp_path / "old")
    monkeypatch.setenv("MERE_WAREHOUSE", str(tmp_path / "old"))
    yield
    close_warehouses()


def names(**query):
    return sorted(mere.runs(**query)["name"].to_pylist())


def test_what_was_logged_is_found(old):
    assert names() == ["old-one", "old-tail", "old-two"]
    assert names(filter="params.lr < 0.05 and metrics.loss <= 0.4") == ["old-two"]
    assert names(filter="tags.stage = 'trial'") == ["old-one"]
    then = mere.sql("select name from runs order by name", as_of="then")
    assert then["name"].to_pylist() == ["old-one", "old-two"]
    points = mere.sql("select count(*) as n, sum(value) as s from metrics").to_pylist()[0]
    assert points["n"] == 26


def test_what_is_new_works_in_it(old, tmp_path):
    mere.dataset("digits").write({"x": [1, 2, 3]})
    with mere.start_run("digits", name="new", params={"lr": 0.5}) as run:
        run.log_input(mere.dataset("digits"), context="training")
        run.log({"loss": 0.25, "fresh": 1.0})
        run.log_text("hello", "note.txt")
    [old_id] = mere.runs(filter="name = 'old-one'")["run_id"].to_pylist()
    with mere.start_run(run_id=old_id) as again:
        again.log({"loss": 0.05}, step=10)
    mere.fold()
    assert names(filter="experiment = 'digits'") == ["new", "old-one", "old-two"]
    rows = {row["name"]: row for row in mere.runs().to_pylist(maps_as_pydicts="strict")}
    assert rows["old-one"]["metrics"] == {"loss": 0.05, "acc": 0.9}
    assert rows["new"]["metrics"]["fresh"] == 1.0
    assert mere.sql("select count(*) as n from artifacts").to_pylist() == [{"n": 1}]
    assert mere.sql("select count(*) as n from lineage").to_pylist() == [{"n": 1}]
