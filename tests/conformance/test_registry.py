"""The registry of MLflow's newest client, its prompts and its webhooks, against our server."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

MLFLOW = Path(__file__).parents[2] / ".mlflow/bin/python"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not MLFLOW.exists(), reason="MLflow's client is not installed"),
]


class Receiver:
    """Keeps the events it is sent."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.has_come = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with receiver.has_come:
                    receiver.got.append((dict(self.headers), body))
                    receiver.has_come.notify_all()
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def events(self, count: int) -> list[dict[str, Any]]:
        """The first so many events, waited for."""
        with self.has_come:
            assert self.has_come.wait_for(lambda: len(self.got) >= count, timeout=30), self.got
        return [json.loads(body) for _, body in self.got]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of its own process, on a new warehouse, that may call loopback."""
    folder = tmp_path_factory.mktemp("registry")
    words = ["-m", "mere", "server", "--port", "0", "--json", "--warehouse", str(folder / "lake")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *words],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, "MERE_WEBHOOK_ALLOW": "127.0.0.1"},
        )
    assert process.stdout is not None
    try:
        text = b""
        while b"}" not in text:
            line = process.stdout.readline()
            assert line, (folder / "log").read_text()
            text += line
        yield json.loads(text)["url"]
    finally:
        process.terminate()
        process.wait(timeout=30)
        process.stdout.close()


def client(server: str, folder: Path, program: str, *words: str) -> dict[str, Any]:
    """Run a program with MLflow's client and return what it puts into `found`."""
    before = (
        "import json, sys, uuid, mlflow\n"
        "from mlflow import MlflowClient, MlflowException\n"
        f"mlflow.set_tracking_uri({server!r})\n"
        "client = MlflowClient()\n"
        "found = {}\n"
        "def refused(function, *args, **more):\n"
        "    try:\n"
        "        function(*args, **more)\n"
        "    except MlflowException as error:\n"
        "        return [error.error_code, error.message]\n"
        "    return None\n"
    )
    script = folder / "program.py"
    script.write_text(before + textwrap.dedent(program) + "\nprint('FOUND', json.dumps(found))\n")
    done = subprocess.run(
        [MLFLOW, script, *words],
        capture_output=True,
        text=True,
        timeout=180,
        cwd=folder,
        env={**os.environ, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"},
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("FOUND ")]
    assert lines, done.stdout + done.stderr
    result: dict[str, Any] = json.loads(lines[0].removeprefix("FOUND "))
    return result


def test_models_and_versions(server: str, tmp_path: Path) -> None:
    found = client(
        server,
        tmp_path,
        """
        with mlflow.start_run() as run:
            run_id = run.info.run_id
        made = client.create_registered_model("digits a", tags={"team": "x"}, description="d")
        found["made"] = [made.name, made.tags, made.description, made.creation_timestamp > 0]
        found["twice"] = refused(client.create_registered_model, "digits a")
        for name in ("", "a/b", "a:b"):
            found["bad " + name] = refused(client.create_registered_model, name)
        found["none"] = refused(client.get_registered_model, "nothing")
        source = f"runs:/{run_id}/model"
        one = client.create_model_version("digits a", source, run_id, tags={"t": "1"})
        two = client.create_model_version("digits a", "s3://bucket/key", description="two")
        found["one"] = [one.version, one.run_id == run_id, one.status, one.current_stage, one.tags]
        found["two"] = [two.version, two.description, two.source]
        client.set_registered_model_alias("digits a", "best", "1")
        got = client.get_registered_model("digits a")
        found["got"] = [got.aliases, got.tags, [v.version for v in got.latest_versions]]
        found["alias"] = list(client.get_model_version_by_alias("digits a", "best").aliases)
        found["latest"] = client.get_model_version_by_alias("digits a", "latest").version
        found["no alias"] = refused(client.get_model_version_by_alias, "digits a", "worst")
        found["reserved"] = refused(client.set_registered_model_alias, "digits a", "v3", "1")
        found["no version"] = refused(client.get_model_version, "digits a", "7")
        found["bad version"] = refused(client.get_model_version, "digits a", "x")
        client.set_model_version_tag("digits a", "1", "t", "2")
        client.set_model_version_tag("digits a", "1", "u", "3")
        client.delete_model_version_tag("digits a", "1", "u")
        client.set_registered_model_tag("digits a", "note", "n")
        client.delete_registered_model_tag("digits a", "team")
        client.delete_registered_model_tag("digits a", "never there")
        client.update_registered_model("digits a", description="new")
        client.update_model_version("digits a", "1", description="better")
        version = client.get_model_version("digits a", "1")
        model = client.get_registered_model("digits a")
        found["changed"] = [version.tags, version.description, model.tags, model.description]
        moved = client.transition_model_version_stage("digits a", "1", "staging")
        again = client.transition_model_version_stage(
            "digits a", "2", "Staging", archive_existing_versions=True
        )
        found["stages"] = [moved.current_stage, again.current_stage]
        found["by stage"] = sorted(
            [v.current_stage, v.version] for v in client.get_latest_versions("digits a")
        )
        found["staging"] = [
            v.version for v in client.get_latest_versions("digits a", stages=["Staging"])
        ]
        found["no stage"] = refused(
            client.transition_model_version_stage, "digits a", "1", "Live"
        )
        found["uri"] = client.get_model_version_download_uri("digits a", "2")
        client.rename_registered_model("digits a", "digits b")
        renamed = client.get_registered_model("digits b")
        found["renamed"] = [renamed.name, client.get_model_version("digits b", "1").tags]
        found["old name"] = refused(client.get_registered_model, "digits a")
        client.delete_registered_model_alias("digits b", "best")
        client.delete_registered_model_alias("digits b", "best")
        client.delete_model_version("digits b", "2")
        found["deleted"] = refused(client.get_model_version, "digits b", "2")
        three = client.create_model_version("digits b", "s3://bucket/key")
        found["three"] = three.version
        client.delete_registered_model("digits b")
        found["gone"] = refused(client.get_registered_model, "digits b")
        client.create_registered_model("digits b")
        found["counts on"] = client.create_model_version("digits b", "s3://bucket/key").version
        found["local"] = refused(client.create_model_version, "digits b", "/etc")
        found["climbing"] = refused(
            client.create_model_version, "digits b", "mlflow-artifacts:/0/../../etc", run_id
        )
        """,
    )
    assert found["made"] == ["digits a", {"team": "x"}, "d", True]
    assert found["twice"] == [
        "RESOURCE_ALREADY_EXISTS",
        "RESOURCE_ALREADY_EXISTS: Registered Model (name=digits a) already exists.",
    ]
    for name in ("", "a/b", "a:b"):
        assert found["bad " + name][0] == "INVALID_PARAMETER_VALUE"
    assert found["none"] == [
        "RESOURCE_DOES_NOT_EXIST",
        "RESOURCE_DOES_NOT_EXIST: Registered Model with name=nothing not found",
    ]
    assert found["one"] == ["1", True, "READY", "None", {"t": "1"}]
    assert found["two"] == ["2", "two", "s3://bucket/key"]
    assert found["got"] == [{"best": "1"}, {"team": "x"}, ["2"]]
    assert (found["alias"], found["latest"]) == (["best"], "2")
    assert found["no alias"][0] == "INVALID_PARAMETER_VALUE"
    assert found["no alias"][1].endswith("Registered model alias worst not found.")
    assert found["reserved"][0] == "INVALID_PARAMETER_VALUE"
    assert found["no version"][0] == "RESOURCE_DOES_NOT_EXIST"
    assert found["bad version"][0] == "INVALID_PARAMETER_VALUE"
    assert found["changed"] == [{"t": "2"}, "better", {"note": "n"}, "new"]
    assert found["stages"] == ["Staging", "Staging"]
    assert found["by stage"] == [["Archived", "1"], ["Staging", "2"]]
    assert found["staging"] == ["2"]
    assert found["no stage"][0] == "INVALID_PARAMETER_VALUE"
    assert found["uri"] == "s3://bucket/key"
    assert found["renamed"] == ["digits b", {"t": "2"}]
    assert found["old name"][0] == found["gone"][0] == "RESOURCE_DOES_NOT_EXIST"
    assert found["deleted"][0] == "RESOURCE_DOES_NOT_EXIST"
    assert (found["three"], found["counts on"]) == ("3", "4")
    assert found["local"][0] == found["climbing"][0] == "INVALID_PARAMETER_VALUE"


def test_search(server: str, tmp_path: Path) -> None:
    found = client(
        server,
        tmp_path,
        """
        for name in ("s1", "s2", "S3 ü"):
            client.create_registered_model(name, tags={"kind": name[0]})
            for number in range(3):
                client.create_model_version(name, f"s3://bucket/{number}", tags={"n": str(number)})
        def names(text=None, **more):
            return [m.name for m in client.search_registered_models(text, **more)]
        def versions(text=None, **more):
            return [v.name + v.version for v in client.search_model_versions(text, **more)]
        found["like"] = names("name LIKE 's%'")
        found["ilike"] = names("name ILIKE 's%'", order_by=["name DESC"])
        found["tag"] = names("tags.kind = 'S'")
        found["tag not"] = names("tag.kind != 'S' AND name LIKE 's%'")
        found["in"] = names("name IN ('s1', 's2', 'none')")
        found["recent"] = names("name LIKE 's%'", order_by=["last_updated_timestamp DESC"])
        pages, token = [], None
        while True:
            page = client.search_registered_models(
                "name ILIKE 's%'", max_results=2, page_token=token
            )
            pages.append([m.name for m in page])
            token = page.token
            if not token:
                break
        found["pages"] = pages
        found["of one"] = versions("name='s1'")
        found["ordered"] = versions("name='s1'", order_by=["version_number ASC"])
        found["numbers"] = versions("name = 's2' AND version_number >= 2")
        found["by tag"] = versions("name = 's2' AND tags.n = '0'")
        found["by source"] = versions("source_path = 's3://bucket/1' and name = 's2'")
        found["run"] = versions("run_id = 'none'")
        found["too many"] = refused(client.search_registered_models, max_results=1001)
        found["wrong"] = refused(client.search_registered_models, "nothing = 'x'")
        found["broken"] = refused(client.search_model_versions, "name = ")
        """,
    )
    assert found["like"] == ["s1", "s2"]
    assert found["ilike"] == ["s2", "s1", "S3 ü"]
    assert found["tag"] == ["S3 ü"]
    assert found["tag not"] == found["in"] == ["s1", "s2"]
    assert found["recent"] == ["s2", "s1"]
    assert found["pages"] == [["S3 ü", "s1"], ["s2"]]
    assert found["of one"] == ["s13", "s12", "s11"]
    assert found["ordered"] == ["s11", "s12", "s13"]
    assert sorted(found["numbers"]) == ["s22", "s23"]
    assert (found["by tag"], found["by source"], found["run"]) == (["s21"], ["s22"], [])
    for name in ("too many", "wrong", "broken"):
        assert found[name][0] == "INVALID_PARAMETER_VALUE", name


def test_prompts(server: str, tmp_path: Path) -> None:
    found = client(
        server,
        tmp_path,
        """
        import time
        from pydantic import BaseModel
        genai = mlflow.genai
        class Answer(BaseModel):
            word: str
        more = {"commit_message": "first", "tags": {"a": "1"}}
        one = genai.register_prompt("greeting", "Hello {{name}}", **more)
        chat = [{"role": "user", "content": "Grüße {{name}}"}]
        two = genai.register_prompt("greeting", chat, response_format=Answer)
        found["versions"] = [one.version, two.version]
        loaded = genai.load_prompt("greeting", version=1)
        found["loaded"] = [loaded.template, loaded.format(name="x")]
        found["loaded"] += [loaded.commit_message, loaded.tags]
        found["newest"] = genai.load_prompt("prompts:/greeting@latest").template
        genai.set_prompt_alias("greeting", "live", 1)
        found["alias"] = genai.load_prompt("prompts:/greeting@live").version
        client.set_prompt_tag("greeting", "k", "v")
        found["prompt tag"] = client.get_prompt("greeting").tags.get("k")
        genai.set_prompt_version_tag("greeting", 1, "reviewed", "yes")
        found["tag"] = client.get_prompt_version("greeting", 1).tags.get("reviewed")
        genai.delete_prompt_version_tag("greeting", 1, "reviewed")
        found["no tag"] = client.get_prompt_version("greeting", 1).tags.get("reviewed")
        genai.delete_prompt_alias("greeting", "live")
        found["no alias"] = genai.load_prompt("prompts:/greeting@live", allow_missing=True)
        found["missing"] = genai.load_prompt("nothing", allow_missing=True)
        found["searched"] = [p.name for p in genai.search_prompts()]
        found["by name"] = [p.name for p in genai.search_prompts("name LIKE 'gr%'")]
        found["of it"] = sorted(v.version for v in client.search_prompt_versions("greeting"))
        found["hidden"] = [m.name for m in client.search_registered_models("name = 'greeting'")]
        found["hidden versions"] = len(client.search_model_versions("name = 'greeting'"))
        found["as model"] = refused(client.create_registered_model, "greeting")
        client.create_registered_model("a model")
        found["as prompt"] = refused(genai.register_prompt, "a model", "text")
        with mlflow.start_run() as run:
            found["in run"] = genai.load_prompt("greeting", version=1).version
        time.sleep(1)
        client.delete_prompt_version("greeting", "2")
        found["left"] = [v.version for v in client.search_prompt_versions("greeting")]
        client.delete_prompt("greeting")
        found["gone"] = client.get_prompt("greeting")
        """,
    )
    assert found["versions"] == [1, 2]
    assert found["loaded"] == ["Hello {{name}}", "Hello x", "first", {"a": "1"}]
    assert found["newest"] == [{"role": "user", "content": "Grüße {{name}}"}]
    assert (found["alias"], found["tag"], found["no tag"]) == (1, "yes", None)
    assert found["prompt tag"] == "v"
    assert found["no alias"] is None
    assert found["missing"] is None
    assert found["searched"] == found["by name"] == ["greeting"]
    assert found["of it"] == [1, 2]
    assert found["hidden"] == []
    assert found["hidden versions"] == 0
    assert found["as model"][0] == "RESOURCE_ALREADY_EXISTS"
    assert "already taken by a prompt" in found["as model"][1]
    assert found["as prompt"][0] == "INVALID_PARAMETER_VALUE"
    assert (found["in run"], found["left"], found["gone"]) == (1, [1], None)


def test_two_clients_make_versions_at_once(server: str, tmp_path: Path) -> None:
    client(server, tmp_path, 'client.create_registered_model("contended")')
    program = """
    found["numbers"] = [
        int(client.create_model_version("contended", "s3://bucket/key").version)
        for _ in range(10)
    ]
    """
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda folder: client(server, folder, program)["numbers"], folders))
    assert sorted(made[0] + made[1]) == list(range(1, 21))


