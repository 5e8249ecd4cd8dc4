"""What XGBoost trains is logged as XGBoost itself reports it."""

from __future__ import annotations

import pytest

from tests.frameworks.conftest import points

SCRIPT = "xgboost_training.py"


def test_a_training_has_a_run_of_its_own(trained):
    run = trained.run("xgb own")
    assert run.status == "FINISHED"
    assert run.params["max_depth"] == "2"
    assert run.params["objective"] == "binary:logistic"
    assert run.tags["framework"] == "xgboost"
    for data in ("train", "test"):
        said = trained.said["own_run"][data]["logloss"]
        assert len(said) == 5
        assert trained.curve("xgb own", f"{data}/logloss") == points(said)
    assert trained.artifacts("xgb own") == {"model.ubj"}


def test_a_training_goes_on_where_the_model_was(trained):
    first, second = trained.said["continued"]
    said = first["test"]["logloss"] + second["test"]["logloss"]
    assert trained.curve("xgb continued", "test/logloss") == points(said)
    assert trained.run("xgb continued").status == "FINISHED"


def test_early_stopping_leaves_what_was_best(trained):
    said = trained.said["stopped"]
    values = said["said"]["test"]["logloss"]
    assert len(values) == said["iteration"] + 4
    assert trained.curve("xgb stopped", "a/test/logloss") == points(values)
    found = trained.run("xgb stopped").metrics
    assert found["a/best_iteration"] == said["iteration"]
    assert found["a/best_score"] == pytest.approx(said["score"])


def test_cross_validation_has_means_and_deviations(trained):
    said = trained.said["cv"]
    assert trained.curve("xgb cv", "test/logloss") == points(said["test-logloss-mean"])
    assert trained.curve("xgb cv", "test/logloss/std") == points(said["test-logloss-std"])


def test_the_estimators_take_it_too(trained):
    said = trained.said["estimator"]["validation_0"]["logloss"]
    assert trained.curve("xgb estimator", "validation_0/logloss") == points(said)
    assert trained.run("xgb estimator").status == "FINISHED"


def test_a_training_that_raises_ends_as_failed(trained):
    assert trained.said["failing"] == "raised"
    assert trained.run("xgb failing").status == "FAILED"
