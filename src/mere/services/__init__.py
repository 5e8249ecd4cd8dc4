"""The rules of the product, one module a resource; the only caller of the lake."""

from __future__ import annotations

__all__: list[str] = []
