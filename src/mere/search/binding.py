"""The tree meets an entity: names become fields, and values are checked against their types."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

from mere.errors import InvalidInput
from mere.search.schema import ATTRIBUTE_PREFIXES, Entity, Family, Related, Type
from mere.search.source import Source
from mere.search.syntax import Comparison, Literal, LiteralKind, Name, Operator

__all__ = ["BoundComparison", "Field", "bind_comparison", "bind_name", "value_at"]

_FOR_ALL = frozenset({Operator.IS_NULL, Operator.IS_NOT_NULL})
_FOR_NUMBERS = _FOR_ALL | {Operator.IS_NAN, Operator.IS_NOT_NAN}
_FOR_TEXT_ONLY = frozenset(
    {
        Operator.LIKE,
        Operator.NOT_LIKE,
        Operator.ILIKE,
        Operator.NOT_ILIKE,
        Operator.MATCHES,
        Operator.NOT_MATCHES,
    }
)
_ORDERING = frozenset(
    {
        Operator.LESS,
        Operator.LESS_EQUAL,
        Operator.GREATER,
        Operator.GREATER_EQUAL,
        Operator.BETWEEN,
        Operator.NOT_BETWEEN,
    }
)
_NUMERIC = frozenset({Type.NUMBER, Type.WHOLE, Type.DURATION})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Field:
    """What a name stands for.

    Args:
        expression: SQL for its value, with ``{}`` where the key's parameter goes.
        key: The key, where it has one.
        type: What its values are.
        related: The rows it belongs to, where those are not the entity's own.
        condition: SQL that must hold for them too, with ``{}`` as in the expression.
    """

    expression: str
    type: Type
    key: str | None = None
    related: Related | None = None
    condition: str = ""


@dataclass(frozen=True)
class BoundComparison:
    """A comparison that makes sense.

    Args:
        field: What is compared.
        operator: How.
        values: With what, as values for parameters.
        in_ms: Whether a time is compared by its milliseconds since the epoch.
    """

    field: Field
    operator: Operator
    values: tuple[Any, ...]
    in_ms: bool = False


def bind_name(entity: Entity, name: Name, source: Source) -> Field:
    """Find what a name means.

    Raises:
        InvalidInput: The entity has no such thing.
    """
    if name.prefix is None or name.prefix in _attribute_prefixes(entity):
        return _attribute(entity, name, source)
    for family in entity.families:
        if name.prefix in family.prefixes:
            return _of_family(family, name, source)
    for related in entity.related:
        if name.prefix in related.prefixes:
            return _of_related(related, name, source)
    known = _prefixes(entity)
    near = get_close_matches(name.prefix.lower(), known, n=1)
    advice = (
        f"did you mean `{near[0]}.{name.key}`?"
        if near
        else f"use one of {', '.join(f'{prefix}.' for prefix in _usual_prefixes(entity))}"
    )
    raise source.refuse(name.span, f"{name.prefix}. is nothing {_a(entity.name)} has: {advice}")


def _attribute_prefixes(entity: Entity) -> tuple[str, ...]:
    return (*ATTRIBUTE_PREFIXES, entity.name)


def _prefixes(entity: Entity) -> list[str]:
    parts: list[Family | Related] = [*entity.families, *entity.related]
    return [*(p for part in parts for p in part.prefixes), *_attribute_prefixes(entity)]


def _usual_prefixes(entity: Entity) -> list[str]:
    parts: list[Family | Related] = [*entity.families, *entity.related]
    return [*(part.prefixes[0] for part in parts), ATTRIBUTE_PREFIXES[0]]


def _attribute(entity: Entity, name: Name, source: Source) -> Field:
    if name.function is not None:
        raise source.refuse(
            name.span, f"{name.function}() takes a key, such as {name.function}(metrics.acc)"
        )
    for attribute in entity.attributes:
        if name.key == attribute.name or name.key in attribute.aliases:
            return Field(attribute.expression, attribute.type)
    for related in entity.related:
        if name.key in related.bare:
            return _of_related(related, name, source)
    names = [word for a in entity.attributes for word in (a.name, *a.aliases)]
    near = get_close_matches(name.key.lower(), names, n=1)
    if near:
        advice = f"did you mean `{near[0]}`?"
    else:
        keys = [f"`{family.prefixes[0]}.{name.key}`" for family in entity.families]
        listed = f"{', '.join(keys[:-1])} or {keys[-1]}" if len(keys) > 1 else keys[0]
        advice = f"did you mean {listed}?"
    raise source.refuse(name.span, f"{_a(entity.name)} has no attribute {name.key!r}: {advice}")


def _of_family(family: Family, name: Name, source: Source) -> Field:
    if name.function is None:
        return Field(f"{family.column}[{{}}]", family.type, name.key)
    if name.function not in family.functions:
        prefix = family.prefixes[0]
        known = ", ".join(f"{function}({prefix}.…)" for function in family.functions)
        raise source.refuse(name.span, f"{name.function}({prefix}.…) is not known: use {known}")
    expression, kind = family.functions[name.function]
    return Field(expression, kind, name.key)


def _of_related(related: Related, name: Name, source: Source) -> Field:
    prefix = related.prefixes[0]
    if related.open_keys is not None and name.function is None and name.key not in related.keys:
        begin, expression, condition = related.open_keys
        rest = name.key.removeprefix(begin)
        if name.key.startswith(begin) and rest:
            return Field(expression, Type.LOGGED, rest, related, condition)
    if name.function is not None or name.key not in related.keys:
        known = ", ".join(f"{prefix}.{key}" for key in related.keys)
        if related.open_keys is not None:
            known = f"{known}{' or ' if known else ''}{prefix}.{related.open_keys[0]}…"
        raise source.refuse(name.span, f"{name.key!r} is nothing to ask of {prefix}: use {known}")
    return Field(related.keys[name.key], Type.TEXT, related=related)


def bind_comparison(entity: Entity, comparison: Comparison, source: Source) -> BoundComparison:
    """Check that a comparison makes sense, and give its values the types they are compared as.

    Raises:
        InvalidInput: The name means nothing, or operator or value do not fit it.
    """
    field = bind_name(entity, comparison.name, source)
    operator, values = comparison.operator, comparison.values
    if field.type is Type.LOGGED:
        field = _logged_as(field, comparison)
    _check_operator(field, comparison, source)
    if field.type is Type.TIME:
        in_ms = any(value.kind is LiteralKind.NUMBER for value in values)
        bound = tuple(_time(value, source, in_ms=in_ms) for value in values)
        return BoundComparison(field, operator, bound, in_ms)
    if field.type in _NUMERIC:
        return BoundComparison(field, operator, tuple(_number(field, v, source) for v in values))
    texts = tuple(_text(field, comparison, value, source) for value in values)
    return BoundComparison(field, operator, texts)


def _logged_as(field: Field, comparison: Comparison) -> Field:
    """A param or tag compares as a number with numbers, and as text with text."""
    is_number = comparison.operator in (Operator.IS_NAN, Operator.IS_NOT_NAN) or any(
        value.kind is LiteralKind.NUMBER for value in comparison.values
    )
    if is_number:
        return replace(
            field, expression=f"try_cast({field.expression} as double)", type=Type.NUMBER
        )
    return field


def _check_operator(field: Field, comparison: Comparison, source: Source) -> None:
    operator = comparison.operator
    is_numeric = field.type in _NUMERIC
    if operator in (Operator.IS_NAN, Operator.IS_NOT_NAN) and not is_numeric:
        raise source.refuse(comparison.span, f"{operator} asks of numbers; this is text or a time")
    if operator in _FOR_TEXT_ONLY and (is_numeric or field.type is Type.TIME):
        raise source.refuse(
            comparison.span,
            f"{operator} compares text, and this is {field.type.value}: "
            "use =, !=, <, <=, >, >=, IN or BETWEEN",
        )


def _number(field: Field, value: Literal, source: Source) -> int | float:
    if field.type is Type.DURATION and value.kind is LiteralKind.DURATION:
        return value.value / 1e6  # type: ignore[operator]  # a duration's value is a number
    if value.kind is not LiteralKind.NUMBER:
        what = "a number of seconds or a duration" if field.type is Type.DURATION else "a number"
        raise _misfit(source, value, f"{what}, as this is one")
    number = value.value
    return number if field.type is Type.WHOLE and isinstance(number, int) else float(number)


def _text(field: Field, comparison: Comparison, value: Literal, source: Source) -> str:
    if value.kind is not LiteralKind.TEXT:
        if value.kind is LiteralKind.NUMBER and field.type is not Type.LOGGED:
            raise _misfit(source, value, "text in quotes")
        raise _misfit(source, value, "text in quotes or a number")
    text = str(value.value)
    if comparison.operator in _ORDERING and field.type is Type.LOGGED and _is_number(text):
        raise source.refuse(
            value.span, f"numbers compare as such without quotes: {text.strip()}, not '{text}'"
        )
    is_pattern = comparison.operator in _FOR_TEXT_ONLY
    return text.upper() if field.type is Type.STATUS and not is_pattern else text


def _time(value: Literal, source: Source, *, in_ms: bool) -> Any:
    if in_ms:
        if value.kind is LiteralKind.NUMBER:
            return value.value
        raise _misfit(source, value, "milliseconds since 1970, like the other value")
    if value.kind is LiteralKind.MOMENT:
        return _Moment(int(value.value))
    if value.kind is LiteralKind.TEXT:
        try:
            moment = datetime.fromisoformat(str(value.value).strip())
        except ValueError:
            raise _misfit(source, value, _TIMES) from None
        zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        try:
            passed = zoned - _EPOCH
        except OverflowError:
            raise _misfit(source, value, "a time between the years 1 and 9999") from None
        return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds
    raise _misfit(source, value, _TIMES)


_TIMES = "a time such as '2026-01-31', '2026-01-31T12:00', now() - 7d or milliseconds since 1970"


@dataclass(frozen=True)
class _Moment:
    """So many microseconds from now; what now is, is said when the query is made."""

    offset_us: int


def value_at(value: Any, now_us: int) -> Any:
    """A bound value as a parameter's, where it depends on what time it is."""
    return now_us + value.offset_us if isinstance(value, _Moment) else value


def _misfit(source: Source, value: Literal, what: str) -> InvalidInput:
    found = source.text[value.span.start : value.span.end]
    shown = found if len(found) <= 40 else found[:39] + "…"
    return source.refuse(value.span, f"expected {what}, found {shown}")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _a(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"
