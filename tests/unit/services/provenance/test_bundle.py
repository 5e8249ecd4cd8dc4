from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from mere.entities.code import BundleInfo, LeftOut
from mere.errors import CorruptData
from mere.services.provenance.bundle import (
    INFO_NAME,
    BundledFile,
    BundleWriter,
    is_inside,
    read_bundle,
    unpack,
)


def bundle(*files: BundledFile, info: BundleInfo | None = None) -> bytes:
    writer = BundleWriter()
    for file in files:
        writer.add(file)
    return writer.finish(info or BundleInfo(kind="tree"))


def archive(build: Callable[[tarfile.TarFile], None]) -> bytes:
    """An archive that no `BundleWriter` would write, with what a bundle must have besides."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        build(tar)
        data = msgspec.json.encode(BundleInfo(kind="tree"))
        about = tarfile.TarInfo(INFO_NAME)
        about.size = len(data)
        tar.addfile(about, io.BytesIO(data))
    return zstandard.compress(buffer.getvalue())


def member(name: str, data: bytes = b"x", **traits: object) -> Callable[[tarfile.TarFile], None]:
    def build(tar: tarfile.TarFile) -> None:
        about = tarfile.TarInfo(name)
        about.size = len(data)
        for trait, value in traits.items():
            setattr(about, trait, value)
        tar.addfile(about, io.BytesIO(data))

    return build


names = st.lists(
    st.text(
        st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]),
        min_size=1,
        max_size=20,
    ).filter(lambda part: part not in (".", "..")),
    min_size=1,
    max_size=3,
).map("/".join)


@given(st.dictionaries(names, st.tuples(st.binary(max_size=300), st.booleans()), max_size=8))
def test_what_was_packed_is_read_back(files: dict[str, tuple[bytes, bool]]) -> None:
    packed = [
        BundledFile(path, data, is_executable=runs)
        for path, (data, runs) in sorted(files.items())
        if path.split("/")[0] not in (".git", ".mere")
        and not any(other.startswith(f"{path}/") for other in files)
    ]
    info, read = read_bundle(bundle(*packed))
    assert read == packed
    assert info.files == [file.path for file in packed]


def test_equal_files_give_equal_bytes() -> None:
    files = [BundledFile("a.py", b"1"), BundledFile("b/c", b"2" * 1000, is_executable=True)]
    assert bundle(*files) == bundle(*files)


def test_unpacking_writes_files_links_and_modes(tmp_path: Path) -> None:
    data = bundle(
        BundledFile("dir/a\nb \udcff.txt", b"data"),
        BundledFile("link", b"", link="dir"),
        BundledFile("run.sh", b"#!", is_executable=True),
        info=BundleInfo(kind="tree", left_out=[LeftOut(path=".env", reason="secret")]),
    )
    info = unpack(data, tmp_path / "new")
    assert (tmp_path / "new/link/a\nb \udcff.txt").read_bytes() == b"data"
    assert os.access(tmp_path / "new/run.sh", os.X_OK)
    assert not os.access(tmp_path / "new/dir/a\nb \udcff.txt", os.X_OK)
    assert info.left_out == [LeftOut(path=".env", reason="secret")]
    assert not (tmp_path / "new" / INFO_NAME).exists()


@pytest.mark.parametrize(
    "build",
    [
        member("../out"),
        member("/etc/out"),
        member("a/../../out"),
        member("a//b"),
        member("./a"),
        member(".git/hooks/post-checkout"),
        member(".mere/checkout.json"),
        member("link", b"", type=tarfile.SYMTYPE, linkname="/etc"),
        member("link", b"", type=tarfile.SYMTYPE, linkname="../.."),
        member("a/link", b"", type=tarfile.SYMTYPE, linkname="../../x"),
        member("hard", b"", type=tarfile.LNKTYPE, linkname="/etc/passwd"),
        member("device", b"", type=tarfile.CHRTYPE, devmajor=1, devminor=3),
        member("pipe", b"", type=tarfile.FIFOTYPE),
        member("dir", b"", type=tarfile.DIRTYPE),
    ],
)
def test_hostile_members_are_refused(
    build: Callable[[tarfile.TarFile], None], tmp_path: Path
) -> None:
    with pytest.raises(CorruptData):
        unpack(archive(build), tmp_path / "into")
    assert not (tmp_path / "into").exists()
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    def build(tar: tarfile.TarFile) -> None:
        member("a", b"", type=tarfile.SYMTYPE, linkname="b")(tar)
        member("a/x")(tar)

    with pytest.raises(CorruptData, match="below"):
        unpack(archive(build), tmp_path / "into")
    (tmp_path / "into").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "into/dir").symlink_to(tmp_path / "outside")
    with pytest.raises(CorruptData, match="outside"):
        unpack(bundle(BundledFile("dir/x", b"1")), tmp_path / "into")
    assert not list((tmp_path / "outside").iterdir())


def test_doubled_names_are_refused() -> None:
    def build(tar: tarfile.TarFile) -> None:
        member("a")(tar)
        member("a")(tar)

    with pytest.raises(CorruptData, match="twice"):
        read_bundle(archive(build))


def test_bombs_are_refused() -> None:
    many = bundle(*[BundledFile(f"{n:04}", b"") for n in range(50)])
    with pytest.raises(CorruptData, match="bomb"):
        read_bundle(many, files_max=20)
    large = bundle(BundledFile("zeros", bytes(5_000_000)))
    assert len(large) < 10_000
    with pytest.raises(CorruptData, match="bomb"):
        read_bundle(large, bytes_max=1_000_000)
    # One whose headers say nothing of its size: zeros without end.
    with pytest.raises(CorruptData):
        read_bundle(zstandard.compress(b"x" * 20_000_000), bytes_max=1_000_000)


def test_what_is_no_bundle_or_was_cut_off_is_refused() -> None:
    whole = bundle(BundledFile("a", os.urandom(50_000)))
    for data in (
        b"",
        b"nonsense",
        whole[:-1000],
        whole[: len(whole) // 2],
        zstandard.compress(b""),
    ):
        with pytest.raises(CorruptData):
            read_bundle(data)


def test_links_by_their_text() -> None:
    assert is_inside("a/b", "../c")
    assert is_inside("a", "a")
    assert not is_inside("a/b", "../../c")
    assert not is_inside("a", "..")
    assert not is_inside("a", "/a")
    assert not is_inside("a", "")
