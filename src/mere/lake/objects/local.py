"""Objects as files of a local folder, durable when put.

How one put becomes durable, and what a crash leaves at each step:

1. The content is written to a file without a name (``O_TMPFILE``) and fsynced. A crash leaves
   nothing. Where the file system has no such files, one in ``.tmp`` serves; a crash leaves it
   there, and `LocalStore.sweep` removes it a day later.
2. The file is linked to its final name, which the kernel refuses if the name is taken. A crash
   leaves the object, whole, perhaps not to survive a power cut; nobody was told that it would.
3. The folder is fsynced, and so are the folders above it when this store meets them for the first
   time: another process may have made them and died before its own fsync.

Paths are walked folder by folder without following symbolic links, so no key leads out of the
warehouse. The store keeps no open file and no lock between calls: a forked child may use it.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import itertools
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from mere.errors import AlreadyExists, ErrorCode, InvalidInput
from mere.lake.objects import posix
from mere.lake.objects.keys import check_key, check_prefix, is_key
from mere.lake.objects.source import PIECE_BYTES, opened_source, read_pieces
from mere.lake.objects.store import ObjectInfo

__all__ = ["LocalStore"]

_TMP = ".tmp"
_TMP_AGE_MAX_US = 24 * 3600 * 1_000_000
_KNOWN_FOLDERS_MAX = 100_000

_UNNAMED = getattr(os, "O_TMPFILE", 0)
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_NO_UNNAMED_FILES = frozenset(
    {
        errno.EOPNOTSUPP,
        errno.EISDIR,
        errno.EINVAL,
        errno.ENOENT,
        errno.EXDEV,
        errno.ENOSYS,
    }
)


class LocalStore:
    """A folder behind the eight verbs.

    Args:
        folder: The warehouse; made, with the folders above it, at the first put.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._root = os.path.realpath(folder)
        self._durable_folders: set[str] = set()
        self._has_unnamed = bool(_UNNAMED)
        self._names = itertools.count()

    @property
    def url(self) -> str:
        """The folder as ``file://`` and its path, in which nothing is percent-encoded."""
        return "file://" + self._root.rstrip("/")

    def get(self, key: str) -> bytes:
        with self._translated(key), self._reading(key) as fd:
            return posix.read(fd, 0, os.fstat(fd).st_size)

    def get_range(self, key: str, start: int, end: int) -> bytes:
        if not 0 <= start <= end:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"bad range {start} to {end} of {key!r}",
                key=key,
            )
        with self._translated(key), self._reading(key) as fd:
            return posix.read(fd, start, min(end, os.fstat(fd).st_size))

    def put(self, key: str, data: bytes, *, overwrite: bool = False) -> bool:
        check_key(key)
        self._put(key, functools.partial(posix.write_durably, data=data), overwrite=overwrite)
        return False

    def put_file(
        self,
        key: str,
        path: str | os.PathLike[str],
        *,
        size: int,
        digest: str,
        on_position: Callable[[int], None] | None = None,
    ) -> bool:
        check_key(key)
        with opened_source(path):  # its refusals come before a folder is made for the object
            pass

        def write(fd: int) -> None:
            pieces = read_pieces(path, size=size, digest=digest, on_position=on_position)
            posix.write_all_durably(fd, pieces)

        self._put(key, write, overwrite=False, looks_first=True)
        return False

    def renew(self, key: str) -> None:
        folder, _, name = check_key(key).rpartition("/")
        with self._translated(key), self._reading(key) as fd, self._opened_folder(folder) as below:
            try:
                # Nothing is fsynced: an age that a power cut turns back costs at most a collection.
                os.utime(name, dir_fd=below, follow_symlinks=False)
            except PermissionError:  # another user's file, in a folder that several write to
                copy = functools.partial(_copy, fd)
                self._create_named(below, name, copy, overwrite=True)
                self._sync_folder(folder, below)

    def _put(
        self,
        key: str,
        write: Callable[[int], None],
        *,
        overwrite: bool,
        looks_first: bool = False,
    ) -> None:
        """Make an object of what `write` writes, durably, into a file without content."""
        folder, _, name = key.rpartition("/")
        with self._translated(key), self._folder_for_writing(folder) as folder_fd:
            try:
                if looks_first and posix.exists(folder_fd, name):
                    raise FileExistsError(errno.EEXIST, "there already", key)
                if overwrite or not (
                    self._has_unnamed and self._create_unnamed(folder_fd, name, write)
                ):
                    self._create_named(folder_fd, name, write, overwrite=overwrite)
            except FileExistsError as exc:
                if posix.is_folder(folder_fd, name):
                    raise self._folder_instead(key) from exc
                # Whoever made it may have died before its fsync, and the caller is about to
                # learn that the content is there: then it has to be there to stay.
                self._sync_folder(folder, folder_fd)
                raise AlreadyExists(
                    ErrorCode.OBJECT_EXISTS,
                    f"{self.url}/{key} is there already",
                    key=key,
                ) from exc
            except IsADirectoryError as exc:
                raise self._folder_instead(key) from exc
            self._sync_folder(folder, folder_fd)

    def delete(self, keys: Iterable[str]) -> None:
        folders: dict[str, list[str]] = {}
        for key in keys:
            folder, _, name = check_key(key).rpartition("/")
            folders.setdefault(folder, []).append(name)
        for folder, names in folders.items():
            with (
                self._translated(folder),
                contextlib.suppress(FileNotFoundError, NotADirectoryError),
            ):
                self._delete_in(folder, names)

    def list(
        self, prefix: str, *, start_after: str = "", known: Mapping[str, ObjectInfo] | None = None
    ) -> list[ObjectInfo]:
        # A folder is read in no order while others write. What is gone when the first reading
        # comes by was removed before the second begins, which then sees what had been put first.
        told = known or {}
        found = {info.key: info for info in self._read_folder(prefix, start_after, told)}
        again = {**told, **found}
        found.update((info.key, info) for info in self._read_folder(prefix, start_after, again))
        return [found[key] for key in sorted(found)]

    def head(self, key: str) -> ObjectInfo:
        with self._translated(key), self._reading(key) as fd:
            status = os.fstat(fd)
            return ObjectInfo(key, status.st_size, status.st_mtime_ns // 1000)

    def sweep(self, now_us: int) -> int:
        """Remove what crashed puts left in ``.tmp`` more than a day ago; return how many."""
        removed = 0
        with (
            self._translated(_TMP),
            contextlib.suppress(FileNotFoundError),
            os.scandir(Path(self._root, _TMP)) as entries,
        ):
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    modified_us = entry.stat(follow_symlinks=False).st_mtime_ns // 1000
                    if now_us - modified_us > _TMP_AGE_MAX_US:
                        Path(entry.path).unlink()
                        removed += 1
        return removed

    def _create_unnamed(self, folder_fd: int, name: str, write: Callable[[int], None]) -> bool:
        """Create a file by linking a nameless one; tell whether that works here at all."""
        try:
            fd = os.open(".", _UNNAMED | os.O_WRONLY | os.O_CLOEXEC, 0o666, dir_fd=folder_fd)
        except OSError as exc:
            if exc.errno not in _NO_UNNAMED_FILES:
                raise
            self._has_unnamed = False
            return False
        try:
            with posix.closing(fd):
                write(fd)
                # With a folder descriptor Python calls linkat and has it follow the link in /proc.
                os.link(
                    f"/proc/self/fd/{fd}",
                    name,
                    dst_dir_fd=folder_fd,
                    follow_symlinks=True,
                )
        except FileExistsError:
            raise
        except OSError as exc:
            if exc.errno not in _NO_UNNAMED_FILES:
                raise
            self._has_unnamed = False
            return False
        return True

    def _create_named(
        self, folder_fd: int, name: str, write: Callable[[int], None], *, overwrite: bool
    ) -> None:
        """Create or replace a file by way of a temporary one."""
        with self._opened_folder(_TMP, create=True) as tmp_fd:
            temp, fd = self._open_temp(tmp_fd)
            try:
                with posix.closing(fd):
                    write(fd)
                if overwrite:
                    os.rename(temp, name, src_dir_fd=tmp_fd, dst_dir_fd=folder_fd)
                else:
                    os.link(temp, name, src_dir_fd=tmp_fd, dst_dir_fd=folder_fd)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temp, dir_fd=tmp_fd)

    def _open_temp(self, tmp_fd: int) -> tuple[str, int]:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        while True:
            # Two machines on one network file system may share a process id, so a name can be
            # taken; the counter then finds the next.
            temp = f"{os.getpid()}-{next(self._names)}"
            with contextlib.suppress(FileExistsError):
                return temp, os.open(temp, flags, 0o666, dir_fd=tmp_fd)

    @contextlib.contextmanager
    def _folder_for_writing(self, folder: str) -> Iterator[int]:
        """Open the folder of a key, made if it is not there, down to a durable path."""
        try:
            opened = self._opened_folder(folder, create=True)
            with opened as fd:
                yield fd
        except (NotADirectoryError, FileExistsError) as exc:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"{self.url}/{folder} leads through a file or a symbolic link; "
                "a local folder cannot hold objects below it",
                folder=folder,
            ) from exc

    @contextlib.contextmanager
    def _opened_folder(self, folder: str, *, create: bool = False) -> Iterator[int]:
        """Open a folder of the warehouse, part by part and following no symbolic link."""
        if create and "" not in self._durable_folders:
            self._make_root()
        fd = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            done = ""
            for part in folder.split("/") if folder else ():
                below = posix.open_below(fd, part, create=create)
                done = f"{done}/{part}" if done else part
                if create and done not in self._durable_folders:
                    self._remember(done, fd)
                os.close(fd)
                fd = below
            yield fd
        finally:
            os.close(fd)

    def _make_root(self) -> None:
        """Make the warehouse and sync the folders that were made for it."""
        made = [Path(self._root)]
        while not made[-1].exists():
            made.append(made[-1].parent)
        Path(self._root).mkdir(parents=True, exist_ok=True)
        for folder in made[1:]:
            with posix.closing(os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)) as fd:
                os.fsync(fd)
        self._durable_folders.add("")

    def _remember(self, folder: str, parent_fd: int) -> None:
        """Sync a folder's entry in its parent, once in the life of this store."""
        os.fsync(parent_fd)
        if len(self._durable_folders) >= _KNOWN_FOLDERS_MAX:
            self._durable_folders = {""}
        self._durable_folders.add(folder)

    def _sync_folder(self, folder: str, fd: int) -> None:
        try:
            os.fsync(fd)
        except OSError:
            # After a failed fsync the kernel may call the next one good; ask for everything anew.
            self._durable_folders.discard(folder)
            raise

    def _delete_in(self, folder: str, names: Iterable[str]) -> None:
        """Remove files of one folder for good: none comes back after a power cut."""
        with self._opened_folder(folder) as fd:
            for name in names:
                try:
                    os.unlink(name, dir_fd=fd)
                except FileNotFoundError:
                    continue
                except (IsADirectoryError, PermissionError):
                    if not posix.is_folder(fd, name):  # unlink says either of a folder: no object
                        raise
            os.fsync(fd)

    @contextlib.contextmanager
    def _reading(self, key: str) -> Iterator[int]:
        folder, _, name = check_key(key).rpartition("/")
        with self._opened_folder(folder) as folder_fd:
            opened = os.open(name, _READ, dir_fd=folder_fd)
        with posix.closing(opened) as fd:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise IsADirectoryError(errno.EISDIR, "not a file", key)
            yield fd

    def _read_folder(
        self, prefix: str, start_after: str, known: Mapping[str, ObjectInfo]
    ) -> Iterator[ObjectInfo]:
        folder, slash, _ = check_prefix(prefix).rpartition("/")
        with (
            self._translated(prefix),
            contextlib.suppress(FileNotFoundError, NotADirectoryError),
            self._opened_folder(folder) as fd,
        ):
            yield from self._walk(fd, folder + slash, prefix, start_after, known)

    def _walk(
        self,
        fd: int,
        folder: str,
        prefix: str,
        start_after: str,
        known: Mapping[str, ObjectInfo],
    ) -> Iterator[ObjectInfo]:
        """Find the files of an open folder, named with its final slash, and those below."""
        with os.scandir(fd) as entries:
            for entry in entries:
                key = folder + entry.name
                info = known.get(key)
                if info is not None and key > start_after and key.startswith(prefix):
                    yield info
                    continue
                # What vanishes while we walk, or turns into something else, is not there.
                with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                    if entry.is_dir(follow_symlinks=False):
                        if key != _TMP and _may_hold(key + "/", prefix, start_after):
                            with posix.closing(
                                posix.open_below(fd, entry.name, create=False)
                            ) as below_fd:
                                yield from self._walk(
                                    below_fd, key + "/", prefix, start_after, known
                                )
                    elif key > start_after and key.startswith(prefix) and _is_object(entry, key):
                        status = entry.stat(follow_symlinks=False)
                        yield ObjectInfo(key, status.st_size, status.st_mtime_ns // 1000)

    def _folder_instead(self, key: str) -> InvalidInput:
        return InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"{self.url}/{key} is a folder of other objects; a local folder cannot hold both",
            key=key,
        )

    def _translated(self, key: str) -> contextlib.AbstractContextManager[None]:
        return posix.translated(f"{self.url}/{key}")


def _copy(source_fd: int, fd: int) -> None:
    """Write what another file holds, durably and in bounded memory."""
    size = os.fstat(source_fd).st_size
    starts = range(0, size, PIECE_BYTES)
    pieces = (posix.read(source_fd, at, min(at + PIECE_BYTES, size)) for at in starts)
    posix.write_all_durably(fd, pieces)


def _is_object(entry: os.DirEntry[str], key: str) -> bool:
    """Whether a directory entry is a plain file with a name that a key can have."""
    return entry.is_file(follow_symlinks=False) and is_key(key)


def _may_hold(folder: str, prefix: str, start_after: str) -> bool:
    """Whether keys below a folder can begin with the prefix and lie after the start."""
    if not (folder.startswith(prefix) or prefix.startswith(folder)):
        return False
    return start_after <= folder or start_after.startswith(folder)
