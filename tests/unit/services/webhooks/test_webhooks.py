from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from mere.entities.actor import Actor
from mere.entities.comment import Subject
from mere.entities.run import Run
from mere.entities.webhook import EVENTS
from mere.errors import InvalidInput, NotFound, Unavailable
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.services.tables import TABLES
from mere.services.warehouse import Warehouse
from mere.services.webhooks.delivery import WebhookDelivery
from mere.services.webhooks.examples import EXAMPLES
from mere.services.webhooks.guard import AddressGuard
from mere.services.webhooks.sender import WebhookSender
from mere.services.webhooks.webhooks import Webhooks
from mere.testing.clock import ManualClock


class Receiver:
    """A server that keeps what it is sent, and answers as told."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((dict(self.headers), body))
                self.send_response(receiver.status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"thanks")

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook?x=1"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


class Sending:
    def __init__(self, store: MemoryStore, guard: AddressGuard, seed: int = 0) -> None:
        self.clock = ManualClock(seed)
        lake = Lake.open("memory://", tables=TABLES, store=store, clock=self.clock)
        self.warehouse = Warehouse(lake, self.clock, "memory://")
        self.hooks = Webhooks(lake, self.clock, self.warehouse.webhooks.events, guard)
        self.warehouse.webhooks = self.hooks
        self.delivery = WebhookDelivery(lake, self.clock, self.hooks)
        self.models = self.warehouse.models


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(ManualClock())


@pytest.fixture
def sending(store: MemoryStore) -> Iterator[Sending]:
    made = Sending(store, AddressGuard(["127.0.0.1"]))
    yield made
    made.warehouse.close()


def test_an_event_arrives_signed(sending: Sending, receiver: Receiver) -> None:
    hook = sending.hooks.create("hook", receiver.url, ["model_version.created"], secret="s3cret")
    sending.models.create("digits")
    assert sending.delivery.send_due() == 0
    made = sending.models.versions.create("digits", "s3://bucket/key", tags={"a": "1"})
    assert sending.delivery.send_due() == 1
    assert sending.delivery.send_due() == 0
    ((headers, body),) = receiver.got
    told = json.loads(body)
    assert (told["entity"], told["action"]) == ("model_version", "created")
    assert told["data"] == {
        "name": "digits",
        "version": "1",
        "source": "s3://bucket/key",
        "run_id": None,
        "tags": {"a": "1"},
        "description": None,
    }
    assert made.version == 1
    parts = (headers["X-MLflow-Delivery-Id"], headers["X-MLflow-Timestamp"], body.decode())
    digest = hmac.new(b"s3cret", ".".join(parts).encode(), hashlib.sha256).digest()
    assert headers["X-MLflow-Signature"] == "v1," + base64.b64encode(digest).decode()
    (delivery,) = sending.hooks.deliveries(hook.webhook_id)
    assert (delivery.status, delivery.attempts, delivery.response_status) == ("delivered", 1, 200)


def test_the_secret_is_shown_to_nobody(sending: Sending, receiver: Receiver) -> None:
    hook = sending.hooks.create("hook", receiver.url, ["prompt.created"], secret="s3cret")
    for table in sending.warehouse.lake.tables:
        rows = sending.warehouse.lake.sql(f'select * from "{table}"').to_pylist()
        assert "s3cret" not in str(rows)
    assert "s3cret" not in str(hook)
    assert sending.hooks.secret(hook) == "s3cret"
    renewed = sending.hooks.update(hook.webhook_id, secret="other")
    assert sending.hooks.secret(renewed) == "other"
    assert sending.hooks.secret(sending.hooks.update(hook.webhook_id, secret="")) is None


def test_a_receiver_that_is_down_is_asked_again_ever_later(
    sending: Sending, receiver: Receiver
) -> None:
    hook = sending.hooks.create("hook", receiver.url, ["registered_model.created"])
    receiver.status = 503
    sending.models.create("digits")
    waited = []
    for _ in range(20):
        before = len(receiver.got)
        sending.delivery.send_due()
        if len(receiver.got) > before:
            (found,) = sending.hooks.deliveries(hook.webhook_id)
            if found.status == "failed":
                break
            assert found.due_at is not None
            assert found.answered_at is not None
            waited.append((found.due_at - found.answered_at).total_seconds())
            sending.clock.sleep(waited[-1] + 1)
    assert len(waited) == 7
    assert waited == sorted(waited)
    assert 60 > waited[0] > 1
    assert waited[-1] > 3600
    (found,) = sending.hooks.deliveries(hook.webhook_id)
    assert (found.status, found.attempts, found.error) == ("failed", 8, "it answered 503")
    ids = {headers["X-MLflow-Delivery-Id"] for headers, _ in receiver.got}
    assert ids == {found.delivery_id}


def test_a_receiver_says_when_to_come_back(sending: Sending, receiver: Receiver) -> None:
    hook = sending.hooks.create("hook", receiver.url, ["registered_model.created"])
    receiver.status, receiver.headers = 429, {"Retry-After": "77"}
    sending.models.create("digits")
    sending.delivery.send_due()
    (found,) = sending.hooks.deliveries(hook.webhook_id)
    assert found.due_at is not None
    assert found.answered_at is not None
    assert (found.due_at - found.answered_at).total_seconds() == 77


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 410])
def test_a_redirect_or_refusal_is_final(sending: Sending, receiver: Receiver, status: int) -> None:
    hook = sending.hooks.create("hook", receiver.url, ["registered_model.created"])
    receiver.status = status
    receiver.headers = {"Location": f"{receiver.url}&again"}
    sending.models.create("digits")
    sending.delivery.send_due()
    (found,) = sending.hooks.deliveries(hook.webhook_id)
    assert (found.status, found.response_status, len(receiver.got)) == ("failed", status, 1)


def test_an_event_of_a_process_without_network_is_sent_by_another(
    sending: Sending, store: MemoryStore, receiver: Receiver
) -> None:
    sending.hooks.create("hook", receiver.url, ["registered_model.created"])
    sending.models.create("digits")
    other = Sending(store, AddressGuard(["127.0.0.1"]), seed=1)
    threads = [threading.Thread(target=one.delivery.send_due) for one in (other, sending)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(receiver.got) == 1
    other.warehouse.close()


def test_an_attempt_whose_sender_died_is_made_again(sending: Sending, receiver: Receiver) -> None:
    hook = sending.hooks.create("hook", receiver.url, ["registered_model.created"])
    sending.models.create("digits")
    (found,) = sending.hooks.deliveries(hook.webhook_id)
    sending.warehouse.lake.claim("webhook_attempt", f"{found.delivery_id}/1", {})
    assert sending.delivery.send_due() == 0
    sending.clock.sleep(61)
    sending.delivery.send_due()
    (found,) = sending.hooks.deliveries(hook.webhook_id)
    assert (found.attempts, found.status) == (1, "pending")
    sending.clock.sleep(10)
    assert sending.delivery.send_due() == 1
    assert len(receiver.got) == 1


def test_nothing_is_sent_to_hooks_that_are_off(sending: Sending, receiver: Receiver) -> None:
    event = "registered_model.created"
    off = sending.hooks.create("off", receiver.url, [event], status="DISABLED")
    gone = sending.hooks.create("gone", receiver.url, [event])
    later = sending.hooks.create("later", receiver.url, [event])
    sending.models.create("digits")
    sending.hooks.delete(gone.webhook_id)
    sending.hooks.update(later.webhook_id, status="disabled")
    assert sending.delivery.send_due() == 0
    assert receiver.got == []
    assert sending.hooks.deliveries(off.webhook_id) == []
    assert [one.status for one in sending.hooks.deliveries(later.webhook_id)] == ["failed"]
    with pytest.raises(NotFound):
        sending.hooks.get(gone.webhook_id)
    assert {one.name for one in sending.hooks.list()} == {"off", "later"}


def test_every_event_has_an_example_and_happens(sending: Sending, receiver: Receiver) -> None:
    assert set(EXAMPLES) == set(EVENTS)
    hook = sending.hooks.create("all", receiver.url, EVENTS)
    models = sending.models
    prompt = {"mlflow.prompt.is_prompt": "true", "mlflow.prompt.text": "hi", "x": "1"}
    models.create("digits")
    models.versions.create("digits", "s3://bucket/key")
    models.versions.set_tags("digits", 1, {"a": "1"})
    models.versions.set_tags("digits", 1, {"a": None})
    models.aliases.set("digits", "best", 1)
    models.aliases.remove("digits", "best")
    models.reviews.add("digits", 1, "approved")
    models.create("greeting", tags={"mlflow.prompt.is_prompt": "true"})
    models.versions.create("greeting", "dummy-source", tags=prompt)
    models.set_tags("greeting", {"a": "1"})
    models.set_tags("greeting", {"a": None})
    models.versions.set_tags("greeting", 1, {"a": "1"})
    models.versions.set_tags("greeting", 1, {"a": None})
    models.aliases.set("greeting", "best", 1)
    models.aliases.remove("greeting", "best")
    deployments = sending.warehouse.deployments
    made = deployments.deploy("digits", 1, environment="production", application="shop")
    deployments.retire(made.deployment_id)
    warehouse, local = sending.warehouse, Actor.local()
    warehouse.runs.create(Run(run_id="a" * 32, experiment_id="0"))
    warehouse.run_reviews.add(local, "a" * 32, "approved")
    warehouse.comments.say(local, Subject.of("model:digits/1"), "good")
    assert sending.delivery.send_due() == len(EVENTS)
    told = {}
    for _, body in receiver.got:
        event = json.loads(body)
        told[f"{event['entity']}.{event['action']}"] = event["data"]
    assert set(told) == set(EVENTS)
    for name, data in told.items():
        assert set(data) == set(EXAMPLES[name]), name
    assert told["prompt_version.created"]["template"] == "hi"
    assert told["prompt_version.created"]["tags"] == {"x": "1"}
    assert len(sending.hooks.deliveries(hook.webhook_id, limit=5)) == 5


def test_a_test_says_how_it_went(sending: Sending, receiver: Receiver) -> None:
    hook = sending.hooks.create("hook", receiver.url, ["model_version.created"])
    went = sending.delivery.test(hook.webhook_id)
    assert (went.success, went.response_status, went.response_body) == (True, 200, "thanks")
    receiver.status = 500
    assert not sending.delivery.test(hook.webhook_id, "prompt.created").success
    nobody = sending.hooks.create("nobody", "http://127.0.0.1:1/", ["prompt.created"])
    went = sending.delivery.test(nobody.webhook_id)
    assert not went.success
    assert went.error is not None
    assert "did not answer" in went.error


def test_the_sender_sends_in_the_background(sending: Sending, receiver: Receiver) -> None:
    sender = WebhookSender(sending.warehouse, look_s=30)
    sender.start()
    sending.hooks.create("hook", receiver.url, ["registered_model.created"])
    sending.models.create("digits")
    for _ in range(500):
        if receiver.got:
            break
        threading.Event().wait(0.01)
    sender.stop()
    assert len(receiver.got) == 1


def test_a_receiver_that_drips_is_left() -> None:
    """A byte now and then must not keep the sender for ever."""
    listening = socket.create_server(("127.0.0.1", 0))
    is_over = threading.Event()

    def drip() -> None:
        connected, _ = listening.accept()
        with connected, suppress(OSError):
            connected.sendall(b"HTTP/1.1 200 OK\r\n")
            while not is_over.wait(0.02):
                connected.sendall(b"X: y\r\n")

    thread = threading.Thread(target=drip)
    thread.start()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
    with pytest.raises(Unavailable, match="did not answer"):
        AddressGuard(["127.0.0.1"]).post(url, b"{}", {}, 0.3)
    is_over.set()
    thread.join()
    listening.close()


# Where events may go


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost:80/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://10.1.2.3/",
        "http://192.168.0.1/",
        "http://172.16.0.1/",
        "http://100.64.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://[fe80::1]/",
        "http://[fd00:ec2::254]/",
        "http://0.0.0.0/",
        "http://0/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://127.1/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
        "http://[::]/",
    ],
)
def test_addresses_that_are_not_public_are_refused(url: str) -> None:
    guard = AddressGuard()
    with pytest.raises((InvalidInput, Unavailable)):
        guard.post(url, b"", {}, 1)
    try:
        guard.check(url)
    except InvalidInput as error:
        assert error.code == "address_refused"
    else:  # the resolver knows no such name, so there is nothing to refuse yet
        with pytest.raises(Unavailable):
            guard.post(url, b"", {}, 1)


def test_what_is_allowed_is_called() -> None:
    refused = "http://127.0.0.1:8080/"
    for allowed in ("127.0.0.1", "127.0.0.0/8", "127.0.0.1:8080", " 127.0.0.1 "):
        assert AddressGuard([allowed]).check(refused) == refused
    for other in ("127.0.0.1:80", "10.0.0.0/8", "::1"):
        with pytest.raises(InvalidInput):
            AddressGuard([other]).check(refused)
    assert AddressGuard(["localhost:81"]).check("http://LOCALHOST:81/")
    for wrong in ("host:port", "http://host", "host/path"):
        with pytest.raises(InvalidInput, match="MERE_WEBHOOK_ALLOW"):
            AddressGuard([wrong])


def test_a_name_that_means_something_else_the_second_time_reaches_nobody(
    sending: Sending, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address checked is the address called: there is no second look-up to be cheated at."""
    answers = iter(["8.8.8.8", "127.0.0.1", "127.0.0.1"])

    def resolve(_host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    guard = AddressGuard()
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    url = receiver.url.replace("127.0.0.1", "rebind.example")
    assert guard.check(url) == url
    with pytest.raises(InvalidInput, match="no public address"):
        guard.post(url, b"{}", {}, 1)
    assert receiver.got == []


def test_a_resolver_that_does_not_answer_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    is_over = threading.Event()

    def resolve(*_: Any, **__: Any) -> list[Any]:
        is_over.wait(30)
        raise socket.gaierror("at last")

    guard = AddressGuard()
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr("mere.services.webhooks.guard._CHECK_S", 0.05)
    url = "https://hooks.example.org/"
    assert guard.check(url) == url
    with pytest.raises(Unavailable, match="no answer within"):
        guard.post(url, b"{}", {}, 0.05)
    assert not is_over.is_set()
    is_over.set()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://example.org/",
        "file:///etc/passwd",
        "http://",
        "//example.org",
        "http://user:secret@example.org/",
        "http://example.org/a b",
        "http://example.org/\r\nX: y",
        "http://example.org:99999/",
        "http://exämple.org/",
        "x" * 3_000,
    ],
)
def test_urls_that_cannot_be_one_are_refused(sending: Sending, url: str) -> None:
    with pytest.raises(InvalidInput):
        sending.hooks.create("hook", url, ["prompt.created"])
    assert sending.hooks.list() == []


@pytest.mark.parametrize(
    ("name", "events"),
    [("", ["prompt.created"]), ("-a", ["prompt.created"]), ("a", []), ("a", ["x"])],
)
def test_names_and_events_are_checked(
    sending: Sending, receiver: Receiver, name: str, events: list[str]
) -> None:
    with pytest.raises(InvalidInput):
        sending.hooks.create(name, receiver.url, events)
