from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from mere.entities.actor import Action, Actor, ActorKind, Role, Scope
from mere.entities.token import is_token, token_text
from mere.errors import (
    AlreadyExists,
    Conflict,
    InvalidInput,
    MereError,
    NotFound,
    PermissionDenied,
    Unauthenticated,
)
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.services.access.access import Access
from mere.services.access.passwords import FAILURES_MAX, Passwords
from mere.services.tables import TABLES
from mere.testing.clock import ManualClock
from mere.testing.counting import CountingStore

PASSWORD = "correct horse battery"
Opener = Callable[[], Access]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def replica(clock: ManualClock) -> Iterator[Opener]:
    """Open the same warehouse as another process would."""
    store = MemoryStore(clock)
    lakes: list[Lake] = []

    def open_one() -> Access:
        one = clock.skewed(0, seed=len(lakes))
        lakes.append(Lake.open("memory://", tables=TABLES, store=store, clock=one))
        return Access(lakes[-1], one)

    yield open_one
    for lake in lakes:
        lake.close()


@pytest.fixture
def access(replica: Opener) -> Access:
    return replica()


def test_a_user_signs_in_with_name_and_password(access: Access) -> None:
    made = access.users.create("Ann@Example.org", PASSWORD, role=Role.EDITOR, by="root")
    assert (made.name, made.role, made.created_by) == ("ann@example.org", Role.EDITOR, "root")
    assert access.users.check_password("ANN@example.org", PASSWORD, "::1") == made
    with pytest.raises(Unauthenticated, match="name or the password"):
        access.users.check_password("ann@example.org", PASSWORD + "!", "::1")


def test_unknown_users_and_users_without_a_password_get_the_same_answer(access: Access) -> None:
    access.users.create("tokens-only")
    access.users.create("ann", PASSWORD)
    messages = set()
    for name in ("nobody-here", "tokens-only", "ann", "\ud800", ""):
        with pytest.raises(Unauthenticated) as caught:
            access.users.check_password(name, "wrong", "::1")
        messages.add(caught.value.message)
    assert len(messages) == 1


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "letters"),
        ("a b", "letters"),
        ("a:b", "letters"),
        ("a/b", "letters"),
        ("a\x00", "letters"),
        ("a\u202eb", "letters"),
        ("x" * 201, "shorten"),
        ("Nobody", "something else"),
        ("local", "something else"),
        (7, "string"),
    ],
)
def test_names_that_would_confuse_are_refused(access: Access, name: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        access.users.create(name)


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("short", "at least 10"),
        ("password1234", "guessed"),
        ("aaaaaaaaaaaa", "guessed"),
        ("longusername1", "user's name"),
        ("x y z " * 400, "bytes"),
        ("half \ud800 a pair", "Unicode"),
        (None, ""),
    ],
)
def test_weak_passwords_are_refused_and_not_repeated(
    access: Access, password: str | None, why: str
) -> None:
    if password is None:  # none at all is fine: a user of tokens
        assert access.users.create("longusername").name == "longusername"
        return
    with pytest.raises(InvalidInput, match=why) as caught:
        access.users.create("longusername", password)
    assert password not in caught.value.message
    assert access.users.list() == []


def test_a_name_is_given_once_also_by_two_replicas_at_once(replica: Opener) -> None:
    both = [replica(), replica()]
    barrier = threading.Barrier(2)

    def create(access: Access) -> str:
        barrier.wait()
        try:
            access.users.create("ann", PASSWORD)
        except AlreadyExists:
            return "taken"
        return "made"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(create, both)) == ["made", "taken"]
    assert [one.name for one in replica().users.list()] == ["ann"]
    assert replica().users.check_password("ann", PASSWORD, "::1").name == "ann"


def test_a_deleted_user_s_name_may_be_given_again_and_brings_nothing_along(access: Access) -> None:
    access.users.create("root", PASSWORD, role=Role.ADMIN)
    first = access.users.create("ann", PASSWORD, role=Role.EDITOR)
    _, secret = access.tokens.create("ann", "ci")
    access.grants.give("user", "ann", Scope.model("m"), Role.ADMIN)
    access.grants.create_group("ops")
    access.grants.add_member("ops", "ann")
    _, cookie = access.sessions.begin(first, "password")
    access.users.delete("ann")
    second = access.users.create("ann")
    assert (second.generation, second.role) == (2, Role.VIEWER)
    assert second.user_id != first.user_id
    with pytest.raises(Unauthenticated):
        access.users.check_password("ann", PASSWORD, "::1")
    with pytest.raises(Unauthenticated):
        access.tokens.sign_in(secret)
    assert access.sessions.find(cookie) is None
    assert access.grants.search() == []
    assert access.grants.members("ops") == []


