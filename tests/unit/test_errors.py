"""The error tree: what callers catch, and what survives a trip between processes."""

from __future__ import annotations

import pickle

import pytest

from mere import errors
from mere.errors import ErrorCode, InvalidInput, MereError, NotFound

KINDS = [getattr(errors, name) for name in errors.__all__ if name not in ("ErrorCode", "MereError")]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_a_leaf_of_one_tree(kind: type[MereError]) -> None:
    assert issubclass(kind, MereError)
    assert not kind.__subclasses__() or all(
        sub.__name__.startswith("_") for sub in kind.__subclasses__()
    )
    assert kind.__name__ in (errors.__doc__ or "")


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_survives_pickling(kind: type[MereError]) -> None:
    before = kind(ErrorCode.BAD_OBJECT, "it is bad", key="a/b", size=3)
    after = pickle.loads(pickle.dumps(before))
    assert type(after) is kind
    assert (after.code, after.message, after.details) == (
        before.code,
        before.message,
        {"key": "a/b", "size": 3},
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_message_is_what_is_printed(kind: type[MereError]) -> None:
    # KeyError by itself would print the repr.
    assert str(kind(ErrorCode.BUG, "it's so")) == "it's so"


def test_builtins_are_caught_where_the_meaning_is_theirs() -> None:
    with pytest.raises(ValueError, match="wrong"):
        raise InvalidInput(ErrorCode.INVALID_VALUE, "wrong")
    with pytest.raises(KeyError):
        raise NotFound(ErrorCode.OBJECT_NOT_FOUND, "gone")


def test_codes_are_told_apart_and_are_plain_strings() -> None:
    values = [code.value for code in ErrorCode]
    assert len(set(values)) == len(values)
    for code in ErrorCode:
        assert code.value == code.name.lower()
        assert ErrorCode(str(code)) is code
