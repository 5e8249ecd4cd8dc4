"""Write the table of docs/mlflow.md: what MLflow's client can do against our server.

Each operation is done by the real client (`tests/conformance/operations.py`, in the environment
that `make mlflow` makes) against a server of its own. Run it after a change of the protocol::

    .venv/bin/python -m scripts.mlflow_matrix
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.conformance.servers import MLFLOW, run_mere

__all__ = ["PAGE", "outcomes", "page_with", "table"]

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/mlflow.md"
BEGIN = "<!-- the table is written by scripts/mlflow_matrix.py -->"
END = "<!-- end of the table -->"
DIFFERENT = {
    ("experiments", "rename"): "the old name stays the experiment's own and is never free again",
    ("experiments", "delete, restore"): "runs that were deleted one by one stay deleted",
    ("runs", "log metrics: NaN, infinities, Unicode keys, negative steps"): (
        "an infinity stays one; MLflow's SQL store makes it the largest float"
    ),
    ("runs", "search, with filter, order and pages"): (
        "a [wider filter language](search.md); what is wrong is said in other words"
    ),
}
"""What works and is not quite the same."""


def outcomes() -> list[dict[str, Any]]:
    """Do every operation; how each went."""
    with tempfile.TemporaryDirectory() as folder, run_mere(Path(folder, "warehouse")) as url:
        done = subprocess.run(
            [MLFLOW, ROOT / "tests/conformance/operations.py", url],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            env={
                **os.environ,
                "MLFLOW_DISABLE_TELEMETRY": "true",
                "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
            },
        )
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULTS ")]
    if not lines:
        raise SystemExit(f"the client ended early:\n{done.stderr[-3000:]}")
    results: list[dict[str, Any]] = json.loads(lines[-1].removeprefix("RESULTS "))
    return results


def table(results: list[dict[str, Any]]) -> str:
    """The results as a table in Markdown."""
    rows = ["| | operation | |", "|---|---|---|"]
    group = ""
    for result in results:
        shown = result["group"] if result["group"] != group else ""
        group = result["group"]
        note = DIFFERENT.get((group, result["operation"]))
        outcome = result["outcome"].split(":")[0]
        said = f"differs: {note}" if note and outcome == "ok" else outcome
        rows.append(f"| {shown} | {result['operation']} | {said} |")
    return "\n".join(rows)


def page_with(new: str, page: str) -> str:
    """The page with another table."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{new}\n\n{END}{after}"


def main() -> None:
    """Write the page, and say what failed."""
    results = outcomes()
    PAGE.write_text(page_with(table(results), PAGE.read_text()))
    failed = [one for one in results if one["outcome"].startswith("failed")]
    for one in failed:
        sys.stderr.write(f"{one['group']}: {one['operation']}: {one['outcome']}\n")
    if failed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
