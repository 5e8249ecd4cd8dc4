"""Evaluation datasets as they are looked through: words, orders, windows, who may read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mere.errors import InvalidInput, NotFound
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.services.tables import TABLES
from mere.services.traces.evaluation_datasets import EvaluationDatasets
from mere.services.traces.evaluation_windows import EvaluationWindows
from mere.testing.clock import ManualClock

TRACE = {"source_type": "TRACE", "source_data": {"trace_id": "tr-1"}}


@pytest.fixture
def lake() -> Iterator[Lake]:
    clock = ManualClock()
    opened = Lake.open("memory://", tables=TABLES, store=MemoryStore(clock), clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def datasets(lake: Lake) -> EvaluationDatasets:
    return EvaluationDatasets(lake, lake.clock)


@pytest.fixture
def windows(lake: Lake) -> EvaluationWindows:
    return EvaluationWindows(lake)


def test_datasets_are_found_by_words_and_tags(
    datasets: EvaluationDatasets, windows: EvaluationWindows
) -> None:
    first = datasets.create("Köln 100%", experiment_ids=["1", "2"], tags={"use": "gate"})
    second = datasets.create("basel", experiment_ids=["2"])
    datasets.create("of the warehouse")
    gone = datasets.create("gone", experiment_ids=["1"])
    datasets.delete(gone.dataset_id)
    datasets.upsert_records(second.dataset_id, [{"inputs": {"q": n}} for n in range(3)])

    def names(**wanted: object) -> list[str]:
        page = windows.datasets(**{"readable": None, **wanted})  # type: ignore[arg-type]
        assert page.total >= len(page.datasets)
        return [one.name for one in page.datasets]

    assert sorted(names()) == ["Köln 100%", "basel", "of the warehouse"]
    assert names(text="KÖLN use=ga") == ["Köln 100%"]
    assert names(text="%%") == []
    assert names(order="records", limit=1) == ["basel"]
    assert names(order="name", is_descending=False) == ["basel", "Köln 100%", "of the warehouse"]
    assert sorted(names(experiment_ids=["2"])) == ["Köln 100%", "basel"]
    assert names(readable={"2"}) == ["basel"]
    assert names(readable=set()) == []
    page = windows.datasets(order="records", limit=1, readable=None)
    assert (page.total, page.datasets[0].records) == (3, 3)
    assert page.datasets[0].experiment_ids == ["2"]
    beyond = windows.datasets(offset=50, readable=None)
    assert (beyond.datasets, beyond.total) == ([], 3)
    assert windows.datasets(text="use=gate", readable=None).datasets[0].tags == first.tags


def test_records_are_a_window_whatever_they_hold(
    datasets: EvaluationDatasets, windows: EvaluationWindows
) -> None:
    made = datasets.create("asked").dataset_id
    records = [
        {
            "inputs": {"question": f"{'long ' * 2_000} {number}"},
            "outputs": [number],
            "expectations": {"answer": f"No {number}", "score": 0.5},
            "tags": {"seen": True},
            "source": TRACE if number else {"source_type": ["odd"], "source_data": "odd"},
        }
        for number in range(250)
    ]
    assert datasets.upsert_records(made, records, by="ada") == (250, 0)
    page = windows.records(made, offset=100, limit=20)
    assert (page.total, len(page.records)) == (250, 20)
    one = page.records[0]
    assert len(one.inputs or "") == 500
    assert (one.outputs, one.expectations) == ("[100]", 'answer: "No 100", score: 0.5')
    assert (one.tags, one.trace_id, one.source_type) == ("seen=true", "tr-1", "TRACE")
    assert one.changed_by == "ada"
    newest = windows.records(made, order="changed", is_descending=True, limit=1).records[0]
    assert newest.outputs == "[249]"
    assert windows.records(made, 'NO 17"').total == 3  # 17, 117, 217
    assert windows.records(made, one.record_id.upper()).total == 1
    assert windows.records(made, one.record_id[:9]).total == 0
    assert windows.records(made, "tr-1").total == 249
    assert windows.records(made, "tr-").total == 0
    odd = windows.records(made, "odd").records
    assert [(record.source_type, record.trace_id) for record in odd] == [(None, None)]
    assert windows.records(made, "none-such").records == []
    assert windows.records("d-none").total == 0
    whole = datasets.record(made, one.record_id)
    assert whole.inputs["question"].endswith(" 100")
    with pytest.raises(NotFound, match="there is no record"):
        datasets.record("d-none", one.record_id)


def test_removing_records_changes_the_dataset(datasets: EvaluationDatasets, lake: Lake) -> None:
    made = datasets.create("asked").dataset_id
    datasets.upsert_records(made, [{"inputs": {"q": 1}}, {"inputs": {"q": 2}}], by="ada")
    before = datasets.get(made)
    lake.clock.sleep(1)
    found, _ = datasets.records(made)
    assert datasets.delete_records(made, [found[0].record_id], by="bob") == 1
    after = datasets.get(made)
    assert (after.records, after.changed_by) == (1, "bob")
    assert after.digest != before.digest
    assert after.changed_at is not None
    assert before.changed_at is not None
    assert after.changed_at > before.changed_at
    assert datasets.delete_records(made, ["dr-none"], by="eve") == 0
    assert datasets.get(made) == after


def test_a_huge_record_is_not_shown_whole(
    datasets: EvaluationDatasets, windows: EvaluationWindows
) -> None:
    made = datasets.create("asked").dataset_id
    datasets.upsert_records(made, [{"inputs": {"q": "x" * (5 << 20)}}])
    found = windows.records(made).records[0]
    with pytest.raises(InvalidInput, match="is not shown whole"):
        datasets.record(made, found.record_id)


def test_what_cannot_be_asked(windows: EvaluationWindows) -> None:
    with pytest.raises(InvalidInput, match="order by one of name, records, made, changed"):
        windows.datasets(order="digest", readable=None)
    with pytest.raises(InvalidInput, match="order by one of made, changed"):
        windows.records("d-none", order="inputs")
    with pytest.raises(InvalidInput, match="ask for 1 to 1,000"):
        windows.records("d-none", limit=1_001)
    with pytest.raises(InvalidInput, match="ask for 1 to 1,000"):
        windows.datasets(offset=-1, readable=None)
    with pytest.raises(InvalidInput, match="at most 10"):
        windows.records("d-none", "w " * 11)
