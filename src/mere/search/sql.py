"""Bound filters and orders as SQL for DuckDB, with every key and value a parameter.

Two rules are kept here. A comparison with something that is not there is false, and so is every
comparison with NaN except ``!=``; DuckDB has three truth values, and NaN as the largest number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mere.search.binding import BoundComparison, Field, bind_comparison, bind_name, value_at
from mere.search.parser import parse_filter, parse_order
from mere.search.schema import Entity, Type
from mere.search.source import Source
from mere.search.syntax import And, Comparison, Condition, Not, Operator, Or

__all__ = [
    "OrderTerm",
    "Parameters",
    "Part",
    "Pattern",
    "comparisons_of",
    "compile_filter",
    "compile_order",
    "compile_parts",
]

_BINARY = {
    Operator.EQUAL: "{x} = {v}",
    Operator.UNEQUAL: "{x} <> {v}",
    Operator.LESS: "{x} < {v}",
    Operator.LESS_EQUAL: "{x} <= {v}",
    Operator.GREATER: "{x} > {v}",
    Operator.GREATER_EQUAL: "{x} >= {v}",
    Operator.LIKE: "{x} like {v}",
    Operator.NOT_LIKE: "{x} not like {v}",
    Operator.ILIKE: "{x} ilike {v}",
    Operator.NOT_ILIKE: "{x} not ilike {v}",
    Operator.MATCHES: "regexp_matches({x}, {v})",
    Operator.NOT_MATCHES: "not regexp_matches({x}, {v})",
}
_UNARY = {
    Operator.IS_NULL: "{x} is null",
    Operator.IS_NOT_NULL: "{x} is not null",
    Operator.IS_NAN: "isnan({x})",
    Operator.IS_NOT_NAN: "not isnan({x})",
}


class Parameters:
    """The parameters of one query.

    Args:
        now_us: What time it is, for all that depends on it.
    """

    def __init__(self, now_us: int) -> None:
        self.now_us = now_us
        self.values: dict[str, Any] = {}
        self._keys: dict[str, str] = {}

    @property
    def has_keys(self) -> bool:
        """Whether anything is looked up in a map."""
        return bool(self._keys)

    def set_now(self, now_us: int) -> None:
        """Reckon from another time, as the pages behind the first do."""
        self.now_us = now_us
        if "now_us" in self.values:
            self.values["now_us"] = now_us

    def add(self, value: Any) -> str:
        """A new parameter, as it is written in SQL."""
        name = f"s{len(self.values)}"
        self.values[name] = value
        return f"${name}"

    def key(self, key: str) -> str:
        """The parameter of a key: the same for the same one, so that it is looked up once."""
        if key not in self._keys:
            self._keys[key] = self.add(key)
        return self._keys[key]

    def read(self, what: Field) -> str:
        """The SQL for a field's value."""
        if "$now_us" in what.expression:
            self.values["now_us"] = self.now_us
        if what.key is None:
            return what.expression
        return what.expression.replace("{}", self.key(what.key))


@dataclass(frozen=True)
class Pattern:
    """A regular expression of a filter, to be tried, and how to complain of it."""

    text: str
    source: Source
    comparison: Comparison


@dataclass(frozen=True)
class Part:
    """One comparison of a filter by itself.

    Args:
        text: As it was written.
        value: SQL for what it looks at, as text.
        test: SQL for whether it holds; never null.
    """

    text: str
    value: str
    test: str


@dataclass(frozen=True)
class OrderTerm:
    """One key to sort by.

    Args:
        expression: Its value.
        is_float: Whether it may be NaN, which sorts behind all numbers either way.
        is_descending: Which way it sorts.
    """

    expression: str
    is_float: bool
    is_descending: bool


