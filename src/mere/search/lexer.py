"""Text becomes tokens: names, values, operators, words and punctuation.

A name is one token together with its prefix and its quotes (``metrics.`val loss```), because what
may stand in a bare key depends on the prefix before it: behind a dot everything does but spaces,
quotes, operators, parentheses and commas, so ``metrics.val/loss`` needs no quotes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from mere.search.source import Source
from mere.search.syntax import Span

__all__ = ["Kind", "Token", "tokens"]

_SPACE = re.compile(r"\s+")
_NUMBER = re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_TAIL = re.compile(r"[^\W\d]\w*")
_WORD = re.compile(r"[^\W\d]\w*")
_KEY = re.compile(r"[^\s()'\"`,=!<>~;]+")
_OPERATOR = re.compile(r"<=|>=|<>|!=|==|=~|!~|[=<>]")
_QUOTES = "'\"`"


class Kind(Enum):
    """What a token is."""

    NAME = auto()  # with a prefix, or in backquotes: never a word of the language
    WORD = auto()  # AND, IN, now, …, or an attribute
    TEXT = auto()
    NUMBER = auto()
    DURATION = auto()
    OPERATOR = auto()
    MARK = auto()  # ( ) , + -
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """A token.

    Args:
        kind: What it is.
        text: A word as it stands, the content of a text, the key of a name, an operator.
        span: Where it stands.
        prefix: What stands before the dot of a name.
        quote: The quote around a text.
    """

    kind: Kind
    text: str
    span: Span
    prefix: str | None = None
    quote: str = ""

    @property
    def word(self) -> str:
        """The word in upper case, where it is one."""
        return self.text.upper() if self.kind is Kind.WORD else ""


def tokens(source: Source) -> list[Token]:
    """Take the text apart; the last token is the end.

    Raises:
        InvalidInput: A quote is not closed, or a character means nothing here.
    """
    found: list[Token] = []
    text, at = source.text, 0
    while True:
        if space := _SPACE.match(text, at):
            at = space.end()
        if at == len(text):
            found.append(Token(Kind.END, "", Span(at, at)))
            return found
        token = _next(source, at)
        found.append(token)
        at = token.span.end


def _next(source: Source, at: int) -> Token:
    letter = source.text[at]
    if letter in "'\"":
        content, end = _quoted(source, at)
        return Token(Kind.TEXT, content, Span(at, end), quote=letter)
    if letter == "`":
        content, end = _quoted(source, at)
        return _name(source, at, content, end) or Token(Kind.NAME, content, Span(at, end))
    if number := _NUMBER.match(source.text, at):
        return _number(source, number)
    if word := _WORD.match(source.text, at):
        end = word.end()
        return _name(source, at, word[0], end) or Token(Kind.WORD, word[0], Span(at, end))
    if operator := _OPERATOR.match(source.text, at):
        return Token(Kind.OPERATOR, operator[0], Span(at, operator.end()))
    if letter in "(),+-":
        return Token(Kind.MARK, letter, Span(at, at + 1))
    advice = " (there is one filter, and no end of statement)" if letter == ";" else ""
    raise source.refuse(Span(at, at + 1), f"{letter!r} means nothing here{advice}")


def _name(source: Source, start: int, prefix: str, at: int) -> Token | None:
    """The name with this prefix, if a key follows: ``.key``, ``.`key```, ``['key']``."""
    text = source.text
    if text.startswith("[", at) and text[at + 1 : at + 2] in ("'", '"'):
        key, end = _quoted(source, at + 1)
        if not text.startswith("]", end):
            raise source.refuse(Span(end, end + 1), "expected ] behind the key")
        return Token(Kind.NAME, key, Span(start, end + 1), prefix)
    if not text.startswith(".", at):
        return None
    at += 1
    if text[at : at + 1] and text[at] in _QUOTES:
        key, end = _quoted(source, at)
    elif bare := _KEY.match(text, at):
        key, end = bare[0], bare.end()
    else:
        raise source.refuse(
            Span(start, at), f"expected a key behind {prefix}., such as {prefix}.key"
        )
    return Token(Kind.NAME, key, Span(start, end), prefix)


def _number(source: Source, number: re.Match[str]) -> Token:
    tail = _TAIL.match(source.text, number.end())
    end = tail.end() if tail else number.end()
    text = source.text[number.start() : end]
    return Token(Kind.DURATION if tail else Kind.NUMBER, text, Span(number.start(), end))


def _quoted(source: Source, at: int) -> tuple[str, int]:
    """What stands in quotes, a doubled quote being one of its characters, and where it ends."""
    quote = source.text[at]
    parts: list[str] = []
    start = at + 1
    while True:
        end = source.text.find(quote, start)
        if end < 0:
            raise source.refuse(Span(at, len(source.text)), f"this {quote} is not closed")
        parts.append(source.text[start:end])
        if not source.text.startswith(quote, end + 1):
            return quote.join(parts), end + 1
        start = end + 2
