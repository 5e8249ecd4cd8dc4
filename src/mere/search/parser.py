"""Tokens become a tree, by recursive descent with a limit on its depth.

Words of the language are known by where they stand and in any case, so that an attribute, a key
or a value may be called like one.
"""

from __future__ import annotations

from collections.abc import Sequence

from mere.errors import ErrorCode, InvalidInput
from mere.search.lexer import Kind, Token, tokens
from mere.search.source import Source
from mere.search.syntax import (
    And,
    Comparison,
    Condition,
    Literal,
    LiteralKind,
    Name,
    Not,
    Operator,
    Or,
    OrderKey,
    Span,
)

__all__ = [
    "FILTER_CHARS_MAX",
    "NESTING_MAX",
    "ORDER_KEYS_MAX",
    "TERMS_MAX",
    "VALUES_MAX",
    "parse_duration",
    "parse_filter",
    "parse_order",
]

FILTER_CHARS_MAX = 200_000
TERMS_MAX = 200
NESTING_MAX = 50
VALUES_MAX = 5_000
ORDER_KEYS_MAX = 20
_TEXT_CHARS_MAX = 10_000
_LONG_MAX = 2**63 - 1
_SECOND_US = 1_000_000
_UNITS_US = {
    "ms": 1_000,
    "s": _SECOND_US,
    "m": 60 * _SECOND_US,
    "h": 3_600 * _SECOND_US,
    "d": 86_400 * _SECOND_US,
    "w": 7 * 86_400 * _SECOND_US,
}
_DURATION_US_MAX = 100_000 * 86_400 * _SECOND_US
_SYNONYMS = {"<>": Operator.UNEQUAL, "==": Operator.EQUAL}
_NEGATED = {
    Operator.LIKE: Operator.NOT_LIKE,
    Operator.ILIKE: Operator.NOT_ILIKE,
    Operator.IN: Operator.NOT_IN,
    Operator.BETWEEN: Operator.NOT_BETWEEN,
}
_RESERVED = frozenset({"AND", "OR", "NOT", "IN", "IS", "LIKE", "ILIKE", "BETWEEN"})
_OPERATORS = "=, !=, <, <=, >, >=, =~, !~, LIKE, ILIKE, IN, BETWEEN or IS"


def parse_filter(text: str) -> tuple[Condition | None, Source]:
    """Parse a filter; an empty one has no condition.

    Raises:
        InvalidInput: It is no filter, or beyond a limit.
    """
    source = Source(_checked(text, "filter"), "filter")
    parser = _Parser(source)
    return (None if parser.is_at_end else parser.filter()), source


def parse_order(order: str | Sequence[str] | None) -> list[tuple[OrderKey, Source]]:
    """Parse what to sort by: keys with ASC or DESC, in one text or several.

    Raises:
        InvalidInput: A text is no such list, or there are too many keys.
    """
    texts = [order] if isinstance(order, str) else list(order or ())
    keys: list[tuple[OrderKey, Source]] = []
    for text in texts:
        source = Source(_checked(text, "order"), "order")
        parser = _Parser(source)
        if not parser.is_at_end:
            keys += ((key, source) for key in parser.order())
    if len(keys) > ORDER_KEYS_MAX:
        raise InvalidInput(
            ErrorCode.LIMIT_EXCEEDED,
            f"order has {len(keys)} keys and may have {ORDER_KEYS_MAX}: leave some out",
            limit=ORDER_KEYS_MAX,
        )
    return keys


def parse_duration(text: str) -> int:
    """Read a duration such as ``30d`` or ``12h``; returns its microseconds.

    Raises:
        InvalidInput: It is none.
    """
    parser = _Parser(Source(_checked(text, "duration"), "duration"))
    return parser.duration()


