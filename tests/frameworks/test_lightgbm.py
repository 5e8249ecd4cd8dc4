"""What LightGBM trains is logged as LightGBM itself reports it."""

from __future__ import annotations

from tests.frameworks.conftest import points

SCRIPT = "lightgbm_training.py"
LOSS = "binary_logloss"


def test_a_training_has_a_run_of_its_own(trained):
    run = trained.run("lgb own")
    assert run.status == "FINISHED"
    assert run.params["num_leaves"] == "5"
    for data in ("train", "test"):
        said = trained.said["own_run"][data][LOSS]
        assert len(said) == 5
        assert trained.curve("lgb own", f"{data}/{LOSS}") == points(said)
    assert trained.artifacts("lgb own") == {"model.txt"}
    assert "best_iteration" not in run.metrics


def test_a_training_goes_on_where_the_model_was(trained):
    first, second = trained.said["continued"]
    said = first["test"][LOSS] + second["test"][LOSS]
    assert len(said) == 7
    assert trained.curve("lgb continued", f"test/{LOSS}") == points(said)


def test_early_stopping_ends_well_and_leaves_what_was_best(trained):
    said = trained.said["stopped"]
    values = said["said"]["test"][LOSS]
    run = trained.run("lgb stopped")
    assert run.status == "FINISHED"
    # Where early stopping stands first, the last round is still logged, which LightGBM's own
    # recorder after it misses or not by its place.
    assert trained.curve("lgb stopped", f"a/test/{LOSS}")[: len(values)] == points(values)
    assert len(values) < 200
    assert run.metrics["a/best_iteration"] == said["iteration"] - 1
    assert values[said["iteration"] - 1] == min(values)


def test_a_callback_that_is_held_ends_with_its_block(trained):
    said = trained.said["held"]["test"][LOSS]
    assert trained.curve("lgb held", f"test/{LOSS}") == points(said)
    assert trained.run("lgb held").status == "FINISHED"


def test_cross_validation_has_means_and_deviations(trained):
    said = trained.said["cv"]
    assert trained.curve("lgb cv", f"valid/{LOSS}") == points(said[f"valid {LOSS}-mean"])
    assert trained.curve("lgb cv", f"valid/{LOSS}/std") == points(said[f"valid {LOSS}-stdv"])


def test_the_estimators_take_it_too(trained):
    ((data, said),) = trained.said["estimator"].items()
    assert trained.curve("lgb estimator", f"{data}/{LOSS}") == points(said[LOSS])
    assert trained.run("lgb estimator").status == "FINISHED"


def test_a_training_that_raises_ends_as_failed(trained):
    assert trained.said["failing"] == "raised"
    assert trained.run("lgb failing").status == "FAILED"
