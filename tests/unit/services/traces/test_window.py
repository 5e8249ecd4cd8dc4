"""The list of traces: windows that stay, facets that count without themselves, time, sessions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from mere.entities.assessment import Assessment
from mere.entities.span import Span
from mere.errors import InvalidInput
from mere.lake import Lake
from mere.services.tables import TABLES
from mere.services.traces.assessments import Assessments
from mere.services.traces.changes import TraceChanges
from mere.services.traces.evaluation_datasets import EvaluationDatasets
from mere.services.traces.traces import Traces
from mere.services.traces.window import FACETS, TraceWant, TraceWindows
from mere.testing.clock import ManualClock

BASE_US = 1_700_000_000_000_000
HOUR_US = 3_600_000_000
NAMES = itertools.count()


def id_of(number: int) -> str:
    return f"tr-{number:032x}"


def trace(number: int, *, bad: bool = False, ms: float = 100.0, **attributes: object) -> list[Span]:
    """A root an hour after that of the number before, and a model's call below it."""
    start = (BASE_US + number * HOUR_US) * 1_000
    model = attributes.pop("model", None)
    root = Span(
        trace_id=id_of(number),
        span_id=f"{1:016x}",
        name=f"ask {number % 2}",
        start_ns=start,
        end_ns=start + int(ms * 1e6),
        status="ERROR" if bad else "OK",
        attributes={"input.value": f"Question {number}", **attributes},
    )
    if model is None:
        return [root]
    usage = {"gen_ai.request.model": model, "gen_ai.usage.input_tokens": 10 * number}
    call = Span(
        trace_id=id_of(number),
        span_id=f"{2:016x}",
        parent_span_id=f"{1:016x}",
        name="call",
        start_ns=start + 1,
        end_ns=start + 2,
        attributes=usage,
    )
    return [root, call]


@pytest.fixture
def lake() -> Iterator[Lake]:
    with Lake.open(f"memory://window-{next(NAMES)}", tables=TABLES, clock=ManualClock()) as opened:
        yield opened


@pytest.fixture
def traces(lake: Lake) -> Traces:
    return Traces(lake, lake.clock)


@pytest.fixture
def assessments(lake: Lake, traces: Traces) -> Assessments:
    return Assessments(lake, lake.clock, traces)


@pytest.fixture
def windows(lake: Lake, traces: Traces, assessments: Assessments) -> TraceWindows:
    for number in range(1, 7):
        traces.receive(
            trace(
                number,
                bad=number == 6,
                ms=number * 100,
                model="large" if number % 2 else "small",
                **{"user.id": f"user {number % 3}", "session.id": f"session {number // 3}"},
            ),
            "1",
        )
    traces.receive(trace(7), "2")
    return TraceWindows(lake, traces.search, assessments)


def numbers(found: object) -> list[int]:
    return [int(one.trace_id[3:], 16) for one in found.traces]  # type: ignore[attr-defined]


def test_windows_are_stretches_of_one_order(windows: TraceWindows) -> None:
    assert numbers(windows.window(None, TraceWant())) == [7, 6, 5, 4, 3, 2, 1]
    part = windows.window(None, TraceWant(), order="duration ASC", offset=1, limit=3)
    assert numbers(part) == [7, 2, 3] or numbers(part) == [1, 2, 3]  # 1 and 7 take as long
    assert part.total == 7
    assert numbers(windows.window(["1"], TraceWant(), limit=2)) == [6, 5]
    beyond = windows.window(None, TraceWant(), offset=100)
    assert (beyond.traces, beyond.total) == ([], 7)


def test_what_comes_later_is_counted_and_shown_when_asked_for(
    windows: TraceWindows, lake: Lake, traces: Traces
) -> None:
    first = windows.window(["1"], TraceWant(), limit=1)
    lake.clock.sleep(1)
    traces.receive(trace(9, model="small"), "1")
    pinned = windows.window(["1"], TraceWant(as_of_us=first.as_of_us))
    assert (numbers(pinned)[0], pinned.total, pinned.newer) == (6, 6, 1)
    other = TraceWant(as_of_us=first.as_of_us, chosen={"model": ["large"]})
    assert windows.window(["1"], other).newer == 0
    assert numbers(windows.window(["1"], TraceWant()))[0] == 9


def test_wants_narrow_down(windows: TraceWindows) -> None:
    def found(within: list[str] | None = None, **want: object) -> list[int]:
        return numbers(windows.window(within, TraceWant(**want)))  # type: ignore[arg-type]

    assert found(text="QUESTION 3") == [3]
    assert found(text="user 0") == [6, 3]
    assert found(filter="status = 'ERROR'") == [6]
    assert found(filter="span.name = 'call' and tokens >= 40") == [6, 5, 4]
    assert found(chosen={"model": ["large"], "user": ["user 0", "user 1"]}) == [3, 1]
    assert found(chosen={"model": [""]}) == [7]
    assert found(["1"], chosen={"experiment": ["2"]}) == []
    start = BASE_US + 2 * HOUR_US
    assert found(from_us=start, until_us=start + 2 * HOUR_US) == [3, 2]


def test_traces_of_a_run_are_those_made_in_it_or_linked_to_it(
    windows: TraceWindows, traces: Traces
) -> None:
    traces.link_to_run([id_of(4)], "r1")
    assert numbers(windows.window(None, TraceWant(run_id="r1"))) == [4]


