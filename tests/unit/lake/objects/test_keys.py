"""Keys: what is refused, and that what passes leads nowhere else."""

from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mere.errors import ErrorCode, InvalidInput
from mere.lake.objects.keys import KEY_BYTES_MAX, check_key, check_prefix, is_key
from mere.testing.contract import HOSTILE_KEYS, STRANGE_KEYS


@given(st.text())
def test_a_key_that_passes_stays_below_its_folder(key: str) -> None:
    if is_key(key):
        path = posixpath.normpath(posixpath.join("/warehouse", key))
        assert path == f"/warehouse/{key}"
        assert len(key.encode()) <= KEY_BYTES_MAX


@given(st.text(alphabet="ab./\\:é\x00", max_size=12))
def test_every_beginning_of_a_key_is_a_prefix(key: str) -> None:
    if is_key(key):
        for end in range(len(key) + 1):
            assert check_prefix(key[:end]) == key[:end]


@pytest.mark.parametrize("key", STRANGE_KEYS)
def test_strange_keys_pass(key: str) -> None:
    assert check_key(key) == key


@pytest.mark.parametrize("key", HOSTILE_KEYS)
def test_a_refusal_names_the_key_and_a_reason(key: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_key(key)
    assert caught.value.code is ErrorCode.INVALID_VALUE
    assert repr(key) in caught.value.message
    assert not is_key(key)
