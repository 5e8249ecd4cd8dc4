"""The native protocol: our own resources as JSON and Arrow, below ``/api/v1``."""

from __future__ import annotations

__all__: list[str] = []
