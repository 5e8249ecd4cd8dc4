"""Single sign-on against a provider that is real but for its people."""

from __future__ import annotations

import base64
import hmac
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey
from litestar.testing import TestClient

from mere.config import OidcSettings, ServerSettings
from mere.entities.actor import Role
from mere.errors import InvalidInput
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.server.app import create_app
from mere.server.protocols.native.meta import OPERATIONS as META
from mere.server.protocols.native.session import OPERATIONS as SESSION
from mere.server.signin.identify import check_sign_in
from mere.server.signin.oidc import Pending
from mere.services.tables import TABLES
from mere.services.warehouse import Warehouse
from mere.testing.clock import ManualClock
from tests.unit.server.signin.provider import CLIENT_ID, CLIENT_SECRET, Provider, run_provider

URL = "http://mere.example"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def provider(clock: ManualClock) -> Iterator[Provider]:
    with run_provider(lambda: clock.now_us() // 1_000_000) as one:
        yield one


@pytest.fixture
def warehouse(clock: ManualClock) -> Iterator[Warehouse]:
    lake = Lake.open("memory://", tables=TABLES, store=MemoryStore(clock), clock=clock)
    found = Warehouse(lake, clock, "memory://")
    yield found
    found.close()


@contextmanager
def served(warehouse: Warehouse) -> Iterator[TestClient]:
    settings = ServerSettings(warehouse="memory://", sign_in=True, refresh_s=1e6)
    app = create_app(settings, operations=(*META, *SESSION), warehouse=warehouse)
    with TestClient(app, base_url=URL) as one:
        yield one


@pytest.fixture
def client(
    warehouse: Warehouse, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TestClient]:
    monkeypatch.setenv("MERE_OIDC_ISSUER", provider.url)
    monkeypatch.setenv("MERE_OIDC_CLIENT_ID", CLIENT_ID)
    monkeypatch.setenv("MERE_OIDC_CLIENT_SECRET", CLIENT_SECRET)
    monkeypatch.setenv("MERE_OIDC_ROLES", "ml=editor, ml-admins=admin")
    monkeypatch.setenv("MERE_OIDC_LABEL", "Example Inc.")
    with served(warehouse) as one:
        yield one


def begin(client: TestClient, back: str = "/runs?x=1") -> str:
    """Begin a sign-in; returns where the provider sends the browser back to."""
    answer = client.get("/api/v1/session/sso", params={"back": back}, follow_redirects=False)
    assert answer.status_code == 302, answer.text
    sent_back = httpx.get(answer.headers["location"], follow_redirects=False)
    assert sent_back.headers["location"].startswith(f"{URL}/api/v1/session/sso/callback?")
    return str(sent_back.headers["location"])


def sign_in(client: TestClient, back: str = "/runs?x=1") -> httpx.Response:
    return client.get(begin(client, back), follow_redirects=False)


def refused(answer: httpx.Response, status: int = 401) -> str:
    assert answer.status_code == status, answer.text
    return str(answer.json()["error"]["message"])


def test_the_portal_is_told_how_to_sign_in(client: TestClient) -> None:
    assert client.get("/api/v1/session").json()["sso_label"] == "Example Inc."


def test_somebody_signs_in_and_is_made_a_user_with_the_role_of_the_claim(
    client: TestClient, provider: Provider, warehouse: Warehouse
) -> None:
    provider.claims |= {"groups": ["x", "ml"], "name": "Ann Bee", "email": "ann@example.org"}
    answer = sign_in(client)
    assert (answer.status_code, answer.headers["location"]) == (302, "/runs?x=1")
    who = client.get("/api/v1/session").json()
    assert (who["name"], who["display_name"], who["role"]) == ("ann", "Ann Bee", "editor")
    user = warehouse.access.users.get("ann")
    assert (user.issuer, user.subject) == (provider.url, "subject-1")
    # What the browser was given to keep is gone, and the code cannot be shown again.
    assert "mere_sso" not in client.cookies


def test_the_role_follows_the_claim_at_each_sign_in(
    client: TestClient, provider: Provider, warehouse: Warehouse
) -> None:
    warehouse.access.users.create("root", role=Role.ADMIN)
    for groups, role in (
        (["ml", "ml-admins"], Role.ADMIN),
        ("ml", Role.EDITOR),
        ([], Role.VIEWER),
        (None, Role.VIEWER),
        ({"ml": 1}, Role.VIEWER),
    ):
        provider.claims["groups"] = groups
        assert sign_in(client).status_code == 302
        assert warehouse.access.users.get("ann").role is role


def test_claims_that_are_not_in_the_token_are_asked_for(
    client: TestClient, provider: Provider, warehouse: Warehouse
) -> None:
    provider.claims = {"sub": "subject-1"}
    provider.userinfo = {"sub": "subject-1", "preferred_username": "bea", "groups": ["ml"]}
    assert sign_in(client).status_code == 302
    assert warehouse.access.users.get("bea").role is Role.EDITOR
    provider.claims = {"sub": "subject-2"}
    provider.userinfo = {"sub": "somebody else", "preferred_username": "eve", "groups": ["ml"]}
    assert sign_in(client).status_code == 302
    assert not any(one.name == "eve" for one in warehouse.access.users.list())


def test_a_name_that_is_taken_or_odd_makes_nobody_somebody_else(
    client: TestClient, provider: Provider, warehouse: Warehouse
) -> None:
    warehouse.access.users.create("ann", role=Role.ADMIN)
    assert "belongs to another user" in refused(sign_in(client), 403)
    provider.claims["preferred_username"] = "local"
    provider.claims["email"] = "not a name"
    assert sign_in(client).status_code == 302
    assert re.fullmatch(r"sso-[0-9a-f]{12}", client.get("/api/v1/session").json()["name"])


def changed(**claims: Any) -> Callable[[dict[str, Any]], None]:
    return lambda given: given.update(claims)


def without(name: str) -> Callable[[dict[str, Any]], None]:
    def spoil(given: dict[str, Any]) -> None:
        del given[name]

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [
        changed(iss="https://evil.example"),
        changed(aud="another client"),
        changed(aud=["another client"]),
        changed(aud=[CLIENT_ID, "another client"]),
        changed(aud=[CLIENT_ID, "another client"], azp="another client"),
        changed(azp="another client"),
        changed(nonce="of another sign-in"),
        changed(exp=1),
        changed(iat=10**11),
        changed(sub=""),
        changed(sub=7),
        without("iss"),
        without("aud"),
        without("exp"),
        without("iat"),
        without("sub"),
        without("nonce"),
    ],
)
def test_a_token_that_is_not_for_us_and_now_is_not_believed(
    client: TestClient,
    provider: Provider,
    warehouse: Warehouse,
    spoil: Callable[[dict[str, Any]], None],
) -> None:
    provider.spoil = spoil
    assert "identity token" in refused(sign_in(client))
    assert client.get("/api/v1/session").json()["kind"] == "nobody"
    assert warehouse.access.users.list() == []


