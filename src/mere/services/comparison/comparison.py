"""Compares runs: sheets of what they have, windows of these, and what goes along with a metric.

Sheets of a thousand runs take a look at each of them, so those of late are kept, within a bound of
memory; they belong to runs as they were when they were picked.
"""

from __future__ import annotations

import csv
import io
import threading
from collections import OrderedDict
from collections.abc import Collection
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import numpy.typing as npt

from mere.errors import ErrorCode, InvalidInput
from mere.services.comparison.code_diff import CodeDiff, diff_code
from mere.services.comparison.effects import shares_of
from mere.services.comparison.families import Families, Family
from mere.services.comparison.media import MediaPage, MediaWanted, read_media
from mere.services.comparison.picking import Picked, Picking, RunsWanted
from mere.services.comparison.rows import RowsWanted, SheetRow, Shown, choose_rows, rows
from mere.services.comparison.sheets import MISSING, Sheet
from mere.services.comparison.why import Why, why

if TYPE_CHECKING:
    from mere.lake import Lake
    from mere.services.comparison.sheets import Numbers
    from mere.services.datasets.datasets import Datasets
    from mere.services.portal.windows import Windows
    from mere.services.provenance.code import Code

__all__ = ["Comparison", "SheetPage", "Target"]

_KEPT_BYTES_MAX = 384 << 20
_CSV_CELLS_MAX = 5_000_000
_MEAN_CELLS_MAX = 4_000
_WHY = (Family.PARAMS, Family.CODE, Family.ENVIRONMENT, Family.DATA)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Target(msgspec.Struct):
    """The metric that keys are to explain.

    Args:
        metric: Its key; empty for none.
        take: ``last``, ``min`` or ``max``.
        less: Whether less of it is better.
    """

    metric: str = ""
    take: str = "last"
    less: bool = False


class SheetPage(msgspec.Struct):
    """A window of a sheet.

    Args:
        rows: The rows.
        total: How many lines there are in all, branches included.
        keys: How many keys the runs have,
        same: how many of these are left out as all runs agree in them,
        ignored: and how many as they are to be ignored.
        remarks: What is not complete, in words.
    """

    rows: list[SheetRow]
    total: int
    keys: int
    same: int
    ignored: int
    remarks: list[str]


