"""Datasets made of files: a manifest over objects named by their content.

A file lies under ``objects/<sha256>``, so what has not changed since an earlier version is stored
once. The manifest is such an object too: one line of JSON for each file, sorted by path. Its
digest is the version's, so two versions with the same files are told by one comparison.

Writing again after a crash goes on where it ended: what is stored already is not sent again.
Files are always read in full, as neither size nor time says that a file has not changed.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec

from mere.entities.dataset import PURGED, Dataset, DatasetFile, DatasetKind
from mere.entities.limits import check_name
from mere.errors import CorruptData, ErrorCode, InvalidInput, NotFound
from mere.lake.blobs import TRUSTED_US, digest_file
from mere.services.datasets.paths import Paths, SafeFolder, collect, make_folder

if TYPE_CHECKING:
    from mere.lake import Lake
    from mere.services.datasets.versions import DatasetVersions

__all__ = ["DatasetFiles"]

OnFile = Callable[[int], None]
_LOOK_FIRST_BYTES = 1 << 20
_FOLDER = "objects"

_Files = list[DatasetFile]  # below, `list` is a method


class DatasetFiles:
    """The files of dataset versions.

    Args:
        lake: Where they are stored.
        versions: The versions they belong to.
    """

    def __init__(self, lake: Lake, versions: DatasetVersions) -> None:
        self._lake = lake
        self._versions = versions

    def write(
        self,
        name: str,
        paths: Paths,
        *,
        tags: dict[str, str] | None = None,
        follow_links: bool = False,
        run_id: str | None = None,
        created_by: str | None = None,
        on_bytes: OnFile | None = None,
    ) -> Dataset:
        """Store files as a new version; the newest version itself where nothing has changed.

        Args:
            name: The dataset.
            paths: A folder, whose files are stored by their paths in it; or files and folders,
                which are stored by their own names; or local paths by path in the dataset.
            tags: What else is worth remembering.
            follow_links: Whether links may lead out of the folder.
            run_id: The run that writes it.
            created_by: The account that writes it.
            on_bytes: Told of progress: each further number of bytes read, from any thread.

        Raises:
            InvalidInput: There is no file, or one that cannot be stored.
            Unavailable: The store did not answer; writing again goes on from here.
        """
        check_name(name, "dataset")
        begun_us = self._lake.clock.now_us()
        newest, known = self._newest(name)
        found = self._store(collect(paths, follow_links=follow_links), known, on_bytes)
        manifest = b"".join(msgspec.json.encode(one) + b"\n" for one in found)
        digest = hashlib.sha256(manifest).hexdigest()
        if newest is not None and newest.digest == digest:
            return self._versions.set_tags(newest, tags or {})
        if self._lake.clock.now_us() - begun_us > TRUSTED_US:
            self._keep(collect(paths, follow_links=follow_links), found)
        key = f"{_FOLDER}/{digest}"
        self._lake.blobs.put(key, manifest)
        published = self._versions.publish(
            Dataset(
                dataset_id="",
                name=name,
                version=0,
                kind=DatasetKind.FILES,
                digest=digest,
                source_type="local",
                source=_source_of(paths),
                manifest=key,
                files=len(found),
                bytes=sum(one.size for one in found),
                tags=tags or {},
                run_id=run_id,
                created_by=created_by,
            )
        )
        # A collection marks a version before it looks at rows. So either it has seen the new row,
        # or the mark is seen here, and what was taken for stored may be gone.
        if newest is not None and self._is_purged(newest):
            self._keep(collect(paths, follow_links=follow_links), found)
        return published

    def list(self, dataset: Dataset) -> _Files:
        """The files of a version, by path.

        Raises:
            InvalidInput: It is not made of files.
            CorruptData: The manifest is missing or damaged.
        """
        if dataset.kind is not DatasetKind.FILES or dataset.manifest is None:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"dataset {dataset.label} is a {dataset.kind} and has no files",
                dataset=dataset.label,
            )
        try:
            data = self._lake.blobs.get(dataset.manifest)
        except NotFound as error:
            raise _damaged(dataset, "is gone") from error
        if hashlib.sha256(data).hexdigest() != dataset.manifest.rpartition("/")[2]:
            raise _damaged(dataset, "has other content than it was written with")
        try:
            return msgspec.json.Decoder(DatasetFile).decode_lines(data)
        except msgspec.MsgspecError as error:
            raise _damaged(dataset, f"cannot be read: {error}") from error

    def find(self, dataset: Dataset, path: str) -> DatasetFile:
        """One file of a version.

        Raises:
            NotFound: There is none of that path.
        """
        for one in self.list(dataset):
            if one.path == path:
                return one
        raise NotFound(
            ErrorCode.DATASET_NOT_FOUND,
            f"dataset {dataset.label} has no file {path!r}: `mere dataset show "
            f"{dataset.label} --files` lists those it has",
            dataset=dataset.label,
            path=path,
        )

    def open(self, dataset: Dataset, path: str) -> IO[bytes]:
        """Open one file, to be read by ranges as they are asked for; raises as `find` does."""
        one = self.find(dataset, path)
        return self._lake.blobs.open(f"{_FOLDER}/{one.digest}", size=one.size)

    def download(
        self, dataset: Dataset, to: str | os.PathLike[str], *, on_bytes: OnFile | None = None
    ) -> Path:
        """Copy all files of a version into a folder; files that are there already are kept.

        Other files in the folder are left alone. Every byte is verified.

        Args:
            dataset: The version.
            to: The folder, made where there is none.
            on_bytes: Told of progress: each further number of bytes done, from any thread.

        Raises:
            CorruptData: A stored file is missing or damaged.
            InvalidInput: The folder cannot be written, or a link in it leads elsewhere.
            Unavailable: The store did not answer; downloading again goes on from here.
        """
        folder = Path(os.path.abspath(to))
        make_folder(folder)
        safe = SafeFolder(folder)
        stages: dict[int, _Files] = {}
        for one in self.list(dataset):
            # The engine gathers x in x.part; a file of the dataset named so comes after x.
            name = one.path.rpartition("/")[2]
            depth = 0
            while name.endswith(".part"):
                name, depth = name.removesuffix(".part"), depth + 1
            stages.setdefault(depth, []).append(one)

        def fetch(one: DatasetFile) -> None:
            target = safe.path(one.path)
            try:
                self._lake.blobs.download(
                    f"{_FOLDER}/{one.digest}",
                    target,
                    size=one.size,
                    digest=one.digest,
                    on_bytes=on_bytes,
                )
            except NotFound as error:
                raise CorruptData(
                    ErrorCode.MISSING_FILE,
                    f"object {_FOLDER}/{one.digest} is gone, though file {one.path!r} of dataset "
                    f"{dataset.label} is stored there: restore it from a backup",
                    key=f"{_FOLDER}/{one.digest}",
                ) from error

        for _, stage in sorted(stages.items()):
            self._lake.blobs.each(stage, fetch)
        return folder

    def _newest(self, name: str) -> tuple[Dataset | None, dict[str, int]]:
        """The newest version in use, if any, and the sizes of its files by digest."""
        newest = self._versions.newest(name)
        if newest is None:
            return None, {}
        if newest.kind is not DatasetKind.FILES:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"dataset {name!r} is a {newest.kind}: write files under another name",
                name=name,
            )
        try:
            return newest, {one.digest: one.size for one in self.list(newest)}
        except (CorruptData, InvalidInput):
            if not self._is_purged(newest):
                raise
            return None, {}

    def _is_purged(self, dataset: Dataset) -> bool:
        return self._versions.get(dataset.dataset_id).lifecycle == PURGED

    def _store(
        self, files: Iterable[tuple[str, Path]], known: dict[str, int], on_bytes: OnFile | None
    ) -> _Files:
        blobs = self._lake.blobs
        stored = dict(known)
        found: _Files = []
        lock = threading.Lock()

        def store(file: tuple[str, Path]) -> None:
            path, local = file
            digest, size = digest_file(local, on_bytes)
            with lock:
                is_stored = digest in stored
            key = f"{_FOLDER}/{digest}"
            # Small objects are put at once: to look first would cost a request as well.
            if not is_stored and not (size >= _LOOK_FIRST_BYTES and blobs.exists(key)):
                blobs.put_file(key, local, size=size, digest=digest)
            with lock:
                stored[digest] = size
                found.append(DatasetFile(path, size, digest))

        blobs.each(files, store)
        if not found:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE, "there is no file to be stored: is it the right folder?"
            )
        return sorted(found, key=lambda one: one.path)

    def _keep(self, files: Iterable[tuple[str, Path]], found: _Files) -> None:
        """Ask for each file that was found, and store again what a collection has removed."""
        blobs = self._lake.blobs
        local = dict(files)

        def keep(one: DatasetFile) -> None:
            key = f"{_FOLDER}/{one.digest}"
            if not blobs.exists(key):
                path = local.get(one.path, Path(one.path))  # one that has gone cannot be read
                blobs.put_file(key, path, size=one.size, digest=one.digest)

        blobs.each(found, keep)


def _source_of(paths: Paths) -> str | None:
    if isinstance(paths, str | os.PathLike):
        return Path(os.path.abspath(paths)).as_uri()
    return None


def _damaged(dataset: Dataset, what: str) -> CorruptData:
    return CorruptData(
        ErrorCode.BAD_OBJECT,
        f"the manifest {dataset.manifest} of dataset {dataset.label} {what}: restore it from a "
        "backup",
        key=dataset.manifest,
    )
