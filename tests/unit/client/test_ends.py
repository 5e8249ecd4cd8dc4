"""Processes that end, in every way they do, each in a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

import mere
from mere.services.warehouse import open_warehouse
from tests.unit.client.conftest import SOURCES, Script


def one_run() -> dict[str, Any]:
    (row,) = mere.sql("select run_id, status, metrics['a'] as a, metrics from runs").to_pylist()
    return row


def points() -> list[float]:
    return sorted(mere.sql("select value from metrics")["value"].to_pylist())


@pytest.mark.parametrize(
    ("ending", "status", "code"),
    [
        ("", "FINISHED", 0),
        ("raise ValueError('no')", "FAILED", 1),
        ("import sys; sys.exit(3)", "FAILED", 3),
        ("import sys; sys.exit('why')", "FAILED", 1),
        ("import sys; sys.exit()", "FINISHED", 0),
        ("def main():\n    import sys\n    sys.exit(1)\nmain()", "FAILED", 1),
        (
            "import sys\ntry: sys.exit(1)\nexcept SystemExit as error: assert error.code == 1",
            "FINISHED",
            0,
        ),
        ("raise KeyboardInterrupt", "KILLED", -signal.SIGINT),
        ("import os; os.kill(os.getpid(), 15); import time; time.sleep(30)", "KILLED", -15),
    ],
)
def test_a_run_nobody_ended(script: Script, ending: str, status: str, code: int) -> None:
    done = script(f"import mere\nrun = mere.start_run()\nrun.log({{'a': 1.5}})\n{ending}\n")
    assert done.returncode == code, done.stderr
    row = one_run()
    assert (row["status"], row["a"]) == (status, 1.5)
    assert points() == [1.5]


def test_sigterm_goes_on_to_the_handler_that_was_there(script: Script) -> None:
    done = script(
        """
        import os, signal, sys, mere

        def mine(number, frame):
            print("mine", run.status)
            sys.exit(7)

        signal.signal(signal.SIGTERM, mine)
        with mere.start_run() as run:
            run.log({"a": 1})
            os.kill(os.getpid(), signal.SIGTERM)
        """
    )
    assert (done.returncode, done.stdout.strip()) == (7, "mine KILLED"), done.stderr
    assert one_run()["status"] == "KILLED"


def test_sigterm_that_was_ignored_stays_so(script: Script) -> None:
    done = script(
        """
        import os, signal, mere
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with mere.start_run() as run:
            os.kill(os.getpid(), signal.SIGTERM)
            run.log({"a": 1})
        """
    )
    assert done.returncode == 0, done.stderr
    assert one_run()["status"] == "FINISHED"


def test_a_run_started_in_a_thread_ends_too(script: Script) -> None:
    done = script(
        """
        import threading, mere
        def work():
            mere.start_run().log({"a": 1})
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        """
    )
    assert done.returncode == 0, done.stderr
    assert one_run()["status"] == "FINISHED"


def test_a_killed_process_leaves_a_run_that_is_known_to_be_dead(url: str, tmp_path: Path) -> None:
    file = tmp_path / "train.py"
    file.write_text(
        textwrap.dedent(
            """
            import time, mere
            run = mere.start_run()
            for value in range(10):
                run.log({"a": value})
            run.flush()
            print("flushed", flush=True)
            time.sleep(60)
            """
        )
    )
    child = subprocess.Popen(
        [sys.executable, str(file)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": SOURCES},
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "flushed\n"
        assert mere.runs()["status"].to_pylist() == ["RUNNING"]
        child.kill()
        child.wait(timeout=10)
    row = one_run()
    assert (row["status"], points()) == ("RUNNING", [float(n) for n in range(10)])
    assert mere.runs()["status"].to_pylist() == ["KILLED"]
    assert mere.get_run(row["run_id"]).ended_at is not None
    assert open_warehouse().runs.reap() == [row["run_id"]]
    assert one_run()["status"] == "KILLED"


def test_a_forked_child_logs_and_leaves_the_run_to_its_parent(script: Script) -> None:
    done = script(
        """
        import os, mere
        run = mere.start_run(flush_interval_s=3600)
        for value in range(100):
            run.log({"a": value})
        pid = os.fork()
        if pid == 0:
            for value in range(100, 150):
                run.log({"a": value}, step=value)
            run.finish("FAILED")
            os._exit(5)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 5
        run.log({"a": 150}, step=150)
        run.finish()
        """
    )
    assert done.returncode == 0, done.stderr
    assert points() == [float(n) for n in range(151)]
    row = one_run()
    assert (row["status"], row["a"]) == ("FINISHED", 150.0)
    assert mere.get_run(row["run_id"]).metric_summary["a"].count == 151


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing(script: Script, method: str) -> None:
    done = script(
        f"""
        import multiprocessing, mere

        def train(number):
            run = mere.start_run("children", name=str(number))
            run.log({{"a": number}})
            if number == 1:
                raise RuntimeError("on purpose")

        if __name__ == "__main__":
            context = multiprocessing.get_context("{method}")
            with mere.start_run("parents", name="parent") as run:
                run.log({{"a": 9}})
                children = [context.Process(target=train, args=(n,)) for n in range(2)]
                for child in children: child.start()
                for child in children: child.join(30)
                print([child.exitcode for child in children])
        """
    )
    assert done.stdout.strip() == "[0, 1]", done.stderr
    found = mere.sql("select name, status, metrics['a'] as a from runs order by name").to_pylist()
    assert found == [
        {"name": "0", "status": "FINISHED", "a": 0.0},
        {"name": "1", "status": "FAILED", "a": 1.0},
        {"name": "parent", "status": "FINISHED", "a": 9.0},
    ]


def test_a_forked_pool_logs_into_its_parents_run(script: Script) -> None:
    done = script(
        """
        import multiprocessing, mere

        run = mere.start_run()

        def work(number):
            run.log({"a": number}, step=number)
            return number

        with multiprocessing.get_context("fork").Pool(2) as pool:
            assert sum(pool.map(work, range(20))) == 190
            pool.close()
            pool.join()
        """
    )
    assert done.returncode == 0, done.stderr
    assert points() == [float(n) for n in range(20)]
    assert one_run()["status"] == "FINISHED"


def test_a_child_that_logs_nothing_ends_at_once(script: Script) -> None:
    done = script(
        """
        import os, sys, mere
        run = mere.start_run()
        pid = os.fork()
        if pid == 0:
            sys.exit(0)
        os.waitpid(pid, 0)
        run.log({"a": 1})
        """
    )
    assert done.returncode == 0, done.stderr
    assert one_run()["status"] == "FINISHED"


def test_a_signal_in_the_midst_of_the_end_waits_for_it(script: Script) -> None:
    done = script(
        """
        import os, signal, threading, time, mere
        from mere.client.delivery import Delivery

        send = Delivery.send

        def slow(self, points, changes, lines=()):
            if changes.get("ended_at"):
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(0.5)
            send(self, points, changes, lines)

        Delivery.send = slow
        run = mere.start_run()
        run.log({"a": 1})
        run.finish()
        time.sleep(30)
        """
    )
    assert done.returncode == -signal.SIGTERM, done.stderr
    assert (one_run()["status"], points()) == ("FINISHED", [1.0])


@pytest.mark.parametrize(
    ("ending", "status", "code"),
    [
        ("pass", "FINISHED", 0),
        ("import sys; sys.exit(3)", "FAILED", 3),
        ("import sys; sys.exit()", "FINISHED", 0),
        ("raise ValueError('no')", "FAILED", 1),
        ("raise KeyboardInterrupt", "KILLED", -signal.SIGINT),
        ("import os; os.kill(os.getpid(), 2); import time; time.sleep(30)", "KILLED", -2),
    ],
)
@pytest.mark.parametrize("where", ["inside", "outside"])
def test_an_end_is_quick_and_quiet_and_loses_nothing(
    script: Script, ending: str, status: str, code: int, where: str
) -> None:
    """With much on its way: points, a file, lines of the console, the capture of the code."""
    lines = f"""
        import mere
        def log(run):
            for value in range(5000):
                run.log({{"a": value}})
            run.log_text("note.txt", "kept")
            print("said")
        if {where == "inside"}:
            with mere.start_run() as run:
                log(run)
                {ending}
        else:
            run = mere.start_run()
            log(run)
            {ending}
        """
    began = time.monotonic()
    done = script(lines)
    assert time.monotonic() - began < 30
    assert done.returncode == code, done.stderr
    raised = ending.startswith(("raise", "import os"))
    assert done.stderr.count("Traceback") == raised, done.stderr
    assert not re.search("Exception ignored|Fatal|Thread|run .*:", done.stderr), done.stderr
    row = one_run()
    assert (row["status"], points()) == (status, [float(n) for n in range(5000)])
    assert mere.get_run(row["run_id"]).metric_summary["a"].count == 5000
    assert mere.sql("select text from console where stream = 'stdout'")["text"].to_pylist() == [
        "said"
    ]
    with mere.open_artifact(row["run_id"], "note.txt") as file:
        assert file.read() == b"kept"


@pytest.mark.parametrize("ending", ["", "raise ValueError('no')", "import sys; sys.exit(3)"])
def test_an_end_while_the_store_is_away_leaves_all_on_disk(script: Script, ending: str) -> None:
    done = script(
        f"""
        import mere
        from mere.errors import ErrorCode
        from mere.lake.objects.local import LocalStore

        put, is_down = LocalStore.put, []

        def failing(self, key, data, *, overwrite=False):
            if is_down:
                raise mere.Unavailable(ErrorCode.STORE_UNAVAILABLE, "the store is down")
            return put(self, key, data, overwrite=overwrite)

        LocalStore.put = failing
        run = mere.start_run(flush_interval_s=0.1, finish_timeout_s=2)
        run.log({{"a": 1}})
        run.flush()
        is_down.append(True)
        for value in range(2, 100):
            run.log({{"a": value}})
        {ending}
        """,
        timeout_s=40,
    )
    assert "`mere sync`" in done.stderr
    assert done.stderr.count("Traceback") == ("raise" in ending), done.stderr
    assert "Exception ignored" not in done.stderr
    assert points() == [1.0]
    assert mere.sync().left == {}
    assert points() == [float(n) for n in range(1, 100)]
    assert one_run()["status"] == ("FAILED" if ending else "FINISHED")
