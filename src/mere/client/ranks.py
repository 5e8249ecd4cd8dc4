"""Several processes of one run: which of them this is, and which run is meant.

Rank 0 owns the run: it writes the row and ends it. The others add points, console lines and
system metrics. All have to know the run's id, and it is found without asking anybody, by the first
of these that applies:

1. ``start_run(run_id=…)``, then the variable ``MERE_RUN_ID``.
2. SLURM: job, step and restart name one launch in the whole cluster.
3. One machine: all ranks descend from one launcher, and no other launch has a launcher of its
   process number, start and restart count in this boot. The launcher is the nearest ancestor that
   is not part of the rank, that is, whose environment does not say the same rank. A shell is none,
   as it lives on and launches again.
4. Several machines: the store of `torch.distributed`, where that is initialised.

Where none applies, rank 0 gets an id of its own, since it may well be alone in logging, and every
other rank is told what to set. Each further run that a process starts is the next of the launch:
ranks must start their runs in the same order.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import psutil

from mere.clock import Clock, run_id
from mere.errors import ErrorCode, InvalidInput
from mere.services.runs.processes import this_machine

__all__ = ["Launch", "agreed_run_id", "is_child", "launch_of"]

# Words in a row are easier to read and to change than a list of strings.
_SHELLS = frozenset(
    "sh bash dash zsh fish ksh tcsh csh busybox tmux screen sshd sudo su init systemd login tini "  # noqa: SIM905
    "dumb-init".split()
)
_TIME_BITS_LEFT_OUT = 17
_STORE_TIMEOUT_S = 60.0


class Launch(msgspec.Struct, frozen=True):
    """One launch of several processes, as one of them sees it.

    Args:
        launcher: Whose variables told of it.
        rank: Which process this is.
        size: How many there are.
        is_local: Whether all of them are on this machine.
        variable: The variable that holds the rank.
        facts: What tells this launch from others, as far as the variables know.
        is_unique: Whether those facts alone name the launch.
    """

    launcher: str
    rank: int
    size: int
    is_local: bool
    variable: str
    facts: tuple[str, ...]
    is_unique: bool = False


class _Family(msgspec.Struct, frozen=True):
    """The variables of one kind of launcher."""

    launcher: str
    rank: str
    size: str
    local_size: str
    facts: tuple[str, ...]
    unique: str | None = None


_FAMILIES = (
    _Family(
        "SLURM",
        "SLURM_PROCID",
        "SLURM_STEP_NUM_TASKS",
        "SLURM_STEP_TASKS_PER_NODE",
        (
            "SLURM_CLUSTER_NAME",
            "SLURM_JOB_ID",
            "SLURM_STEP_ID",
            "SLURM_RESTART_COUNT",
            "SLURM_JOB_START_TIME",
        ),
        "SLURM_STEP_ID",
    ),
    _Family(
        "torchrun",
        "RANK",
        "WORLD_SIZE",
        "LOCAL_WORLD_SIZE",
        (
            "TORCHELASTIC_RUN_ID",
            "TORCHELASTIC_RESTART_COUNT",
            "MASTER_ADDR",
            "MASTER_PORT",
            "WORLD_SIZE",
        ),
    ),
    _Family(
        "OpenMPI",
        "OMPI_COMM_WORLD_RANK",
        "OMPI_COMM_WORLD_SIZE",
        "OMPI_COMM_WORLD_LOCAL_SIZE",
        ("PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid"),
    ),
)


def launch_of(env: Mapping[str, str]) -> Launch | None:
    """The launch that this process is part of; None where it was started alone.

    torchrun inside a SLURM step counts as torchrun, whose ranks are the finer ones.
    """
    found: list[tuple[bool, Launch]] = []
    for family in _FAMILIES:
        rank, size = _number(env.get(family.rank)), _number(env.get(family.size))
        if rank is None or size is None or size < 2 or rank >= size:
            continue
        local = _number(env.get(family.local_size))
        launch = Launch(
            launcher=family.launcher,
            rank=rank,
            size=size,
            is_local=size == local if local is not None else _is_loopback(env),
            variable=family.rank,
            facts=tuple(f"{name}={env.get(name, '')}" for name in family.facts),
            is_unique=family.unique is not None and bool(env.get(family.unique)),
        )
        found.append((family.launcher == "SLURM", launch))
    return min(found, key=lambda pair: pair[0])[1] if found else None


def agreed_run_id(
    launch: Launch | None, clock: Clock, ordinal: int, base: str | None = None
) -> str:
    """The id that all ranks of a launch come to.

    Args:
        launch: The launch; may be none where there is a base.
        clock: For an id that nobody else has to know.
        ordinal: How many runs this process has started before as part of the launch.
        base: The id of the run that the launch takes part in, if it was told.

    Raises:
        InvalidInput: It cannot be agreed on; says what to set.
    """
    if base is not None:
        return _derived((base, str(ordinal)), int(base[:12], 16))
    assert launch is not None, "no launch and no base: nothing to agree on"
    launcher = _launcher(launch)
    if launch.is_unique:
        began = _number(next(iter(_values(launch, "SLURM_JOB_START_TIME")), ""))
        return _derived((*launch.facts, str(ordinal)), (began or 0) * 1000)
    if launch.is_local and isinstance(launcher, psutil.Process):
        ms = int(launcher.create_time() * 1000) >> _TIME_BITS_LEFT_OUT << _TIME_BITS_LEFT_OUT
        facts = (this_machine(), str(launcher.pid), _began(launcher), *launch.facts)
        return _derived((*facts, str(ordinal)), ms)
    exchanged = _exchanged(launch, clock, ordinal)
    if exchanged is not None:
        return exchanged
    if launch.rank == 0:
        return run_id(clock)
    raise InvalidInput(
        ErrorCode.INVALID_VALUE,
        f"rank {launch.rank} of {launch.size} ({launch.launcher}) cannot know which run the others "
        "log to: set MERE_RUN_ID to the same 32 hexadecimal digits for all ranks (such as those of "
        "`python -c 'import uuid; print(uuid.uuid4().hex)'`), pass start_run(run_id=…, rank=…), or "
        "initialise torch.distributed before start_run",
        rank=launch.rank,
    )


def is_child(launch: Launch) -> bool:
    """Whether this process is no rank itself, but was started by one and inherits its variables."""
    return bool(_launcher(launch) == "child")


def _launcher(launch: Launch) -> Any:
    """The launcher's process; "shell" where it is one, "child" where a rank started this one."""
    process = psutil.Process()
    try:
        while (parent := process.parent()) is not None:
            shell = parent.name() in _SHELLS
            try:
                is_part = parent.environ().get(launch.variable) == str(launch.rank)
            except psutil.Error:
                is_part = False
            if not is_part:
                return "shell" if shell else parent
            if not shell:
                return "child"
            process = parent
    except psutil.Error:
        pass
    return "shell"


