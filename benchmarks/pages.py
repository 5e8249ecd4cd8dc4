"""Reads result files, and rewrites the part of docs/benchmarks.md that shows their figures."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

__all__ = ["Figure", "read_figures", "rewrite_part"]

_PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"

Figure = dict[str, Any]


def read_figures(paths: Iterable[str]) -> tuple[list[Figure], list[Figure]]:
    """The machines of all runs in order, and the figures: a later one replaces an earlier one."""
    figures: dict[str, Figure] = {}
    machines: list[Figure] = []
    for path in paths:
        for line in Path(path).read_text().splitlines():
            figure = json.loads(line)
            if figure["name"] == "machine":
                machines.append(figure)
            else:
                figures[figure["name"]] = figure
    return machines, list(figures.values())


def rewrite_part(part: str, text: str) -> None:
    """Put a text between the marks of a part of the page."""
    begin, end = f"<!-- {part}: begin -->\n", f"<!-- {part}: end -->\n"
    page = _PAGE.read_text()
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    _PAGE.write_text(before + begin + text + end + after)
