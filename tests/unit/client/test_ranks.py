"""Several processes of one run, each of them real."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import types
from pathlib import Path
from typing import Any

import psutil
import pytest

import mere
from mere.client import ranks
from mere.client.fluent import _identify
from mere.client.logs import console
from mere.client.ranks import agreed_run_id, launch_of
from mere.clock import SystemClock
from mere.config import Settings
from mere.entities.run import check_run_id
from mere.errors import InvalidInput
from tests.unit.client.conftest import SOURCES, Script

CLOCK = SystemClock()
TORCH = {
    "RANK": "0",
    "WORLD_SIZE": "2",
    "LOCAL_RANK": "0",
    "LOCAL_WORLD_SIZE": "2",
    "TORCHELASTIC_RUN_ID": "none",
    "TORCHELASTIC_RESTART_COUNT": "0",
    "MASTER_ADDR": "127.0.0.1",
    "MASTER_PORT": "29500",
}
SLURM = {
    "SLURM_PROCID": "3",
    "SLURM_STEP_NUM_TASKS": "8",
    "SLURM_STEP_ID": "0",
    "SLURM_JOB_ID": "77",
    "SLURM_JOB_START_TIME": "1700000000",
}
OPENMPI = {
    "OMPI_COMM_WORLD_RANK": "1",
    "OMPI_COMM_WORLD_SIZE": "4",
    "OMPI_COMM_WORLD_LOCAL_SIZE": "4",
    "PMIX_NAMESPACE": "prterun-1",
}


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({}, None),
        (TORCH, ("torchrun", 0, 2, True)),
        ({**TORCH, "RANK": "1"}, ("torchrun", 1, 2, True)),
        ({**TORCH, "WORLD_SIZE": "1"}, None),
        ({**TORCH, "LOCAL_WORLD_SIZE": "1"}, ("torchrun", 0, 2, False)),
        ({"RANK": "1", "WORLD_SIZE": "2"}, ("torchrun", 1, 2, False)),
        ({"RANK": "x", "WORLD_SIZE": "2"}, None),
        (SLURM, ("SLURM", 3, 8, False)),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "8"}, None),  # the batch script itself
        (OPENMPI, ("OpenMPI", 1, 4, True)),
        ({**SLURM, **TORCH}, ("torchrun", 0, 2, True)),
    ],
)
def test_launchers_are_known(env: dict[str, str], told: tuple[object, ...] | None) -> None:
    launch = launch_of(env)
    found = launch and (launch.launcher, launch.rank, launch.size, launch.is_local)
    assert found == told


def test_a_slurm_step_names_its_run_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks, "_launcher", lambda launch: None)

    def agreed(**changes: str) -> str:
        launch = launch_of({**SLURM, **changes})
        assert launch is not None
        return agreed_run_id(launch, CLOCK, 0)

    first = agreed()
    assert check_run_id(first) == agreed(SLURM_PROCID="5")
    assert first != agreed(SLURM_STEP_ID="1")
    assert first != agreed(SLURM_RESTART_COUNT="1")
    assert int(first[:12], 16) == 1_700_000_000_000


def test_ranks_on_several_machines_need_to_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    far = {**TORCH, "LOCAL_WORLD_SIZE": "1", "RANK": "1", "MASTER_ADDR": "10.0.0.1"}
    launch = launch_of(far)
    assert launch is not None
    monkeypatch.setattr(ranks, "_launcher", lambda launch: psutil.Process())
    with pytest.raises(InvalidInput, match="MERE_RUN_ID"):
        agreed_run_id(launch, CLOCK, 0)
    first = launch_of({**far, "RANK": "0"})
    assert first is not None
    assert agreed_run_id(first, CLOCK, 0) != agreed_run_id(first, CLOCK, 0)


def test_ranks_on_several_machines_ask_torch_distributed(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[str, bytes] = {}

    def put(key: str, value: str) -> None:
        kept[key] = value.encode()

    def wait(keys: list[str], _: object) -> None:
        assert keys[0] in kept

    store = types.SimpleNamespace(set=put, get=kept.__getitem__, wait=wait)
    torch = types.SimpleNamespace(
        is_available=lambda: True,
        is_initialized=lambda: True,
        distributed_c10d=types.SimpleNamespace(_get_default_store=lambda: store),
    )
    monkeypatch.setitem(sys.modules, "torch.distributed", torch)
    monkeypatch.setattr(ranks, "_launcher", lambda launch: psutil.Process())
    far = {**TORCH, "LOCAL_WORLD_SIZE": "1", "MASTER_ADDR": "10.0.0.1"}
    ids = []
    for rank in "01":
        launch = launch_of({**far, "RANK": rank})
        assert launch is not None
        ids += [agreed_run_id(launch, CLOCK, ordinal) for ordinal in (0, 1)]
    assert ids[:2] == ids[2:]
    assert len(set(ids)) == 2


def test_what_code_says_comes_first() -> None:
    run_id = "0" * 31 + "1"
    settings = Settings(warehouse="", run_id="0" * 31 + "2", rank=4)
    assert _identify(run_id, 2, settings, CLOCK) == (run_id, 2, True)
    assert _identify(run_id, None, settings, CLOCK) == (run_id, 4, True)
    with pytest.raises(InvalidInput, match="rank 3 of which run"):
        _identify(None, 3, Settings(warehouse=""), CLOCK)


# Processes

RANK = """
    import os, sys, mere
    rank = int(os.environ.get("RANK", "0"))
    with mere.start_run("ranks", params={"by": rank}, console=True) as run:
        run.log({f"loss/{rank}": rank}, step=1)
        run.log({"shared": rank}, step=rank)
        print("hello from", rank)
    print(run.run_id, file=sys.stderr)