def test_a_facet_counts_without_its_own_choice(windows: TraceWindows) -> None:
    found = windows.overview(None, TraceWant(chosen={"model": ["large"], "status": ["OK"]}))
    assert found.totals.traces == 3
    models = {one.value: one.traces for one in found.facets["model"].values}
    assert models == {"large": 3, "small": 2, "": 1}
    assert {one.value: one.traces for one in found.facets["status"].values} == {"OK": 3}
    assert found.facets["user"].total == 3
    assert list(found.facets) == list(FACETS)


def test_totals_and_time(windows: TraceWindows) -> None:
    found = windows.overview(["1"], TraceWant(), facets=[], bars=10)
    assert (found.totals.traces, found.totals.errors, found.totals.sessions) == (6, 1, 3)
    assert found.totals.total_tokens == 210
    assert found.totals.p50_ms == pytest.approx(350)
    assert found.step_us == HOUR_US
    assert [one.traces for one in found.moments] == [1] * 6
    assert found.moments[-1].errors == 1
    assert found.from_us == BASE_US + HOUR_US
    assert found.moments[0].at_us <= found.from_us
    assert found.facets == {}
    zoomed = windows.overview(None, TraceWant(from_us=BASE_US, until_us=BASE_US + 8 * HOUR_US))
    assert (zoomed.from_us, zoomed.until_us) == (BASE_US, BASE_US + 8 * HOUR_US)


def test_nothing_at_all(lake: Lake, traces: Traces, assessments: Assessments) -> None:
    empty = TraceWindows(lake, traces.search, assessments)
    assert empty.window(None, TraceWant()).total == 0
    found = empty.overview(None, TraceWant())
    assert (found.totals.traces, found.moments, found.from_us) == (0, [], None)
    assert empty.sessions(None, TraceWant()).total == 0


def test_sessions_are_added_up(windows: TraceWindows) -> None:
    found = windows.sessions(None, TraceWant(), limit=2)
    assert found.total == 3
    assert [one.session_id for one in found.sessions] == ["session 2", "session 1"]
    last = windows.sessions(None, TraceWant(), offset=1).sessions[0]
    assert (last.traces, last.request, last.errors) == (3, "Question 3", 0)


def test_what_is_said_of_them_comes_along(windows: TraceWindows, assessments: Assessments) -> None:
    assessments.create(Assessment(trace_id=id_of(2), name="helpful", value=True))
    found = windows.window(None, TraceWant(filter="feedback.helpful = 'true'"))
    assert [one.name for one in found.assessments[id_of(2)]] == ["helpful"]


@pytest.mark.parametrize(
    "want",
    [
        TraceWant(chosen={"colour": ["red"]}),
        TraceWant(chosen={"model": []}),
        TraceWant(filter="nonsense ="),
        TraceWant(text="x" * 2_000),
        TraceWant(from_us=-1),
        TraceWant(until_us=2**62),
    ],
)
def test_wants_that_mean_nothing_are_refused(windows: TraceWindows, want: TraceWant) -> None:
    with pytest.raises(InvalidInput):
        windows.window(None, want)
    with pytest.raises(InvalidInput):
        windows.overview(None, want)


def test_limits(windows: TraceWindows) -> None:
    for ask in (windows.window, windows.sessions):
        with pytest.raises(InvalidInput, match="ask for 0 to 500"):
            ask(None, TraceWant(), limit=501)
    with pytest.raises(InvalidInput, match="bars"):
        windows.overview(None, TraceWant(), bars=0)


@pytest.fixture
def changes(lake: Lake, traces: Traces, assessments: Assessments) -> TraceChanges:
    return TraceChanges(lake, traces, assessments, EvaluationDatasets(lake, lake.clock))


def test_deleted_traces_come_back(windows: TraceWindows, changes: TraceChanges) -> None:
    ids = [id_of(1), id_of(7), id_of(99)]
    assert changes.delete(ids) == 2
    assert numbers(windows.window(None, TraceWant())) == [6, 5, 4, 3, 2]
    assert changes.homes(ids) == {id_of(1): "1", id_of(7): "2"}
    assert changes.restore(ids) == 2
    assert changes.restore(ids) == 0
    assert len(numbers(windows.window(None, TraceWant()))) == 7


def test_several_are_tagged(windows: TraceWindows, changes: TraceChanges) -> None:
    assert changes.tag([id_of(1), id_of(2), id_of(99)], {"kind": "odd"}) == 2
    assert numbers(windows.window(None, TraceWant(chosen={"tag": ["kind=odd"]}))) == [2, 1]
    changes.tag([id_of(1)], {"kind": None})
    assert numbers(windows.window(None, TraceWant(chosen={"tag": ["kind=odd"]}))) == [2]
    with pytest.raises(InvalidInput, match="change 1 to"):
        changes.tag([], {"kind": "odd"})


def test_traces_become_records(
    windows: TraceWindows, changes: TraceChanges, assessments: Assessments, lake: Lake
) -> None:
    datasets = EvaluationDatasets(lake, lake.clock)
    made = datasets.create("questions")
    said = Assessment(trace_id=id_of(3), name="answer", kind="expectation", value="42")
    assessments.create(said)
    assert changes.to_dataset([id_of(3), id_of(4)], made.dataset_id, by="ada") == (2, 0)
    assert changes.to_dataset([id_of(3)], made.dataset_id) == (0, 1)
    records, _ = datasets.records(made.dataset_id)
    one = next(r for r in records if r.inputs == {"input": "Question 3"})
    assert one.expectations == {"answer": "42"}
    assert one.source == {"source_type": "TRACE", "source_data": {"trace_id": id_of(3)}}
    assert windows.window(None, TraceWant()).total == 7
