"""MLflow's tracking protocol: our answers beside those of MLflow's own server, call by call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conformance.conversation import converse
from tests.conformance.servers import MLFLOW, run_mere, run_mlflow

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not MLFLOW.exists(), reason="MLflow is not installed: make mlflow"),
]

FILTER_WORDS = "says what is wrong with a filter in its own words, and where"
DIFFERENT = {
    "create again": "MLflow adds its database's message",
    "create with wrong tags": "MLflow takes a text for a tag without a key",
    "rename deleted": "MLflow answers 500, which clients try again for minutes",
    "end wrongly": "MLflow ignores a status that does not exist",
    "metric before time": "we say how late a time may be, too",
    "note no model": "the order in which fields are named is Python's hash's",
    "get logged": "MLflow stores infinity as the largest float",
    "bad page": "MLflow answers 500",
    "page of none": "a full stop",
    "bulk of few": "MLflow sorts equal times by step as they lie in its database",
    "where attributes.nothing = '1'": FILTER_WORDS,
    "where metrics.acc > 'x'": FILTER_WORDS,
    "where params.model > 3": "params that are numbers can be compared as such",
    "where bogus": FILTER_WORDS,
    "where metrics.acc = ": FILTER_WORDS,
    "by ['nonsense.']": FILTER_WORDS,
    "experiments badly": FILTER_WORDS,
    "too many of them": "we name the limit",
    "a bad page": "MLflow answers 500",
    "no JSON": "MLflow says that the first field is missing",
    "a list": "MLflow answers 500, as a page",
    "JSON in text": "a name that an experiment once had stays its own",
    "a workspace": "MLflow answers 500, which clients try again for minutes",
}
"""Where we differ on purpose, and why."""


def test_answers_are_those_of_mlflow_s_own_server(tmp_path: Path) -> None:
    with run_mlflow(tmp_path) as url:
        theirs = converse(url)
    with run_mere(tmp_path / "warehouse") as url:
        ours = converse(url)
    assert [what for what, _, _ in ours] == [what for what, _, _ in theirs]
    odd: dict[str, tuple[Any, Any]] = {
        mine[0]: (theirs_[1:], mine[1:])
        for mine, theirs_ in zip(ours, theirs, strict=True)
        if mine != theirs_ and mine[0] not in DIFFERENT
    }
    assert odd == {}
    assert all(status < 500 or what == "rename deleted" for what, status, _ in ours)
