"""SQL and tables for those outside: what each may read, and nothing else."""

from __future__ import annotations

__all__: list[str] = []
