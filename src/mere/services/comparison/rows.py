"""Which rows of a sheet are shown, in which order, and the window of it that somebody looks at."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from mere.errors import ErrorCode, InvalidInput
from mere.services.comparison.directions import direction_of, has_direction
from mere.services.comparison.lines import Line, tree_of
from mere.services.comparison.sheets import MISSING

if TYPE_CHECKING:
    from mere.services.comparison.sheets import Numbers, Sheet

__all__ = [
    "Cell",
    "Order",
    "RowsWanted",
    "SheetRow",
    "Shown",
    "choose_rows",
    "rows",
]

ROWS_MAX = 500
COLUMNS_MAX = 200
IGNORED_MAX = 500
CELLS_CHARS_MAX = 100_000
_BEFORE_CHARS = 6

Cell = str | float | None
Order = Literal["key", "effect", "differences"]


class RowsWanted(msgspec.Struct):
    """Which rows and columns of a sheet.

    Args:
        is_all: Whether rows in which all runs agree are wanted, too.
        search: Words; only keys that hold all of them, in any case.
        ignore: Keys that are left out; ``*`` stands for anything.
        order: ``key``, ``effect`` (on `target`) or ``differences`` (most different values first).
        is_tree: Whether keys are shown nested, parted at slashes and dots; then by key.
        closed: The branches of the tree that are closed.
        baseline: The run that others are compared with.
        take: Of metrics: ``last``, ``min``, ``max`` or ``mean``.
        less: Metrics of which less is better,
        more: and those of which more is; of the others their names decide.
        offset: Leave out so many rows.
        limit: At most so many rows.
        column_offset: Leave out so many runs.
        column_limit: At most so many runs.
        chars: At most so many characters of a text.
    """

    is_all: bool = False
    search: str = ""
    ignore: list[str] = []
    order: Order = "key"
    is_tree: bool = False
    closed: list[str] = []
    baseline: str | None = None
    take: Literal["last", "min", "max", "mean"] = "last"
    less: list[str] = []
    more: list[str] = []
    offset: int = 0
    limit: int = 100
    column_offset: int = 0
    column_limit: int = 50
    chars: int = 200

    def checked(self) -> RowsWanted:
        """Return the request itself if it does not ask for too much.

        Raises:
            InvalidInput: It does.
        """
        for what, number, limit in (
            ("rows", self.limit, ROWS_MAX),
            ("columns", self.column_limit, COLUMNS_MAX),
            ("rows left out", self.offset, 2**53),
            ("columns left out", self.column_offset, 2**53),
            ("ignored keys", len(self.ignore), IGNORED_MAX),
            ("characters", self.chars, CELLS_CHARS_MAX),
        ):
            if not 0 <= number <= limit:
                raise InvalidInput(
                    ErrorCode.LIMIT_EXCEEDED,
                    f"{number} {what}: ask for 0 to {limit:,}",
                    limit=limit,
                )
        return self


class SheetRow(msgspec.Struct):
    """A row: a key with the values of the runs in the window, or a branch of the tree.

    Args:
        section: The section it is in.
        key: The key; of a branch, what all keys below it begin with.
        name: What it is called where it stands.
        depth: How far it is indented.
        keys: Of a branch, how many keys are below it; 0 for a key.
        is_open: Of a branch, whether it is.
        differs: Whether the runs differ in it.
        values: How many different values the runs have.
        missing: How many runs have none.
        cells: The values of the runs in the window; numbers that are none are texts.
        others: For each of these, whether it is another than the baseline's.
        base: The value of the baseline.
        best: Of metrics: the best value of all runs.
        less: Of metrics: whether less is better.
        effect: The share of the target's variance that goes along with it.
    """

    section: str
    key: str
    name: str
    depth: int = 0
    keys: int = 0
    is_open: bool = False
    differs: bool = False
    values: int = 0
    missing: int = 0
    cells: list[Cell] = []
    others: list[bool] = []
    base: Cell = None
    best: float | None = None
    less: bool = False
    effect: float | None = None


class Shown(msgspec.Struct):
    """The rows that are wanted, in order: keys by their number, branches by their path.

    Args:
        rows: What stands in each line.
        total: How many keys the sheet has.
        same: How many of these are left out as all runs agree in them,
        ignored: and how many as they are to be ignored.
    """

    rows: list[Line]
    total: int
    same: int
    ignored: int


def choose_rows(
    sheet: Sheet, wanted: RowsWanted, effects: npt.NDArray[np.float64] | None = None
) -> Shown:
    """Which rows are shown, in order.

    Args:
        sheet: The sheet.
        wanted: Which of its rows.
        effects: The effect of each row, where these are the order.
    """
    total = len(sheet.keys)
    ignored = _ignored(sheet.keys, wanted.ignore)
    kept = ~ignored
    same = int((kept & ~sheet.differs).sum())
    if not wanted.is_all:
        kept &= sheet.differs
    words = wanted.search.lower().split()
    by_key = [
        row
        for row in sheet.by_key
        if kept[row]
        and all(word in f"{sheet.sections[row]} {sheet.keys[row]}".lower() for word in words)
    ]
    if wanted.order == "effect" and effects is not None:
        by_key.sort(key=lambda row: -effects[row] if effects[row] == effects[row] else 1)
    elif wanted.order == "differences":
        counts = dict(zip(by_key, _distinct(sheet, by_key), strict=True))
        by_key.sort(key=lambda row: -counts[row])
    if wanted.is_tree and wanted.order == "key":
        lines = tree_of(sheet, by_key, set(wanted.closed))
    else:
        lines = [
            Line(row, sheet.sections[row], sheet.keys[row], sheet.keys[row], 0) for row in by_key
        ]
    return Shown(lines, total, same, int(ignored.sum()))


def rows(
    sheet: Sheet,
    shown: Shown,
    wanted: RowsWanted,
    *,
    baseline: int | None,
    effects: npt.NDArray[np.float64] | None = None,
) -> list[SheetRow]:
    """The window of the rows that are shown."""
    lines = shown.rows[wanted.offset : wanted.offset + wanted.limit]
    columns = slice(wanted.column_offset, wanted.column_offset + wanted.column_limit)
    # Means are not of the sheet: whoever wants them puts them into the cells.
    numbers = sheet.numbers.get(wanted.take, sheet.numbers.get("last"))
    distinct = iter(_distinct(sheet, [one.row for one in lines if one.row is not None]))
    found = []
    for line in lines:
        made = SheetRow(
            line.section, line.path, line.name, line.depth, line.keys, is_open=line.is_open
        )
        found.append(made)
        row = line.row
        if row is None:
            continue
        made.differs = bool(sheet.differs[row])
        made.values = next(distinct)
        made.missing = int((sheet.codes[row] == MISSING).sum())
        if effects is not None and math.isfinite(effects[row]):
            made.effect = float(effects[row])
        if numbers is None:
            codes = sheet.codes[row, columns]
            base = None if baseline is None else int(sheet.codes[row, baseline])
            made.cells = [_text(sheet, code, wanted.chars, base) for code in codes.tolist()]
            if base is not None:
                made.base = _text(sheet, base, wanted.chars, None)
                made.others = (codes != base).tolist()
        else:
            _measure(made, numbers[row], sheet.codes[row], columns, baseline)
            made.less = direction_of(made.key, wanted.less, wanted.more)
            finite = numbers[row][np.isfinite(numbers[row])]
            if len(finite) and has_direction(made.key, wanted.less, wanted.more):
                made.best = float(finite.min() if made.less else finite.max())
    return found


def _measure(
    made: SheetRow,
    values: Numbers,
    codes: npt.NDArray[np.int32],
    columns: slice,
    baseline: int | None,
) -> None:
    made.cells = [
        _number(value, code) for value, code in zip(values[columns], codes[columns], strict=True)
    ]
    if baseline is not None:
        made.base = _number(values[baseline], codes[baseline])


def _number(value: float, code: int) -> Cell:
    if code == MISSING:
        return None
    return float(value) if math.isfinite(value) else str(float(value))


def _text(sheet: Sheet, code: int, chars: int, base: int | None) -> Cell:
    """A text, or the stretch of it in which it begins to differ from the baseline's."""
    if code == MISSING:
        return None
    text = sheet.texts[code]
    if len(text) <= chars:
        return text
    start = 0
    if base is not None and base not in (code, MISSING):
        start = max(0, _alike(text, sheet.texts[base]) - _BEFORE_CHARS)
    end = "…" if start + chars < len(text) else ""
    return ("…" if start else "") + text[start : start + chars] + end


