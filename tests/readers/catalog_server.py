"""A server as a process over a small warehouse, for engines to attach to."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mere.config import environment
from mere.entities.actor import Role
from mere.services.warehouse import Warehouse, close_warehouses, open_warehouse


def fill(folder: Path, *, role: str = "viewer") -> str:
    """Make a warehouse with three folded runs and a tag; return the token of a user."""
    warehouse = open_warehouse(str(folder))
    try:
        _write(warehouse, "a", 0)
        warehouse.lake.fold()
        warehouse.lake.tag("first")
        _write(warehouse, "b", 1)
        _write(warehouse, "c", 2)
        access = warehouse.access
        access.users.create("ann", "a long enough password", role=Role(role), by="test")
        _, secret = access.tokens.create("ann", "engine")
        warehouse.lake.fold()
        _write(warehouse, "unfolded", 9)
        return secret
    finally:
        close_warehouses()


def _write(warehouse: Warehouse, run_id: str, step: int) -> None:
    tally = {"step": step, "timestamp": 0, "value": 0.5, "min": 0.5, "max": 0.5, "count": 1}
    with warehouse.lake.batch() as batch:
        batch.patch(
            "runs", [{"run_id": run_id, "params": {"lr": "0.1"}, "metric_summary": {"loss": tally}}]
        )
        batch.append("metrics", [{"run_id": run_id, "key": "loss", "step": step, "value": 0.5}])


@contextmanager
def serving(folder: Path, **env: str) -> Iterator[str]:
    """Serve a warehouse with sign-in; the address of its catalog."""
    command = [sys.executable, "-m", "mere", "server", "--port", "0", "--sign-in", "--fold-s", "0"]
    process = subprocess.Popen(
        [*command, "--json", "--warehouse", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**environment(), **env},
    )
    try:
        assert process.stdout is not None
        text = ""
        for line in process.stdout:
            text += line
            if line.startswith("}"):
                break
        yield json.loads(text)["url"] + "/iceberg"
    finally:
        process.terminate()
        process.communicate(timeout=20)
