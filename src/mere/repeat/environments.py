"""Environments restored: one for each set of packages, built once and kept in the user's cache.

An environment is built in its place under a lock, as its programs name that place; a mark that is
written last says that it is complete. One without its mark, or whose Python does not start (the
interpreter it was made from is gone), is built anew.

What belongs to one repetition alone, packages whose sources are part of the code and the mere that
is running, is in a thin environment of its own, in the restored folder, laid over the shared one.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import msgspec

from mere.config import cache_folder, environment
from mere.entities.code import Environment
from mere.errors import ErrorCode, Unavailable
from mere.repeat.installer import Installer, run_program
from mere.repeat.packages import PackagePlan

__all__ = [
    "Restored",
    "build_environment",
    "check_platform",
    "environments_folder",
    "layer_environment",
]

_COMPLETE = "mere-environment.json"
_LOCK = "requirements.lock"
_LAYER = "_mere_environment.pth"
Say = Callable[[str], None]


class Restored(msgspec.Struct, frozen=True):
    """An environment to run in.

    Args:
        python: Its interpreter.
        programs: Where its programs lie, the nearest first.
    """

    python: Path
    programs: list[Path]


def environments_folder() -> Path:
    """Where shared environments are kept."""
    return cache_folder(environment()) / "environments"


def build_environment(
    plan: PackagePlan, wanted: Environment, installer: Installer, say: Say
) -> Path:
    """Return the shared environment with these packages, built now if it is not there.

    Raises:
        Unavailable: It could not be built, or there is no such Python.
    """
    interpreter, version = installer.find_python(wanted.python)
    parts = [version, platform.machine(), plan.torch_backend, sorted(plan.lock)]
    digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    folder = environments_folder() / digest
    if _is_complete(folder):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder.with_suffix(".lock"), say):
        if _is_complete(folder):
            return folder
        if folder.exists():
            say("the environment in the cache is broken: it is built anew")
            shutil.rmtree(folder)
        say(f"building an environment: Python {version}, {len(plan.lock)} packages")
        installer.make_environment(folder, interpreter)
        lock = folder / _LOCK
        lock.write_text("".join(f"{line}\n" for line in plan.lock))
        if plan.lock:
            installer.install_lock(folder, lock, plan.torch_backend)
        (folder / _COMPLETE).write_text(json.dumps({"python": version, "packages": plan.lock}))
    return folder


def layer_environment(
    folder: Path, shared: Path, plan: PackagePlan, root: Path, installer: Installer, say: Say
) -> Restored:
    """Lay what belongs to one repetition over a shared environment.

    Args:
        folder: Where to make the thin environment.
        shared: The shared one.
        plan: Which packages there are.
        root: The restored code.
        installer: What installs packages.
        say: Told what is going on.

    Raises:
        Unavailable: A package of the code could not be built.
    """
    installer.make_environment(folder, shared / "bin" / "python")
    packages = _site_packages(folder)
    line = f"import site; site.addsitedir({str(_site_packages(shared))!r})\n"
    (packages / _LAYER).write_text(line)
    if plan.has_running_mere:
        _link_running_mere(packages)
    if plan.local:
        say(f"installing from the restored code: {', '.join(one.name for one in plan.local)}")
    for package in plan.local:
        source = root / (package.local or ".")
        installer.install_local(folder, source, is_editable=package.is_editable)
    return Restored(folder / "bin" / "python", [folder / "bin", shared / "bin"])


def _link_running_mere(packages: Path) -> None:
    import mere

    (packages / "mere").symlink_to(Path(mere.__file__).resolve().parent)
    with contextlib.suppress(metadata.PackageNotFoundError):
        place = Path(str(metadata.distribution("mere").locate_file("")))
        for about in place.glob("mere-*.dist-info"):
            (packages / about.name).symlink_to(about.resolve())


def _site_packages(folder: Path) -> Path:
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    done = run_program([str(folder / "bin" / "python"), "-I", "-c", ask])
    packages = Path(done.stdout.strip())
    # What is written there must never end up in the Python that others use.
    assert packages.resolve().is_relative_to(folder.resolve()), f"{packages} is not in {folder}"
    return packages


def _is_complete(folder: Path) -> bool:
    if not (folder / _COMPLETE).is_file():
        return False
    try:
        done = subprocess.run(
            [folder / "bin" / "python", "-I", "-c", ""],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError:
        return False
    return done.returncode == 0


@contextlib.contextmanager
def _locked(path: Path, say: Say) -> Iterator[None]:
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another process is building this environment: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def check_platform(wanted: Environment) -> None:
    """Refuse what no environment here can be.

    Raises:
        Unavailable: The run was made by another implementation of Python.
    """
    if wanted.implementation != platform.python_implementation():
        raise Unavailable(
            ErrorCode.ENVIRONMENT_FAILED,
            f"the run was made with {wanted.implementation}, and this is "
            f"{platform.python_implementation()} {sys.version_info.major}: use --here to run it in "
            "the environment of now",
            implementation=wanted.implementation,
        )
