"""Artifacts: files of runs, datasets and models, at readable paths."""

from __future__ import annotations

__all__: list[str] = []
