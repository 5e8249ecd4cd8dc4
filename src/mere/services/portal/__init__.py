"""What a page needs that shows a million runs: windows, series, keys, suggestions, ticks."""

from __future__ import annotations

__all__: list[str] = []
