"""Datasets: numbered versions of tables, files and references."""

from __future__ import annotations

__all__: list[str] = []