"""
LAUNCH = """
    import os, subprocess, sys
    count = int(sys.argv[2])
    workers = [
        subprocess.Popen(
            sys.argv[3:] + [sys.executable, sys.argv[1]],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            env={
                **os.environ,
                "RANK": str(rank),
                "LOCAL_RANK": str(rank),
                "WORLD_SIZE": str(count),
                "LOCAL_WORLD_SIZE": str(count),
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": "29500",
                "TORCHELASTIC_RUN_ID": "none",
                "TORCHELASTIC_RESTART_COUNT": os.environ.get("RESTART", "0"),
            },
        )
        for rank in range(count)
    ]
    for worker in workers:
        print(worker.communicate()[1].splitlines()[-1])
"""


def launch(tmp_path: Path, code: str, count: int, *wrapper: str, **env: str) -> list[str]:
    """Start ranks as torchrun does; return the last line that each wrote to stderr."""
    (tmp_path / "rank.py").write_text(textwrap.dedent(code))
    (tmp_path / "launch.py").write_text(textwrap.dedent(LAUNCH))
    scripts = [str(tmp_path / name) for name in ("launch.py", "rank.py")]
    command = [sys.executable, *scripts, str(count), *wrapper]
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": SOURCES, **env},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("wrapper", [(), ("sh", "-c", '"$@"; true', "wrap")])
def test_ranks_of_one_launch_are_one_run(
    url: str, tmp_path: Path, wrapper: tuple[str, ...]
) -> None:
    first = launch(tmp_path, RANK, 3, *wrapper)
    assert len(set(first)) == 1
    (row,) = mere.runs("ranks").to_pylist(maps_as_pydicts="strict")
    assert (row["run_id"], row["status"], row["params"]) == (first[0], "FINISHED", {"by": "0"})
    assert row["metrics"] == {"loss/0": 0.0, "loss/1": 1.0, "loss/2": 2.0, "shared": 2.0}
    kept = console(first[0]).to_pylist()
    assert sorted((k["process"], k["text"]) for k in kept) == [
        (rank, f"hello from {rank}") for rank in range(3)
    ]
    second = launch(tmp_path, RANK, 2, *wrapper)
    third = launch(tmp_path, RANK, 2, *wrapper, RESTART="1")
    assert len({first[0], second[0], third[0]}) == 3


def test_each_further_run_is_one_for_all_ranks(url: str, tmp_path: Path) -> None:
    code = """
        import sys, mere
        ids = []
        for number in range(2):
            with mere.start_run("twice") as run:
                run.log({"a": number})
                with mere.start_run("within") as inner:
                    inner.log({"b": number})
            ids += [run.run_id, inner.run_id]
        print(*ids, file=sys.stderr)
    """
    told = launch(tmp_path, code, 2)
    assert told[0] == told[1]
    assert len(set(told[0].split())) == 4
    assert mere.runs("twice").num_rows == 2
    parents = mere.sql("select distinct parent_run_id from runs where parent_run_id is not null")
    assert parents.num_rows == 2


@pytest.mark.parametrize("env", [{}, {"MERE_RUN_ID": "0123456789abcdef0123456789abcdef"}])
def test_what_a_rank_starts_is_no_rank(url: str, tmp_path: Path, env: dict[str, str]) -> None:
    code = """
        import subprocess, sys, mere
        with mere.start_run("outer") as run:
            inner = "import mere; print(mere.start_run('inner').run_id)"
            told = subprocess.run([sys.executable, "-c", inner], capture_output=True, text=True)
        print(run.run_id, told.stdout.strip(), file=sys.stderr)
    """
    told = [line.split() for line in launch(tmp_path, code, 2, **env)]
    assert told[0][0] == told[1][0]
    assert len({told[0][0], told[0][1], told[1][1]}) == 3
    assert mere.runs("inner")["status"].to_pylist() == ["FINISHED"] * 2


def test_a_launch_is_told_the_run(url: str, tmp_path: Path) -> None:
    told = launch(tmp_path, RANK, 2, MERE_RUN_ID="0123456789abcdef0123456789abcdef")
    assert told == ["0123456789abcdef0123456789abcdef"] * 2


def test_a_subprocess_joins_only_if_it_is_told(url: str, script: Script) -> None:
    done = script(
        """
        import os, subprocess, sys, mere
        code = "import mere; run = mere.start_run(); run.log({'b': 2}); print(run.run_id)"
        with mere.start_run("main") as run:
            told = {**os.environ, "MERE_RUN_ID": run.run_id, "MERE_RANK": "1"}
            for env in (os.environ, told):
                subprocess.run([sys.executable, "-c", code], env=env, check=True)
            run.log({"a": 1})
        """
    )
    assert done.returncode == 0, done.stderr
    alone, joined = done.stdout.split()
    (row,) = mere.runs("main").to_pylist(maps_as_pydicts="strict")
    assert row["run_id"] == joined != alone
    assert row["metrics"] == {"a": 1.0, "b": 2.0}
    assert row["status"] == "FINISHED"


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_children_and_threads_join_by_id(url: str, script: Script, method: str) -> None:
    done = script(
        f"""
        import multiprocessing, threading, mere

        def work(run_id, rank):
            with mere.start_run(run_id=run_id, rank=rank, console=False) as run:
                run.log({{f"child/{{rank}}": rank}})

        if __name__ == "__main__":
            context = multiprocessing.get_context("{method}")
            with mere.start_run("family") as run:
                children = [context.Process(target=work, args=(run.run_id, n)) for n in (1, 2)]
                threads = [
                    threading.Thread(target=run.log, args=({{f"thread/{{n}}": n}},)) for n in (3, 4)
                ]
                for one in children + threads:
                    one.start()
                for one in children + threads:
                    one.join()
        """
    )
    assert done.returncode == 0, done.stderr
    (row,) = mere.runs("family").to_pylist(maps_as_pydicts="strict")
    assert row["status"] == "FINISHED"
    assert row["metrics"] == {"child/1": 1.0, "child/2": 2.0, "thread/3": 3.0, "thread/4": 4.0}


# What a run is told beside


def test_group_notes_and_seeds(url: str) -> None:
    with mere.start_run(group="sweep", notes="first", seeds={"torch": 7}) as run:
        run.set_notes("# second")
        run.set_notes(5)  # type: ignore[arg-type]
    (row,) = mere.sql("select group_name, notes, seeds from runs").to_pylist(
        maps_as_pydicts="strict"
    )
    assert row == {"group_name": "sweep", "notes": "# second", "seeds": {"torch": "7"}}
    assert run.is_active is False


@pytest.mark.parametrize(
    "options",
    [
        {"group": ""},
        {"notes": 5},
        {"notes": "x" * 1_000_001},
        {"notes": "\ud800"},
        {"rank": -1},
        {"rank": True},
        {"system_metrics": -1},
        {"seeds": {"": 1}},
    ],
)
def test_what_may_not_be_is_refused_at_once(url: str, options: dict[str, Any]) -> None:
    with pytest.raises(mere.InvalidInput):
        mere.start_run(**options)
    assert mere.active_run() is None


def test_variables_that_are_wrong_are_named(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERE_RANK", "first")
    with pytest.raises(mere.InvalidInput, match="MERE_RANK"):
        mere.start_run()
    monkeypatch.delenv("MERE_RANK")
    monkeypatch.setenv("MERE_CONSOLE", json.dumps("maybe"))
    with pytest.raises(mere.InvalidInput, match="MERE_CONSOLE"):
        mere.start_run()
