"""The pages on the command line and the SDK say what there is, and their examples run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

import mere
from mere import errors
from mere.cli.app import app, run
from mere.services.warehouse import close_warehouses

DOCS = Path(__file__).parents[2] / "docs"
CLI = (DOCS / "cli.md").read_text()
SDK = (DOCS / "sdk.md").read_text()
COMMANDS = [name for name in app if not name.startswith("-")]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MERE_WAREHOUSE", str(tmp_path / "warehouse"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield
    close_warehouses()


def test_there_are_commands() -> None:
    assert len(COMMANDS) >= 8


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented_with_its_options(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"## mere {name}\n" in CLI
    assert f"`mere {name}" in CLI
    assert run([name, "--help"]) == 0
    shown = capsys.readouterr().out
    for option in set(re.findall(r"--[a-z][a-z-]+", shown)) - {"--no-json"}:
        assert option in CLI, f"mere {name} has {option}, which docs/cli.md does not know"
    assert app[name].help, f"mere {name} has no help"


def test_every_public_name_is_documented() -> None:
    types = {name for name in mere.__all__ if name[0].isupper()} - {"Run"}
    for name in set(mere.__all__) - types - {"__version__"}:
        assert name in SDK, f"mere.{name} is not in docs/sdk.md"


def test_the_examples_of_the_sdk_run(warehouse: None) -> None:
    examples = blocks(SDK, "python")
    assert len(examples) == 3
    for example in examples:
        exec(compile(example, "docs/sdk.md", "exec"), {})
    assert sorted(mere.experiments()["name"].to_pylist()) == ["digits", "search"]


def test_the_examples_of_the_command_line_run(
    warehouse: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with mere.start_run("digits", name="quiet-heron-7") as logged:
        logged.log({"acc": 0.9})
    mere.tag("before")
    lines = [line for block in blocks(CLI, "sh") for line in block.splitlines()]
    assert len(lines) >= 8
    for line in lines:
        program, *words = shlex.split(line)
        assert program == "mere"
        assert run(words) == 0, f"{line}: {capsys.readouterr().err}"


def test_the_public_names_are_sorted_and_there() -> None:
    assert mere.__all__ == sorted(mere.__all__)
    for name in mere.__all__:
        assert getattr(mere, name) is not None
    assert set(dir(mere)) == set(mere.__all__)
    with pytest.raises(AttributeError, match="no attribute 'bogus'"):
        mere.bogus  # noqa: B018


def test_every_error_is_public() -> None:
    assert set(errors.__all__) <= set(mere.__all__)
