"""Cells of notebooks: a cell that is run again starts its run anew."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["Cell", "current_cell", "on_each_cell"]

_registered: set[tuple[int, Callable[..., None]]] = set()


class Cell(NamedTuple):
    """One execution of a cell.

    Args:
        key: What the cell is known by: its id, or its source where the notebook tells no id.
        execution: Which execution this is.
    """

    key: str
    execution: int

    def is_again(self, earlier: Cell | None) -> bool:
        """Whether an earlier execution was of the same cell."""
        return earlier is not None and earlier.key == self.key and earlier != self


def current_cell() -> Cell | None:
    """The cell that is running; None outside of IPython and notebooks."""
    shell = _shell()
    with contextlib.suppress(Exception):  # foreign insides that may be otherwise
        executions = shell.user_ns["In"]
        key = ""
        with contextlib.suppress(Exception):
            key = shell.get_parent()["metadata"].get("cellId") or ""
        return Cell(key or executions[-1], len(executions))
    return None


def on_each_cell(act: Callable[..., None]) -> None:
    """Do something before each cell is run, where there are cells."""
    shell = _shell()
    if shell is not None and (id(shell), act) not in _registered:
        with contextlib.suppress(Exception):
            shell.events.register("pre_run_cell", act)
            _registered.add((id(shell), act))


def _shell() -> Any:
    library: Any = sys.modules.get("IPython")
    return None if library is None else library.get_ipython()
