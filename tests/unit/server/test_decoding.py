from __future__ import annotations

import math

import msgspec
import pytest

from mere.errors import InvalidInput
from mere.server.decoding import decode_json, decode_query


class Asked(msgspec.Struct):
    name: str = ""
    step: int = 0
    value: float = 0.0
    ids: list[str] = []
    more: list[str] | None = None


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"value": NaN}', math.nan),
        (b'{"value": "NaN"}', math.nan),
        (b'{"value": -Infinity}', -math.inf),
        (b'{"value": "Infinity"}', math.inf),
        (b'{"value": "1.5"}', 1.5),
    ],
)
def test_numbers_come_in_many_forms(body, value):
    found = decode_json(Asked, body).value
    assert found == value or (math.isnan(found) and math.isnan(value))


def test_unknown_names_are_ignored_and_numbers_come_as_text():
    assert decode_json(Asked, b'{"step": "5", "nobody": [1]}') == Asked(step=5)
    assert decode_json(Asked, b"") == Asked()


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'{"step": "x"}',
        b'{"name": 5}',
        b"\xff",
        b'{"name": "\xff"}',
        b'{"value": NaN',
        b'["NaN"]',
        b"NaN",
    ],
)
def test_what_does_not_fit_is_refused(body):
    with pytest.raises(InvalidInput, match="request"):
        decode_json(Asked, body)


def test_depth_has_an_end():
    with pytest.raises(InvalidInput):
        decode_json(Asked, b'{"x": NaN, "ids": ' + b"[" * 100_000)


def test_a_query_repeats_names_for_lists():
    pairs = [("ids", "1"), ("ids", "2"), ("step", "7"), ("more", "a"), ("name", "x"), ("z", "")]
    assert decode_query(Asked, pairs) == Asked(name="x", step=7, ids=["1", "2"], more=["a"])
    with pytest.raises(InvalidInput, match="step"):
        decode_query(Asked, [("step", "seven")])
