"""Laws of the engine's pure parts."""

from __future__ import annotations

import functools
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mere.clock import HybridClock
from mere.errors import CorruptData
from mere.lake.journal import gaps
from mere.lake.rows import Row, RowStamps, Stamped, apply, combine_stamps, merge_tallies
from mere.lake.schema import Table
from mere.lake.segment import Segment, SegmentName, decode, encode, parse_name
from mere.lake.stamps import decode_stamps, encode_stamps
from mere.testing.clock import ManualClock
from tests.property.strategies import CONTRIBUTIONS, PLAIN, SEGMENTS, TALLIED, stamped_patches
from tests.simulation.model import plain, rows_after

TABLES = pytest.mark.parametrize("table", [PLAIN, TALLIED], ids=lambda table: table.name)


@given(SEGMENTS)
def test_a_segment_is_read_as_it_was_written(segment: Segment):
    assert decode(segment.name.key, encode(segment)) == segment
    assert parse_name(segment.name.key) == segment.name


@given(SEGMENTS, st.data())
def test_a_segment_with_one_other_byte_is_corrupt(segment: Segment, data: st.DataObject):
    whole = encode(segment)
    at = data.draw(st.integers(0, len(whole) - 1))
    bit = data.draw(st.integers(0, 7))
    altered = whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :]
    with pytest.raises(CorruptData):
        decode(segment.name.key, altered)


@given(SEGMENTS, st.data())
def test_a_truncated_or_lengthened_segment_is_corrupt(segment: Segment, data: st.DataObject):
    whole = encode(segment)
    end = data.draw(st.integers(0, len(whole) - 1))
    for altered in (whole[:end], whole + whole[end:], whole + b"\x00"):
        with pytest.raises(CorruptData):
            decode(segment.name.key, altered)


@given(SEGMENTS, SEGMENTS)
def test_a_segment_under_another_name_is_corrupt(one: Segment, other: Segment):
    if one.name != other.name:
        with pytest.raises(CorruptData):
            decode(other.name.key, encode(one))


def after(table: Table, patches: list[Stamped]) -> Row | None:
    """What the plain model makes of the patches."""
    row = rows_after(table, [(stamped.stamp, stamped.patch) for stamped in patches]).get(("k",))
    return None if row is None else plain(row)


@TABLES
@given(data=st.data())
def test_patches_commute_and_agree_with_the_model(table: Table, data: st.DataObject):
    patches = data.draw(stamped_patches(table))
    row, _ = apply(table, None, None, patches)
    assert plain(row) == after(table, patches)


@TABLES
@given(data=st.data())
def test_a_row_does_not_depend_on_where_folds_fell(table: Table, data: st.DataObject):
    patches = data.draw(stamped_patches(table))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(patches)), max_size=3)))
    row: Row | None = None
    kept: list[RowStamps] = []
    for start, end in zip([0, *cuts], [*cuts, len(patches)], strict=True):
        if start == end:
            continue
        group = patches[start:end]
        known = _needed(table, kept, group)
        row, stamps = apply(table, row, known, group)
        kept.append(_through_storage(stamps))
    assert plain(row) == after(table, patches)


def _needed(table: Table, kept: list[RowStamps], group: list[Stamped]) -> RowStamps:
    """What a fold reads of the stamps that earlier ones stored: what can matter, and no more."""
    oldest = min(stamped.stamp for stamped in group)
    chosen = [
        stamps
        for stamps in kept
        if max((*stamps.writes, *([stamps.deleted] if stamps.deleted else []))) > oldest
        or (table.has_final_deletes and stamps.deleted)
    ]
    return functools.reduce(combine_stamps, chosen, RowStamps())


def _through_storage(stamps: RowStamps) -> RowStamps:
    return decode_stamps("x", encode_stamps({("k",): stamps}))[("k",)]


@given(st.binary(max_size=40))
def test_garbage_is_no_stamps(data: bytes):
    with pytest.raises(CorruptData):
        decode_stamps("x", data)


@given(st.lists(CONTRIBUTIONS, min_size=1, max_size=6), st.data())
def test_tallies_commute_and_associate(contributions: list[Any], data: st.DataObject):
    shuffled = data.draw(st.permutations(contributions))
    cut = data.draw(st.integers(1, len(shuffled)))
    head = functools.reduce(merge_tallies, shuffled[1:cut], merge_tallies(None, shuffled[0]))
    tally = head
    if cut < len(shuffled):
        rest = shuffled[cut:]
        other = functools.reduce(merge_tallies, rest[1:], merge_tallies(None, rest[0]))
        tally = merge_tallies(head, list(other.values()))
    straight = functools.reduce(
        merge_tallies, contributions[1:], merge_tallies(None, contributions[0])
    )
    assert plain(tally) == plain(straight)
    lows = [low for *_, low, _, _ in contributions if not math.isnan(low)]
    assert plain(tally["min"]) == plain(min(lows, default=math.nan))


@given(
    st.lists(
        st.one_of(
            st.just("tick"),
            st.floats(-100_000, 100_000).map(lambda seconds: ("skew", seconds)),
            st.integers(0, 2**63).map(lambda tick: ("observe", tick)),
            st.integers(-(10**6), 10**6).map(lambda near: ("near", near)),
        ),
        max_size=20,
    )
)
def test_ticks_only_grow_and_follow_what_was_observed(steps: list[Any]):
    clock = ManualClock()
    hybrid = HybridClock(clock)
    floor = 0
    for step in steps:
        match step:
            case "tick":
                tick = hybrid.tick()
                assert tick > floor
                floor = tick
            case ("skew", seconds):
                clock.skew_us = round(seconds * 1e6)
            case ("observe", tick):
                hybrid.observe(tick)
            case ("near", near):
                tick = HybridClock.from_ms(clock.now_us() // 1000) + near
                hybrid.observe(tick)
                floor = max(floor, tick)
    assert hybrid.tick() > floor


@given(
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 6), max_size=3),
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 6), max_size=3),
    st.sets(st.tuples(st.sampled_from("abc"), st.integers(1, 6)), max_size=5),
)
def test_gaps_are_what_is_neither_listed_nor_folded(
    written: dict[str, int], folded: dict[str, int], lost: set[tuple[str, int]]
):
    everything = {(w, n) for w, last in written.items() for n in range(1, last + 1)}
    listed = everything - lost
    found = gaps([SegmentName(n, w, n) for w, n in sorted(listed)], folded)
    newest = {w: max(n for v, n in listed if v == w) for w, _ in listed}
    expected = {(w, n) for w, n in everything - listed if folded.get(w, 0) < n < newest.get(w, 0)}
    assert set(found) == expected
    assert len(found) == len(expected)
