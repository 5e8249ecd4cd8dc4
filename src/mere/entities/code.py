"""What is known of the code and the environment of a run: enough to run it again.

All of it is stored as objects named by their content, so equal code and equal environments are
stored once, and two runs of the same code name the same digest.
"""

from __future__ import annotations

import msgspec

__all__ = [
    "MASK",
    "BundleInfo",
    "Checkout",
    "Command",
    "Distribution",
    "Environment",
    "GitState",
    "LeftOut",
]

MASK = "***"
"""Stands for an argument that looked like a secret and so was not stored."""


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """A file that belongs to the code and was not stored.

    Args:
        path: Below the root of the code.
        reason: ``secret``, ``large``, ``total`` (all files together are too large), ``count``,
            ``link`` (it leads out of the code), ``unreadable``, ``submodule`` or ``repository``.
        size: Its bytes, where known.
        detail: What else is known, such as a submodule's commit.
    """

    path: str
    reason: str
    size: int | None = None
    detail: str | None = None


class GitState(msgspec.Struct, frozen=True, kw_only=True):
    """What git says of a working tree.

    Args:
        remote: The address of ``origin``, without credentials.
        commit: The commit checked out.
        branch: The branch; None where the head is detached.
        is_dirty: Whether tracked files differ from the commit.
    """

    remote: str | None = None
    commit: str | None = None
    branch: str | None = None
    is_dirty: bool | None = None


class BundleInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a bundle of code says of itself.

    Args:
        kind: ``tree``, all files of a working tree; ``changes``, only those that differ from the
            commit; ``script``, an entry point and what it imports from beside it; ``notebook``,
            the cells executed so far.
        files: The paths of the files it holds, in order.
        deleted: For ``changes``, the files of the commit that were deleted.
        left_out: What belongs to the code and is not in the bundle.
    """

    kind: str
    files: list[str] = []
    deleted: list[str] = []
    left_out: list[LeftOut] = []


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """What to start, and where, to run a run again.

    Args:
        entrypoint: A path below the root of the code, a module, or ``{bin}/name`` for a program
            of the environment; None where it is not known.
        is_module: Whether it is a module, started by ``python -m``.
        arguments: What followed it; what looked like a secret is `MASK`.
        folder: The working directory below the root of the code; None where it was elsewhere.
        git_branch: The branch checked out.
        code_digest: The digest of the stored bundle of code.
    """

    entrypoint: str | None = None
    is_module: bool | None = None
    arguments: list[str] | None = None
    folder: str | None = None
    git_branch: str | None = None
    code_digest: str | None = None


class Checkout(msgspec.Struct, frozen=True, kw_only=True):
    """What a folder of restored code says of where its code came from.

    Args:
        run_id: The run whose code was restored.
        code_digest: The digest of its bundle.
        diff_digest: The digest of its uncommitted changes.
        git: What git said of the working tree it was packed from.
        info: What the bundle said of itself.
    """

    run_id: str
    code_digest: str | None = None
    diff_digest: str | None = None
    git: GitState = GitState()
    info: BundleInfo | None = None


class Distribution(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One installed package.

    Args:
        name: Its name, as the package writes it.
        version: Its version.
        url: Where it was installed from, if from no index.
        commit: For a repository, the commit.
        subdirectory: For a repository, the folder in it.
        vcs: For a repository, its kind, such as ``git``.
        is_editable: Whether it runs from its sources.
        local: For a folder within the code of the run, its path below the root of the code.
    """

    name: str
    version: str
    url: str | None = None
    commit: str | None = None
    subdirectory: str | None = None
    vcs: str | None = None
    is_editable: bool = False
    local: str | None = None


class Environment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a process ran in, apart from its code.

    Args:
        python: The version of Python.
        implementation: CPython or another.
        build: Its build and compiler.
        options: Options of the interpreter, such as ``-O``.
        path: The folders of ``PYTHONPATH`` within the code, below its root.
        platform: What the machine calls itself.
        system: The operating system.
        machine: The architecture.
        cpu: The processor.
        cuda: The version of CUDA that PyTorch was built for, if it was imported.
        driver: The version of the NVIDIA driver.
        gpus: The names of the GPUs.
        distributions: The installed packages, by name.
        variables: The environment variables that steer numbers.
        mere: The version of mere.
    """

    python: str
    implementation: str = "CPython"
    build: str | None = None
    options: list[str] = []
    path: list[str] = []
    platform: str | None = None
    system: str | None = None
    machine: str | None = None
    cpu: str | None = None
    cuda: str | None = None
    driver: str | None = None
    gpus: list[str] = []
    distributions: list[Distribution] = []
    variables: dict[str, str] = {}
    mere: str | None = None
