"""OpenTelemetry's protocol over HTTP, as far as traces go: protobuf and JSON, plain or gzip."""

from __future__ import annotations

__all__: list[str] = []
