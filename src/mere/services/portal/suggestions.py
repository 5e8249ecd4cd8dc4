"""Suggestions for the query bar: what may stand at the cursor, and what is wrong where.

The text before the cursor is read word by word, as far as it can be; whether a name, an operator,
a value or a conjunction comes next follows from what stands before it. Keys and values are those
that runs or traces have, with how many have them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from mere.errors import InvalidInput
from mere.search.binding import Field, bind_name
from mere.search.lexer import Kind, Token, tokens
from mere.search.parser import parse_filter
from mere.search.schema import RUNS, Entity, Related, Type
from mere.search.source import Source
from mere.search.sql import Parameters, compile_filter
from mere.search.syntax import Name

if TYPE_CHECKING:
    from mere.services.portal.key_catalogue import KeyCatalogue
    from mere.services.portal.windows import Windows

__all__ = ["Known", "KnownRuns", "Problem", "Suggestion", "SuggestionPage", "Suggestions"]

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
        runs: How many runs, or traces, have it, where that is known.
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


class Known(Protocol):
    """What there is of something that can be searched."""

    entity: Entity

    def keys(self, column: str, experiments: Sequence[str] | None) -> Mapping[str, int | None]:
        """The keys of a map, with how many rows have each, where that is known."""

    def related_keys(
        self, related: Related, experiments: Sequence[str] | None
    ) -> Mapping[str, int | None]:
        """The keys that are not known beforehand of what belongs to rows."""

    def values(
        self, field: Field, experiments: Sequence[str] | None, begin: str, limit: int
    ) -> list[tuple[Any, int | None]]:
        """The values of a field that hold a text, those that most rows have first."""


class KnownRuns:
    """What there is of runs.

    Args:
        keys: The keys there are.
        windows: The values there are.
    """

    entity = RUNS

    def __init__(self, keys: KeyCatalogue, windows: Windows) -> None:
        self._keys = keys
        self._windows = windows

    def keys(self, column: str, experiments: Sequence[str] | None) -> Mapping[str, int | None]:
        """The keys of metrics, params or tags."""
        return {**self._keys.of_experiments(column, experiments)}

    def related_keys(
        self,
        related: Related,  # noqa: ARG002 - runs have none
        experiments: Sequence[str] | None,  # noqa: ARG002
    ) -> Mapping[str, int | None]:
        """None: what belongs to runs has no such keys."""
        return {}

    def values(
        self, field: Field, experiments: Sequence[str] | None, begin: str, limit: int
    ) -> list[tuple[Any, int | None]]:
        """Values of a run's own fields."""
        if field.related is not None:
            return []
        return [*self._windows.values(field, experiments, begin, limit)]


class Suggestions:
    """Suggestions for filters.

    Args:
        known: What there is, by what is searched: ``runs`` and ``traces``.
    """

    def __init__(self, known: Mapping[str, Known]) -> None:
        self._known = known

    def read(
        self,
        text: str,
        at: int | None = None,
        experiments: Sequence[str] | None = None,
        of: str = "runs",
    ) -> SuggestionPage:
        """What may stand at a place of a filter.

        Args:
            text: The filter, however far it was written.
            at: Where the cursor is; by default, at the end.
            experiments: Whose keys and values to suggest.
            of: What is searched: ``runs`` or ``traces``.
        """
        known = self._known[of]
        cursor = len(text) if at is None else max(0, min(at, len(text)))
        done, start = _words(text[:cursor])
        items = _Items(known, experiments, text[start:cursor]).behind(done)
        return SuggestionPage(start, cursor, list(items)[:_LIMIT], _problem(known.entity, text))


