"""What is noted of where a run comes from: code, machine, process. Runs in the worker's thread.

Whatever cannot be found out is left out: a missing git, or a slow one, is no reason to wait, and
nothing here is a reason for a run not to be tracked.
"""

from __future__ import annotations

import getpass
import logging
import os
import platform
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from mere.client import git
from mere.client.code import Code, collect_code
from mere.client.command import Started, command_of, what_started
from mere.client.git import without_credentials
from mere.client.seeds import declared_seeds
from mere.config import Settings, environment
from mere.entities.code import Command
from mere.entities.run import RunSource
from mere.services.provenance.code import content_digest, encode_environment
from mere.services.provenance.environment import read_environment
from mere.services.runs import processes

__all__ = [
    "REPETITION_TAG",
    "Captured",
    "capture",
    "capture_source",
    "user_name",
    "without_credentials",
]

REPETITION_TAG = "mere.repetition"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_log = logging.getLogger("mere")
_T = TypeVar("_T")


class Captured(msgspec.Struct, frozen=True, kw_only=True):
    """Where a run comes from.

    Args:
        source: Its code, machine and process.
        command: What to start to run it again.
        seeds: The seeds that were set.
        tags: What else is noted.
        objects: What is to be stored before anything names it, by digest.
    """

    source: RunSource
    command: Command | None = None
    seeds: dict[str, str] = {}
    tags: dict[str, str] = {}
    objects: dict[str, bytes] = {}

    def columns(self) -> dict[str, Any]:
        """What the run's row says of it, beside its source."""
        row: dict[str, Any] = {}
        if self.command is not None:
            row["command"] = msgspec.to_builtins(self.command)
        if self.seeds:
            row["seeds"] = self.seeds
        if self.tags:
            row["tags"] = self.tags
        return row


def capture(*, is_wanted: bool = True) -> Captured:
    """Describe this process, its code and its environment; never raises.

    Args:
        is_wanted: Whether to look at code and environment; ``MERE_CAPTURE`` may say no, too.
    """
    settings = Settings.from_environment(environment())
    tags = {REPETITION_TAG: settings.repetition} if settings.repetition else {}
    seeds = declared_seeds()
    if not (is_wanted and settings.has_capture):
        return Captured(source=_plain_source(), seeds=seeds, tags=tags)
    parts = _guarded(_once, None)
    if parts is None:
        return Captured(source=_guarded(capture_source, RunSource()), seeds=seeds, tags=tags)
    source = _guarded(_plain_source, RunSource())
    return Captured(
        source=msgspec.structs.replace(
            source,
            entrypoint=parts.entrypoint,
            git_remote=parts.code.git.remote,
            git_commit=parts.code.git.commit,
            git_dirty=parts.code.git.is_dirty,
            diff_digest=parts.diff_digest,
            environment_digest=parts.environment_digest,
        ),
        command=parts.command,
        seeds=seeds,
        tags=tags,
        objects=parts.objects,
    )


def capture_source() -> RunSource:
    """Describe this process and the code it runs, without its files."""
    started = what_started()
    state = git.git_state(started.folder)
    return msgspec.structs.replace(
        _plain_source(),
        entrypoint=_shown(started),
        git_remote=state.remote,
        git_commit=state.commit,
        git_dirty=state.is_dirty,
    )


def user_name() -> str | None:
    """The account this process runs under; None where it has no name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return None


class _Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What is the same for all runs of a process."""

    entrypoint: str | None
    code: Code
    command: Command
    diff_digest: str | None
    environment_digest: str
    objects: dict[str, bytes]


_lock = threading.Lock()
_parts: dict[tuple[str, Path], _Parts] = {}


def _once() -> _Parts:
    """The code as it was when this process started its first run; that is what was imported."""
    started = what_started()
    if started.is_notebook:
        return _collect(started)
    key = (str(started.script), started.folder)
    with _lock:
        if key not in _parts:
            _parts[key] = _collect(started)
        return _parts[key]


def _collect(started: Started) -> _Parts:
    code = collect_code(started)
    objects: dict[str, bytes] = {}

    def kept(data: bytes | None) -> str | None:
        if data is None:
            return None
        digest = content_digest(data)
        objects[digest] = data
        return digest

    code_digest = kept(code.bundle)
    environment_digest = kept(encode_environment(read_environment(code.root)))
    assert environment_digest is not None, "there is always an environment"
    return _Parts(
        entrypoint=_shown(started),
        code=msgspec.structs.replace(code, bundle=None, diff=None),
        command=command_of(started, code.root, code_digest, code.git.branch),
        diff_digest=kept(code.diff) or code.diff_digest,
        environment_digest=environment_digest,
        objects=objects,
    )


def _plain_source() -> RunSource:
    began_us = processes.process_started_us(os.getpid())
    return RunSource(
        host=platform.node(),
        python=platform.python_version(),
        machine=processes.this_machine(),
        pid=os.getpid(),
        process_started_at=None if began_us is None else _EPOCH + timedelta(microseconds=began_us),
    )


def _shown(started: Started) -> str | None:
    if started.module is not None:
        return f"-m {started.module}"
    if started.script is not None:
        return str(started.script)
    return started.program


def _guarded(act: Callable[[], _T], otherwise: _T) -> _T:
    try:
        return act()
    except Exception:  # noqa: BLE001  the user's folders, packages and notebooks may hold anything
        _log.debug("the code or the environment could not be captured", exc_info=True)
        return otherwise


def _forget_in_child() -> None:
    global _lock  # noqa: PLW0603  it may have been held by another thread of the parent
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
