"""Sheets of map columns: texts that were numbered before make the same sheet as plain ones."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from mere.services.comparison.families import TAKES
from mere.services.comparison.sheets import MISSING, Sheet, sheet_of_maps

PLAIN = pa.map_(pa.string(), pa.string())
NUMBERED = pa.map_(*[pa.dictionary(pa.int32(), pa.string())] * 2)
TEXTS = st.sampled_from(["", "a", "b", "A", "é", "10", "2", "1e-3"])
MAPS = st.one_of(st.none(), st.dictionaries(TEXTS, TEXTS, max_size=6))


def table(maps, kind, *, chunks=1):
    """A row for each map, in so many chunks, each cut out of an array with other rows."""
    ids = [f"run{at}" for at in range(len(maps))]
    size = max(1, -(-len(maps) // chunks))
    around = [("other", "only of another run"), ("b", "a")]
    parts = [
        pa.array([around, *maps[at : at + size], around], PLAIN)
        .cast(kind)
        .slice(1, len(maps[at : at + size]))
        for at in range(0, len(maps), size)
    ]
    return pa.table({"run_id": ids, "cells": pa.chunked_array(parts, kind)})


def told(sheet: Sheet):
    """The sheet with each cell's text."""
    texts = [*sheet.texts, None]
    cells = [[texts[code] for code in row] for row in sheet.codes.tolist()]
    return list(sheet.sections), list(sheet.keys), cells


def by_hand(maps):
    keys = list(dict.fromkeys(key for one in maps for key in one or ()))
    cells = [[(one or {}).get(key) for one in maps] for key in keys]
    return ["params"] * len(keys), keys, cells


@given(maps=st.lists(MAPS, max_size=7), chunks=st.integers(1, 3))
def test_a_sheet_is_what_its_maps_hold_however_their_texts_are_kept(maps, chunks):
    runs = [f"run{at}" for at in range(len(maps))]
    for kind in (PLAIN, NUMBERED):
        sheet = sheet_of_maps("params", runs, table(maps, kind, chunks=chunks))
        assert told(sheet) == by_hand(maps)
        # Of other runs there is nothing, and each text is there once.
        assert sorted(sheet.texts) == sorted(set(sheet.texts))
        assert len(sheet.texts) == len(set(sheet.codes[sheet.codes != MISSING].tolist()))


def test_columns_stand_in_the_order_asked_for_and_runs_that_are_not_there_have_nothing():
    found = table([{"a": "1"}, {"a": "2"}], NUMBERED)
    sheet = sheet_of_maps("params", ["run1", "gone", "run0"], found)
    assert told(sheet) == (["params"], ["a"], [["2", None, "1"]])


def test_numbers_of_metrics_stay_with_their_keys():
    numbers = pa.struct([("value", pa.float64()), ("min", pa.float64()), ("max", pa.float64())])
    maps = [
        [("loss", {"value": 1.0, "min": 0.5, "max": 9.0})],
        [("acc", {"value": 0.1, "min": 0.1, "max": 0.1}), ("loss", {"value": 2.0, "max": 3.0})],
    ]
    cells = pa.array([[("x", {"value": 7.0})], *maps], pa.map_(pa.string(), numbers))
    keyed = pa.map_(pa.dictionary(pa.int32(), pa.string()), numbers)
    for kind in (cells.type, keyed):
        found = pa.table({"run_id": ["run0", "run1"], "cells": cells.cast(kind).slice(1)})
        sheet = sheet_of_maps("metrics", ["run0", "run1"], found, TAKES)
        assert list(sheet.keys) == ["loss", "acc"]
        np.testing.assert_equal(sheet.numbers["last"], [[1.0, 2.0], [np.nan, 0.1]])
        np.testing.assert_equal(sheet.numbers["min"], [[0.5, np.nan], [np.nan, 0.1]])
        assert sheet.codes.tolist() == [[0, 0], [MISSING, 0]]
