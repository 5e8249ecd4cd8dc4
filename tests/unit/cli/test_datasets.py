"""``mere datasets``, ``mere dataset …`` and ``mere lineage``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

import mere
from tests.unit.cli.conftest import Mere


@pytest.fixture
def stored(command: Mere, tmp_path: Path) -> Mere:
    """Two versions of a table, two of files, a run that has read one and written another."""
    first = mere.dataset("iris").write({"w": [1.0, None], "s": ["x", "[b]"]}, tags={"a": "b"})
    mere.dataset("iris").write({"w": [2.0, None], "s": ["x", "[b]"], "new": [1, 2]})
    (tmp_path / "in").mkdir()
    for version in (1, 2):
        (tmp_path / "in" / f"{version}.txt").write_text("x" * version)
        files = mere.dataset("images").write_files(tmp_path / "in")
    with mere.start_run("digits", name="train") as run:
        run.log_input(first, context="training")
        run.log_output(files)
    return command


def test_datasets_are_listed(command: Mere, stored: Mere) -> None:
    found = command("datasets")
    assert found.code == 0
    assert "iris" in found.out
    rows = {row["name"]: row for row in command("datasets", "--json").json}
    assert (rows["iris"]["version"], rows["iris"]["rows"]) == (2, 2)
    assert (rows["images"]["files"], rows["images"]["bytes"]) == (2, 3)


def test_there_are_none(command: Mere) -> None:
    mere.start_run().finish()
    assert "no datasets" in command("datasets").err
    assert command("datasets", "--json").json == []
    assert command("dataset", "show", "x").code == 1


def test_a_version_is_shown(stored: Mere) -> None:
    shown = stored("dataset", "show", "iris@1")
    assert shown.code == 0
    for part in ("iris@1", "dataset_iris", "a=b", "read by", "double", "[b]"):
        assert part in shown.out, part
    found = stored("dataset", "show", "iris", "--json").json
    assert (found["version"], len(found["schema"]), found["profile"]["rows"]) == (2, 3, 2)
    mere.dataset("times").write({"t": [datetime(2026, 1, 2, tzinfo=UTC)]})
    mere.dataset("times").write({"t": [datetime(2026, 1, 3, tzinfo=UTC)]})
    assert "timestamp[us, tz=UTC]" in stored("dataset", "show", "times").out
    assert "t=2026-01-03T00:00:00+00:00" in stored("dataset", "diff", "times@1", "times@2").out
    files = stored("dataset", "show", "images", "--files")
    assert "2.txt" in files.out
    assert "written by" in files.out
    missing = stored("dataset", "show", "iris@9")
    assert missing.code == 1
    assert "it has 1, 2" in missing.err


def test_differences(stored: Mere) -> None:
    shown = stored("dataset", "diff", "iris@1", "iris@2")
    assert "+ column new" in shown.out
    assert "1 added, 1 removed" in shown.out
    found = stored("dataset", "diff", "iris@1", "iris@2", "--json").json
    assert found["rows"]["added_sample"] == [{"row": {"w": 2.0, "s": "x"}, "count": 1}]
    assert "+ 2.txt" in stored("dataset", "diff", "images@1", "images@2").out
    assert "the same" in stored("dataset", "diff", "iris", "iris@2").out
    assert stored("dataset", "diff", "iris", "images").code == 2
    assert stored("dataset", "diff", "iris", "iris@1", "--sample", "-1").code == 2


def test_putting_and_getting(stored: Mere, tmp_path: Path) -> None:
    (tmp_path / "in" / "3.txt").write_text("3")
    put = stored("dataset", "put", "images", str(tmp_path / "in"))
    assert "images@3: 3 files" in put.out
    assert "nothing has changed" in stored("dataset", "put", "images", str(tmp_path / "in")).out
    out = tmp_path / "out"
    assert stored("dataset", "get", "images@1", "--to", str(out)).code == 0
    assert [path.name for path in out.iterdir()] == ["1.txt"]
    (tmp_path / "t.csv").write_text("n\n1\n2\n")
    table = str(tmp_path / "t.csv")
    made = stored("dataset", "put", "numbers", table, "--table", "--json").json
    assert (made["rows"], made["is_new"]) == (2, True)
    more = stored("dataset", "put", "numbers", table, "--table", "--mode", "append")
    assert "numbers@2: 4 rows" in more.out
    got = stored("dataset", "get", "numbers", "--to", str(out), "--json").json
    assert got["path"].endswith("numbers.parquet")
    assert stored("dataset", "put", "x", table, table, "--table").code == 2
    assert stored("dataset", "put", "x", str(tmp_path / "none")).code == 2


def test_the_bin(stored: Mere) -> None:
    assert "iris@2" in stored("dataset", "delete", "iris", "--version", "2").out
    assert stored("dataset", "show", "iris").out.startswith("iris@1")
    assert stored("dataset", "restore", "iris", "--json").json[0]["dataset"] == "iris@2"
    assert stored("dataset", "delete", "none").code == 1


def test_lineage_is_a_tree_both_ways(stored: Mere) -> None:
    tree = stored("lineage", "train")
    assert tree.code == 0
    up, _, down = tree.out.partition("went into")
    assert "iris@1  for training" in up
    assert "images@2" in down
    only = stored("lineage", "iris@1", "--direction", "down", "--depth", "1")
    assert "train" in only.out
    assert "1 more" in only.out
    assert "came from" not in only.out
    found = stored("lineage", "iris@1", "--json").json
    assert [node["label"] for node in found["nodes"]] == ["iris@1", "train", "images@2"]
    assert stored("lineage", "nothing").code == 1


def test_lineage_as_a_picture(stored: Mere) -> None:
    mere.dataset('odd "name"').write({"n": [1]})
    dot = stored("lineage", "train", "--format", "dot").out
    assert dot.startswith("digraph lineage {")
    assert '[label="training"]' in dot
    mermaid = stored("lineage", "train", "--format", "mermaid").out
    assert mermaid.startswith("flowchart LR")
    assert '-->|"training"|' in mermaid
    assert '\\"name\\"' in stored("lineage", 'odd "name"', "--format", "dot").out
    assert "#34;name#34;" in stored("lineage", 'odd "name"', "--format", "mermaid").out
