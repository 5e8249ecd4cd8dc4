"""Where other tools load mere by its entry points; none of it is imported by mere itself."""

from __future__ import annotations

__all__: list[str] = []
