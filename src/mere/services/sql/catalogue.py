"""What there is to ask by SQL: the tables with what their columns mean, and the states kept.

It is read from declarations and metadata at hand, so it costs no more than a view does. Tables of
datasets may be many and are loaded when one is asked for. How many rows a table has is told only
to those who may read all of them.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec

from mere.entities.actor import Actor, Scope
from mere.errors import ErrorCode, InvalidInput, NotFound
from mere.lake import Lake
from mere.services.access.access import Access

if TYPE_CHECKING:
    from mere.lake.sandbox import SandboxRules
    from mere.lake.view import View

__all__ = ["ColumnShown", "SqlCatalogue", "StateShown", "StatesShown", "TableShown"]

STATES_MAX: Final = 200


class ColumnShown(msgspec.Struct):
    """A column: its type as Arrow calls it, and what it holds."""

    name: str
    type: str
    doc: str = ""


class TableShown(msgspec.Struct):
    """A table.

    Args:
        name: Its name in SQL.
        doc: What it holds.
        is_dataset: Whether it is a dataset's, whose columns are told where it is asked for alone.
        columns: Its columns, in order.
        rows: Rows folded into it; what came since is read, too, and not counted here. None where
            not all of them may be read.
    """

    name: str
    doc: str
    is_dataset: bool
    columns: list[ColumnShown]
    rows: int | None = None


class StateShown(msgspec.Struct):
    """A state that can be read: a root, or the root that a tag names."""

    root: int
    at: datetime
    tag: str | None = None


class StatesShown(msgspec.Struct):
    """States that can be read, the newest first.

    Args:
        tags: All tags.
        roots: Some roots.
        before: Asks for the roots before these; None where there are none.
    """

    tags: list[StateShown]
    roots: list[StateShown]
    before: int | None = None


class SqlCatalogue:
    """Tells what can be asked; several threads may ask at once.

    Args:
        lake: The tables.
        access: Who may read what.
    """

    def __init__(self, lake: Lake, access: Access) -> None:
        self._lake = lake
        self._access = access

    def tables(self, actor: Actor, as_of: datetime | str | int | None = None) -> list[TableShown]:
        """The tables that somebody may read, in order.

        Raises:
            NotFound: There is no such state.
            Unauthenticated: They have not signed in.
        """
        view = self._view(as_of)
        rules = self._rules(actor, view)
        offered = rules.tables or frozenset()
        shown = []
        for name in sorted(offered & set(view.states)):
            if view.states.is_bulk(name):
                shown.append(TableShown(name, "the rows of a dataset", True, []))
            else:
                shown.append(_shown(view, name, is_whole=name not in rules.filters))
        return shown

    def table(
        self, actor: Actor, name: str, as_of: datetime | str | int | None = None
    ) -> TableShown:
        """One table, a dataset's with its columns.

        Raises:
            NotFound: There is no such table or state; or they may not read it.
            Unauthenticated: They have not signed in.
        """
        view = self._view(as_of)
        rules = self._rules(actor, view)
        if name not in view.states or name not in (rules.tables or frozenset()):
            raise NotFound(
                ErrorCode.TABLE_NOT_FOUND, f"there is no table {name!r} in this state", table=name
            )
        return _shown(view, name, is_whole=name not in rules.filters)

    def states(self, actor: Actor, before: int | None = None, limit: int = 50) -> StatesShown:
        """Which states are kept, the newest first.

        Raises:
            InvalidInput: The limit is out of bounds.
            Unauthenticated: They have not signed in.
        """
        if not 1 <= limit <= STATES_MAX:
            raise InvalidInput(
                ErrorCode.LIMIT_EXCEEDED, f"limit is {limit}: use 1 to {STATES_MAX}", limit=limit
            )
        self._access.role_on(actor, Scope.warehouse())
        catalog = self._lake.catalog
        numbers = [n for n in catalog.numbers() if before is None or n < before]
        roots = []
        for number in reversed(numbers[-limit:]):
            try:
                roots.append(StateShown(number, catalog.read(number).at))
            except NotFound:  # expired since the listing
                continue
        tagged = [StateShown(root.number, root.at, tag) for tag, root in catalog.tags().items()]
        tags = sorted(tagged, key=lambda one: one.at, reverse=True)
        return StatesShown(tags, roots, numbers[-limit] if len(numbers) > limit else None)

    def _view(self, as_of: datetime | str | int | None) -> View:
        return self._lake.view(age_ms_max=1_000) if as_of is None else self._lake.view_as_of(as_of)

    def _rules(self, actor: Actor, view: View) -> SandboxRules:
        from mere.services.sql.rules import rules_for

        bulk = [name for name in view.states if view.states.is_bulk(name)]
        return rules_for(self._access, actor, list(view.states.records), bulk)


def _shown(view: View, name: str, *, is_whole: bool) -> TableShown:
    table = view.table(name)
    docs = {column.name: column.doc for column in table.table.columns}
    docs |= {"created_at": "when the row was first written"} if table.table.is_keyed else {}
    docs |= {"updated_at": "when the row was last written"} if table.table.is_keyed else {}
    columns = [
        ColumnShown(field.name, str(field.type), docs.get(field.name, "")) for field in table.schema
    ]
    is_dataset = view.states.is_bulk(name)
    doc = table.table.doc or ("the rows of a dataset" if is_dataset else "")
    return TableShown(name, doc, is_dataset, columns, table.state.rows if is_whole else None)
