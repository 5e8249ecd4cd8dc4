from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from mere.cli.options import parse_as_of
from mere.cli.output import duration, print_json, size, sparkline


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 1.0], "▁█"),
        ([1.0, 1.0], "▄▄"),
        ([math.nan, 1.0, 2.0], "·▁█"),
        ([math.inf], "·"),
        ([], ""),
        ([-1.7e308, 1.7e308], "▁█"),
        (list(range(300)), None),
    ],
)
def test_sparklines(values: list[float], expected: str | None) -> None:
    drawn = sparkline(values)
    assert len(drawn) == min(len(values), 30)
    assert expected is None or drawn == expected


def test_durations_and_sizes() -> None:
    assert [duration(s) for s in (None, 0.04, 75, 3599, 3600 * 30, 3600 * 100)] == [
        "-",
        "0.0 s",
        "75 s",
        "59 min",
        "30 h 00",
        "4 d 4 h",
    ]
    assert [size(n) for n in (0, 999, 1500, 10**9)] == ["0 B", "999 B", "1.5 kB", "1.0 GB"]


def test_json_knows_nan_and_times(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": [math.nan, math.inf, -math.inf], "t": datetime(2026, 1, 2, tzinfo=UTC)})
    assert capsys.readouterr().out.split() == [
        "{",
        '"a":',
        "[",
        '"NaN",',
        '"Infinity",',
        '"-Infinity"',
        "],",
        '"t":',
        '"2026-01-02T00:00:00Z"',
        "}",
    ]


def test_what_as_of_may_be() -> None:
    assert parse_as_of(None) is None
    assert parse_as_of("7") == 7
    assert parse_as_of("v1") == "v1"
    assert parse_as_of("2026-01-02T03:04:05+00:00") == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    moment = parse_as_of("2026-01-02")
    assert isinstance(moment, datetime)
    assert moment.tzinfo is not None
