"""What MLflow allows in names and batches; its clients know the messages.

Our own rules are wider: a key is any text. Here a name has to look like a path that is its own
normal form, and a value that is too long is cut off, as MLflow's own server does by default.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

from mere.entities.limits import KEY_CHARS_MAX, PARAM_CHARS_MAX, TAG_CHARS_MAX
from mere.entities.model import Stage
from mere.server.protocols.mlflow.errors import invalid, invalid_value, missing, not_there
from mere.services.runs.logging import TIME_US_MAX

__all__ = [
    "EXPERIMENT_TAG_CHARS_MAX",
    "METRICS_MAX",
    "check_batch",
    "check_experiment_id",
    "check_experiment_tag",
    "check_given",
    "check_max_results",
    "check_metric",
    "check_metric_key",
    "check_metrics",
    "check_model_alias",
    "check_model_name",
    "check_model_version",
    "check_param",
    "check_run_id",
    "check_stage",
    "check_tag",
]

EXPERIMENT_TAG_CHARS_MAX = 20_000
METRICS_MAX = 1_000
ENTITIES_MAX = 1_000
PARAMS_MAX = 100
PAGE_ROWS_MAX = 50_000
_NAME = re.compile(r"[/\w.\- :]*")
_ALIAS = re.compile(r"[\w\-]*", re.ASCII)
_VERSION_ALIAS = re.compile(r"v\d+", re.IGNORECASE)
_RUN_ID = re.compile(r"[a-zA-Z0-9][\w\-]{0,255}")
_ALLOWED = (
    ": Names may only contain alphanumerics, underscores (_), dashes (-), periods (.),"
    " spaces ( ), colon(:) and slashes (/)."
)


class _Counted(Protocol):
    def __len__(self) -> int: ...


@lru_cache(maxsize=16_384)
def _fault(key: str) -> str | None:
    """What is wrong with a name, if anything is."""
    if _NAME.fullmatch(key) is None:
        return _ALLOWED
    normal = posixpath.normpath(key)
    if normal != key or normal == "." or normal.startswith(("..", "/")):
        return (
            ": Names may be treated as files in certain cases, and must not resolve to other "
            f"names when treated as such. This name would resolve to {normal!r}"
        )
    return None


def _check_name(key: str, path: str) -> None:
    fault = _fault(key)
    if fault is not None:
        raise invalid_value(path, key, fault)


def _check_length(key: str, what: str, limit: int = KEY_CHARS_MAX) -> None:
    if len(key) > limit:
        raise invalid(f"'{what}' exceeds the maximum length of {limit} characters")


def check_metric_key(key: str, path: str = "name") -> None:
    """Raise `InvalidInput` if a metric may not be called so."""
    _check_name(key, path)
    _check_length(key, "Metric name")


def check_metric(key: str, value: float, timestamp: int, step: int, path: str = "") -> int:
    """Return the time of a point in microseconds; raise `InvalidInput` if it may not be one."""
    prefix = f"{path}." if path else ""
    check_metric_key(key, f"{prefix}name")
    micros = timestamp * 1000
    if not 0 <= micros <= TIME_US_MAX:
        raise invalid_value(
            f"{prefix}timestamp",
            timestamp,
            f": metric '{key}' (value={value}). Timestamp must be a nonnegative long "
            "(64-bit integer) of milliseconds before the year 10000",
        )
    if not -(2**63) <= step < 2**63:
        raise invalid_value(f"{prefix}step", step, ": Step must be a valid long (64-bit integer).")
    return micros


def check_metrics(
    keys: Sequence[str], values: Sequence[float], timestamps: Sequence[int], steps: Sequence[int]
) -> list[int]:
    """Return the times of a batch's points; as `check_metric` does for each, but by column.

    Steps are whole numbers of 64 bits already, as the request's struct has them.
    """
    is_fine = all(_fault(key) is None and len(key) <= KEY_CHARS_MAX for key in set(keys)) and (
        not keys or 0 <= min(timestamps) <= max(timestamps) <= TIME_US_MAX // 1000
    )
    if not is_fine:
        for index, point in enumerate(zip(keys, values, timestamps, steps, strict=True)):
            check_metric(*point, f"metrics[{index}]")
    return [timestamp * 1000 for timestamp in timestamps]


def check_param(key: str, value: str, path: str = "key") -> tuple[str, str]:
    """Return a param, its value cut off where it is too long; raise if it may not be one."""
    _check_name(key, path)
    _check_length(key, "Param key")
    return key, value[:PARAM_CHARS_MAX]


def check_tag(key: str, value: str, path: str = "key") -> tuple[str, str]:
    """Return a run's tag, its value cut off where it is too long; raise if it may not be one."""
    _check_name(key, path)
    _check_length(key, path)
    return key, value[:TAG_CHARS_MAX]


