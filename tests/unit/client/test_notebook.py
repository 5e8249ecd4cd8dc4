"""Runs in a notebook, executed by a real kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

import mere
from mere.client.logs import console
from mere.client.notebook import Cell, current_cell

START = "run = mere.start_run('cells')\nrun.log({'a': 1})\nprint('hello')"


def test_outside_of_a_notebook_there_is_no_cell() -> None:
    assert current_cell() is None


def test_a_cell_again_is_the_same_cell() -> None:
    assert Cell("x", 2).is_again(Cell("x", 1))
    assert not Cell("x", 1).is_again(Cell("x", 1))
    assert not Cell("x", 2).is_again(Cell("y", 1))
    assert not Cell("x", 2).is_again(None)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_cells_log_and_a_cell_run_again_starts_anew(url: str, tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat", reason="notebooks need nbclient and ipykernel")
    client = pytest.importorskip("nbclient", reason="same")
    pytest.importorskip("ipykernel", reason="same")
    cells = [
        "import mere",
        START,
        "run.log({'a': 2})\nprint('more')\nassert mere.active_run() is run",
        START,
        "with mere.start_run('nested') as inner: print('inner')",
        "assert inner.parent_run_id == run.run_id",
        "print('last')\nraise ValueError('a cell that fails ends nothing')",
        "run.log({'a': 3})",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    client.NotebookClient(notebook, kernel_name="python3", allow_errors=True).execute()
    shown = [output.get("text", "") for cell in notebook.cells for output in cell.outputs]
    assert [text for text in shown if text] == ["hello\n", "more\n", "hello\n", "inner\n", "last\n"]
    rows = mere.runs("cells", order="attributes.start_time asc").to_pylist(maps_as_pydicts="strict")
    assert [(row["status"], row["metrics"]["a"]) for row in rows] == [
        ("FINISHED", 2.0),
        ("FINISHED", 3.0),
    ]
    assert console(rows[0]["run_id"])["text"].to_pylist() == ["hello", "more"]
    assert console(rows[1]["run_id"])["text"].to_pylist() == ["hello", "last"]
