"""What a run was made of: its code, its packages, its machine."""

from __future__ import annotations

__all__: list[str] = []
