from __future__ import annotations

from pathlib import Path

import pytest

import mere
from mere.errors import InvalidInput
from mere.repeat.comparison import Comparison
from tests.unit.repeat.conftest import Start


def differing(comparison: Comparison) -> dict[str, list[str]]:
    return {
        section.name: [row.name for row in section.differing]
        for section in comparison.sections
        if section.differing and section.name != "timings"
    }


def log(name: str, nan: bool = False, **traits: float) -> None:
    with mere.start_run("exp", name=name, params=traits, console=False) as run:
        run.log({"loss": float("nan") if nan else 1.0, "step_time": hash(name) % 1000})


def test_what_differs_and_what_does_not(warehouse: str) -> None:
    log("a", lr=0.1)
    log("b", lr=0.2)
    comparison = mere.diff("a", "b")
    assert differing(comparison) == {"params": ["lr"]}
    assert comparison.names == ["a", "b"]
    assert comparison.section("params").rows[0].values == ["0.1", "0.2"]
    assert [row.name for row in comparison.section("metrics").rows] == [
        "loss", "loss (max)", "loss (min)",
    ]  # fmt: skip
    assert comparison.section("timings").differing
    assert comparison.section("code").rows
    assert not comparison.is_equal
    assert mere.diff("a", "a").is_equal


def test_nan_is_no_difference(warehouse: str) -> None:
    log("a", nan=True)
    log("b", nan=True)
    assert mere.diff("a", "b").is_equal


def test_what_only_some_have(warehouse: str) -> None:
    log("a", lr=0.1)
    log("b")
    log("c", lr=0.1, depth=3)
    params = mere.diff("a", "b", "c").section("params")
    assert {row.name: row.values for row in params.rows} == {
        "depth": [None, None, "3"],
        "lr": ["0.1", None, "0.1"],
    }


def test_code_arguments_packages_and_seeds(start: Start, project: Path) -> None:
    start("train.py")
    (project / "parts" / "model.py").write_text("SCALE = 3.0\n")
    (project / "new.bin").write_bytes(b"\0\1")
    (project / "parts" / "ünï\n.txt").write_text("no end of line")
    text = (project / "train.py").read_text()
    (project / "train.py").write_text(text.replace("seed(3)", "seed(4)").replace('"train"', '"b"'))
    start("train.py", "x", OMP_NUM_THREADS="1")
    comparison = mere.diff("train", "b")
    found = differing(comparison)
    assert found["seeds"] == ["python"]
    assert found["params"] == ["words"]
    assert found["environment"] == ["$OMP_NUM_THREADS"]
    assert found["files"] == ["new.bin", "parts/model.py", "parts/ünï\n.txt", "train.py"]
    assert found["code"] == ["arguments", "uncommitted changes", "bundle"]
    changes = {change.path: change for change in comparison.changes}
    assert changes["new.bin"].change == "added"
    assert "Binary" in changes["new.bin"].diff
    assert "-SCALE = 2.0\n+SCALE = 3.0\n" in changes["parts/model.py"].diff
    assert "\\ No newline at end of file" in changes["parts/ünï\n.txt"].diff
    back = {change.path: change for change in mere.diff("b", "train").changes}
    assert back["new.bin"].change == "removed"


def test_code_that_is_gone_is_said_to_be(start: Start, project: Path, warehouse: str) -> None:
    start("train.py")
    text = (project / "train.py").read_text()
    (project / "train.py").write_text(text.replace('"train"', '"b"'))
    start("train.py")
    digest = mere.sql("select command.code_digest as d from runs where name = 'b'")["d"][0].as_py()
    (Path(warehouse) / "objects" / digest).unlink()
    files = mere.diff("train", "b").section("files")
    assert files.note is not None
    assert digest in files.note


def test_too_few_or_too_many(warehouse: str) -> None:
    log("a")
    with pytest.raises(InvalidInput, match="1 runs cannot be compared"):
        mere.diff("a")
    with pytest.raises(InvalidInput, match="21 runs"):
        mere.diff(*["a"] * 21)
