"""Whether more or less of a metric is better, as its name says."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["LESS_IS_BETTER", "NEITHER_IS_BETTER", "direction_of", "has_direction"]

LESS_IS_BETTER = re.compile(
    r"loss(?!ary|om|y|less)|err(or)?s?(?![a-z])|rmse|msl?e(?![a-z])|mae(?![a-z])|mape|"
    r"perplexity|ppl(?![a-z])|nll|(?<![a-z])(wer|cer|fid|ece)(?![a-z])|brier|regret|"
    r"latenc(y|ies)|duration|seconds|time(?![a-z]|_st(ep|amp))|cost|divergence",
    re.IGNORECASE,
)

NEITHER_IS_BETTER = re.compile(
    r"(^|[/._])(lr|learning_rate|epoch|step|iteration|momentum|weight_decay|batch_size)$",
    re.IGNORECASE,
)
"""Of these neither more nor less is better; to mark the best of them would say nothing.

The portal has both patterns in ``portal/src/metrics/direction.ts``; a test compares them.
"""


def direction_of(key: str, less: Sequence[str] = (), more: Sequence[str] = ()) -> bool:
    """Whether less of a metric is better: as somebody said, or else as its name says."""
    if key in less or key in more:
        return key in less
    return LESS_IS_BETTER.search(key) is not None


def has_direction(key: str, less: Sequence[str] = (), more: Sequence[str] = ()) -> bool:
    """Whether more or less of a metric is better at all, by the same words."""
    return key in less or key in more or NEITHER_IS_BETTER.search(key) is None
