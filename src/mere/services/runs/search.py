"""Searching: what `Runs` and `Experiments` share to answer filters, orders and pages.

The language is `mere.search`; here its SQL meets the tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from mere.entities.experiment import Lifecycle
from mere.errors import ErrorCode, InvalidInput
from mere.search.pages import Cursor, after, order_by, read_token, write_token
from mere.search.schema import Entity
from mere.search.sql import Parameters, Pattern, compile_filter, compile_order
from mere.services.runs.kept_columns import KeptParameters

if TYPE_CHECKING:
    import pyarrow as pa

    from mere.lake import Lake

__all__ = ["PAGE_ROWS_MAX", "STAMPED", "Page", "Subject", "View", "check_page_size", "find_rows"]

PAGE_ROWS_MAX = 50_000
_FETCHED_MAX = 1_000
STAMPED = ("created_at", "updated_at")
"""The columns that the lake adds to each keyed table."""


class View(StrEnum):
    """Which rows are looked at: those in use, those in the bin, or both."""

    ACTIVE = "active"
    DELETED = "deleted"
    ALL = "all"

    @classmethod
    def of(cls, value: object) -> View:
        """Return the view of that name.

        Raises:
            InvalidInput: There is no such view.
        """
        try:
            return cls(str(value).lower())
        except ValueError as error:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE, f"view {value!r} is unknown: use one of {', '.join(cls)}"
            ) from error

    @property
    def lifecycles(self) -> tuple[str, ...]:
        """The lifecycles of its rows."""
        both = (Lifecycle.ACTIVE, Lifecycle.DELETED)
        return both if self is View.ALL else (str(self),)


@dataclass(frozen=True)
class Page:
    """Rows, and how to get those behind them.

    Args:
        rows: The rows as an Arrow table.
        next_page_token: What to pass for the next page; None on the last one.
    """

    rows: pa.Table
    next_page_token: str | None = None


@dataclass
class Subject:
    """What is searched, before the filter.

    Args:
        entity: What its rows are.
        relation: SQL of common table expressions, the last of which is called ``found``.
        conditions: Conditions on ``found``, all of which must hold.
        is_wide: Whether these may look at any column.
        params: Values for ``$name`` in them.
        columns: The columns there are.
        kept: The relation over ``kept_rows`` instead of the table, where columns of it are kept in
            memory for this search; see `KeptParameters`.
    """

    entity: Entity
    relation: str
    columns: Sequence[str]
    conditions: list[str] = field(default_factory=list)
    is_wide: bool = False
    params: dict[str, Any] = field(default_factory=dict)
    kept: str = ""

    def only(self, condition: str, **params: Any) -> None:
        """Narrow it down."""
        self.conditions.append(condition)
        self.params.update(params)


def find_rows(
    lake: Lake,
    subject: Subject,
    *,
    now_us: int,
    filter: str | None = None,  # noqa: A002 - the word of the language, and of MLflow
    order: str | Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    limit: int | None = None,
    page_token: str | None = None,
    query: Sequence[Any] = (),
) -> Page:
    """Answer a search.

    Args:
        lake: Where to look.
        subject: Among which rows.
        now_us: What time it is.
        filter: A condition in the filter language.
        order: What to sort by, in that language.
        columns: The columns to return; all of them otherwise.
        limit: At most so many rows.
        page_token: Where the page before ended.
        query: What else tells this query from others, for the token.

    Raises:
        InvalidInput: The filter, order, columns, limit or token is wrong.
    """
    _check_limit(limit)
    shown = _columns(subject, columns)
    is_kept = bool(subject.kept) and _is_short(subject, limit)
    parameters = KeptParameters(now_us) if is_kept else Parameters(now_us)
    terms = compile_order(subject.entity, order, parameters)
    identity = [subject.entity.name, filter or "", order, list(query)]
    cursor = None if page_token is None else read_token(identity, page_token, terms)
    if cursor is not None:
        parameters.set_now(cursor.now_us)
    condition, patterns = compile_filter(subject.entity, filter or "", parameters)
    for pattern in patterns:
        _try(lake, pattern)
    names = [f'"order {index}"' for index in range(len(terms))]
    keys = "".join(f", {t.expression} as {n}" for t, n in zip(terms, names, strict=True))
    conditions = [*subject.conditions, *([condition] if condition else ["true"])]
    behind = after(terms, names, cursor, parameters) if cursor else "true"
    is_split = is_kept or (_is_short(subject, limit) and not parameters.has_keys)
    query = (
        f"with {subject.kept if is_kept else subject.relation} select * from ("
        f"select {f'{subject.entity.key}' if is_split else shown}{keys} from found "
        f"where {' and '.join(conditions)}) where {behind} order by {order_by(terms, names)}"
        + ("" if limit is None else f" limit {int(limit) + 1}")
    )
    given = {**subject.params, **parameters.values}
    if isinstance(parameters, KeptParameters):
        found = lake.sql_kept(query, given, "runs", parameters.columns)
    else:
        found = lake.sql(query, params=given)
    token = None
    if limit is not None and found.num_rows > limit:
        if limit:
            values = tuple(found[name.strip('"')][limit - 1].as_py() for name in names)
            token = write_token(identity, Cursor(parameters.now_us, values))
        found = found.slice(0, limit)
    rows = found.drop_columns([name.strip('"') for name in names])
    return Page(_fetched(lake, subject, rows, shown) if is_split else rows, token)


def _is_short(subject: Subject, limit: int | None) -> bool:
    """Whether keys may be found first and their rows fetched then.

    Where maps are not looked at, or are kept, that reads them for few rows instead of for all.
    """
    return limit is not None and limit <= _FETCHED_MAX and not subject.is_wide


def _fetched(lake: Lake, subject: Subject, keys: pa.Table, shown: str) -> pa.Table:
    """The rows of these keys, in their order; one that went meanwhile is left out."""
    import pyarrow as pa
    import pyarrow.compute as pc

    key = subject.entity.key
    ids = keys[key].to_pylist()
    known = {
        name: value for name, value in subject.params.items() if f"${name}" in subject.relation
    }
    rows = lake.sql(
        f'with {subject.relation} select {key} as "found key", {shown} from found '
        f"where {key} = any($wanted) and {key} between $first and $last",
        params={
            **known,
            "wanted": ids,
            "first": min(ids, default=""),
            "last": max(ids, default=""),
        },
    )
    places = pc.index_in(pa.array(ids, pa.string()), rows["found key"])
    return rows.drop_columns(["found key"]).take(places.drop_null())


def _columns(subject: Subject, columns: Sequence[str] | None) -> str:
    if columns is None:
        return "*"
    unknown = sorted(set(columns) - set(subject.columns))
    if unknown or not columns:
        raise InvalidInput(
            ErrorCode.UNKNOWN_COLUMN,
            f"columns {unknown} are not there: choose of {', '.join(subject.columns)}",
            columns=unknown,
        )
    return ", ".join(f'"{name}"' for name in dict.fromkeys(columns))


def _check_limit(limit: int | None) -> None:
    if limit is not None and limit < 0:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"limit {limit} is negative: give 0 or more", limit=limit
        )


def check_page_size(max_results: int) -> int:
    """Return how many rows a page may have at most, if it may.

    Raises:
        InvalidInput: It may not.
    """
    if not 1 <= max_results <= PAGE_ROWS_MAX:
        raise InvalidInput(
            ErrorCode.LIMIT_EXCEEDED,
            f"a page of {max_results} rows: ask for 1 to {PAGE_ROWS_MAX:,}, and for more pages",
            limit=PAGE_ROWS_MAX,
        )
    return max_results


def _try(lake: Lake, pattern: Pattern) -> None:
    """Refuse a regular expression that DuckDB cannot read: only it can tell."""
    try:
        # It is compiled when the query is planned; a table is named so that no other is opened.
        lake.sql(
            "select regexp_matches(coalesce(max(name), ''), $pattern) from experiments",
            params={"pattern": pattern.text},
        )
    except InvalidInput as error:
        span = pattern.comparison.values[0].span
        reason = error.message.strip().splitlines()[0].removeprefix("Invalid Input Error: ")
        raise pattern.source.refuse(
            span, f"no regular expression as RE2 knows them ({reason})"
        ) from error
