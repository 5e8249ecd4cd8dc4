"""Queries that people read and run themselves: values in place of parameters, and short lines.

What is compiled has a parameter for every key and value. Somebody who is to go on with a query
needs it whole: the same text with a literal in place of each parameter. Nothing is lost by that: a
text of a filter becomes a literal of SQL and cannot become anything else, and whoever runs the
query may read what he may read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

__all__ = ["laid_out", "quoted", "with_values"]

_WIDTH = 96
_INDENT = "  "
_QUOTED = r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\""
_PARAMETER = re.compile(rf"{_QUOTED}|make_timestamptz\(\$(\w+)::bigint\)|\$(\w+)")
_WORDS = re.compile(rf"(?:{_QUOTED}|[^\s'\"])+")
_BETWEEN = re.compile(r"(?<=\)), (?=\w+ as \()")
"""Between two common table expressions."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS_EXACT = 15
"""A decimal number of so many digits is the same double, wherever it is read."""


def with_values(query: str, values: Mapping[str, Any]) -> str:
    """A query with a literal in place of each parameter; ``$now_us`` becomes the time it runs.

    Args:
        query: SQL whose texts are our own, with ``$name`` for all else.
        values: The parameters.
    """

    def put(found: re.Match[str]) -> str:
        moment, name = found[1], found[2]
        if moment is not None:
            return _moment(values[moment])
        if name is None:
            return found[0]
        return "epoch_us(now())" if name == "now_us" else _literal(values[name])

    return _PARAMETER.sub(put, query)


def quoted(name: str) -> str:
    """A name of a column as SQL writes it, whatever it is."""
    return '"' + name.replace('"', '""').replace("\0", " ") + '"'


def laid_out(
    *, relation: str, columns: Sequence[str], of: str, conditions: Sequence[str], order: str
) -> str:
    """A query in lines of a readable width, a column and a condition on each; quotes stay whole.

    Args:
        relation: Common table expressions.
        columns: What to select.
        of: The relation to select it from.
        conditions: All of which must hold.
        order: What to sort by.
    """
    parts = [
        ("with", _BETWEEN.split(relation), ","),
        ("select", columns, ","),
        (f"from {of}\nwhere", conditions, " and"),
        ("order by", [order], ""),
    ]
    lines = []
    for word, texts, between in parts:
        lines += [word, f"{between}\n".join(_folded(text) for text in texts)]
    return "\n".join(lines)


def _folded(text: str) -> str:
    lines = [_INDENT]
    for word in _WORDS.findall(text):
        if len(lines[-1]) + 1 + len(word) > _WIDTH and lines[-1] != _INDENT:
            lines.append(_INDENT)
        lines[-1] += word if lines[-1] == _INDENT else f" {word}"
    return "\n".join(lines)


def _moment(microseconds: int) -> str:
    try:
        at = _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        return f"make_timestamptz({int(microseconds)}::bigint)"
    return f"timestamptz '{at:%Y-%m-%d %H:%M:%S.%f}+00'"


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_literal, value))}]" if value else "[]::varchar[]"
    text = str(value).replace("'", "''")
    if "\0" not in text:
        return f"'{text}'"
    return "(" + " || chr(0) || ".join(f"'{part}'" for part in text.split("\0")) + ")"


def _number(value: float) -> str:
    if not math.isfinite(value):
        return f"'{value}'::double"
    text = repr(value)
    is_exact = "e" in text or sum(letter.isdigit() for letter in text) <= _DIGITS_EXACT
    return text if is_exact else f"{text}e0"
