"""Addresses of files: what they name, and what none of them can lead to."""

from __future__ import annotations

import posixpath
import unicodedata
from pathlib import PurePosixPath, PureWindowsPath
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mere.errors import InvalidInput
from mere.server.protocols.mlflow.addresses import (
    Address,
    address_of,
    checked_path,
    parse_address,
    root_of,
)

RUN = "0123456789abcdef" * 2
MODEL = f"m-{RUN}"

# The last ones look like a full stop, a slash, a backslash, two dots and three.
_LOOK_ALIKES = ("\uff0e", "\uff0f", "\uff3c", "\u2025", "\u2026")
_PLAIN = [
    ".",
    "..",
    "/",
    "\\",
    "%2e",
    "%2E",
    "%252e",
    "%2f",
    "%5c",
    "c:",
    "#",
    "file:",
    "%00",
    "a",
    "~",
    "%",
    "ü",
]
_HOSTILE = st.sampled_from([*_PLAIN, *_LOOK_ALIKES, " ", "\0", "\n"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"0/{RUN}/artifacts/a/b.txt", Address("run", RUN, "a/b.txt")),
        (f"0/{RUN}/artifacts", Address("run", RUN, "")),
        (f"0/{RUN}/artifacts/", Address("run", RUN, "")),
        (f"{RUN}/artifacts/x", Address("run", RUN, "x")),
        (f"a/b c/{RUN}/artifacts/x", Address("run", RUN, "x")),
        (f"7/models/{MODEL}/artifacts/MLmodel", Address("logged_model", MODEL, "MLmodel")),
        ("7/traces/tr-1/artifacts/traces.json", Address("trace", "tr-1", "traces.json")),
        (f"0/{RUN}/artifacts/{RUN}/artifacts/x", Address("run", RUN, f"{RUN}/artifacts/x")),
        (f"versions/{RUN}/artifacts/x", Address("run", RUN, "x")),
        (f"7/traces/{RUN}/artifacts/x", Address("run", RUN, "x")),
        (f"7/traces/{MODEL}/artifacts/x", Address("logged_model", MODEL, "x")),
        (f"0/artifacts/{RUN}/artifacts/x", Address("run", RUN, "x")),
        ("", None),
        ("0", None),
        (f"0/{RUN}", None),
        (f"0/{RUN}/x/artifacts/y", None),
        ("0/artifacts/x", None),
        (f"0/{RUN.upper()}/artifacts/x", None),
    ],
)
def test_an_address_names_an_owner_and_a_path(text: str, expected: Address | None) -> None:
    assert parse_address(text) == expected
    assert address_of(f"mlflow-artifacts:/{text}") == expected


def test_other_addresses_name_nothing_of_ours() -> None:
    assert address_of(f"s3://bucket/0/{RUN}/artifacts/x") is None
    assert address_of(f"mlflow-artifacts://host:1/0/{RUN}/artifacts/x") == Address("run", RUN, "x")


@pytest.mark.parametrize("path", ["a b", "100%", "ü/日本.txt", "a~b", "a%zz", "….txt", "a:b.txt/c"])
def test_odd_names_are_names(path: str) -> None:
    if path.startswith("a:"):
        with pytest.raises(InvalidInput):  # a drive, on some machine
            checked_path(path)
    else:
        assert checked_path(path) == path


@given(st.lists(_HOSTILE, min_size=1, max_size=8).map("".join))
def test_what_is_accepted_stays_where_it_is_joined_to(path: str) -> None:
    try:
        accepted = checked_path(path)
    except InvalidInput:
        return
    form = accepted
    for _ in range(10):
        for read in (form, unicodedata.normalize("NFKC", form)):
            assert posixpath.normpath(posixpath.join("/root", read)).startswith("/root")
            assert not PurePosixPath(read).is_absolute()
            assert not PureWindowsPath(read).drive
            assert ".." not in PureWindowsPath(read).parts
        form = unquote(form)


@given(st.text(min_size=1, max_size=20), st.integers(1, 6))
def test_quoted_however_often_a_climb_is_refused(name: str, times: int) -> None:
    text = f"../{name}"
    for _ in range(times):
        text = quote(text.encode("utf-8", "replace"), safe="")
    with pytest.raises(InvalidInput):
        checked_path(f"a/{text}")


def test_roots_are_told_as_clients_expect_them() -> None:
    assert root_of("run", "r", "0", "artifacts/r") == "mlflow-artifacts:/0/r/artifacts"
    assert root_of("logged_model", "m", "0", None) == "mlflow-artifacts:/0/models/m/artifacts"
    assert root_of("run", "r", "0", "s3://b/r") == "s3://b/r"
