"""What was started: the script, module, program or notebook behind this process.

A child of `multiprocessing` answers as the process that the user started, since its main module
and arguments are that one's.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path
from typing import Any

import msgspec

from mere.client.secrecy import mask_arguments
from mere.entities.code import Command

__all__ = ["CELLS_NAME", "INLINE_NAME", "Started", "command_of", "what_started"]

CELLS_NAME = "mere-notebook.ipy"
INLINE_NAME = "mere-command.py"
_ARGUMENTS_MAX = 1_000
_ARGUMENT_CHARS_MAX = 8_000


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """What the user started.

    Args:
        script: The file of the main module.
        module: The main module's name, where it was started by ``-m``.
        program: The name of a program of the environment.
        text: What was executed where there is no file: a notebook's cells, or ``-c``'s.
        is_notebook: Whether the text is a notebook's cells.
        folder: The folder its code belongs to.
    """

    script: Path | None = None
    module: str | None = None
    program: str | None = None
    text: str | None = None
    is_notebook: bool = False
    folder: Path


def what_started() -> Started:
    """Find out what was started."""
    here = Path.cwd()
    main = sys.modules.get("__main__")
    spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    if file is None or not Path(file).is_file():
        cells = _cells()
        if cells is not None:
            return Started(text=cells, is_notebook=True, folder=here)
        return Started(text=_inline(), folder=here)
    script = Path(os.path.abspath(file))
    is_installed = _is_installed(script)
    folder = here if is_installed else script.parent
    if spec is not None and spec.name != "__main__":
        module = spec.name.removesuffix(".__main__")
        return Started(script=script, module=module, folder=folder)
    if is_installed:
        return Started(program=script.name, folder=folder)
    return Started(script=script, folder=folder)


def command_of(
    started: Started, root: Path, code_digest: str | None, branch: str | None
) -> Command:
    """How to start it again, told relative to the root of its code."""
    folder = _below(Path.cwd(), root)
    entrypoint, arguments = _entrypoint(started, root, folder), _arguments()
    if started.is_notebook:
        arguments = [] if entrypoint is None else [CELLS_NAME]
        entrypoint = entrypoint and "IPython"
    return Command(
        entrypoint=entrypoint,
        is_module=started.module is not None or started.is_notebook,
        arguments=arguments,
        folder=folder,
        git_branch=branch,
        code_digest=code_digest,
    )


def _entrypoint(started: Started, root: Path, folder: str | None) -> str | None:
    if started.module is not None:
        return started.module
    if started.program is not None:
        return f"{{bin}}/{started.program}"
    if started.script is not None:
        return _below(started.script, root)
    if started.text is None:
        return None
    name = CELLS_NAME if started.is_notebook else INLINE_NAME
    return name if folder in (None, ".") else f"{folder}/{name}"


def _arguments() -> list[str]:
    words = [
        word.encode(errors="surrogateescape").decode(errors="replace")[:_ARGUMENT_CHARS_MAX]
        for word in sys.argv[1 : _ARGUMENTS_MAX + 1]
    ]
    return mask_arguments(words)


def _cells() -> str | None:
    """The cells executed so far, where this is IPython."""
    get: Any = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = get() if get is not None else None
    if shell is None:
        return None
    cells = shell.user_ns.get("In") or []
    return "\n\n".join(f"# %%\n{cell}" for cell in cells if cell)


def _inline() -> str | None:
    """The program given by ``-c``."""
    words = sys.orig_argv
    if sys.argv[:1] != ["-c"]:
        return None
    for place, word in enumerate(words[1:], 1):
        if word.startswith("-") and not word.startswith("--") and word.endswith("c"):
            return words[place + 1] if place + 1 < len(words) else None
    return None


def _is_installed(script: Path) -> bool:
    """Whether a file belongs to Python or to an installed package, not to the user's code."""
    names = ("scripts", "purelib", "platlib", "stdlib", "platstdlib")
    folders = {Path(path) for name in names if (path := sysconfig.get_paths().get(name))}
    # A repetition's environment lies in two places, of which Python itself names one.
    places = {Path(path) for path in sys.path if path.endswith("site-packages")}
    folders |= places | {Path(*path.parts[:-3], "bin") for path in places}
    folders |= {folder.resolve() for folder in folders}
    return any(script.is_relative_to(folder) for folder in folders)


def _below(path: Path, root: Path) -> str | None:
    for one, other in ((path, root), (path.resolve(), root.resolve())):
        if one.is_relative_to(other):
            return one.relative_to(other).as_posix()
    return None
