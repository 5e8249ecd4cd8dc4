"""The format of a bundle of code: a deterministic tar archive, compressed with zstandard.

The same files give the same bytes, whoever packs them and when: members come in the order given,
without times, owners or groups, and of the permissions only whether a file may be executed. The
last member, named `INFO_NAME`, says what the bundle is and what was left out.

Unpacking trusts nothing. An archive may have been written by somebody who means harm, so names
that climb, absolute names, links that lead out, devices, doubled names and archives that grow
beyond all measure are refused before anything of them is written.
"""

from __future__ import annotations

import io
import os
import posixpath
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import zstandard

from mere.entities.code import BundleInfo
from mere.errors import CorruptData, ErrorCode

__all__ = ["INFO_NAME", "BundleWriter", "BundledFile", "is_inside", "read_bundle", "unpack"]

INFO_NAME = ".mere-bundle.json"
_LEVEL = 6
_FILES_MAX = 100_000
_BYTES_MAX = 1 << 30
_WINDOW_BYTES_MAX = 1 << 27
_LINKS_IN_A_PATH_MAX = 1024


class BundledFile(msgspec.Struct, frozen=True):
    """A file of a bundle.

    Args:
        path: Below the root, with slashes.
        data: Its content; empty for a link.
        is_executable: Whether it may be executed.
        link: For a symbolic link, where it leads.
    """

    path: str
    data: bytes
    is_executable: bool = False
    link: str | None = None


class BundleWriter:
    """Packs files into a bundle, one after the other."""

    def __init__(self) -> None:
        self._buffer = io.BytesIO()
        self._stream = zstandard.ZstdCompressor(level=_LEVEL).stream_writer(
            self._buffer, closefd=False
        )
        self._tar = tarfile.open(  # noqa: SIM115  closed by finish
            fileobj=self._stream,
            mode="w|",
            format=tarfile.PAX_FORMAT,
            encoding="utf-8",
            errors="surrogateescape",
        )

    def add(self, file: BundledFile) -> None:
        """Add a file; give them in an order that depends on nothing but the files."""
        member = tarfile.TarInfo(file.path)
        if file.link is not None:
            member.type, member.linkname, member.mode = tarfile.SYMTYPE, file.link, 0o777
            self._tar.addfile(member)
            return
        member.size = len(file.data)
        member.mode = 0o755 if file.is_executable else 0o644
        self._tar.addfile(member, io.BytesIO(file.data))

    def finish(self, info: BundleInfo) -> bytes:
        """Return the bundle."""
        # The names are those of the members; said twice they could contradict each other.
        data = msgspec.json.encode(msgspec.structs.replace(info, files=[]))
        self.add(BundledFile(INFO_NAME, data))
        self._tar.close()
        self._stream.close()  # type: ignore[no-untyped-call]  # so its stubs say
        return self._buffer.getvalue()


def read_bundle(
    data: bytes, *, bytes_max: int = _BYTES_MAX, files_max: int = _FILES_MAX
) -> tuple[BundleInfo, list[BundledFile]]:
    """Read a bundle into memory.

    Args:
        data: The bundle.
        bytes_max: More bytes than this are not unpacked.
        files_max: More files than this are not unpacked.

    Raises:
        CorruptData: It is no bundle, or one that means harm.
    """
    files: dict[str, BundledFile] = {}
    info: BundleInfo | None = None
    for file in _members(data, bytes_max, files_max):
        if file.path == INFO_NAME:
            info = _info(file.data)
        elif file.path in files:
            raise _refuse(f"names {file.path!r} twice")
        else:
            files[file.path] = file
    if info is None:
        raise _refuse("does not say what it is: it was cut off, or is no bundle of mere's")
    _check_nesting(files)
    return msgspec.structs.replace(info, files=list(files)), list(files.values())


