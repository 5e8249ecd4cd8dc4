from __future__ import annotations

import pytest

from mere.config import ServerSettings
from mere.errors import InvalidInput, PermissionDenied
from mere.server.signin.exposure import (
    check_exposure,
    check_host,
    check_origin,
    is_loopback,
    must_sign_in,
)
from mere.server.signin.oidc import safe_path

SETTINGS = ServerSettings(warehouse="memory://")


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"]
)
def test_names_of_this_machine(host: str) -> None:
    assert is_loopback(host)
    check_exposure(host, sign_in=False)
    assert not must_sign_in(ServerSettings(warehouse="w", host=host))


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "::", "", "10.0.0.1", "evil.example", "localhost.evil.example", "127.0.0.1.nip.io"],
)
def test_names_of_others_need_sign_in(host: str) -> None:
    assert not is_loopback(host)
    assert must_sign_in(ServerSettings(warehouse="w", host=host))
    check_exposure(host, sign_in=True)
    check_exposure(host, None)
    with pytest.raises(InvalidInput, match="mere users create NAME --admin"):
        check_exposure(host, sign_in=False)


@pytest.mark.parametrize("host", ["localhost:5000", "127.0.0.1", "[::1]:5000", "box.localhost:1"])
def test_a_local_server_answers_to_its_own_names(host: str) -> None:
    check_host(SETTINGS, {"host": host})


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:5000", "", "[::1", "@"])
def test_a_rebound_name_is_refused(host: str) -> None:
    with pytest.raises(PermissionDenied, match="call it localhost"):
        check_host(SETTINGS, {"host": host})


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://localhost:5000"},
        {"origin": "https://localhost:5000"},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
    ],
)
def test_writes_from_our_own_pages_and_from_programs_pass(headers: dict[str, str]) -> None:
    check_origin(SETTINGS, "POST", {"host": "localhost:5000", **headers})


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://localhost:5001"},
        {"origin": "http://localhost"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://localhost:5000.evil.example"},
        {"origin": "http://evil.example:99999"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_writes_from_foreign_pages_are_refused(method: str, headers: dict[str, str]) -> None:
    with pytest.raises(PermissionDenied, match="may not change anything"):
        check_origin(SETTINGS, method, {"host": "localhost:5000", **headers})
    check_origin(SETTINGS, "GET", {"host": "localhost:5000", **headers})


def test_a_browser_s_session_wants_the_browser_to_say_where_it_comes_from() -> None:
    headers = {"host": "localhost:5000"}
    check_origin(SETTINGS, "POST", headers)
    with pytest.raises(PermissionDenied):
        check_origin(SETTINGS, "POST", headers, is_strict=True)


def test_behind_a_proxy_the_public_address_is_our_own() -> None:
    settings = ServerSettings(warehouse="w", public_url="https://mere.example/x")
    check_origin(settings, "POST", {"host": "10.0.0.7:80", "origin": "https://mere.example"})
    check_host(settings, {"host": "mere.example"})


@pytest.mark.parametrize(
    "path", ["//evil.example", "https://evil.example", "/\\evil", "\\\\evil", "", "x", "/a\nb"]
)
def test_single_sign_on_leads_back_to_our_own_pages_only(path: str) -> None:
    assert safe_path(path) == "/"
    assert safe_path("/runs?x=1#y") == "/runs?x=1#y"
