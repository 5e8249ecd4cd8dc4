from __future__ import annotations

from pathlib import Path

import pytest

import mere
from tests.unit.cli.conftest import Mere


@pytest.fixture
def kept(command: Mere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mere:
    """A run with some files; the current folder is the test's."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    with mere.start_run("digits", name="one") as run:
        run.log_text("notes/[b]a[/b].txt", "hello\n")
        run.log_dict("conf.json", {"lr": 0.1})
        run.log_table("predictions", {"a": [1]}, step=3)
    return command


def test_ls(kept: Mere) -> None:
    done = kept("artifacts", "ls", "one")
    assert done.code == 0
    assert "notes/[b]a[/b].txt" in done.out
    assert "3 files" in done.err
    assert "caption" not in done.out
    (row,) = kept("artifacts", "ls", "one", "media", "--json").json
    assert (row["path"], row["step"], row["kind"]) == (
        "media/predictions/00000003.parquet",
        3,
        "table",
    )
    assert kept("artifacts", "ls", "one", "[nothing]").err.strip() == "no files in [nothing]"
    assert kept("artifacts", "ls", "one", "nothing", "--json").json == []
    assert kept("artifacts", "ls", "nobody").code == 1


def test_get(kept: Mere, tmp_path: Path) -> None:
    done = kept("artifacts", "get", "one", "conf.json")
    assert done.code == 0
    assert done.out.startswith("one/conf.json: 1 file, ")
    assert (tmp_path / "one" / "conf.json").exists()
    told = kept("artifacts", "get", "one", "--to", "all", "--json").json
    assert (told["path"], told["files"]) == ("all", 3)
    assert (tmp_path / "all" / "notes" / "[b]a[/b].txt").read_text() == "hello\n"
    missing = kept("artifacts", "get", "one", "nothing")
    assert missing.code == 1
    assert "mere artifacts ls" in missing.err


def test_put(kept: Mere, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "b").write_text("b")
    (tmp_path / "in" / "out").symlink_to("/etc/hostname")
    assert kept("artifacts", "put", "one", "a.txt").out.startswith("a.txt: 1 B, ca978112ca1b")
    assert kept("artifacts", "put", "one", "a.txt", "--path", "x/y", "--json").json["path"] == "x/y"
    done = kept("artifacts", "put", "one", "in")
    assert done.out.strip() == "in: 1 file, 1 B"
    assert "left out: out: it is a link that leads out" in done.err
    assert "1 of them as before" in kept("artifacts", "put", "one", "in").out
    assert kept("artifacts", "put", "one", "in", "--json").json["unchanged"] == 1
    assert kept("artifacts", "put", "one", "nothing").code == 2
    assert kept("artifacts", "put", "one", "a.txt", "--path", "../x").code == 2
    assert kept("artifacts", "put", "one", "a.txt", "--path", "in").code == 2


def test_cat(kept: Mere, tmp_path: Path) -> None:
    assert kept("artifacts", "cat", "one", "conf.json").out == '{\n  "lr": 0.1\n}\n'
    (stored,) = (tmp_path / "warehouse").rglob("conf.json")
    stored.chmod(0o600)
    stored.write_text('{\n  "lr": 0.2\n}\n')
    done = kept("artifacts", "cat", "one", "conf.json")
    assert done.code == 1
    assert "not what was logged" in done.err


def test_cat_as_json(kept: Mere) -> None:
    told = kept("artifacts", "cat", "one", "notes/[b]a[/b].txt", "--json").json
    assert told == {"path": "notes/[b]a[/b].txt", "content": "hello\n"}
    assert kept("artifacts", "cat", "one", "notes").code == 1


def test_progress_is_shown_on_terminals(kept: Mere, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    done = kept("artifacts", "get", "one", "--to", "x")
    assert "100%" in done.err or "files" in done.err
    assert done.out.startswith("x: 3 files")