def unpack(
    data: bytes, into: Path, *, bytes_max: int = _BYTES_MAX, files_max: int = _FILES_MAX
) -> BundleInfo:
    """Write the files of a bundle below a folder, which only the caller may change meanwhile.

    Files that are there are replaced, and never written through a link.

    Raises:
        CorruptData: It is no bundle, or one that means harm; nothing was written.
    """
    info, files = read_bundle(data, bytes_max=bytes_max, files_max=files_max)
    into.mkdir(parents=True, exist_ok=True)
    # Links last: nothing can be written through one that is not there yet.
    for file in sorted(files, key=lambda file: file.link is not None):
        target = into / file.path
        _make_folders(into, target.parent)
        if target.is_symlink() or target.is_file():
            target.unlink()
        if file.link is not None:
            target.symlink_to(file.link)
            continue
        mode = 0o755 if file.is_executable else 0o644
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        with os.fdopen(os.open(target, flags, mode), "wb") as out:
            out.write(file.data)
    return info


def is_inside(path: str, link: str) -> bool:
    """Whether a symbolic link at a path leads to somewhere below the root, by its text alone."""
    if not link or posixpath.isabs(link) or "\0" in link:
        return False
    target = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
    return target != ".." and not target.startswith("../")


def _members(data: bytes, bytes_max: int, files_max: int) -> Iterator[BundledFile]:
    total = 0
    decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES_MAX)
    try:
        stream = _Bounded(decompressor.stream_reader(io.BytesIO(data)), 2 * bytes_max + (1 << 20))
        with tarfile.open(
            fileobj=stream, mode="r|", encoding="utf-8", errors="surrogateescape"
        ) as tar:
            for number, member in enumerate(tar):
                total += max(0, member.size)
                if number > files_max or total > bytes_max:
                    raise _refuse(
                        f"holds more than {files_max:,} files or {bytes_max:,} bytes: it is a bomb"
                    )
                yield _file(tar, member)
    except (tarfile.TarError, zstandard.ZstdError, EOFError, UnicodeError, ValueError) as error:
        if isinstance(error, CorruptData):
            raise
        raise _refuse(f"cannot be read ({error})") from error


def _file(tar: tarfile.TarFile, member: tarfile.TarInfo) -> BundledFile:
    _check_path(member.name)
    if member.issym():
        if not is_inside(member.name, member.linkname):
            raise _refuse(f"holds a link {member.name!r} that leads out, to {member.linkname!r}")
        return BundledFile(member.name, b"", link=member.linkname)
    if not member.isreg():
        raise _refuse(f"holds {member.name!r}, which is neither a file nor a symbolic link")
    source = tar.extractfile(member)
    assert source is not None, "regular files can be read"
    content = source.read()
    if len(content) != member.size:
        raise _refuse("was cut off")
    return BundledFile(member.name, content, is_executable=bool(member.mode & stat.S_IXUSR))


def _check_path(path: str) -> None:
    parts = path.split("/")
    is_bad = "\0" in path or any(part in ("", ".", "..") for part in parts)
    # A bundle must not bring settings of its own for what looks at the restored folder.
    if is_bad or parts[0] in (".git", ".mere") or len(parts) > _LINKS_IN_A_PATH_MAX:
        raise _refuse(f"names a file {path!r}, which is no path within it")


def _check_nesting(files: dict[str, BundledFile]) -> None:
    """Refuse a file below another file, or below a link."""
    for path in files:
        parent = posixpath.dirname(path)
        while parent:
            if parent in files:
                raise _refuse(f"names {path!r} below {parent!r}, which is no folder")
            parent = posixpath.dirname(parent)


def _make_folders(root: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if not folder.resolve().is_relative_to(root.resolve()):
        raise _refuse(f"would write to {folder}, which lies outside of {root}")


def _info(data: bytes) -> BundleInfo:
    try:
        return msgspec.json.decode(data, type=BundleInfo)
    except msgspec.MsgspecError as error:
        raise _refuse(f"describes itself wrongly ({error})") from error


def _refuse(why: str) -> CorruptData:
    return CorruptData(ErrorCode.BAD_OBJECT, f"a bundle of code {why}")


class _Bounded(io.RawIOBase):
    """A stream that refuses to give more than so many bytes."""

    def __init__(self, source: zstandard.ZstdDecompressionReader, bytes_max: int) -> None:
        self._source = source
        self._left = bytes_max

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise _refuse("grows beyond all measure when unpacked: it is a bomb")
        return data