def test_one_admin_always_remains(access: Access) -> None:
    access.users.create("root", PASSWORD, role=Role.ADMIN)
    access.users.create("ann", role=Role.EDITOR)
    for change in ({"role": Role.EDITOR}, {"is_disabled": True}):
        with pytest.raises(Conflict, match="only admin"):
            access.users.update("root", **change)
    with pytest.raises(Conflict, match="only admin"):
        access.users.delete("root")
    access.users.update("ann", role=Role.ADMIN)
    access.users.delete("root")
    assert [one.name for one in access.users.list()] == ["ann"]


def test_another_password_replaces_the_one_before_also_where_it_is_remembered(
    access: Access,
) -> None:
    access.users.create("ann", PASSWORD)
    access.users.check_password("ann", PASSWORD, "::1")
    assert access.users.remembered("ann", PASSWORD) is not None
    access.users.set_password("ann", "another good one")
    access.users.list()
    assert access.users.remembered("ann", PASSWORD) is None
    with pytest.raises(Unauthenticated):
        access.users.check_password("ann", PASSWORD, "::1")
    access.users.check_password("ann", "another good one", "::1")


def test_a_right_password_is_remembered_for_a_minute(access: Access, clock: ManualClock) -> None:
    access.users.create("ann", PASSWORD)
    access.users.list()
    assert access.users.remembered("ann", PASSWORD) is None
    access.users.check_password("ann", PASSWORD, "::1")
    assert access.users.remembered("ann", PASSWORD) is not None
    assert access.users.remembered("ann", PASSWORD + " ") is None
    clock.advance(61)
    access.users.list()
    assert access.users.remembered("ann", PASSWORD) is None


def test_guessing_is_slowed_down_and_the_wait_grows(access: Access, clock: ManualClock) -> None:
    access.users.create("ann", PASSWORD)
    for _ in range(FAILURES_MAX["both"]):
        with pytest.raises(Unauthenticated, match="name or the password"):
            access.users.check_password("ann", "wrong", "10.0.0.1")
    waits = []
    for _ in range(4):
        with pytest.raises(Unauthenticated, match="too many failed") as caught:
            access.users.check_password("ann", PASSWORD, "10.0.0.1")
        waits.append(caught.value.details["wait_s"])
        clock.advance(waits[-1] + 0.1)
        with pytest.raises(Unauthenticated, match="name or the password"):
            access.users.check_password("ann", "wrong", "10.0.0.1")
    assert waits == [1, 2, 4, 8]
    assert access.users.check_password("ann", PASSWORD, "10.0.0.2").name == "ann"
    clock.advance(20)
    assert access.users.check_password("ann", PASSWORD, "10.0.0.1").name == "ann"


def test_one_address_that_tries_many_names_is_slowed_down(clock: ManualClock) -> None:
    passwords = Passwords(clock)
    for number in range(FAILURES_MAX["address"]):
        with pytest.raises(Unauthenticated, match="name or the password"):
            passwords.check(f"user{number}", None, "wrong", "10.0.0.1")
    with pytest.raises(Unauthenticated, match="too many failed"):
        passwords.check("yet another", None, "wrong", "10.0.0.1")