@dataclass
class _Compiler:
    entity: Entity
    source: Source
    parameters: Parameters
    patterns: list[Pattern] = field(default_factory=list)

    def condition(self, node: Condition, *, is_negated: bool = False) -> str:
        """A condition; below a NOT, one that is never null."""
        match node:
            case And(terms):
                parts = [self.condition(term, is_negated=is_negated) for term in self._apart(terms)]
                parts += [self._related(*group) for group in self._joint(terms)]
                return f"({' and '.join(parts)})"
            case Or(terms):
                parts = [self.condition(term, is_negated=is_negated) for term in terms]
                return f"({' or '.join(parts)})"
            case Not(term):
                return f"(not {self.condition(term, is_negated=True)})"
        bound = bind_comparison(self.entity, node, self.source)
        if node.operator in (Operator.MATCHES, Operator.NOT_MATCHES):
            self.patterns.append(Pattern(bound.values[0], self.source, node))
        if bound.field.related is not None:
            return self._related(bound)
        test = self._test(bound)
        return f"coalesce({test}, false)" if is_negated else f"({test})"

    def _joins(self, node: Condition) -> BoundComparison | None:
        """A comparison that has to hold for the same related row as its neighbours."""
        if not isinstance(node, Comparison) or node.operator is Operator.IS_NULL:
            return None
        if node.operator in (Operator.MATCHES, Operator.NOT_MATCHES):
            return None  # it is tried first, by itself
        bound = bind_comparison(self.entity, node, self.source)
        return bound if bound.field.related and bound.field.related.is_joint else None

    def _apart(self, terms: Sequence[Condition]) -> list[Condition]:
        return [term for term in terms if self._joins(term) is None]

    def _joint(self, terms: Sequence[Condition]) -> list[list[BoundComparison]]:
        groups: dict[str, list[BoundComparison]] = {}
        for bound in filter(None, map(self._joins, terms)):
            assert bound.field.related is not None
            groups.setdefault(bound.field.related.sql, []).append(bound)
        return list(groups.values())

    def _related(self, *group: BoundComparison) -> str:
        first = group[0]
        assert first.field.related is not None
        query = first.field.related.sql
        if first.operator is Operator.IS_NULL:
            test = self._related_test(replace(first, operator=Operator.IS_NOT_NULL))
            return f"({self.entity.key} not in ({query} and {test}))"
        tests = " and ".join(self._related_test(bound) for bound in group)
        return f"({self.entity.key} in ({query} and {tests}))"

    def _related_test(self, bound: BoundComparison) -> str:
        test = self._test(bound)
        if not bound.field.condition:
            return test
        key = self.parameters.key(bound.field.key or "")
        return f"{bound.field.condition.replace('{}', key)} and {test}"

    def _test(self, bound: BoundComparison) -> str:
        x, operator = self.parameters.read(bound.field), bound.operator
        if operator in _UNARY:
            return _UNARY[operator].format(x=x)
        if bound.in_ms:
            x = f"(epoch_us({x}) // 1000)"  # epoch_ms rounds; clients cut off
        if operator in (Operator.IN, Operator.NOT_IN):
            return self._in(bound, x)
        not_nan = f" and not isnan({x})" if bound.field.type is Type.NUMBER else ""
        values = [self._value(bound, value) for value in bound.values]
        match operator:
            case Operator.BETWEEN:
                return f"{x} >= {values[0]} and {x} <= {values[1]}{not_nan}"
            case Operator.NOT_BETWEEN:
                return f"({x} < {values[0]} or {x} > {values[1]}){not_nan}"
            case Operator.GREATER | Operator.GREATER_EQUAL:
                return _BINARY[operator].format(x=x, v=values[0]) + not_nan
            case _:
                return _BINARY[operator].format(x=x, v=values[0])

    def _value(self, bound: BoundComparison, value: Any) -> str:
        given = self.parameters.add(value_at(value, self.parameters.now_us))
        is_moment = bound.field.type is Type.TIME and not bound.in_ms
        return f"make_timestamptz({given}::bigint)" if is_moment else given

    def _in(self, bound: BoundComparison, x: str) -> str:
        """Membership, with all values in one parameter: thousands of them make no long query."""
        if bound.field.type is Type.TIME and not bound.in_ms:
            x = f"epoch_us({x})"
        values = [value_at(value, self.parameters.now_us) for value in bound.values]
        if any(isinstance(value, float) for value in values):
            values = [float(value) for value in values]
        test = f"{x} = any({self.parameters.add(values)})"
        return test if bound.operator is Operator.IN else f"not ({test})"


def compile_filter(
    entity: Entity, text: str, parameters: Parameters
) -> tuple[str | None, list[Pattern]]:
    """Parse, bind and compile a filter.

    Returns:
        The condition in SQL, or None where the filter is empty, and the regular expressions in
        it, which only DuckDB can check.

    Raises:
        InvalidInput: The filter is wrong; the message points at where.
    """
    condition, source = parse_filter(text)
    if condition is None:
        return None, []
    compiler = _Compiler(entity, source, parameters)
    return compiler.condition(condition), compiler.patterns


def compile_parts(entity: Entity, text: str, parameters: Parameters) -> list[Part]:
    """The comparisons of a filter one by one, to tell why it holds or does not.

    Raises:
        InvalidInput: The filter is wrong; the message points at where.
    """
    condition, source = parse_filter(text)
    compiler = _Compiler(entity, source, parameters)
    return [
        Part(
            text[one.name.span.start : one.span.end],
            f"({parameters.read(bind_comparison(entity, one, source).field)})::varchar",
            compiler.condition(one, is_negated=True),
        )
        for one in comparisons_of(condition)
    ]


def comparisons_of(node: Condition | None) -> list[Comparison]:
    """The comparisons of a condition, as they were written from left to right."""
    match node:
        case None:
            return []
        case And(terms) | Or(terms):
            return [found for term in terms for found in comparisons_of(term)]
        case Not(term):
            return comparisons_of(term)
    return [node]


def compile_order(entity: Entity, order: Any, parameters: Parameters) -> list[OrderTerm]:
    """Parse, bind and compile an order, and complete it so that no two rows are equal.

    Raises:
        InvalidInput: The order is wrong; the message points at where.
    """
    terms: dict[str, OrderTerm] = {}
    for key, source in parse_order(order):
        what = bind_name(entity, key.name, source)
        if what.related is not None:
            raise source.refuse(key.name.span, "there may be several of these: nothing to sort by")
        expression = parameters.read(what)
        if what.type is Type.TIME:
            expression = f"epoch_us({expression})"
        is_float = what.type in (Type.NUMBER, Type.DURATION)
        terms.setdefault(expression, OrderTerm(expression, is_float, key.is_descending))
    newest = f"epoch_us({entity.default_order})"
    terms.setdefault(newest, OrderTerm(newest, is_float=False, is_descending=True))
    terms.setdefault(
        entity.key, OrderTerm(entity.key, is_float=False, is_descending=entity.is_key_descending)
    )
    return list(terms.values())
