"""HTTP before the services: protocols, sign-in, live events. It holds no truth of its own."""

from __future__ import annotations

__all__: list[str] = []
