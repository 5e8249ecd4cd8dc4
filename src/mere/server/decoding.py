"""From what a request holds to the struct its operation wants, the lax way clients need.

Numbers may come as text (`"5"` for 5), as protobuf's JSON sends what does not fit a double. NaN
and the infinities may come as text or as the bare tokens that Python's JSON writes. Names that are
not known are ignored.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, TypeVar, cast, get_args, get_origin

import msgspec

from mere.errors import ErrorCode, InvalidInput

__all__ = ["decode_json", "decode_query"]

_T = TypeVar("_T")


def decode_json(kind: type[_T], body: bytes, more: Mapping[str, str] | None = None) -> _T:
    """Decode a JSON body; an empty one counts as an empty object.

    Args:
        kind: The struct wanted.
        body: The JSON.
        more: Fields that go before those of the body, as a path's parameters do.

    Raises:
        InvalidInput: It is no JSON, or does not fit; names where.
    """
    if more:
        given = decode_json(dict[str, Any], body)
        return _converted({**given, **more}, kind)
    try:
        decoded: _T = _decoder(cast("Any", kind)).decode(body or b"{}")
        return decoded
    except msgspec.ValidationError as error:
        raise _misfit(error) from error
    except RecursionError as error:
        raise _too_deep() from error
    except UnicodeDecodeError as error:
        raise _no_json(error) from error
    except msgspec.DecodeError as error:
        if b"NaN" not in body and b"Infinity" not in body:
            raise _no_json(error) from error
    try:
        given = json.loads(body)
        # Python reads half a surrogate pair, which no text of ours can hold.
        json.dumps(given, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise _no_json(error) from error
    return _converted(given, kind)


def decode_query(kind: type[_T], pairs: Iterable[tuple[str, str]]) -> _T:
    """Decode a query string; repeated names make up lists.

    Raises:
        InvalidInput: A value does not fit; names where.
    """
    lists = _list_fields(cast("Any", kind))
    given: dict[str, Any] = {}
    for name, value in pairs:
        if name in lists:
            given.setdefault(name, []).append(value)
        else:
            given[name] = value
    return _converted(given, kind)


def _converted(given: Any, kind: type[_T]) -> _T:
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _misfit(error) from error
    except RecursionError as error:
        raise _too_deep() from error


@cache
def _decoder(kind: Any) -> Any:
    return msgspec.json.Decoder(kind, strict=False)


@cache
def _list_fields(kind: Any) -> frozenset[str]:
    fields = msgspec.structs.fields(kind) if issubclass(kind, msgspec.Struct) else ()
    return frozenset(field.encode_name for field in fields if _is_list(field.type))


def _is_list(kind: Any) -> bool:
    return get_origin(kind) in (list, tuple, set, frozenset) or any(map(_is_list, get_args(kind)))


def _misfit(error: Exception) -> InvalidInput:
    return InvalidInput(ErrorCode.INVALID_VALUE, f"the request does not fit: {error}")


def _too_deep() -> InvalidInput:
    return InvalidInput(ErrorCode.INVALID_VALUE, "the request's body is nested too deeply")


def _no_json(error: Exception) -> InvalidInput:
    return InvalidInput(ErrorCode.INVALID_VALUE, f"the request's body is no JSON: {error}")
