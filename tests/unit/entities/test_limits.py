from __future__ import annotations

import pytest

from mere.entities.limits import check_key, check_name, check_param, check_tag
from mere.errors import ErrorCode, InvalidInput


@pytest.mark.parametrize("key", ["a", "loss/train", "Größe ü 🎯", " ", "x" * 250])
def test_keys_are_any_text(key: str) -> None:
    assert check_key(key, "metric") == key


@pytest.mark.parametrize("key", ["", 3, None, "\ud800"])
def test_what_is_no_key(key: object) -> None:
    with pytest.raises(InvalidInput, match="metric key") as caught:
        check_key(key, "metric")
    assert caught.value.code is ErrorCode.INVALID_VALUE


def test_a_long_key_names_the_limit_and_the_value() -> None:
    with pytest.raises(
        InvalidInput, match=r"'kkk.*…' has 251 characters and may have 250"
    ) as caught:
        check_key("k" * 251, "tag")
    assert caught.value.code is ErrorCode.LIMIT_EXCEEDED
    assert caught.value.details == {"length": 251, "limit": 250}


@pytest.mark.parametrize("name", ["", "  ", "\n"])
def test_blank_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="experiment name"):
        check_name(name, "experiment")


def test_param_values_become_text_up_to_a_limit() -> None:
    assert check_param("lr", 0.1) == ("lr", "0.1")
    assert check_param("t", "x" * 6000)[1] == "x" * 6000
    with pytest.raises(InvalidInput, match=r"param 'lr'.* 6,001 .* 6,000: log long texts"):
        check_param("lr", "x" * 6001)


def test_tags_may_be_removed_and_are_limited() -> None:
    assert check_tag("a", None) == ("a", None)
    assert check_tag("a", 1) == ("a", "1")
    with pytest.raises(InvalidInput, match="8,000"):
        check_tag("a", "x" * 8001)


def test_a_value_that_cannot_be_text_is_named() -> None:
    class Mute:
        def __str__(self) -> str:
            raise RuntimeError("no words")

    with pytest.raises(InvalidInput, match=r"Mute.*no words"):
        check_param("a", Mute())
