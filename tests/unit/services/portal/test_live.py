"""Live: ticks of own and foreign writes, through folds, and after an interruption."""

from __future__ import annotations

import pytest

from mere.errors import InvalidInput
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.services.portal.live import EVERYTHING, Live, check_topics
from mere.services.runs.homes import RunHomes
from mere.services.tables import TABLES
from mere.testing.clock import ManualClock

RUN = "a" * 32


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(clock) -> MemoryStore:
    return MemoryStore(clock)


@pytest.fixture
def replica(clock, store, tmp_path):
    """Open the warehouse as one more process: its lake and its ticks."""

    def open_it() -> tuple[Lake, Live]:
        lake = Lake.open("memory://", tables=TABLES, store=store, clock=clock, cache=tmp_path)
        return lake, Live(lake, RunHomes(lake))

    return open_it


def begin(lake: Lake, run: str = RUN, experiment: str = "7") -> None:
    lake.patch("runs", [{"run_id": run, "experiment_id": experiment, "name": "n"}])


def point(run: str = RUN) -> dict[str, object]:
    return {"run_id": run, "key": "loss", "step": 1, "timestamp": 0, "value": 1.0}


TOPICS = [
    *(f"run:{RUN}", f"log:{RUN}", "runs:7", "runs:8", "traces:7", "models", "experiments"),
    *("reports", "views", "datasets"),
]


def listen(live: Live, topics=TOPICS, last_id: str | None = None):
    woken: list[bool] = []
    return live.subscribe(topics, lambda: woken.append(True), last_id), woken


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (lambda lake: lake.append("metrics", [point()]), [f"run:{RUN}", "runs:7"]),
        (lambda lake: lake.patch("runs", [{"run_id": RUN, "name": "x"}]), [f"run:{RUN}", "runs:7"]),
        (lambda lake: lake.append("console", [{"run_id": RUN, "text": "x"}]), [f"log:{RUN}"]),
        (lambda lake: lake.patch("experiments", [{"experiment_id": "7"}]), ["experiments"]),
        (lambda lake: lake.patch("registered_models", [{"name": "m"}]), ["models"]),
        (lambda lake: lake.patch("model_versions", [{"name": "m", "version": 1}]), ["models"]),
        (lambda lake: lake.patch("reports", [{"report_id": "r", "title": "x"}]), ["reports"]),
        (lambda lake: lake.patch("saved_views", [{"view_id": "v", "name": "x"}]), ["views"]),
        (lambda lake: lake.patch("view_stars", [{"view_id": "v", "name": "x"}]), ["views"]),
        (
            lambda lake: lake.patch("evaluation_datasets", [{"dataset_id": "d", "name": "x"}]),
            ["datasets"],
        ),
        (lambda lake: lake.delete("evaluation_records", [("d", "dr")]), ["datasets"]),
        (
            lambda lake: lake.patch("artifacts", [{"owner": RUN, "path": "x", "size": 1}]),
            [f"run:{RUN}", "runs:7"],
        ),
        (
            lambda lake: lake.patch("traces", [{"trace_id": "t", "experiment_id": "7"}]),
            ["traces:7"],
        ),
        (lambda lake: begin(lake, "b" * 32, "8"), ["runs:8"]),
        (lambda lake: lake.append("metrics", [point("c" * 32)]), []),
    ],
)
def test_what_is_written_elsewhere_ticks_its_topics(replica, write, expected):
    other, _ = replica()
    begin(other)
    _, live = replica()
    subscription, woken = listen(live)
    assert subscription.take()[1] == []
    write(other)
    live.poll()
    assert woken == [True] * bool(expected)
    assert subscription.take()[1] == sorted(expected)
    live.poll()
    assert subscription.take()[1] == []


def test_many_ticks_become_one_and_wake_once(replica):
    lake, live = replica()
    begin(lake)
    subscription, woken = listen(live)
    for _ in range(50):
        lake.append("metrics", [point()])
        live.poll()
    assert woken == [True]
    assert subscription.take()[1] == [f"run:{RUN}", "runs:7"]


def test_a_fold_is_no_news_and_what_it_swallowed_unseen_is_everything(replica):
    other, _ = replica()
    begin(other)
    _, live = replica()
    subscription, _ = listen(live)
    other.fold()
    live.poll()
    assert subscription.take()[1] == []
    other.append("metrics", [point()])
    other.fold()
    live.poll()
    assert subscription.take()[1] == [EVERYTHING]


def test_who_left_is_told_nothing(replica):
    lake, live = replica()
    subscription, woken = listen(live)
    assert live.has_listeners
    live.leave(subscription)
    assert not live.has_listeners
    begin(lake)
    live.poll()
    assert woken == []


def test_who_comes_back_is_told_what_came_meanwhile_on_any_replica(replica, clock):
    other, _ = replica()
    begin(other)
    _, first = replica()
    _, second = replica()
    listen(first)
    listen(second)
    clock.advance(120)
    other.append("console", [{"run_id": RUN, "text": "x"}])
    first.poll()
    subscription, _ = listen(first)
    other.append("metrics", [point()])
    first.poll()
    last_id, advanced = subscription.take()
    assert advanced == [f"run:{RUN}", "runs:7"]
    clock.advance(120)
    other.append("console", [{"run_id": RUN, "text": "y"}])
    other.fold()
    for live in (first, second):
        again, _ = listen(live, last_id=last_id)
        assert again.take()[1] in ([EVERYTHING], [f"log:{RUN}", f"run:{RUN}", "runs:7"])


def test_nothing_is_missed_between_two_visits(replica, clock):
    other, _ = replica()
    begin(other)
    _, live = replica()
    subscription, _ = listen(live)
    clock.advance(600)
    other.append("metrics", [point()])
    live.poll()
    last_id, _ = subscription.take()
    clock.advance(600)
    other.append("console", [{"run_id": RUN, "text": "x"}])
    again, woken = listen(live, last_id=last_id)
    assert woken == [True]
    assert again.take()[1] == [f"log:{RUN}", f"run:{RUN}", "runs:7"], "and a minute before, too"
    fresh_id = again.take()[0]
    clock.advance(600)
    assert listen(live, last_id=fresh_id)[0].take()[1] == [f"log:{RUN}"]


def test_who_comes_back_to_a_server_that_is_new_is_told_everything(replica, clock):
    other, _ = replica()
    begin(other)
    _, live = replica()
    subscription, _ = listen(live)
    clock.advance(600)
    other.append("metrics", [point()])
    live.poll()
    last_id, _ = subscription.take()
    _, restarted = replica()
    assert listen(restarted, last_id=last_id)[0].take()[1] == [EVERYTHING]
    assert listen(live, last_id="no id")[0].take()[1] == [EVERYTHING]


@pytest.mark.parametrize(
    "topics",
    [[], ["run"], ["run:"], ["nothing:1"], ["models:1"], ["run:" + "x" * 400], ["*"], [""]],
)
def test_topics_that_are_none_are_refused(topics):
    with pytest.raises(InvalidInput):
        check_topics(topics)


def test_there_is_an_end_to_the_topics_of_one_listener():
    with pytest.raises(InvalidInput, match="1000"):
        check_topics(f"run:{n}" for n in range(1_001))
    assert check_topics(["models", "models"]) == ["models"]
