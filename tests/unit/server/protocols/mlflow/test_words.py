"""Runs in MLflow's words."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from mere.errors import InvalidInput
from mere.server.protocols.mlflow.ui import sent_on
from mere.server.protocols.mlflow.validation import (
    check_experiment_id,
    check_metric,
    check_metrics,
    check_param,
    check_tag,
)
from mere.server.protocols.mlflow.words import columns_of, run_message
from mere.services.runs.logging import TIME_US_MAX

RUN = "a" * 32
AT = datetime(2026, 1, 1, tzinfo=UTC)
ROW = {"run_id": RUN, "experiment_id": "7", "name": "now", "status": "RUNNING", "started_at": AT}


def tags_of(row: dict[str, object]) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in run_message(row)["data"].get("tags", [])}


def test_a_run_of_our_own_sdk_shows_the_tags_that_mlflow_s_readers_look_for() -> None:
    own = {
        **ROW,
        "created_by": "me",
        "parent_run_id": "b" * 32,
        "notes": "# N",
        "source": {"entrypoint": "train.py", "git_commit": "c0ffee"},
        "tags": {"team": "x"},
    }
    assert tags_of(own) == {
        "team": "x",
        "mlflow.runName": "now",
        "mlflow.user": "me",
        "mlflow.parentRunId": "b" * 32,
        "mlflow.note.content": "# N",
        "mlflow.source.name": "train.py",
        "mlflow.source.git.commit": "c0ffee",
    }


def test_a_run_of_mlflow_s_client_shows_its_own_tags_and_its_newest_name() -> None:
    assert tags_of({**ROW, "created_by": "me", "tags": {"mlflow.runName": "then"}}) == {
        "mlflow.runName": "now"
    }


def test_metrics_and_places_are_written_as_the_client_reads_them() -> None:
    tally = {"value": math.inf, "timestamp": AT, "step": -1}
    message = run_message({**ROW, "metric_summary": {"m": tally}})
    (metric,) = message["data"]["metrics"]
    assert metric == {
        "key": "m",
        "value": "Infinity",
        "timestamp": int(AT.timestamp() * 1000),
        "step": -1,
    }
    assert message["info"]["artifact_uri"] == f"mlflow-artifacts:/7/{RUN}/artifacts"
    elsewhere = run_message({**ROW, "artifact_location": "s3://b/x"})
    assert elsewhere["info"]["artifact_uri"] == "s3://b/x"


def test_tags_that_mean_columns_fill_them() -> None:
    assert columns_of(
        [
            ("mlflow.runName", "n"),
            ("mlflow.parentRunId", "b" * 32),
            ("mlflow.note.content", "# N"),
            ("mlflow.source.name", "train.py"),
            ("other", "x"),
        ]
    ) == {
        "name": "n",
        "parent_run_id": "b" * 32,
        "notes": "# N",
        "source": {"entrypoint": "train.py"},
    }
    assert columns_of([("mlflow.parentRunId", "no id"), ("mlflow.runName", "")]) == {}
    assert columns_of([("mlflow.parentRunId", None)]) == {"parent_run_id": None}


@pytest.mark.parametrize("key", ["a", "a/b", "a b.c-d_e:f", "größe", "日本", "a..b", "..a/b"[2:]])
def test_names_may_be_paths_in_normal_form(key: str) -> None:
    assert check_metric(key, 1.0, 1, 1) == 1_000
    assert check_param(key, "v" * 7_000) == (key, "v" * 6_000)
    assert check_tag(key, "v" * 9_000) == (key, "v" * 8_000)


@pytest.mark.parametrize(
    "key", ["/a", "a/", "a//b", "../a", "a/../b", ".", "..", "a@b", "a\n", "a\\b"]
)
def test_other_names_are_refused(key: str) -> None:
    for check in (check_param, check_tag):
        with pytest.raises(InvalidInput):
            check(key, "v")
    with pytest.raises(InvalidInput):
        check_metric(key, 1.0, 1, 1)


@pytest.mark.parametrize("time", [-1, 2**63, 10**18])
def test_times_must_be_ones_that_a_calendar_can_show(time: int) -> None:
    with pytest.raises(InvalidInput, match="timestamp"):
        check_metric("m", 1.0, time, 0, "metrics[3]")


def test_points_of_a_batch_are_refused_as_each_would_be() -> None:
    columns: tuple[Any, ...] = (
        ["a", "b", "a"],
        [1.0, math.nan, -math.inf],
        [0, 5, TIME_US_MAX // 1000],
        [1, 2, 3],
    )
    assert check_metrics(*columns) == [0, 5_000, TIME_US_MAX // 1000 * 1000]
    assert check_metrics([], [], [], []) == []
    for column, wrong in (
        (0, "a@b"),
        (0, "k" * 251),
        (2, -1),
        (2, TIME_US_MAX // 1000 + 1),
    ):
        given: list[Any] = [list(values) for values in columns]
        given[column][1] = wrong
        point = [values[1] for values in given]
        with pytest.raises(InvalidInput) as one:
            check_metric(point[0], point[1], point[2], point[3], "metrics[1]")
        with pytest.raises(InvalidInput) as batch:
            check_metrics(*given)
        assert batch.value.message == one.value.message


def test_ids_of_experiments_are_numbers() -> None:
    assert check_experiment_id("") == "0"
    for given in ("abc", "1.5", "\u0661", "1 ", "--1"):
        with pytest.raises(InvalidInput):
            check_experiment_id(given)


def test_only_the_api_is_sent_on_from_the_pages() -> None:
    assert sent_on("ajax-api/2.0/mlflow/runs/search", "a=1&b=ü") == (
        "/ajax-api/2.0/mlflow/runs/search?a=1&b=ü"
    )
    assert sent_on("graphql", "") == "/graphql"
    for path in (
        "",
        "static-files/x.js",
        "ajax-api/../secret",
        "/evil.example",
        "api/2.0/x",
        "\\x",
    ):
        assert sent_on(path, "") is None
