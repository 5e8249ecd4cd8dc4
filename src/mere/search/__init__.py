"""The filter language: text becomes a tree, is bound to an entity and compiled to SQL.

Nothing here reads or writes. `mere.services` runs what comes out; docs/search.md describes the
language.
"""

from __future__ import annotations

__all__: list[str] = []
