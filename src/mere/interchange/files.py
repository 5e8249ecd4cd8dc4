"""Takes the files of runs and models: what is here already is not read or sent again.

A file on this machine is compared by its digest. One that had to be fetched first is compared by
its size alone, where the source tells that: trackers replace files under the same name so seldom
that fetching all of them each time is not worth it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mere.errors import CorruptData, ErrorCode, InvalidInput, MereError, NotFound
from mere.interchange.trees import Unreachable
from mere.lake.blobs import digest_file
from mere.services.artifacts.artifacts import Artifacts, NewArtifact
from mere.services.imports import chunks

if TYPE_CHECKING:
    from mere.entities.artifact import Artifact
    from mere.interchange.foreign import ForeignFile
    from mere.interchange.report import ImportReport, OnProgress

__all__ = ["FileTaker"]

_FILES_AT_ONCE = 200


class FileTaker:
    """Takes files into the warehouse.

    Args:
        artifacts: Where to.
        report: Where to count.
        on_progress: Told of each handful of files.
    """

    def __init__(self, artifacts: Artifacts, report: ImportReport, on_progress: OnProgress) -> None:
        self._artifacts = artifacts
        self._report = report
        self._on_progress = on_progress

    def take(self, owner: str, what: str, list_files: Callable[[], Iterable[ForeignFile]]) -> None:
        """Take the files of one owner.

        Args:
            owner: The id of the run or model.
            what: What it is, for the report.
            list_files: Gives the files. Where nobody can reach the place, that is reported.
        """
        known: dict[str, Artifact] | None = None
        try:
            for files in chunks(list_files(), _FILES_AT_ONCE):
                if known is None:
                    known = {one.path: one for one in self._artifacts.list(owner)}
                self._report.files += len(files)
                self._take_some(owner, files, known)
                self._on_progress(self._report)
        except Unreachable as error:
            scheme = str(error).partition(":")[0]
            self._report.leave_out(f"folders of {what} at {scheme}: addresses, out of reach")

    def _take_some(self, owner: str, files: list[ForeignFile], known: dict[str, Artifact]) -> None:
        with tempfile.TemporaryDirectory(prefix="mere-import-") as scratch:
            self._artifacts.put_all(
                owner,
                self._fresh(owner, files, known, Path(scratch)),
                on_refused=lambda item, error: self._refused(owner, item.path, error),
            )

    def _fresh(
        self, owner: str, files: list[ForeignFile], known: dict[str, Artifact], scratch: Path
    ) -> Iterator[NewArtifact]:
        """The files whose content is not here yet, fetched where they are not on this machine."""
        for number, file in enumerate(files):
            here = known.get(file.path)
            is_same_size = here is not None and file.size == here.size
            if file.local is None and is_same_size:
                continue
            try:
                local = _local(file, scratch / str(number))
                digest, size = digest_file(local)
            except (InvalidInput, NotFound) as error:
                self._refused(owner, file.path, error)
                continue
            if file.digest is not None and file.digest != digest:
                raise CorruptData(
                    ErrorCode.BAD_CHECKSUM,
                    f"file {file.path!r} of {owner} is not what was exported: export it again",
                    path=file.path,
                )
            if here is not None and here.digest == digest:
                continue
            self._report.files_new += 1
            self._report.bytes_new += size
            yield NewArtifact(
                path=file.path,
                content=local,
                kind=file.kind,
                media_type=file.media_type,
                step=file.step,
                caption=file.caption,
            )

    def _refused(self, owner: str, path: str, error: MereError) -> None:
        self._report.leave_out("files that were refused")
        self._report.differs(owner, f"file {path}", "not taken", error.message)


def _local(file: ForeignFile, target: Path) -> Path:
    if file.local is not None:
        return file.local
    assert file.fetch is not None
    file.fetch(target)
    return target
