"""Artifacts: files of runs, of dataset versions and of models, at readable paths.

Bytes first, row second: a crash between the two leaves an object that no row names, which
`mere gc` finds, and never a row without its bytes. The first content of a path lies at
``artifacts/<owner>/<path>``, each other one beside it, marked by its digest; nothing is
overwritten, and the row says which one counts. Of several writers of one path the newest wins.
"""

from __future__ import annotations

import hashlib
import io
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import msgspec

from mere.clock import HybridClock
from mere.entities.artifact import (
    Artifact,
    ArtifactKind,
    check_artifact_path,
    check_owner,
    is_below,
    media_type_of,
)
from mere.errors import AlreadyExists, CorruptData, ErrorCode, InvalidInput, MereError, NotFound
from mere.lake.blobs import OnBytes, digest_file
from mere.services.artifacts.folder import FolderReport, FoundFile, walk_folder
from mere.services.artifacts.places import Places

if TYPE_CHECKING:
    from mere.clock import Clock
    from mere.lake import Lake

__all__ = ["Artifacts", "Child", "NewArtifact", "OnRefused"]

_COLUMNS = (
    "owner",
    "path",
    "kind",
    "size",
    "digest",
    "media_type",
    "location",
    "step",
    "caption",
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATE_MS = 30 * 60 * 1000
_OWNERS_KNOWN_MAX = 256
_OBJECTS_KNOWN_MAX = 200_000
_ROWS_MAX = 2000
_ROWS_INTERVAL_S = 10.0
_WHOLE_BYTES_MAX = 1 << 20
_LARGE_BYTES_MIN = 8 << 20
_LARGE_AT_ONCE = 2
_PARTS = ".mere-download"


class NewArtifact(msgspec.Struct, frozen=True, kw_only=True):
    """Something to be stored as an artifact.

    Args:
        path: Where it shall be below its owner.
        content: Its bytes, or the file that holds them.
        kind: What it is.
        media_type: Its media type; by default, what the path's ending stands for.
        step: Where in the training it was logged.
        caption: What people should read beside it.
        at: The tick of its logging, where it is sent later, however much; it then loses to what
            was logged to the same path since.
        digest: SHA-256 of the file, where it is known; it is found out otherwise.
    """

    path: str
    content: bytes | Path
    kind: str = ArtifactKind.FILE
    media_type: str | None = None
    step: int | None = None
    caption: str | None = None
    at: int | None = None
    digest: str | None = None


class Child(NamedTuple):
    """What lies directly in a folder of artifacts.

    Args:
        name: Without the folder.
        size: Of a file, its bytes; None of a folder.
    """

    name: str
    size: int | None


OnRefused = Callable[[NewArtifact, MereError], None]
"""Told what cannot be stored, and why."""


_Children = list[Child]  # below, `list` is a method


class Artifacts:
    """The artifacts of one warehouse; safe for use by several threads.

    Args:
        lake: Where they are stored.
        clock: Says when it is time to write rows.
    """

    def __init__(self, lake: Lake, clock: Clock) -> None:
        self._lake = lake
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Places] = OrderedDict()

    def put(
        self,
        owner: str,
        path: str,
        file: Path,
        *,
        kind: str = ArtifactKind.FILE,
        media_type: str | None = None,
        step: int | None = None,
        caption: str | None = None,
        on_bytes: OnBytes | None = None,
    ) -> Artifact:
        """Store a local file; returns when it is durable and can be seen.

        Args:
            owner: Whose it is: the id of a run, a dataset version or a model.
            path: Where it shall be below the owner.
            file: The file, of any size.
            kind: What it is.
            media_type: Its media type; by default, what the path's ending stands for.
            step: Where in the training it was logged.
            caption: What people should read beside it.
            on_bytes: Told of progress, from any thread.

        Raises:
            InvalidInput: The path may not be one, or the file cannot be read or has changed.
            Unavailable: The store did not answer; to put it again is safe.
        """
        given = NewArtifact(
            path=path, content=file, kind=kind, media_type=media_type, step=step, caption=caption
        )
        return self._put_one(owner, given, on_bytes)

    def put_bytes(
        self,
        owner: str,
        path: str,
        data: bytes,
        *,
        kind: str = ArtifactKind.FILE,
        media_type: str | None = None,
        step: int | None = None,
        caption: str | None = None,
    ) -> Artifact:
        """Store bytes; otherwise as `put`."""
        given = NewArtifact(
            path=path, content=data, kind=kind, media_type=media_type, step=step, caption=caption
        )
        return self._put_one(owner, given, None)

    def put_all(
        self,
        owner: str,
        items: Iterable[NewArtifact],
        *,
        on_bytes: OnBytes | None = None,
        on_refused: OnRefused | None = None,
        width: int | None = None,
    ) -> None:
        """Store many, several at once, with their rows in few segments.

        Args:
            owner: Whose they are.
            items: What to store; taken as it is needed.
            on_bytes: Told of progress, from any thread.
            on_refused: Told what cannot be stored; by default, the first one is raised.
            width: How many at once; by default as many as the engine has requests under way.

        Raises:
            InvalidInput: As for `put`.
            Unavailable: The store did not answer; to put all of them again is safe.
        """
        places = self._places(owner)
        late: list[Artifact] = []

        def store(item: NewArtifact, rows: _Rows) -> None:
            try:
                made = self._store(places, owner, item, on_bytes)
                if self._is_late(item.at):
                    late.append(made)
                else:
                    rows.add(made, item.at)
            except (InvalidInput, AlreadyExists) as error:
                if on_refused is None or error.code is ErrorCode.FORKED:
                    raise
                on_refused(item, error)

        with _Rows(self._lake, self._clock) as rows:
            self._lake.blobs.each(items, lambda item: store(item, rows), width=width)
            for made in self._still_newest(late):
                rows.add(made, None)

    def put_folder(
        self, owner: str, path: str, folder: Path, *, on_bytes: OnBytes | None = None
    ) -> FolderReport:
        """Store all files of a folder; what is stored already is not sent again.

        Args:
            owner: Whose they are.
            path: The folder they shall be in below the owner; '' for none.
            folder: The local folder. Links that lead out of it, links to folders, and what is no
                plain file are left out.
            on_bytes: Told of progress, from any thread.

        Returns:
            What was stored, and what was left out.

        Raises:
            InvalidInput: There is no such folder, or the path may not be one.
            Unavailable: The store did not answer; the same call again goes on from there.
        """
        if path:
            check_artifact_path(path)
        places = self._places(owner)
        stored: dict[str, Artifact] = {}
        if places.has_folder(path):
            stored = {one.path: one for one in self.list(owner, path)}
            places.learn(stored.values())
        report = FolderReport()
        large: list[FoundFile] = []
        counting = threading.Lock()

        def skip(below: str, reason: str) -> None:
            with counting:
                report.skipped[below] = reason

        def store(found: FoundFile, rows: _Rows) -> None:
            item = NewArtifact(path=found.path, content=found.file)
            try:
                made = self._store(places, owner, item, on_bytes)
            except InvalidInput as error:
                if error.code is ErrorCode.FORKED:
                    raise
                skip(found.path, error.message)
                return
            is_known = _is_same(stored.get(found.path), made)
            if not is_known:
                rows.add(made, None)
            with counting:
                report.files += 1
                report.bytes += made.size
                report.unchanged += is_known

        def small() -> Iterator[FoundFile]:
            for found in walk_folder(folder, path, skip):
                if found.size < _LARGE_BYTES_MIN:
                    yield found
                else:
                    large.append(found)

        with _Rows(self._lake, self._clock) as rows:
            self._lake.blobs.each(small(), lambda found: store(found, rows))
            # Few at once: each of them holds several parts in memory.
            act: Callable[[FoundFile], None] = lambda found: store(found, rows)  # noqa: E731
            self._lake.blobs.each(large, act, width=_LARGE_AT_ONCE)
        return report

    def list(self, owner: str, prefix: str = "") -> list[Artifact]:
        """The artifacts of an owner by path: all, the one at a path, or those in a folder."""
        import pyarrow.compute as pc

        rows = self._lake.scan("artifacts", where={"owner": check_owner(owner)})
        folder = prefix.rstrip("/")
        if folder:
            rows = rows.filter(pc.starts_with(rows["path"], folder))
        found = [_entity(row) for row in rows.to_pylist() if is_below(row["path"], folder)]
        return sorted(found, key=lambda one: one.path)

    def children(self, owner: str, folder: str = "") -> _Children:
        """What lies directly in a folder of an owner, files and folders, by name."""
        import pyarrow.compute as pc

        columns = ["path", "size"]
        rows = self._lake.scan("artifacts", {"owner": check_owner(owner)}, columns)
        prefix = f"{folder}/" if folder else ""
        if prefix:
            rows = rows.filter(pc.starts_with(rows["path"], prefix))
        found: dict[str, int | None] = {}
        paths, sizes = rows["path"].to_pylist(), rows["size"].to_pylist()
        for path, size in zip(paths, sizes, strict=True):
            name, slash, _ = path[len(prefix) :].partition("/")
            found[name] = None if slash else size
        return [Child(name, size) for name, size in sorted(found.items())]

    def put_shared(self, owner: str, item: NewArtifact) -> Artifact:
        """Store one where several processes may store others at the same path at this moment.

        Raises:
            InvalidInput: As for `put`.
            Unavailable: The store did not answer; to put it again is safe.
        """
        made = self._store(self._places(owner), owner, item, None, is_shared=True)
        self._lake.patch("artifacts", [_row(made)], at=item.at)
        return made

    def delete(self, owner: str, path: str) -> int:
        """Remove the artifact at a path, or all in a folder; returns how many there were.

        Their rows go. Their bytes stay until `mere gc` finds that nothing names them: a version of
        a registered model may.
        """
        doomed = [one.path for one in self.list(owner, path)]
        if doomed:
            self._lake.delete("artifacts", [(owner, one) for one in doomed])
        return len(doomed)

    def get(self, owner: str, path: str) -> Artifact:
        """The artifact at a path.

        Raises:
            NotFound: There is none.
        """
        row = self._lake.get("artifacts", (check_owner(owner), path))
        if row is None:
            raise _not_found(owner, path)
        return _entity(row)

    def read(self, owner: str, path: str) -> bytes:
        """The whole content of an artifact, verified.

        Raises:
            NotFound: There is no such artifact.
            CorruptData: The stored content is not what was logged.
        """
        found = self.get(owner, path)
        data = self._lake.blobs.get(found.location)
        if len(data) != found.size or hashlib.sha256(data).hexdigest() != found.digest:
            raise CorruptData(
                ErrorCode.BAD_CHECKSUM,
                f"object {found.location} is not what was logged as {path!r}: restore it from a "
                "backup",
                key=found.location,
            )
        return data

    def open(self, owner: str, path: str) -> io.BufferedReader:
        """Open an artifact as a file that is read piece by piece; what is read is not verified.

        Raises:
            NotFound: There is no such artifact.
        """
        found = self.get(owner, path)
        return self._lake.blobs.open(found.location, size=found.size)

    def download(self, owner: str, path: str, to: Path, *, on_bytes: OnBytes | None = None) -> Path:
        """Copy the artifact at a path, or all in a folder, into a local folder, verified.

        Each file keeps its path: ``a/b.txt`` becomes ``<to>/a/b.txt``. What is there already is
        left alone, what was cut short goes on, and other files of the same names are replaced.

        Args:
            owner: Whose.
            path: A path, a folder, or '' for all.
            to: The local folder; made if it is not there.
            on_bytes: Told of progress, what was there before included.

        Returns:
            Where the file or folder is now.

        Raises:
            NotFound: There is nothing at that path.
            CorruptData: A stored content is not what was logged, or a path leads out of `to`.
            InvalidInput: A file cannot be written.
        """
        found = self.list(owner, path)
        folder = path.rstrip("/")
        if not found and folder:
            raise _not_found(owner, path)
        to.mkdir(parents=True, exist_ok=True)
        targets = [(one, _inside(to, one.path)) for one in found]
        parts = to / _PARTS

        def fetch(job: tuple[Artifact, Path]) -> None:
            one, target = job
            # Beside the files, as "x.part" may be the name of one of them.
            part = parts / f"{hashlib.sha256(one.path.encode()).hexdigest()[:20]}-{one.digest[:20]}"
            self._fetch(one, part, target, on_bytes)

        self._lake.blobs.each((job for job in targets if job[0].size < _LARGE_BYTES_MIN), fetch)
        for job in targets:
            if job[0].size >= _LARGE_BYTES_MIN:
                fetch(job)
        if parts.is_dir() and not any(parts.iterdir()):
            parts.rmdir()
        return to / folder if folder else to

    def _fetch(self, one: Artifact, part: Path, target: Path, on_bytes: OnBytes | None) -> None:
        try:
            is_there = target.is_file() and target.stat().st_size == one.size
            if is_there and digest_file(target)[0] == one.digest:
                if on_bytes is not None:
                    on_bytes(one.size)
                return
            self._lake.blobs.download(
                one.location, part, size=one.size, digest=one.digest, on_bytes=on_bytes
            )
            target.parent.mkdir(parents=True, exist_ok=True)
            part.replace(target)
        except OSError as error:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"cannot write file {str(target)!r}: {error.strerror or error}",
                path=str(target),
            ) from error

    def _put_one(self, owner: str, item: NewArtifact, on_bytes: OnBytes | None) -> Artifact:
        made = self._store(self._places(owner), owner, item, on_bytes)
        self._lake.patch("artifacts", [_row(made)], at=item.at)
        return made

    def _store(
        self,
        places: Places,
        owner: str,
        item: NewArtifact,
        on_bytes: OnBytes | None,
        *,
        is_shared: bool = False,
    ) -> Artifact:
        """Make the bytes of an artifact durable; its row is the caller's to write."""
        path = check_artifact_path(item.path)
        blobs = self._lake.blobs
        content = _whole(item.content)
        sent = _Sent(on_bytes)
        if isinstance(content, bytes):
            size, digest = len(content), hashlib.sha256(content).hexdigest()
            location = places.place(path, size, digest, lambda key: blobs.put(key, content))
        else:
            digest, size = _digested(content, item.digest)
            location = places.place(
                path,
                size,
                digest,
                lambda key: blobs.put_file(key, content, size=size, digest=digest, on_bytes=sent),
                is_plain_ours=not is_shared or self._is_plain_ours(owner, path, size, digest),
            )
        sent.fill(size)
        return Artifact(
            owner=owner,
            path=path,
            kind=str(ArtifactKind.of(item.kind)),
            size=size,
            digest=digest,
            media_type=item.media_type or media_type_of(path),
            location=location,
            step=item.step,
            caption=item.caption,
            logged_at=self._logged_at(item.at),
        )

    def _is_plain_ours(self, owner: str, path: str, size: int, digest: str) -> bool:
        """Whether a content may lie at the readable key of its path.

        A bucket takes large files in parts, and has no condition for that: of two at one key, the
        later one would replace the other. So the key is claimed for one content.
        """
        if size < _LARGE_BYTES_MIN:
            return True
        claim = self._lake.claim("artifact", f"{owner}/{path}", {"digest": digest})
        return claim.record.get("digest") == digest

    def _logged_at(self, at: int | None) -> datetime:
        us = self._clock.now_us() if at is None else HybridClock.to_ms(at) * 1000
        return _EPOCH + timedelta(microseconds=us)

    def _is_late(self, at: int | None) -> bool:
        """Whether something was logged so long ago that the engine may not know its order."""
        if at is None:
            return False
        return self._clock.now_us() // 1000 - HybridClock.to_ms(at) > _LATE_MS

    def _still_newest(self, late: Iterable[Artifact]) -> Iterable[Artifact]:
        """Of what was logged long ago, that since which nothing was logged to the same path."""
        newest = {one.path: one for one in sorted(late, key=lambda one: one.logged_at or _EPOCH)}
        for one in newest.values():
            row = self._lake.get("artifacts", (one.owner, one.path)) or {}
            there = row.get("logged_at")
            if there is None or one.logged_at is None or there <= one.logged_at:
                yield one

    def _places(self, owner: str) -> Places:
        check_owner(owner)
        with self._lock:
            known = self._known.get(owner)
            if known is not None:
                self._known.move_to_end(owner)
                return known
        # Outside the lock, as it asks the store; who else does so meanwhile learns the same.
        fresh = Places(self._lake, owner)
        with self._lock:
            known = self._known.setdefault(owner, fresh)
            while len(self._known) > 1 and (
                len(self._known) > _OWNERS_KNOWN_MAX
                or sum(map(len, self._known.values())) > _OBJECTS_KNOWN_MAX
            ):
                self._known.popitem(last=False)
            return known


