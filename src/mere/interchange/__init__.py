"""Coming from elsewhere and going there: foreign trackers' records in, portable folders out."""

from __future__ import annotations

__all__: list[str] = []
