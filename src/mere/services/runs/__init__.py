"""Experiments, runs and what is logged to them."""

from __future__ import annotations

__all__: list[str] = []
