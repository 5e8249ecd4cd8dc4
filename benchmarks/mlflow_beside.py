"""Asks MLflow, in a process of its own, to do the same work as mere."""

from __future__ import annotations

import json
import sys
from typing import Any

from benchmarks.harness import Bench

__all__ = ["ask_mlflow", "beside"]


def ask_mlflow(bench: Bench, work: str, **parameters: Any) -> dict[str, Any]:
    """What MLflow's client measured; empty where it is not installed or failed."""
    template = bench.folder / "mlflow-empty.db"
    folder = bench.folder / f"mlflow-{work}"
    try:
        return bench.child("mlflow_client", work, folder, template, json.dumps(parameters))
    except RuntimeError as error:
        print(f"no MLflow beside: {error}", file=sys.stderr)
        return {}


def beside(
    answer: dict[str, Any],
    what: str,
    name: str,
    unit: str,
    *,
    of: float | None = None,
    per: float | None = None,
) -> dict[str, Any]:
    """MLflow's side of a figure and how many times better ours is.

    Args:
        answer: What `ask_mlflow` returned.
        what: What MLflow did.
        name: The number in the answer.
        unit: Its unit.
        of: Our number, where more is better.
        per: Our number, where less is better.
    """
    if name not in answer:
        return {"what": f"MLflow: {what}", "value": None}
    value = answer[name]
    ratio = of / value if of is not None else value / per if per else 0.0
    return {
        "what": f"MLflow {answer['version']} with SQLite, in process: {what}",
        "value": round(value, 3),
        "unit": unit,
        "ratio": float(f"{ratio:.3g}"),
        "repeats": answer["repeats"],
    }
