"""The code of a run, restored into a clean folder."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from mere.config import environment
from mere.entities.code import BundleInfo, Checkout, LeftOut
from mere.errors import ErrorCode, InvalidInput, NotFound, Unavailable
from mere.repeat.origin import Origin
from mere.services.provenance.bundle import read_bundle, unpack
from mere.services.provenance.checkouts import CHECKOUT_FOLDER, write_checkout
from mere.services.warehouse import Warehouse

__all__ = ["clean_folder", "left_out_notes", "restore_code", "write_start"]

_REMOTE = re.compile(r"(https?://|ssh://|git://|file://|/|[\w.-]+@[\w.-]+:)[^\s]+")
_REASONS = {
    "secret": "looks like a secret",
    "large": "is too large",
    "total": "was one too many: all files together are too large",
    "count": "was one too many",
    "link": "is a link that leads out of the code",
    "unreadable": "could not be read",
    "submodule": "is a submodule",
    "repository": "is a repository of its own",
}
_NAMED_MAX = 10
Say = Callable[[str], None]


def clean_folder(folder: Path) -> Path:
    """Return a folder that is new or empty, made now if need be.

    Raises:
        InvalidInput: There is something in it.
    """
    folder = Path(os.path.abspath(folder.expanduser()))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_empty = not any(folder.iterdir())
    except OSError as error:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"{folder} cannot be used: {error.strerror or error}",
            path=str(folder),
        ) from error
    if not is_empty:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"{folder} is not empty: name a folder that is not there yet",
            path=str(folder),
        )
    return folder


def restore_code(warehouse: Warehouse, origin: Origin, into: Path, say: Say) -> BundleInfo | None:
    """Write the code of a run into a folder.

    Returns:
        What the bundle says of itself; None where the code came from its repository alone.

    Raises:
        NotFound: Nothing of the code was stored, and no repository is known.
        Unavailable: The repository could not be cloned.
        CorruptData: The bundle is damaged, or means harm.
    """
    digest = origin.command.code_digest
    info = None
    if digest is not None:
        data = warehouse.code.get(digest)
        info, _ = read_bundle(data)
        if info.kind == "changes":
            _clone(origin, into, say)
            for path in info.deleted:
                _remove(into, path)
        unpack(data, into)
    else:
        _clone(origin, into, say)
        if origin.diff_digest is not None:
            _apply(into, warehouse.code.get(origin.diff_digest))
    checkout = Checkout(
        run_id=origin.run_id,
        code_digest=digest,
        diff_digest=origin.diff_digest,
        git=origin.git,
        info=info,
    )
    write_checkout(into, checkout)
    return info


def left_out_notes(left_out: list[LeftOut]) -> list[str]:
    """What of the code is not there, in words."""
    notes = []
    for one in left_out[:_NAMED_MAX]:
        size = f" ({one.size:,} bytes)" if one.size else ""
        detail = f", {one.detail}" if one.detail else ""
        notes.append(f"{one.path}{size} was not stored: it {_REASONS[one.reason]}{detail}")
    if len(left_out) > _NAMED_MAX:
        notes.append(f"{len(left_out) - _NAMED_MAX} more files were not stored")
    return notes


def _clone(origin: Origin, into: Path, say: Say) -> None:
    remote, commit = origin.git.remote, origin.git.commit
    if not remote or not commit:
        raise NotFound(
            ErrorCode.NOT_REPEATABLE,
            f"the code of run {origin.run_id} was not stored as a whole, and it came from no "
            "repository that others can reach",
            run_id=origin.run_id,
        )
    # What a warehouse names is not trusted: no helpers of git's, no options in disguise.
    if not _REMOTE.fullmatch(remote) or not re.fullmatch(r"[0-9a-f]{7,64}", commit):
        raise NotFound(
            ErrorCode.NOT_REPEATABLE,
            f"{remote!r} is no address of a repository to clone from",
            remote=remote,
        )
    say(f"cloning {remote} at {commit[:12]}")
    _git(into, "init", "--quiet")
    _git(into, "remote", "add", "origin", remote)
    try:
        _git(into, "fetch", "--quiet", "--depth", "1", "origin", commit)
    except Unavailable:  # not every server gives out single commits
        _git(into, "fetch", "--quiet", "--tags", "origin")
    _git(into, "-c", "advice.detachedHead=false", "checkout", "--quiet", commit)


def _apply(into: Path, diff: bytes) -> None:
    patch = into / CHECKOUT_FOLDER / "changes.diff"
    patch.parent.mkdir(exist_ok=True)
    patch.write_bytes(diff)
    _git(into, "apply", "--binary", "--whitespace=nowarn", str(patch))


def _remove(into: Path, path: str) -> None:
    target = into / path
    # Only what the clone brought, and nothing that a link leads to.
    if target.parent.resolve().is_relative_to(into.resolve()) and (
        target.is_file() or target.is_symlink()
    ):
        target.unlink()


def _git(folder: Path, *words: str) -> None:
    env = {
        **environment(),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
    }
    try:
        done = subprocess.run(
            ["git", *words],
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise Unavailable(
            ErrorCode.NOT_REPEATABLE, f"git could not be started ({error}): install it"
        ) from error
    if done.returncode != 0:
        raise Unavailable(
            ErrorCode.NOT_REPEATABLE,
            f"git {words[0]} failed, so the code cannot be restored: {done.stderr.strip()[-1000:]}",
        )


def write_start(into: Path, words: list[str], notes: list[str], origin: Origin) -> None:
    """Say in the folder itself what it is, and how to start it."""
    lines = [
        f"# The code of run {origin.name or origin.run_id}",
        "",
        f"Restored by `mere checkout` from run `{origin.run_id}`; its files are as they were in",
        "the working tree when the run began.",
        "",
        "The packages are in `requirements.lock`, as `pip install --no-deps -r` takes them.",
        "",
        "```sh",
        *words,
        "```",
    ]
    if notes:
        lines += ["", "What is not as it was:", "", *(f"- {note}" for note in notes)]
    (into / CHECKOUT_FOLDER / "README.md").write_text("\n".join(lines) + "\n")