def check_experiment_tag(key: str, value: str) -> tuple[str, str]:
    """Return an experiment's tag; raise `InvalidInput` if it may not be one."""
    _check_name(key, "key")
    _check_length(key, "key")
    _check_length(value, "value", EXPERIMENT_TAG_CHARS_MAX)
    return key, value


def check_run_id(run_id: str) -> None:
    """Raise `InvalidInput` if a text can be no run's id."""
    if _RUN_ID.fullmatch(run_id) is None:
        raise invalid_value("run_id", run_id)


def check_experiment_id(experiment_id: str) -> str:
    """Return an experiment's id, or that of the default one where there is none."""
    if not experiment_id:
        return "0"
    if not experiment_id.isascii() or not experiment_id.removeprefix("-").isdigit():
        raise invalid(
            f"Invalid experiment ID '{experiment_id}'. Experiment ID must be a valid integer."
        )
    return experiment_id


def check_max_results(given: int, limit: int = PAGE_ROWS_MAX) -> int:
    """Return how many results a page may have; raise `InvalidInput` if that is none or too many."""
    start = f"Invalid value {given} for parameter 'max_results' supplied. It must be "
    if given < 1:
        raise invalid(f"{start}a positive integer")
    if given > limit:
        raise invalid(f"{start}at most {limit}")
    return given


def check_model_name(name: str) -> None:
    """Raise `InvalidInput` if no model may be registered by this name."""
    if not name.strip():
        raise missing("name")
    if "/" in name or ":" in name:
        raise invalid(f"Invalid model name '{name}'. Names cannot contain '/' or ':'.")


def check_model_version(name: str, version: str) -> None:
    """Raise `InvalidInput` if a text is no whole number, `NotFound` if it can be no version's."""
    try:
        number = int(version)
    except ValueError:
        raise invalid(f"Parameter 'version' must be an integer, got '{version}'.") from None
    if number < 1:
        raise not_there(f"Model Version (name={name}, version={version}) not found")


def check_model_alias(alias: str) -> None:
    """Raise `InvalidInput` if a version may not be called so."""
    if _ALIAS.fullmatch(alias) is None:
        raise invalid(
            f"Invalid alias name: '{alias}'. Names may only contain alphanumerics, underscores "
            "(_), and dashes (-)."
        )
    if alias.lower() == "latest":
        raise invalid("'latest' alias name (case insensitive) is reserved.")
    if _VERSION_ALIAS.fullmatch(alias):
        raise invalid(f"Version alias name '{alias}' is reserved.")


def check_stage(stage: str) -> None:
    """Raise `InvalidInput` if there is no such stage."""
    if stage.lower() not in {one.lower() for one in Stage}:
        raise invalid(
            f"Invalid Model Version stage: {stage}. Value must be one of {', '.join(Stage)}."
        )


def check_batch(metrics: _Counted, params: _Counted, tags: _Counted) -> None:
    """Raise `InvalidInput` if that is too much for one request."""
    for what, count, limit in (
        ("metrics", len(metrics), METRICS_MAX),
        ("params", len(params), PARAMS_MAX),
        ("tags", len(tags), PARAMS_MAX),
        ("metrics, params, and tags", len(metrics) + len(params) + len(tags), ENTITIES_MAX),
    ):
        if count > limit:
            raise invalid(
                f"A batch logging request can contain at most {limit} {what}. Got {count} {what}. "
                f"Please split up {what} across multiple requests and try again."
            )


def check_given(value: object, path: str) -> None:
    """Raise `InvalidInput` if a field of a list's item is missing."""
    if value is None or value == "":
        raise missing(path)
