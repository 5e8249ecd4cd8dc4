"""Names in texts, and the subjects that are talked about."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mere.entities.actor import Scope
from mere.entities.comment import MENTIONS_MAX, TEXT_CHARS_MAX, Subject, check_comment, names_in
from mere.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@ann", [["ann"]]),
        ("hello @ann, and @Ben!", [["ann"], ["Ben!", "Ben"]]),
        ("see @ann.lee.", [["ann.lee.", "ann.lee"]]),
        ("**@ann**", [["ann**", "ann*", "ann"]]),
        ("(@ann)", [["ann)", "ann"]]),
        ("ask @[data team] now", [["data team"]]),
        ("@ann@example.org", [["ann@example.org"]]),
        ("write to ann@example.org", []),
        ("https://example.org/@ann", []),
        ("`@ann` and ``@b`en``", []),
        ("```\n@ann\n```\n@ben", [["ben"]]),
        ("```\n@ann never closed", []),
        ("~~~\n@ann\n~~~", []),
        ("@ @[] @", []),
        ("@ann @ANN @ann", [["ann"]]),
        ("@größe @名前", [["größe"], ["名前"]]),
    ],
)
def test_names_in_a_text(text, names):
    assert names_in(text) == names


def test_no_text_addresses_everybody():
    assert len(names_in(" ".join(f"@u{n}" for n in range(500)))) == MENTIONS_MAX


@given(st.text(alphabet="@[]`~.\n ab\\", max_size=300))
def test_any_text_can_be_looked_through(text):
    for names in names_in(text):
        assert all(names)


def test_backticks_without_end_take_no_time():
    assert names_in("`" * 19_000 + "@ann") is not None
    assert names_in("`a" * 9_000) == []


def test_subjects():
    assert Subject.of("run:0198").scope == Scope.run("0198")
    version = Subject.of("model:digits/3")
    assert (version.version, version.scope) == (("digits", 3), Scope.model("digits"))
    assert str(version) == "model:digits/3"
    assert Subject.of("dataset:01").scope == Scope.warehouse()
    for wrong in ("", "run", "run:", "user:ann", "run:" + "a" * 601):
        with pytest.raises(InvalidInput):
            Subject.of(wrong)
    with pytest.raises(InvalidInput):
        _ = Subject.of("model:digits").scope


def test_what_a_comment_may_be():
    assert check_comment("x" * TEXT_CHARS_MAX)
    for wrong in ("", " \n", "x" * (TEXT_CHARS_MAX + 1), "\ud800", 3, None):
        with pytest.raises(InvalidInput):
            check_comment(wrong)
