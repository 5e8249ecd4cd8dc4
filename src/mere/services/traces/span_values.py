"""Values of spans as JSON text, bounded: what is cut off goes into objects, so nothing is lost.

JSON has no bytes and no NaN. They are written as OpenTelemetry's JSON writes them:
``{"bytesValue": "<base64>"}`` and ``{"doubleValue": "NaN"}``.

The rule of the bound: of a value whose text is longer than `VALUE_CHARS_MAX`, its first so many
characters stay, as text. Where the attributes of a span together are still larger than
`ALL_CHARS_MAX`, the largest are cut to `SHORT_CHARS`; and where that does not do, only those that
fit are kept. What was cut is stored whole in an object of its own.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

__all__ = [
    "ALL_CHARS_MAX",
    "SHORT_CHARS",
    "VALUE_CHARS_MAX",
    "Cut",
    "cut_list",
    "cut_object",
    "decode",
    "encode",
    "plain",
    "text_of",
]

VALUE_CHARS_MAX = 65_536
ALL_CHARS_MAX = 1_048_576
SHORT_CHARS = 1_024
_DEPTH_MAX = 120  # protobuf allows 100
_TOO_DEEP = "(nested too deeply)"

Cut = dict[str, bytes]
"""What did not stay, whole, by its name."""


def encode(value: Any) -> str:
    """A value as JSON."""
    return msgspec.json.encode(plain(value)).decode()


def decode(text: str | None) -> Any:
    """A value from JSON, with bytes and NaN as they were."""
    return None if text is None else _revived(msgspec.json.decode(text))


def text_of(value: Any) -> str:
    """A value as people read it: text as it is, all else as JSON."""
    return value if isinstance(value, str) else encode(value)


def plain(value: Any, depth: int = 0) -> Any:
    """A value of what JSON has; what is nested too deeply is left out."""
    match value:
        case str() | bool() | int() | None:
            return value
        case float():
            return value if math.isfinite(value) else {"doubleValue": _name(value)}
        case bytes():
            return {"bytesValue": base64.b64encode(value).decode()}
        case Mapping() if depth < _DEPTH_MAX:
            return {str(key): plain(item, depth + 1) for key, item in value.items()}
        case list() | tuple() if depth < _DEPTH_MAX:
            return [plain(item, depth + 1) for item in value]
        case Mapping() | list() | tuple():
            return _TOO_DEEP
    return str(value)


def _name(value: float) -> str:
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def _revived(value: Any) -> Any:
    if isinstance(value, dict):
        if len(value) == 1:
            match value:
                case {"bytesValue": str() as text}:
                    return _bytes(value, text)
                case {"doubleValue": "NaN" | "Infinity" | "-Infinity" as name}:
                    return float(name)
        return {key: _revived(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_revived(item) for item in value]
    return value


def _bytes(value: dict[str, Any], text: str) -> Any:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return value


def cut_object(values: Mapping[str, Any], name: str) -> tuple[str | None, Cut]:
    """A mapping as JSON within the bounds, and what had to be cut, by ``name`` and key."""
    if not values:
        return None, {}
    kept = {str(key): plain(value) for key, value in values.items()}
    text = msgspec.json.encode(kept)
    if len(text) <= VALUE_CHARS_MAX:
        return text.decode(), {}
    cut: Cut = {}
    sizes = {}
    for key, value in kept.items():
        whole = _text(value)
        sizes[key] = len(whole)
        if len(whole) > VALUE_CHARS_MAX:
            _shorten(kept, key, whole, VALUE_CHARS_MAX, f"{name}.{key}", cut)
            sizes[key] = VALUE_CHARS_MAX
    excess = sum(sizes.values()) + sum(map(len, sizes)) - ALL_CHARS_MAX
    for key in sorted(sizes, key=lambda key: -sizes[key]):
        if excess <= 0 or sizes[key] <= SHORT_CHARS:
            break
        whole = _text(plain(values[key]))
        _shorten(kept, key, whole, SHORT_CHARS, f"{name}.{key}", cut)
        excess -= sizes[key] - SHORT_CHARS
    if excess > 0:
        cut = {name: msgspec.json.encode({key: plain(item) for key, item in values.items()})}
        kept = _first(kept)
    return msgspec.json.encode(kept).decode(), cut


def _shorten(kept: dict[str, Any], key: str, whole: str, chars: int, name: str, cut: Cut) -> None:
    """Keep the beginning of a value; whole, it is stored as the JSON that it is."""
    cut.setdefault(name, msgspec.json.encode(kept[key]))
    kept[key] = whole[:chars]


def _first(kept: dict[str, Any]) -> dict[str, Any]:
    """The entries that fit."""
    room = ALL_CHARS_MAX
    result = {}
    for key, value in kept.items():
        room -= len(key) + len(_text(value)) + 6
        if room < 0:
            break
        result[key] = value
    return result


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def cut_list(values: Sequence[Any], name: str) -> tuple[str | None, Cut]:
    """A list as JSON, its first entries where all of it is too long, and all of it then."""
    if not values:
        return None, {}
    parts = [msgspec.json.encode(plain(value)) for value in values]
    if sum(map(len, parts)) <= VALUE_CHARS_MAX:
        return (b"[" + b",".join(parts) + b"]").decode(), {}
    room, kept = VALUE_CHARS_MAX, []
    for part in parts:
        room -= len(part) + 1
        if room < 0:
            break
        kept.append(part)
    return (b"[" + b",".join(kept) + b"]").decode(), {name: b"[" + b",".join(parts) + b"]"}
