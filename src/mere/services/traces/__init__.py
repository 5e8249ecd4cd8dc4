"""Traces of model applications: spans, what they mean, what people say of them."""

from __future__ import annotations

__all__: list[str] = []
