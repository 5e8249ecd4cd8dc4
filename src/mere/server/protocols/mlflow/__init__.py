"""MLflow's REST protocol, for its unmodified clients and its web UI."""

from __future__ import annotations

__all__: list[str] = []
