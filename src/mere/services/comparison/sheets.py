"""Sheets: keys by runs, the form in which everything is compared.

A sheet of texts keeps each text once and a number for it in each cell, so that whether a thousand
runs agree on five thousand keys is a question of comparing numbers. A sheet of metrics keeps
numbers as they are. Rows stand in sections, such as the packages within an environment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["MISSING", "Codes", "Numbers", "Sheet", "sheet_of_maps", "sheet_of_rows", "stacked"]

Codes = npt.NDArray[np.int32]
Numbers = npt.NDArray[np.float64]

MISSING = -1
"""Stands in a cell for no value."""

_DIGITS = re.compile(r"([0-9]{1,18})")


@dataclass(frozen=True)
class Sheet:
    """Keys by runs.

    Args:
        sections: For each row, the section it is in.
        keys: For each row, its key.
        codes: For each cell the number of its text, or `MISSING`.
        texts: The texts.
        numbers: Of metrics: the cells by what is taken of them (last, min, max); NaN where
            there is none. `codes` then says which there are: 0, or `MISSING`.
        remarks: What is not complete, in words.
    """

    sections: Sequence[str]
    keys: Sequence[str]
    codes: Codes
    texts: Sequence[str]
    numbers: Mapping[str, Numbers] = field(default_factory=dict)
    remarks: Sequence[str] = ()

    @cached_property
    def differs(self) -> npt.NDArray[np.bool_]:
        """For each row, whether the runs differ in it; to lack a value is to differ."""
        if not self.codes.shape[1]:
            return np.zeros(len(self.keys), np.bool_)
        found: npt.NDArray[np.bool_] = self.codes.min(axis=1) != self.codes.max(axis=1)
        if "last" in self.numbers:
            last = self.numbers["last"]
            first = last[:, :1]
            same = (last == first) | (np.isnan(last) & np.isnan(first))
            found |= ~same.all(axis=1)
        return found

    @cached_property
    def by_key(self) -> list[int]:
        """The rows by section and key: 2 comes before 10."""
        sections = {name: at for at, name in enumerate(dict.fromkeys(self.sections))}
        places = [_place(key) for key in self.keys]
        return sorted(
            range(len(places)), key=lambda row: (sections[self.sections[row]], places[row])
        )

    @property
    def bytes(self) -> int:
        """About how much memory it takes."""
        texts = 80 * (len(self.texts) + len(self.keys))
        return texts + self.codes.nbytes + sum(one.nbytes for one in self.numbers.values())


def sheet_of_maps(
    section: str, runs: Sequence[str], found: pa.Table, takes: Mapping[str, str] | None = None
) -> Sheet:
    """A sheet of a map column.

    Args:
        section: The name of its one section.
        runs: The ids of the runs, in the order of the columns.
        found: A row for each run: ``run_id`` and the column, ``cells``; its texts may be numbered
            already (see `Lake.scan`), which saves most of the work.
        takes: Of metrics, what is taken of them: fields of the values, by name.
    """
    place = {run_id: at for at, run_id in enumerate(runs)}
    columns = np.array([place[one] for one in found["run_id"].to_pylist()], np.int32)
    cells = found["cells"].combine_chunks()
    offsets = cells.offsets.to_numpy()
    at = np.repeat(columns, np.diff(offsets))
    held = slice(offsets[0], offsets[-1])
    rows, names = _numbered(cells.keys[held])
    codes = np.full((len(names), len(runs)), MISSING, np.int32)
    numbers: dict[str, Numbers] = {}
    texts: list[str] = []
    if takes:
        codes[rows, at] = 0
        for take, part in takes.items():
            numbers[take] = np.full(codes.shape, np.nan)
            numbers[take][rows, at] = cells.items[held].field(part).to_numpy(zero_copy_only=False)
    else:
        codes[rows, at], texts = _numbered(cells.items[held])
    return Sheet([section] * len(names), names, codes, texts, numbers)


def _numbered(found: pa.Array) -> tuple[Codes, list[str]]:
    """The number of each text, and the texts, those met first first.

    Texts that are numbered already get other numbers, as some may be of other runs.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_dictionary(found.type):
        found = found.dictionary_encode()
    met = pc.unique(found.indices)
    texts: list[str] = found.dictionary.take(met).to_pylist()
    numbers: Codes = found.indices.to_numpy()
    order = np.arange(len(met), dtype=np.int32)
    if not np.array_equal(met.to_numpy(), order):
        place = np.empty(len(found.dictionary), np.int32)
        place[met.to_numpy()] = order
        numbers = place[numbers]
    return numbers, texts


def sheet_of_rows(
    rows: Mapping[tuple[str, str], Sequence[str | None]], runs: int, remarks: Sequence[str] = ()
) -> Sheet:
    """A sheet of texts that are at hand.

    Args:
        rows: By section and key, a text or none for each run.
        runs: How many runs there are.
        remarks: What is not complete, in words.
    """
    known: dict[str, int] = {}
    codes = np.full((len(rows), runs), MISSING, np.int32)
    for number, cells in enumerate(rows.values()):
        codes[number] = [
            MISSING if cell is None else known.setdefault(cell, len(known)) for cell in cells
        ]
    return Sheet(
        [section for section, _ in rows], [key for _, key in rows], codes, list(known), {}, remarks
    )


def stacked(*sheets: Sheet) -> Sheet:
    """Sheets of texts of the same runs, one below the other."""
    codes: list[Codes] = []
    texts: list[str] = []
    offset = 0
    for sheet in sheets:
        codes.append(np.where(sheet.codes == MISSING, MISSING, sheet.codes + np.int32(offset)))
        texts.extend(sheet.texts)
        offset += len(sheet.texts)
    return Sheet(
        [section for sheet in sheets for section in sheet.sections],
        [key for sheet in sheets for key in sheet.keys],
        np.concatenate(codes),
        texts,
        {},
        [remark for sheet in sheets for remark in sheet.remarks],
    )


def _place(key: str) -> list[tuple[int, int, str]]:
    """Where a key stands: 2 before 10, and capitals with their small letters."""
    parts = _DIGITS.split(key.lower())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]
