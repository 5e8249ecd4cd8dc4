"""Times and durations as protobuf's JSON writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from mere.server.protocols.mlflow.errors import invalid

__all__ = ["duration_ms", "millis", "moment", "seconds", "stamp"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def millis(moment: datetime | None) -> int:
    """A time in whole milliseconds since the epoch."""
    if moment is None:
        return 0
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def moment(value: Any) -> datetime | None:
    """A time as protobuf's JSON writes it, or in milliseconds.

    Raises:
        InvalidInput: It is none.
    """
    if value is None or value == "":
        return None
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _EPOCH + timedelta(milliseconds=int(value))
        found = datetime.fromisoformat(str(value))
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise invalid(f"{value!r} is no time such as 2026-01-31T12:00:00Z") from error


def stamp(moment: datetime | None) -> str | None:
    """A time as text, to the millisecond."""
    if moment is None:
        return None
    cut = _EPOCH + timedelta(milliseconds=millis(moment))
    return cut.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds(ms: float | None) -> str | None:
    """A duration in milliseconds as text, in seconds."""
    return None if ms is None else f"{int(ms) / 1000:.3f}s"


def duration_ms(value: Any) -> float | None:
    """A duration in seconds, as text, in milliseconds.

    Raises:
        InvalidInput: It is none.
    """
    if value is None or value == "":
        return None
    try:
        return float(str(value).removesuffix("s")) * 1000
    except ValueError as error:
        raise invalid(f"{value!r} is no duration such as 1.5s") from error
