"""Pages: what comes behind the last row of the page before, by the values it is ordered by.

A page begins behind a row, not at a number, so rows that are added or removed meanwhile shift
nothing: no row comes twice, and none that was there is left out. A row whose own order value
changes between two pages moves, as it does in the order.

A token holds the row's order values and the time of the first page, by which all pages reckon
``now()``. It is checked against the query it was made for.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from mere.errors import ErrorCode, InvalidInput
from mere.search.sql import OrderTerm, Parameters

__all__ = ["Cursor", "after", "order_by", "read_token", "write_token"]

_VERSION = 1
_CHECK_BYTES = 12
_VALUE, _NAN, _NULL = 0, 1, 2
_TOKEN_CHARS_MAX = 100_000


@dataclass(frozen=True)
class Cursor:
    """Where a page ended.

    Args:
        now_us: What time it was at the first page.
        values: The last row's values of all keys it is ordered by.
    """

    now_us: int
    values: tuple[str | int | float | None, ...]


def order_by(terms: Sequence[OrderTerm], names: Sequence[str]) -> str:
    """The ORDER BY over columns that hold the terms' values: NaN and what is missing come last."""
    parts = []
    for term, name in zip(terms, names, strict=True):
        parts += [_rank(term, name), f"{name} {'desc' if term.is_descending else 'asc'}"]
    return ", ".join(parts)


def after(
    terms: Sequence[OrderTerm], names: Sequence[str], cursor: Cursor, parameters: Parameters
) -> str:
    """The condition of rows that come behind a cursor."""
    condition = "false"
    for term, name, value in reversed(list(zip(terms, names, cursor.values, strict=True))):
        rank, known = _rank(term, name), _rank_of(value)
        beyond, same = f"{rank} > {known}", f"{rank} = {known}"
        if known == _VALUE:
            given = parameters.add(value)
            side = "<" if term.is_descending else ">"
            beyond = f"{beyond} or {same} and {name} {side} {given}"
            same = f"{same} and {name} = {given}"
        condition = f"({beyond} or {same} and {condition})"
    return condition


def _rank(term: OrderTerm, name: str) -> str:
    nan = f"when isnan({name}) then {_NAN} " if term.is_float else ""
    return f"case when {name} is null then {_NULL} {nan}else {_VALUE} end"


def _rank_of(value: object) -> int:
    if value is None:
        return _NULL
    return _NAN if isinstance(value, float) and math.isnan(value) else _VALUE


def write_token(query: object, cursor: Cursor) -> str:
    """A token for the page behind a cursor, good for this query alone.

    Args:
        query: All that says which rows there are and in which order, as plain values.
        cursor: Where the page ended.
    """
    body = msgspec.msgpack.encode((_VERSION, cursor.now_us, cursor.values))
    return base64.urlsafe_b64encode(_check(query, body) + body).decode().rstrip("=")


def read_token(query: object, token: str, terms: Sequence[OrderTerm]) -> Cursor:
    """Read a token.

    Raises:
        InvalidInput: It is none, or one of another query.
    """
    try:
        if len(token) > _TOKEN_CHARS_MAX:
            raise _refused()
        data = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        body = data[_CHECK_BYTES:]
        if data[:_CHECK_BYTES] != _check(query, body):
            raise _refused()
        version, now_us, values = msgspec.msgpack.decode(
            body, type=tuple[int, int, tuple[str | int | float | None, ...]]
        )
    except (TypeError, ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise _refused() from error
    if version != _VERSION or len(values) != len(terms):
        raise _refused()
    return Cursor(now_us, values)


def _check(query: Any, body: bytes) -> bytes:
    digest = hashlib.blake2b(body, digest_size=_CHECK_BYTES)
    digest.update(msgspec.msgpack.encode(query))
    return digest.digest()


def _refused() -> InvalidInput:
    return InvalidInput(
        ErrorCode.INVALID_VALUE,
        "page token is not one that this query gave: pass next_page_token as it was, with the "
        "same filter, order and experiments, or none for the first page",
    )
