"""Lineage: what was made of what."""

from __future__ import annotations

__all__: list[str] = []
