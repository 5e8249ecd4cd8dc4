"""Lineage as training code logs it, and as people ask for it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mere.client.buffer import Call
from mere.client.datasets import DatasetHandle, dataset
from mere.clock import SystemClock
from mere.entities.dataset import Dataset
from mere.entities.lineage import LineageGraph
from mere.services.lineage.lineage import lineage_row
from mere.services.warehouse import open_warehouse

if TYPE_CHECKING:
    from mere.client.run import Run

__all__ = ["lineage", "log_lineage"]

_log = logging.getLogger("mere")


def lineage(
    node: Any,
    *,
    depth: int = 20,
    direction: str = "both",
    warehouse: str | None = None,
) -> LineageGraph:
    """Return what something came from and what came of it.

    Example:
        >>> mere.lineage("iris@3", direction="down").edges

    Args:
        node: A run, a dataset, or text: a run's id, the beginning of it, or its name;
            ``name@version`` of a dataset; ``model:<name>/<version>``.
        depth: How many steps to follow each way.
        direction: ``up`` to where data came from, ``down`` to where it went, or ``both``.
        warehouse: Where to look; by default, what ``MERE_WAREHOUSE`` says.

    Raises:
        NotFound: There is no such node.
        InvalidInput: The text may mean several.
    """
    opened = open_warehouse(warehouse or getattr(node, "warehouse", None))
    return opened.lineage.graph(_word(node), depth=depth, direction=direction)


def log_lineage(
    run: Run, put: Callable[[Call, int], None], direction: str, what: Any, context: str | None
) -> None:
    """Hand what a run read or wrote to its worker, to be sent with all else; never raises."""
    try:
        asset = _asset(what, run.warehouse)
        now = SystemClock().now_us()
        row = lineage_row(direction, asset, context=context, tags=None, logged_at=now)
        put(("lineage", {f"{direction} {asset}": row}, None, None), 1)
    except Exception as error:  # noqa: BLE001  what is logged never stops the training
        verb = "input" if direction == "read" else "output"
        _log.warning("run %s: %s %r was not logged: %s", run.name, verb, what, error)


def _asset(what: Any, warehouse: str) -> str:
    if isinstance(what, str) and not what.startswith(("dataset:", "model:", "run:")):
        what = dataset(what, warehouse=warehouse)
    if isinstance(what, DatasetHandle | Dataset):
        return f"dataset:{what.dataset_id}"
    return str(getattr(what, "asset", what))


def _word(node: Any) -> str:
    if isinstance(node, DatasetHandle | Dataset):
        return f"dataset:{node.dataset_id}"
    run_id = getattr(node, "run_id", None)
    return f"run:{run_id}" if run_id is not None else str(node)
