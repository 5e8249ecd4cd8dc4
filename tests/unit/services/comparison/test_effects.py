"""How keys go along with a metric: what is so is found, and what is chance is told as chance."""

from __future__ import annotations

import numpy as np
import pytest

from mere.services.comparison.effects import RUNS_MIN, effects_of, shares_of
from mere.services.comparison.sheets import MISSING, sheet_of_rows


def sheet(**rows):
    runs = len(next(iter(rows.values())))
    return sheet_of_rows(
        {
            ("params", key): [None if one is None else str(one) for one in cells]
            for key, cells in rows.items()
        },
        runs,
    )


def told(values, *, is_more_better=True, **rows):
    made = sheet(**rows)
    found, deals = effects_of(
        made.codes, made.texts, np.array(values, float), is_more_better=is_more_better
    )
    return {made.keys[one.row]: one for one in found}, deals


def test_a_number_that_rises_along_is_found_and_noise_is_not():
    noise = np.random.default_rng(3)
    values = np.arange(40.0)
    found, deals = told(
        values,
        lr=10.0**-values,
        falls=-values,
        coin=noise.integers(0, 2, 40),
        noise=noise.random(40),
    )
    assert deals >= 60
    # What falls when the other rises parts the runs in the same way: one line for both.
    lr = found["lr"]
    assert (lr.kind, lr.correlation, len(lr.same)) == ("rank", -1.0, 1)
    assert lr.share == 1
    assert lr.chance < 0.05
    assert found["coin"].chance > 0.2
    assert found["noise"].chance > 0.2


def test_what_is_best_in_the_middle_has_no_correlation_and_is_found():
    lr = np.linspace(-3, 3, 48)
    found, _ = told(-(lr**2), lr=lr)
    one = found["lr"]
    assert one.kind == "curve"
    assert one.share > 0.8
    low, high = (float(part) for part in one.best.split(" to "))
    assert -1 < low < 0.5
    assert high - low < 1.5
    assert one.best_mean > one.rest_mean


@pytest.mark.parametrize("is_more_better", [True, False])
def test_groups_tell_the_best_value_with_its_mean_and_margin(is_more_better):
    values = [1.0, 1.1, 0.9, 1.0, 3.0, 3.1, 2.9, 3.0, 2.0, 2.1]
    names = ["sgd"] * 4 + ["adam"] * 4 + [None] * 2
    found, _ = told(values, is_more_better=is_more_better, optimizer=names)
    one = found["optimizer"]
    assert one.kind == "groups"
    assert one.best == ("adam" if is_more_better else "sgd")
    assert one.best_mean == pytest.approx(3.0 if is_more_better else 1.0)
    assert (one.best_runs, one.rest_runs) == (4, 6)
    assert 0 < one.margin < abs(one.best_mean - one.rest_mean)


def test_one_diverged_run_does_not_outweigh_all_others():
    values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 1e300]
    found, _ = told(values, lr=[1, 2, 3, 4, 5, 6, 7, 8, 9])
    assert found["lr"].correlation == pytest.approx(1)


def test_few_runs_are_told_to_be_few_and_odd_ones_left_aside():
    found, deals = told([1.0, 2.0, 3.0, np.nan, np.inf], lr=[1, 2, 3, 4, 5])
    assert deals == 0
    assert found["lr"].chance is None
    assert found["lr"].runs == 3
    assert RUNS_MIN > 3


def test_names_of_which_each_run_has_its_own_explain_nothing():
    found, _ = told(range(20), name=[f"run-{n}" for n in range(20)])
    assert found == {}


def test_nothing_differs_or_nothing_is_there():
    assert told([1.0] * 9, lr=[1] * 9)[0] == {}
    assert told([np.nan] * 9, lr=range(9))[0] == {}
    found, _ = told([5.0] * 9, lr=range(9))
    assert found["lr"].share == 0


def test_shares_say_the_same_for_keys_that_part_the_runs_alike():
    made = sheet(a=["x", "y"] * 6, b=["1", "2"] * 6, c=["same"] * 12)
    values = np.array([0.0, 1.0] * 6)
    shares = shares_of(made.codes, made.texts, values)
    assert shares[0] == shares[1] == pytest.approx(1)
    assert np.isnan(shares[2])
    assert MISSING not in made.codes
