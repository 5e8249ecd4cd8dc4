"""What tests of mere, and of programs built on it, are made of.

A clock moved by hand, stores that count and that fail, the contract every object store keeps, and
a real S3 server on this machine.
"""

from __future__ import annotations

__all__: list[str] = []
