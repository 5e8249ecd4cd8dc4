"""Settings: which variable wins, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from mere.config import S3Config, Settings, cache_folder, environment, state_folder
from mere.errors import InvalidInput

KEYS = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "hush"}


def test_the_environment_is_a_copy_that_cannot_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERE_TEST", "1")
    env = environment()
    monkeypatch.setenv("MERE_TEST", "2")
    assert env["MERE_TEST"] == "1"
    with pytest.raises(TypeError):
        env["MERE_TEST"] = "3"  # type: ignore[index]


def test_nothing_set_means_aws_with_the_machine_s_own_credentials() -> None:
    assert S3Config.from_environment({}) == S3Config(region="us-east-1", is_virtual_hosted=True)


def test_all_standard_variables_are_read() -> None:
    env = {
        **KEYS,
        "AWS_SESSION_TOKEN": "token",
        "AWS_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL_S3": "http://localhost:9000/",
        "AWS_CA_BUNDLE": "/ca.pem",
    }
    assert S3Config.from_environment(env) == S3Config(
        access_key_id="id",
        secret_access_key="hush",
        session_token="token",
        region="eu-central-1",
        endpoint="http://localhost:9000",
        is_virtual_hosted=False,
        ca_bundle="/ca.pem",
    )


def test_the_more_special_variable_wins_and_empty_ones_count_as_not_set() -> None:
    general = {"AWS_ENDPOINT_URL": "http://general", "AWS_DEFAULT_REGION": "r1"}
    special = {"AWS_ENDPOINT_URL_S3": "http://special", "AWS_REGION": "r2"}
    both = S3Config.from_environment(general | special)
    assert (both.endpoint, both.region) == ("http://special", "r2")
    empty = S3Config.from_environment(general | dict.fromkeys(special, ""))
    assert (empty.endpoint, empty.region) == ("http://general", "r1")


def test_virtual_hosting_can_be_asked_for() -> None:
    env = {"AWS_ENDPOINT_URL": "https://host", "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true"}
    assert S3Config.from_environment(env).is_virtual_hosted


@pytest.mark.parametrize(
    "env",
    [
        {"AWS_ACCESS_KEY_ID": "id"},
        {"AWS_SECRET_ACCESS_KEY": "hush"},
        {"AWS_ENDPOINT_URL": "localhost:9000"},
        {"AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "perhaps"},
    ],
)
def test_what_cannot_be_is_refused_without_showing_secrets(env: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        S3Config.from_environment(env)
    assert "hush" not in str(caught.value)


def test_secrets_are_not_in_the_repr() -> None:
    shown = repr(S3Config.from_environment({**KEYS, "AWS_SESSION_TOKEN": "token"}))
    assert "hush" not in shown
    assert "token='token'" not in shown


def test_the_cache_folder_follows_the_xdg_variable() -> None:
    assert cache_folder({"XDG_CACHE_HOME": "/x", "HOME": "/h"}) == Path("/x/mere")
    assert cache_folder({"HOME": "/h"}) == Path("/h/.cache/mere")


def test_what_must_not_be_lost_lies_in_the_state_folder() -> None:
    assert state_folder({"XDG_STATE_HOME": "/x"}) == Path("/x/mere")
    assert state_folder({"HOME": "/h"}) == Path("/h/.local/state/mere")


def test_what_runs_keep_and_which_run_is_meant() -> None:
    plain = Settings.from_environment({"HOME": "/h"})
    assert (plain.has_console, plain.has_system_metrics) == (True, True)
    assert (plain.run_id, plain.rank) == (None, None)
    told = Settings.from_environment(
        {"HOME": "/h", "MERE_CONSOLE": "off", "MERE_SYSTEM_METRICS": "0", "MERE_RANK": "2"}
    )
    assert (told.has_console, told.has_system_metrics, told.rank) == (False, False, 2)
    for wrong in ({"MERE_RANK": "-1"}, {"MERE_RANK": "two"}, {"MERE_CONSOLE": "maybe"}):
        with pytest.raises(InvalidInput):
            Settings.from_environment({"HOME": "/h", **wrong})
