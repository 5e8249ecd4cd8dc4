"""What people say to each other: comments, reviews, what happened, what waits for whom."""

from __future__ import annotations

__all__: list[str] = []