class Comparison:
    """Compares the runs of one warehouse.

    Args:
        lake: Where they are stored.
        windows: Finds them.
        code: Where their code and environments are.
        datasets: Knows what people call versions.
    """

    def __init__(self, lake: Lake, windows: Windows, code: Code, datasets: Datasets) -> None:
        self._lake = lake
        self._code = code
        self._picking = Picking(windows)
        self._families = Families(lake, code, datasets)
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Family, str], Sheet] = OrderedDict()

    def pick(self, wanted: RunsWanted, readable: Collection[str] | None) -> Picked:
        """The runs meant; raises as `Picking.pick` does."""
        return self._picking.pick(wanted, readable)

    def points(self, picked: Picked) -> int:
        """How many points of metrics the runs have now, whenever they were picked."""
        found = self._lake.sql(
            "select coalesce(sum(list_sum(list_transform(map_values(metric_summary), "
            "lambda one: one.count))), 0)::bigint as points from runs where run_id = any($ids)",
            params={"ids": picked.ids},
        )
        return int(found["points"][0].as_py())

    def page(self, family: Family, picked: Picked, wanted: RowsWanted, target: Target) -> SheetPage:
        """A window of the sheet of some runs.

        Args:
            family: What is compared.
            picked: The runs.
            wanted: Which rows and columns.
            target: What the effects of keys are on.

        Raises:
            InvalidInput: It asks for too much.
        """
        sheet = self._sheet(family, picked)
        effects = self._effects(family, sheet, picked, target)
        shown = choose_rows(sheet, wanted.checked(), effects)
        baseline = picked.index(wanted.baseline) if wanted.baseline else None
        found = rows(sheet, shown, wanted, baseline=baseline, effects=effects)
        if wanted.take == "mean":
            self._with_means(found, picked, wanted)
        return SheetPage(
            found, len(shown.rows), shown.total, shown.same, shown.ignored, list(sheet.remarks)
        )

    def csv(self, family: Family, picked: Picked, wanted: RowsWanted) -> str:
        """All rows that are shown, for all runs, as comma-separated values.

        Raises:
            InvalidInput: That would be too many cells.
        """
        sheet = self._sheet(family, picked)
        shown = choose_rows(sheet, msgspec.structs.replace(wanted.checked(), is_tree=False))
        cells = len(shown.rows) * len(picked.ids)
        if cells > _CSV_CELLS_MAX:
            raise InvalidInput(
                ErrorCode.LIMIT_EXCEEDED,
                f"{cells:,} cells: export {_CSV_CELLS_MAX:,} at most; search for fewer keys, or "
                "compare fewer runs",
                limit=_CSV_CELLS_MAX,
            )
        return _csv(sheet, shown, picked, wanted.take if wanted.take != "mean" else "last")

    def why(self, picked: Picked, target: Target, ignore: list[str]) -> Why:
        """What differs between the runs, ranked by how it goes along with a metric.

        Args:
            picked: The runs.
            target: The metric.
            ignore: Keys that are left out.
        """
        sheets = {}
        for family in _WHY:
            sheet = self._sheet(family, picked)
            kept = [one.row for one in choose_rows(sheet, RowsWanted(ignore=ignore)).rows]
            sheets[family] = _only(sheet, [row for row in kept if row is not None])
        return why(sheets, self._values(picked, target), is_more_better=not target.less)

    def diff(self, first: str, second: str) -> CodeDiff:
        """The difference between the code of two runs; raises as `diff_code` does."""
        return diff_code(self._lake, self._code, first, second)

    def media(self, picked: Picked, wanted: MediaWanted) -> MediaPage:
        """Images, sounds and tables of the runs that go by the same name."""
        return read_media(self._lake, picked.ids, wanted)

    def _sheet(self, family: Family, picked: Picked) -> Sheet:
        key = (family, picked.tag)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        found = self._families.read(family, picked)
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > 1 and (
                sum(one.bytes for one in self._kept.values()) > _KEPT_BYTES_MAX
            ):
                self._kept.popitem(last=False)
        return found

    def _values(self, picked: Picked, target: Target) -> Numbers:
        """The metric of each run; NaN where it has none."""
        sheet = self._sheet(Family.METRICS, picked)
        if target.metric not in sheet.keys or target.take not in sheet.numbers:
            return np.full(len(picked.ids), np.nan)
        values: Numbers = sheet.numbers[target.take][sheet.keys.index(target.metric)]
        return values

    def _effects(
        self, family: Family, sheet: Sheet, picked: Picked, target: Target
    ) -> npt.NDArray[np.float64] | None:
        if not target.metric or family is Family.METRICS:
            return None
        found = np.full(len(sheet.keys), np.nan)
        differing = np.flatnonzero(sheet.differs)
        values = self._values(picked, target)
        found[differing] = shares_of(sheet.codes[differing], sheet.texts, values)
        return found

    def _with_means(self, found: list[SheetRow], picked: Picked, wanted: RowsWanted) -> None:
        """Put the means of all finite points into the cells of a window of metrics."""
        from mere.lake.pyramid_reading import Window

        ids = picked.ids[wanted.column_offset : wanted.column_offset + wanted.column_limit]
        if wanted.baseline in picked.ids:
            ids = [*ids, wanted.baseline]
        series = [(run_id, one.key) for one in found if not one.keys for run_id in ids]
        if len(series) > _MEAN_CELLS_MAX:
            raise InvalidInput(
                ErrorCode.LIMIT_EXCEEDED,
                f"means of {len(series):,} metrics: ask for {_MEAN_CELLS_MAX:,} at once",
                limit=_MEAN_CELLS_MAX,
            )
        if not series:
            return
        means = self._means(Window(series, 2), len(series))
        for number, one in enumerate(row for row in found if not row.keys):
            cells = means[number * len(ids) : (number + 1) * len(ids)]
            one.best = None
            if wanted.baseline in picked.ids:
                one.base = cells.pop()
            one.cells = list(cells)

    def _means(self, window: object, count: int) -> list[float | None]:
        _, (look,) = self._lake.look("metrics", [(window, None)])  # type: ignore[list-item]
        totals, counts = np.zeros(count), np.zeros(count)
        if look is not None:
            np.add.at(totals, look.buckets.series, look.buckets.total)
            np.add.at(counts, look.buckets.series, look.buckets.finite)
        return [
            float(total / points) if points else None
            for total, points in zip(totals, counts, strict=True)
        ]


def _only(sheet: Sheet, kept: list[int]) -> Sheet:
    """Some rows of a sheet of texts."""
    return Sheet(
        [sheet.sections[row] for row in kept],
        [sheet.keys[row] for row in kept],
        sheet.codes[kept],
        sheet.texts,
    )


def _csv(sheet: Sheet, shown: Shown, picked: Picked, take: str) -> str:
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(["section", "key", *picked.ids])
    writer.writerow(["run", "name", *(_safe(row["name"] or "") for row in picked.rows)])
    numbers = sheet.numbers.get(take)
    for line in shown.rows:
        if line.row is None:
            continue
        codes = sheet.codes[line.row]
        if numbers is None:
            cells = ["" if code == MISSING else _safe(sheet.texts[code]) for code in codes]
        else:
            cells = [
                "" if code == MISSING else repr(float(value))
                for code, value in zip(codes, numbers[line.row], strict=True)
            ]
        writer.writerow([line.section, _safe(line.path), *cells])
    return sink.getvalue()


def _safe(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    if not text.startswith(_FORMULA):
        return text
    try:
        float(text)
    except ValueError:
        return f"'{text}"
    return text
