"""Plain objects beside the tables: files of runs, of dataset versions and of models.

A blob is written once under a key that its owner chooses, and never changed but for its age: a
writer that meets its own content makes it young again (`RENEWED_AFTER_US`). What the engine keeps
for itself (`RESERVED`) can be read through here and not written. Files of any size pass through
bounded memory: a few pieces of `PIECE_BYTES` for each call under way.

What a crash leaves: of an upload nothing that is listed (a bucket keeps the parts of a large one
until its rule for incomplete uploads removes them); of a download a ``.part`` file, from which the
next one goes on.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import io
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mere.clock import Clock
from mere.errors import CorruptData, ErrorCode, InvalidInput, NotFound
from mere.lake.objects import posix
from mere.lake.objects.keys import SEGMENT_BYTES_MAX
from mere.lake.objects.pool import RequestPool
from mere.lake.objects.ranges import read_ranges
from mere.lake.objects.source import PIECE_BYTES, opened_source
from mere.lake.objects.store import ObjectInfo, ObjectStore

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["RENEWED_AFTER_US", "RESERVED", "TRUSTED_US", "Blobs", "OnBytes", "digest_file"]

RESERVED = ("catalog/", "claims/", "damaged/", "journal/", "probe/", "tables/")
"""Folders that only the engine writes."""

RENEWED_AFTER_US = 12 * 3600 * 1_000_000
"""A writer renews what it finds there already and is older than this.

