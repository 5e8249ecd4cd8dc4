"""What could not be sent, on disk: one folder for each process and warehouse.

Below the user's state folder, in ``spool/<digest of the address>/<process>-<chance>/``:

- ``lock``: JSON that says which warehouse and whose process; held with ``flock`` by whoever may
  touch the folder, so that everybody else knows whether the owner lives.
- ``<number>.<kind>``: an entry, to be sent in the order of the numbers. Its bytes begin with a
  checksum. An entry of a segment that is about to be tried gets the segment's name and the time of
  the first try into its own name, by a rename; see `mere.lake.sealed` for what that is good for.
- ``<number>.blob``: a file that belongs to the entry of that number.

Crash cases. An entry appears whole, by a rename, and it and the folder are synced before `hold`
returns. Between sending and removing it is there still, and sending it again changes nothing. A
file that cannot be read, or is no entry, is moved to ``spool/aside`` and named; it stops nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from mere.client.entries import Address, Entry, address_of, spool_root
from mere.clock import Clock
from mere.errors import CorruptData, ErrorCode, Unavailable
from mere.lake.segment import SegmentName

__all__ = ["Address", "Entry", "Spool", "address_of", "spool_root"]

_MAGIC = b"MERESPL1"
_DIGEST_BYTES = 16
_LOCK = "lock"
_ASIDE = "aside"


class _Owner(msgspec.Struct, kw_only=True):
    """What the lock file says."""

    warehouse: str
    endpoint: str | None = None
    pid: int
    format: int = 1


class Spool:
    """One folder of entries, held by this process; safe for use by several threads.

    Use `create` or `adopt`.

    Args:
        folder: The folder.
        address: The warehouse.
        lock_fd: The open lock file.
    """

    def __init__(self, folder: Path, address: Address, lock_fd: int) -> None:
        self.folder = folder
        self.address = address
        self._lock_fd = lock_fd
        self._lock = threading.Lock()
        self._entries = {
            entry.number: entry
            for name in _names(folder)
            if (entry := Entry.parse(name)) is not None
        }
        self._kinds = Counter(entry.kind for entry in self._entries.values())
        self.last = max(self._entries, default=0)
        """The greatest number that was given."""

    @classmethod
    def create(
        cls, address: Address, clock: Clock, root: Path | None = None, *, after: int = 0
    ) -> Spool:
        """Make a folder for this process.

        Args:
            address: The warehouse.
            clock: For a name of its own.
            root: The folder of all spools.
            after: The last number that is not to be given again.

        Raises:
            Unavailable: The state folder cannot be written to.
        """
        base = (root or spool_root()) / address.digest
        with _disk(base):
            base.mkdir(parents=True, exist_ok=True, mode=0o700)
            folder = base / f"{os.getpid()}-{clock.random_bits(32):08x}"
            # Whoever looks for spools to adopt sees the folder only when its lock is held.
            hidden = base / f".{folder.name}"
            hidden.mkdir(mode=0o700)
            lock_fd = os.open(hidden / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            owner = _Owner(warehouse=address.url, endpoint=address.endpoint, pid=os.getpid())
            os.write(lock_fd, msgspec.json.encode(owner))
            os.fsync(lock_fd)
            hidden.rename(folder)
            for path in (folder, base, base.parent):
                _sync_folder(path)
        spool = cls(folder, address, lock_fd)
        spool.last = after
        return spool

    @classmethod
    def adopt(cls, folder: Path) -> Spool | None:
        """Take over the folder of a process that has ended; None if it lives, or all is sent.

        Raises:
            CorruptData: It cannot be told for which warehouse it is.
        """
        try:
            lock_fd = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Who held the lock before may have sent all and removed it.
            if os.fstat(lock_fd).st_nlink:
                return cls(folder, _read_owner(folder), lock_fd)
        except FileNotFoundError:
            pass
        except BlockingIOError:
            pass
        except CorruptData:
            os.close(lock_fd)
            raise
        os.close(lock_fd)
        return None

    @staticmethod
    def owner_pid(folder: Path) -> int | None:
        """The process that made a folder, as far as that can be told."""
        digits = folder.name.partition("-")[0]
        return int(digits) if digits.isdigit() else None

    def entries(self, kinds: frozenset[str] | None = None) -> list[Entry]:
        """What waits, in order; of all kinds, or of these."""
        with self._lock:
            found = sorted(self._entries.items())
        return [entry for _, entry in found if kinds is None or entry.kind in kinds]

    def count(self, kinds: frozenset[str] | None = None) -> int:
        """How many entries wait, of all kinds, or of these."""
        with self._lock:
            return sum(n for kind, n in self._kinds.items() if kinds is None or kind in kinds)

    def hold(
        self,
        kind: str,
        data: bytes,
        blob: Path | bytes | None = None,
        *,
        name: SegmentName | None = None,
        first_us: int = 0,
    ) -> Entry:
        """Keep something until it is sent; when this returns, it is on disk.

        Args:
            kind: What it is.
            data: What its sender needs.
            blob: A file that goes with it, which is moved here, or its content.
            name: The name under which a segment was tried.
            first_us: When that was.

        Raises:
            Unavailable: The disk does not take it; nothing is kept.
        """
        with self._lock:
            number = self.last + 1
            self.last = number
        entry = Entry(number, kind, name, first_us)
        with _disk(self.folder):
            place = self._blob(number)
            try:
                if isinstance(blob, bytes):
                    _write(place, blob)
                elif blob is not None:
                    _move(blob, place)
                digest = hashlib.blake2b(data, digest_size=_DIGEST_BYTES).digest()
                _write(self.folder / entry.file, _MAGIC + digest + data)
            except OSError:
                if isinstance(blob, bytes):
                    place.unlink(missing_ok=True)
                elif blob is not None and place.exists() and not blob.exists():
                    _move(place, blob)
                raise
        with self._lock:
            self._entries[number] = entry
            self._kinds[kind] += 1
        return entry

    def read(self, entry: Entry) -> tuple[bytes, Path | None]:
        """An entry's data, and the file that goes with it.

        Raises:
            CorruptData: It is not what was written.
            Unavailable: The disk does not answer.
        """
        with _disk(self.folder):
            try:
                data = (self.folder / entry.file).read_bytes()
            except FileNotFoundError as error:
                raise _corrupt(entry, "has vanished") from error
        head = len(_MAGIC) + _DIGEST_BYTES
        digest = hashlib.blake2b(data[head:], digest_size=_DIGEST_BYTES).digest()
        if data[:head] != _MAGIC + digest:
            raise _corrupt(entry, "does not match its checksum")
        blob = self._blob(entry.number)
        return data[head:], blob if blob.exists() else None

    def mark(self, entry: Entry, name: SegmentName, first_us: int) -> Entry:
        """Note on disk that an entry's segment is about to be tried under a name."""
        marked = Entry(entry.number, entry.kind, name, first_us)
        with _disk(self.folder):
            (self.folder / entry.file).rename(self.folder / marked.file)
            _sync_folder(self.folder)
        with self._lock:
            self._entries[entry.number] = marked
        return marked

    def remove(self, entry: Entry) -> None:
        """Forget an entry that was sent."""
        current = self._pop(entry)
        with _disk(self.folder):
            (self.folder / (current or entry).file).unlink(missing_ok=True)
            self._blob(entry.number).unlink(missing_ok=True)

    def set_aside(self, entry: Entry) -> Path:
        """Move an entry that cannot be sent out of the way, with its file; return where it is.

        Raises:
            Unavailable: The disk does not let us; it stays.
        """
        with self._lock:
            current = self._entries.get(entry.number, entry)
        to = self.set_file_aside(current.file)
        self._pop(entry)
        blob = self._blob(entry.number)
        if blob.exists():
            self.set_file_aside(blob.name)
        return to

    def set_file_aside(self, file: str) -> Path:
        """Move a file that is no entry out of the way, where a person finds it; as `set_aside`."""
        to = self.folder.parents[1] / _ASIDE / f"{self.folder.name}-{file}"
        with _disk(self.folder):
            to.parent.mkdir(exist_ok=True, mode=0o700)
            with contextlib.suppress(FileNotFoundError):  # it has vanished: so it is out of the way
                (self.folder / file).rename(to)
        return to

    def foreign(self) -> list[str]:
        """Files that belong to no entry: another's, or a blob whose entry was never written.

        Half-written files are none: nobody was told that they are kept.
        """
        numbers = {entry.number for entry in self.entries()}
        return [
            name
            for name in _names(self.folder)
            if name != _LOCK
            and not name.endswith(".part")
            and Entry.parse(name) is None
            and not (name.endswith(".blob") and name[:10].isdigit() and int(name[:10]) in numbers)
        ]

    def close(self) -> None:
        """Let go of the folder, and remove it if nothing waits."""
        with contextlib.suppress(OSError):
            for part in self.folder.glob(".*.part"):
                part.unlink()
            if not self._entries and _names(self.folder) == [_LOCK]:
                # While the lock is held, so nobody takes over a folder that is about to go.
                (self.folder / _LOCK).unlink()
                self.folder.rmdir()
        self.abandon()

    def abandon(self) -> None:
        """Close the lock file only, as a forked child must: the lock is its parent's."""
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1

    def _pop(self, entry: Entry) -> Entry | None:
        with self._lock:
            found = self._entries.pop(entry.number, None)
            if found is not None:
                self._kinds[found.kind] -= 1
        return found

    def _blob(self, number: int) -> Path:
        return self.folder / f"{number:010d}.blob"


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _read_owner(folder: Path) -> Address:
    try:
        owner = msgspec.json.decode((folder / _LOCK).read_bytes(), type=_Owner)
    except msgspec.MsgspecError as error:
        raise CorruptData(
            ErrorCode.BAD_OBJECT,
            f"{folder / _LOCK} does not say for which warehouse it is: {error}",
        ) from error
    return Address(owner.warehouse, owner.endpoint)


def _write(path: Path, data: bytes) -> None:
    """Write a file that appears whole and stays."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        part.rename(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _move(source: Path, to: Path) -> None:
    try:
        source.rename(to)
    except OSError:  # on another file system
        part = to.with_name(f".{to.name}.part")
        shutil.copyfile(source, part)
        part.rename(to)
        source.unlink()
    with to.open("rb") as moved:
        os.fsync(moved.fileno())


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextlib.contextmanager
def _disk(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(
            ErrorCode.STORE_FULL, f"{folder} cannot be written to: {error.strerror or error}"
        ) from error


def _corrupt(entry: Entry, what: str) -> CorruptData:
    return CorruptData(ErrorCode.BAD_CHECKSUM, f"spooled file {entry.file} {what}")
