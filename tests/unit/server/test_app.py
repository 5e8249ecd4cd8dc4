"""What happens to a request on its way, shown by operations made for it."""

from __future__ import annotations

import asyncio
import json
import logging
import re

import httpx
import msgspec
import pytest

from mere.config import ServerSettings
from mere.entities.actor import Action, Actor
from mere.errors import ErrorCode, Internal, MereError, NotFound, Unauthenticated
from mere.server.app import create_app
from mere.server.operations import PUBLIC, Answer, Call, Permission
from mere.server.protocols.native.meta import OPERATIONS as META
from mere.server.protocols.native.wire import READ, operation
from mere.server.state import ServerState
from mere.services.warehouse import close_warehouses, open_warehouse
from tests.unit.server.clients import client_of


class Sum(msgspec.Struct):
    a: int
    b: int = 0
    path: str = ""


@operation("POST", "/api/v1/sum", permission=READ, request=Sum)
async def add(call: Call) -> dict[str, int]:
    """Add."""
    return {"sum": call.data.a + call.data.b}


@operation("GET", "/api/v1/sum/{a}/{path:path}", permission=READ, request=Sum)
def add_there(call: Call) -> dict[str, object]:
    """Add what the path and the query say."""
    return {"sum": call.data.a + call.data.b, "path": call.data.path}


@operation("POST", "/api/v1/fail", permission=PUBLIC)
async def fail(call: Call) -> None:
    """Fail as the body says."""
    match await call.body():
        case b"missing":
            raise NotFound(ErrorCode.RUN_NOT_FOUND, "no run 'x'", run_id="x")
        case b"internal":
            raise Internal(ErrorCode.BUG, "contradiction")
        case b"sleep":
            await asyncio.sleep(5)
        case _:
            raise ZeroDivisionError


@operation("GET", "/api/v1/large", permission=PUBLIC)
def large(call: Call) -> Answer:
    """Answer with much."""
    return Answer(json.dumps(["word"] * 50_000).encode(), headers={"X-Own": "1"})


@operation("POST", "/api/v1/small-body", permission=PUBLIC, body_max=10)
async def small_body(call: Call) -> dict[str, int]:
    """Take ten bytes."""
    return {"size": len(await call.body())}


@operation("HEAD", "/api/v1/large", permission=PUBLIC)
async def head(call: Call) -> Answer:
    """Tell what GET would send."""
    return Answer(b"", "text/plain", headers={"Content-Length": "12345"})


@operation("GET", "/api/v1/nothing", permission=PUBLIC, status=204)
async def nothing(call: Call) -> None:
    """Answer with no body."""


OPERATIONS = (add, add_there, fail, large, small_body, head, nothing, *META)


@pytest.fixture
def serve(tmp_path):
    warehouse = open_warehouse(str(tmp_path / "lake"))

    def start(**changes):
        return client_of(warehouse, OPERATIONS, **changes)

    yield start
    close_warehouses()


def code(response: httpx.Response) -> str:
    error = response.json()["error"]
    assert set(error) == {"code", "message", "details", "request_id"}
    return error["code"]


def test_data_comes_from_body_query_and_path(serve):
    with serve() as client:
        assert client.post("/api/v1/sum", json={"a": 1, "b": "2"}).json() == {"sum": 3}
        found = client.get("/api/v1/sum/4/x/y%20z?b=3")
        assert found.json() == {"sum": 7, "path": "x/y z"}
        assert found.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("body", "status", "name"),
    [
        ("missing", 404, "run_not_found"),
        ("internal", 500, "bug"),
        ("bug", 500, "bug"),
    ],
)
def test_errors_have_one_shape(serve, body, status, name, caplog):
    with caplog.at_level(logging.CRITICAL, "mere.server"), serve() as client:
        response = client.post("/api/v1/fail", content=body, headers={"X-Request-Id": "me-1"})
        assert (response.status_code, code(response)) == (status, name)
        assert response.json()["error"]["request_id"] == "me-1"
        assert response.headers["x-request-id"] == "me-1"
        assert "ZeroDivisionError" not in response.text or name == "bug"


@pytest.mark.parametrize("given", ["a b", "x" * 65, "", "é"])
def test_an_id_that_could_do_harm_is_replaced(serve, given):
    with serve() as client:
        headers = {"X-Request-Id": given.encode()}
        found = client.post("/api/v1/small-body", content=b"x", headers=headers)
        assert re.fullmatch("[0-9a-f]{12}-[0-9a-f]+", found.headers["x-request-id"])


def test_what_is_nobodys_is_refused_in_the_same_shape(serve):
    with serve() as client:
        for response, status, name in (
            (client.get("/nowhere"), 404, "route_not_found"),
            (client.get("/api/v1/sum/%2e%2e/etc"), 400, "invalid_value"),
            (client.put("/api/v1/sum"), 405, "method_not_allowed"),
            (client.post("/api/v1/sum", content=b"{"), 400, "invalid_value"),
            (client.post("/api/v1/sum", json={"b": 1}), 400, "invalid_value"),
        ):
            assert (response.status_code, code(response)) == (status, name)


