"""Comparison: what differs between any number of runs, and what goes along with being better."""

from __future__ import annotations

__all__: list[str] = []
