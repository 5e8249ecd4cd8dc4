"""Find the Chromium that the portal's tests drive, or install it: ``python -m scripts.chromium``.

Taken is what the ``PATH`` has, else what Playwright has downloaded. Where there is neither, the
command installs one: Debian's package if it may, else Playwright's own. It prints where it lies.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["NONE", "find", "main"]

NONE = "no Chromium on this machine: `make chromium` installs one"

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str | None:
    """Where a Chromium lies; None if there is none."""
    on_path = next((found for name in _NAMES if (found := shutil.which(name))), None)
    return on_path or _downloaded()


def main() -> int:
    """Install one if there is none, and print where it lies."""
    if find() is None:
        _install()
    found = find()
    print(found or "no Chromium could be had: the portal's browser tests will be skipped")
    return 0


def _downloaded() -> str | None:
    """Where Playwright's own lies, if it is there."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if path and Path(path).is_file() else None


def _install() -> None:
    """Try Debian's package, then Playwright's download."""
    tries = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if shutil.which("apt-get") and os.geteuid() == 0:
        tries.insert(0, ["apt-get", "install", "-y", "--no-install-recommends", "chromium"])
        subprocess.run(["apt-get", "update", "-q"], check=False, stdout=sys.stderr)
    for command in tries:
        print("chromium:", *command, file=sys.stderr)
        done = subprocess.run(command, check=False, stdout=sys.stderr)
        if done.returncode == 0:
            return


if __name__ == "__main__":
    sys.exit(main())
