"""Which runs are compared: some by their ids, or all that a filter finds, up to a limit.

Whoever asks is shown only runs that they may read; of ids that they named, those that are not
there and those that they may not read are told apart by nobody. What was picked is kept for a
while under a tag: windows of one page are then windows of the same thing, whatever is logged
meanwhile.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from mere.errors import ErrorCode, InvalidInput
from mere.services.portal.windows import WindowRequest
from mere.services.runs.search import View

if TYPE_CHECKING:
    from mere.services.portal.windows import Windows

__all__ = ["RUNS_MAX", "ComparedRun", "Picked", "Picking", "RunsWanted"]

RUNS_MAX = 5_000
_KEPT = 64
_ID = re.compile(r"[0-9a-f]{32}")
_COLUMNS = (
    "name",
    "status",
    "experiment_id",
    "experiment",
    "started_at",
    "duration",
    "created_by",
    "kind",
    "group",
    "entrypoint",
    "host",
    "python",
    "updated_at",
)


class RunsWanted(msgspec.Struct):
    """Which runs to compare.

    Args:
        runs: Their ids, in the order in which they are shown.
        experiments: Instead, runs of the experiments with these ids,
        filter: that pass a condition in the filter language,
        order: sorted by this; by default, the newest come first.
        view: ``active`` runs, ``deleted`` or ``all``; of runs given by id, all.
        tag: Of an earlier answer: the runs as they were picked then.
    """

    runs: list[str] | None = None
    experiments: list[str] | None = None
    filter: str = ""
    order: list[str] = []
    view: str = View.ACTIVE
    tag: str = ""


class ComparedRun(msgspec.Struct):
    """A run, as the head of its column says it."""

    run_id: str
    name: str | None
    status: str | None
    experiment_id: str
    experiment: str | None
    started_at: datetime | None


@dataclass(frozen=True)
class Picked:
    """The runs that are compared.

    Args:
        tag: Differs where they, or something of them, do.
        ids: Their ids, in order.
        rows: What is known of each, in the same order.
        matching: How many there are, those beyond the limit included.
        left_out: Ids that were asked for and are not there, or may not be read.
    """

    tag: str
    ids: list[str]
    rows: list[dict[str, Any]]
    matching: int
    left_out: list[str]

    def index(self, run_id: str) -> int | None:
        """The place of a run among them."""
        return self.ids.index(run_id) if run_id in self.ids else None

    def window(self, offset: int, limit: int) -> list[ComparedRun]:
        """The heads of some of them."""
        shown = self.rows[max(0, offset) : max(0, offset) + max(0, limit)]
        return [msgspec.convert(row, ComparedRun) for row in shown]


class Picking:
    """Picks the runs of one warehouse.

    Args:
        windows: Finds them.
    """

    def __init__(self, windows: Windows) -> None:
        self._windows = windows
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str], Picked] = OrderedDict()

    def pick(self, wanted: RunsWanted, readable: Collection[str] | None) -> Picked:
        """The runs meant.

        Args:
            wanted: Which.
            readable: The ids of the experiments whose runs may be shown; None for all.

        Raises:
            InvalidInput: The filter or order is wrong, or there are too many ids.
        """
        who = _digest("*" if readable is None else "\n".join(sorted(readable)))
        what = who + _digest(msgspec.json.encode(msgspec.structs.replace(wanted, tag="")))
        with self._lock:
            found = self._kept.get((what, wanted.tag))
        if found is not None:
            return found
        found = (
            self._by_id(wanted, readable)
            if wanted.runs is not None
            else self._by_filter(wanted, readable)
        )
        with self._lock:
            self._kept[what, found.tag] = found
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return found

    def _by_id(self, wanted: RunsWanted, readable: Collection[str] | None) -> Picked:
        ids = list(dict.fromkeys(wanted.runs or ()))
        if len(ids) > RUNS_MAX:
            raise InvalidInput(
                ErrorCode.LIMIT_EXCEEDED,
                f"{len(ids):,} runs: compare {RUNS_MAX:,} at most",
                limit=RUNS_MAX,
            )
        known = [one for one in ids if _ID.fullmatch(one)]
        rows: list[dict[str, Any]] = []
        if known:
            listed = ", ".join(f"'{one}'" for one in known)
            window = WindowRequest(
                filter=f"run_id in ({listed})",
                order=wanted.order,
                columns=list(_COLUMNS),
                limit=RUNS_MAX,
                view=View.ALL,
            )
            rows = self._windows.read(window, readable).rows.to_pylist()
        if not wanted.order:
            place = {run_id: at for at, run_id in enumerate(ids)}
            rows.sort(key=lambda row: place[row["run_id"]])
        found = {row["run_id"] for row in rows}
        return _picked(rows, len(rows), [one for one in ids if one not in found])

    def _by_filter(self, wanted: RunsWanted, readable: Collection[str] | None) -> Picked:
        window = WindowRequest(
            experiments=wanted.experiments,
            filter=wanted.filter,
            order=wanted.order,
            columns=list(_COLUMNS),
            limit=RUNS_MAX,
            view=wanted.view,
        )
        found = self._windows.read(window, readable)
        return _picked(found.rows.to_pylist(), found.total, [])


def _picked(rows: list[dict[str, Any]], matching: int, left_out: list[str]) -> Picked:
    ids = [row["run_id"] for row in rows]
    changed = (f"{row['run_id']} {row['updated_at']} {row['status']}" for row in rows)
    return Picked(_digest("\n".join(changed)), ids, rows, matching, left_out)


def _digest(text: str | bytes) -> str:
    data = text.encode() if isinstance(text, str) else text
    return hashlib.blake2b(data, digest_size=12).hexdigest()