class _Rows:
    """Rows on their way into the table, gathered for as long as few of them wait."""

    def __init__(self, lake: Lake, clock: Clock) -> None:
        self._lake = lake
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: list[tuple[Artifact, int | None]] = []
        self._since = clock.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        # After an error too: what is stored shall be seen. If that fails as well, the first tells.
        try:
            self._write(self._waiting)
        except MereError:
            if kind is None:
                raise

    def add(self, made: Artifact, at: int | None) -> None:
        """Add a row; write those that wait, if it is time."""
        with self._lock:
            self._waiting.append((made, at))
            now = self._clock.monotonic()
            if len(self._waiting) < _ROWS_MAX and now - self._since < _ROWS_INTERVAL_S:
                return
            due, self._waiting, self._since = self._waiting, [], now
        self._write(due)

    def _write(self, due: list[tuple[Artifact, int | None]]) -> None:
        if not due:
            return
        with self._lake.batch() as batch:
            for made, at in due:
                batch.patch("artifacts", [_row(made)], at=at)


class _Sent:
    """Sees to it that progress adds up to the whole size, sent or not."""

    def __init__(self, on_bytes: OnBytes | None) -> None:
        self._on_bytes = on_bytes
        self._lock = threading.Lock()
        self._total = 0

    def __call__(self, count: int) -> None:
        with self._lock:
            self._total += count
        if self._on_bytes is not None:
            self._on_bytes(count)

    def fill(self, size: int) -> None:
        """Count what did not have to be sent."""
        if size > self._total:
            self(size - self._total)