def test_several_audiences_are_fine_if_we_are_the_party(
    client: TestClient, provider: Provider
) -> None:
    provider.spoil = changed(aud=[CLIENT_ID, "another"], azp=CLIENT_ID)
    assert sign_in(client).status_code == 302


def test_a_token_signed_by_somebody_else_is_not_believed(
    client: TestClient, provider: Provider
) -> None:
    kid = str(provider.keys[0].as_dict()["kid"])
    provider.signs_with = RSAKey.generate_key(2048, {"kid": kid})
    assert "identity token" in refused(sign_in(client))


@pytest.mark.parametrize("which", ["public key", "our secret"])
def test_a_token_signed_by_what_others_know_is_not_believed(
    client: TestClient, provider: Provider, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    """As where HS256 is taken, and the public key is taken for the secret."""
    public = provider.keys[0].as_pem(private=False)
    secret = public if which == "public key" else CLIENT_SECRET.encode()

    def signed(claims: dict[str, Any]) -> str:
        header = {"alg": "HS256", "kid": str(provider.keys[0].as_dict()["kid"])}
        text = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
        return f"{text}.{base64url(hmac.digest(secret, text.encode(), 'sha256'))}"

    monkeypatch.setattr(provider, "signed", signed)
    assert "identity token" in refused(sign_in(client))


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def test_an_unsigned_token_is_not_believed(
    client: TestClient, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsigned(claims: dict[str, Any]) -> str:
        parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
        return ".".join(base64url(part) for part in parts) + "."

    monkeypatch.setattr(provider, "signed", unsigned)
    assert "identity token" in refused(sign_in(client))
    for odd in ("", "a.b.c", "ü", "." * 10):
        monkeypatch.setattr(provider, "signed", lambda claims, odd=odd: odd)
        assert "identity token" in refused(sign_in(client))


def test_keys_that_the_provider_has_changed_are_fetched_again(
    client: TestClient, provider: Provider, clock: ManualClock
) -> None:
    assert sign_in(client).status_code == 302
    assert sign_in(client).status_code == 302
    assert provider.asked.count("/jwks") == 1
    provider.rotate()
    clock.advance(30)
    assert sign_in(client).status_code == 302
    assert provider.asked.count("/jwks") == 2


def test_wrong_tokens_do_not_make_us_ask_for_keys_each_time(
    client: TestClient, provider: Provider
) -> None:
    provider.signs_with = RSAKey.generate_key(2048, {"kid": "unknown"})
    for _ in range(5):
        refused(sign_in(client))
    assert provider.asked.count("/jwks") <= 2


def test_what_comes_back_must_belong_to_this_browser(
    client: TestClient, provider: Provider, warehouse: Warehouse
) -> None:
    back = begin(client)
    mine = dict(client.cookies)
    client.cookies.clear()
    assert "has not begun" in refused(client.get(back, follow_redirects=False))
    begin(client)  # another sign-in of this browser
    assert "its state is another" in refused(client.get(back, follow_redirects=False))
    client.cookies.clear()
    client.cookies.set("mere_sso", "not ours", domain="mere.example", path="/")
    assert "has not begun" in refused(client.get(back, follow_redirects=False))
    client.cookies.clear()
    client.cookies.update(mine)
    assert client.get(back, follow_redirects=False).status_code == 302
    # The code was used up.
    client.cookies.update(mine)
    assert "refused the code" in refused(client.get(back, follow_redirects=False))


def test_a_code_is_of_no_use_without_its_verifier(client: TestClient, provider: Provider) -> None:
    back = begin(client)
    pending = Pending.unpacked(client.cookies["mere_sso"])
    assert pending is not None
    forged = Pending(pending.state, pending.nonce, "x" * 86, pending.back, pending.redirect)
    client.cookies.clear()
    client.cookies.set("mere_sso", forged.packed(), domain="mere.example", path="/")
    assert "wrong verifier" in refused(client.get(back, follow_redirects=False))


def test_what_the_provider_says_went_wrong_is_told(client: TestClient) -> None:
    back = urlsplit(begin(client))
    state = parse_qs(back.query)["state"][0]
    path = f"{back.path}?state={state}&error=access_denied&error_description=not+today"
    assert "not today" in refused(client.get(path, follow_redirects=False))
    none = client.get(f"{back.path}?state={state}", follow_redirects=False)
    assert "no code" in refused(none)
    mixed = client.get(f"{back.path}?state={state}&code=x&iss=https://evil", follow_redirects=False)
    assert "another provider" in refused(mixed)


def test_single_sign_on_leads_nowhere_else(client: TestClient) -> None:
    assert sign_in(client, "https://evil.example").headers["location"] == "/"
    assert sign_in(client, "//evil.example").headers["location"] == "/"


def test_the_secret_may_be_wanted_in_the_form(client: TestClient, provider: Provider) -> None:
    provider.auth_methods = ["client_secret_post"]
    assert sign_in(client).status_code == 302


def test_a_provider_that_is_another_or_does_not_answer(
    client: TestClient, provider: Provider
) -> None:
    provider.issuer = "https://evil.example"
    answer = client.get("/api/v1/session/sso", follow_redirects=False)
    assert "calls itself" in refused(answer, 503)
    provider.issuer = None
    assert client.get("/api/v1/session/sso", follow_redirects=False).status_code == 302


def test_who_has_no_role_is_kept_out(
    warehouse: Warehouse, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MERE_OIDC_ISSUER", provider.url)
    monkeypatch.setenv("MERE_OIDC_CLIENT_ID", CLIENT_ID)
    monkeypatch.setenv("MERE_OIDC_CLIENT_SECRET", CLIENT_SECRET)
    monkeypatch.setenv("MERE_OIDC_ROLES", "ml=editor")
    monkeypatch.setenv("MERE_OIDC_DEFAULT_ROLE", "none")
    with served(warehouse) as client:
        assert "gives you a role" in refused(sign_in(client), 403)
        assert warehouse.access.users.list() == []


def test_settings_are_checked_when_they_are_read() -> None:
    assert OidcSettings.from_environment({}) is None
    with pytest.raises(InvalidInput, match="MERE_OIDC_CLIENT_ID"):
        OidcSettings.from_environment({"MERE_OIDC_ISSUER": "https://idp.example"})
    base = {"MERE_OIDC_ISSUER": "https://idp.example", "MERE_OIDC_CLIENT_ID": "x"}
    with pytest.raises(InvalidInput, match="MERE_OIDC_ROLES"):
        OidcSettings.from_environment({**base, "MERE_OIDC_ROLES": "editor"})
    found = OidcSettings.from_environment({**base, "MERE_OIDC_ROLES": "cn=a=editor, b = admin"})
    assert found is not None
    assert found.roles == {"cn=a": "editor", "b": "admin"}
    assert "secret" not in repr(
        OidcSettings.from_environment({**base, "MERE_OIDC_CLIENT_SECRET": "secret"})
    )


def test_a_server_is_not_started_with_settings_that_cannot_work() -> None:
    base = {"MERE_OIDC_ISSUER": "https://idp.example", "MERE_OIDC_CLIENT_ID": "x"}
    settings = ServerSettings(warehouse="memory://", host="10.0.0.1")
    check_sign_in(settings, base)
    with pytest.raises(InvalidInput, match="https://"):
        check_sign_in(settings, {**base, "MERE_OIDC_ISSUER": "http://idp.example"})
    with pytest.raises(InvalidInput, match="role 'boss' is unknown"):
        check_sign_in(settings, {**base, "MERE_OIDC_ROLES": "a=boss"})
    with pytest.raises(InvalidInput, match="without sign-in"):
        check_sign_in(ServerSettings(warehouse="w", host="10.0.0.1", sign_in=False), {})


@pytest.mark.slow
def test_a_provider_made_by_others_signs_in(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same against a provider that we did not write; it runs on the machine's time."""
    from mere.clock import SystemClock

    script = (
        "import time, oidc_provider_mock as m\n"
        "with m.run_server_in_thread() as server:\n"
        "    print(server.server_port, flush=True)\n"
        "    time.sleep(600)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "AUTHLIB_INSECURE_TRANSPORT": "1"},
    )
    try:
        assert process.stdout is not None
        issuer = f"http://localhost:{int(process.stdout.readline())}"
        monkeypatch.setenv("MERE_OIDC_ISSUER", issuer)
        monkeypatch.setenv("MERE_OIDC_CLIENT_ID", "mere")
        monkeypatch.setenv("MERE_OIDC_CLIENT_SECRET", "secret")
        user = {"preferred_username": "carl", "groups": ["ml"], "name": "Carl"}
        monkeypatch.setenv("MERE_OIDC_ROLES", "ml=editor")
        httpx.put(f"{issuer}/users/subject-9", json=user).raise_for_status()
        system = SystemClock()
        lake = Lake.open("memory://", tables=TABLES, store=MemoryStore(system), clock=system)
        warehouse = Warehouse(lake, system, "memory://")
        with served(warehouse) as client:
            answer = client.get("/api/v1/session/sso", follow_redirects=False)
            where = answer.headers["location"]
            back = httpx.post(where, data={"sub": "subject-9"}, follow_redirects=False)
            done = client.get(back.headers["location"], follow_redirects=False)
            assert done.status_code == 302, done.text
            who = client.get("/api/v1/session").json()
            assert (who["name"], who["role"], who["display_name"]) == ("carl", "editor", "Carl")
        warehouse.close()
    finally:
        process.kill()
        process.communicate()
