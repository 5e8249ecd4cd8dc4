"""Iceberg's REST catalog protocol below ``/iceberg``: other engines attach to the tables."""

from __future__ import annotations

__all__: list[str] = []
