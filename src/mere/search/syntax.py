"""The tree of a filter or an order, as it was written: nothing is looked up yet.

Every node knows where it stands in the text, so that an error can point at it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "And",
    "Comparison",
    "Condition",
    "Literal",
    "LiteralKind",
    "Name",
    "Not",
    "Operator",
    "Or",
    "OrderKey",
    "Span",
]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the text, from one character up to, not including, another."""

    start: int
    end: int

    def to(self, other: Span) -> Span:
        """From the beginning of this one to the end of another."""
        return Span(self.start, other.end)


class Operator(StrEnum):
    """How a name is compared."""

    EQUAL = "="
    UNEQUAL = "!="
    LESS = "<"
    LESS_EQUAL = "<="
    GREATER = ">"
    GREATER_EQUAL = ">="
    LIKE = "LIKE"
    NOT_LIKE = "NOT LIKE"
    ILIKE = "ILIKE"
    NOT_ILIKE = "NOT ILIKE"
    MATCHES = "=~"
    NOT_MATCHES = "!~"
    IN = "IN"
    NOT_IN = "NOT IN"
    BETWEEN = "BETWEEN"
    NOT_BETWEEN = "NOT BETWEEN"
    IS_NULL = "IS NULL"
    IS_NOT_NULL = "IS NOT NULL"
    IS_NAN = "IS NAN"
    IS_NOT_NAN = "IS NOT NAN"


class LiteralKind(StrEnum):
    """What a value was written as."""

    TEXT = "text"
    NUMBER = "a number"
    MOMENT = "a time"
    DURATION = "a duration"


@dataclass(frozen=True, slots=True)
class Literal:
    """A value.

    Args:
        kind: What it was written as.
        value: The text or number; of a moment, its microseconds from now; of a duration, its
            microseconds.
        span: Where it stands.
    """

    kind: LiteralKind
    value: str | int | float
    span: Span


@dataclass(frozen=True, slots=True)
class Name:
    """What is compared, or ordered by.

    Args:
        prefix: The part before the dot, such as ``metrics``; None for a bare name.
        key: The part behind it, without quotes.
        function: What is taken of it, such as ``max``; None for the thing itself.
        span: Where it stands.
    """

    prefix: str | None
    key: str
    function: str | None
    span: Span


@dataclass(frozen=True, slots=True)
class Comparison:
    """A name, an operator, and as many values as it takes."""

    name: Name
    operator: Operator
    values: tuple[Literal, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class And:
    """All of these hold."""

    terms: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """One of these holds."""

    terms: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """This does not hold."""

    term: Condition


Condition = Comparison | And | Or | Not


@dataclass(frozen=True, slots=True)
class OrderKey:
    """What to sort by, and which way."""

    name: Name
    is_descending: bool
