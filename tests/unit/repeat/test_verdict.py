from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mere.repeat.verdict import Outcome, Point, is_timing, judge

values = st.floats(allow_nan=True, allow_infinity=True)
series = st.lists(st.tuples(st.integers(0, 5), values), max_size=8)
runs = st.dictionaries(st.sampled_from(["loss", "acc", "train/loss"]), series, max_size=3)


@given(runs, st.floats(0, 1))
def test_a_run_equals_itself(run: dict[str, list[Point]], tolerance: float) -> None:
    verdict = judge(run, run, tolerance=tolerance)
    assert verdict.outcome is (Outcome.EQUAL if run else Outcome.NOTHING)
    assert verdict.is_good is bool(run)


@given(runs, runs, st.floats(0, 1))
def test_the_order_of_the_two_does_not_matter(
    one: dict[str, list[Point]], other: dict[str, list[Point]], tolerance: float
) -> None:
    there, back = judge(one, other, tolerance=tolerance), judge(other, one, tolerance=tolerance)
    assert there.outcome is back.outcome
    for first, second in zip(there.metrics, back.metrics, strict=True):
        assert (first.key, first.step) == (second.key, second.step)
        assert first.difference is second.difference or (
            first.difference == second.difference
            or (math.isnan(first.difference or 0) and math.isnan(second.difference or 0))
        )


@given(values, values, st.floats(0, 1))
def test_one_value_is_judged_as_mathematics_does(a: float, b: float, tolerance: float) -> None:
    outcome = judge({"x": [(0, a)]}, {"x": [(0, b)]}, tolerance=tolerance).outcome
    if (a == b and math.copysign(1, a) == math.copysign(1, b)) or (math.isnan(a) and math.isnan(b)):
        assert outcome is Outcome.EQUAL
    elif tolerance > 0 and math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance):
        assert outcome is Outcome.WITHIN
    else:
        assert outcome is Outcome.DIFFERENT


def test_where_they_part() -> None:
    one = [(0, 1.0), (1, 2.0), (2, 3.0)]
    other = [(0, 1.0), (1, 2.5), (2, 5.0)]
    (metric,) = judge({"x": one}, {"x": other}).metrics
    assert metric.outcome is Outcome.DIFFERENT
    assert (metric.step, metric.value, metric.repeated) == (1, 2.0, 2.5)
    assert (metric.difference, metric.relative) == (2.0, 0.4)


def test_points_that_are_missing_are_a_difference() -> None:
    (metric,) = judge({"x": [(0, 1.0), (1, 2.0)]}, {"x": [(0, 1.0)]}, tolerance=1).metrics
    assert metric.outcome is Outcome.DIFFERENT
    assert (metric.step, metric.value, metric.repeated) == (1, 2.0, None)


def test_points_of_one_step_are_compared_in_order() -> None:
    assert judge({"x": [(0, 1.0), (0, 2.0)]}, {"x": [(0, 1.0), (0, 2.0)]}).is_good
    assert not judge({"x": [(0, 1.0), (0, 2.0)]}, {"x": [(0, 2.0), (0, 1.0)]}).is_good


def test_missing_and_extra_metrics() -> None:
    verdict = judge({"a": [(0, 1.0)], "c": [(0, 1.0)]}, {"b": [(0, 1.0)], "c": [(0, 1.0)]})
    assert verdict.outcome is Outcome.DIFFERENT
    assert {one.key: one.outcome for one in verdict.metrics} == {
        "a": Outcome.MISSING,
        "b": Outcome.EXTRA,
        "c": Outcome.EQUAL,
    }
    assert verdict.counts() == "1 equal, 1 missing, 1 extra"


def test_within_is_worse_than_equal_and_a_reason_is_worse_than_both() -> None:
    one = {"a": [(0, 1.0)], "b": [(0, 1.0)]}
    other = {"a": [(0, 1.0)], "b": [(0, 1.0 + 1e-9)]}
    verdict = judge(one, other, tolerance=1e-6)
    assert verdict.outcome is Outcome.WITHIN
    assert verdict.is_good
    assert verdict.difference == pytest.approx(1e-9)
    assert judge(one, one, reason="FAILED").outcome is Outcome.DIFFERENT


def test_what_measures_the_machine_is_not_judged() -> None:
    one, other = {"system/cpu": [(0, 1.0)]}, {"system/cpu": [(0, 2.0)]}
    assert judge(one, other).outcome is Outcome.NOTHING
    assert judge({**one, "a": [(0, 1.0)]}, {**other, "a": [(0, 1.0)]}).is_good


@pytest.mark.parametrize(
    "key",
    ["system/cpu", "epoch_time", "time", "perf/step_time_ms", "samples_per_second", "duration",
     "train/elapsed", "throughput", "train_runtime", "step time"],
)  # fmt: skip
def test_timings(key: str) -> None:
    assert is_timing(key)


@pytest.mark.parametrize(
    "key", ["loss", "time_series_loss", "overtime", "sometimes", "items", "a/b"]
)
def test_other_metrics(key: str) -> None:
    assert not is_timing(key)
