"""`mere users`, `mere tokens` and `mere grants`."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mere.cli.app import run
from mere.entities.actor import Role
from mere.entities.token import is_token
from mere.services.warehouse import Warehouse, close_warehouses, open_warehouse

PASSWORD = "correct horse battery"
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    monkeypatch.setenv("MERE_WAREHOUSE", str(tmp_path / "lake"))
    monkeypatch.setenv("COLUMNS", "200")
    yield open_warehouse()
    close_warehouses()


@pytest.fixture
def mere(capsys: pytest.CaptureFixture[str]) -> Command:
    def command(*words: str) -> tuple[int, str, str]:
        code = run(words)
        out, err = capsys.readouterr()
        return code, out, err

    return command


def asked(mere: Command, *words: str) -> Any:
    code, out, err = mere(*words, "--json")
    assert code == 0, err
    return json.loads(out)


def test_the_first_user_is_made_where_there_is_no_warehouse_yet(
    tmp_path: Path, mere: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MERE_WAREHOUSE", str(tmp_path / "new"))
    monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))
    assert mere("users")[0] == 1
    code, out, _ = mere("users", "create", "Root", "--admin", "--password-stdin")
    assert (code, out.strip()) == (0, "root may sign in as admin")
    users = open_warehouse().access.users
    assert users.check_password("root", PASSWORD, "").role is Role.ADMIN
    close_warehouses()


def test_users(warehouse: Warehouse, mere: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no users" in mere("users")[2]
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert "--password-stdin" in mere("users", "create", "ada")[2]
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    assert mere("users", "create", "ada", "--password-stdin")[0] == 2
    made = asked(mere, "users", "create", "ada", "--role", "editor", "--no-password")
    assert (made["name"], made["role"]) == ("ada", "editor")
    assert "exists already" in mere("users", "create", "ada", "--no-password")[2]
    assert mere("users", "create", "eve", "--no-password", "--role", "boss")[0] == 2
    _, cookie = warehouse.access.sessions.begin(warehouse.access.users.get("ada"), "password")
    assert "disabled" in mere("users", "update", "ada", "--disabled")[1]
    assert warehouse.access.sessions.find(cookie) is None
    assert "disabled" in mere("users")[1]
    changed = asked(
        mere, "users", "update", "ada", "--enabled", "--role", "admin", "--display-name", "Ada L."
    )
    assert (changed["role"], changed["is_disabled"]) == ("admin", False)
    assert [one["display_name"] for one in asked(mere, "users")] == ["Ada L."]
    monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\r\n"))
    assert mere("users", "password", "ada", "--password-stdin")[0] == 0
    assert warehouse.access.users.check_password("ada", PASSWORD, "").name == "ada"
    assert "only admin" in mere("users", "delete", "ada")[2]
    assert mere("users", "delete", "nobody-known")[0] == 1
    asked(mere, "users", "create", "bob", "--admin", "--no-password")
    assert mere("users", "delete", "ada")[0] == 0
    assert [one["name"] for one in asked(mere, "users")] == ["bob"]


def test_tokens(warehouse: Warehouse, mere: Command) -> None:
    asked(mere, "users", "create", "ada", "--no-password")
    made = warehouse.experiments.create("digits")
    assert "no tokens" in mere("tokens")[2]
    code, out, err = mere("tokens", "create", "ci", "--user", "ada", "--experiment", "digits")
    assert (code, is_token(out.strip())) == (0, True)
    assert "cannot be shown again" in err
    other = asked(
        mere, "tokens", "create", "ro", "--user", "ada", "--role", "viewer", "--expires", "never"
    )
    assert (is_token(other["secret"]), other["expires_at"]) == (True, None)
    listed = asked(mere, "tokens", "--user", "Ada")
    assert {one["name"]: one["experiments"] for one in listed} == {
        "ci": [made.experiment_id],
        "ro": None,
    }
    assert not {"digest", "secret"} & set(listed[0])
    shown = mere("tokens")[1]
    assert f"experiment {made.experiment_id}" in shown
    assert out.strip()[10:] not in shown
    assert mere("tokens", "create", "x", "--user", "ada", "--expires", "soon")[0] == 2
    assert mere("tokens", "create", "x", "--user", "eve")[0] == 1
    assert mere("tokens", "create", "x", "--user", "ada", "--experiment", "none")[0] == 1
    assert "revoked" in mere("tokens", "revoke", other["token_id"])[1]
    assert [one["name"] for one in asked(mere, "tokens")] == ["ci"]


def test_grants_and_groups(warehouse: Warehouse, mere: Command) -> None:
    asked(mere, "users", "create", "ada", "--no-password")
    made = warehouse.experiments.create("digits [bold]")
    assert "no grants" in mere("grants")[2]
    assert "no groups" in mere("grants", "groups")[2]
    on = ("--experiment", "digits [bold]")
    assert mere("grants", "give", "editor", "--user", "ada", *on)[0] == 0
    assert asked(mere, "grants", "create-group", "ops", "--description", "on call")["name"] == "ops"
    assert mere("grants", "add-member", "ops", "ada")[0] == 0
    assert "every model" in mere("grants", "give", "none", "--group", "ops", "--model", "*")[1]
    assert "the warehouse" in mere("grants", "give", "viewer", "--group", "ops")[1]
    assert asked(mere, "grants", "groups")[0]["members"] == ["ada"]
    assert "ada" in mere("grants", "groups")[1]
    found = asked(mere, "grants", "--user", "ada")
    assert [(one["object_id"], one["role"]) for one in found] == [(made.experiment_id, "editor")]
    assert len(asked(mere, "grants")) == 3
    assert len(asked(mere, "grants", "--group", "ops")) == 2
    assert len(asked(mere, "grants", "--experiment", made.experiment_id)) == 1
    assert "group ops" in mere("grants")[1]
    assert mere("grants", "give", "editor", *on)[0] == 2
    assert mere("grants", "give", "editor", "--user", "ada")[0] == 2
    assert mere("grants", "give", "editor", "--user", "ada", "--model", "m", *on)[0] == 2
    assert asked(mere, "grants", "take", "--user", "ada", *on) == {"taken": True}
    assert "had no grant" in mere("grants", "take", "--user", "ada", *on)[1]
    assert "no longer" in mere("grants", "remove-member", "ops", "ada")[1]
    assert mere("grants", "delete-group", "ops")[0] == 0
    assert asked(mere, "grants") == []
