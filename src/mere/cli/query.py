"""``mere sql``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from mere.cli.options import Options, parse_as_of
from mere.cli.output import cell, console, new_table, notes, print_json

__all__ = ["sql"]

_ROWS_SHOWN_MAX = 1000


def sql(
    query: str,
    /,
    *,
    as_of: Annotated[str | None, Parameter(name="--as-of")] = None,
    options: Options | None = None,
) -> None:
    """Ask the tables experiments, runs and metrics in SQL, as DuckDB speaks it.

    Args:
        query: The query, such as "select name, metrics['acc'] from runs".
        as_of: A tag, a time (2026-01-31 or 2026-01-31T12:00) or a root's number: ask that state.
        options: Where to look and how to print.
    """
    options = options or Options()
    found = options.open().sql(query, as_of=parse_as_of(as_of))
    if options.json:
        names = found.column_names
        columns = [column.to_pylist(maps_as_pydicts="lossy") for column in found.columns]
        print_json([dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)])
        return
    table = new_table(*[_heading(field) for field in found.schema])
    shown = found.slice(0, _ROWS_SHOWN_MAX)
    columns = [column.to_pylist(maps_as_pydicts="lossy") for column in shown.columns]
    for row in zip(*columns, strict=True):
        table.add_row(*[cell(value) for value in row])
    console().print(table)
    if found.num_rows > _ROWS_SHOWN_MAX:
        left = found.num_rows - _ROWS_SHOWN_MAX
        notes().print(f"{left:,} more rows; --json shows all", style="dim")


def _heading(field: object) -> str:
    kind = str(getattr(field, "type", ""))
    is_number = kind.startswith(("int", "uint", "double", "float", "decimal"))
    return f"{'>' if is_number else ''}{getattr(field, 'name', '')}"
