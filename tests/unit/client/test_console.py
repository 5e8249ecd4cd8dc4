"""What a run writes to its terminal is kept, and the terminal sees it as before."""

from __future__ import annotations

import contextlib
import io
import itertools
import logging
import os
import pty
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mere
from mere.cli.app import run as cli
from mere.client.console import LINE_CHARS_MAX, LINES_MAX, Listener
from mere.client.logs import console
from tests.unit.client.conftest import SOURCES, Script


def heard(*pieces: str) -> list[str]:
    """The lines that pieces of text make."""
    listener = Listener(lambda call, points: None, lambda: 0, lambda message: None)
    lines = []
    for piece in pieces:
        lines += listener.take(piece, "stdout", 1, 0)
    lines += listener.take(None, "stdout", 2, 0)
    assert [line.line for line in lines] == list(range(len(lines)))
    return [line.text for line in lines]


@pytest.mark.parametrize(
    ("pieces", "lines"),
    [
        (["a\nb\n"], ["a", "b"]),
        (["a", "b", "\n"], ["ab"]),
        (["no end"], ["no end"]),
        (["\n\n"], ["", ""]),
        (["10%\r", "50%\r", "100%\n"], ["100%"]),
        (["\r10%", "\r50%", "\r100%", "\ndone\n"], ["100%", "done"]),
        (["windows\r\n", "ends\r\n"], ["windows", "ends"]),
        (["left\r", "over"], ["over"]),
        (["a\r"], ["a"]),
        (["\udcff caf\xe9 \U0001f600\n"], ["\\udcff caf\xe9 \U0001f600"]),
        ([""], []),
    ],
)
def test_lines_of_pieces(pieces: list[str], lines: list[str]) -> None:
    assert heard(*pieces) == lines


@given(st.text(alphabet="ab\n", max_size=40), st.lists(st.integers(0, 40), max_size=6))
def test_where_pieces_are_cut_does_not_matter(text: str, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[a:b] for a, b in itertools.pairwise(edges)]
    assert heard(*pieces) == text.splitlines()


def test_a_progress_bar_takes_no_memory() -> None:
    listener = Listener(lambda call, points: None, lambda: 0, lambda message: None)
    for step in range(1000):
        listener.take(f"\r{step} " + "#" * 1000, "stderr", step, 0)
    assert len(listener._pending["stderr"][0]) < 2000
    listener.take("x" * 10 * LINE_CHARS_MAX, "stdout", 0, 0)
    assert len(listener._pending["stdout"][0]) <= LINE_CHARS_MAX + 1


def test_lines_are_bounded_with_one_warning() -> None:
    said: list[str] = []
    listener = Listener(lambda call, points: None, lambda: 0, said.append)
    kept = 0
    for _ in range(25):
        kept += len(listener.take("x\n" * 10_000, "stdout", 0, 0))
    assert kept == LINES_MAX
    assert len(said) == 1
    (long,) = Listener(lambda c, p: None, lambda: 0, said.append).take(
        "y" * 99_999 + "\n", "", 0, 0
    )
    assert len(long.text) == LINE_CHARS_MAX


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []
    said: list[str] = []
    listener = Listener(lambda call, points: calls.append(call), lambda: 0, said.append)
    for _ in range(100):
        listener.hear("stdout", "x" * (1 << 20))
    assert len(calls) == 32
    listener.take("x" * (1 << 20), "stdout", 0, 0)
    assert len(said) == 1


def lines(run: mere.Run, stream: str | None = None) -> list[str]:
    return console(run, stream=stream)["text"].to_pylist()


