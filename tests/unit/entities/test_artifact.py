from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mere.entities.artifact import (
    PART_BYTES_MAX,
    PATH_BYTES_MAX,
    ArtifactKind,
    artifact_locations,
    check_artifact_path,
    check_digest,
    check_owner,
    is_below,
    media_type_in_header,
    media_type_of,
)
from mere.errors import InvalidInput
from mere.lake.objects.keys import check_key

GOOD = [
    "a",
    "model/weights.bin",
    "Ein Bild größer.png",
    "画像/猫 1.png",
    "a\u0301.txt",
    "...",
    "..a/b..",
    "C:/x",
    ".hidden",
    "~tilde",
    "x" * PART_BYTES_MAX,
    "/".join(["y" * 99] * 9),
]
BAD = [
    "",
    "/",
    "/etc/passwd",
    "a/",
    "a//b",
    "..",
    "../x",
    "a/../b",
    "a/.",
    "a\\b",
    "a\x00b",
    "a\nb",
    "a\x7f",
    "\ud800",
    "é" * (PART_BYTES_MAX // 2 + 1),
    "/".join(["y" * 100] * 10),
    None,
    7,
    b"a",
]


@pytest.mark.parametrize("path", GOOD)
def test_good_paths_are_kept_as_given(path: str) -> None:
    assert check_artifact_path(path) == path


@pytest.mark.parametrize("path", BAD)
def test_bad_paths_are_refused_and_named(path: object) -> None:
    with pytest.raises(InvalidInput, match="bad artifact path"):
        check_artifact_path(path)


@given(st.text(alphabet=st.characters(codec=None), max_size=300))
@example("x" * PART_BYTES_MAX)
@example("/".join(["y" * 99] * 9))
def test_what_is_a_path_can_be_stored_anywhere(path: str) -> None:
    try:
        check_artifact_path(path)
    except InvalidInput:
        return
    assert len(path.encode()) <= PATH_BYTES_MAX
    # The owner is as long as one may be, and so is the mark of a later content.
    for key in artifact_locations("o" * 64, path, "d" * 64):
        assert check_key(key) == key


def test_locations() -> None:
    assert artifact_locations("run", "a/b.txt", "0123456789abcdef" * 4) == (
        "artifacts/run/a/b.txt",
        "artifacts/run/a/b.txt~0123456789ab",
    )


@pytest.mark.parametrize("owner", ["", "a/b", "..", "a" * 65, "ü", None])
def test_owners_are_ids(owner: object) -> None:
    with pytest.raises(InvalidInput):
        check_owner(owner)
    assert check_owner("0-f_Z") == "0-f_Z"


@pytest.mark.parametrize("digest", ["", "A" * 64, "a" * 63, "a" * 64 + "\n", None])
def test_digests(digest: object) -> None:
    with pytest.raises(InvalidInput):
        check_digest(digest)
    assert check_digest("0a" * 32) == "0a" * 32


def test_kinds() -> None:
    assert ArtifactKind.of("image") is ArtifactKind.IMAGE
    with pytest.raises(InvalidInput, match="histogram"):
        ArtifactKind.of("picture")


def test_below_is_a_matter_of_folders() -> None:
    assert is_below("a/b", "")
    assert is_below("a/b", "a")
    assert is_below("a", "a")
    assert not is_below("ab", "a")
    assert not is_below("a", "a/b")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("a/b.PNG", "image/png"),
        ("x.parquet", "application/vnd.apache.parquet"),
        ("log.txt", "text/plain"),
        ("a.json", "application/json"),
        ("b.yml", "application/yaml"),
        ("x.tar.gz", "application/gzip"),
        ("x.csv", "text/csv"),
        ("weights", None),
        ("data:text/html,x.png/raw", None),
    ],
)
def test_media_types_come_from_the_ending(path: str, kind: str | None) -> None:
    assert media_type_of(path) == kind


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("text/html", "text/html"),
        ('text/html; charset="utf-8"', 'text/html; charset="utf-8"'),
        ("application/vnd.x+json;v=1", "application/vnd.x+json;v=1"),
        (None, "application/octet-stream"),
        ("", "application/octet-stream"),
        ("html", "application/octet-stream"),
        ("text/html\r\nSet-Cookie: a=b", "application/octet-stream"),
        ("text/html\n", "application/octet-stream"),
        ("tëxt/html", "application/octet-stream"),
    ],
)
def test_only_media_types_stand_in_headers(given: str | None, said: str) -> None:
    assert media_type_in_header(given) == said
