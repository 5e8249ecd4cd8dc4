from __future__ import annotations

from mere.entities.code import Distribution, Environment
from mere.repeat.packages import differing, plan_packages


def environment(*packages: Distribution, mere: str | None = "1.0") -> Environment:
    return Environment(python="3.11.2", distributions=list(packages), mere=mere)


def package(name: str, version: str = "1.0", **traits: object) -> Distribution:
    return Distribution(name=name, version=version, **traits)  # type: ignore[arg-type]


def test_where_each_package_comes_from() -> None:
    plan = plan_packages(
        environment(
            package("numpy", "2.0"),
            package("own", local="libs/own", is_editable=True),
            package(
                "forked",
                url="https://example.org/f.git",
                vcs="git",
                commit="abc",
                subdirectory="python",
            ),
            package("archive", url="https://example.org/archive-1.0.zip"),
            package("wheel", url="file:///tmp/wheel-1.0-py3-none-any.whl"),
            package("elsewhere", url="file:///home/ann/elsewhere", is_editable=True),
            package("torch", "2.4.0+cu121"),
        ),
        "1.0",
    )
    assert plan.lock == [
        "numpy==2.0",
        "forked @ git+https://example.org/f.git@abc#subdirectory=python",
        "archive @ https://example.org/archive-1.0.zip",
        "wheel==1.0",
        "torch==2.4.0+cu121",
    ]
    assert [one.name for one in plan.local] == ["own"]
    assert plan.torch_backend == "cu121"
    assert plan.has_running_mere
    (note,) = plan.notes
    assert "elsewhere" in note


def test_mere_itself() -> None:
    local = plan_packages(environment(package("mere", local=".", is_editable=True)), "1.0")
    assert not local.has_running_mere
    same = plan_packages(environment(package("mere", "1.0")), "1.0")
    assert (same.has_running_mere, same.lock) == (True, [])
    older = plan_packages(environment(package("mere", "0.9"), mere="0.9"), "1.0")
    assert (older.has_running_mere, older.lock) == (False, ["mere==0.9"])
    editable = package("mere", "0.9", url="file:///src/mere", is_editable=True)
    foreign = plan_packages(environment(editable, mere="0.9"), "1.0")
    assert foreign.has_running_mere
    assert "mere 1.0 is used where mere 0.9 was" in foreign.notes[0]


def test_what_differs() -> None:
    one = environment(package("a"), package("B_c", "1"), package("d", commit="f" * 40))
    other = environment(package("a"), package("b-c", "2"), package("e"))
    assert differing(one, other) == {
        "b-c": ("1", "2"),
        "d": ("1.0@ffffffffffff", None),
        "e": (None, "1.0"),
    }
