"""Values of spans survive being JSON, within the bounds."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from mere.services.traces.span_values import ALL_CHARS_MAX, cut_list, cut_object, decode, encode

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | TEXT | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def same(first: object, second: object) -> bool:
    if isinstance(first, float) and math.isnan(first):
        return isinstance(second, float) and math.isnan(second)
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(same(first[k], second[k]) for k in first)
    return type(first) is type(second) and first == second


def is_written_as_a_value(value: object) -> bool:
    """Whether a mapping happens to look like what stands for bytes or NaN."""
    if isinstance(value, dict):
        names = {"bytesValue", "doubleValue"}
        return bool(names & value.keys()) or any(map(is_written_as_a_value, value.values()))
    return isinstance(value, list) and any(map(is_written_as_a_value, value))


@given(VALUES)
def test_values_survive(value: object) -> None:
    if not is_written_as_a_value(value):
        assert same(value, decode(encode(value)))


def test_what_nests_without_end_is_left_out() -> None:
    deep: object = "x"
    for _ in range(1_000):
        deep = [deep]
    assert encode(deep) == "[" * 120 + '"(nested too deeply)"' + "]" * 120


@given(st.dictionaries(st.text("ab", max_size=3), st.text("xy", max_size=20), max_size=5))
def test_small_objects_are_not_cut(values: dict[str, str]) -> None:
    text, cut = cut_object(values, "attributes")
    assert cut == {}
    assert (decode(text) or {}) == values


def test_objects_stay_within_the_bound_and_nothing_is_lost() -> None:
    values = {f"k{n}": "v" * 60_000 for n in range(40)}
    text, cut = cut_object(values, "a")
    assert text is not None
    assert len(text) < ALL_CHARS_MAX * 1.1
    kept = decode(text)
    for key, value in values.items():
        assert kept[key] == value or decode(cut[f"a.{key}"].decode()) == value


def test_lists_keep_their_beginning() -> None:
    parts = [{"n": n, "text": "x" * 1_000} for n in range(200)]
    text, cut = cut_list(parts, "events")
    kept = decode(text)
    assert kept == parts[: len(kept)]
    assert 40 < len(kept) < 70
    assert decode(cut["events"].decode()) == parts
