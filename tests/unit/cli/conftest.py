from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

import mere
from mere.cli.app import run
from mere.services.warehouse import close_warehouses


@dataclass
class Result:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        """The result as a program reads it."""
        return msgspec.json.decode(self.out)


Mere = Callable[..., Result]


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Mere]:
    """Run `mere` with these words, on a warehouse of the test's own."""
    monkeypatch.setenv("MERE_WAREHOUSE", str(tmp_path / "warehouse"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "160")

    def call(*words: str) -> Result:
        capsys.readouterr()
        code = run(words)
        printed = capsys.readouterr()
        return Result(code, printed.out, printed.err)

    yield call
    close_warehouses()


@pytest.fixture
def filled(command: Mere) -> Mere:
    """The same, with two runs logged."""
    with mere.start_run("digits", name="one", params={"lr": 0.1}, tags={"t": "x"}) as run:
        for step in range(10):
            run.log({"acc": step / 10, "bad": float("nan")}, step=step)
    with mere.start_run("digits", name="two") as run:
        run.log({"acc": 0.5})
    return command
