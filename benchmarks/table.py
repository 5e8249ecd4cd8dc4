"""Puts figures into docs/benchmarks.md: ``python -m benchmarks.table RESULTS.jsonl …``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
_BEGIN, _END = "<!-- figures: begin -->\n", "<!-- figures: end -->\n"
_SHOWN_ELSEWHERE = {"name", "value", "unit", "beside", "best_ms", "worst_ms", "repeats", "heavy"}


def main(paths: Iterable[str]) -> None:
    """Rewrite the page's figures from result files; a later figure replaces an earlier one."""
    figures: dict[str, dict[str, Any]] = {}
    machines = []
    for path in paths:
        for line in Path(path).read_text().splitlines():
            figure = json.loads(line)
            if figure["name"] == "machine":
                machines.append(figure)
            else:
                figures[figure["name"]] = figure
    page = _PAGE.read_text()
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    _PAGE.write_text(before + _BEGIN + _render(machines, figures) + _END + after)


def _render(machines: list[dict[str, Any]], figures: dict[str, dict[str, Any]]) -> str:
    machine = machines[-1]
    loads = ", ".join(f"{one['load_before']:g}" for one in machines)
    versions = ", ".join(
        f"{name} {machine[name]}" for name in ("duckdb", "pyarrow", "pyiceberg", "mlflow-skinny")
    )
    measured = (
        f"Measured on {machine['cores']} cores, Python {machine['python']}, {versions}; the load "
        f"average before was {loads}."
    )
    lines = [
        "",
        measured,
        "",
        "| figure | median | best to worst | beside | with |",
        "|---|---|---|---|---|",
    ]
    lines += [_row(figure) for figure in figures.values()]
    return "\n".join((*lines, "", ""))


def _row(figure: dict[str, Any]) -> str:
    spread = ""
    if "best_ms" in figure:
        spread = f"{figure['best_ms']:,} to {figure['worst_ms']:,} ms"
    with_what = ", ".join(
        f"{name} {_shown(value)}" for name, value in figure.items() if name not in _SHOWN_ELSEWHERE
    )
    return (
        f"| `{figure['name']}` | {_shown(figure['value'])} {figure['unit']} | {spread} "
        f"| {_beside(figure.get('beside'))} | {with_what} |"
    )


def _beside(beside: dict[str, Any] | None) -> str:
    if beside is None:
        return ""
    text = f"{beside['what']}: {_shown(beside['value'])} {beside.get('unit', '')}".rstrip()
    if "times_as_long" in beside:
        return f"{text} (mere takes {beside['times_as_long']} times as long)"
    return f"{text} (**{beside['ratio']:,}x**)" if "ratio" in beside else text


def _shown(value: Any) -> str:
    if isinstance(value, float) and value >= 1000:
        return f"{value:,.0f}"
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return f"{value:,}" if isinstance(value, int | float) else str(value)


if __name__ == "__main__":
    main(sys.argv[1:])