def test_what_is_stored_of_a_password_is_argon2id(access: Access) -> None:
    access.users.create("ann", PASSWORD)
    row = access._lake.get("passwords", "ann")
    assert row is not None
    assert row["hash"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")


# Tokens


def test_a_token_is_shown_once_and_signs_in(access: Access) -> None:
    access.users.create("ann", role=Role.EDITOR)
    token, secret = access.tokens.create("ann", "ci")
    assert is_token(secret)
    user, found = access.tokens.sign_in(secret)
    assert (user.name, found.token_id) == ("ann", token.token_id)
    stored = str(access._lake.scan("tokens").to_pylist())
    assert secret not in stored
    assert access.tokens.sign_in_quickly(secret) is not None


def test_tokens_are_bounded_in_role_objects_and_time(access: Access, clock: ManualClock) -> None:
    access.users.create("ann", role=Role.EDITOR)
    token, secret = access.tokens.create(
        "ann", "ci", role=Role.VIEWER, experiments=["7"], life_s=60
    )
    actor = Actor(name="ann", kind=ActorKind.TOKEN, token_id=token.token_id)
    access.authorize(actor, Action.READ, Scope.experiment("7"))
    for action, scope in (
        (Action.EDIT, Scope.experiment("7")),
        (Action.READ, Scope.experiment("8")),
        (Action.READ, Scope.model("m")),
        (Action.READ, Scope.warehouse()),
        (Action.READ, Scope.everything()),
    ):
        with pytest.raises(PermissionDenied):
            access.authorize(actor, action, scope)
    assert access.readable_experiments(actor) == frozenset()  # it is not there
    clock.advance(61)
    with pytest.raises(Unauthenticated):
        access.tokens.sign_in(secret)
    with pytest.raises(Unauthenticated):
        access.authorize(actor, Action.READ, Scope.experiment("7"))


def test_a_token_taken_back_is_void_at_once(access: Access) -> None:
    access.users.create("ann")
    token, secret = access.tokens.create("ann", "ci")
    actor = Actor(name="ann", kind=ActorKind.TOKEN, token_id=token.token_id)
    access.tokens.revoke(token.token_id[:20])
    with pytest.raises(Unauthenticated, match="revoked"):
        access.tokens.sign_in(secret)
    with pytest.raises(Unauthenticated):
        access.authorize(actor, Action.READ, Scope.warehouse())
    assert access.tokens.list("ann") == []
    with pytest.raises(NotFound):
        access.tokens.get("")


def test_a_token_made_on_another_replica_signs_in_at_once(
    replica: Opener, clock: ManualClock
) -> None:
    here, there = replica(), replica()
    here.users.create("ann")
    there.users.list()
    clock.advance(1)
    _, secret = here.tokens.create("ann", "ci")
    assert there.tokens.sign_in_quickly(secret) is None
    assert there.tokens.sign_in(secret)[0].name == "ann"


def test_guessed_tokens_cost_no_listing_each(clock: ManualClock) -> None:
    store = CountingStore(MemoryStore(clock))
    lake = Lake.open("memory://", tables=TABLES, store=store, clock=clock)
    access = Access(lake, clock)
    access.users.create("ann")
    access.users.list()
    store.reset()
    for number in range(50):
        with pytest.raises(Unauthenticated):
            access.tokens.sign_in(token_text(number))
    assert store.calls == []
    lake.close()


def used_at(access: Access, token_id: str) -> datetime:
    row = access._lake.get("tokens", token_id)
    assert row is not None
    moment: datetime = row["used_at"]
    return moment


def test_when_a_token_was_last_used_is_noted_coarsely(access: Access, clock: ManualClock) -> None:
    access.users.create("ann")
    token, secret = access.tokens.create("ann", "ci")
    for _ in range(100):
        access.tokens.sign_in(secret)
    access.trail.flush(10)
    used = used_at(access, token.token_id)
    clock.advance(600)
    access.tokens.sign_in(secret)
    access.trail.flush(10)
    assert used_at(access, token.token_id) == used
    clock.advance(600)
    access.tokens.sign_in(secret)
    access.trail.flush(10)
    assert used_at(access, token.token_id) > used


def test_limits_of_tokens(access: Access) -> None:
    access.users.create("ann")
    with pytest.raises(NotFound, match="eve"):
        access.tokens.create("eve", "ci")
    for wrong in ({"life_s": 0}, {"life_s": -1}, {"life_s": 1e12}, {"life_s": float("nan")}):
        with pytest.raises(InvalidInput, match="life"):
            access.tokens.create("ann", "ci", **wrong)
    with pytest.raises(InvalidInput, match="objects"):
        access.tokens.create("ann", "ci", experiments=["1"] * 1001)
    with pytest.raises(InvalidInput, match="empty"):
        access.tokens.create("ann", " ")


# Sessions


def test_a_session_is_found_by_its_cookie_until_it_is_ended(access: Access) -> None:
    user = access.users.create("ann", PASSWORD)
    session, cookie = access.sessions.begin(user, "password", address="::1", agent="x" * 999)
    assert cookie not in str(access._lake.scan("sessions").to_pylist())
    found = access.sessions.find(cookie)
    assert found is not None
    assert found[0].name == "ann"
    assert len(found[1].agent) == 200
    assert access.sessions.find_quickly(cookie)[0]
    access.sessions.end(session.session_id)
    assert access.sessions.find(cookie) is None
    assert access.sessions.find("never given") is None


def test_a_session_in_use_ends_after_a_week(access: Access, clock: ManualClock) -> None:
    user = access.users.create("ann", PASSWORD)
    _, cookie = access.sessions.begin(user, "password")
    hours = 0
    while access.sessions.find(cookie) is not None and hours < 24 * 8:
        access.trail.flush(10)
        clock.advance(6 * 3600)
        hours += 6
    assert hours == 24 * 7


def test_an_idle_session_is_over_after_eight_hours(access: Access, clock: ManualClock) -> None:
    user = access.users.create("ann", PASSWORD)
    _, cookie = access.sessions.begin(user, "password")
    clock.advance(8 * 3600 - 1)
    session = access.sessions.find(cookie)
    assert session is not None
    clock.advance(8 * 3600 + 1)
    assert access.sessions.find(cookie) is None


def test_renewing_replaces_the_cookie_and_not_the_age(access: Access, clock: ManualClock) -> None:
    user = access.users.create("ann", PASSWORD)
    first, old = access.sessions.begin(user, "password")
    clock.advance(3600)
    second, new = access.sessions.renew(first)
    assert new != old
    assert second.expires_at == first.expires_at
    assert access.sessions.find(old) is not None  # what is under way
    clock.advance(61)
    assert access.sessions.find(old) is None
    assert access.sessions.find(new) is not None


def test_a_session_ended_on_another_replica_is_over_within_seconds(
    replica: Opener, clock: ManualClock
) -> None:
    here, there = replica(), replica()
    user = here.users.create("ann", PASSWORD)
    session, cookie = here.sessions.begin(user, "password")
    assert there.sessions.find(cookie) is not None
    here.sessions.end(session.session_id)
    clock.advance(5)
    assert there.sessions.find(cookie) is None


def test_all_sessions_but_one_end(access: Access, clock: ManualClock) -> None:
    user = access.users.create("ann", PASSWORD)
    kept, cookie = access.sessions.begin(user, "password")
    others = [access.sessions.begin(user, "sso")[1] for _ in range(3)]
    assert len(access.sessions.of_user("ann")) == 4
    assert access.sessions.end_all("ann", but=kept.session_id) == 3
    assert [access.sessions.find(one) for one in others] == [None] * 3
    assert access.sessions.find(cookie) is not None
    clock.advance(timedelta(days=3).total_seconds())
    assert access.sessions.forget_old() == 4


# Single sign-on and the audit trail


def test_a_provider_s_user_is_known_by_its_subject_and_not_by_its_name(access: Access) -> None:
    first = access.users.from_provider("https://idp", "s1", "ann", "Ann", Role.EDITOR)
    assert (first.name, first.role) == ("ann", Role.EDITOR)
    again = access.users.from_provider("https://idp", "s1", "renamed", "Ann B", Role.VIEWER)
    assert (again.name, again.role, again.display_name) == ("ann", Role.VIEWER, "Ann B")
    with pytest.raises(PermissionDenied, match="belongs to another"):
        access.users.from_provider("https://idp", "s2", "ann", "Eve", Role.ADMIN)
    with pytest.raises(PermissionDenied, match="belongs to another"):
        access.users.from_provider("https://other", "s1", "ann", "Eve", Role.ADMIN)
    access.users.create("root", role=Role.ADMIN)
    access.users.update("ann", is_disabled=True)
    with pytest.raises(PermissionDenied, match="disabled"):
        access.users.from_provider("https://idp", "s1", "ann", "Ann", Role.VIEWER)


def test_a_provider_does_not_take_the_last_admin_away(access: Access) -> None:
    access.users.from_provider("https://idp", "s1", "ann", "Ann", Role.ADMIN)
    assert access.users.from_provider("https://idp", "s1", "ann", "Ann", Role.VIEWER).is_admin


def test_the_audit_trail_counts_what_is_alike_and_tells_it_again(
    access: Access, clock: ManualClock
) -> None:
    ann = Actor(name="ann", kind=ActorKind.USER)
    for _ in range(1000):
        access.audit(ann, "log", "run 'r'", "ok", "10.0.0.1", "id")
    access.trail.flush(10)
    clock.advance(1)
    access.audit(Actor.nobody(), "log", "x" * 9999 + "\ud800", "sign_in_required", "10.0.0.2")
    access.trail.flush(10)
    notes = access.trail.search()
    assert [(one["actor"], one["count"], one["outcome"]) for one in notes] == [
        ("nobody", 1, "sign_in_required"),
        ("ann", 1000, "ok"),
    ]
    assert [one["actor"] for one in access.trail.search(outcome="refused")] == ["nobody"]
    assert [one["actor"] for one in access.trail.search(actor="ann", limit=1)] == ["ann"]
    assert access.trail.search(since=notes[0]["happened_at"]) == notes[:1]
    assert access.trail.dropped == 0
    with pytest.raises(InvalidInput, match="limit"):
        access.trail.search(limit=0)


def test_the_audit_trail_is_bounded_and_never_raises(
    access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mere.services.access.audit as module

    monkeypatch.setattr(module, "SEEN_MAX", 10)
    ann = Actor(name="ann", kind=ActorKind.USER)
    for number in range(30):
        access.audit(ann, "log", f"run {number}", "ok", "")
    assert access.trail.dropped >= 10
    access.trail.flush(10)
    try:
        access._lake.close()
    except MereError:
        pytest.fail("nothing should be pending")
    access.audit(ann, "log", "run", "ok", "")
    access.trail.hand_over()
