from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mere.entities.actor import Action, Actor, ActorKind, Role, Scope
from mere.entities.token import Token
from mere.errors import InvalidInput, NotFound, PermissionDenied, Unauthenticated
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.services.access.access import Access
from mere.services.access.state import Rights
from mere.services.tables import TABLES
from mere.testing.clock import ManualClock

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


def user(access: Access, name: str, role: Role = Role.VIEWER) -> Actor:
    access.users.create(name, role=role)
    return Actor(name=name, kind=ActorKind.USER)


def run_in(access: Access, run_id: str, experiment_id: str) -> Scope:
    access._lake.patch("runs", [{"run_id": run_id, "experiment_id": experiment_id}])
    return Scope.run(run_id)


def may(access: Access, actor: Actor, action: Action, scope: Scope) -> bool:
    quick = access.allows_quickly(actor, action, scope)
    try:
        access.authorize(actor, action, scope)
    except (PermissionDenied, Unauthenticated):
        slow = False
    else:
        slow = True
    assert quick in (None, slow)
    assert access.allows_quickly(actor, action, scope) in (None, slow)
    return slow


def test_nobody_may_nothing_and_where_sign_in_is_off_everything_is_allowed(access: Access) -> None:
    with pytest.raises(Unauthenticated, match="sign in"):
        access.authorize(Actor.nobody(), Action.READ, Scope.warehouse())
    access.authorize(Actor.local(), Action.ADMIN, Scope.everything())
    assert access.readable_experiments(Actor.local()) is None
    assert access.role_on(Actor.local(), Scope.model("m")) is Role.ADMIN


def test_roles_on_the_warehouse_hold_on_what_is_in_it(access: Access) -> None:
    ann = user(access, "ann", Role.EDITOR)
    run = run_in(access, "r", "7")
    for scope in (Scope.warehouse(), Scope.experiment("7"), Scope.model("m"), run):
        assert may(access, ann, Action.READ, scope)
        assert may(access, ann, Action.EDIT, scope)
        assert not may(access, ann, Action.ADMIN, scope)


def test_the_error_says_which_right_on_what_is_missing(access: Access) -> None:
    ann = user(access, "ann")
    with pytest.raises(PermissionDenied, match=r"change experiment '7'.*editor.*yours is viewer"):
        access.authorize(ann, Action.EDIT, Scope.experiment("7"))


def test_the_most_specific_grant_wins_and_none_keeps_out(access: Access) -> None:
    ann = user(access, "ann", Role.VIEWER)
    run = run_in(access, "r", "7")
    access.grants.give("user", "ann", Scope.experiment("7"), Role.EDITOR)
    assert may(access, ann, Action.EDIT, run)
    assert not may(access, ann, Action.EDIT, Scope.experiment("8"))
    access.grants.give("user", "ann", Scope.experiment("*"), Role.NONE)
    assert may(access, ann, Action.EDIT, run)
    assert not may(access, ann, Action.READ, Scope.experiment("8"))
    assert may(access, ann, Action.READ, Scope.model("m"))
    assert access.grants.take("user", "ann", Scope.experiment("7"))
    assert not may(access, ann, Action.READ, run)


def test_everything_needs_the_right_on_each_object(access: Access) -> None:
    ann = user(access, "ann", Role.EDITOR)
    assert may(access, ann, Action.EDIT, Scope.everything())
    access.grants.give("user", "ann", Scope.model("secret"), Role.NONE)
    assert not may(access, ann, Action.READ, Scope.everything())


def test_anything_is_refused_only_to_who_has_the_right_on_nothing(access: Access) -> None:
    ann = user(access, "ann", Role.NONE)
    assert not may(access, ann, Action.READ, Scope.anything())
    access.grants.give("user", "ann", Scope.model("m"), Role.EDITOR)
    assert may(access, ann, Action.EDIT, Scope.anything())
    assert not may(access, ann, Action.ADMIN, Scope.anything())


