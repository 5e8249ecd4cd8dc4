"""Traces against plain dictionaries: any calls, folds in between, two processes."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from mere.entities.assessment import Assessment
from mere.entities.span import Span
from mere.errors import NotFound
from mere.lake import Lake, LakeSettings
from mere.lake.objects.memory import MemoryStore
from mere.services.tables import TABLES
from mere.services.traces.assessments import Assessments
from mere.services.traces.changes import TraceChanges
from mere.services.traces.evaluation_datasets import EvaluationDatasets
from mere.services.traces.traces import Traces
from mere.testing.clock import ManualClock

_CALLS = 25
_IDS = tuple(f"tr-{number:032x}" for number in range(1, 4))
_HOMES = ("0", "7")
_SETTINGS = LakeSettings(keyed_file_rows=4, log_file_rows=8, compact_files_min=2)


@dataclass
class Row:
    """A trace as it should be."""

    home: str
    tags: dict[str, str] = field(default_factory=dict)
    spans: set[str] = field(default_factory=set)
    runs: set[str] = field(default_factory=set)
    said: dict[str, object] = field(default_factory=dict)
    is_deleted: bool = False


class Process:
    """The services of one process."""

    def __init__(self, store: MemoryStore, clock: ManualClock) -> None:
        self.lake = Lake.open(
            "memory://", tables=TABLES, store=store, clock=clock, settings=_SETTINGS
        )
        self.traces = Traces(self.lake, clock)
        self.assessments = Assessments(self.lake, clock, self.traces)
        datasets = EvaluationDatasets(self.lake, clock)
        self.changes = TraceChanges(self.lake, self.traces, self.assessments, datasets)


class Both:
    """The services and the dictionary, called alike."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        store = MemoryStore(ManualClock())
        self.clocks = [ManualClock(seed), ManualClock(seed + 1_000)]
        self.processes = [Process(store, clock) for clock in self.clocks]
        self.rows: dict[str, Row] = {}

    def call(self) -> None:
        """Make one call, and keep up now and then."""
        chance = self.chance
        for clock in self.clocks:
            clock.advance(chance.choice((0, 1, 60)))
        process = chance.choice(self.processes)
        calls = (self._receive, self._tag, self._link, self._delete, self._restore, self._purge)
        weights = (8, 4, 2, 2, 2, 1, 5, 2)
        (call,) = chance.choices((*calls, self._assess, self._retract), weights)
        call(process, chance.choice(_IDS))
        lake = chance.choice(self.processes).lake
        if chance.random() < 0.25:
            lake.fold()
        if chance.random() < 0.05:
            lake.upkeep()

    def _active(self, trace_id: str) -> Row | None:
        row = self.rows.get(trace_id)
        return None if row is None or row.is_deleted else row

    def _if_there(self, trace_id: str, call: Callable[[], object]) -> Row | None:
        """Call what needs the trace: it raises where there is none."""
        row = self._active(trace_id)
        if row is None:
            with pytest.raises(NotFound):
                call()
        else:
            call()
        return row

    def _receive(self, process: Process, trace_id: str) -> None:
        home = self.chance.choice(_HOMES)
        ids = {f"{self.chance.randrange(1, 9):016x}" for _ in range(3)}
        spans = [
            Span(trace_id=trace_id, span_id=one, start_ns=10**18, end_ns=10**18) for one in ids
        ]
        process.traces.receive(spans, home)
        row = self.rows.setdefault(trace_id, Row(home))
        row.home = home
        row.spans |= ids

    def _tag(self, process: Process, trace_id: str) -> None:
        key, value = self.chance.choice("kl"), self.chance.choice(("1", "ü", None))
        row = self._if_there(trace_id, lambda: process.traces.set_tags(trace_id, {key: value}))
        if row is not None:
            row.tags.pop(key, None)
            row.tags |= {} if value is None else {key: value}

    def _link(self, process: Process, trace_id: str) -> None:
        run = self.chance.choice(("a" * 32, "b" * 32))
        process.traces.link_to_run([trace_id], run)
        row = self._active(trace_id)
        if row is not None:
            row.runs.add(run)

    def _delete(self, process: Process, trace_id: str) -> None:
        home = self.chance.choice(_HOMES)
        row = self._active(trace_id)
        is_there = row is not None and row.home == home
        assert process.traces.delete(home, trace_ids=[trace_id]) == is_there
        if row is not None and is_there:
            row.is_deleted = True

    def _restore(self, process: Process, trace_id: str) -> None:
        row = self.rows.get(trace_id)
        is_gone = row is not None and row.is_deleted
        assert process.changes.restore([trace_id]) == is_gone
        if row is not None:
            row.is_deleted = False

    def _purge(self, process: Process, _: str) -> None:
        gone = [one for one, row in self.rows.items() if row.is_deleted]
        assert process.traces.purge() == len(gone)
        for one in gone:
            del self.rows[one]

    def _assess(self, process: Process, trace_id: str) -> None:
        value = self.chance.choice((True, 1, "ja"))
        one = Assessment(trace_id=trace_id, name="good", value=value)
        made: list[Assessment] = []
        row = self._if_there(trace_id, lambda: made.append(process.assessments.create(one)))
        if row is not None:
            row.said[made[0].assessment_id] = value

    def _retract(self, process: Process, trace_id: str) -> None:
        row = self._active(trace_id)
        if row is not None and row.said:
            chosen = self.chance.choice(sorted(row.said))
            if self.chance.random() < 0.5:
                process.assessments.delete(trace_id, chosen)
                del row.said[chosen]
            else:
                process.assessments.update(trace_id, chosen, {"value": 2})
                row.said[chosen] = 2

    def check(self) -> None:
        """Both processes show what the dictionary holds."""
        there = {one: row for one, row in self.rows.items() if not row.is_deleted}
        for process in self.processes:
            found, _ = process.traces.list(experiment_ids=list(_HOMES))
            assert {one.trace_id for one in found} == there.keys()
            spans = process.traces.spans_of(list(there))
            said = process.assessments.of(list(there))
            for trace_id, row in there.items():
                one = process.traces.get(trace_id)
                tags = {key: value for key, value in one.tags.items() if key in "kl"}
                assert (one.experiment_id, tags) == (row.home, row.tags)
                assert set(one.linked_to) == row.runs
                assert sorted(s.span_id for s in spans[trace_id]) == sorted(row.spans)
                assert {a.assessment_id: a.value for a in said[trace_id]} == row.said


@pytest.mark.parametrize("seed", range(3))
def test_traces_do_what_dictionaries_do(seed: int) -> None:
    both = Both(seed)
    for number in range(_CALLS):
        both.call()
        if number % 8 == 7:
            both.check()
    both.check()
    for process in both.processes:
        process.lake.close()
