"""What Keras fits is logged as its own history has it."""

from __future__ import annotations

import pytest

from tests.frameworks.conftest import points

SCRIPT = "keras_training.py"


@pytest.mark.slow
def test_a_fit_has_a_run_of_its_own(trained):
    run = trained.run("k own")
    assert run.status == "FINISHED"
    assert set(trained.said["own_run"]) == {"loss", "mae", "val_loss", "val_mae"}
    for key, said in trained.said["own_run"].items():
        assert trained.curve("k own", key) == points(said)
    # 48 of 64 rows in batches of 16: three batches in each of three epochs.
    assert [step for step, _ in trained.curve("k own", "batch/loss")] == [0, 2, 4, 6, 8]
    assert run.params["epochs"] == "3"
    assert run.params["loss"] == "mse"
    assert run.params["model/parameters"] == "5"
    assert float(run.params["optimizer/learning_rate"]) == pytest.approx(0.01)
    assert run.tags["keras.backend"] == "jax"
    assert trained.artifacts("k own") == {"model.keras"}


@pytest.mark.slow
def test_a_fit_goes_on_at_its_epoch(trained):
    said = trained.said["continued"]
    assert trained.curve("k continued", "loss") == points(said["loss"])
    for key, value in said["score"].items():
        assert trained.curve("k continued", f"evaluate/{key}") == points([value])


@pytest.mark.slow
def test_early_stopping_ends_well(trained):
    said = trained.said["stopped"]["loss"]
    assert len(said) < 50
    assert trained.curve("k stopped", "a/loss") == points(said)
    assert trained.run("k stopped").status == "FINISHED"


@pytest.mark.slow
def test_a_fit_that_raises_ends_as_failed(trained):
    assert trained.said["failing"] == "raised"
    assert trained.run("k failing").status == "FAILED"