def test_an_admin_is_one_everywhere(access: Access) -> None:
    ann = user(access, "ann", Role.ADMIN)
    access.grants.give("user", "ann", Scope.experiment("7"), Role.NONE)
    assert may(access, ann, Action.ADMIN, Scope.experiment("7"))


def test_groups_give_rights_and_own_grants_go_before_them(access: Access) -> None:
    ann = user(access, "ann", Role.NONE)
    ops = access.grants.create_group("ops")
    access.grants.add_member("ops", "ann")
    access.grants.give("group", "ops", Scope.experiment("7"), Role.EDITOR)
    access.grants.give("group", str(ops.group_id), Scope.warehouse(), Role.VIEWER)
    assert may(access, ann, Action.EDIT, Scope.experiment("7"))
    assert may(access, ann, Action.READ, Scope.model("m"))
    access.grants.give("user", "ann", Scope.experiment("7"), Role.VIEWER)
    assert not may(access, ann, Action.EDIT, Scope.experiment("7"))
    access.grants.delete_group("ops")
    assert not may(access, ann, Action.READ, Scope.model("m"))
    assert access.grants.search(principal_kind="group") == []


def test_who_creates_an_experiment_becomes_its_admin(access: Access) -> None:
    ann = user(access, "ann", Role.EDITOR)
    access.own(ann, Scope.experiment("9"))
    assert may(access, ann, Action.ADMIN, Scope.experiment("9"))
    assert not may(access, ann, Action.ADMIN, Scope.experiment("8"))
    access.own(Actor.local(), Scope.experiment("8"))
    assert len(access.grants.search()) == 1


def test_a_run_that_is_not_there_falls_under_the_warehouse(access: Access) -> None:
    ann = user(access, "ann", Role.NONE)
    access.grants.give("user", "ann", Scope.experiment("7"), Role.ADMIN)
    assert not may(access, ann, Action.READ, Scope.run("nowhere"))
    eve = user(access, "eve", Role.VIEWER)
    assert may(access, eve, Action.READ, Scope.run("nowhere"))


def test_several_objects_need_the_right_on_each(access: Access) -> None:
    ann = user(access, "ann", Role.NONE)
    access.grants.give("user", "ann", Scope.experiment("7"), Role.VIEWER)
    both = Scope.all_of(Scope.experiment("7"), Scope.experiment("8"))
    assert may(access, ann, Action.READ, Scope.all_of(Scope.experiment("7")))
    assert not may(access, ann, Action.READ, both)


def test_searches_are_told_what_may_be_read(access: Access) -> None:
    rows = [{"experiment_id": one, "name": f"e{one}"} for one in ("1", "2", "3")]
    access._lake.patch("experiments", rows)
    ann = user(access, "ann", Role.VIEWER)
    assert access.readable_experiments(ann) is None
    access.grants.give("user", "ann", Scope.experiment("2"), Role.NONE)
    assert access.readable_experiments(ann) == frozenset({"1", "3"})
    assert access.readable_models(ann) is None
    eve = user(access, "eve", Role.NONE)
    assert access.readable_experiments(eve) == frozenset()
    access.grants.give("user", "eve", Scope.experiment("3"), Role.VIEWER)
    assert access.readable_experiments(eve) == frozenset({"3"})


def test_decisions_take_no_request_once_all_is_known(access: Access) -> None:
    ann = user(access, "ann", Role.VIEWER)
    run = run_in(access, "r", "7")
    access.grants.give("user", "ann", Scope.experiment("7"), Role.EDITOR)
    assert access.allows_quickly(ann, Action.EDIT, run) is None
    access.authorize(ann, Action.EDIT, run)
    assert access.allows_quickly(ann, Action.EDIT, run) is True
    assert access.allows_quickly(ann, Action.ADMIN, run) is False
    assert access.allows_quickly(ann, Action.READ, Scope.run("another")) is True