def _began(process: psutil.Process) -> str:
    """When a process began, by a clock that nobody sets."""
    try:
        return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return str(process.create_time())


def _exchanged(launch: Launch, clock: Clock, ordinal: int) -> str | None:
    """The id that rank 0 tells the others by the store of `torch.distributed`."""
    torch = sys.modules.get("torch.distributed")
    if torch is None or not torch.is_available() or not torch.is_initialized():
        return None
    # Not a broadcast: that would wait for ranks which start no run.
    store, key = torch.distributed_c10d._get_default_store(), f"mere/run/{ordinal}"  # noqa: SLF001
    if launch.rank == 0:
        store.set(key, run_id(clock))
    else:
        store.wait([key], timedelta(seconds=_STORE_TIMEOUT_S))
    told: str = store.get(key).decode()
    return told


def _derived(facts: tuple[str, ...], ms: int) -> str:
    """A UUID of version 8 (made by our own rule), which sorts by a time as run ids do."""
    digest = hashlib.blake2b("\0".join(facts).encode(errors="replace"), digest_size=10).digest()
    value = (ms & (1 << 48) - 1) << 80 | int.from_bytes(digest, "big")
    value = value & ~(0xF << 76) | 0x8 << 76
    value = value & ~(0b11 << 62) | 0b10 << 62
    return f"{value:032x}"


def _values(launch: Launch, name: str) -> list[str]:
    return [fact.partition("=")[2] for fact in launch.facts if fact.startswith(f"{name}=")]


def _is_loopback(env: Mapping[str, str]) -> bool:
    return env.get("MASTER_ADDR", "") in ("127.0.0.1", "localhost", "::1")


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None
