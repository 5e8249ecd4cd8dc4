"""Runs run again: code, environment and data restored, numbers compared, runs told apart.

`rerun` is the whole of it; `checkout` restores without running; `diff` says what differs.
"""

from __future__ import annotations

__all__: list[str] = []