def test_a_grant_taken_away_elsewhere_holds_within_five_seconds(
    replica: Opener, clock: ManualClock
) -> None:
    here, there = replica(), replica()
    ann = user(here, "ann", Role.NONE)
    here.grants.give("user", "ann", Scope.experiment("7"), Role.EDITOR)
    assert may(there, ann, Action.EDIT, Scope.experiment("7"))
    here.grants.take("user", "ann", Scope.experiment("7"))
    assert not may(here, ann, Action.EDIT, Scope.experiment("7"))
    assert may(there, ann, Action.EDIT, Scope.experiment("7"))  # not looked yet
    clock.advance(5.0)
    assert there.allows_quickly(ann, Action.EDIT, Scope.experiment("7")) is None
    assert not may(there, ann, Action.EDIT, Scope.experiment("7"))


def test_what_was_given_on_another_replica_is_not_refused_here(
    replica: Opener, clock: ManualClock
) -> None:
    here, there = replica(), replica()
    ann = user(here, "ann", Role.NONE)
    assert not may(there, ann, Action.EDIT, Scope.experiment("7"))
    here.grants.give("user", "ann", Scope.experiment("7"), Role.EDITOR)
    clock.advance(0.6)
    assert there.allows_quickly(ann, Action.EDIT, Scope.experiment("7")) is False
    there.authorize(ann, Action.EDIT, Scope.experiment("7"))
    here.users.create("eve", "correct horse battery", role=Role.VIEWER)
    clock.advance(0.6)
    assert there.users.check_password("eve", "correct horse battery", "").name == "eve"
    there.authorize(Actor(name="eve", kind=ActorKind.USER), Action.READ, Scope.warehouse())


def test_one_caller_is_asked_to_look_while_others_go_on(access: Access, clock: ManualClock) -> None:
    ann = user(access, "ann")
    access.authorize(ann, Action.READ, Scope.warehouse())
    clock.advance(3.0)
    answers = [access.allows_quickly(ann, Action.READ, Scope.warehouse()) for _ in range(4)]
    assert answers == [None, True, True, True]
    access.authorize(ann, Action.READ, Scope.warehouse())
    assert access.allows_quickly(ann, Action.READ, Scope.warehouse()) is True


def test_a_disabled_or_deleted_user_is_out_at_once(access: Access) -> None:
    user(access, "root", Role.ADMIN)
    ann = user(access, "ann", Role.EDITOR)
    access.users.update("ann", is_disabled=True)
    with pytest.raises(Unauthenticated, match="no longer valid"):
        access.authorize(ann, Action.READ, Scope.warehouse())
    assert access.allows_quickly(ann, Action.READ, Scope.warehouse()) in (None, False)
    access.users.update("ann", is_disabled=False)
    access.authorize(ann, Action.READ, Scope.warehouse())
    access.users.delete("ann")
    with pytest.raises(Unauthenticated):
        access.authorize(ann, Action.READ, Scope.warehouse())


def test_grants_are_refused_on_what_has_none_and_to_who_is_not_there(access: Access) -> None:
    user(access, "ann")
    with pytest.raises(InvalidInput, match="on its experiment"):
        access.grants.give("user", "ann", Scope.run("r"), Role.EDITOR)
    with pytest.raises(InvalidInput, match="their own"):
        access.grants.give("user", "ann", Scope.warehouse(), Role.EDITOR)
    with pytest.raises(NotFound, match="eve"):
        access.grants.give("user", "eve", Scope.model("m"), Role.EDITOR)
    with pytest.raises(NotFound, match="nobodies"):
        access.grants.add_member("nobodies", "ann")


def test_grants_go_along_with_a_new_name_and_do_not_outlive_a_model(access: Access) -> None:
    ann, eve = user(access, "ann", Role.VIEWER), user(access, "eve", Role.VIEWER)
    access.grants.give("user", "ann", Scope.model("old"), Role.NONE)
    access.grants.give("user", "eve", Scope.model("new"), Role.ADMIN)  # of a model that is gone
    assert access.grants.rename(Scope.model("old"), Scope.model("new")) == 1
    assert not may(access, ann, Action.READ, Scope.model("new"))
    assert may(access, ann, Action.READ, Scope.model("old"))
    assert not may(access, eve, Action.EDIT, Scope.model("new"))
    assert access.grants.rename(Scope.model("new"), Scope.model("new")) == 1
    assert access.grants.drop(Scope.model("new")) == 1
    assert access.grants.drop(Scope.model("new")) == 0
    assert may(access, ann, Action.READ, Scope.model("new"))


