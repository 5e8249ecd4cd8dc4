"""`mere.rerun` and `mere.checkout`: a run restored, run again, and compared."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from mere import __version__
from mere.clock import SystemClock
from mere.config import cache_folder, environment
from mere.entities.code import Environment
from mere.errors import ErrorCode, InvalidInput, MereError, NotFound
from mere.repeat import launch
from mere.repeat.environments import (
    Restored,
    build_environment,
    check_platform,
    layer_environment,
)
from mere.repeat.installer import find_installer
from mere.repeat.origin import Origin, find_origin, find_run, stored_environment
from mere.repeat.packages import PackagePlan, differing, plan_packages
from mere.repeat.restore import clean_folder, left_out_notes, restore_code, write_start
from mere.repeat.results import match_and_judge
from mere.repeat.verdict import Verdict
from mere.services.provenance.checkouts import CHECKOUT_FOLDER
from mere.services.provenance.environment import read_environment
from mere.services.warehouse import Warehouse, open_warehouse

__all__ = ["Checkout", "Repetition", "checkout", "rerun"]

Say = Callable[[str], None]
_LOCK = "requirements.lock"
_DATA = "data"


class Checkout(msgspec.Struct, frozen=True, kw_only=True):
    """A run's code, restored.

    Args:
        run_id: The run.
        folder: Where it is now.
        command: How to start it there.
        notes: What is not as it was.
    """

    run_id: str
    folder: Path
    command: str
    notes: list[str]


class Repetition(msgspec.Struct, frozen=True, kw_only=True):
    """A run that was run again.

    Args:
        run_id: The original run.
        repeated_run_id: The new run; None where none corresponds.
        verdict: What came of comparing the two.
        exit_code: How the program ended.
        folder: Where it ran; None where the folder is gone again.
        notes: What was not as it was.
    """

    run_id: str
    repeated_run_id: str | None
    verdict: Verdict
    exit_code: int
    folder: Path | None
    notes: list[str]

    @property
    def is_good(self) -> bool:
        """Whether all numbers are equal or within tolerance."""
        return self.verdict.is_good


def rerun(
    run: str,
    *,
    into: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    tolerance: float = 0.0,
    is_here: bool = False,
    has_data: bool = True,
    arguments: Sequence[str] = (),
    warehouse: str | None = None,
    is_quiet: bool = False,
    say: Say | None = None,
) -> Repetition:
    """Run a run again: its code, environment and data restored; then compare the numbers.

    The new run is linked to the old one by its column ``repeats``, and has the verdict in its tags
    ``mere.verdict…``.

    Example:
        >>> mere.rerun("quiet-heron-7").verdict.outcome
        <Outcome.EQUAL: 'equal'>

    Args:
        run: Its id, the beginning of its id, or its name.
        into: The folder to run in, new or empty; by default one that is removed in the end, if
            the numbers are good.
        env: More environment variables for the program.
        tolerance: How far numbers may be apart, absolutely or relative to the larger one.
        is_here: Whether to use the environment of now.
        has_data: Whether datasets read by name mean the versions that the run read.
        arguments: More arguments for the program.
        warehouse: Where to look; by default, what ``MERE_WAREHOUSE`` says.
        is_quiet: Whether what the program prints goes to standard error.
        say: Told what is going on and what is not as it was.

    Raises:
        NotFound: There is no such run, or its code was not stored.
        InvalidInput: It cannot be known what to start, or an option is wrong.
        Unavailable: The environment or the repository cannot be had.
        CorruptData: What is stored is damaged.
    """
    if not tolerance >= 0:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"tolerance {tolerance} is below zero", tolerance=tolerance
        )
    say = say or _silent
    opened = open_warehouse(warehouse, must_exist=True)
    origin = find_origin(opened, find_run(opened, run))
    launch.check_startable(origin, arguments)
    folder = clean_folder(Path(into) if into is not None else _temporary(origin))
    is_kept = into is not None
    try:
        plan = _prepare(opened, origin, folder, is_here=is_here, say=say)
        for note in plan.notes:
            say(f"note: {note}")
        restored = _environment(plan, folder, say)
        exit_code, token = _run(
            opened, origin, plan, restored, folder, env or {}, arguments,
            has_data=has_data, is_quiet=is_quiet, say=say,
        )  # fmt: skip
        repeated, verdict = match_and_judge(opened, origin.run_id, token, tolerance)
        is_kept |= not verdict.is_good
        return Repetition(
            run_id=origin.run_id,
            repeated_run_id=repeated,
            verdict=verdict,
            exit_code=exit_code,
            folder=folder if is_kept else None,
            notes=plan.notes,
        )
    finally:
        if not is_kept:
            shutil.rmtree(folder, ignore_errors=True)


def checkout(
    run: str,
    *,
    into: str | os.PathLike[str] | None = None,
    has_data: bool = False,
    warehouse: str | None = None,
    say: Say | None = None,
) -> Checkout:
    """Restore the code of a run, with the lock of its packages, without running it.

    Args:
        run: Its id, the beginning of its id, or its name.
        into: Where to; by default a folder of the run's name.
        has_data: Whether to write the datasets it read below ``data``, too.
        warehouse: Where to look; by default, what ``MERE_WAREHOUSE`` says.
        say: Told what is going on.

    Raises:
        NotFound: There is no such run, or its code was not stored.
        InvalidInput: The folder is not empty.
        Unavailable: The repository cannot be cloned.
        CorruptData: What is stored is damaged.
    """
    say = say or _silent
    opened = open_warehouse(warehouse, must_exist=True)
    origin = find_origin(opened, find_run(opened, run))
    folder = clean_folder(Path(into if into is not None else _folder_name(origin)))
    info = restore_code(opened, origin, folder, say)
    notes = left_out_notes(info.left_out if info else [])
    if origin.environment_digest is not None:
        wanted = stored_environment(opened, origin)
        packages = plan_packages(wanted, __version__)
        lines = [f"# Python {wanted.python}\n", *(f"{line}\n" for line in packages.lock)]
        lines += [f"# {one.name} {one.version}: in {one.local}\n" for one in packages.local]
        (folder / CHECKOUT_FOLDER / _LOCK).write_text("".join(lines))
        notes += packages.notes
    if has_data:
        _write_data(opened, origin, folder / _DATA, say)
    command = launch.shown_command(origin)
    start = origin.command.folder or "."
    words = [command] if start == "." else [f"cd {start}", command]
    write_start(folder, words, notes, origin)
    return Checkout(run_id=origin.run_id, folder=folder, command=command, notes=notes)


class _Plan(msgspec.Struct, kw_only=True):
    """What a repetition will be like."""

    wanted: Environment | None
    packages: PackagePlan | None
    notes: list[str]


def _prepare(
    warehouse: Warehouse, origin: Origin, folder: Path, *, is_here: bool, say: Say
) -> _Plan:
    """Restore the code, and find out what will not be as it was."""
    info = restore_code(warehouse, origin, folder, say)
    notes = left_out_notes(info.left_out if info else [])
    if origin.masked:
        notes.append(f"the values of {', '.join(origin.masked)} were not stored")
    wanted = None
    if origin.environment_digest is not None or not is_here:
        wanted = stored_environment(warehouse, origin)
        now = read_environment(folder)
        notes += _machine_notes(wanted, now, is_here=is_here)
        if is_here:
            changed = differing(wanted, now)
            if changed:
                notes.append(f"{len(changed)} packages differ from those of now: {_names(changed)}")
    packages = None
    if not is_here:
        assert wanted is not None, "without --here it was asked for"
        check_platform(wanted)
        packages = plan_packages(wanted, __version__)
        notes += packages.notes
    return _Plan(wanted=wanted, packages=packages, notes=notes)


def _environment(plan: _Plan, folder: Path, say: Say) -> Restored:
    if plan.packages is None or plan.wanted is None:
        return Restored(Path(sys.executable), [Path(sys.executable).parent])
    installer = find_installer()
    shared = build_environment(plan.packages, plan.wanted, installer, say)
    venv = folder / CHECKOUT_FOLDER / "venv"
    return layer_environment(venv, shared, plan.packages, folder, installer, say)


def _run(
    warehouse: Warehouse,
    origin: Origin,
    plan: _Plan,
    restored: Restored,
    folder: Path,
    env: Mapping[str, str],
    arguments: Sequence[str],
    *,
    has_data: bool,
    is_quiet: bool,
    say: Say,
) -> tuple[int, str]:
    """Run it; return its exit code and what marks its runs."""
    token = f"{SystemClock().random_bits(64):016x}"
    options = plan.wanted.options if plan.wanted else []
    words = launch.command_words(origin, folder, restored, options, arguments)
    settings = {
        "MERE_WAREHOUSE": warehouse.url,
        "MERE_REPEATS": origin.run_id,
        "MERE_REPETITION": token,
    }
    if has_data:
        settings |= launch.inputs_setting(origin.inputs)
    variables = launch.child_environment(plan.wanted, restored, folder, settings, env)
    if plan.packages is None and plan.wanted is not None:
        _prefer_restored(variables, plan.wanted, folder)
    say(f"running {launch.shown_command(origin)}")
    where = launch.working_folder(origin, folder)
    return launch.launch(words, where, variables, is_quiet=is_quiet), token


def _prefer_restored(variables: dict[str, str], wanted: Environment, folder: Path) -> None:
    """In the environment of now, packages of the code come from the restored code all the same."""
    places = [folder / one.local for one in wanted.distributions if one.local is not None]
    sources = [str(place / "src" if (place / "src").is_dir() else place) for place in places]
    path = [*sources, variables.get("PYTHONPATH", "")]
    if sources:
        variables["PYTHONPATH"] = os.pathsep.join(part for part in path if part)


def _machine_notes(wanted: Environment, now: Environment, *, is_here: bool) -> list[str]:
    pairs = (
        ("the operating system", wanted.system, now.system),
        ("the architecture", wanted.machine, now.machine),
        ("the processor", wanted.cpu, now.cpu),
        ("the NVIDIA driver", wanted.driver, now.driver),
        ("the GPUs", ", ".join(wanted.gpus) or None, ", ".join(now.gpus) or None),
    )
    notes = [
        f"{what} was {before or 'none'} and is {after or 'none'}"
        for what, before, after in pairs
        if before != after
    ]
    is_used = is_here or wanted.python.split(".")[:2] == now.python.split(".")[:2]
    if is_used and wanted.python != now.python:
        notes.append(f"Python was {wanted.python}; here it is {now.python}")
    processes = wanted.variables.get("WORLD_SIZE", "1")
    if processes not in ("", "1"):
        notes.append(f"the run had {processes} processes; only one is started")
    return notes


def _write_data(warehouse: Warehouse, origin: Origin, folder: Path, say: Say) -> None:
    for name, dataset_id in sorted(origin.inputs.items()):
        say(f"writing dataset {name}")
        try:
            dataset = warehouse.datasets.get(dataset_id)
            warehouse.datasets.download(dataset, folder / re.sub(r"[^\w-]+", "-", name))
        except MereError as error:
            raise NotFound(
                ErrorCode.NOT_REPEATABLE,
                f"dataset {name} cannot be restored: {error.message}",
                dataset_id=dataset_id,
            ) from error


def _temporary(origin: Origin) -> Path:
    base = cache_folder(environment()) / "repetitions"
    base.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=f"{_folder_name(origin)}-", dir=base))


def _folder_name(origin: Origin) -> str:
    name = origin.name or ""
    is_plain = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return name if is_plain else origin.run_id[:13]


def _names(changed: Mapping[str, object]) -> str:
    shown = list(changed)[:5]
    return ", ".join(shown) + (", …" if len(changed) > len(shown) else "")


def _silent(_: str) -> None:
    return None