def test_webhooks(server: str, tmp_path: Path) -> None:
    receiver = Receiver()
    try:
        found = client(
            server,
            tmp_path,
            """
            url = sys.argv[1]
            events = ["registered_model.created", "model_version.created",
                      "model_version_alias.created", "prompt_version.created"]
            hook = client.create_webhook("hook", url, events, secret="s3cret", description="d")
            found["made"] = [hook.name, hook.url, [str(e) for e in hook.events], str(hook.status)]
            found["tested"] = client.test_webhook(hook.webhook_id).success
            client.create_registered_model("hooked", tags={"a": "1"})
            client.create_model_version("hooked", "s3://bucket/key")
            client.set_registered_model_alias("hooked", "best", "1")
            mlflow.genai.register_prompt("hooked prompt".replace(" ", "-"), "hi")
            found["listed"] = [w.webhook_id for w in client.list_webhooks()] == [hook.webhook_id]
            found["got"] = client.get_webhook(hook.webhook_id).description
            for bad in ("http://169.254.169.254/", "http://10.0.0.1/", "ftp://a"):
                found[bad] = refused(client.create_webhook, "bad", bad, events)
            found["no name"] = refused(client.create_webhook, "-bad-", url, events)
            """,
            receiver.url,
        )
        events = receiver.events(5)
        more = client(
            server,
            tmp_path,
            """
            hook = client.list_webhooks()[0]
            off = client.update_webhook(hook.webhook_id, status="DISABLED", name="other")
            found["off"] = [off.name, str(off.status), [str(e) for e in off.events][0]]
            client.create_registered_model("unseen")
            client.delete_webhook(hook.webhook_id)
            found["none"] = refused(client.get_webhook, hook.webhook_id)
            found["left"] = len(client.list_webhooks())
            """,
        )
    finally:
        receiver.close()
    assert found["made"] == [
        "hook",
        receiver.url,
        [
            "registered_model.created",
            "model_version.created",
            "model_version_alias.created",
            "prompt_version.created",
        ],
        "ACTIVE",
    ]
    assert found["tested"]
    assert found["listed"]
    assert found["got"] == "d"
    for bad in ("http://169.254.169.254/", "http://10.0.0.1/", "ftp://a", "no name"):
        assert found[bad][0] == "INVALID_PARAMETER_VALUE", bad
    told = {f"{e['entity']}.{e['action']}": e["data"] for e in events[1:]}
    assert told["registered_model.created"] == {
        "name": "hooked",
        "tags": {"a": "1"},
        "description": None,
    }
    assert told["model_version.created"]["version"] == "1"
    assert told["model_version_alias.created"] == {
        "name": "hooked",
        "alias": "best",
        "version": "1",
    }
    assert told["prompt_version.created"]["template"] == "hi"
    for headers, body in receiver.got:
        parts = (headers["X-MLflow-Delivery-Id"], headers["X-MLflow-Timestamp"], body.decode())
        digest = hmac.new(b"s3cret", ".".join(parts).encode(), hashlib.sha256).digest()
        assert headers["X-MLflow-Signature"] == "v1," + base64.b64encode(digest).decode()
    assert more["off"] == ["other", "DISABLED", "registered_model.created"]
    assert more["none"][0] == "RESOURCE_DOES_NOT_EXIST"
    assert (more["left"], len(receiver.got)) == (0, 5)


