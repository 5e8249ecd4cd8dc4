"""What the lists show as SQL: the same rows in the same order, by the walled way of everybody."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from mere.entities.actor import Actor, ActorKind, Role, Scope
from mere.entities.assessment import Assessment
from mere.entities.span import Span
from mere.errors import InvalidInput
from mere.services.portal.window_sql import window_sql
from mere.services.portal.windows import WindowRequest
from mere.services.traces.window import TraceWant
from mere.services.warehouse import Warehouse, close_warehouses, open_warehouse

NOW_US = 1_700_000_000_000_000
HOUR_US = 3_600_000_000
HOSTILE = 'it\'s "x"; $s0 {} $now_us -- \\ %s\n\0é 😀'


def run_row(number: int, now_us: int) -> dict[str, object]:
    value = [math.nan, math.inf, 0.1 + 0.2, -float(number)][number % 4]
    tally = {"step": 1, "timestamp": 0, "value": value, "min": -5.0, "max": value, "count": 3}
    return {
        "run_id": f"{number:032x}",
        "experiment_id": str(1 + number % 2),
        "name": HOSTILE if number == 3 else f"run-{number}",
        "status": "FINISHED" if number % 5 else "FAILED",
        "lifecycle": "deleted" if number == 11 else "active",
        "started_at": None if number == 7 else now_us - number * HOUR_US,
        "ended_at": None if number % 6 == 0 else now_us - number * HOUR_US + 1_000_000 * number,
        "params": {"lr": str(number % 3), "model name": "cnn" if number % 2 else HOSTILE},
        "metric_summary": {} if number % 7 == 0 else {"val/acc": tally},
    }


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Iterator[Warehouse]:
    one = open_warehouse(str(tmp_path_factory.mktemp("lake")))
    now_us = one.clock.now_us()
    one.access.users.create("guest", "long enough a password", role=Role.NONE, by="test")
    one.access.grants.give("user", "guest", Scope.experiment("1"), Role.VIEWER, by="test")
    with one.lake.batch() as batch:
        for number in ("1", "2"):
            batch.patch("experiments", [{"experiment_id": number, "name": f"e{number}"}])
        rows = [run_row(number, now_us) for number in range(24)]
        batch.patch("runs", rows)
        batch.append(
            "metrics",
            [
                {
                    "run_id": row["run_id"],
                    "key": "val/acc",
                    "step": step,
                    "value": value,
                    "timestamp": step,
                }
                for row in rows[:9]
                for step, value in enumerate([1.0, 2.0, math.nan])
            ],
        )
    spans = [
        Span(
            trace_id=f"tr-{number:032x}",
            span_id=f"{number + 1:016x}",
            name=HOSTILE if number == 2 else f"ask {number % 2}",
            start_ns=(now_us - number * HOUR_US) * 1_000,
            end_ns=(now_us - number * HOUR_US) * 1_000 + number * 1_000_000,
            status="ERROR" if number % 3 == 0 else "OK",
            attributes={"openinference.span.kind": "LLM" if number % 2 else "TOOL"},
        )
        for number in range(1, 9)
    ]
    for experiment in ("1", "2"):
        mine = [span for span in spans if int(span.trace_id[-1]) % 2 == int(experiment) % 2]
        one.traces.receive(mine, experiment)
    said = Assessment(trace_id=spans[1].trace_id, name="helpful", value=False, kind="feedback")
    one.assessments.create(said)
    yield one
    one.queries.close()
    close_warehouses()


def ids(house: Warehouse, sql: str, actor: Actor | None = None) -> list[str]:
    found: list[str] = house.queries.run(actor or Actor.local(), sql).column(0).to_pylist()
    return found


FILTERS = [
    "",
    "params.lr = '1'",
    "params.lr < 1.5 and metrics.`val/acc` >= 0.30000000000000004",
    f"params.`model name` = '{HOSTILE.replace(chr(39), chr(39) * 2)}'",
    f"name in ('{HOSTILE.replace(chr(39), chr(39) * 2)}', 'run-4', 'run-5')",
    "metrics.`val/acc` is nan or metrics.`val/acc` > 1e300",
    "not (max(metrics.`val/acc`) > 0) and metrics.`val/acc` != -1",
    "name =~ 'run-1.*' or name ilike 'RUN-2%'",
    "started_at > now() - 5h or started_at is null",
    "started_at between now() - 10h and now() - 3h",
    "duration < 3s and experiment = 'e1'",
    "dataset.name is null and status != 'FAILED'",
    "tags.x is null and status in ('FAILED')",
]


@pytest.mark.parametrize("text", FILTERS)
@pytest.mark.parametrize("order", [[], ["metrics.`val/acc` DESC", "params.lr"], ["duration DESC"]])
def test_the_runs_of_a_window(house, text, order):
    request = WindowRequest(experiments=["1", "2"], filter=text, order=order)
    sql = window_sql(house.runs, house.clock, request)
    shown = house.windows.read(request).rows["run_id"].to_pylist()
    found = ids(house, sql)
    if order == ["duration DESC"]:  # runs without an end go on in between
        shown, found = sorted(shown), sorted(found)
    assert found == shown
    assert found, "a filter that finds nothing proves nothing"


def test_its_columns_groups_and_shelves(house):
    columns = ["name", "params.`model name`", "metrics.`val/acc`", "mean(metrics.`val/acc`)"]
    request = WindowRequest(experiments=["1"], columns=columns, view="all")
    sql = window_sql(house.runs, house.clock, request)
    found = house.queries.run(Actor.local(), sql)
    shown = house.windows.read(request).rows
    assert found.column_names == ["run_id", *columns]
    for name in found.column_names:
        assert list(map(repr, found[name].to_pylist())) == list(map(repr, shown[name].to_pylist()))
    gone = WindowRequest(view="deleted")
    assert ids(house, window_sql(house.runs, house.clock, gone)) == [f"{11:032x}"]
    by = WindowRequest(group=["params.lr", "status"], columns=["name"], order=["name"])
    rows = house.queries.run(Actor.local(), window_sql(house.runs, house.clock, by)).to_pylist()
    keys = [(row["params.lr"], row["status"], row["name"]) for row in rows]
    assert keys == sorted(keys)
    assert len(keys) == 23


def test_who_runs_it_finds_what_he_may_read(house):
    guest = Actor(name="guest", kind=ActorKind.USER)
    request = WindowRequest()
    shown = house.windows.read(request, house.access.readable_experiments(guest))
    sql = window_sql(house.runs, house.clock, request)
    assert ids(house, sql, guest) == shown.rows["run_id"].to_pylist()
    assert len(ids(house, sql)) > len(ids(house, sql, guest)) > 0
    traces = house.trace_windows.sql(None, TraceWant())
    assert len(ids(house, traces)) > len(ids(house, traces, guest)) > 0


def test_what_is_wrong_is_refused_as_in_the_window(house):
    for wrong in (
        WindowRequest(filter="name ="),
        WindowRequest(order=["dataset.name"]),
        WindowRequest(columns=["mean(params.lr)"]),
        WindowRequest(columns=["name"] * 2),
        WindowRequest(view="x"),
    ):
        with pytest.raises(InvalidInput):
            window_sql(house.runs, house.clock, wrong)


WANTS = [
    TraceWant(),
    TraceWant(filter="duration > 2ms and span.type = 'TOOL'"),
    TraceWant(filter="feedback.helpful = 'false'"),
    TraceWant(filter="status = 'ERROR' or started_at > now() - 2h"),
    TraceWant(text='"x"; $s0 {} $NOW_us'),
    TraceWant(chosen={"status": ["OK"], "model": [""], "name": ["ask 0", HOSTILE]}),
    TraceWant(from_us=1_000_000, until_us=2**52),
]


@pytest.mark.parametrize("want", WANTS)
@pytest.mark.parametrize("order", ["", "duration DESC", "name ASC"])
@pytest.mark.parametrize("within", [None, ["1", "2"], ["1"]])
def test_the_traces_of_a_list(house, want, order, within):
    shown = house.trace_windows.window(within, want, order=order)
    found = ids(house, house.trace_windows.sql(within, want, order=order))
    assert found == [one.trace_id for one in shown.traces]
    assert found or within == ["1"]


def test_the_assessments_are_a_column(house):
    want = TraceWant(filter="feedback.helpful = 'false'")
    (row,) = house.queries.run(Actor.local(), house.trace_windows.sql(None, want)).to_pylist()
    assert row["assessments"] == ["helpful = false"]
    with pytest.raises(InvalidInput):
        house.trace_windows.sql(None, TraceWant(filter="nothing ="))
