"""``mere models …`` and ``mere deployments …``."""

from __future__ import annotations

from pathlib import Path

import pytest

import mere
from tests.unit.cli.conftest import Mere


@pytest.fixture
def registered(command: Mere, tmp_path: Path) -> Mere:
    """Two versions of one model, made by a run that measured something."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(b"w" * 100)
    with mere.start_run("digits", name="train") as run:
        run.log({"acc": 0.95})
    assert command("models", "register", "digits", str(folder), "--run", "train").code == 0
    assert command("models", "register", "digits", "s3://bucket/key", "--tag", "a=b=c").code == 0
    return command


def test_models_are_listed_and_shown(registered: Mere) -> None:
    registered("models", "alias", "digits/1", "champion")
    assert "champion → 1" in registered("models", "list").out
    (row,) = registered("models", "list", "--json").json
    assert (row["name"], row["aliases"], row["latest_versions"][0]["version"]) == (
        "digits",
        {"champion": 1},
        2,
    )
    found = registered("models", "show", "digits", "--json").json
    assert [one["version"] for one in found["versions"]] == [2, 1]
    assert found["versions"][0]["tags"] == {"a": "b=c"}
    shown = registered("models", "show", "digits@champion").out
    assert "weights.bin" in shown
    assert "100 B" in shown
    version = registered("models", "show", "digits/1", "--json").json
    assert (version["files"], version["listed_files"][0]["path"]) == (1, "weights.bin")
    assert registered("models", "show", "digits").out.count("digits") >= 1
    assert "no registered models" in registered("models", "list", "name = 'x'").err
    assert registered("models", "show", "none").code == 1
    assert registered("models", "list", "nonsense = 1").code == 2


def test_the_files_of_a_version_are_fetched(registered: Mere, tmp_path: Path) -> None:
    to = tmp_path / "fetched"
    told = registered("models", "get", "digits/1", "--to", str(to), "--json").json
    assert (told["files"], told["bytes"]) == (1, 100)
    assert (to / "weights.bin").read_bytes() == b"w" * 100
    assert registered("models", "get", "digits/1", "nothing").code == 1
    assert "it was made of s3://bucket/key" in registered("models", "get", "digits/2").err


def test_a_history_tells_of_a_model_or_a_version(registered: Mere) -> None:
    registered("models", "alias", "digits/1", "champion")
    registered("models", "alias", "digits/2", "champion")
    told = registered("models", "history", "digits", "--json").json
    assert [one["kind"] for one in told] == ["alias", "alias", "version", "version", "model"]
    assert "1 → 2" in registered("models", "history", "digits").out
    (newest,) = registered("models", "history", "digits/1", "-n", "1", "--json").json
    assert (newest["what"], newest["from_version"]) == ("champion", 1)
    assert registered("models", "history", "nobody").code == 1


def test_a_gate_keeps_an_alias_where_it_is(registered: Mere) -> None:
    gate = ("models", "gate", "digits", "good")
    assert registered(*gate, "metrics.acc > 0.9 and review = 'approved'").code == 0
    closed = registered("models", "alias", "digits/1", "champion")
    assert closed.code == 1
    assert "gates do not hold" in closed.err
    (said,) = registered("models", "alias", "digits/1", "champion", "--check", "--json").json
    assert not said["holds"]
    assert registered("models", "review", "digits/1", "approved", "-m", "fine").code == 0
    moved = registered("models", "alias", "digits/1", "champion")
    assert (moved.code, moved.out.strip()) == (0, "digits@champion → digits/1")
    assert registered("models", "alias", "digits", "champion").code == 1
    assert "fine" in registered("models", "review", "digits/1").out
    assert registered(*gate).code == 2
    assert registered(*gate, "nonsense").code == 2
    assert registered(*gate, "--remove").code == 0
    assert registered("models", "alias", "digits", "champion").code == 0
    assert registered("models", "alias", "digits", "champion", "--remove", "--json").json == {
        "name": "digits",
        "alias": "champion",
        "removed": True,
    }


def test_tags_stages_names(registered: Mere) -> None:
    tagged = registered("models", "tag", "digits/2", "x=1", "y=2", "--json").json
    assert tagged == {"tags": {"a": "b=c", "x": "1", "y": "2"}}
    registered("models", "tag", "digits/2", "a", "x", "--remove")
    assert registered("models", "tag", "digits", "team=x").out.strip() == "team=x"
    assert registered("models", "tag", "digits", "no equals sign").code == 2
    assert registered("models", "stage", "digits/2", "production", "--json").json["stage"] == (
        "Production"
    )
    assert registered("models", "rename", "digits", "numbers").code == 0
    assert "called 'numbers' now" in registered("models", "show", "digits").err
    assert registered("models", "show", "numbers/2", "--json").json["tags"] == {"y": "2"}
    assert registered("models", "delete", "numbers/2").code == 0
    assert registered("models", "delete", "numbers").code == 0
    assert registered("models", "delete", "numbers").code == 1


def test_deployments_come_and_go(registered: Mere) -> None:
    place = ("-e", "production", "-a", "shop")
    assert "nothing is live" in registered("deployments", "list").err
    first = registered("deployments", "deploy", "digits/1", *place, "--json").json
    second = registered("deployments", "deploy", "digits", *place, "--app-version", "2").out
    assert "digits/2 is live in production/shop" in second
    (live,) = registered("deployments", "list", "--json").json
    assert (live["model_version"], live["application_version"]) == (2, "2")
    assert "production/shop" in registered("models", "show", "digits").out
    history = registered("deployments", "history", "--model", "digits")
    assert "replaced by digits/2" in history.out
    assert registered(
        "deployments", "retire", first["deployment_id"][:0] or "0", "--json"
    ).code in (1, 2)
    over = registered("deployments", "retire", first["deployment_id"], "--json").json
    assert over[0]["reason"] == "replaced by digits/2"
    assert registered("models", "delete", "digits").code == 2
    registered("deployments", "retire", "-e", "production", "--reason", "done")
    assert registered("deployments", "list", "--json").json == []
    assert "name a deployment" in registered("deployments", "retire").err
    assert registered("deployments", "deploy", "digits", *place, "--image", "latest").code == 2
    assert registered("models", "delete", "digits").code == 0