Nobody refers to an object before the writer has written its row, so a collection goes by the age:
it spares objects for twice this long, and whatever was renewed since it looked. So the row has to
follow within half a day.
"""

TRUSTED_US = RENEWED_AFTER_US // 2
"""For so long whoever has stored or met an object may refer to it without asking again."""

OnBytes = Callable[[int], None]
"""Told of each further number of bytes that are done; in all they make the whole size."""

_READ_AHEAD_BYTES = 1 << 20
_DOOMED_AT_ONCE = 64
"""Few, so that what is deleted was looked at a moment before."""

_PART = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC

_J = TypeVar("_J")
_Infos = list[ObjectInfo]  # below, `list` is a method


def digest_file(path: str | os.PathLike[str], on_bytes: OnBytes | None = None) -> tuple[str, int]:
    """Return a file's SHA-256 in hex digits, and its size.

    Raises:
        InvalidInput: There is no such file, or it cannot be read.
    """
    hasher = hashlib.sha256()
    with opened_source(path) as fd:
        try:
            size = _hash_file(fd, hasher, on_bytes)
        except OSError as exc:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"file {os.fspath(path)!r} cannot be read: {exc.strerror or exc}",
                path=os.fspath(path),
            ) from exc
    return hasher.hexdigest(), size


class Blobs:
    """The plain objects of a warehouse; safe for use by several threads.

    Args:
        store: Where they lie.
        clock: Says how old objects are.
        width: Requests under way at once, where a call makes many.
    """

    def __init__(self, store: ObjectStore, clock: Clock, *, width: int = 16) -> None:
        self._store = store
        self._clock = clock
        self._width = width

    def put(self, key: str, data: bytes) -> None:
        """Store an object; when this returns, it is durable, and no collection takes it for old.

        Raises:
            AlreadyExists: The key holds other content; with the same content the put succeeds.
            InvalidInput: The key cannot be one, or is the engine's.
            Unavailable: The store did not answer; the object may or may not be there.
        """
        _writable(key)
        while self._store.put(key, data) and not self._is_kept(key):
            pass  # deleted since it was met: now it is ours to store

    def put_file(
        self,
        key: str,
        path: str | os.PathLike[str],
        *,
        size: int,
        digest: str,
        on_bytes: OnBytes | None = None,
    ) -> None:
        """Store a local file; when this returns, it is durable, as for `put`.

        Large files go to a bucket in parts, each of which is tried again by itself.

        Args:
            key: Where to.
            path: The file, read in bounded memory.
            size: Its size, as `digest_file` says it.
            digest: Its SHA-256; a file that has changed since is refused.
            on_bytes: Told of progress, from any thread.

        Raises:
            AlreadyExists: The key holds other content; with the same content the put succeeds.
            InvalidInput: The file cannot be read or has changed, or the key cannot be one.
            Unavailable: The store did not answer; the object may or may not be there.
        """
        meter = _Meter(on_bytes)
        _writable(key)
        put = functools.partial(
            self._store.put_file, key, path, size=size, digest=digest, on_position=meter.at
        )
        while put() and not self._is_kept(key):
            pass
        meter.at(size)

    def get(self, key: str) -> bytes:
        """Return an object's content.

        Raises:
            NotFound: There is no such object.
            Unavailable: The store did not answer.
        """
        return self._store.get(key)

    def get_range(self, key: str, start: int, end: int) -> bytes:
        """Return a part of an object; fewer bytes at its end. Raises as `get` does."""
        return self._store.get_range(key, start, end)

    def head(self, key: str) -> ObjectInfo:
        """Return an object's size and time. Raises as `get` does."""
        return self._store.head(key)

    def signed_url(self, key: str, *, expires_s: int) -> str | None:
        """An address at which anybody who has it can read an object for a while.

        Returns:
            None where the store gives none, as a folder does.

        Raises:
            InvalidInput: The key cannot be one.
        """
        store: Any = self._store
        while not hasattr(store, "signed_url"):
            store = getattr(store, "inner", None)
            if store is None:
                return None
        url: str = store.signed_url(key, expires_s=expires_s)
        return url

    def exists(self, key: str) -> bool:
        """Whether there is an object at a key, for a writer that would store it otherwise.

        If so, no collection takes it for old, as after a put.

        Raises:
            InvalidInput: The key cannot be one, or is the engine's.
            Unavailable: The store did not answer.
        """
        return self._is_kept(_writable(key))

    def list(self, prefix: str) -> list[ObjectInfo]:
        """Return the objects whose keys begin with a prefix, sorted by key."""
        return self._store.list(prefix)

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; keys that are not there are no error.

        Raises:
            InvalidInput: A key cannot be one, or is the engine's; nothing was removed.
            Unavailable: The store did not answer; some may be gone.
        """
        self._store.delete([_writable(key) for key in keys])

    def delete_older(self, keys: Iterable[str], than_us: int) -> Iterator[_Infos]:
        """Remove objects that are old, a few at a time, each looked at right before.

        A generator: it goes on as far as it is asked to.

        Args:
            keys: Which; those that are not there are no error.
            than_us: Objects of this time and younger stay.

        Yields:
            What was removed.

        Raises:
            InvalidInput: A key cannot be one, or is the engine's.
            Unavailable: The store did not answer; some may be gone.
        """
        remaining = iter(keys)
        while some := [_writable(key) for key in islice(remaining, _DOOMED_AT_ONCE)]:
            old: _Infos = []

            def look(key: str, old: _Infos = old) -> None:
                with contextlib.suppress(NotFound):
                    info = self._store.head(key)
                    if info.modified_us < than_us:
                        old.append(info)

            self.each(some, look)
            self._store.delete([info.key for info in old])
            yield old

    def open(self, key: str, *, size: int) -> io.BufferedReader:
        """Open an object as a file that is read by ranges, as they are asked for.

        Args:
            key: Which object; it is looked at by the first read.
            size: Its size.
        """
        return io.BufferedReader(_RangeReader(self._store, key, size), _READ_AHEAD_BYTES)

    def download(
        self,
        key: str,
        to: str | os.PathLike[str],
        *,
        size: int,
        digest: str | None = None,
        on_bytes: OnBytes | None = None,
    ) -> None:
        """Copy an object to a local file, which appears there when it is whole.

        A file that is there is replaced; with a digest, one that has the content already is left
        alone, and a download that was cut short goes on from its ``.part`` file. Of several
        downloads to one file at once, one works and the others wait for it.

        Args:
            key: Which object.
            to: The file; folders above it are made.
            size: The object's size.
            digest: Its SHA-256, to be verified.
            on_bytes: Told of progress, what was there before included.

        Raises:
            NotFound: There is no such object.
            CorruptData: It has another size or digest; names the key, and leaves no file.
            InvalidInput: The file cannot be written.
            Unavailable: The store did not answer; downloading again goes on from here.
        """
        target = Path(to)
        meter = _Meter(on_bytes)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with _locked_part(target) as fd:
                if digest is None or not _has_content(target, size, digest):
                    self._fill(key, fd, target, size=size, digest=digest, meter=meter)
                    _part_of(target).replace(target)
                else:
                    _part_of(target).unlink()
        except OSError as exc:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"cannot write file {str(target)!r}: {exc.strerror or exc}",
                path=str(target),
            ) from exc
        meter.at(size)

    def each(
        self, jobs: Iterable[_J], act: Callable[[_J], object], *, width: int | None = None
    ) -> None:
        """Run `act` for each job, a bounded number at once.

        Jobs are taken as they are needed, in the caller's thread, so they may come from a
        generator without end in sight. After an error no further job begins; the error is raised
        when those under way have ended.

        Args:
            jobs: What to do.
            act: Does it; called from several threads.
            width: How many at once; by default as many as the engine has requests under way.
        """
        width = self._width if width is None else width
        remaining = iter(jobs)
        first = list(islice(remaining, 2))
        if width <= 1 or len(first) <= 1:
            for job in chain(first, remaining):
                act(job)
            return
        with RequestPool(width, thread_name_prefix="mere-blobs") as pool:
            under_way: set[Future[object]] = {pool.submit(act, job) for job in first}
            try:
                for job in remaining:
                    if len(under_way) >= 2 * width:
                        done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                        for future in done:
                            future.result()
                    under_way.add(pool.submit(act, job))
                while under_way:
                    done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                    for future in done:
                        future.result()
            finally:
                for future in under_way:
                    future.cancel()

    def _is_kept(self, key: str) -> bool:
        """Whether an object is there, renewed if it is old: the one place where that is done."""
        try:
            if self._clock.now_us() - self._store.head(key).modified_us > RENEWED_AFTER_US:
                self._store.renew(key)
                self._store.head(key)  # a collection may have decided just before
        except NotFound:
            return False
        return True

    def _fill(
        self, key: str, fd: int, target: Path, *, size: int, digest: str | None, meter: _Meter
    ) -> None:
        """Complete the ``.part`` file and verify it; on a mismatch it is removed."""
        resumed = os.fstat(fd).st_size if digest is not None else 0
        while True:
            hasher = hashlib.sha256()
            if not 0 < resumed <= size:
                resumed = 0
            os.ftruncate(fd, resumed)
            _hash_file(fd, hasher, None)
            meter.at(resumed)
            os.lseek(fd, resumed, os.SEEK_SET)
            try:
                self._append(key, fd, resumed, size, hasher, meter)
            except CorruptData:
                _part_of(target).unlink(missing_ok=True)
                raise
            if digest is None or hasher.hexdigest() == digest:
                return
            if not resumed:
                break
            resumed = 0  # the beginning may have been another file's, so once more from there
        _part_of(target).unlink(missing_ok=True)
        raise CorruptData(
            ErrorCode.BAD_CHECKSUM,
            f"object {key} has the digest {hasher.hexdigest()}, not {digest}: restore it from a "
            "backup",
            key=key,
        )

    def _append(
        self, key: str, fd: int, start: int, size: int, hasher: hashlib._Hash, meter: _Meter
    ) -> None:
        position = start
        for piece in read_ranges(self._store, key, size, start=start):
            hasher.update(piece)
            posix.write_all(fd, (piece,))
            position += len(piece)
            meter.at(min(position, size))
        if position != size:
            raise CorruptData(
                ErrorCode.BAD_OBJECT,
                f"object {key} has {'more' if position > size else 'fewer'} bytes than the {size} "
                "it should have: restore it from a backup",
                key=key,
            )


class _Meter:
    """Turns positions, which begin again when a call is retried, into bytes that are done."""

    def __init__(self, on_bytes: OnBytes | None) -> None:
        self._on_bytes = on_bytes
        self._reached = 0
        self._lock = threading.Lock()

    def at(self, position: int) -> None:
        with self._lock:
            done = position - self._reached
            self._reached = max(self._reached, position)
        if done > 0 and self._on_bytes is not None:
            self._on_bytes(done)


class _RangeReader(io.RawIOBase):
    """An object as a raw file."""

    def __init__(self, store: ObjectStore, key: str, size: int) -> None:
        super().__init__()
        self.name = key
        self._store = store
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"cannot seek to {base + offset}, before the beginning")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        end = min(self._position + len(view), self._size)
        if end <= self._position:
            return 0
        data = self._store.get_range(self.name, self._position, end)
        if len(data) != end - self._position:
            raise CorruptData(
                ErrorCode.BAD_OBJECT,
                f"object {self.name} ends before byte {end}, though it should have {self._size} "
                "bytes: restore it from a backup",
                key=self.name,
            )
        view[: len(data)] = data
        self._position = end
        return len(data)


def _writable(key: str) -> str:
    """Return a key, or refuse to write what belongs to the engine."""
    if key.startswith(RESERVED) or key == "mere.json":
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"key {key!r} belongs to the engine; choose another", key=key
        )
    return key


def _hash_file(fd: int, hasher: hashlib._Hash, on_bytes: OnBytes | None) -> int:
    """Hash an open file from its beginning to its end; returns its size."""
    position = 0
    while piece := os.pread(fd, PIECE_BYTES, position):
        hasher.update(piece)
        position += len(piece)
        if on_bytes is not None:
            on_bytes(len(piece))
    return position


def _has_content(path: Path, size: int, digest: str) -> bool:
    """Whether a file is there and has the size and digest."""
    try:
        return path.stat().st_size == size and digest_file(path)[0] == digest
    except (FileNotFoundError, InvalidInput):
        return False


def _part_of(target: Path) -> Path:
    """Where a download gathers; short enough where the file's own name is as long as can be."""
    return target.with_name(_part_name(target.name))


def _part_name(name: str) -> str:
    if len(os.fsencode(name)) + len(".part") <= SEGMENT_BYTES_MAX:
        return f"{name}.part"
    return f"{hashlib.sha256(os.fsencode(name)).hexdigest()}.part"


@contextlib.contextmanager
def _locked_part(target: Path) -> Iterator[int]:
    """Open the ``.part`` file of a download, for this download alone."""
    while True:
        fd = os.open(_part_of(target), _PART, 0o666)
        try:
            # Where a file system has no locks, downloads to one file are the user's to keep apart;
            # the digest finds out what they made of it.
            with contextlib.suppress(OSError):
                fcntl.flock(fd, fcntl.LOCK_EX)
            if not _is_at(fd, _part_of(target)):
                continue  # whoever had the lock has finished, and taken the file away
            try:
                yield fd
            finally:
                if os.fstat(fd).st_size == 0 and _is_at(fd, _part_of(target)):
                    _part_of(target).unlink()
            return
        finally:
            os.close(fd)


def _is_at(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat(follow_symlinks=False))
    except FileNotFoundError:
        return False
