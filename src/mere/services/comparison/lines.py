"""The lines that the keys of a sheet are shown in: one below the other, or nested as a tree."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from mere.services.comparison.sheets import Sheet

__all__ = ["Line", "tree_of"]

_PARTS = {
    **dict.fromkeys(("params", "seeds", "tags", "metrics"), re.compile(r"[/.]")),
    "files": re.compile(r"/"),
}
_WHOLE = re.compile(r"(?!)")


class Line(msgspec.Struct):
    """A line: a row of the sheet, or a branch (`row` is None)."""

    row: int | None
    section: str
    path: str
    name: str
    depth: int
    keys: int = 0
    is_open: bool = False


def tree_of(sheet: Sheet, chosen: Sequence[int], closed: set[str]) -> list[Line]:
    """Keys nested, as lines: branches with what is in them, where they are open.

    Sections are the first level, where there are several.
    """
    has_sections = len(set(sheet.sections)) > 1
    lines: list[Line] = []
    branches: list[Line] = []
    for row in chosen:
        section, key = sheet.sections[row], sheet.keys[row]
        while branches and not (
            branches[-1].section == section and key.startswith(branches[-1].path)
        ):
            branches.pop()
        ends = [0] if has_sections else []
        parts = _PARTS.get(section, _WHOLE).finditer(key, 1)
        ends += [match.end() for match in parts if match.end() < len(key)]
        for end in ends[len(branches) :]:
            begin = len(branches[-1].path) if branches else 0
            name = key[begin:end] or section
            branch = Line(None, section, key[:end], name, len(branches))
            branch.is_open = f"{section}:{branch.path}" not in closed
            if all(one.is_open for one in branches):
                lines.append(branch)
            branches.append(branch)
        for branch in branches:
            branch.keys += 1
        if all(one.is_open for one in branches):
            begin = len(branches[-1].path) if branches else 0
            lines.append(Line(row, section, key, key[begin:], len(branches)))
    return lines