class _Items:
    """What may be put in for a word."""

    def __init__(self, known: Known, experiments: Sequence[str] | None, word: str) -> None:
        self._known = known
        self._experiments = experiments
        self._word = word

    def behind(self, done: list[Token]) -> Iterable[Suggestion]:
        """What may stand behind the words before it."""
        word, entity = self._word, self._known.entity
        last = done[-1] if done else None
        if last is None or last.word in (*_CONJUNCTIONS, "NOT") or last.text == "(":
            return self._names()
        if last.kind in (Kind.NAME, Kind.WORD) and last.word not in _OPERATORS | {"NULL", "NAN"}:
            return _starting(word, _operators(entity, last), "operator")
        if last.word == "IS":
            return _starting(word, ("NULL", "NOT NULL", "NAN", "NOT NAN"), "word")
        is_operator = last.kind is Kind.OPERATOR or last.word in _OPERATORS - {"IS"}
        name = _name_before(done)
        if (is_operator or last.text == ",") and name is not None:
            return self._values(name)
        return _starting(word, _CONJUNCTIONS, "word")

    def _names(self) -> Iterable[Suggestion]:
        entity, word = self._known.entity, self._word
        prefix, dot, begin = word.partition(".")
        begin = begin.strip("`\"'")
        for family in entity.families:
            if dot and prefix in family.prefixes:
                keys = self._known.keys(family.column, self._experiments)
                return _keys(keys, f"{prefix}.", begin, family.prefixes[0])
        for related in entity.related:
            if dot and prefix in related.prefixes:
                return self._related(related, prefix, begin)
        shown = [Suggestion(a.name, "name", a.doc) for a in entity.attributes]
        for family in entity.families:
            first = family.prefixes[0]
            shown.append(Suggestion(f"{first}.", "name", f"one of the {first}"))
        for related in entity.related:
            first = related.prefixes[0]
            shown.append(Suggestion(f"{first}.", "name", f"of any {first} that belongs to it"))
        return [one for one in shown if one.text.startswith(word.lower())]

    def _related(self, related: Related, prefix: str, begin: str) -> Iterable[Suggestion]:
        shown = [f"{prefix}.{name}" for name in related.keys]
        found = [Suggestion(one, "name") for one in shown if one.startswith(f"{prefix}.{begin}")]
        if related.open_keys is None:
            return found
        opening = related.open_keys[0]
        if not begin.startswith(opening):
            opened = f"{prefix}.{opening}"
            more = [Suggestion(opened, "name")] if opened.startswith(f"{prefix}.{begin}") else []
            return [*found, *more]
        keys = self._known.related_keys(related, self._experiments)
        return [*found, *_keys(keys, f"{prefix}.{opening}", begin.removeprefix(opening), prefix)]

    def _values(self, name: Token) -> Iterable[Suggestion]:
        field, word = _field(self._known.entity, name), self._word
        if field is None:
            return []
        if field.type is Type.TIME:
            return _starting(
                word, ("now() - 1h", "now() - 1d", "now() - 7d", "now() - 30d"), "value"
            )
        if field.type not in (Type.TEXT, Type.LOGGED, Type.STATUS):
            return []
        values = self._known.values(field, self._experiments, word.strip("'\""), _LIMIT)
        return [
            Suggestion("'" + str(value).replace("'", "''") + "'", "value", "", count)
            for value, count in values
        ]


def _keys(keys: Mapping[str, int | None], before: str, begin: str, detail: str) -> list[Suggestion]:
    """The keys that hold a text, those that begin with it and that most have first."""
    lower = begin.lower()
    found = [key for key in keys if lower in key.lower()]
    found.sort(key=lambda key: (not key.lower().startswith(lower), -(keys[key] or 0), key))
    return [
        Suggestion(f"{before}{_written(key)}", "key", detail, keys[key]) for key in found[:_LIMIT]
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


def _operators(entity: Entity, name: Token) -> tuple[str, ...]:
    field = _field(entity, name)
    if field is None or field.type in (Type.TEXT, Type.STATUS):
        return _TEXTS
    return (*_NUMBERS, "LIKE", "ILIKE", "=~") if field.type is Type.LOGGED else _NUMBERS


def _field(entity: Entity, token: Token) -> Field | None:
    name = Name(token.prefix, token.text, None, token.span)
    try:
        return bind_name(entity, name, Source("", "filter"))
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


def _problem(entity: Entity, text: str) -> Problem | None:
    try:
        parse_filter(text)
        compile_filter(entity, text, Parameters(0))
    except InvalidInput as error:
        start, end = error.details.get("start", 0), error.details.get("end", len(text))
        message = error.message.splitlines()[0].removeprefix("filter: ")
        return Problem(start, max(end, start + 1), message)
    return None
