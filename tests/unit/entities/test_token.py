from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mere.entities.actor import Role
from mere.entities.token import Token, is_token, token_digest, token_text

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECRETS = st.integers(0, 2**256 - 1)


@given(SECRETS, SECRETS)
def test_each_secret_has_a_text_of_its_own(one: int, other: int) -> None:
    assert is_token(token_text(one))
    assert (token_text(one) == token_text(other)) == (one == other)
    assert len(token_text(one)) == 54


@given(SECRETS, st.integers(0, 53), st.characters())
def test_a_character_changed_is_noticed(secret: int, place: int, character: str) -> None:
    text = token_text(secret)
    changed = text[:place] + character + text[place + 1 :]
    assert is_token(changed) == (changed == text)


@given(st.text())
def test_other_texts_are_no_tokens(text: str) -> None:
    assert not is_token(text)
    assert not is_token("mere_" + text[:49])


def test_the_digest_is_sha_256() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert token_digest("") == empty


def test_validity() -> None:
    token = Token(
        token_id="1", owner="ann", name="ci", digest="", shown="", expires_at=NOW, role=Role.VIEWER
    )
    assert token.is_valid(NOW - timedelta(seconds=1), 1)
    assert not token.is_valid(NOW, 1)
    assert not token.is_valid(NOW - timedelta(seconds=1), 2)  # another user of that name
