"""What is noted of where a run comes from: code, machine, process. Runs in the worker's thread.

Whatever cannot be found out is left out: a missing git, or a slow one, is no reason to wait.
"""

from __future__ import annotations

import getpass
import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from mere.entities.run import RunSource
from mere.services import processes

__all__ = ["capture_source", "user_name", "without_credentials"]

_GIT_TIMEOUT_S = 2.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CREDENTIALS = re.compile(r"^(\w[\w+.-]*://)[^/@]*@")


def capture_source() -> RunSource:
    """Describe this process and the code it runs."""
    entrypoint, folder = _entrypoint()
    remote, commit, is_dirty = _git(folder)
    began_us = processes.process_started_us(os.getpid())
    return RunSource(
        entrypoint=entrypoint,
        git_remote=remote,
        git_commit=commit,
        git_dirty=is_dirty,
        host=platform.node(),
        python=platform.python_version(),
        machine=processes.this_machine(),
        pid=os.getpid(),
        process_started_at=None if began_us is None else _EPOCH + timedelta(microseconds=began_us),
    )


def user_name() -> str | None:
    """The account this process runs under; None where it has no name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return None


def without_credentials(remote: str) -> str:
    """A repository's address without the user and password it may hold."""
    return _CREDENTIALS.sub(r"\1", remote)


def _entrypoint() -> tuple[str | None, Path]:
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    file = getattr(main, "__file__", None)
    folder = Path(file).resolve().parent if file else Path.cwd()
    if spec is not None and spec.name != "__main__":
        return f"-m {spec.name.removesuffix('.__main__')}", folder
    return (str(Path(file).resolve()) if file else None), folder


@cache
def _git(folder: Path) -> tuple[str | None, str | None, bool | None]:
    """Remote, commit and whether there are uncommitted changes; as of the first time asked."""
    commit = _ask_git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None, None, None
    remote = _ask_git(folder, "remote", "get-url", "origin")
    changes = _ask_git(folder, "status", "--porcelain", "--untracked-files=no")
    return (
        without_credentials(remote) if remote else None,
        commit,
        None if changes is None else bool(changes),
    )


def _ask_git(folder: Path, *words: str) -> str | None:
    try:
        # No optional locks: asking must never be in the way of the user's own git.
        done = subprocess.run(
            ["git", "--no-optional-locks", *words],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_GIT_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout.strip()
