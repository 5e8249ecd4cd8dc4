"""Build MinIO with the Go toolchain into the user's cache, and print where it lies.

Run as ``python scripts/minio.py``; needs nothing but Python's standard library and ``go``. The
binary is built once for each version of this script's `PACKAGE`; with ``--force`` again. With
``--optional`` a machine without Go is told so in one line, and that is no error.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

PACKAGE = "github.com/minio/minio@latest"
WITHOUT_GO = "no Go toolchain on this machine, so no MinIO: the S3 tests will run against moto"


def cache_folder() -> Path:
    """Where mere keeps what can be had again; the same folder as `mere.config.cache_folder`."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "mere"


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock that other processes of this user wait for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another process is building MinIO; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def build(target: Path) -> None:
    """Build into a temporary folder and move the finished binary to its place."""
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        command = ["go", "install", "-trimpath", "-ldflags=-s -w", PACKAGE]
        environment = {**os.environ, "GOBIN": folder, "CGO_ENABLED": "0"}
        done = threading.Event()
        ticker = threading.Thread(target=show_time, args=(done,), daemon=True)
        ticker.start()
        try:
            result = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=False
            )
        finally:
            done.set()
            ticker.join()
        if result.returncode:
            raise SystemExit(f"go could not build {PACKAGE}:\n{result.stderr[-4000:]}")
        Path(folder, "minio").replace(target)


def show_time(done: threading.Event) -> None:
    """Say once in a while that the build goes on: on a terminal each second, else each minute."""
    is_terminal = sys.stderr.isatty()
    begun = time.monotonic()
    say(f"building {PACKAGE}; the first time takes some minutes")
    while not done.wait(1 if is_terminal else 60):
        say(f"building MinIO: {time.monotonic() - begun:.0f} s", "\r" if is_terminal else "\n")
    say(f"MinIO: ended after {time.monotonic() - begun:.0f} s")


def say(text: str, end: str = "\n") -> None:
    """Speak on stderr: stdout is for the path alone."""
    print(text, end=end, file=sys.stderr, flush=True)


def main() -> int:
    """Build if need be; print the binary's path."""
    parser = argparse.ArgumentParser(description="Build MinIO into the user's cache.")
    parser.add_argument("--force", action="store_true", help="build even if a binary is there")
    parser.add_argument("--optional", action="store_true", help="without Go, say so and succeed")
    arguments = parser.parse_args()
    target = cache_folder() / "bin" / "minio"
    with locked(target.with_name("minio.lock")):
        if arguments.force or not target.is_file():
            if shutil.which("go") is None:
                say(WITHOUT_GO)
                return 0 if arguments.optional else 1
            build(target)
    print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
