"""Whether less of a metric is better, told by its name alike in the server and in the browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mere.services.comparison.directions import (
    LESS_IS_BETTER,
    NEITHER_IS_BETTER,
    direction_of,
    has_direction,
)

PORTAL = Path(__file__).parents[4] / "portal" / "src" / "metrics" / "direction.ts"


@pytest.mark.parametrize(
    "key",
    [
        *("loss", "val/loss", "val/loss1", "logloss", "valLoss", "lossG", "loss_fn"),
        *("err", "test_errors", "error_rate", "mean_absolute_error"),
        *("rmse", "test_rmse", "rmsle", "nmse", "mse_1", "mae", "smape"),
        *("perplexity", "ppl", "nll", "val/wer", "cer", "fid_50k", "ece", "brier_score", "regret"),
        *("latency_ms", "p99_latency", "seconds", "walltime", "time_ms", "time/step", "cost"),
    ],
)
def test_less_is_better(key):
    assert direction_of(key)
    assert not direction_of(key, more=[key])


@pytest.mark.parametrize(
    "key",
    [
        *("acc", "val/acc", "f1", "reward", "glossary", "timestep", "time_step", "power"),
        *("timestamp", "answer", "piece", "confidence", "apply", "lossless", "blossom"),
    ],
)
def test_more_is_better(key):
    assert not direction_of(key)
    assert direction_of(key, less=[key])


def test_of_some_neither_is_unless_somebody_says_so():
    assert not any(has_direction(key) for key in ("lr", "train/epoch", "opt.momentum"))
    assert all(has_direction(key) for key in ("loss", "acc", "epochs_won"))
    assert has_direction("lr", more=["lr"])
    assert has_direction("lr", less=["lr"])


def test_the_portal_has_the_same_patterns():
    found = re.findall(r"^const (\w+) =\s+/(.+)/i;$", PORTAL.read_text(), re.MULTILINE)
    assert dict(found) == {
        "LESS_IS_BETTER": LESS_IS_BETTER.pattern,
        "NEITHER_IS_BETTER": NEITHER_IS_BETTER.pattern,
    }
    assert LESS_IS_BETTER.flags & NEITHER_IS_BETTER.flags & re.IGNORECASE
