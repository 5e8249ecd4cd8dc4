"""The command ``mere``: thin commands over the services."""

from __future__ import annotations

from mere.cli.app import main

__all__ = ["main"]
