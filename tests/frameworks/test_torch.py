"""What Lightning and transformers train is logged as they report it themselves.

PyTorch on Linux comes with gigabytes of CUDA, so its environment is not made by `make test`, but by
`make test-frameworks-torch`, or by hand.
"""

from __future__ import annotations

import pytest

from mere.services.warehouse import close_warehouses
from tests.frameworks.conftest import ROOT, train

PYTHON = ROOT / ".frameworks-torch" / "bin" / "python"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not PYTHON.exists(),
        reason="PyTorch brings gigabytes of CUDA: `make test-frameworks-torch` installs and tests",
    ),
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    yield train(str(PYTHON), "torch_training.py", tmp_path_factory.mktemp("trained"))
    close_warehouses()


def close_to(seen):
    return [(step, pytest.approx(value, rel=1e-5, abs=1e-6)) for step, value in seen]


def test_lightning_has_a_run_of_its_own(trained):
    run = trained.run("l own")
    assert run.status == "FINISHED"
    assert run.params["lr"] == "0.1"
    said = trained.said["lightning_own_run"]
    assert said["version"] == run.run_id
    assert len(said["seen"]) == 8
    tested = said["tested"]["test_loss"]
    assert trained.curve("l own", "test_loss") == close_to([[8, tested]])
    assert trained.curve("l own", "loss") == close_to(said["seen"])
    assert [value for _, value in trained.curve("l own", "epoch")] == [0, 0, 0, 0, 1, 1, 1, 1, 2]
    assert {path.partition("/")[0] for path in trained.artifacts("l own")} == {"checkpoints"}


def test_lightning_goes_on_at_its_global_step(trained):
    said = trained.said["lightning_resumed"]
    assert [step for step, _ in said] == list(range(8))
    assert trained.curve("l resumed", "loss") == close_to(said)


def test_lightning_that_raises_ends_as_failed(trained):
    assert trained.said["lightning_failing"] == "raised"
    assert trained.run("l failing").status == "FAILED"


def losses(history, key):
    return [(row["step"], row[key]) for row in history if key in row]


def test_transformers_have_a_run_of_their_own(trained):
    run = trained.run("h own")
    assert run.status == "FINISHED"
    history = trained.said["transformers_own_run"]
    assert len(losses(history, "loss")) == 4
    assert trained.curve("h own", "train/loss")[:4] == losses(history, "loss")[:4]
    assert trained.curve("h own", "eval/loss") == losses(history, "eval_loss")
    assert run.params["model/hidden_size"] == "8"
    assert run.params["args/per_device_train_batch_size"] == "8"
    folders = {path.partition("/")[0] for path in trained.artifacts("h own")}
    assert folders == {"model", "checkpoint-4", "checkpoint-8"}


def test_transformers_go_on_at_their_global_step(trained):
    history = trained.said["transformers_resumed"]
    steps = [step for step, _ in trained.curve("h resumed", "eval/loss")]
    assert steps == [step for step, _ in losses(history, "eval_loss")] == [4, 8]
