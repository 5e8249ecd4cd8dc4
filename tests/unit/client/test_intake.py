from __future__ import annotations

import logging
import math
from datetime import UTC, datetime

import numpy as np
import pytest

from mere.client.intake import Intake


class Tensor:
    """What a tensor of one element looks like from outside."""

    def __init__(self, value: float) -> None:
        self._value = value

    def item(self) -> float:
        return self._value


@pytest.fixture
def intake() -> Intake:
    return Intake("run test")


def test_numbers_of_all_kinds(intake: Intake) -> None:
    values = {
        "float": 0.5,
        "int": 3,
        "bool": True,
        "np": np.float32(0.25),
        "np0": np.array(7),
        "np1": np.array([8.0]),
        "npint": np.int64(2),
        "tensor": Tensor(1.5),
    }
    intake.take(("metrics", values, 1, 10))
    assert dict(zip(intake.points.keys, intake.points.values, strict=True)) == {
        "float": 0.5,
        "int": 3.0,
        "bool": 1.0,
        "np": 0.25,
        "np0": 7.0,
        "np1": 8.0,
        "npint": 2.0,
        "tensor": 1.5,
    }
    assert all(type(value) is float for value in intake.points.values)


def test_nan_and_infinities_are_kept(intake: Intake) -> None:
    intake.take(("metrics", {"a": math.nan, "b": -math.inf}, 1, 10))
    assert math.isnan(intake.points.values[0])
    assert intake.points.values[1] == -math.inf


def test_nested_dictionaries_are_flattened(intake: Intake) -> None:
    intake.take(("metrics", {"loss": {"train": 1.0, "val": {"a": 2.0}}}, 1, 10))
    assert intake.points.keys == ["loss/train", "loss/val/a"]


@pytest.mark.parametrize(
    "value", ["0.5", None, np.array([1, 2]), object(), 1j, 10**400, [1.0], b"1"]
)
def test_bad_values_are_left_out_with_one_warning(
    intake: Intake, value: object, caplog: pytest.LogCaptureFixture
) -> None:
    for step in range(3):
        intake.take(("metrics", {"good": 1.0, "bad": value}, step, 10))
    assert intake.points.keys == ["good"] * 3
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.name == "mere"
    assert "run test: bad = " in record.getMessage()


@pytest.mark.parametrize("step", ["x", 2**63, math.inf, object()])
def test_bad_steps_are_left_out(
    intake: Intake, step: object, caplog: pytest.LogCaptureFixture
) -> None:
    intake.take(("metrics", {"a": 1.0}, step, 10))
    assert len(intake.points) == 0
    assert "step or timestamp" in caplog.text


def test_bad_keys_are_left_out(intake: Intake, caplog: pytest.LogCaptureFixture) -> None:
    intake.take(("metrics", {"": 1.0, 3: 1.0, "x" * 251: 1.0, "ok": 1.0}, 0, 10))
    assert intake.points.keys == ["ok"]
    assert len(caplog.records) == 3


def test_warnings_are_limited(intake: Intake, caplog: pytest.LogCaptureFixture) -> None:
    intake.take(("metrics", {f"k{i}": "bad" for i in range(100)}, 0, 10))
    assert len(caplog.records) == 20


def test_steps_count_by_key_from_beyond_the_greatest(intake: Intake) -> None:
    for data, step in (
        ({"a": 1.0}, None),
        ({"a": 1.0, "b": 1.0}, None),
        ({"a": 1.0}, 10),
        ({"a": 1.0}, 5),
        ({"a": 1.0, "b": 1.0}, None),
    ):
        intake.take(("metrics", data, step, 10))
    assert list(zip(intake.points.keys, intake.points.steps, strict=True)) == [
        ("a", 0),
        ("a", 1),
        ("b", 0),
        ("a", 10),
        ("a", 5),
        ("a", 11),
        ("b", 1),
    ]


def test_timestamps(intake: Intake) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    intake.take(("metrics", {"a": 1.0}, 0, moment))
    intake.take(("metrics", {"a": 1.0}, 1, 1.5))
    intake.take(("metrics", {"a": 1.0}, 2, 1_700_000_000_000_000))
    assert intake.points.timestamps == [1_767_323_045_678_901, 1_500_000, 1_700_000_000_000_000]


def test_params_stay_as_first_said(intake: Intake, caplog: pytest.LogCaptureFixture) -> None:
    intake.resume({"old": "1"}, {})
    intake.take(("params", {"old": "1", "lr": "0.1"}, None, None))
    intake.take(("params", {"lr": "0.2", "depth": "3"}, None, None))
    intake.take(("params", {"old": "2"}, None, None))
    assert intake.changes == {"params": {"lr": "0.1", "depth": "3"}}
    assert "'lr' is '0.1' and cannot become '0.2'" in caplog.text
    assert "'old' is '1' and cannot become '2'" in caplog.text


def test_what_could_not_be_sent_stays_in_front(intake: Intake) -> None:
    intake.take(("metrics", {"a": 1.0}, 0, 10))
    intake.take(("tags", {"t": "old", "u": "1"}, None, None))
    points, changes, _ = intake.give()
    intake.take(("metrics", {"a": 2.0}, 1, 11))
    intake.take(("tags", {"t": None}, None, None))
    intake.take_back(points, changes)
    assert intake.points.values == [1.0, 2.0]
    assert intake.points.tallies["a"].count == 2
    assert intake.changes == {"tags": {"t": None, "u": "1"}}