def test_a_body_has_a_limit_announced_or_not(serve):
    with serve() as client:
        assert client.post("/api/v1/small-body", content=b"0123456789").json() == {"size": 10}
        known = client.post("/api/v1/small-body", content=b"0123456789x")
        streamed = client.post("/api/v1/small-body", content=iter([b"012345", b"6789x", b"more"]))
        for response in (known, streamed):
            assert (response.status_code, code(response)) == (413, "body_too_large")


def test_lengths_are_told_once_or_not_at_all(serve):
    with serve() as client:
        told = client.head("/api/v1/large").headers
        assert told.get_list("content-length") == ["12345"]
        empty = client.get("/api/v1/nothing")
        assert (empty.status_code, empty.content) == (204, b"")
        assert "content-length" not in empty.headers
        assert "content-type" not in empty.headers


def test_answers_are_counted(serve):
    def counted(name):
        text = client.get("/metrics").text
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))

    with serve() as client:
        answers = 'mere_requests_total{operation="native.test_app.add",status="200"}'
        slow = 'mere_request_seconds_bucket_total{le="+Inf",operation="native.test_app.add"}'
        before = counted(answers), counted(slow)
        for _ in range(3):
            client.post("/api/v1/sum", json={"a": 1})
        assert (counted(answers), counted(slow)) == (before[0] + 3, before[1] + 3)
        refused = 'mere_requests_total{operation="native.test_app.fail",status="404"}'
        client.post("/api/v1/fail", content=b"missing")
        assert counted(refused) >= 1


def test_a_server_that_cannot_start_says_so(tmp_path):
    (tmp_path / "taken").write_text("a file")
    app = create_app(ServerSettings(warehouse=str(tmp_path / "taken" / "lake")), operations=())
    told = []

    async def live():
        events = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

        async def receive():
            return next(events)

        async def send(message):
            told.append(message["type"])

        await app({"type": "lifespan"}, receive, send)  # type: ignore[arg-type]

    with pytest.raises(MereError):
        asyncio.run(live())
    assert told == ["lifespan.startup.failed"]


def test_an_answer_has_a_time_limit(serve):
    with serve(request_s_max=0.05) as client:
        response = client.post("/api/v1/fail", content=b"sleep")
        assert (response.status_code, code(response)) == (503, "timed_out")


def test_a_client_has_a_rate(serve):
    with serve(rate_per_s=2) as client:
        found = [client.post("/api/v1/small-body", content=b"x") for _ in range(6)]
        assert [one.status_code for one in found].count(429) >= 1
        refused = next(one for one in found if one.status_code == 429)
        assert code(refused) == "too_many_requests"
        assert int(refused.headers["retry-after"]) >= 1


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_far_clients_are_answered_in_less(serve, coding):
    with serve() as client:
        headers = {"Accept-Encoding": f"br;q=1, {coding}", "X-Forwarded-For": "192.0.2.1"}
        with client.stream("GET", "/api/v1/large", headers=headers) as response:
            raw = b"".join(response.iter_raw())
        assert response.headers["content-encoding"] == coding
        assert response.headers["vary"] == "Accept-Encoding"
        assert response.headers["x-own"] == "1"
        assert len(raw) < 5_000
        refused = {**headers, "Accept-Encoding": f"{coding};q=0"}
        assert "content-encoding" not in client.get("/api/v1/large", headers=refused).headers


def test_nobody_and_whoever_lacks_the_right_is_refused_before_the_body_is_read(serve, monkeypatch):
    async def nobody(self, call):
        return Actor.nobody()

    monkeypatch.setattr(ServerState, "identify", nobody)
    with serve() as client:
        response = client.post("/api/v1/sum", content=b"{")
        assert (response.status_code, code(response)) == (401, "sign_in_required")
        assert response.headers["www-authenticate"].startswith("Basic")
        for told in ({"sec-fetch-mode": "cors"}, {"x-requested-with": "fetch"}):
            response = client.post("/api/v1/sum", headers=told, content=b"{")
            assert "www-authenticate" not in response.headers  # no dialog beside a page of ours
        assert client.post("/api/v1/small-body", content=b"x").status_code == 200


def test_a_scope_is_asked_for_what_the_request_names(serve, tmp_path, monkeypatch):
    asked = []
    with serve() as client:
        access = open_warehouse(str(tmp_path / "lake")).access

        def authorize(actor, action, scope):
            asked.append((action, scope.kind, scope.id))
            raise Unauthenticated(ErrorCode.SIGN_IN_REQUIRED, "sign in")

        monkeypatch.setattr(access, "allows_quickly", lambda *a: None)
        monkeypatch.setattr(access, "authorize", authorize)
        assert client.post("/api/v1/sum", json={"a": 1}).status_code == 401
    assert asked == [(Action.READ, "warehouse", "")]


def test_no_operation_is_without_a_permission():
    with pytest.raises(TypeError, match="permission"):
        operation("GET", "/x")  # type: ignore[call-arg]
    assert isinstance(add.permission, Permission)