def _digested(file: Path, digest: str | None) -> tuple[str, int]:
    """A file's digest and size; a digest that is known is verified when the file is stored."""
    if digest is None:
        return digest_file(file)
    try:
        return digest, file.stat().st_size
    except OSError as error:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"file {str(file)!r} cannot be read: {error.strerror or error}",
            path=str(file),
        ) from error


def _whole(content: bytes | Path) -> bytes | Path:
    """Small files are read at once, so that what is stored is what was digested."""
    if isinstance(content, bytes):
        return content
    try:
        if content.is_file() and content.stat().st_size <= _WHOLE_BYTES_MAX:
            return content.read_bytes()
    except OSError as error:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"file {str(content)!r} cannot be read: {error.strerror or error}",
            path=str(content),
        ) from error
    return content


def _inside(to: Path, path: str) -> Path:
    """Where an artifact's file goes; rows are not trusted to stay in the folder."""
    try:
        target = to / check_artifact_path(path)
    except InvalidInput as error:
        raise CorruptData(
            ErrorCode.BAD_OBJECT, f"a stored {error.message}; it was not downloaded", path=path
        ) from error
    if not target.parent.resolve().is_relative_to(to.resolve()):
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"{str(target)!r} leads out of {str(to)!r} through a link: download elsewhere",
            path=path,
        )
    return target


def _is_same(stored: Artifact | None, made: Artifact) -> bool:
    if stored is None:
        return False
    return all(getattr(stored, name) == getattr(made, name) for name in _COLUMNS)


def _row(made: Artifact) -> dict[str, Any]:
    """The whole row, so that nothing of an older one shines through."""
    return {name: getattr(made, name) for name in (*_COLUMNS, "logged_at")}


def _entity(row: dict[str, Any]) -> Artifact:
    known = {name: value for name, value in row.items() if value is not None}
    return msgspec.convert(known, Artifact)


def _not_found(owner: str, path: str) -> NotFound:
    return NotFound(
        ErrorCode.ARTIFACT_NOT_FOUND,
        f"there is no artifact {path!r} of {owner}: `mere artifacts ls` lists those there are",
        owner=owner,
        path=path,
    )
