"""Object stores: the eight verbs, the places they lead to, and retry around them."""

from __future__ import annotations

__all__: list[str] = []
