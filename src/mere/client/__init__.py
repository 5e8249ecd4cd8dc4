"""What training code imports: runs that buffer what is logged and never get in the way."""

from __future__ import annotations

__all__: list[str] = []
