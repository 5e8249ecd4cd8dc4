"""What people make of what they see: saved views, short links, reports."""

from __future__ import annotations

__all__: list[str] = []
