from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mere.client import capture
from mere.client.naming import name_of


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


def test_commit_and_uncommitted_changes(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        done = subprocess.run(
            ["git", *identity, *words], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    git("init", "--quiet")
    (tmp_path / "train.py").write_text("pass\n")
    git("add", ".")
    git("commit", "--quiet", "-m", "first")
    git("remote", "add", "origin", "https://me:pw@example.org/x.git")
    commit = git("rev-parse", "HEAD")
    assert capture._git(tmp_path) == ("https://example.org/x.git", commit, False)
    (tmp_path / "train.py").write_text("changed\n")
    capture._git.cache_clear()
    assert capture._git(tmp_path) == ("https://example.org/x.git", commit, True)


def test_without_a_repository(tmp_path: Path) -> None:
    assert capture._git(tmp_path) == (None, None, None)
    assert capture._git(tmp_path / "missing") == (None, None, None)


def test_names_of_runs_are_theirs() -> None:
    assert name_of("0" * 32) == name_of("f" * 20 + "0" * 12)
    names = {name_of(f"{n:032x}") for n in range(1000)}
    assert len(names) == 1000
