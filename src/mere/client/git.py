"""What git knows of the code: asked with its own program, for a bounded time, changing nothing.

Whatever cannot be found out is None: a missing git, or a slow one, is no reason to wait.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from mere.entities.code import GitState, LeftOut

__all__ = [
    "changed_paths",
    "deleted_paths",
    "diff_sections",
    "find_root",
    "git_state",
    "listed_paths",
    "submodules",
    "without_credentials",
]

_TIMEOUT_S = 5.0
_LIST_BYTES_MAX = 64 << 20
_CREDENTIALS = re.compile(r"^(\w[\w+.-]*://)[^/@]*@")
_SECTION = re.compile(rb"^(?=diff --git )", re.MULTILINE)
_DIFF = (
    "diff",
    "--no-ext-diff",
    "--no-textconv",
    "--no-renames",
    "--no-color",
    "--ignore-submodules=dirty",
    "--src-prefix=a/",
    "--dst-prefix=b/",
)


def without_credentials(remote: str) -> str:
    """A repository's address without the user and password it may hold."""
    return _CREDENTIALS.sub(r"\1", remote)


def find_root(folder: Path) -> Path | None:
    """The root of the working tree a folder lies in."""
    found = _ask(folder, "rev-parse", "--show-toplevel")
    return Path(os.fsdecode(found.removesuffix(b"\n"))) if found else None


def git_state(folder: Path) -> GitState:
    """What is checked out in the working tree a folder lies in; empty where there is none."""
    commit = _text(folder, "rev-parse", "--verify", "HEAD")
    if commit is None:
        return GitState()
    remote = _text(folder, "remote", "get-url", "origin")
    changes = _ask(folder, "status", "--porcelain", "--untracked-files=no")
    return GitState(
        remote=without_credentials(remote) if remote else None,
        commit=commit,
        branch=_text(folder, "symbolic-ref", "--quiet", "--short", "HEAD"),
        is_dirty=None if changes is None else bool(changes),
    )


def listed_paths(root: Path) -> list[str] | None:
    """The files of a working tree: tracked ones, and untracked ones that are not ignored."""
    found = _paths(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    return None if found is None else sorted(set(found), key=os.fsencode)


def changed_paths(root: Path) -> list[str] | None:
    """The files of a working tree that differ from the commit, untracked ones included."""
    tracked = _paths(root, *_DIFF, "--name-only", "-z", "HEAD")
    others = _paths(root, "ls-files", "-z", "--others", "--exclude-standard")
    if tracked is None or others is None:
        return None
    return sorted({*tracked, *others}, key=os.fsencode)


def deleted_paths(root: Path) -> list[str]:
    """The files of the commit that are not in the working tree."""
    return _paths(root, *_DIFF, "--name-only", "-z", "--diff-filter=D", "HEAD") or []


def submodules(root: Path) -> list[LeftOut]:
    """The submodules of a working tree, with their commits; their files are not stored."""
    found = _ask(root, "ls-files", "-z", "--stage")
    modules = []
    for entry in (found or b"").split(b"\0"):
        about, _, path = entry.partition(b"\t")
        if not about.startswith(b"160000 "):
            continue
        name = os.fsdecode(path)
        recorded = about.split()[1].decode()
        inner = root / name
        detail = f"commit {recorded}"
        if (inner / ".git").exists():
            state = git_state(inner)
            commit = state.commit or recorded
            detail = f"commit {commit}" + (" with uncommitted changes" if state.is_dirty else "")
        modules.append(LeftOut(path=name, reason="submodule", detail=detail))
    return modules


def diff_sections(root: Path, skipped: list[str], bytes_max: int) -> list[tuple[str, bytes]] | None:
    """The uncommitted changes to tracked files, file by file; None where they cannot be had.

    Args:
        root: The root of the working tree.
        skipped: Files to leave out, such as large ones.
        bytes_max: Where there is more than this there is none.
    """
    where = [".", *(f":(exclude,literal,top){path}" for path in skipped)]
    names = _paths(root, *_DIFF, "--name-only", "-z", "HEAD", "--", *where)
    diff = _ask(root, *_DIFF, "--binary", "HEAD", "--", *where, bytes_max=bytes_max)
    if names is None or diff is None:
        return None
    # Within a section every line begins with another word or sign, or is in base 85, which has
    # no spaces; so this line begins one.
    sections = [part for part in _SECTION.split(diff) if part]
    if len(sections) != len(names):
        return None
    return list(zip(names, sections, strict=True))


def _paths(folder: Path, *words: str) -> list[str] | None:
    found = _ask(folder, *words)
    return None if found is None else [os.fsdecode(path) for path in found.split(b"\0") if path]


def _text(folder: Path, *words: str) -> str | None:
    found = _ask(folder, *words)
    return None if found is None else found.decode(errors="replace").strip() or None


def _ask(folder: Path, *words: str, bytes_max: int = _LIST_BYTES_MAX) -> bytes | None:
    # No optional locks: asking must never be in the way of the user's own git. A file system
    # monitor is a program of the user's, which nobody asked us to start.
    options = ["--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.quotePath=true"]
    try:
        with subprocess.Popen(
            ["git", *options, *words],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            return _bounded(process, bytes_max)
    except (OSError, subprocess.SubprocessError):
        return None


def _bounded(process: subprocess.Popen[bytes], bytes_max: int) -> bytes | None:
    """Everything a process says, if it says no more than that, in time, and ends well."""
    import threading

    assert process.stdout is not None, "it was asked for"
    timer = threading.Timer(_TIMEOUT_S, process.kill)
    timer.daemon = True
    timer.start()
    try:
        data = process.stdout.read(bytes_max + 1)
        if len(data) > bytes_max:
            process.kill()
            return None
        return data if process.wait() == 0 else None
    finally:
        timer.cancel()