def _alike(text: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    most = min(len(text), len(other))
    return next((at for at in range(most) if text[at] != other[at]), most)


def _distinct(sheet: Sheet, chosen: Sequence[int]) -> list[int]:
    """How many different values rows have."""
    if not chosen or not sheet.codes.shape[1]:
        return [0] * len(chosen)
    cells = sheet.numbers.get("last", sheet.codes)
    ordered = np.sort(cells[list(chosen)], axis=1)
    is_new = ordered[:, 1:] != ordered[:, :-1]
    if cells.dtype.kind == "f":
        is_new &= ~np.isnan(ordered[:, 1:])
        first = ~np.isnan(ordered[:, 0])
    else:
        first = ordered[:, 0] != MISSING
    found: list[int] = (is_new.sum(axis=1) + first).tolist()
    return found


def _ignored(keys: Sequence[str], patterns: Sequence[str]) -> npt.NDArray[np.bool_]:
    """For each key, whether one of the patterns means it."""
    found = np.zeros(len(keys), np.bool_)
    plain = {one for one in patterns if "*" not in one}
    starred = [one for one in patterns if "*" in one]
    if plain:
        found |= np.fromiter((key in plain for key in keys), np.bool_, len(keys))
    if starred:
        # Only the star means something: brackets and question marks are letters of keys.
        either = re.compile("|".join(_pattern(one) for one in starred), re.DOTALL)
        found |= np.fromiter(
            (either.fullmatch(key) is not None for key in keys), np.bool_, len(keys)
        )
    return found


def _pattern(text: str) -> str:
    return "(?:" + ".*".join(re.escape(part) for part in re.split(r"\*+", text)) + ")"
