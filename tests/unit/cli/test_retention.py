from __future__ import annotations

import mere
from tests.unit.cli.conftest import Mere


def names(result) -> list[str]:
    return [row["name"] for row in result.json]


def test_runs_go_into_the_bin_and_come_back(filled: Mere) -> None:
    done = filled("delete", "one")
    assert done.code == 0
    assert done.out.startswith("1 run deleted\n")
    assert names(filled("runs", "--json")) == ["two"]
    assert names(filled("runs", "--json", "--deleted")) == ["one"]
    assert filled("delete", "one", "--json").json == {"dry_run": False, "deleted": []}
    assert "1 run restored" in filled("restore", "one").out
    assert names(filled("runs", "--json")) == ["two", "one"]


def test_a_filter_says_which(filled: Mere) -> None:
    words = ("--filter", "metrics.acc > 0.8", "--experiment", "digits")
    assert "1 run would be deleted" in filled("delete", *words, "--dry-run").out
    assert len(names(filled("runs", "--json"))) == 2
    (deleted,) = filled("delete", *words, "--json").json["deleted"]
    assert filled("restore", "--filter", "name like '%'", "--json").json["restored"] == [deleted]
    assert "0 runs deleted" in filled("delete", "--filter", "name = 'x'").out


def test_an_experiment_goes_with_its_runs(filled: Mere) -> None:
    assert "would be deleted" in filled("delete", "--whole-experiment", "digits", "--dry-run").out
    assert filled("delete", "--whole-experiment", "digits").out == "experiment digits deleted\n"
    assert "was deleted already" in filled("delete", "--whole-experiment", "digits").out
    assert names(filled("experiments", "--json")) == []
    assert names(filled("experiments", "--json", "--deleted")) == ["digits"]
    assert names(filled("runs", "--json")) == []
    assert filled("restore", "--whole-experiment", "digits", "--json").json["restored"] is True
    assert len(names(filled("runs", "--json"))) == 2


def test_what_is_meant_must_be_said_once(filled: Mere) -> None:
    for words in (
        (),
        ("one", "--filter", "name = 'one'"),
        ("one", "--whole-experiment", "digits"),
        ("one", "--experiment", "digits"),
        ("--filter", " "),
    ):
        done = filled("delete", *words)
        assert done.code == 2
        assert done.err.startswith("error: ")
    assert filled("delete", "three").code == 1
    assert len(names(filled("runs", "--json"))) == 2


def test_gc_says_what_would_go_and_removes_it_when_told(filled: Mere) -> None:
    assert "nothing to remove" in filled("gc").out
    filled("delete", "one")
    shown = filled("gc", "--older-than", "0s")
    assert "remove-runs" in shown.out
    assert "--yes" in shown.err
    dry = filled("gc", "--older-than", "0s", "--dry-run", "--yes", "--json").json
    assert (dry["dry_run"], dry["runs"]) == (True, 1)
    assert names(filled("runs", "--json", "--deleted")) == ["one"]
    done = filled("gc", "--older-than", "0s", "--yes", "--json").json
    assert {**done, "dry_run": True} == dry
    assert names(filled("runs", "--json", "--deleted")) == []
    assert mere.sql("select distinct run_id from metrics").num_rows == 1
    for age in ("soon", "-3d", "30", ""):
        assert filled("gc", "--older-than", age).code == 2


def test_a_wrong_filter_is_shown_with_the_place(filled: Mere) -> None:
    done = filled("runs", "metrcs.acc > 0.5")
    assert done.code == 2
    lines = done.err.splitlines()
    assert lines[0].endswith("did you mean `metrics.acc`?")
    assert lines[1:] == ["  metrcs.acc > 0.5", "  ^^^^^^^^^^"]
    assert names(filled("runs", "metrics.acc > 0.6", "--json")) == ["one"]
    assert names(filled("experiments", "name like 'dig%'", "--json")) == ["digits"]