def _checked(text: object, what: str) -> str:
    if not isinstance(text, str):
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"{what} is a {type(text).__name__}: pass a string"
        )
    if len(text) > FILTER_CHARS_MAX:
        raise InvalidInput(
            ErrorCode.LIMIT_EXCEEDED,
            f"{what} has {len(text):,} characters and may have {FILTER_CHARS_MAX:,}: shorten it",
            length=len(text),
            limit=FILTER_CHARS_MAX,
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        span = Span(error.start, error.end)
        raise Source(text, what).refuse(span, "half a surrogate pair is no Unicode text") from error
    return text


class _Parser:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._tokens = tokens(source)
        self._at = 0
        self._depth = 0
        self._terms = 0
        self._values = 0

    @property
    def is_at_end(self) -> bool:
        return self._token.kind is Kind.END

    def filter(self) -> Condition:
        condition = self._either()
        if not self.is_at_end:
            raise self._expected("AND, OR or the end")
        return condition

    def order(self) -> list[OrderKey]:
        keys = [self._order_key()]
        while self._takes(","):
            keys.append(self._order_key())
        if not self.is_at_end:
            raise self._expected("ASC, DESC, a comma or the end")
        return keys

    def duration(self) -> int:
        token = self._take()
        if token.kind is not Kind.DURATION or not self.is_at_end:
            raise self._expected("a duration such as 30d, 12h or 45m", token)
        return self._microseconds(token)

    # What stands next

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._token
        self._at += token.kind is not Kind.END
        return token

    def _takes(self, word: str) -> bool:
        """Take the next token if it is this word or mark."""
        token = self._token
        if token.word == word or (token.kind is Kind.MARK and token.text == word):
            self._at += 1
            return True
        return False

    def _must_take(self, word: str, where: str) -> Token:
        token = self._token
        if not self._takes(word):
            raise self._expected(f"{word} {where}")
        return token

    def _expected(self, what: str, token: Token | None = None) -> InvalidInput:
        token = token or self._token
        if token.kind is Kind.END:
            found = "the end"
        else:
            found = self._source.text[token.span.start : token.span.end]
        return self._source.refuse(token.span, f"expected {what}, found {_brief(found)}")

    # Conditions

    def _either(self) -> Condition:
        terms = [self._both()]
        while self._takes("OR"):
            terms.append(self._both())
        return terms[0] if len(terms) == 1 else Or(tuple(terms))

    def _both(self) -> Condition:
        terms = [self._one()]
        while self._takes("AND"):
            terms.append(self._one())
        return terms[0] if len(terms) == 1 else And(tuple(terms))

    def _one(self) -> Condition:
        token = self._token
        if token.word == "NOT":
            self._at += 1
            with_depth = self._deeper(token)
            term = Not(self._one())
            self._depth = with_depth
            return term
        if token.kind is Kind.MARK and token.text == "(":
            self._at += 1
            with_depth = self._deeper(token)
            condition = self._either()
            self._depth = with_depth
            self._must_take(")", "or AND, OR")
            return condition
        return self._comparison()

    def _deeper(self, token: Token) -> int:
        before = self._depth
        self._depth += 1
        if self._depth > NESTING_MAX:
            raise self._source.refuse(
                token.span, f"nested deeper than {NESTING_MAX}: take parentheses or NOTs away"
            )
        return before

    def _comparison(self) -> Comparison:
        name = self._name("a name, such as metrics.acc or status")
        self._terms += 1
        if self._terms > TERMS_MAX:
            raise self._source.refuse(
                name.span, f"more than {TERMS_MAX} comparisons: use IN, or ask in parts"
            )
        first = self._token
        operator = self._operator()
        values = self._operands(operator)
        last = self._tokens[self._at - 1]
        return Comparison(name, operator, values, first.span.to(last.span))

    def _operator(self) -> Operator:
        token = self._take()
        if token.kind is Kind.OPERATOR:
            return _SYNONYMS.get(token.text) or Operator(token.text)
        if token.word == "IS":
            is_not = self._takes("NOT")
            if self._takes("NULL"):
                return Operator.IS_NOT_NULL if is_not else Operator.IS_NULL
            if self._takes("NAN"):
                return Operator.IS_NOT_NAN if is_not else Operator.IS_NAN
            raise self._expected("NULL or NAN" if is_not else "NULL, NOT NULL, NAN or NOT NAN")
        if token.word == "RLIKE":
            return Operator.MATCHES
        is_not = token.word == "NOT"
        token = self._take() if is_not else token
        operator = next((o for o in _NEGATED if o == token.word), None)
        if operator is None:
            what = "LIKE, ILIKE, IN or BETWEEN behind NOT" if is_not else _OPERATORS
            raise self._expected(what, token)
        return _NEGATED[operator] if is_not else operator

    def _operands(self, operator: Operator) -> tuple[Literal, ...]:
        match operator:
            case Operator.IS_NULL | Operator.IS_NOT_NULL | Operator.IS_NAN | Operator.IS_NOT_NAN:
                return ()
            case Operator.IN | Operator.NOT_IN:
                return self._list(operator)
            case Operator.BETWEEN | Operator.NOT_BETWEEN:
                low = self._value(operator)
                self._must_take("AND", "between the two bounds")
                return low, self._value(operator)
            case _:
                return (self._value(operator),)

    def _list(self, operator: Operator) -> tuple[Literal, ...]:
        self._must_take("(", f"behind {operator}")
        values = [self._value(operator)]
        while self._takes(","):
            if self._token.kind is Kind.MARK and self._token.text == ")":
                break  # a comma behind the last value, as Python writes a tuple of one
            values.append(self._value(operator))
        self._must_take(")", "or a comma")
        return tuple(values)

    # Names and values

    def _name(self, what: str) -> Name:
        token = self._take()
        if token.kind is Kind.WORD and self._takes("("):
            inner = self._take()
            if inner.kind is not Kind.NAME:
                raise self._expected(f"{token.text}(metrics.acc) or the like", inner)
            end = self._must_take(")", f"behind the name in {token.text}(…)")
            return Name(inner.prefix, inner.text, token.text.lower(), token.span.to(end.span))
        is_quoted = token.kind is Kind.TEXT and token.quote == '"'
        if token.word in _RESERVED:
            raise self._expected(what, token)
        if token.kind in (Kind.NAME, Kind.WORD) or is_quoted:
            return Name(token.prefix, token.text, None, token.span)
        raise self._expected(what, token)

    def _value(self, operator: Operator) -> Literal:
        self._values += 1
        if self._values > VALUES_MAX:
            raise self._source.refuse(
                self._token.span, f"more than {VALUES_MAX} values: ask in parts"
            )
        token = self._token
        if token.kind is Kind.TEXT:
            self._at += 1
            if len(token.text) > _TEXT_CHARS_MAX:
                raise self._source.refuse(
                    token.span,
                    f"a text of {len(token.text):,} characters: {_TEXT_CHARS_MAX:,} at most",
                )
            return Literal(LiteralKind.TEXT, token.text, token.span)
        if token.word == "NOW":
            return self._moment()
        sign = self._sign()
        token = self._take()
        span = Span(sign[1].start, token.span.end) if sign else token.span
        factor = sign[0] if sign else 1
        if token.kind is Kind.NUMBER:
            return Literal(LiteralKind.NUMBER, factor * _number(token.text), span)
        if token.word in ("INF", "INFINITY"):
            return Literal(LiteralKind.NUMBER, factor * float("inf"), span)
        if token.kind is Kind.DURATION:
            return Literal(LiteralKind.DURATION, factor * self._microseconds(token), span)
        if token.word == "NAN":
            raise self._source.refuse(token.span, "nothing equals NaN: ask IS NAN or IS NOT NAN")
        if token.word and not sign:
            raise self._source.refuse(
                token.span, f"expected a value behind {operator}; text needs quotes: '{token.text}'"
            )
        raise self._expected(f"a value behind {operator}", token)

    def _sign(self) -> tuple[int, Span] | None:
        token = self._token
        if token.kind is Kind.MARK and token.text in "+-":
            self._at += 1
            return (-1 if token.text == "-" else 1), token.span
        return None

    def _moment(self) -> Literal:
        """``now()``, and what is added to it or taken off."""
        start = self._take().span
        self._must_take("(", "behind now")
        end = self._must_take(")", "behind now(").span
        offset_us = 0
        while sign := self._sign():
            token = self._take()
            if token.kind is not Kind.DURATION:
                raise self._expected("a duration such as 7d, 12h, 30m or 45s", token)
            offset_us += sign[0] * self._microseconds(token)
            end = token.span
        return Literal(LiteralKind.MOMENT, offset_us, start.to(end))

    def _microseconds(self, token: Token) -> int:
        digits = token.text.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
        unit = _UNITS_US.get(token.text[len(digits) :])
        if unit is None:
            raise self._source.refuse(
                token.span,
                "expected a number, or a duration in ms, s, m (minutes), h, d or w such as 7d",
            )
        amount = float(digits) * unit
        if amount > _DURATION_US_MAX:
            raise self._source.refuse(token.span, "a duration may be 100000d at most")
        return round(amount)

    def _order_key(self) -> OrderKey:
        name = self._name("a name to sort by, such as metrics.acc or start_time")
        is_descending = self._takes("DESC")
        if not is_descending:
            self._takes("ASC")
        return OrderKey(name, is_descending)


def _number(text: str) -> int | float:
    """A whole number that fits 64 bits as such, any other as the float nearest to it."""
    if text.isdigit() and len(text) < 20:
        whole = int(text)
        if whole <= _LONG_MAX:
            return whole
    return float(text)


def _brief(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
