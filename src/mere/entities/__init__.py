"""Frozen value types of the product and the rules for their values; no input or output."""

from __future__ import annotations

__all__: list[str] = []
