"""Comparing runs of a warehouse: who may see which, sheets of all kinds, media, code."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mere.entities.code import BundleInfo, Distribution, Environment
from mere.entities.run import Run, RunSource, RunStatus
from mere.errors import InvalidInput, NotFound
from mere.services.comparison.comparison import Target
from mere.services.comparison.families import Family
from mere.services.comparison.media import MediaWanted
from mere.services.comparison.picking import RUNS_MAX, RunsWanted
from mere.services.comparison.rows import RowsWanted
from mere.services.provenance.bundle import BundledFile, BundleWriter
from mere.services.provenance.code import encode_environment
from mere.services.warehouse import Warehouse, close_warehouses, open_warehouse

IDS = [f"{n:032x}" for n in range(1, 13)]
HOMES = {"one": IDS[:6], "two": IDS[6:]}


def bundle(**files: str) -> bytes:
    writer = BundleWriter()
    for path, text in sorted(files.items()):
        writer.add(BundledFile(f"{path}.py", text.encode()))
    return writer.finish(BundleInfo(kind="tree"))


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Iterator[Warehouse]:
    opened = open_warehouse(str(tmp_path_factory.mktemp("lake")))
    codes = [opened.code.put(bundle(train=text, same="x\n")) for text in ("a\nb\n", "a\nc\n")]
    environments = [
        opened.code.put(
            encode_environment(
                Environment(
                    python="3.12.1", distributions=[Distribution(name="numpy", version=version)]
                )
            )
        )
        for version in ("1.26", "2.0")
    ]
    for home, ids in HOMES.items():
        experiment = opened.experiments.create(home).experiment_id
        for run_id in ids:
            n = IDS.index(run_id)
            params = {"lr": str(n / 10), "optimizer": "adam" if n % 2 else "sgd", "fixed": "1"}
            source = RunSource(environment_digest=environments[n % 2], git_commit="abc", host="h")
            opened.runs.create(
                Run(
                    run_id=run_id,
                    experiment_id=experiment,
                    name=f"run {n}",
                    status=RunStatus.FINISHED,
                    params=params,
                    seeds={"torch": str(n)},
                    tags={"team": "x" if n < 3 else "y"},
                    source=source,
                )
            )
            tally = {"step": 1, "timestamp": 0, "value": float(n), "min": 0.0, "max": 20.0}
            opened.lake.patch(
                "runs",
                [
                    {
                        "run_id": run_id,
                        "metric_summary": {"acc": {**tally, "count": 2}},
                        "command": {"entrypoint": "train.py", "code_digest": codes[n > 5]},
                    }
                ],
            )
            opened.lake.append(
                "metrics",
                [
                    {"run_id": run_id, "key": "acc", "step": s, "timestamp": s, "value": v}
                    for s, v in ((0, 1.0), (1, float(n)))
                ],
            )
            for step in (5, 10):
                opened.artifacts.put_bytes(
                    run_id, f"media/shot/{step:08}.png", b"%d %d" % (n % 2, step), step=step
                )
            opened.artifacts.put_bytes(run_id, "report.txt", b"all the same")
            opened.lake.patch(
                "lineage",
                [
                    {
                        "run_id": run_id,
                        "direction": "read",
                        "asset": f"model:m/{1 + n % 2}",
                        "context": "teacher",
                        "logged_at": 0,
                    }
                ],
            )
    yield opened
    close_warehouses()


def picked(house, readable=None, **wanted):
    return house.comparison.pick(RunsWanted(**wanted), readable)


def page(house, family, of=None, **wanted):
    of = of or picked(house, runs=IDS)
    return house.comparison.page(Family(family), of, RowsWanted(**wanted), Target())


def test_runs_are_picked_in_the_order_given_and_others_left_out(house):
    wanted = [IDS[3], "f" * 32, IDS[0], "no id", IDS[3]]
    found = picked(house, runs=wanted)
    assert found.ids == [IDS[3], IDS[0]]
    assert found.left_out == ["f" * 32, "no id"]
    assert [one.name for one in found.window(1, 5)] == ["run 0"]


def test_what_may_not_be_read_is_left_out_like_what_is_not_there(house):
    two = house.experiments.get_or_create("two").experiment_id
    found = picked(house, {two}, runs=[IDS[0], IDS[7], "f" * 32])
    assert found.ids == [IDS[7]]
    assert found.left_out == [IDS[0], "f" * 32]
    assert picked(house, {two}, filter="params.fixed = '1'").matching == 6
    # What was picked for somebody else is not given to those who may read less.
    tag = picked(house, runs=IDS).tag
    assert picked(house, set(), runs=IDS, tag=tag).ids == []


def test_a_filter_picks_runs_of_many_experiments_and_a_tag_keeps_them(house):
    found = picked(house, filter="metrics.acc >= 4", order=["metrics.acc DESC"])
    assert found.ids == IDS[:3:-1]
    again = picked(house, filter="metrics.acc >= 4", order=["metrics.acc DESC"], tag=found.tag)
    assert again is found
    with pytest.raises(InvalidInput):
        picked(house, filter="nonsense ==")
    with pytest.raises(InvalidInput, match="compare 5,000 at most"):
        picked(house, runs=[f"{n:032x}" for n in range(RUNS_MAX + 1)])


def test_params_and_seeds_stand_beside_each_other(house):
    found = page(house, "params")
    assert [(one.section, one.key) for one in found.rows] == [
        ("params", "lr"),
        ("params", "optimizer"),
        ("seeds", "torch"),
    ]
    assert (found.keys, found.same) == (4, 1)
    assert found.rows[1].cells[:3] == ["sgd", "adam", "sgd"]


def test_metrics_with_last_extremes_and_means(house):
    (row,) = page(house, "metrics", baseline=IDS[1]).rows
    assert row.cells == [float(n) for n in range(12)]
    assert (row.best, row.base) == (11.0, 1.0)
    assert page(house, "metrics", take="max", is_all=True).rows[0].cells == [20.0] * 12
    mean = page(house, "metrics", take="mean", baseline=IDS[1], column_offset=3, column_limit=2)
    assert mean.rows[0].cells == [2.0, 2.5]
    assert mean.rows[0].base == 1.0


def test_code_environment_data_tags_and_files(house):
    assert [(one.section, one.key) for one in page(house, "code").rows] == [("files", "train.py")]
    (numpy,) = page(house, "environment").rows
    assert (numpy.section, numpy.key, numpy.cells[:2]) == ("packages", "numpy", ["1.26", "2.0"])
    (data,) = page(house, "data").rows
    assert (data.key, data.cells[:2]) == ("model m (teacher)", ["version 1", "version 2"])
    assert [one.key for one in page(house, "run").rows] == ["Experiment", "team"]
    files = page(house, "files", is_all=True)
    assert [one.key for one in files.rows if not one.differs] == ["report.txt"]


def test_why_finds_what_goes_along_and_says_what_cannot_be_told_apart(house):
    of = picked(house, runs=IDS)
    found = house.comparison.why(of, Target(metric="acc"), [])
    assert (found.runs, found.without, found.is_enough) == (12, 0, True)
    first = found.factors[0]
    assert (first.key, first.kind, first.verdict) == ("lr", "rank", "told")
    assert first.is_more_better is True
    assert [one.key for one in first.same] == ["torch"]
    # The optimizer, numpy and the teacher change together.
    optimizer = next(one for one in found.factors if one.key == "optimizer")
    assert {one.key for one in optimizer.same} == {"numpy", "model m (teacher)"}
    assert optimizer.verdict == "chance"
    less = house.comparison.why(of, Target(metric="acc", less=True), ["torch"]).factors[0]
    assert (less.is_more_better, less.same) == (False, [])
    few = house.comparison.why(picked(house, runs=IDS[:4]), Target(metric="acc"), [])
    assert not few.is_enough
    assert {one.verdict for one in few.factors} == {"few"}
    assert house.comparison.why(of, Target(metric="none"), []).runs == 0


def test_effects_are_the_order_of_keys(house):
    wanted = RowsWanted(order="effect")
    found = house.comparison.page(
        Family.PARAMS, picked(house, runs=IDS), wanted, Target(metric="acc")
    )
    assert [one.key for one in found.rows] == ["lr", "torch", "optimizer"]
    assert found.rows[0].effect == pytest.approx(1)


def test_points_are_counted_now_whenever_the_runs_were_picked(house):
    of = picked(house, runs=IDS)
    assert house.comparison.points(of) == 24
    assert house.comparison.points(picked(house, runs=["f" * 32])) == 0


def test_media_of_one_name_stand_beside_each_other_at_a_step(house):
    of = picked(house, runs=IDS)
    names = house.comparison.media(of, MediaWanted()).names
    assert [(one.name, one.runs, one.steps) for one in names] == [
        ("media/shot", 12, 2),
        ("report.txt", 12, 0),
    ]
    assert [one.versions for one in names] == [4, 1]
    files = house.comparison.media(of, MediaWanted(name="media/shot", step=7, limit=2))
    assert files.steps == [5, 10]
    assert [(one.run_id, one.step) for one in files.files] == [(IDS[0], 5), (IDS[1], 5)]
    assert files.runs == IDS[:2]
    last = house.comparison.media(of, MediaWanted(name="media/shot"))
    assert {one.step for one in last.files} == {10}
    with pytest.raises(InvalidInput):
        house.comparison.media(of, MediaWanted(limit=10**6))


def test_the_code_of_two_runs(house):
    found = house.comparison.diff(IDS[0], IDS[6])
    assert [(one.path, one.change) for one in found.files] == [("train.py", "changed")]
    assert found.same == 1
    assert found.text.splitlines()[-3:] == [" a", "-b", "+c"]
    assert house.comparison.diff(IDS[0], IDS[1]).text == ""
    with pytest.raises(NotFound):
        house.comparison.diff(IDS[0], "f" * 32)


def test_a_sheet_as_csv_is_no_formula(house):
    house.runs.set_tags(IDS[0], {"note": '=HYPERLINK("x")', "number": "-5"})
    of = picked(house, runs=IDS[:2])
    lines = house.comparison.csv(Family.RUN, of, RowsWanted()).splitlines()
    assert lines[0] == f"section,key,{IDS[0]},{IDS[1]}"
    assert """tags,note,"'=HYPERLINK(""x"")",""" in lines
    assert "tags,number,-5," in lines
    assert "metrics,acc,0.0,1.0" in house.comparison.csv(Family.METRICS, of, RowsWanted())
