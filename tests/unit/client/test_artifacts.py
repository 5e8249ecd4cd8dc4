"""Reading back what runs kept."""

from __future__ import annotations

from pathlib import Path

import pytest

import mere
from mere.client.artifacts import default_folder
from mere.services.warehouse import open_warehouse


@pytest.fixture
def run(url: str) -> mere.Run:
    with mere.start_run("x", name="quiet-heron-7") as made:
        made.log_text("notes/a.txt", "hello")
        made.log_text("notes/b.txt", "there")
        made.log_table("predictions", {"a": [1, 2]})
        made.log_table("predictions", {"a": [3]}, step=4)
    return made


def test_lists(run: mere.Run) -> None:
    assert [one.path for one in mere.list_artifacts(run)] == [
        "media/predictions.parquet",
        "media/predictions/00000004.parquet",
        "notes/a.txt",
        "notes/b.txt",
    ]
    assert [one.path for one in mere.list_artifacts("quiet-heron-7", "notes")] == [
        "notes/a.txt",
        "notes/b.txt",
    ]
    (one,) = mere.list_artifacts(run.run_id[:20], "notes/a.txt")
    assert isinstance(one, mere.Artifact)
    with pytest.raises(mere.NotFound):
        mere.list_artifacts("nobody")


def test_downloads(run: mere.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert mere.download(run, "notes/a.txt", tmp_path / "to").read_text() == "hello"
    assert mere.download("quiet-heron-7", "notes") == Path("quiet-heron-7/notes")
    assert Path("quiet-heron-7/notes/b.txt").read_text() == "there"
    assert mere.download(run, to=str(tmp_path / "all")) == tmp_path / "all"
    assert len(list((tmp_path / "all").rglob("*.parquet"))) == 2
    with pytest.raises(mere.NotFound):
        mere.download(run, "note")


def test_tables(run: mere.Run) -> None:
    assert mere.load_table(run, "media/predictions.parquet").to_pydict() == {"a": [1, 2]}
    assert mere.load_table("quiet-heron-7", "predictions").to_pydict() == {"a": [1, 2]}
    assert mere.load_table(run, "predictions/00000004").to_pydict() == {"a": [3]}
    with pytest.raises(mere.InvalidInput, match="is text/plain, no Parquet file"):
        mere.load_table(run, "notes/a.txt")
    with pytest.raises(mere.NotFound):
        mere.load_table(run, "nothing")
    artifacts = open_warehouse(run.warehouse).artifacts
    artifacts.put_bytes(run.run_id, "bad.parquet", b"PAR1")
    with pytest.raises(mere.CorruptData, match="no readable Parquet"):
        mere.load_table(run, "bad.parquet")


def test_open_files(run: mere.Run) -> None:
    with mere.open_artifact(run, "notes/a.txt") as opened:
        assert opened.readline() == b"hello"
    with pytest.raises(mere.NotFound):
        mere.open_artifact(run, "notes")


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("quiet-heron-7", "quiet-heron-7"),
        ("größe 1", "größe 1"),
        ("a/b", "ID"),
        ("..", "ID"),
        ("-rf", "ID"),
        ("~", "ID"),
        ("a\n", "ID"),
        ("x" * 200, "ID"),
        (None, "ID"),
        ("", "ID"),
    ],
)
def test_names_of_folders(name: str | None, folder: str) -> None:
    assert default_folder(name, "ID") == folder
