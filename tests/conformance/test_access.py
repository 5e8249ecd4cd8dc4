"""Users, roles and permissions as MLflow's newest client manages them, against our server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

MLFLOW = Path(__file__).parents[2] / ".mlflow/bin/python"
PASSWORD = "correct horse battery"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not MLFLOW.exists(), reason="MLflow's client is not installed"),
]

JOURNEY = textwrap.dedent(
    """
    import os
    import sys
    import types

    import mlflow
    import mlflow.server
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException, RestException

    # The client alone: the package beside it is the server, which needs more than is installed.
    package = types.ModuleType("mlflow.server.auth")
    package.__path__ = [os.path.join(path, "auth") for path in mlflow.server.__path__]
    sys.modules["mlflow.server.auth"] = package
    from mlflow.server.auth.client import AuthServiceClient

    URL = os.environ["MLFLOW_TRACKING_URI"]
    ROOT, PASSWORD = "root", os.environ["PASSWORD"]

    def be(name, password=PASSWORD):
        os.environ["MLFLOW_TRACKING_USERNAME"] = name
        os.environ["MLFLOW_TRACKING_PASSWORD"] = password

    def refused(code, call, *args, **kwargs):
        try:
            call(*args, **kwargs)
        except RestException as error:
            assert error.error_code == code, (error.error_code, str(error))
        except MlflowException as error:  # a 401 is told without its body
            assert code == "UNAUTHENTICATED" and "401" in str(error), str(error)
        else:
            raise AssertionError(f"{code} expected")

    auth, client = AuthServiceClient(URL), MlflowClient(URL)

    # Users
    be(ROOT)
    ann = auth.create_user("ann", PASSWORD)
    bob = auth.create_user("bob", PASSWORD)
    assert (ann.username, ann.is_admin) == ("ann", False) and isinstance(ann.id, int)
    assert auth.get_user("ann").id == ann.id
    refused("RESOURCE_ALREADY_EXISTS", auth.create_user, "ann", PASSWORD)
    refused("INVALID_PARAMETER_VALUE", auth.create_user, "carl", "short")
    refused("RESOURCE_DOES_NOT_EXIST", auth.get_user, "nobody-known")

    # Whoever creates an experiment manages it
    be("ann")
    refused("PERMISSION_DENIED", auth.create_user, "eve", PASSWORD)
    refused("PERMISSION_DENIED", auth.get_user, "bob")
    assert auth.get_user("ann").username == "ann"
    mine = client.create_experiment("ann's")
    got = auth.get_user_permission("ann", "experiment", mine)
    assert (got.allowed, got.permission) == (True, "MANAGE"), got.to_json()
    run = client.create_run(mine)
    client.log_metric(run.info.run_id, "acc", 0.5)
    model = client.create_registered_model("ann's model")
    assert auth.get_user_permission("ann", "registered_model", model.name).permission == "MANAGE"

    # and shares it, or not
    auth.grant_user_permission("bob", "experiment", mine, "READ")
    be("bob")
    assert client.get_run(run.info.run_id).data.metrics == {"acc": 0.5}
    refused("PERMISSION_DENIED", client.log_metric, run.info.run_id, "acc", 1.0)
    refused("PERMISSION_DENIED", client.delete_experiment, mine)
    refused("PERMISSION_DENIED", auth.grant_user_permission, "bob", "experiment", mine, "MANAGE")
    assert not auth.get_user_permission("bob", "experiment", mine).allowed
    be("ann")
    auth.grant_user_permission("bob", "experiment", mine, "DENY")
    auth.grant_user_permission("bob", "registered_model", model.name, "DENY")
    be("bob")
    refused("PERMISSION_DENIED", client.get_run, run.info.run_id)
    refused("PERMISSION_DENIED", client.get_registered_model, model.name)
    assert mine not in [one.experiment_id for one in client.search_experiments()]
    assert client.search_registered_models() == []
    assert list(client.search_runs([mine])) == []
    be("ann")
    auth.revoke_user_permission("bob", "experiment", mine)
    refused("RESOURCE_DOES_NOT_EXIST", auth.revoke_user_permission, "bob", "experiment", mine)
    be("bob")
    client.log_metric(run.info.run_id, "acc", 1.0)

    # Roles
    be(ROOT)
    role = auth.create_role("default", "auditors", "who look")
    assert (role.name, role.workspace, role.description) == ("auditors", "default", "who look")
    refused("RESOURCE_ALREADY_EXISTS", auth.create_role, "default", "auditors")
    refused("INVALID_PARAMETER_VALUE", auth.create_role, "another", "auditors")
    held = auth.add_role_permission(role.id, "experiment", "*", "READ")
    assert (held.resource_pattern, held.permission, held.role_id) == ("*", "READ", role.id)
    refused("INVALID_PARAMETER_VALUE", auth.add_role_permission, role.id, "experiment", "*", "X")
    refused("INVALID_PARAMETER_VALUE", auth.add_role_permission, role.id, "run", "*", "READ")
    assert auth.update_role_permission(held.id, "EDIT").permission == "EDIT"
    assert [one.permission for one in auth.list_role_permissions(role.id)] == ["EDIT"]
    given = auth.assign_role("bob", role.id)
    assert (given.user_id, given.role_id) == (bob.id, role.id)
    assert [one.name for one in auth.list_user_roles("bob")] == ["auditors"]
    assert [one.user_id for one in auth.list_role_users(role.id)] == [bob.id]
    assert auth.update_role(role.id, name="lookers").name == "lookers"
    assert [one.name for one in auth.list_roles("default")] == ["lookers"]
    assert [one.name for one in auth.list_all_roles()] == ["lookers"]
    assert auth.get_role(role.id).permissions[0].id == held.id
    auth.remove_role_permission(held.id)
    refused("RESOURCE_DOES_NOT_EXIST", auth.remove_role_permission, held.id)
    auth.unassign_role("bob", role.id)
    refused("RESOURCE_DOES_NOT_EXIST", auth.unassign_role, "bob", role.id)
    auth.delete_role(role.id)
    refused("RESOURCE_DOES_NOT_EXIST", auth.get_role, role.id)

    # Passwords and admins
    be("ann")
    refused("UNAUTHENTICATED", auth.update_user_password, "ann", "another good one")
    refused("PERMISSION_DENIED", auth.update_user_password, "bob", "another good one")
    auth.update_user_password("ann", "another good one", current_password=PASSWORD)
    refused("UNAUTHENTICATED", auth.get_user, "ann")
    be("ann", "another good one")
    assert auth.get_user("ann").username == "ann"
    be(ROOT)
    auth.update_user_admin("ann", True)
    assert auth.get_user("ann").is_admin
    refused("BAD_REQUEST", auth.delete_user, ROOT)
    auth.delete_user("bob")
    refused("RESOURCE_DOES_NOT_EXIST", auth.get_user, "bob")
    be("bob")
    refused("UNAUTHENTICATED", auth.get_user, "bob")

    # A token
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        del os.environ[name]
    refused("UNAUTHENTICATED", client.search_experiments)
    os.environ["MLFLOW_TRACKING_TOKEN"] = os.environ["TOKEN"]
    client.log_metric(run.info.run_id, "acc", 2.0)
    refused("PERMISSION_DENIED", client.delete_experiment, mine)
    print("done")
    """
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A server of its own process that wants everybody to sign in."""
    folder = tmp_path_factory.mktemp("access")
    words = ["-m", "mere", "server", "--port", "0", "--json", "--sign-in"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *words, "--warehouse", str(folder / "lake")],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, "MERE_ADMIN_NAME": "root", "MERE_ADMIN_PASSWORD": PASSWORD},
        )
    assert process.stdout is not None
    try:
        text = b""
        while b"}" not in text:
            line = process.stdout.readline()
            assert line, (folder / "log").read_text()
            text += line
        yield json.loads(text)["url"], folder
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_users_roles_and_permissions(served: tuple[str, Path]) -> None:
    url, folder = served
    made = httpx.post(
        f"{url}/api/v1/tokens", auth=("root", PASSWORD), json={"name": "ci", "role": "editor"}
    )
    assert made.status_code == 201, made.text
    env = {
        **os.environ,
        "MLFLOW_TRACKING_URI": url,
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "PASSWORD": PASSWORD,
        "TOKEN": made.json()["secret"],
    }
    done = subprocess.run(
        [str(MLFLOW), "-W", "ignore", "-c", JOURNEY],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stdout.strip().endswith("done"), done.stderr[-4000:]
    wanted = {"access_denied", "sign_in_required"}
    give_up = time.monotonic() + 20  # notes are written some seconds later
    while not wanted <= outcomes(url):
        assert time.monotonic() < give_up, outcomes(url)
        time.sleep(0.5)


def outcomes(url: str) -> set[str]:
    """How calls ended that the audit trail says were refused."""
    found = httpx.get(f"{url}/api/v1/audit?outcome=refused&limit=1000", auth=("root", PASSWORD))
    return {one["outcome"] for one in found.json()["notes"]}


def test_a_server_that_others_reach_is_not_started_without_sign_in(tmp_path: Path) -> None:
    words = ["-m", "mere", "server", "--host", "0.0.0.0", "--port", "0", "--no-sign-in"]
    done = subprocess.run(
        [sys.executable, *words, "--warehouse", str(tmp_path / "lake")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "mere users create NAME --admin" in done.stderr
