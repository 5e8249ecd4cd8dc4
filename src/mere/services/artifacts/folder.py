"""A local folder as artifacts: which files are taken, under which paths.

Links to files are followed where they stay inside the folder, so that nothing else of the machine
gets into the bucket by accident; links to folders and what is no plain file are left out. Every
file left out is named with its reason.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from mere.entities.artifact import check_artifact_path
from mere.errors import ErrorCode, InvalidInput

__all__ = ["FolderReport", "FoundFile", "walk_folder"]


class FoundFile(msgspec.Struct, frozen=True):
    """A file of a folder.

    Args:
        path: The path of the artifact it becomes.
        file: Where it is.
        size: Its size when it was found.
    """

    path: str
    file: Path
    size: int


class FolderReport(msgspec.Struct):
    """What became of a folder.

    Args:
        files: How many files it has.
        bytes: How many bytes are in them.
        unchanged: How many of the files had been logged as they are before.
        skipped: What was left out, and why, by path below the folder.
    """

    files: int = 0
    bytes: int = 0
    unchanged: int = 0
    skipped: dict[str, str] = {}


def walk_folder(
    folder: Path, prefix: str, on_skip: Callable[[str, str], None]
) -> Iterator[FoundFile]:
    """Find the files of a folder, in order of their names.

    Args:
        folder: The folder.
        prefix: What their paths begin with; '' for none.
        on_skip: Told of each path below the folder that is left out, and why.

    Raises:
        InvalidInput: There is no such folder, or it cannot be read.
    """
    try:
        root = folder.resolve(strict=True)
        waiting = sorted(root.iterdir(), reverse=True)
    except OSError as error:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"folder {str(folder)!r} cannot be read: {error.strerror or error}",
            path=str(folder),
        ) from error
    while waiting:
        entry = waiting.pop()
        below = str(entry.relative_to(root))
        try:
            mode = entry.lstat().st_mode
            if stat.S_ISDIR(mode):
                waiting += sorted(entry.iterdir(), reverse=True)
                continue
            file = _target(entry, root) if stat.S_ISLNK(mode) else entry
            status = file.stat()
            if not stat.S_ISREG(status.st_mode):
                kind = "a link to a folder" if stat.S_ISDIR(status.st_mode) else "no plain file"
                raise _LeftOut(f"it is {kind}")
            path = check_artifact_path(f"{prefix}/{below}" if prefix else below)
        except _LeftOut as reason:
            on_skip(below, str(reason))
        except InvalidInput as error:
            on_skip(below, error.message)
        except (OSError, RuntimeError) as error:  # gone meanwhile, not readable, or a ring of links
            on_skip(below, getattr(error, "strerror", None) or str(error))
        else:
            yield FoundFile(path, file, status.st_size)


class _LeftOut(Exception):
    """Why a file is not taken."""


def _target(link: Path, root: Path) -> Path:
    target = link.resolve(strict=True)
    if not target.is_relative_to(root):
        raise _LeftOut("it is a link that leads out of the folder")
    return target
