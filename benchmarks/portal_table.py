"""Puts the portal's figures into docs/benchmarks.md: ``python -m benchmarks.portal_table FILE``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from benchmarks.pages import Figure, read_figures, rewrite_part

_SHOWN_ELSEWHERE = {"name", "value", "unit", "best", "worst", "rounds", "budget", "kept", "sides"}
_SIDES = ("mere", "mlflow", "tensorboard", "aim")


def main(paths: Iterable[str]) -> None:
    """Rewrite the portal's figures from result files; a later figure replaces an earlier one."""
    machines, figures = read_figures(paths)
    rewrite_part("portal", _render(machines, figures))


def _render(machines: list[Figure], figures: list[Figure]) -> str:
    machine = machines[-1]
    loads = ", ".join(f"{one['load_before']:g}" for one in machines)
    sizes = ", ".join(sorted({one["size"] for one in machines}))
    alone = [one for one in figures if "sides" not in one]
    beside = [one for one in figures if "sides" in one]
    measured = (
        f"Measured on {machine['cores']} cores ({machine['processor']}), Chromium "
        f"{machine['chromium']}, Python {machine['python']}, sizes: {sizes}; the load average "
        f"before each run was {loads}."
    )
    lines = [
        "",
        measured,
        "",
        "| figure | median | best to worst | budget | with |",
        "|---|---|---|---|---|",
        *map(_row, alone),
        "",
    ]
    if beside:
        lines += [
            "| figure, ms: first ink, and last where it is another | " + " | ".join(_SIDES) + " |",
            "|---|" + "---|" * len(_SIDES),
            *map(_beside, beside),
            "",
        ]
    return "\n".join((*lines, ""))


def _row(figure: Figure) -> str:
    spread = f"{figure['best']:,} to {figure['worst']:,}" if "best" in figure else ""
    budget = f"{figure['budget']:,}" if "budget" in figure else ""
    if not figure.get("kept", True):
        budget = f"**{budget}, missed**"
    with_what = ", ".join(
        f"{name} {_shown(value)}" for name, value in figure.items() if name not in _SHOWN_ELSEWHERE
    )
    return (
        f"| `{figure['name']}` | {_shown(figure['value'])} {figure['unit']} | {spread} | {budget} "
        f"| {with_what} |"
    )


def _beside(figure: Figure) -> str:
    told = [figure["sides"].get(side, "not measured") for side in _SIDES]
    cells = [one if isinstance(one, str) else ", ".join(map(_shown, one)) for one in told]
    more = f", {figure['points']:,} points each" if figure["points"] else ""
    return f"| `{figure['name']}`, {figure['runs']:,} runs{more} | {' | '.join(cells)} |"


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 100 else f"{value:g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


if __name__ == "__main__":
    main(sys.argv[1:])
