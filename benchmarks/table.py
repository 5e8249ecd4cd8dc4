"""Puts figures into docs/benchmarks.md: ``python -m benchmarks.table RESULTS.jsonl …``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from benchmarks.pages import Figure, read_figures, rewrite_part

_SHOWN_ELSEWHERE = {"name", "value", "unit", "beside", "best_ms", "worst_ms", "repeats", "heavy"}


def main(paths: Iterable[str]) -> None:
    """Rewrite the page's figures from result files; a later figure replaces an earlier one."""
    machines, figures = read_figures(paths)
    rewrite_part("figures", _render(machines, figures))


def _render(machines: list[Figure], figures: list[Figure]) -> str:
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
    lines += [_row(figure) for figure in figures]
    return "\n".join((*lines, "", ""))


def _row(figure: Figure) -> str:
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


def _beside(beside: Figure | None) -> str:
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
