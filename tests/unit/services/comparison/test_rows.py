"""Which rows of a sheet are shown, in which order, and the window of them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mere.errors import InvalidInput
from mere.services.comparison.rows import RowsWanted, choose_rows, rows
from mere.services.comparison.sheets import Sheet, sheet_of_rows

SHEET = sheet_of_rows(
    {
        ("params", "model/layer10/width"): ["1", "2", "3"],
        ("params", "model/layer2/width"): ["1", "1", None],
        ("params", "lr"): ["0.1", "0.1", "0.1"],
        ("params", "Batch"): ["8", "8", "16"],
        ("seeds", "torch"): ["1", "2", "1"],
    },
    3,
)


def keys(sheet=SHEET, **wanted):
    shown = choose_rows(sheet, RowsWanted(**wanted))
    return [one.path for one in shown.rows]


def test_only_what_differs_is_shown_and_to_lack_a_key_is_to_differ():
    assert keys() == ["Batch", "model/layer2/width", "model/layer10/width", "torch"]
    shown = choose_rows(SHEET, RowsWanted())
    assert (shown.total, shown.same, shown.ignored) == (5, 1, 0)
    assert "lr" in keys(is_all=True)


def test_search_and_ignore():
    assert keys(search="LAYER width") == ["model/layer2/width", "model/layer10/width"]
    assert keys(ignore=["model/*", "torch"]) == ["Batch"]
    # Only the star means something.
    assert keys(ignore=["[Bb]atch", "torc?", "."]) == keys()
    assert choose_rows(SHEET, RowsWanted(ignore=["*"])).ignored == 5


def test_most_different_first_and_strongest_effect_first():
    assert keys(order="differences")[0] == "model/layer10/width"
    effects = np.array([0.1, math.nan, math.nan, 0.9, 0.5])
    shown = choose_rows(SHEET, RowsWanted(order="effect"), effects)
    assert [one.path for one in shown.rows][:2] == ["Batch", "torch"]


def test_a_tree_has_branches_that_close():
    def lines(**wanted):
        shown = choose_rows(SHEET, RowsWanted(is_tree=True, **wanted))
        return [(one.depth, one.name, one.keys) for one in shown.rows]

    assert lines() == [
        (0, "params", 3),
        (1, "Batch", 0),
        (1, "model/", 2),
        (2, "layer2/", 1),
        (3, "width", 0),
        (2, "layer10/", 1),
        (3, "width", 0),
        (0, "seeds", 1),
        (1, "torch", 0),
    ]
    closed = lines(closed=["params:model/", "seeds:"])
    assert closed == [
        (0, "params", 3),
        (1, "Batch", 0),
        (1, "model/", 2),
        (0, "seeds", 1),
    ]


def test_names_of_packages_are_not_parted():
    made = sheet_of_rows({("packages", "ruamel.yaml"): ["1", "2"]}, 2)
    shown = choose_rows(made, RowsWanted(is_tree=True))
    assert [one.name for one in shown.rows] == ["ruamel.yaml"]


def test_a_window_of_rows_and_columns_against_a_baseline():
    wanted = RowsWanted(offset=1, limit=2, column_offset=1, column_limit=5)
    found = rows(SHEET, choose_rows(SHEET, wanted), wanted, baseline=0)
    assert [one.key for one in found] == ["model/layer2/width", "model/layer10/width"]
    assert [one.cells for one in found] == [["1", None], ["2", "3"]]
    assert [one.others for one in found] == [[False, True], [True, True]]
    assert [(one.base, one.values, one.missing) for one in found] == [("1", 1, 1), ("1", 3, 0)]


def test_a_long_text_is_cut_to_where_it_begins_to_differ():
    long = "x" * 400
    made = sheet_of_rows({("params", "k"): [long + "a", long + "b" * 50, long + "a"]}, 3)
    wanted = RowsWanted(chars=20)
    (row,) = rows(made, choose_rows(made, wanted), wanted, baseline=0)
    assert row.cells == ["x" * 20 + "…", "…" + "x" * 6 + "b" * 14 + "…", "x" * 20 + "…"]
    assert row.others == [False, True, False]


def test_metrics_tell_the_best_and_what_is_no_number():
    last = np.array([[0.5, math.nan, 0.9], [0.5, math.inf, 0.2], [0.1, 0.2, 0.3]])
    codes = np.zeros((3, 3), np.int32)
    codes[1, 0] = -1
    made = Sheet(["metrics"] * 3, ["acc", "loss", "lr"], codes, [], {"last": last})
    wanted = RowsWanted()
    acc, loss, lr = rows(made, choose_rows(made, wanted), wanted, baseline=2)
    assert acc.cells == [0.5, "nan", 0.9]
    assert (acc.best, acc.less, acc.base) == (0.9, False, 0.9)
    assert loss.cells == [None, "inf", 0.2]
    assert (loss.best, loss.less) == (0.2, True)
    assert lr.best is None  # neither more nor less of it is better
    turned = RowsWanted(less=["acc"], more=["lr"])
    acc, _, lr = rows(made, choose_rows(made, turned), turned, baseline=None)
    assert (acc.best, lr.best) == (0.5, 0.3)


def test_metrics_that_are_nan_in_all_runs_do_not_differ():
    last = np.full((1, 3), math.nan)
    made = Sheet(["metrics"], ["loss"], np.zeros((1, 3), np.int32), [], {"last": last})
    assert choose_rows(made, RowsWanted()).rows == []


def test_no_runs_and_no_keys():
    assert choose_rows(sheet_of_rows({}, 3), RowsWanted()).rows == []
    assert choose_rows(sheet_of_rows({("p", "k"): []}, 0), RowsWanted(is_all=True)).total == 1


@pytest.mark.parametrize(
    "wanted",
    [{"limit": 501}, {"column_limit": -1}, {"chars": 10**6}, {"ignore": ["x"] * 501}],
)
def test_too_much_is_refused(wanted):
    with pytest.raises(InvalidInput, match="ask for 0 to"):
        RowsWanted(**wanted).checked()
