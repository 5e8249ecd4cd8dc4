"""The web portal's files, as the build of ``portal/`` left them, and how they are served."""

from __future__ import annotations

__all__: list[str] = []
