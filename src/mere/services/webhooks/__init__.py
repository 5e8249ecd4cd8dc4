"""Events told to others: what is sent, where to, and what became of it."""

from __future__ import annotations

__all__: list[str] = []
