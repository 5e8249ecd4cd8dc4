"""Assessments, scorers and evaluation datasets."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from mere.entities.assessment import Assessment, AssessmentError
from mere.entities.span import Span
from mere.errors import InvalidInput, NotFound
from mere.lake import Lake
from mere.services.tables import TABLES
from mere.services.traces.assessments import Assessments
from mere.services.traces.evaluation_datasets import EvaluationDatasets
from mere.services.traces.scorers import Scorers
from mere.services.traces.traces import Traces
from mere.testing.clock import ManualClock

NAMES = itertools.count()
TRACE = f"tr-{1:032x}"


@pytest.fixture
def lake() -> Iterator[Lake]:
    url = f"memory://assessments-{next(NAMES)}"
    with Lake.open(url, tables=TABLES, clock=ManualClock()) as opened:
        yield opened


@pytest.fixture
def assessments(lake: Lake) -> Assessments:
    traces = Traces(lake, lake.clock)
    traces.receive([Span(trace_id=TRACE, span_id=f"{1:016x}", start_ns=1, end_ns=2)], "0")
    return Assessments(lake, lake.clock, traces)


def feedback(**fields: object) -> Assessment:
    return Assessment(**{"trace_id": TRACE, "name": "good", **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value", [True, 1, 0.5, float("nan"), "ja", "true", None, [1, "a"], {"k": [None, {"x": 1}]}]
)
def test_values_come_back_as_they_were(assessments: Assessments, value: object) -> None:
    made = assessments.create(feedback(value=value, metadata={"k": "ü"}))
    found = assessments.get(TRACE, made.assessment_id)
    assert repr(found.value) == repr(value)
    assert (found.metadata, found.is_valid, found.created_at) == ({"k": "ü"}, True, made.created_at)


def test_overriding_and_deleting(assessments: Assessments) -> None:
    first = assessments.create(feedback(value=1))
    assessments._clock.sleep(1)
    second = assessments.create(feedback(value=2, overrides=first.assessment_id))
    assert not assessments.get(TRACE, first.assessment_id).is_valid
    assert [one.value for one in assessments.of([TRACE])[TRACE]] == [1, 2]
    assessments.delete(TRACE, second.assessment_id)
    assessments.delete(TRACE, second.assessment_id)
    assert assessments.get(TRACE, first.assessment_id).is_valid
    with pytest.raises(NotFound):
        assessments.create(feedback(value=3, overrides="a-none"))
    with pytest.raises(NotFound):
        assessments.create(feedback(trace_id="tr-none", value=3))
    with pytest.raises(NotFound):
        assessments.delete("tr-none", "a-none")


def test_updating_merges_metadata_and_keeps_the_rest(assessments: Assessments) -> None:
    made = assessments.create(
        feedback(error=AssessmentError("E", "broke"), rationale="r", metadata={"a": "1"})
    )
    changed = assessments.update(
        TRACE, made.assessment_id, {"value": 5, "error": None, "metadata": {"b": "2"}}
    )
    found = assessments.get(TRACE, made.assessment_id)
    assert found == changed
    assert (found.value, found.error, found.rationale) == (5, None, "r")
    assert found.metadata == {"a": "1", "b": "2"}
    with pytest.raises(InvalidInput, match="source_id"):
        assessments.update(TRACE, made.assessment_id, {"source_id": "me"})


@pytest.mark.parametrize(
    "bad",
    [
        {"kind": "opinion"},
        {"source_kind": "GOD"},
        {"kind": "expectation"},
        {"kind": "expectation", "value": 1, "error": AssessmentError("E")},
        {"name": ""},
        {"rationale": "x" * 1_000_001},
    ],
)
def test_what_cannot_be_an_assessment(assessments: Assessments, bad: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        assessments.create(feedback(**bad))


def test_versions_of_scorers_are_never_given_twice(lake: Lake) -> None:
    scorers = Scorers(lake, lake.clock)
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda n: scorers.register("0", "kind", f'{{"n": {n}}}'), range(8)))
    assert sorted(one.version for one in made) == list(range(1, 9))
    assert scorers.get("0", "kind").version == 8
    scorers.delete("0", "kind", 8)
    assert scorers.register("0", "kind", "{}").version == 9
    assert [one.version for one in scorers.list(["0"])] == [9]
    assert scorers.list(["1"]) == []
    assert len(scorers.versions("0", "kind")) == 8
    assert scorers.delete("0", "kind") == 8
    for call in (scorers.get, scorers.versions, scorers.delete):
        with pytest.raises(NotFound):
            call("0", "kind")
    for bad in ("no json", "[1]", "[" * 100_000):
        with pytest.raises(InvalidInput):
            scorers.register("0", "kind", bad)


def test_records_of_the_same_inputs_are_one(lake: Lake) -> None:
    datasets = EvaluationDatasets(lake, lake.clock)
    made = datasets.create("köln", experiment_ids=["0"], tags={"a": "1"})
    first = [{"inputs": {"q": n, "r": float(n)}, "outputs": n} for n in range(5)]
    assert datasets.upsert_records(made.dataset_id, first) == (5, 0)
    again = [{"inputs": {"r": 1.0, "q": 1}, "expectations": {"e": None}, "tags": {"t": 1}}]
    assert datasets.upsert_records(made.dataset_id, [*again, *again]) == (0, 2)
    found, token = datasets.records(made.dataset_id, limit=3)
    rest, end = datasets.records(made.dataset_id, limit=3, page_token=token)
    assert [one.inputs["q"] for one in [*found, *rest]] == [0, 1, 2, 3, 4]
    assert end is None
    assert (found[1].outputs, found[1].expectations, found[1].tags) == (1, {"e": None}, {"t": 1})
    shown = datasets.get(made.dataset_id)
    assert (shown.records, shown.schema["inputs"]) == (5, {"q": "integer", "r": "float"})
    assert shown.digest != made.digest
    assert datasets.delete_records(made.dataset_id, [found[0].record_id, "dr-none"]) == 1
    for bad in ([{"inputs": 1}], ["x"], [{"inputs": {}, "tags": []}, {"inputs": {}, "tags": 5}]):
        with pytest.raises(InvalidInput):
            datasets.upsert_records(made.dataset_id, bad)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput):
        datasets.records(made.dataset_id, page_token="%%%")


def test_datasets_are_found_by_name_tag_and_experiment(lake: Lake) -> None:
    datasets = EvaluationDatasets(lake, lake.clock)
    made = [datasets.create(f"set {n}", experiment_ids=[str(n % 2)]) for n in range(4)]
    datasets.set_tags(made[0].dataset_id, {"k": "v"})
    assert [one.name for one in datasets.search(filter="tags.k = 'v'")[0]] == ["set 0"]
    assert len(datasets.search(experiment_ids=["1"])[0]) == 2
    assert [one.name for one in datasets.search(order="name desc", max_results=1)[0]] == ["set 3"]
    datasets.set_experiments(made[0].dataset_id, {"0": False, "7": True})
    assert datasets.get(made[0].dataset_id).experiment_ids == ["7"]
    datasets.delete(made[0].dataset_id)
    datasets.delete("d-none")
    with pytest.raises(NotFound):
        datasets.get(made[0].dataset_id)
