"""A run's command, started again in its restored folder."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from mere.config import environment
from mere.entities.code import MASK, Environment
from mere.errors import ErrorCode, InvalidInput
from mere.repeat.environments import Restored
from mere.repeat.origin import Origin
from mere.services.provenance.environment import STEERING

__all__ = [
    "check_startable",
    "child_environment",
    "command_words",
    "inputs_setting",
    "launch",
    "shown_command",
    "working_folder",
]

_BIN = "{bin}/"
_NOT_OURS = frozenset(
    {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "CONDA_PREFIX", "MERE_RUN_ID", "MERE_CAPTURE"}
    | {"RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"}
    | {"TORCHELASTIC_RUN_ID", "MERE_RANK", "MERE_INPUTS", "MERE_REPEATS", "MERE_REPETITION"}
)
_OF_THE_MACHINE = frozenset({"CUDA_VISIBLE_DEVICES", "WORLD_SIZE"})


def command_words(
    origin: Origin, root: Path, restored: Restored, options: Sequence[str], extra: Sequence[str]
) -> list[str]:
    """The words that start a run again.

    Args:
        origin: The run.
        root: Where its code is.
        restored: The environment to run in.
        options: Options of the interpreter.
        extra: More arguments; one for each that was not stored must be among them.

    Raises:
        InvalidInput: It is not known what was started, or with which arguments.
    """
    check_startable(origin, extra)
    command = origin.command
    assert command.entrypoint is not None, "it was just checked"
    words = [str(restored.python), *options]
    if command.is_module:
        words += ["-m", command.entrypoint]
    elif command.entrypoint.startswith(_BIN):
        words.append(str(_program(command.entrypoint.removeprefix(_BIN), restored)))
    else:
        words.append(_script(root, working_folder(origin, root), command.entrypoint))
    return [*words, *_arguments(origin, extra), *extra]


def working_folder(origin: Origin, root: Path) -> Path:
    """Where to start it."""
    folder = root / (origin.command.folder or ".")
    if not folder.resolve().is_relative_to(root.resolve()):
        raise InvalidInput(
            ErrorCode.NOT_REPEATABLE,
            f"the run was started in {origin.command.folder!r}, outside of its code",
        )
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def child_environment(
    wanted: Environment | None,
    restored: Restored,
    root: Path,
    settings: Mapping[str, str],
    more: Mapping[str, str],
) -> dict[str, str]:
    """The environment variables to start it with.

    Args:
        wanted: What it ran in, where that is known.
        restored: The environment to run in.
        root: Where its code is.
        settings: What mere itself has to be told.
        more: What the user wants besides; it wins.
    """
    env = {name: value for name, value in environment().items() if name not in _NOT_OURS}
    paths: list[str] = []
    if wanted is not None:
        steered = [name for name in STEERING if name not in _OF_THE_MACHINE]
        env = {name: value for name, value in env.items() if name not in steered}
        env |= {name: value for name, value in wanted.variables.items() if name in steered}
        paths = [str(root / part) for part in wanted.path]
    if paths:
        env["PYTHONPATH"] = os.pathsep.join(paths)
    programs = [str(folder) for folder in restored.programs]
    env["PATH"] = os.pathsep.join([*programs, env.get("PATH", os.defpath)])
    return {**env, **settings, **more}


def launch(words: list[str], folder: Path, env: Mapping[str, str], *, is_quiet: bool) -> int:
    """Run the command to its end, its output shown; return its exit code.

    Args:
        words: The command.
        folder: Where to start it.
        env: Its environment variables.
        is_quiet: Whether standard output is somebody else's, so that it goes to standard error.
    """
    out = sys.stderr if is_quiet else None
    sys.stdout.flush()
    process = subprocess.Popen(words, cwd=folder, env=dict(env), stdout=_descriptor(out))
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            # It was interrupted too, and ends its run in its own way.
            continue


def shown_command(origin: Origin) -> str:
    """The command as people write it, with an environment of its own being active."""
    command = origin.command
    start = ["python"]
    entrypoint = command.entrypoint or "?"
    if command.is_module:
        start += ["-m", entrypoint]
    elif entrypoint.startswith(_BIN):
        start = [entrypoint.removeprefix(_BIN)]
    else:
        start.append(os.path.relpath(entrypoint, command.folder or "."))
    return shlex.join([*start, *(command.arguments or [])])


def inputs_setting(inputs: Mapping[str, str]) -> dict[str, str]:
    """The variable that pins the dataset versions a run reads."""
    return {"MERE_INPUTS": json.dumps(dict(inputs), sort_keys=True)} if inputs else {}


def check_startable(origin: Origin, extra: Sequence[str]) -> None:
    """Refuse, before anything is built, what cannot be started.

    Raises:
        InvalidInput: It is not known what was started, or with which arguments.
    """
    if origin.command.entrypoint is None:
        raise InvalidInput(
            ErrorCode.NOT_REPEATABLE,
            f"run {origin.name or origin.run_id} was started from no file (an interactive session "
            "or a pipe): `mere checkout` restores its code",
            run_id=origin.run_id,
        )
    _arguments(origin, extra)


def _arguments(origin: Origin, extra: Sequence[str]) -> list[str]:
    """The stored arguments, without those whose values must be given anew."""
    words = origin.command.arguments or []
    given = {word.partition("=")[0] for word in extra}
    missing = [
        name
        for name in origin.masked
        if name not in given and not (extra and name.startswith("argument "))
    ]
    if missing:
        raise InvalidInput(
            ErrorCode.NOT_REPEATABLE,
            f"the values of {', '.join(missing)} look like secrets, so they were not stored: give "
            "them behind --, as in `mere rerun RUN -- --password …`",
            options=missing,
        )
    kept: list[str] = []
    for word in words:
        if word == MASK and kept and kept[-1].startswith("-"):
            kept.pop()
        elif MASK not in word:
            kept.append(word)
    return kept


def _script(root: Path, folder: Path, entrypoint: str) -> str:
    path = root / entrypoint
    if not path.is_file() or not path.resolve().is_relative_to(root.resolve()):
        raise InvalidInput(
            ErrorCode.NOT_REPEATABLE,
            f"{entrypoint}, which was started, is not among the restored files",
            entrypoint=entrypoint,
        )
    # As it was most likely called: programs print it, and some look beside it.
    return os.path.relpath(path, folder)


def _program(name: str, restored: Restored) -> Path:
    for folder in restored.programs:
        path = folder / name
        if os.sep not in name and path.is_file():
            return path
    raise InvalidInput(
        ErrorCode.NOT_REPEATABLE,
        f"the program {name!r}, which was started, is not in the restored environment",
        program=name,
    )


def _descriptor(stream: object) -> int | None:
    try:
        return None if stream is None else stream.fileno()  # type: ignore[attr-defined]
    except (OSError, ValueError):
        return subprocess.DEVNULL
