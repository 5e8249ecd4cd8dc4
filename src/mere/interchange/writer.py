"""Writes what a reader gives into a warehouse, so that doing it again changes nothing.

The rule, run by run:

- A run, experiment, dataset or model is found again by its id or name, and only what differs is
  written. Params that differ stay as they are here and are reported; all else follows the source,
  but a run that was deleted here stays deleted.
- Points are compared metric by metric: where count, latest point and extremes are equal there is
  nothing to do; else the points are compared one by one (`mere.interchange.missing`).
- Lines of output are numbered, so only those beyond the last one here are added.
- Files are compared by size and digest.

Each segment holds whole stretches of points together with their part of the runs' summaries, so
an import that dies in the middle has written nothing half, and the next one adds the rest. Two
imports of the same runs at the same moment would not see each other's points: run one at a time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from mere.entities.dataset import Dataset, DatasetKind
from mere.entities.metric import Tally
from mere.entities.run import check_run_id
from mere.interchange.missing import Gathered, is_same_tally, missing
from mere.services.imports import Arrivals, Imports, chunks

if TYPE_CHECKING:
    from mere.interchange.foreign import (
        ConsoleLine,
        ForeignExperiment,
        ForeignRun,
        Source,
        Stretch,
    )
    from mere.interchange.report import ImportReport, OnProgress

__all__ = ["RunWriter", "run_changes"]

_RUNS_AT_ONCE = 500
_RECORDS_A_SEGMENT = 100_000
_RECORDS_A_FOLD = 400_000
_RECORDS_LEFT_MAX = 10_000


class RunWriter:
    """Writes runs of one source, with their points and output.

    Args:
        imports: The warehouse's intake.
        source: The reader.
        report: Where to count.
        on_progress: Told after each segment.
    """

    def __init__(
        self, imports: Imports, source: Source, report: ImportReport, on_progress: OnProgress
    ) -> None:
        self._imports = imports
        self._source = source
        self._report = report
        self._on_progress = on_progress
        self._arrivals = Arrivals()
        self._unfolded = 0

    def write(self, experiment: ForeignExperiment, experiment_id: str) -> Iterable[ForeignRun]:
        """Write the runs of an experiment; gives each run back once it is durable."""
        for runs in chunks(self._source.runs(experiment), _RUNS_AT_ONCE):
            here = {
                row["run_id"]: row
                for row in self._imports.rows("runs", run_id=[run.run_id for run in runs])
            }
            for run in runs:
                self._write_run(run, experiment_id, here.get(run.run_id))
            self.flush()
            yield from runs

    def flush(self) -> None:
        """Write what has gathered."""
        if self._arrivals.records:
            self._imports.write(self._arrivals)
            self._unfolded += self._arrivals.records
            self._arrivals = Arrivals()
        if self._unfolded >= _RECORDS_A_FOLD:
            self._fold()
        self._on_progress(self._report)

    def finish(self) -> None:
        """Fold what was written, if it is much; other engines see what is folded."""
        if self._unfolded >= _RECORDS_LEFT_MAX:
            self._fold()

    def _fold(self) -> None:
        # Unfolded records are held in memory.
        self._imports.fold()
        self._unfolded = 0

    def _write_run(self, run: ForeignRun, experiment_id: str, here: dict[str, Any] | None) -> None:
        check_run_id(run.run_id)
        report = self._report
        report.runs += 1
        written_before = report.points_new + report.console_lines_new
        inputs = self._inputs(run)
        changes = run_changes(run, experiment_id, here, report)
        if changes:
            self._arrivals.patch("runs", {"run_id": run.run_id, **changes})
        self._write_points(run, (here or {}).get("metric_summary") or {})
        self._write_console(run, is_new=here is None)
        is_changed = bool(changes) or inputs > 0
        is_changed |= report.points_new + report.console_lines_new > written_before
        report.runs_new += here is None
        report.runs_changed += here is not None and is_changed

    # Points

    def _write_points(self, run: ForeignRun, known: dict[str, Any]) -> None:
        """Stream metrics that are new here; gather and compare those that are not."""
        gathered: dict[str, Gathered] = {}
        current: str | None = None
        for stretch in self._source.points(run):
            self._report.points += len(stretch.steps)
            if stretch.key not in known:
                self._add_stretch(run.run_id, stretch)
                continue
            if current is not None and stretch.key != current:
                self._add_missing(run.run_id, current, gathered.pop(current), known[current])
            current = stretch.key
            gathered.setdefault(current, Gathered()).add(stretch)
        if current is not None:
            self._add_missing(run.run_id, current, gathered.pop(current), known[current])

    def _add_missing(self, run_id: str, key: str, source: Gathered, summary: Any) -> None:
        tally = _tally(source.steps, source.timestamps, source.values)
        if is_same_tally(tally, summary):
            return
        positions = missing(source, self._imports.points(run_id, key))
        if summary["count"] + len(positions) > len(source):
            extra = summary["count"] + len(positions) - len(source)
            self._report.differs(run_id, f"points of metric {key}", f"{extra} more", "0 more")
        for begin in range(0, len(positions), _RECORDS_A_SEGMENT):
            part = positions[begin : begin + _RECORDS_A_SEGMENT]
            self._add(
                run_id,
                key,
                [source.steps[i] for i in part],
                [source.timestamps[i] for i in part],
                [source.values[i] for i in part],
                [source.model_ids.get(i) for i in part],
                [source.dataset_ids.get(i) for i in part],
            )

    def _add_stretch(self, run_id: str, stretch: Stretch) -> None:
        key, steps, timestamps, values, models, datasets = stretch
        none = [None] * len(steps)
        self._add(run_id, key, steps, timestamps, values, models or none, datasets or none)

    def _add(
        self,
        run_id: str,
        key: str,
        steps: list[int],
        timestamps: list[int],
        values: list[float],
        model_ids: list[Any],
        dataset_ids: list[Any],
    ) -> None:
        if not steps:
            return
        self._report.points_new += len(steps)
        self._arrivals.append(
            "metrics",
            {
                "run_id": [run_id] * len(steps),
                "key": [key] * len(steps),
                "step": steps,
                "timestamp": timestamps,
                "value": values,
                "logged_model_id": model_ids,
                "dataset_id": dataset_ids,
            },
        )
        tally = msgspec.structs.asdict(_tally(steps, timestamps, values))
        self._arrivals.patch("runs", {"run_id": run_id, "metric_summary": {key: tally}})
        if self._arrivals.records >= _RECORDS_A_SEGMENT:
            self.flush()

    # Output and inputs

    def _write_console(self, run: ForeignRun, *, is_new: bool) -> None:
        known: dict[int, int] | None = {} if is_new else None
        met: dict[int, int] = {}
        lines: list[tuple[int, ConsoleLine]] = []
        for line in self._source.console(run):
            if known is None:
                known = self._imports.console_lines(run.run_id)
            number = met.get(line.process, 0)
            met[line.process] = number + 1
            if number < known.get(line.process, 0):
                continue
            lines.append((number, line))
            if len(lines) == _RECORDS_A_SEGMENT:
                self._add_lines(run.run_id, lines)
                lines = []
        self._add_lines(run.run_id, lines)

    def _add_lines(self, run_id: str, lines: list[tuple[int, ConsoleLine]]) -> None:
        if not lines:
            return
        self._report.console_lines_new += len(lines)
        self._arrivals.append(
            "console",
            {
                "run_id": [run_id] * len(lines),
                "process": [line.process for _, line in lines],
                "line": [number for number, _ in lines],
                "stream": [line.stream for _, line in lines],
                "timestamp": [line.timestamp for _, line in lines],
                "text": [line.text for _, line in lines],
            },
        )
        if self._arrivals.records >= _RECORDS_A_SEGMENT:
            self.flush()

    def _inputs(self, run: ForeignRun) -> int:
        """Record the datasets a run read; how many edges are new or changed."""
        if not run.inputs:
            return 0
        here = {row["asset"]: row for row in self._imports.rows("lineage", run_id=run.run_id)}
        written = 0
        for one in run.inputs:
            self._report.datasets += 1
            dataset_id = self._imports.dataset(
                Dataset(
                    dataset_id="",
                    name=one.name,
                    version=0,
                    kind=DatasetKind.REFERENCE,
                    digest=one.digest,
                    source_type=one.source_type,
                    source=one.source,
                    schema=one.schema,
                    profile=one.profile,
                )
            )
            row = {"context": one.context, "tags": one.tags}
            known = here.get(f"dataset:{dataset_id}")
            if known and known["context"] == one.context and (known["tags"] or {}) == one.tags:
                continue
            edge = {"run_id": run.run_id, "direction": "read", "asset": f"dataset:{dataset_id}"}
            self._arrivals.patch(
                "lineage", {**edge, **row, "logged_at": run.columns.get("started_at")}
            )
            written += 1
        return written


def run_changes(
    run: ForeignRun, experiment_id: str, here: dict[str, Any] | None, report: ImportReport
) -> dict[str, Any]:
    """The columns of a run to write: all of them if it is new, else what differs."""
    columns = {"experiment_id": experiment_id, **run.columns}
    if here is None:
        given = {name: value for name, value in columns.items() if value is not None}
        given.setdefault("lifecycle", "active")
        return given | {"params": dict(run.params), "tags": dict(run.tags)}
    changes: dict[str, Any] = {}
    for name, value in columns.items():
        if value is None or _plain(here.get(name)) == _plain(value):
            continue
        if name in ("lifecycle", "deleted_at") and here["lifecycle"] == "deleted":
            continue
        changes[name] = value
    fresh = {}
    known = here.get("params") or {}
    for key, value in run.params.items():
        if key not in known:
            fresh[key] = value
        elif known[key] != value:
            report.differs(run.run_id, f"param {key}", known[key], value)
    tags = here.get("tags") or {}
    changed = {key: value for key, value in run.tags.items() if tags.get(key) != value}
    return changes | ({"params": fresh} if fresh else {}) | ({"tags": changed} if changed else {})


def _plain(value: Any) -> Any:
    """A value in a form that can be compared: times as microseconds, structs without nulls."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items() if item is not None}
    if hasattr(value, "timestamp"):
        return round(value.timestamp() * 1_000_000)
    return value


def _tally(steps: Any, timestamps: Any, values: Any) -> Tally:
    tally = Tally(steps[0], timestamps[0], values[0], values[0], values[0], 1)
    for index in range(1, len(steps)):
        tally.add(steps[index], timestamps[index], values[index])
    return tally
