from __future__ import annotations

import pytest

from mere.entities.actor import Actor
from mere.entities.saved_view import ViewDraft, Visibility
from mere.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from mere.services.warehouse import Warehouse
from tests.unit.services.sharing.conftest import actor

ADA, BOB, EVE, GUEST, ROOT = (actor(name) for name in ("ada", "bob", "eve", "guest", "root"))
SHARED = ViewDraft(name="Best", state="q=a", visibility=Visibility.SHARED)


def names(warehouse: Warehouse, who: Actor, experiment: str | None = "1") -> list[str]:
    return [one.name for one in warehouse.saved_views.list(who, "explore", experiment)]


def test_a_private_view_is_its_owners_alone(warehouse):
    views = warehouse.saved_views
    made = views.create(EVE, "explore", ViewDraft(name="Mine", state="q=x"), experiment_id="1")
    assert (made.owner, made.visibility, made.revision, made.may_change) == (
        "eve",
        "private",
        1,
        True,
    )
    assert names(warehouse, EVE) == ["Mine"]
    assert names(warehouse, ROOT) == [] == names(warehouse, EVE, "2") == names(warehouse, EVE, None)
    for who in (ADA, ROOT):
        with pytest.raises(NotFound):
            views.get(who, made.view_id)


def test_a_shared_view_is_seen_and_changed_by_who_may(warehouse):
    views = warehouse.saved_views
    with pytest.raises(PermissionDenied):
        views.create(EVE, "explore", SHARED, experiment_id="1")
    made = views.create(ADA, "explore", SHARED, experiment_id="1")
    assert names(warehouse, GUEST) == ["Best"]
    changed = views.change(BOB, made.view_id, ViewDraft(state="q=b"), was=1)
    assert (changed.state, changed.revision, changed.changed_by) == ("q=b", 2, "bob")
    with pytest.raises(PermissionDenied):
        views.change(EVE, made.view_id, ViewDraft(state="q=c"), was=2)
    with pytest.raises(PermissionDenied):
        views.change(BOB, made.view_id, ViewDraft(is_locked=True), was=2)
    views.change(ADA, made.view_id, ViewDraft(is_locked=True), was=2)
    with pytest.raises(PermissionDenied, match="locked"):
        views.change(BOB, made.view_id, ViewDraft(state="q=d"), was=3)
    assert not views.get(BOB, made.view_id).may_change
    assert views.change(ROOT, made.view_id, ViewDraft(name="Root's"), was=3).name == "Root's"


def test_what_others_changed_meanwhile_is_not_written_over(warehouse):
    made = warehouse.saved_views.create(ADA, "explore", SHARED, experiment_id="1")
    warehouse.saved_views.change(BOB, made.view_id, ViewDraft(state="q=b"), was=1)
    with pytest.raises(Conflict, match="bob changed") as caught:
        warehouse.saved_views.change(ADA, made.view_id, ViewDraft(state="q=c"), was=1)
    assert caught.value.details["revision"] == 2
    assert warehouse.saved_views.get(ADA, made.view_id).state == "q=b"


def test_what_is_deleted_comes_back(warehouse):
    views = warehouse.saved_views
    made = views.create(ADA, "explore", SHARED, experiment_id="1")
    views.delete(ADA, made.view_id)
    assert names(warehouse, ADA) == []
    with pytest.raises(NotFound):
        views.get(ADA, made.view_id)
    assert views.restore(ADA, made.view_id).name == "Best"
    assert names(warehouse, ADA) == ["Best"]


def test_stars_are_ones_own_and_defaults_are_everybodys(warehouse):
    views = warehouse.saved_views
    first = views.create(ADA, "explore", SHARED, experiment_id="1")
    other = views.create(ADA, "explore", ViewDraft(name="Zoo"), experiment_id="1")
    assert views.star(ADA, other.view_id, is_starred=True).is_starred
    assert names(warehouse, ADA) == ["Zoo", "Best"]
    assert not views.list(BOB, "explore", "1")[0].is_starred
    with pytest.raises(InvalidInput, match="private"):
        views.set_default(ADA, other.view_id, is_default=True)
    with pytest.raises(PermissionDenied):
        views.set_default(GUEST, first.view_id, is_default=True)
    assert views.set_default(BOB, first.view_id, is_default=True).is_default
    assert views.list(GUEST, "explore", "1")[0].is_default
    assert not views.set_default(BOB, first.view_id, is_default=False).is_default


@pytest.mark.parametrize(
    "draft",
    [
        ViewDraft(),
        ViewDraft(name=" "),
        ViewDraft(name="x" * 501),
        ViewDraft(name="x", state="y" * 100_001),
        ViewDraft(name="\ud800"),
    ],
)
def test_what_cannot_be_a_view_is_refused(warehouse, draft):
    with pytest.raises(InvalidInput):
        warehouse.saved_views.create(ADA, "explore", draft, experiment_id="1")


def test_hostile_names_are_kept_as_they_are(warehouse):
    for name in ("<script>alert(1)</script>", "שלום \u202e", "🦊" * 250):
        draft = ViewDraft(name=name)
        made = warehouse.saved_views.create(ADA, "explore", draft, experiment_id="1")
        assert warehouse.saved_views.get(ADA, made.view_id).name == name


def test_a_link_is_the_same_each_time_and_opens_nothing(warehouse):
    links = warehouse.links
    address = f"/p/2?q={'x' * 5000}"
    made = links.make(ADA, address)
    assert len(made.link_id) == 22
    assert links.make(BOB, address) == made == links.resolve(EVE, made.link_id)
    with pytest.raises(PermissionDenied):
        links.resolve(GUEST, made.link_id)
    with pytest.raises(PermissionDenied):
        links.make(GUEST, address)
    with pytest.raises(NotFound):
        links.resolve(ADA, "x" * 22)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "//evil.example/p/1",
        "https://evil.example/",
        "javascript:alert(1)",
        "/\\evil.example",
        "/%2fevil.example",
        "/api/v1/session",
        "/p/../api/v1/sql",
        "/p/1\n",
        "/s/abc",
        "/p/1?q=" + "x" * 120_000,
    ],
)
def test_links_lead_to_pages_of_the_portal_alone(warehouse, address):
    with pytest.raises(InvalidInput):
        warehouse.links.make(ADA, address)


def test_a_link_to_a_report_is_for_its_readers(warehouse):
    report = warehouse.reports.create(ADA, "Draft", "").report
    made = warehouse.links.make(ADA, f"/reports/{report.report_id}")
    with pytest.raises(NotFound):
        warehouse.links.resolve(EVE, made.link_id)
