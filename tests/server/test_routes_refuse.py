"""Each route of each protocol refuses who may not, before it reads a body or asks the store."""

from __future__ import annotations

import asyncio
import base64
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

import mere.services.access.audit
from mere.config import ServerSettings
from mere.entities.actor import Action, Role, Scope
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.server.app import create_app
from mere.server.operations import Operation
from mere.server.protocols import OPERATIONS
from mere.services.tables import TABLES
from mere.services.warehouse import Warehouse
from mere.testing.clock import ManualClock
from mere.testing.counting import CountingStore

PASSWORD = "correct horse battery"
# Who adds a name here has thought about what it tells to everybody.
PUBLIC = {
    "native.meta.health",
    "native.meta.ready",
    "native.meta.version",
    "native.session.who_am_i",
    "native.session.sign_in",
    "native.session.begin_sso",
    "native.session.finish_sso",
    # Files of MLflow's pages, and redirections to operations that are closed themselves.
    "mlflow.ui.get_server_info",
    "mlflow.ui.get_ui_telemetry",
    "mlflow.ui.post_ui_telemetry",
    "mlflow.ui.get_ui",
    "mlflow.ui.get_ui_file",
    "mlflow.ui.post_ui",
    "mlflow.ui.patch_ui",
    "mlflow.ui.put_ui",
    "mlflow.ui.delete_ui",
    "iceberg.catalog.get_token",  # gives back what it was given; what is shown later is checked
}
ROLES = {"nothing": Role.NONE, "viewer": Role.VIEWER, "editor": Role.EDITOR, "admin": Role.ADMIN}


class BodyRead(Exception):
    """The app asked for the body."""


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Warehouse, CountingStore]]:
    """Make a warehouse with a user of each role, on a store that counts."""
    # Notes of the audit trail are written later than any test here ends.
    monkeypatch.setattr(mere.services.access.audit, "INTERVAL_MS", 3_600_000)
    clock = ManualClock()
    store = CountingStore(MemoryStore(clock))
    lake = Lake.open("memory://", tables=TABLES, store=store, clock=clock)
    warehouse = Warehouse(lake, clock, "memory://")
    for name, role in ROLES.items():
        warehouse.access.users.create(name, PASSWORD, role=role)
        warehouse.access.users.check_password(name, PASSWORD, "")
    warehouse.access.users.list()
    yield warehouse, store
    warehouse.close()


async def ask(app: Any, operation: Operation, path: str, user: str | None) -> tuple[int, bytes]:
    """Send one request whose body must not be read."""
    headers = [(b"host", b"mere.example"), (b"content-type", b"application/json")]
    if user is not None:
        shown = base64.b64encode(f"{user}:{PASSWORD}".encode())
        headers.append((b"authorization", b"Basic " + shown))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": operation.method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("10.0.0.1", 1),
        "server": ("mere.example", 80),
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        raise BodyRead(operation.name)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    body = b"".join(one.get("body", b"") for one in sent)
    return sent[0]["status"], body


def refusals(
    served: tuple[Warehouse, CountingStore], operations: list[Operation], user: str | None
) -> list[tuple[str, int, str, int]]:
    """Ask all paths; returns name, status, error and requests of the store for each."""
    warehouse, store = served
    settings = ServerSettings(warehouse="memory://", sign_in=True, refresh_s=1e6)
    app = create_app(settings, warehouse=warehouse)

    async def walk() -> list[tuple[str, int, str, int]]:
        found = []
        async with app.lifespan():
            await asyncio.sleep(0.1)  # until it has looked for a first admin
            warehouse.access.users.list()
            for operation in operations:
                for path in operation.paths:
                    store.reset()
                    where = re.sub(r"\{(\w+)(:path)?\}", "x", path)
                    status, body = await ask(app, operation, where, user)
                    found.append((f"{operation.name} {path}", status, code(body), len(store.calls)))
        return found

    return asyncio.run(walk())


def code(body: bytes) -> str:
    """The error's code, in whatever protocol's shape."""
    try:
        answer = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return f"no JSON: {body[:80]!r}"
    if not isinstance(answer, dict):
        return f"no object: {body[:80]!r}"
    error = answer.get("error", answer)
    told = [error[one] for one in ("error_code", "code", "type") if one in error]
    return str(told[0] if told else answer)


def test_what_is_open_to_everybody_was_decided_here() -> None:
    assert {one.name for one in OPERATIONS if one.permission.is_public} == PUBLIC


def test_no_path_is_declared_twice() -> None:
    """Of two operations at one path, one would hide the permission of the other."""
    places = Counter((one.method, path) for one in OPERATIONS for path in one.paths)
    assert [place for place, times in places.items() if times > 1] == []


def test_nobody_gets_in(served: tuple[Warehouse, CountingStore]) -> None:
    closed = [one for one in OPERATIONS if not one.permission.is_public]
    assert closed
    wrong = [one for one in refusals(served, closed, None) if one[1] != 401 or one[3]]
    assert wrong == []


@pytest.mark.parametrize(
    ("user", "action"),
    [("nothing", Action.READ), ("viewer", Action.EDIT), ("editor", Action.ADMIN)],
)
def test_a_role_that_is_too_low_is_refused(
    served: tuple[Warehouse, CountingStore], user: str, action: Action
) -> None:
    above = [one for one in OPERATIONS if (one.permission.action or 0) >= action]
    assert above
    wrong = [one for one in refusals(served, above, user) if one[1] != 403 or one[3]]
    assert wrong == []


def test_a_grant_elsewhere_lets_nobody_pass_where_there_is_none(
    served: tuple[Warehouse, CountingStore],
) -> None:
    """Operations on the warehouse look at the role there, whatever was granted on objects."""
    grants = served[0].access.grants
    grants.give("user", "nothing", Scope.experiment("*"), Role.ADMIN)
    grants.give("user", "nothing", Scope.model("*"), Role.ADMIN)
    whole = [one for one in OPERATIONS if one.permission.action and one.permission.scope is None]
    wrong = [one for one in refusals(served, whole, "nothing") if one[1] != 403 or one[3]]
    assert wrong == []
