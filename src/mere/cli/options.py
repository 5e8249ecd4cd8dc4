"""The options that every command has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from cyclopts import Parameter

from mere.services.warehouse import Warehouse, open_warehouse

__all__ = ["Options", "parse_as_of"]


@Parameter(name="*")
@dataclass(frozen=True)
class Options:
    """What every command may be told."""

    warehouse: Annotated[
        str | None,
        Parameter(name=["--warehouse", "-w"], help="A folder, or file:///… or s3://bucket/prefix."),
    ] = None
    json: Annotated[
        bool,
        Parameter(
            name="--json",
            negative="",
            show_default=False,
            help="Print JSON for programs, nothing else.",
        ),
    ] = False

    def open(self) -> Warehouse:
        """Open the warehouse meant.

        Raises:
            NotFound: There is none at that address; looking must not make one.
        """
        return open_warehouse(self.warehouse, must_exist=True)


def parse_as_of(text: str | None) -> datetime | str | int | None:
    """A root's number, a time as ISO 8601 (local where it names no zone), or else a tag."""
    if text is None or text == "":
        return None
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        return text
