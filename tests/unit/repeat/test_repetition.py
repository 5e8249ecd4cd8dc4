"""Runs repeated in the environment of now, which needs no index; one, marked slow, with uv."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

import mere
from mere.entities.code import Distribution, Environment
from mere.errors import InvalidInput, NotFound, Unavailable
from mere.repeat.environments import (
    build_environment,
    environments_folder,
    layer_environment,
)
from mere.repeat.installer import Installer, find_installer
from mere.repeat.packages import plan_packages
from mere.repeat.verdict import Outcome
from mere.services.warehouse import open_warehouse
from tests.unit.repeat.conftest import Start, git


def rows() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = mere.sql("select * from runs order by run_id").to_pylist(
        maps_as_pydicts="lossy"
    )
    return found


def test_a_run_is_repeated_and_found_equal(start: Start, project: Path) -> None:
    start("train.py", "a b", "--x")
    shutil.rmtree(project)
    repetition = mere.rerun("train", is_here=True, is_quiet=True)
    assert repetition.verdict.outcome is Outcome.EQUAL
    assert repetition.exit_code == 0
    assert repetition.folder is None
    old, new = rows()
    assert new["run_id"] == repetition.repeated_run_id
    assert new["repeats"] == old["run_id"]
    assert new["tags"]["mere.verdict"] == "equal"
    assert new["params"] == old["params"] == {"words": "3"}
    # The restored code is known to be the same code.
    assert new["command"] == old["command"]
    assert new["source"]["git_commit"] == old["source"]["git_commit"]
    assert new["source"]["diff_digest"] == old["source"]["diff_digest"]
    # So a repetition can be repeated.
    assert mere.rerun(new["run_id"], is_here=True, is_quiet=True).is_good


def test_a_difference_is_found_and_the_folder_is_kept(start: Start, tmp_path: Path) -> None:
    start("train.py", PYTHONHASHSEED="1")
    text = "import os, parts.model\nparts.model.SCALE *= float(os.environ['BY'])\n"
    (tmp_path / "patch").mkdir()
    (tmp_path / "patch" / "sitecustomize.py").write_text(text)
    repetition = mere.rerun(
        "train",
        into=tmp_path / "again",
        env={"PYTHONPATH": f"{tmp_path}/patch:{tmp_path}/again", "BY": "1.000001"},
        is_here=True,
        is_quiet=True,
    )
    assert repetition.verdict.outcome is Outcome.DIFFERENT
    (loss,) = [one for one in repetition.verdict.metrics if one.key == "loss"]
    assert loss.step == 0
    assert repetition.folder == tmp_path / "again"
    assert (tmp_path / "again" / "train.py").exists()
    assert rows()[1]["tags"]["mere.verdict"] == "different"
    with pytest.raises(InvalidInput, match="not empty"):
        mere.rerun("train", into=tmp_path / "again", is_here=True)


@pytest.mark.slow
def test_a_program_that_fails(start: Start, project: Path) -> None:
    text = (project / "train.py").read_text()
    body = textwrap.indent("import os\nif 'FAIL' in os.environ: raise SystemExit(3)\n", "    ")
    (project / "train.py").write_text(text + body)
    start("train.py")
    repetition = mere.rerun("train", env={"FAIL": "1"}, is_here=True, is_quiet=True)
    assert repetition.exit_code == 3
    assert repetition.verdict.outcome is Outcome.DIFFERENT
    assert repetition.verdict.reason == "the run was FINISHED, its repetition FAILED"
    shutil.rmtree(repetition.folder or "")
    (project / "train.py").write_text("import sys\nif sys.argv[1:]: sys.exit(4)\n" + text)
    start("train.py")
    run = rows()[-1]["run_id"]
    none = mere.rerun(run, arguments=["--stop"], is_here=True, is_quiet=True)
    assert none.repeated_run_id is None
    assert none.exit_code == 4
    assert not none.is_good


def test_of_many_runs_the_one_asked_for_is_compared(start: Start, project: Path) -> None:
    (project / "sweep.py").write_text(
        "import mere\n"
        "with mere.start_run('sweep', name='all') as parent:\n"
        "    for lr in (1, 2, 3):\n"
        "        with mere.start_run('sweep', params={'lr': lr}) as run:\n"
        "            run.log({'loss': 1 / lr})\n"
        "    parent.log({'trials': 3})\n"
    )
    start("sweep.py")
    before = rows()
    repetition = mere.rerun(before[2]["run_id"], is_here=True, is_quiet=True)
    assert repetition.is_good
    after = rows()[4:]
    assert [row["repeats"] for row in after] == [row["run_id"] for row in before]
    assert repetition.repeated_run_id == after[2]["run_id"]


@pytest.mark.slow
def test_a_module_in_a_folder_with_masked_arguments(start: Start, project: Path) -> None:
    (project / "job").mkdir()
    shutil.copy(project / "train.py", project / "job" / "main.py")
    start("-m", "job.main", "--password", "hunter2")
    with pytest.raises(InvalidInput, match="--password look like secrets"):
        mere.rerun("train", is_here=True)
    assert mere.rerun("train", arguments=["--password", "new"], is_here=True, is_quiet=True).is_good
    stored = b"".join(
        file.read_bytes()
        for file in (project.parent / "warehouse").rglob("*")
        if file.is_file()
    )  # fmt: skip
    assert b"hunter2" not in stored


@pytest.mark.slow
def test_a_folder_named_as_warehouse_means_the_one_repeated_in(
    start: Start, project: Path, warehouse: str
) -> None:
    text = (project / "train.py").read_text()
    (project / "train.py").write_text(text.replace('"exp",', '"exp", warehouse="runs",'))
    start("train.py")
    repetition = mere.rerun("train", warehouse=str(project / "runs"), is_here=True, is_quiet=True)
    assert repetition.is_good


def test_it_reads_the_data_that_the_run_read(start: Start, project: Path, tmp_path: Path) -> None:
    mere.dataset("numbers").write([{"x": 1.0}, {"x": 2.0}])
    (project / "sum.py").write_text(
        "import mere\n"
        "data = mere.dataset('numbers')\n"
        "with mere.start_run('exp', name='sum') as run:\n"
        "    run.log_input(data)\n"
        "    run.log({'sum': sum(data.arrow()['x'].to_pylist())})\n"
    )
    start("sum.py")
    mere.dataset("numbers").write([{"x": 5.0}])
    assert mere.rerun("sum", is_here=True, is_quiet=True).is_good
    newest = mere.rerun("sum", has_data=False, is_here=True, is_quiet=True)
    (found,) = [one for one in newest.verdict.metrics if one.key == "sum"]
    assert (found.value, found.repeated) == (3.0, 5.0)
    shutil.rmtree(newest.folder or "")
    mere.checkout("sum", into=tmp_path / "out", has_data=True)
    assert [path.name for path in (tmp_path / "out" / "data").rglob("*.parquet")]


@pytest.mark.slow
def test_code_without_git_and_of_a_program_given_by_c(start: Start, project: Path) -> None:
    shutil.rmtree(project / ".git")
    start("train.py")
    assert mere.rerun("train", is_here=True, is_quiet=True).is_good
    start("-c", (project / "train.py").read_text().replace('"train"', '"inline"'))
    assert mere.rerun("inline", is_here=True, is_quiet=True).is_good


@pytest.mark.slow
def test_of_a_large_repository_the_rest_comes_from_its_remote(
    start: Start, project: Path, tmp_path: Path
) -> None:
    git(tmp_path, "clone", "--quiet", "--bare", str(project), "remote.git")
    git(project, "remote", "add", "origin", f"file://{tmp_path}/remote.git")
    (project / "gone.py").write_text("")
    text = (project / "train.py").read_text()
    head = "from mere.client import code\nof = code.Bounds\ncode.Bounds = lambda: of(files_max=3)\n"
    (project / "train.py").write_text(head + text)
    start("train.py")
    (row,) = rows()
    info, files = mere_code(row)
    assert info.kind == "changes"
    assert {file.path for file in files} == {"gone.py", "parts/model.py", "train.py"}
    shutil.rmtree(project)
    assert mere.rerun("train", is_here=True, is_quiet=True).is_good
    shutil.rmtree(tmp_path / "remote.git")
    with pytest.raises(Unavailable, match="git fetch failed"):
        mere.rerun("train", is_here=True, is_quiet=True)


def mere_code(row: dict[str, Any]) -> Any:
    return open_warehouse().code.bundle(row["command"]["code_digest"])


@pytest.mark.slow
def test_without_a_bundle_the_commit_and_the_diff_do(
    start: Start, project: Path, tmp_path: Path
) -> None:
    git(tmp_path, "clone", "--quiet", "--bare", str(project), "remote.git")
    git(project, "remote", "add", "origin", f"file://{tmp_path}/remote.git")
    start("train.py")
    (row,) = rows()
    bare = {**row["command"], "code_digest": None}
    open_warehouse().lake.patch("runs", [{"run_id": row["run_id"], "command": bare}])
    assert mere.rerun("train", is_here=True, is_quiet=True).is_good


def test_what_cannot_be_repeated_says_so(start: Start, project: Path) -> None:
    with mere.start_run("exp", name="interactive"):
        pass
    start("train.py", MERE_CAPTURE="off")
    with pytest.raises(NotFound, match="MERE_CAPTURE was off"):
        mere.rerun("train")
    with pytest.raises(InvalidInput, match="below zero"):
        mere.rerun("train", tolerance=-1)
    with pytest.raises(NotFound, match="no run has an id"):
        mere.rerun("nobody")


def test_a_checkout_can_be_started_by_hand(start: Start, project: Path, tmp_path: Path) -> None:
    (project / ".env").write_text("A=1\n")
    start("train.py", "a b")
    restored = mere.checkout("train", into=tmp_path / "out")
    assert restored.command == "python train.py 'a b'"
    assert (tmp_path / "out" / "parts" / "model.py").read_text() == "SCALE = 2.0\n"
    lock = (tmp_path / "out" / ".mere" / "requirements.lock").read_text()
    assert "pyarrow==" in lock
    readme = (tmp_path / "out" / ".mere" / "README.md").read_text()
    assert "python train.py 'a b'" in readme
    assert ".env" in readme
    with pytest.raises(InvalidInput, match="not empty"):
        mere.checkout("train", into=tmp_path / "out")


@pytest.mark.slow
def test_with_an_empty_cache_and_packages_from_the_index(
    start: Start, project: Path, tmp_path: Path
) -> None:
    """The whole of it: uv, the packages of this environment, and this very mere."""
    start("train.py")
    shutil.rmtree(project)
    said: list[str] = []
    repetition = mere.rerun("train", is_quiet=True, say=said.append)
    assert repetition.verdict.outcome is Outcome.EQUAL
    assert any("building an environment" in line for line in said)
    old, new = rows()
    assert new["source"]["environment_digest"] == old["source"]["environment_digest"]
    assert len([path for path in environments_folder().iterdir() if path.is_dir()]) == 1


@pytest.mark.slow
@pytest.mark.parametrize("uv", [True, False], ids=["uv", "pip"])
def test_an_environment_is_built_once_shared_and_mended(
    uv: bool, warehouse: str, tmp_path: Path
) -> None:
    """A small package of the index, a package of the code, and this very mere."""
    root = tmp_path / "code"
    (root / "own").mkdir(parents=True)
    (root / "own" / "__init__.py").write_text("x = 7\n")
    (root / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "own"\nversion = "1.0"\n'
    )
    six = Distribution(name="six", version="1.17.0")
    own = Distribution(name="own", version="1.0", local=".", is_editable=True)
    wanted = Environment(python=platform.python_version(), distributions=[six, own])
    plan = plan_packages(wanted, mere.__version__)
    installer = find_installer() if uv else Installer(None)
    said: list[str] = []

    def build(_: int = 0) -> Path:
        return build_environment(plan, wanted, installer, said.append)

    with ThreadPoolExecutor(2) as pool:
        shared, same = pool.map(build, range(2))
    assert shared == same
    assert sum(line.startswith("building") for line in said) == 1
    restored = layer_environment(tmp_path / "venv", shared, plan, root, installer, said.append)
    ask = (
        "import json, six, own, mere.errors\n"
        "print(json.dumps([six.__version__, own.x, own.__file__, mere.__version__]))"
    )
    done = subprocess.run(
        [restored.python, "-I", "-c", ask], capture_output=True, text=True, check=True
    )
    there = str(root / "own" / "__init__.py")
    assert json.loads(done.stdout) == ["1.17.0", 7, there, mere.__version__]
    # One that was broken, or never completed, is built anew.
    (shared / "bin" / "python").unlink()
    build()
    assert any("broken" in line for line in said)
    assert [path.name for path in environments_folder().iterdir() if path.is_dir()] == [shared.name]


def test_packages_or_a_python_that_cannot_be_had(warehouse: str) -> None:
    missing = Distribution(name="mere-has-no-such-package", version="1.0")
    wanted = Environment(python=platform.python_version(), distributions=[missing])
    plan = msgspec.structs.replace(plan_packages(wanted, "0"), lock=["/nowhere/at/all.whl"])
    with pytest.raises(Unavailable, match="--here"):
        build_environment(plan, wanted, find_installer(), lambda _: None)
    old = msgspec.structs.replace(wanted, python="3.1.0")
    with pytest.raises(Unavailable, match=r"Python 3\.1 is to be had"):
        build_environment(plan, old, Installer(None), lambda _: None)
