"""Which files a dataset version is made of, and where they are put: paths that stay where they may.

Neither what lies in a user's folder nor what a stored manifest says may lead out of the folder that
was named.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from mere.errors import ErrorCode, InvalidInput

__all__ = ["Paths", "SafeFolder", "check_path", "collect", "make_folder"]

Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | Mapping[str, Any]
"""A folder or file, several of them, or local paths by their path in the dataset."""

_PATH_CHARS_MAX = 1_000


class SafeFolder:
    """A folder that nothing is written outside of, whatever paths and links say."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._real = folder.resolve()
        self._checked: set[Path] = set()

    def path(self, path: str) -> Path:
        target = self._folder / check_path(path)
        parent = target.parent
        if parent not in self._checked:
            # Looked at before anything is made: a link on the way may lead elsewhere.
            if not parent.resolve().is_relative_to(self._real):
                raise InvalidInput(
                    ErrorCode.INVALID_VALUE,
                    f"a link in {str(self._folder)!r} leads {path!r} out of the folder: remove it, "
                    "or choose another folder",
                    path=path,
                )
            make_folder(parent)
            self._checked.add(parent)
        return target


def check_path(path: str) -> str:
    """Return a path below a dataset if it may be one: relative, with slashes, staying below.

    Raises:
        InvalidInput: It is absolute, has empty parts or ``..``, is too long or cannot be stored.
    """
    parts = path.split("/")
    is_plain = all(part not in ("", ".", "..") and "\\" not in part for part in parts)
    # A drive such as C: would be absolute on Windows.
    is_drive = len(parts[0]) == 2 and parts[0][1] == ":"
    try:
        path.encode()
    except UnicodeEncodeError:
        is_plain = False
    if not is_plain or is_drive or "\0" in path or len(path) > _PATH_CHARS_MAX:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"path {path!r} cannot be a dataset's: it must be relative text with slashes, without "
            f"empty parts, '..' and backslashes, of at most {_PATH_CHARS_MAX:,} characters",
            path=ascii(path),
        )
    return path


def collect(paths: Paths, *, follow_links: bool = False) -> Iterator[tuple[str, Path]]:
    """The files meant, as (path in the dataset, local path), in a fixed order.

    Raises:
        InvalidInput: A path is not there or is no file, two would have one name, or a link leads
            out of its folder.
    """
    if isinstance(paths, Mapping):
        named = [(check_path(str(path)), Path(local)) for path, local in paths.items()]
    elif isinstance(paths, str | os.PathLike):
        folder = Path(paths)
        named = [("" if folder.is_dir() else folder.name, folder)]
    else:
        locals_ = [Path(path) for path in paths]
        named = [(Path(os.path.abspath(local)).name, local) for local in locals_]
    seen: set[str] = set()
    for prefix, local in named:
        for path, file in _below(prefix, local, follow_links=follow_links):
            if check_path(path) in seen:
                raise InvalidInput(
                    ErrorCode.INVALID_VALUE,
                    f"two files would be stored as {path!r}: give paths by name, or one folder",
                    path=path,
                )
            seen.add(path)
            yield path, file
    for path in seen:
        above = next((str(one) for one in PurePosixPath(path).parents if str(one) in seen), None)
        if above is not None:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"{above!r} would be both a file and the folder of {path!r}",
                path=path,
            )


def _below(prefix: str, local: Path, *, follow_links: bool) -> Iterator[tuple[str, Path]]:
    if not local.is_dir():
        yield prefix, _regular(local)
        return
    real = local.resolve()
    # Links to folders are files here: os.walk does not go into them.
    for folder, folders, files in os.walk(local, onerror=_refuse):
        folders.sort()
        linked = [name for name in folders if Path(folder, name).is_symlink()]
        if linked:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"{os.path.join(folder, linked[0])!r} is a link to a folder, which is not "
                "followed: name that folder itself",
                path=linked[0],
            )
        for name in sorted(files):
            file = Path(folder, name)
            if file.is_symlink() and not follow_links and not _is_within(file, real):
                raise InvalidInput(
                    ErrorCode.INVALID_VALUE,
                    f"{str(file)!r} is a link that leads out of the folder: allow it with "
                    "follow_links (--follow-links)",
                    path=str(file),
                )
            inside = file.relative_to(local).as_posix()
            yield f"{prefix}/{inside}" if prefix else inside, _regular(file)


def _is_within(file: Path, folder: Path) -> bool:
    return file.resolve().is_relative_to(folder)


def _regular(file: Path) -> Path:
    try:
        is_regular = stat.S_ISREG(file.stat().st_mode)
    except (OSError, ValueError) as error:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"file {str(file)!r} cannot be read: {error}", path=str(file)
        ) from error
    if not is_regular:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"{str(file)!r} is no regular file and cannot be stored",
            path=str(file),
        )
    return file


def _refuse(error: OSError) -> None:
    raise InvalidInput(
        ErrorCode.INVALID_VALUE, f"folder {error.filename!r} cannot be read: {error.strerror}"
    ) from error


def make_folder(folder: Path) -> None:
    """Make a folder where there is none.

    Raises:
        InvalidInput: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"folder {str(folder)!r} cannot be made: {error.strerror or error}",
            path=str(folder),
        ) from error
