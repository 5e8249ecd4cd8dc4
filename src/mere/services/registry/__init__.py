"""Registered models: versions, aliases, gates, reviews, and where each version runs."""

from __future__ import annotations

__all__: list[str] = []
