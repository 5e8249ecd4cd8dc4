"""Suggestions for the query bar: what may stand at the cursor, and what is wrong where.

The text before the cursor is read word by word, as far as it can be; whether a name, an operator,
a value or a conjunction comes next follows from what stands before it. Keys and values are those
that runs have, with how many have them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from mere.errors import InvalidInput
from mere.search.binding import Field, bind_name
from mere.search.lexer import Kind, Token, tokens
from mere.search.parser import parse_filter
from mere.search.schema import RUNS, Type
from mere.search.source import Source
from mere.search.sql import Parameters, compile_filter
from mere.search.syntax import Name

if TYPE_CHECKING:
    from mere.services.portal.key_catalogue import KeyCatalogue
    from mere.services.portal.windows import Windows

__all__ = ["Problem", "Suggestion", "SuggestionPage", "Suggestions"]

_LIMIT = 50
_CONJUNCTIONS = ("AND", "OR")
_NUMBERS = ("=", "!=", "<", "<=", ">", ">=", "BETWEEN", "IN", "IS NULL", "IS NOT NULL")
_TEXTS = ("=", "!=", "LIKE", "ILIKE", "=~", "!~", "IN", "IS NULL", "IS NOT NULL")
_OPERATORS = frozenset({"LIKE", "ILIKE", "IN", "BETWEEN", "RLIKE", "IS"})
_BARE = re.compile(r"[^\s()'\"`,=!<>~;]+")


class Suggestion(msgspec.Struct):
    """What may stand at the cursor.

    Args:
        text: What is put in.
        kind: ``name``, ``key``, ``operator``, ``value`` or ``word``.
        detail: What it is.
        runs: How many runs have it, where that is known.
    """

    text: str
    kind: str
    detail: str = ""
    runs: int | None = None


class Problem(msgspec.Struct):
    """What is wrong with the text.

    Args:
        start: Where what is wrong begins.
        end: Where it ends.
        message: What is wrong, and what to do.
    """

    start: int
    end: int
    message: str


class SuggestionPage(msgspec.Struct):
    """What may stand at the cursor.

    Args:
        start: What is put in replaces the text from here
        end: to here.
        items: What may be put in, the likeliest first.
        problem: What is wrong with the whole text; None where it is a filter.
    """

    start: int
    end: int
    items: list[Suggestion]
    problem: Problem | None


class Suggestions:
    """Suggestions for filters of runs.

    Args:
        keys: The keys there are.
        windows: The values there are.
    """

    def __init__(self, keys: KeyCatalogue, windows: Windows) -> None:
        self._keys = keys
        self._windows = windows

    def read(
        self, text: str, at: int | None = None, experiments: Sequence[str] | None = None
    ) -> SuggestionPage:
        """What may stand at a place of a filter.

        Args:
            text: The filter, however far it was written.
            at: Where the cursor is; by default, at the end.
            experiments: Whose keys and values to suggest.
        """
        cursor = len(text) if at is None else max(0, min(at, len(text)))
        done, start = _words(text[:cursor])
        word = text[start:cursor]
        items = list(self._items(done, word, experiments))[:_LIMIT]
        return SuggestionPage(start, cursor, items, _problem(text))

    def _items(
        self, done: list[Token], word: str, experiments: Sequence[str] | None
    ) -> Iterable[Suggestion]:
        last = done[-1] if done else None
        if last is None or last.word in (*_CONJUNCTIONS, "NOT") or last.text == "(":
            return self._names(word, experiments)
        if last.kind in (Kind.NAME, Kind.WORD) and last.word not in _OPERATORS | {"NULL", "NAN"}:
            return _starting(word, _operators(last), "operator")
        if last.word == "IS":
            return _starting(word, ("NULL", "NOT NULL", "NAN", "NOT NAN"), "word")
        is_operator = last.kind is Kind.OPERATOR or last.word in _OPERATORS - {"IS"}
        name = _name_before(done)
        if (is_operator or last.text == ",") and name is not None:
            return self._values(name, word, experiments)
        return _starting(word, _CONJUNCTIONS, "word")

    def _names(self, word: str, experiments: Sequence[str] | None) -> Iterable[Suggestion]:
        prefix, dot, begin = word.partition(".")
        for family in RUNS.families:
            if dot and prefix in family.prefixes:
                return self._family_keys(family.column, prefix, begin.strip("`\"'"), experiments)
        shown = [Suggestion(a.name, "name", a.doc) for a in RUNS.attributes]
        shown += [
            Suggestion(f"{f.prefixes[0]}.", "name", f"one of the {f.column}") for f in RUNS.families
        ]
        return [one for one in shown if one.text.startswith(word.lower())]

    def _family_keys(
        self, family: str, prefix: str, begin: str, experiments: Sequence[str] | None
    ) -> Iterable[Suggestion]:
        keys = self._keys.of_experiments(family, experiments)
        lower = begin.lower()
        found = [key for key in keys if lower in key.lower()]
        found.sort(key=lambda key: (not key.lower().startswith(lower), -keys[key], key))
        return [
            Suggestion(f"{prefix}.{_written(key)}", "key", family, keys[key])
            for key in found[:_LIMIT]
        ]

    def _values(
        self, name: Token, word: str, experiments: Sequence[str] | None
    ) -> Iterable[Suggestion]:
        field = _field(name)
        if field is None or field.related is not None:
            return []
        if field.type is Type.TIME:
            return _starting(
                word, ("now() - 1h", "now() - 1d", "now() - 7d", "now() - 30d"), "value"
            )
        if field.type not in (Type.TEXT, Type.LOGGED, Type.STATUS):
            return []
        begin = word.strip("'\"")
        values = self._windows.values(field, experiments, begin, _LIMIT)
        return [
            Suggestion("'" + str(value).replace("'", "''") + "'", "value", "", runs)
            for value, runs in values
        ]


def _words(text: str) -> tuple[list[Token], int]:
    """The whole words of a text, and where the one that is being written begins."""
    start, quote = len(text), ""
    for index, letter in enumerate(text):
        if not quote and letter in "'\"`":
            start, quote = index, letter
        elif letter == quote:
            start, quote = len(text), ""
    if not quote or text[max(0, start - 1) : start] == ".":
        while start and _BARE.fullmatch(text[start - 1]):
            start -= 1
    try:
        found = list(tokens(Source(text[:start], "filter")))
    except InvalidInput:
        return [], start
    return [token for token in found if token.kind is not Kind.END], start


def _operators(name: Token) -> tuple[str, ...]:
    field = _field(name)
    if field is None or field.type in (Type.TEXT, Type.STATUS):
        return _TEXTS
    return (*_NUMBERS, "LIKE", "ILIKE", "=~") if field.type is Type.LOGGED else _NUMBERS


def _field(token: Token) -> Field | None:
    name = Name(token.prefix, token.text, None, token.span)
    try:
        return bind_name(RUNS, name, Source("", "filter"))
    except InvalidInput:
        return None


def _name_before(done: list[Token]) -> Token | None:
    """The name that the last comparison begins with."""
    for token in reversed(done):
        is_word = token.kind is Kind.WORD and token.word not in _OPERATORS | {"NOT", *_CONJUNCTIONS}
        if token.kind is Kind.NAME or is_word:
            return token
    return None


def _starting(word: str, texts: Iterable[str], kind: str) -> list[Suggestion]:
    return [Suggestion(text, kind) for text in texts if text.lower().startswith(word.lower())]


def _written(key: str) -> str:
    """A key as it is written behind a prefix: in backquotes, where it has to be."""
    return key if _BARE.fullmatch(key) else f"`{key.replace('`', '``')}`"


def _problem(text: str) -> Problem | None:
    try:
        parse_filter(text)
        compile_filter(RUNS, text, Parameters(0))
    except InvalidInput as error:
        start, end = error.details.get("start", 0), error.details.get("end", len(text))
        message = error.message.splitlines()[0].removeprefix("filter: ")
        return Problem(start, max(end, start + 1), message)
    return None
