"""What keeps a warehouse in order: retention, housekeeping, the doctor."""

from __future__ import annotations

__all__: list[str] = []
