"""A client of the server over a warehouse that a test has open."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from litestar.testing import TestClient

from mere.config import ServerSettings
from mere.server.app import create_app
from mere.server.operations import Operation
from mere.services.warehouse import Warehouse

__all__ = ["client_of"]


def client_of(
    warehouse: Warehouse, operations: Iterable[Operation], **settings: Any
) -> TestClient[Any]:
    """A client, to be entered, of a server that answers some operations on loopback."""
    given = ServerSettings(warehouse=warehouse.url, **settings)
    app = create_app(given, operations=tuple(operations), warehouse=warehouse)
    return TestClient(app, base_url="http://127.0.0.1:5000")
