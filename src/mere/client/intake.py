"""What becomes of logged data in the worker's thread: numbers, checked, by column.

Nothing here raises for what a user logged: a bad value is left out, and one warning names its key
and the value. What could be stored is kept.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from mere.client.buffer import Call
from mere.entities.limits import check_key, check_tag
from mere.entities.metric import Points
from mere.errors import InvalidInput
from mere.services.runs.metrics import Line
from mere.services.runs.runs import check_params

__all__ = ["Intake", "flatten"]

_log = logging.getLogger("mere")

_STEP_MAX = 2**63 - 1
_SECONDS_MAX = 253_402_300_799  # the last second of the year 9999
_WARNINGS_MAX = 20
_SHOWN_CHARS_MAX = 60
_DEPTH_MAX = 16


class Intake:
    """The data of one run, on its way from calls to records.

    Args:
        label: How warnings name the run.
        rank: Which process of the run this is.
    """

    def __init__(self, label: str, *, rank: int = 0) -> None:
        self._label = label
        self._rank = rank
        self._warned: set[str] = set()
        self._next_steps: dict[str, int] = {}
        self._params: dict[str, str] = {}
        self.points = Points()
        self.changes: dict[str, Any] = {}
        self.lines: list[Line] = []

    @property
    def has_news(self) -> bool:
        """Whether anything was gathered."""
        return bool(self.points) or bool(self.changes) or bool(self.lines)

    @property
    def held(self) -> int:
        """How many records were gathered."""
        return len(self.points) + len(self.lines)

    def resume(self, params: Mapping[str, str], steps: Mapping[str, int]) -> None:
        """Take up a run that has been logged to: its params, and the last step of each metric."""
        self._params.update(params)
        for key, step in steps.items():
            self._next_steps[key] = max(step + 1, self._next_steps.get(key, 0))

    def take(self, call: Call) -> None:
        """Convert one call."""
        kind, data, step, timestamp = call
        if kind == "metrics":
            self._take_metrics(data, step, timestamp)
        elif kind == "console":
            listener, text = data
            self.lines += listener.take(text, step, timestamp, self._rank)
        elif self._rank:
            return  # the run's own process says the same, or what counts
        elif kind == "params":
            self._take_params(data)
        elif kind == "columns":
            self.changes.update(data)
        elif kind in ("lineage", "seeds"):
            self.changes.setdefault(kind, {}).update(data)
        else:
            self._take_tags(data)

    def give(self) -> tuple[Points, dict[str, Any], list[Line]]:
        """Hand over what has been gathered, and begin anew."""
        given = self.points, self.changes, self.lines
        self.points, self.changes, self.lines = Points(), {}, []
        return given

    def take_back(
        self, points: Points, changes: dict[str, Any], lines: Sequence[Line] = ()
    ) -> None:
        """Put back, before all else, what could not be sent."""
        newer, newer_changes = self.points, self.changes
        self.points, self.changes, self.lines = points, changes, [*lines, *self.lines]
        for key, step, timestamp, value in zip(
            newer.keys, newer.steps, newer.timestamps, newer.values, strict=True
        ):
            points.add(key, step, timestamp, value)
        for name, value in newer_changes.items():
            if name in ("params", "tags", "seeds", "lineage"):
                changes[name] = {**changes.get(name, {}), **value}
            else:
                changes[name] = value

    def _take_metrics(self, data: Any, step: Any, timestamp: Any) -> None:
        try:
            at = timestamp if type(timestamp) is int else _micros(timestamp)
            wanted = None if step is None else _step(step)
        except (TypeError, ValueError, OverflowError) as error:
            self._warn("step or timestamp", f"{step!r}, {timestamp!r}", str(error))
            return
        if not isinstance(data, dict):
            self._warn("metrics", data, "pass a dictionary of numbers by key")
            return
        for key, value in data.items():
            if value.__class__ is float and key in self._next_steps:
                self._add(key, wanted, at, value)
                continue
            for name, leaf in flatten(key, value):
                self._take_value(name, leaf, wanted, at)

    def _take_value(self, key: Any, value: Any, step: int | None, at: int) -> None:
        try:
            if key not in self._next_steps:
                check_key(key, "metric")
            number = _number(value)
        except InvalidInput as error:
            self._warn(key, value, error.message)
        except Exception as error:  # noqa: BLE001  a foreign object's conversion raises anything
            self._warn(key, value, str(error) or type(error).__name__)
        else:
            self._add(key, step, at, number)

    def _add(self, key: str, step: int | None, at: int, value: float) -> None:
        following = self._next_steps.get(key, 0)
        if step is None:
            step = following
        if step >= following:
            self._next_steps[key] = min(step + 1, _STEP_MAX)
        self.points.add(key, step, at, value)

    def _take_params(self, data: dict[Any, Any]) -> None:
        for key, value in data.items():
            try:
                fresh = check_params(self._params, {key: value})
            except InvalidInput as error:
                self._warn(key, value, error.message)
                continue
            self._params.update(fresh)
            self.changes.setdefault("params", {}).update(fresh)

    def _take_tags(self, data: dict[Any, Any]) -> None:
        for key, value in data.items():
            try:
                name, text = check_tag(key, value)
            except InvalidInput as error:
                self._warn(key, value, error.message)
                continue
            self.changes.setdefault("tags", {})[name] = text

    def _warn(self, key: object, value: object, reason: str) -> None:
        name = _brief(key)
        if name in self._warned or len(self._warned) >= _WARNINGS_MAX:
            return
        self._warned.add(name)
        _log.warning(
            "%s: %s = %s was not logged: %s (said once for this key)",
            self._label,
            name,
            _brief(value),
            reason,
        )


def flatten(key: Any, value: Any, depth: int = 0) -> Iterator[tuple[Any, Any]]:
    """The leaves of nested dictionaries, with their keys joined by slashes."""
    if not isinstance(value, Mapping) or depth >= _DEPTH_MAX:
        yield key, value
        return
    for inner, leaf in value.items():
        yield from flatten(f"{key}/{inner}", leaf, depth + 1)


def _number(value: Any) -> float:
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str | bytes):
        raise TypeError(f"a {type(value).__name__} is no number")
    if hasattr(value, "item"):
        value = value.item()
    return float(value)


def _step(step: Any) -> int:
    number = step if type(step) is int else int(step)
    if not -_STEP_MAX <= number <= _STEP_MAX:
        raise ValueError("a step is a signed integer of 64 bits")
    return number


def _micros(timestamp: Any) -> int:
    """Microseconds of an aware datetime, a naive one in local time, or seconds."""
    seconds = timestamp.timestamp() if isinstance(timestamp, datetime) else float(timestamp)
    if not 0 <= seconds <= _SECONDS_MAX:
        raise ValueError("a timestamp is a datetime, or seconds between 1970 and the year 9999")
    return round(seconds * 1_000_000)


def _brief(value: object) -> str:
    try:
        text = value if isinstance(value, str) else repr(value)
    except Exception:  # noqa: BLE001  a foreign object's __repr__ may raise anything
        return f"a {type(value).__name__}"
    return text if len(text) <= _SHOWN_CHARS_MAX else text[: _SHOWN_CHARS_MAX - 1] + "…"