def test_several_scopes_of_nothing_are_allowed_to_who_is_known(access: Access) -> None:
    ann = user(access, "ann", Role.NONE)
    assert may(access, ann, Action.READ, Scope.all_of())


roles = st.sampled_from(list(Role))
objects = st.tuples(st.sampled_from(["experiment", "model"]), st.sampled_from(["1", "2", "*"]))
tokens = st.none() | st.builds(
    Token,
    token_id=st.just("t"),
    owner=st.just("ann"),
    name=st.just("n"),
    digest=st.just("d"),
    shown=st.just("s"),
    role=roles,
    experiments=st.none() | st.sampled_from([(), ("1",)]),
    models=st.none() | st.sampled_from([(), ("2",)]),
)


@given(roles, st.dictionaries(objects, roles), tokens)
def test_what_is_known_of_all_objects_bounds_what_holds_on_each(
    warehouse: Role, grants: dict[tuple[str, str], Role], token: Token | None
) -> None:
    rights = Rights(warehouse, grants, token)
    for kind in ("experiment", "model"):
        least, greatest = rights.range_of(kind)
        for one in ("1", "2", "never granted"):
            assert least <= rights.on(kind, one).rank <= greatest
            assert rights.lowest <= rights.on(kind, one).rank <= rights.highest


@given(roles, st.dictionaries(objects, roles), tokens)
def test_a_token_never_gives_more_than_its_owner_has(
    warehouse: Role, grants: dict[tuple[str, str], Role], token: Token | None
) -> None:
    owner, bound = Rights(warehouse, grants), Rights(warehouse, grants, token)
    for kind, one in (("experiment", "1"), ("experiment", "2"), ("model", "1"), ("warehouse", "")):
        assert bound.on(kind, one).rank <= owner.on(kind, one).rank
        if token is not None:
            assert bound.on(kind, one).rank <= token.role.rank


def test_files_follow_their_owner_whatever_it_is(access: Access) -> None:
    ann = user(access, "ann", Role.VIEWER)
    run, version, trace, model = "1" * 32, "2" * 32, "tr-1", f"m-{'3' * 32}"
    run_in(access, run, "7")
    lake = access._lake
    lake.patch("logged_models", [{"model_id": model, "experiment_id": "7"}])
    lake.patch("traces", [{"trace_id": trace, "experiment_id": "7"}])
    old = {"name": "old", "version": 1, "version_id": version, "lifecycle": "renamed"}
    lake.patch("model_versions", [old, {**old, "name": "m", "lifecycle": "active"}])
    for owner in (run, version, trace, model):
        assert may(access, ann, Action.READ, Scope.files(owner))
        assert not may(access, ann, Action.EDIT, Scope.files(owner))
    access.grants.give("user", "ann", Scope.experiment("7"), Role.NONE)
    for owner in (run, trace, model):
        assert not may(access, ann, Action.READ, Scope.files(owner))
    access.grants.give("user", "ann", Scope.model("m"), Role.EDITOR)
    assert may(access, ann, Action.EDIT, Scope.files(version))
    access.grants.give("user", "ann", Scope.model("m"), Role.NONE)
    assert not may(access, ann, Action.READ, Scope.files(version))


def test_a_trace_with_the_id_of_something_else_opens_nothing(access: Access) -> None:
    ann = user(access, "ann", Role.NONE)
    run, version = "1" * 32, "2" * 32
    run_in(access, run, "7")
    access._lake.patch("model_versions", [{"name": "m", "version": 1, "version_id": version}])
    access.grants.give("user", "ann", Scope.experiment("8"), Role.ADMIN)
    rows = [{"trace_id": owner, "experiment_id": "8"} for owner in (run, version)]
    access._lake.patch("traces", rows)
    for owner in (run, version):
        assert may(access, ann, Action.READ, Scope.trace(owner))
        assert not may(access, ann, Action.READ, Scope.files(owner))
