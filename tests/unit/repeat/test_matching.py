from __future__ import annotations

from mere.repeat.matching import Started, match_runs


def run(run_id: str, name: str | None = None, depth: int = 0, **params: str) -> Started:
    return Started(run_id=run_id, experiment_id="1", name=name, params=params, depth=depth)


def test_the_only_run_corresponds_whatever_its_params() -> None:
    old = run("a", lr="0.1")
    assert match_runs(old, [old], [run("x", lr="0.1")]) == "x"
    assert match_runs(old, [old], [run("x", lr="0.2")]) == "x"
    assert match_runs(old, [old], []) is None


def test_params_decide_first_whatever_the_order() -> None:
    old = [run("a", lr="1"), run("b", lr="2"), run("c", lr="3")]
    new = [run("x", lr="3"), run("y", lr="2"), run("z", lr="1")]
    assert [match_runs(one, old, new) for one in old] == ["z", "y", "x"]


def test_then_the_name() -> None:
    old = [run("a", "fold-1"), run("b", "fold-2")]
    new = [run("x", "fold-2"), run("y", "fold-1")]
    assert [match_runs(one, old, new) for one in old] == ["y", "x"]


def test_then_the_order_of_starts() -> None:
    old = [run("a", "made-up-1"), run("b", "made-up-2"), run("c", "made-up-3", lr="1")]
    new = [run("z", "made-up-4"), run("x", "made-up-5"), run("y", "made-up-6", lr="1")]
    assert [match_runs(one, old, new) for one in old] == ["x", "z", "y"]
    assert match_runs(old[1], old, new[:1]) is None


def test_nested_runs_correspond_to_nested_ones() -> None:
    old = [run("a"), run("b", depth=1)]
    new = [run("x"), run("y", depth=1)]
    assert [match_runs(one, old, new) for one in old] == ["x", "y"]
