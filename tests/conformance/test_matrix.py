"""The table in docs/mlflow.md says what MLflow's client can do now."""

from __future__ import annotations

import pytest

from scripts.mlflow_matrix import PAGE, outcomes, page_with, table
from tests.conformance.servers import MLFLOW

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not MLFLOW.exists(), reason="MLflow is not installed: make mlflow"),
]


def test_the_table_is_what_the_client_finds() -> None:
    results = outcomes()
    assert [one for one in results if one["outcome"].startswith("failed")] == []
    page = PAGE.read_text()
    assert page_with(table(results), page) == page, "run python -m scripts.mlflow_matrix"
