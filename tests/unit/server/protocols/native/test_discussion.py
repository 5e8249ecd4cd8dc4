"""Comments, reviews, activity and the inbox, asked over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from litestar.testing import TestClient

from mere.entities.actor import Role, Scope
from mere.entities.run import Run
from mere.server.protocols.native.discussion import OPERATIONS
from mere.server.protocols.native.models import OPERATIONS as MODELS
from mere.services.warehouse import Warehouse, close_warehouses, open_warehouse
from tests.unit.server.clients import client_of

RUN = "a" * 32
SUBJECT = f"run:{RUN}"
PASSWORD = "correct horse battery"
ANN, BEN, EVE = ((name, PASSWORD) for name in ("ann", "ben", "eve"))


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory) -> Iterator[Warehouse]:
    opened = open_warehouse(str(tmp_path_factory.mktemp("lake")))
    home = opened.experiments.create("digits").experiment_id
    opened.runs.create(Run(run_id=RUN, experiment_id=home, name="heron"))
    for name, role in (("ann", Role.EDITOR), ("ben", Role.VIEWER), ("eve", Role.NONE)):
        opened.access.users.create(name, PASSWORD, role=role)
    other = opened.experiments.create("other").experiment_id
    opened.access.grants.give("user", "eve", Scope.experiment(other), Role.VIEWER, by="ann")
    opened.models.create("digits")
    opened.models.versions.create("digits", "s3://bucket/key")
    yield opened
    close_warehouses()


@pytest.fixture(scope="module")
def client(warehouse) -> Iterator[TestClient]:
    with client_of(warehouse, (*OPERATIONS, *MODELS), sign_in=True) as opened:
        yield opened


def test_a_comment_from_its_beginning_to_its_end(client):
    said = client.post("/api/v1/comments", json={"subject": SUBJECT, "text": "@ben, see"}, auth=ANN)
    assert (said.status_code, said.json()["mentions"]) == (201, ["ben"])
    at = f"/api/v1/comments/{said.json()['comment_id']}"
    answer = {"subject": SUBJECT, "text": "yes", "thread": said.json()["comment_id"]}
    assert client.post("/api/v1/comments", json=answer, auth=BEN).status_code == 201
    page = client.get("/api/v1/comments", params={"subject": SUBJECT}, auth=BEN).json()
    (thread,) = page["threads"]
    assert (thread["head"]["may_edit"], thread["answers"][0]["may_edit"]) == (False, True)
    assert client.get(f"{at}/answers", auth=BEN).json()["total"] == 1
    late = client.patch(at, json={"text": "x", "was": "y"}, auth=ANN)
    assert (late.status_code, late.json()["error"]["code"]) == (409, "changed_meanwhile")
    changed = client.patch(
        at, json={"text": "new", "was": "@ben, see", "is_resolved": True}, auth=ANN
    ).json()
    assert (changed["text"], changed["resolved_by"]) == ("new", "ann")
    assert client.patch(at, json={"text": "no", "was": "new"}, auth=BEN).status_code == 403
    assert client.delete(at, auth=ANN).status_code == 204
    assert client.get(at, auth=BEN).json()["text"] is None


def test_who_may_not_read_it_is_refused(client):
    said = client.post("/api/v1/comments", json={"subject": SUBJECT, "text": "x"}, auth=ANN).json()
    at = f"/api/v1/comments/{said['comment_id']}"
    assert client.get("/api/v1/comments", params={"subject": SUBJECT}, auth=EVE).status_code == 403
    new = {"subject": SUBJECT, "text": "x"}
    assert client.post("/api/v1/comments", json=new, auth=EVE).status_code == 403
    for ask in (client.get, client.delete):
        assert ask(at, auth=EVE).status_code == 404
    assert client.patch(at, json={"is_resolved": True}, auth=EVE).status_code == 404
    assert client.get("/api/v1/people", params={"subject": SUBJECT}, auth=EVE).status_code == 403
    assert client.get(f"/api/v1/runs/{RUN}/reviews", auth=EVE).status_code == 403
    assert client.get("/api/v1/activity", auth=EVE).json()["events"] == []
    assert client.get("/api/v1/inbox", auth=EVE).json()["total"] == 0


def test_people_are_found(client):
    query = {"subject": SUBJECT, "text": "b"}
    found = client.get("/api/v1/people", params=query, auth=BEN).json()["people"]
    assert [one["name"] for one in found] == ["ben"]


def test_reviews_of_runs_and_versions_reach_the_inbox(client):
    asked = {"state": "requested", "reviewers": ["ben"], "comment": "ok?"}
    made = client.post(f"/api/v1/runs/{RUN}/reviews", json=asked, auth=ANN)
    assert (made.status_code, made.json()["reviewers"]) == (201, ["ben"])
    version = "/api/v1/models/digits/versions/1"
    made = client.post(f"{version}/reviews", json=asked, auth=ANN)
    assert (made.status_code, made.json()["reviewers"]) == (201, ["ben"])
    wrong = client.post(f"{version}/reviews", json={**asked, "reviewers": ["eve"]}, auth=ANN)
    assert wrong.status_code == 400
    found = client.get("/api/v1/inbox", auth=BEN).json()["items"]
    asking = {one["subject"]: one["item"] for one in found if one["kind"] == "review"}
    assert set(asking) == {SUBJECT, "model:digits/1"}
    read = client.post("/api/v1/inbox/read", json={"items": list(asking.values())}, auth=BEN)
    assert read.status_code == 204
    unread = client.get("/api/v1/inbox", params={"unread_only": True}, auth=BEN).json()["items"]
    assert "review" not in {one["kind"] for one in unread}
    reviews = client.get(f"/api/v1/runs/{RUN}/reviews", auth=BEN).json()["reviews"]
    assert [one["state"] for one in reviews] == ["requested"]


def test_activity_is_filtered_and_goes_on(client):
    query = {"kind": ["comment", "review"], "limit": 1}
    first = client.get("/api/v1/activity", params=query, auth=BEN).json()
    more = {**query, "before": first["next"]}
    second = client.get("/api/v1/activity", params=more, auth=BEN).json()
    assert first["events"][0]["id"] != second["events"][0]["id"]
    only = client.get("/api/v1/activity", params={"subject": "model:digits/1"}, auth=BEN).json()
    assert {one["subject"] for one in only["events"]} == {"model:digits/1"}


@pytest.mark.parametrize("subject", ["", "x:1", "run:", "model:digits", "model:digits/x"])
def test_subjects_that_are_none(client, subject):
    asked = client.get("/api/v1/comments", params={"subject": subject}, auth=BEN)
    assert asked.status_code == 400
