"""A study is a run, and each trial a run nested in it, as Optuna itself tells."""

from __future__ import annotations

import pytest

SCRIPT = "optuna_training.py"
STATUS = {"COMPLETE": "FINISHED", "PRUNED": "FINISHED", "FAIL": "FAILED"}


def check_trials(trained, name, said):
    children = {row["name"]: row for row in trained.children(name)}
    assert set(children) == {f"trial {trial['number']}" for trial in said}
    for trial in said:
        row = children[f"trial {trial['number']}"]
        assert row["kind"] == "trial"
        assert row["status"] == STATUS[trial["state"]]
        assert dict(row["params"] or ()) == {k: str(v) for k, v in trial["params"].items()}
        assert dict(row["tags"])["optuna.state"] == trial["state"]
    return children


def test_a_study_has_a_run_of_its_own(trained):
    said = trained.said["own_run"]
    assert [trial["state"] for trial in said].count("PRUNED") == 1
    children = check_trials(trained, "o own", said)
    run = trained.run("o own")
    assert (run.status, run.kind) == ("FINISHED", "study")
    complete = {t["number"]: t["values"][0] for t in said if t["state"] == "COMPLETE"}
    assert trained.curve("o own", "value") == list(complete.items())
    best = [min(list(complete.values())[: n + 1]) for n in range(len(complete))]
    assert [value for _, value in trained.curve("o own", "best_value")] == best
    assert run.tags["optuna.best_trial"] == str(min(complete, key=complete.__getitem__))
    reported = dict(children["trial 3"]["metrics"])
    assert reported["intermediate"] == pytest.approx(said[3]["params"]["x"] ** 2 + 2)
    assert len(trained.artifacts("o own")) == 1


def test_an_objective_may_log_to_its_trials_run(trained):
    said = trained.said["tracked"]
    assert [trial["state"] for trial in said] == ["COMPLETE", "FAIL", "COMPLETE", "PRUNED"]
    children = check_trials(trained, "o tracked", said)
    for number in range(4):
        assert dict(children[f"trial {number}"]["metrics"])["inside"] == number
    assert dict(children["trial 0"]["metrics"])["loss"] == said[0]["values"][0]


def test_trials_in_threads_belong_to_the_run_that_was_active(trained):
    check_trials(trained, "o threads", trained.said["threads"])


def test_two_directions_have_two_values(trained):
    children = check_trials(trained, "o two", trained.said["two_directions"])
    for trial in trained.said["two_directions"]:
        found = dict(children[f"trial {trial['number']}"]["metrics"])
        assert [found["value_0"], found["value_1"]] == trial["values"]


def test_a_study_that_raises_ends_as_failed(trained):
    said = trained.said["failing"]
    assert [trial["state"] for trial in said] == ["FAIL"]
    check_trials(trained, "o failing", said)
    assert trained.run("o failing").status == "FAILED"