def test_both_streams_are_kept_and_shown(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, write = sys.stdout, sys.stdout.write
    with mere.start_run() as run:
        print("one", "two")
        print("oh", file=sys.stderr)
        sys.stdout.write("no end")
        assert sys.stdout is out
    print("after")
    assert sys.stdout.write == write
    assert "write" not in vars(sys.stdout)
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("one two\nno endafter\n", "oh\n")
    assert lines(run) == ["one two", "oh", "no end"]
    assert lines(run, "stderr") == ["oh"]
    assert console(run, tail=1)["text"].to_pylist() == ["no end"]
    assert console(run.name)["stream"].to_pylist() == ["stdout", "stderr", "stdout"]


def test_the_innermost_run_hears(url: str) -> None:
    with mere.start_run() as outer:
        print("before")
        with mere.start_run() as inner:
            print("within")
        print("after")
        with mere.start_run(console=False):
            print("deaf")
    assert lines(inner) == ["within"]
    assert lines(outer) == ["before", "after", "deaf"]


def test_what_ended_a_run_is_kept(url: str) -> None:
    with pytest.raises(ZeroDivisionError), mere.start_run() as run:
        1 / 0  # noqa: B018
    kept = lines(run, "stderr")
    assert kept[0] == "Traceback (most recent call last):"
    assert kept[-1] == "ZeroDivisionError: division by zero"


def test_a_logger_from_before_and_a_stream_put_in_place(url: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    log = logging.getLogger("tests.console")
    log.addHandler(handler)
    with mere.start_run() as run:
        log.warning("from a logger")
        with contextlib.redirect_stdout(io.StringIO()) as elsewhere:
            print("elsewhere")
    log.removeHandler(handler)
    assert elsewhere.getvalue() == "elsewhere\n"
    assert lines(run) == ["from a logger"]


def test_a_stream_that_lets_nothing_be_set(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed:
        __slots__ = ("text",)

        def write(self, text: str) -> int:
            self.text = text
            return len(text)

        def flush(self) -> None:
            pass

    monkeypatch.setattr(sys, "stdout", Closed())
    monkeypatch.setattr(sys, "stderr", None)
    with mere.start_run() as run:
        print("x", end="")
    assert lines(run) == []


def test_a_terminal_stays_one(url: str, tmp_path: Path) -> None:
    file = tmp_path / "train.py"
    file.write_text(
        textwrap.dedent(
            """
            import sys, mere
            with mere.start_run(name="tty"):
                print(sys.stdout.isatty(), sys.stdout.fileno(), flush=True)
                for percent in range(0, 101, 10):
                    print(f"{percent}%", end="\\r" if percent < 100 else "\\n", flush=True)
            """
        )
    )
    leader, follower = pty.openpty()
    done = subprocess.run(
        [sys.executable, str(file)],
        stdout=follower,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": SOURCES},
        check=False,
        timeout=60,
    )
    os.close(follower)
    shown = os.read(leader, 10_000).decode()
    os.close(leader)
    assert done.returncode == 0
    assert shown.startswith("True 1\r\n0%\r10%\r")
    assert console("tty")["text"].to_pylist() == ["True 1", "100%"]


def test_a_forked_child_is_not_heard_and_an_uncaught_error_is(script: Script) -> None:
    done = script(
        """
        import os, mere
        run = mere.start_run(name="fork")
        print("parent", flush=True)
        pid = os.fork()
        if pid == 0:
            print("child", flush=True)
            os._exit(0)
        os.waitpid(pid, 0)
        raise ValueError("at the end")
        """
    )
    assert done.returncode == 1
    assert done.stdout == "parent\nchild\n"
    kept = console("fork")["text"].to_pylist()
    assert kept[0] == "parent"
    assert "child" not in kept
    assert kept[-1] == "ValueError: at the end"
    assert done.stderr.splitlines() == kept[1:]


def test_logs_on_the_command_line(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with mere.start_run(name="mine", console=True):
        print("\x1b[31mred\x1b[0m \x1b[2J\x07end")
        print("second")
    capsys.readouterr()
    assert cli(["logs", "mine"]) == 0
    assert capsys.readouterr().out == "red end\nsecond\n"
    assert cli(["logs", "mine", "--tail", "1", "--follow"]) == 0
    assert capsys.readouterr().out == "second\n"
    assert cli(["logs", "mine", "--json"]) == 0
    assert '"text": "second"' in capsys.readouterr().out
    assert cli(["logs", "mine", "--stream", "stderr"]) == 0
    assert capsys.readouterr().out == ""
    assert cli(["logs", "mine", "--tail", "-1"]) == 2
