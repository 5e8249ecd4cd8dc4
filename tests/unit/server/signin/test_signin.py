"""Sign-in over HTTP: with passwords, tokens and sessions."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import httpx
import msgspec
import pytest
from litestar.testing import TestClient

from mere.config import ServerSettings
from mere.entities.actor import Role, Scope
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.server.app import create_app
from mere.server.protocols.mlflow.experiments import OPERATIONS as EXPERIMENTS
from mere.server.protocols.native.access import OPERATIONS as ACCESS
from mere.server.protocols.native.meta import OPERATIONS as META
from mere.server.protocols.native.session import OPERATIONS as SESSION
from mere.services.tables import TABLES
from mere.services.warehouse import Warehouse
from mere.testing.clock import ManualClock

PASSWORD = "correct horse battery"
URL = "http://mere.example"
OPERATIONS = (*META, *ACCESS, *SESSION, *EXPERIMENTS)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def warehouse(clock: ManualClock) -> Iterator[Warehouse]:
    lake = Lake.open("memory://", tables=TABLES, store=MemoryStore(clock), clock=clock)
    found = Warehouse(lake, clock, "memory://")
    for role in (Role.VIEWER, Role.EDITOR, Role.ADMIN):
        found.access.users.create(str(role), PASSWORD, role=role)
    yield found
    found.close()


@pytest.fixture
def client(warehouse: Warehouse) -> Iterator[TestClient]:
    settings = ServerSettings(warehouse="memory://", sign_in=True, refresh_s=1e6)
    with TestClient(
        create_app(settings, operations=OPERATIONS, warehouse=warehouse), base_url=URL
    ) as one:
        yield one


def basic(name: str, password: str = PASSWORD) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def code_of(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["code"])


def in_browser(client: TestClient, name: str = "editor") -> dict[str, str]:
    """Sign a browser in; returns the headers that a page of the portal sends."""
    answer = client.post("/api/v1/session", json={"name": name, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return {"origin": URL, "x-mere-csrf": answer.json()["csrf_token"]}


def test_name_and_password_sign_in_as_mlflow_s_client_sends_them(client: TestClient) -> None:
    assert client.get("/openapi.json").status_code == 401
    refused = client.get("/openapi.json", headers=basic("editor", "wrong"))
    assert (refused.status_code, code_of(refused)) == (401, "sign_in_required")
    assert refused.headers["www-authenticate"].startswith("Basic realm=")
    assert client.get("/openapi.json", headers=basic("editor")).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
        "Digest username=x",
        "Bearer",
        "Bearer mere_" + "x" * 49,
        "Bearer " + "x" * 100_000,
        "Basic " + base64.b64encode(b"editor:" + b"x" * 100_000).decode(),
        "Basic " + base64.b64encode(b":").decode(),
    ],
)
def test_credentials_that_cannot_be_read_are_refused(client: TestClient, header: str) -> None:
    answer = client.get("/openapi.json", headers={"authorization": header})
    assert answer.status_code == 401
    assert client.get("/health", headers={"authorization": header}).status_code == 200


def test_tokens_sign_in_as_bearer_and_in_place_of_a_password(
    client: TestClient, warehouse: Warehouse
) -> None:
    _, secret = warehouse.access.tokens.create("viewer", "ci")
    for headers in (bearer(secret), basic("anything", secret), basic("", secret)):
        answer = client.get("/api/v1/session", headers=headers).json()
        assert (answer["name"], answer["kind"]) == ("viewer", "token")
    assert client.post("/api/v1/users", headers=bearer(secret), json={}).status_code == 403


def test_a_token_cannot_make_what_would_outlive_it(
    client: TestClient, warehouse: Warehouse
) -> None:
    _, secret = warehouse.access.tokens.create("admin", "ci")
    made = client.post("/api/v1/tokens", headers=bearer(secret), json={"name": "more"})
    assert made.status_code == 403
    path = "/api/v1/users/admin/password"
    changed = client.post(path, headers=bearer(secret), json={"password": "another good one"})
    assert changed.status_code == 403


def test_a_browser_signs_in_with_a_cookie_that_scripts_cannot_read(client: TestClient) -> None:
    assert client.get("/api/v1/session").json()["kind"] == "nobody"
    answer = client.post("/api/v1/session", json={"name": "editor", "password": PASSWORD})
    first, second = answer.headers.get_list("set-cookie")
    assert first.startswith("mere_session=")
    for part in ("HttpOnly", "SameSite=lax", "Path=/", "Max-Age="):
        assert part in first
    assert second.startswith("mere_csrf=")
    assert "HttpOnly" not in second
    told = client.get("/api/v1/session").json()
    assert (told["name"], told["role"], told["kind"]) == ("editor", "editor", "user")
    assert told["csrf_token"] == answer.json()["csrf_token"]


def test_over_https_the_cookie_never_leaves_it(warehouse: Warehouse) -> None:
    settings = ServerSettings(
        warehouse="memory://", sign_in=True, refresh_s=1e6, public_url="https://mere.example"
    )
    app = create_app(settings, operations=OPERATIONS, warehouse=warehouse)
    with TestClient(app, base_url="http://10.0.0.1") as client:
        answer = client.post("/api/v1/session", json={"name": "editor", "password": PASSWORD})
    first, second = answer.headers.get_list("set-cookie")
    assert first.startswith("__Host-mere_session=")
    assert "Secure" in first
    assert "Secure" in second


def test_a_session_changes_something_only_from_our_own_pages(client: TestClient) -> None:
    headers = in_browser(client)
    body = {"name": "ci"}
    for wrong in (
        {},
        {"origin": URL},
        {"x-mere-csrf": headers["x-mere-csrf"]},
        {**headers, "origin": "https://evil.example"},
        {**headers, "x-mere-csrf": "0" * 40},
        {**headers, "x-mere-csrf": "ü"},
    ):
        encoded = {name.encode(): value.encode() for name, value in wrong.items()}
        refused = client.post("/api/v1/tokens", json=body, headers=encoded)
        assert (refused.status_code, code_of(refused)) == (403, "foreign_origin")
    assert client.post("/api/v1/tokens", json=body, headers=headers).status_code == 201


def test_the_csrf_token_of_one_session_is_of_no_use_to_another(client: TestClient) -> None:
    first = in_browser(client)
    client.cookies.clear()
    second = in_browser(client)
    assert first["x-mere-csrf"] != second["x-mere-csrf"]
    assert client.post("/api/v1/tokens", json={"name": "x"}, headers=first).status_code == 403


def test_cached_basic_credentials_are_of_no_use_to_a_foreign_page(client: TestClient) -> None:
    headers = {**basic("editor"), "origin": "https://evil.example"}
    assert client.post("/api/v1/tokens", json={"name": "x"}, headers=headers).status_code == 403


def test_signing_out_ends_the_session_on_the_server(client: TestClient) -> None:
    headers = in_browser(client)
    stolen = dict(client.cookies)
    assert client.delete("/api/v1/session", headers=headers).status_code == 200
    assert "mere_session" not in client.cookies
    client.cookies.update(stolen)
    assert client.get("/api/v1/session").json()["kind"] == "nobody"


def test_signing_in_gives_another_cookie_and_ends_the_one_before(client: TestClient) -> None:
    headers = in_browser(client)
    before = client.cookies["mere_session"]
    client.post("/api/v1/session", json={"name": "editor", "password": PASSWORD}, headers=headers)
    after = client.cookies["mere_session"]
    assert before != after
    client.cookies.clear()
    client.cookies["mere_session"] = before
    assert client.get("/api/v1/session").json()["kind"] == "nobody"


def test_renewing_gives_another_cookie(client: TestClient, clock: ManualClock) -> None:
    headers = in_browser(client)
    before = client.cookies["mere_session"]
    clock.advance(3600)
    answer = client.post("/api/v1/session/renew", headers=headers)
    assert answer.status_code == 200
    assert client.cookies["mere_session"] != before
    assert client.get("/api/v1/session").json()["name"] == "editor"
    by_token = client.post("/api/v1/session/renew", headers=basic("editor"))
    assert by_token.status_code == 401


def test_another_password_ends_the_other_sessions(client: TestClient) -> None:
    in_browser(client)
    elsewhere = client.cookies["mere_session"]
    client.cookies.clear()
    headers = in_browser(client)
    path, new = "/api/v1/users/editor/password", "another good one"
    wrong = client.post(path, headers=headers, json={"password": new, "current_password": "wrong"})
    assert wrong.status_code == 401
    body = {"password": new, "current_password": PASSWORD}
    assert client.post(path, headers=headers, json=body).status_code == 200
    assert client.get("/api/v1/session").json()["name"] == "editor"
    client.cookies.clear()
    client.cookies["mere_session"] = elsewhere
    assert client.get("/api/v1/session").json()["kind"] == "nobody"


def test_guessing_passwords_is_noted_and_slowed_down(
    client: TestClient, warehouse: Warehouse
) -> None:
    answers = [
        client.post("/api/v1/session", json={"name": "editor", "password": f"wrong {number}"})
        for number in range(7)
    ]
    assert [one.status_code for one in answers] == [401] * 7
    assert {code_of(one) for one in answers} == {"sign_in_required", "too_many_attempts"}
    warehouse.access.trail.flush(10)
    notes = warehouse.access.trail.search(outcome="refused")
    assert sum(one["count"] for one in notes if one["operation"] == "sign_in") == 7
    assert {one["target"] for one in notes if one["operation"] == "sign_in"} == {"user 'editor'"}


def test_endless_names_and_passwords_cost_little(client: TestClient, warehouse: Warehouse) -> None:
    long = {"name": "editor", "password": "x" * 100_000}
    assert client.post("/api/v1/session", json=long).status_code == 413
    answer = client.post("/api/v1/session", json={"name": "x" * 9_000, "password": "y" * 5_000})
    assert answer.status_code == 401
    assert max(len(key) for _, key in warehouse.access.passwords._bad) < 300


def test_what_is_open_to_everybody_needs_no_csrf_token(client: TestClient) -> None:
    in_browser(client)
    body = {"name": "viewer", "password": PASSWORD}
    answer = client.post("/api/v1/session", json=body, headers={"origin": URL})
    assert (answer.status_code, answer.json()["name"]) == (200, "viewer")


def test_a_page_of_another_site_cannot_sign_a_browser_in(client: TestClient) -> None:
    answer = client.post(
        "/api/v1/session",
        json={"name": "editor", "password": PASSWORD},
        headers={"origin": "https://evil.example"},
    )
    assert answer.status_code == 403


def test_writes_and_refusals_are_in_the_audit_trail(
    client: TestClient, warehouse: Warehouse
) -> None:
    client.post("/api/v1/groups", headers=basic("admin"), json={"name": "ops"})
    client.post("/api/v1/groups", headers=basic("viewer"), json={"name": "ops"})
    client.get("/api/v1/users", headers=basic("viewer"))
    client.get("/api/v1/audit", headers=basic("viewer"))
    warehouse.access.trail.flush(10)
    found = client.get("/api/v1/audit", headers=basic("admin")).json()["notes"]
    told = {(one["actor"], one["operation"], one["outcome"]) for one in found}
    assert told == {
        ("admin", "native.access.create_group", "ok"),
        ("viewer", "native.access.create_group", "access_denied"),
        ("viewer", "native.access.audit", "access_denied"),
    }
    assert {one["address"] for one in found} == {"testclient"}
    only = client.get("/api/v1/audit?actor=admin&limit=1", headers=basic("admin")).json()["notes"]
    assert [one["actor"] for one in only] == ["admin"]


def test_users_groups_grants_and_tokens_are_managed(client: TestClient) -> None:
    admin = basic("admin")
    made = client.post(
        "/api/v1/users",
        headers=admin,
        json={"name": "Zoë", "password": PASSWORD, "role": "none", "display_name": "Z"},
    )
    assert (made.status_code, made.json()["name"]) == (201, "zoë")
    zoe = basic("zoë")
    assert client.get("/api/v1/users/zoë", headers=admin).json()["role"] == "none"
    grant = {"principal": "zoë", "object_kind": "experiment", "object_id": "7", "role": "admin"}
    assert client.put("/api/v1/grants", headers=zoe, json=grant).status_code == 403
    assert client.put("/api/v1/grants", headers=admin, json=grant).status_code == 200
    # She administers experiment 7 now, and may share it, and nothing else.
    shared = {**grant, "principal": "viewer", "role": "editor"}
    assert client.put("/api/v1/grants", headers=zoe, json=shared).status_code == 200
    other = {**shared, "object_id": "8"}
    assert client.put("/api/v1/grants", headers=zoe, json=other).status_code == 403
    query = "/api/v1/grants?object_kind=experiment&object_id=7"
    assert len(client.get(query, headers=zoe).json()["grants"]) == 2
    assert client.get("/api/v1/grants", headers=zoe).status_code == 403
    assert len(client.get("/api/v1/grants", headers=admin).json()["grants"]) == 2
    gone = client.request("DELETE", "/api/v1/grants", headers=zoe, json=shared)
    assert gone.json() == {"taken": True}
    group = client.post("/api/v1/groups", headers=admin, json={"name": "ops"}).json()
    member = f"/api/v1/groups/{group['group_id']}/members/zoë"
    assert client.put(member, headers=admin).status_code == 200
    assert client.get("/api/v1/groups", headers=zoe).json()["groups"][0]["members"] == ["zoë"]
    assert client.patch("/api/v1/groups/ops", headers=admin, json={"name": "o"}).status_code == 200
    assert client.delete(member, headers=admin).json() == {"removed": True}
    assert client.delete("/api/v1/groups/o", headers=admin).status_code == 200
    token = client.post("/api/v1/tokens", headers=zoe, json={"name": "ci", "life_s": 60}).json()
    assert [one["name"] for one in client.get("/api/v1/tokens", headers=zoe).json()["tokens"]] == [
        "ci"
    ]
    path = f"/api/v1/tokens/{token['token_id']}"
    assert client.delete(path, headers=basic("editor")).status_code == 403
    assert client.get("/api/v1/tokens?owner=zoë", headers=basic("editor")).status_code == 403
    assert client.delete(path, headers=admin).status_code == 200
    change = {"is_disabled": True, "role": "viewer"}
    assert client.patch("/api/v1/users/zoë", headers=admin, json=change).status_code == 200
    assert client.get("/api/v1/users", headers=zoe).status_code == 401
    assert client.delete("/api/v1/users/zoë", headers=admin).status_code == 200
    assert client.get("/api/v1/users/zoë", headers=admin).status_code == 404
    names = client.get("/api/v1/users", headers=basic("viewer")).json()["users"]
    assert names[0] == {"name": "admin", "display_name": ""}


def test_nothing_told_holds_a_secret(client: TestClient, warehouse: Warehouse) -> None:
    token, secret = warehouse.access.tokens.create("admin", "ci")
    in_browser(client, "admin")
    hashed = warehouse.access._book.state().passwords["admin"][1]
    for path in ("users", "users/admin", "tokens", "grants", "groups", "audit", "session"):
        text = client.get(f"/api/v1/{path}", headers=basic("admin")).text
        for private in (secret, token.digest, hashed, client.cookies["mere_session"]):
            assert private not in text


def test_the_first_admin_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, clock: ManualClock
) -> None:
    lake = Lake.open("memory://", tables=TABLES, store=MemoryStore(clock), clock=clock)
    warehouse = Warehouse(lake, clock, "memory://")
    monkeypatch.setenv("MERE_ADMIN_NAME", "root")
    monkeypatch.setenv("MERE_ADMIN_PASSWORD", PASSWORD)
    settings = ServerSettings(warehouse="memory://", sign_in=True, refresh_s=1e6)
    for _ in range(2):  # the second time there is somebody already
        with TestClient(
            create_app(settings, operations=OPERATIONS, warehouse=warehouse), base_url=URL
        ) as client:
            who = client.get("/api/v1/session", headers=basic("root")).json()
            assert who["role"] == "admin"
    warehouse.close()


def test_without_sign_in_only_this_machine_s_names_are_answered(warehouse: Warehouse) -> None:
    settings = ServerSettings(warehouse="memory://", refresh_s=1e6)
    app = create_app(settings, operations=OPERATIONS, warehouse=warehouse)
    with TestClient(app, base_url="http://127.0.0.1:5000") as client:
        assert client.get("/api/v1/session").json()["kind"] == "local"
        rebound = client.get("/api/v1/users", headers={"host": "evil.example:5000"})
        assert (rebound.status_code, code_of(rebound)) == (403, "foreign_origin")
        foreign = {"origin": "https://evil.example"}
        assert client.post("/api/v1/groups", json={}, headers=foreign).status_code == 403
        assert client.post("/api/v1/groups", json={"name": "ops"}).status_code == 201
        assert (
            client.post("/api/v1/session", json={"name": "a", "password": "b"}).status_code == 401
        )
        assert client.post("/api/v1/tokens", json={"name": "x"}).status_code == 400
        made = client.post("/api/v1/tokens", json={"name": "x", "owner": "viewer"})
        assert made.status_code == 201


def test_a_bound_token_reaches_its_experiment_and_no_other(
    client: TestClient, warehouse: Warehouse
) -> None:
    rows = [{"experiment_id": one, "name": f"e{one}", "lifecycle": "active"} for one in ("7", "8")]
    warehouse.lake.patch("experiments", rows)
    _, secret = warehouse.access.tokens.create("admin", "ci", experiments=["7"])
    path = "/api/2.0/mlflow/experiments/get?experiment_id="
    assert client.get(path + "7", headers=bearer(secret)).status_code == 200
    refused = client.get(path + "8", headers=bearer(secret))
    assert refused.status_code == 403
    assert msgspec.json.decode(refused.content)["error_code"] == "PERMISSION_DENIED"
    warehouse.access.grants.give("user", "viewer", Scope.experiment("8"), Role.NONE)
    assert client.get(path + "8", headers=basic("viewer")).status_code == 403
    assert client.get(path + "7", headers=basic("viewer")).status_code == 200


def test_one_sees_and_ends_one_s_own_sessions(client: TestClient) -> None:
    in_browser(client)
    elsewhere = client.cookies["mere_session"]
    client.cookies.clear()
    in_browser(client, "viewer")
    (foreign,) = client.get("/api/v1/sessions").json()["sessions"]
    client.cookies.clear()
    headers = in_browser(client)
    found = client.get("/api/v1/sessions").json()["sessions"]
    assert sorted(one["is_this"] for one in found) == [False, True]
    assert {one["method"] for one in found} == {"password"}
    ended = {}
    for one in (foreign, next(one for one in found if not one["is_this"])):
        answer = client.delete(f"/api/v1/sessions/{one['session_id']}", headers=headers)
        ended[one["session_id"]] = answer.json()["ended"]
    assert list(ended.values()) == [0, 1]  # what is somebody else's is not there
    assert client.get("/api/v1/session").json()["name"] == "editor"
    client.cookies.clear()
    client.cookies["mere_session"] = elsewhere
    assert client.get("/api/v1/session").json()["kind"] == "nobody"


def test_the_trail_is_read_in_windows(client: TestClient, warehouse: Warehouse) -> None:
    for number in range(5):
        body = {"name": f"user{number}"}
        assert client.post("/api/v1/users", json=body, headers=basic("admin")).status_code == 201
        warehouse.access.trail.flush(10)  # what is alike is one note, if it is written at once
    query = "/api/v1/audit?operation=native.access.create_user"
    whole = client.get(query, headers=basic("admin")).json()
    assert whole["total"] == len(whole["notes"]) >= 5
    part = client.get(f"{query}&offset=1&limit=2", headers=basic("admin")).json()
    assert part == {"notes": whole["notes"][1:3], "total": whole["total"]}
    assert client.get(f"{query}&offset=-1", headers=basic("admin")).status_code == 400


def test_admins_are_told_about_the_server(client: TestClient, warehouse: Warehouse) -> None:
    warehouse.lake.fold()
    assert client.get("/api/v1/about", headers=basic("editor")).status_code == 403
    told = client.get("/api/v1/about", headers=basic("admin")).json()
    assert told["is_sign_in_required"] is True
    assert told["warehouse"]["root"] == 1
    rows = {one["name"]: one["rows"] for one in told["warehouse"]["tables"]}
    assert rows["users"] == 3