def test_a_model_is_logged_registered_and_loaded(server: str, tmp_path: Path) -> None:
    found = client(
        server,
        tmp_path,
        """
        import numpy as np
        from pathlib import Path
        from sklearn.linear_model import LinearRegression
        x = np.array([[0.0], [1.0], [2.0]])
        fitted = LinearRegression().fit(x, x[:, 0] * 2)
        with mlflow.start_run() as run:
            logged = mlflow.sklearn.log_model(
                fitted, name="model", registered_model_name="lines", input_example=x
            )
            mlflow.log_text("first", "notes/a.txt")
        version = client.get_model_version("lines", "1")
        found["version"] = [version.run_id == run.info.run_id, version.source]
        found["source"] = f"models:/{logged.model_id}"
        client.set_registered_model_alias("lines", "best", "1")
        for name in ("models:/lines/1", "models:/lines@best", "models:/lines/latest"):
            loaded = mlflow.pyfunc.load_model(name)
            found[name] = round(float(loaded.predict(np.array([[4.0]]))[0]), 6)
        found["signature"] = mlflow.models.get_model_info("models:/lines/1").signature is not None
        copied = mlflow.register_model("models:/lines/1", "copied lines")
        found["copied"] = [copied.version, copied.run_id == run.info.run_id]
        loaded = mlflow.sklearn.load_model("models:/copied lines/1")
        found["of the copy"] = round(float(loaded.predict(np.array([[4.0]]))[0]), 6)
        client.create_registered_model("notes")
        source = f"runs:/{run.info.run_id}/notes"
        client.create_model_version("notes", source, run.info.run_id)
        with mlflow.start_run(run_id=run.info.run_id):
            mlflow.log_text("second", "notes/a.txt")
        uri = client.get_model_version_download_uri("notes", "1")
        folder = mlflow.artifacts.download_artifacts(uri)
        found["kept"] = (Path(folder) / "a.txt").read_text()
        """,
    )
    assert found["version"] == [True, found["source"]]
    for name in ("models:/lines/1", "models:/lines@best", "models:/lines/latest", "of the copy"):
        assert found[name] == 8.0, name
    assert found["signature"]
    assert found["copied"] == ["1", True]
    assert found["kept"] == "first"
