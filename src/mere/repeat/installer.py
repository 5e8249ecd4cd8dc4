"""uv where it can be found, else venv and pip: makes environments and installs packages.

What index is asked, with which credentials, is for the user's own settings to say. Settings of
pip's serve uv where it has none of its own.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mere.config import environment
from mere.errors import ErrorCode, Unavailable

__all__ = ["Installer", "find_installer", "run_program"]

_FROM_PIP = {
    "UV_INDEX_URL": ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"),
    "UV_EXTRA_INDEX_URL": ("PIP_EXTRA_INDEX_URL", "UV_INDEX"),
    "UV_FIND_LINKS": ("PIP_FIND_LINKS", ""),
    "SSL_CERT_FILE": ("PIP_CERT", ""),
}
"""Settings of uv, the setting of pip that serves, and the setting of uv that makes it needless."""
_ABOUT = "import sys; print('%d.%d.%d' % sys.version_info[:3], sys.executable)"
_SHOWN_CHARS_MAX = 3_000


class Installer:
    """Makes environments.

    Args:
        uv: The command that is uv; None to do with venv and pip.
    """

    def __init__(self, uv: list[str] | None) -> None:
        self._uv = uv
        self._env = _uv_environment(environment())

    @property
    def name(self) -> str:
        """How people call it."""
        return "uv" if self._uv else "pip"

    def find_python(self, version: str) -> tuple[Path, str]:
        """Return an interpreter of the same minor version, and its exact version.

        Raises:
            Unavailable: There is none, and none can be installed.
        """
        minor = ".".join(version.split(".")[:2])
        if minor == ".".join(map(str, sys.version_info[:2])):
            own = ".".join(map(str, sys.version_info[:3]))
            return Path(sys.executable), own
        for program in self._candidates(version, minor):
            found = _asked(program)
            if found is not None and found[1].startswith(f"{minor}."):
                return found
        raise Unavailable(
            ErrorCode.ENVIRONMENT_FAILED,
            f"the run was made with Python {version}, and no Python {minor} is to be had: install "
            "one, or use --here to run it in the environment of now",
            python=version,
        )

    def make_environment(self, folder: Path, python: Path) -> None:
        """Make an empty environment.

        Raises:
            Unavailable: It could not be made.
        """
        if self._uv:
            words = [*self._uv, "venv", "--quiet", "--no-project", "--python", str(python)]
            self._run([*words, str(folder)])
        else:
            self._run([str(python), "-m", "venv", "--without-pip", str(folder)])

    def install_lock(self, folder: Path, lock: Path, torch_backend: str | None) -> None:
        """Install exactly what a file of requirements says.

        Raises:
            Unavailable: Something of it cannot be had.
        """
        more = ["--torch-backend", torch_backend] if self._uv and torch_backend else []
        self._install(folder, ["--no-deps", "--requirement", str(lock), *more])

    def install_local(self, folder: Path, source: Path, *, is_editable: bool) -> None:
        """Install a package from its sources, without what it depends on.

        Raises:
            Unavailable: It could not be built.
        """
        what = ["--editable", str(source)] if is_editable else [str(source)]
        self._install(folder, ["--no-deps", *what])

    def _install(self, folder: Path, what: list[str]) -> None:
        python = str(folder / "bin" / "python")
        if self._uv:
            self._run([*self._uv, "pip", "install", "--quiet", "--python", python, *what])
        else:
            words = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
            self._run([*words, "--disable-pip-version-check", *what])

    def _candidates(self, version: str, minor: str) -> Iterator[str]:
        """Interpreters that may be meant; what is here comes before what has to be fetched."""
        yield from filter(None, [shutil.which(f"python{minor}")])
        home = Path(self._env.get("PYENV_ROOT") or Path(self._env.get("HOME", "~"), ".pyenv"))
        versions = home.expanduser() / "versions"
        for name in (version, f"{minor}.*"):
            yield from map(str, sorted(versions.glob(f"{name}/bin/python"), reverse=True))
        for verb in ("find", "install") if self._uv else ():
            yield from filter(None, [self._managed(verb, minor)])

    def _managed(self, verb: str, version: str) -> str | None:
        assert self._uv, "asked of uv only"
        try:
            if verb == "install":
                self._run([*self._uv, "python", "install", "--quiet", "--no-bin", version])
            words = [*self._uv, "python", "find", "--no-project", "--system", version]
            return run_program(words, self._env).stdout.strip() or None
        except Unavailable:
            return None

    def _run(self, words: list[str]) -> None:
        run_program(words, self._env)


def find_installer() -> Installer:
    """Find uv on the path, beside the interpreter or as a module; else do with pip.

    Raises:
        Unavailable: There is neither.
    """
    beside = Path(sys.executable).with_name("uv")
    found = shutil.which("uv") or (str(beside) if beside.is_file() else None)
    if found is not None:
        return Installer([found])
    if importlib.util.find_spec("uv") is not None:
        return Installer([sys.executable, "-m", "uv"])
    if importlib.util.find_spec("pip") is None:
        raise Unavailable(
            ErrorCode.ENVIRONMENT_FAILED,
            "neither uv nor pip is here, so no environment can be built: install uv, or use --here",
        )
    return Installer(None)


def run_program(
    words: list[str], env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and return what it said.

    Raises:
        Unavailable: It failed; the message ends with what it said last.
    """
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env=None if env is None else dict(env),
            check=False,
        )
    except OSError as error:
        raise _failed(words, str(error)) from error
    if done.returncode != 0:
        raise _failed(words, done.stderr.strip() or done.stdout.strip())
    return done


def _failed(words: list[str], why: str) -> Unavailable:
    said = re.sub(r"(\w+://)[^/@\s]*@", r"\1", why)[-_SHOWN_CHARS_MAX:]
    return Unavailable(
        ErrorCode.ENVIRONMENT_FAILED,
        f"`{Path(words[0]).name} {' '.join(words[1:4])} …` failed; --here runs in the environment "
        f"of now instead. It said:\n{said}",
    )


def _asked(program: str) -> tuple[Path, str] | None:
    try:
        version, _, path = run_program([program, "-I", "-c", _ABOUT]).stdout.strip().partition(" ")
    except Unavailable:
        return None
    return Path(path), version


def _uv_environment(variables: Mapping[str, str]) -> dict[str, Any]:
    env = {
        name: value
        for name, value in variables.items()
        if name not in ("VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH", "CONDA_PREFIX")
    }
    for name, (pips, other) in _FROM_PIP.items():
        if env.get(pips) and name not in env and other not in env:
            env[name] = env[pips]
    return env
