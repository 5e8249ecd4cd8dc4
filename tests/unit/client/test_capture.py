from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import mere
from mere.client import capture
from mere.entities.naming import name_of
from mere.services.warehouse import open_warehouse
from tests.unit.client.conftest import Script
from tests.unit.client.test_outage import URL, Outage, store

__all__ = ["store"]

SAYS_WHAT_STARTED = """
    import json, sys
    from mere.client.command import command_of, what_started
    from pathlib import Path
    import msgspec
    started = what_started()
    command = command_of(started, Path(sys.argv[1]), None, None)
    print(json.dumps(msgspec.to_builtins(command)))
"""


@pytest.mark.parametrize(
    ("remote", "shown"),
    [
        ("https://ann:secret@git.example.org/a/b.git", "https://git.example.org/a/b.git"),
        ("https://token@git.example.org/a.git", "https://git.example.org/a.git"),
        ("https://git.example.org/a@b.git", "https://git.example.org/a@b.git"),
        ("git@git.example.org:a/b.git", "git@git.example.org:a/b.git"),
        ("/home/ann/a.git", "/home/ann/a.git"),
    ],
)
def test_remotes_are_noted_without_credentials(remote: str, shown: str) -> None:
    assert capture.without_credentials(remote) == shown


def test_names_of_runs_are_theirs() -> None:
    assert name_of("0" * 32) == name_of("f" * 20 + "0" * 12)
    names = {name_of(f"{n:032x}") for n in range(1000)}
    assert len(names) == 1000


LOGS = """
    import random, sys
    import mere
    mere.set_seed(7)
    with mere.start_run("exp", params={"a": 1}, tags={"t": "x"}, seeds={"split": 3}) as run:
        run.log({"loss": random.random()})
"""


def test_a_run_notes_what_it_takes_to_run_it_again(script: Script, tmp_path: Path) -> None:
    (tmp_path / "f_local.py").write_text("x = 1\n")
    done = script(LOGS.replace("import mere", "import f_local, mere"))
    assert done.returncode == 0, done.stderr
    (row,) = mere.sql("select * from runs").to_pylist(maps_as_pydicts="lossy")
    warehouse = open_warehouse()
    assert row["command"]["entrypoint"] == "train.py"
    assert row["command"]["is_module"] is False
    info, files = warehouse.code.bundle(row["command"]["code_digest"])
    assert info.kind == "script"
    assert [file.path for file in files] == ["f_local.py", "train.py"]
    environment = warehouse.code.environment(row["source"]["environment_digest"])
    assert environment.mere == mere.__version__
    assert "pyarrow" in {package.name for package in environment.distributions}
    assert row["seeds"] == {"python": "7", "split": "3"}
    assert row["tags"] == {"t": "x"}


@pytest.mark.parametrize("value", ["off", "0"])
def test_capture_can_be_turned_off(
    value: str, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MERE_CAPTURE", value)
    assert script(LOGS).returncode == 0
    (row,) = mere.sql("select command, source, seeds from runs").to_pylist(maps_as_pydicts="lossy")
    assert row["command"] is None
    assert row["source"]["git_commit"] is None
    assert row["source"]["environment_digest"] is None
    assert row["source"]["pid"] is not None
    assert row["seeds"] == {"python": "7", "split": "3"}


def test_capture_can_be_turned_off_for_one_run(url: str) -> None:
    with mere.start_run("exp", capture=False, console=False):
        pass
    (row,) = mere.sql("select command, source from runs").to_pylist()
    assert row["command"] is None
    assert row["source"]["environment_digest"] is None
    assert row["source"]["host"] is not None


def test_runs_of_a_repetition_are_marked(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERE_REPETITION", "abc")
    monkeypatch.setenv("MERE_REPEATS", "f" * 32)
    assert script(LOGS).returncode == 0
    (row,) = mere.sql("select tags, repeats from runs").to_pylist(maps_as_pydicts="lossy")
    assert row["tags"] == {"mere.repetition": "abc", "t": "x"}
    assert row["repeats"] == "f" * 32


def test_what_cannot_be_captured_keeps_no_run_from_being_tracked(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("a strange machine")

    monkeypatch.setattr(capture, "what_started", broken)
    captured = capture.capture()
    assert captured.command is None
    assert captured.source.git_commit is None


def test_what_is_captured_in_an_outage_arrives_later(
    store: Outage, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.mode = "down"
    run = mere.start_run("exp", name="early", warehouse=URL, flush_interval_s=0.05, console=False)
    with pytest.raises(mere.Unavailable):
        run.flush()
    store.mode = ""
    run.flush()
    run.finish()
    (row,) = mere.sql("select * from runs", warehouse=URL).to_pylist(maps_as_pydicts="lossy")
    warehouse = open_warehouse(URL)
    assert warehouse.code.environment(row["source"]["environment_digest"]).mere
    info, _ = warehouse.code.bundle(row["command"]["code_digest"])
    assert info.kind in ("tree", "changes")


@pytest.mark.parametrize(
    ("words", "entrypoint", "is_module", "arguments"),
    [
        (["pkg/main.py", "ROOT", "--lr", "1"], "pkg/main.py", False, ["--lr", "1"]),
        (["-m", "pkg.main", "ROOT"], "pkg.main", True, []),
        (["-m", "pkg", "ROOT"], "pkg", True, []),
        (["-O", "-c", "CODE", "ROOT", "x"], "mere-command.py", False, ["x"]),
    ],
)
def test_what_was_started(
    words: list[str], entrypoint: str, is_module: bool, arguments: list[str], tmp_path: Path
) -> None:
    import textwrap

    code = textwrap.dedent(SAYS_WHAT_STARTED)
    (tmp_path / "pkg").mkdir()
    for name in ("main.py", "__main__.py"):
        (tmp_path / "pkg" / name).write_text(code)
    (tmp_path / "pkg" / "__init__.py").write_text("")
    given = [{"ROOT": str(tmp_path), "CODE": code}.get(word, word) for word in words]
    done = subprocess.run(
        [sys.executable, *given], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    command = json.loads(done.stdout)
    assert command["entrypoint"] == entrypoint
    assert command["is_module"] is is_module
    assert command["arguments"] == [str(tmp_path), *arguments]
    assert command["folder"] == "."


def test_children_of_multiprocessing_answer_as_their_parent(script: Script) -> None:
    done = script("""
        import multiprocessing
        import mere

        def work(number):
            with mere.start_run("exp", params={"n": number}) as run:
                run.log({"x": number})

        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(2) as pool:
                pool.map(work, range(2))
    """)
    assert done.returncode == 0, done.stderr
    commands = mere.sql("select distinct command from runs").to_pylist()
    assert len(commands) == 1
    assert commands[0]["command"]["entrypoint"] == "train.py"
