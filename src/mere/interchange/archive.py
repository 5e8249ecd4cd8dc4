"""A portable folder: what `mere export` writes and `mere import` takes back.

::

    manifest.json                      format, tables and files with their sizes and digests
    tables/<table>.parquet             the selected rows
    tables/datasets/<id>.parquet       the rows of dataset versions that are tables
    artifacts/<owner>/<path>           files of runs and models
    objects/<sha256>                   files of dataset versions, code, environments

The manifest is written last: a folder without one is an export that has not ended. Nothing in a
folder that is to be imported is trusted: paths must be of the forms above, links are refused, and
each byte is verified against the manifest.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from mere.entities.artifact import check_artifact_path
from mere.errors import CorruptData, ErrorCode, InvalidInput, NotFound
from mere.lake.blobs import digest_file

__all__ = [
    "MANIFEST",
    "TABLES_EXPORTED",
    "ArchiveFile",
    "Manifest",
    "read_manifest",
    "verified",
    "write_manifest",
]

MANIFEST = "manifest.json"
TABLES_EXPORTED = (
    "experiments",
    "runs",
    "metrics",
    "console",
    "artifacts",
    "datasets",
    "lineage",
    "logged_models",
    "registered_models",
    "model_versions",
    "model_aliases",
)
_FORMAT = "mere-export"
_VERSION = 1
_TABLE = re.compile(r"tables/([a-z_]{1,60}|datasets/[0-9a-f]{32})\.parquet")
_OBJECT = re.compile(r"objects/[0-9a-f]{64}")


class ArchiveFile(msgspec.Struct, frozen=True):
    """One file of an archive.

    Args:
        path: Below the archive, with slashes.
        size: In bytes.
        digest: SHA-256 of its content.
        rows: Of a table: how many.
    """

    path: str
    size: int
    digest: str
    rows: int | None = None


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What an archive holds.

    Args:
        format: Always ``mere-export``.
        version: Of the format; a newer one is refused.
        made_by: The version of mere.
        source: The warehouse's id.
        root: The number of the state that was exported.
        tables: The tables' files.
        files: All others.
        left_out: What the selection needs and the archive does not have, by kind.
    """

    format: str = _FORMAT
    version: int = _VERSION
    made_by: str
    source: str
    root: int
    tables: list[ArchiveFile]
    files: list[ArchiveFile]
    left_out: dict[str, int] = {}


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put the manifest in its place, whole, as the last file."""
    data = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    part = folder / f"{MANIFEST}.part"
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / MANIFEST)


def read_manifest(folder: Path) -> Manifest:
    """Read and check the manifest; the files themselves are verified when they are read.

    Raises:
        NotFound: There is none.
        InvalidInput: It is of a newer format.
        CorruptData: It cannot be read, or names what cannot be in an archive.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise NotFound(
            ErrorCode.OBJECT_NOT_FOUND,
            f"{folder} has no {MANIFEST}: it is no export, or one that has not ended",
            path=str(path),
        )
    try:
        raw: Any = msgspec.json.decode(path.read_bytes())
        if isinstance(raw, dict) and raw.get("format") == _FORMAT:
            _check_version(path, raw.get("version"))
        manifest = msgspec.convert(raw, Manifest)
    except msgspec.MsgspecError as error:
        raise CorruptData(
            ErrorCode.BAD_OBJECT, f"{path} cannot be read: {error}", path=str(path)
        ) from error
    if manifest.format != _FORMAT:
        raise CorruptData(ErrorCode.BAD_OBJECT, f"{path} is not of an export", path=str(path))
    for file in _all(manifest):
        _check_path(file.path)
    return manifest


def verified(folder: Path, file: ArchiveFile) -> Path:
    """Return where a file of an archive is, once its content is what the manifest says.

    Raises:
        CorruptData: It is missing, a link, or another.
    """
    _check_path(file.path)
    path = folder / file.path
    is_inside = path.parent.resolve().is_relative_to(folder.resolve())
    if path.is_symlink() or not path.is_file() or not is_inside:
        raise CorruptData(
            ErrorCode.MISSING_FILE,
            f"{path} is missing or a link: export again, or copy the folder whole",
            path=str(path),
        )
    if digest_file(path) != (file.digest, file.size):
        raise CorruptData(
            ErrorCode.BAD_CHECKSUM,
            f"{path} is not what was exported: copy it again",
            path=str(path),
        )
    return path


def _all(manifest: Manifest) -> Iterator[ArchiveFile]:
    yield from manifest.tables
    yield from manifest.files


def _check_version(path: Path, version: object) -> None:
    if not isinstance(version, int) or version > _VERSION:
        raise InvalidInput(
            ErrorCode.UNSUPPORTED_FORMAT,
            f"{path} is of format {version!r}, and this mere knows up to {_VERSION}: update mere",
            version=version,
        )


def _check_path(path: str) -> None:
    """Refuse what could lead out of the folder, or is no part of an archive."""
    if _TABLE.fullmatch(path) or _OBJECT.fullmatch(path):
        return
    try:
        if path.startswith("artifacts/"):
            check_artifact_path(path)
            return
    except InvalidInput:
        pass
    raise CorruptData(
        ErrorCode.BAD_OBJECT,
        f"the manifest names {path[:200]!r}, which cannot be in an export; nothing was imported",
        path=path[:200],
    )
