"""Access: whether somebody may do something, decided in one place for every protocol.

An action (read < edit < admin) is on a `Scope`. On an experiment or a model the most specific
grant decides: one on the very object, else one on all of its kind, else the role on the
warehouse. ``none`` is a role like the others and keeps out. A grant of one's own goes before
those of one's groups. Admins of the warehouse are admins everywhere, so that nobody can lock
them out. Whoever creates an experiment or a model becomes its admin, by `Access.own`, which
the handlers that create one call.

What is stored about access is held in memory. A change made through this process holds at once,
and before anybody is refused it is looked again, so what was given elsewhere holds at once, too.
A change made elsewhere (a grant taken away on another replica, a user disabled with the command
line) holds within five seconds; under load within two (see `mere.services.access.book`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mere.entities.actor import Action, Actor, ActorKind, Role, Scope
from mere.errors import ErrorCode, PermissionDenied, Unauthenticated
from mere.services.access.audit import AuditTrail
from mere.services.access.book import LOOK_MS, AccessBook
from mere.services.access.grants import Grants
from mere.services.access.passwords import Passwords
from mere.services.access.sessions import Sessions
from mere.services.access.state import AccessState, Rights
from mere.services.access.tokens import Tokens
from mere.services.access.users import Users

if TYPE_CHECKING:
    from mere.clock import Clock
    from mere.lake import Lake

__all__ = [
    "Access",
    "Action",
    "Actor",
    "ActorKind",
    "Role",
    "Scope",
    "sign_in_required",
]

_HOMES_MAX = 100_000
_HOME_TABLES = {
    "run": ("runs", "experiment_id"),
    "logged_model": ("logged_models", "experiment_id"),
    "trace": ("traces", "experiment_id"),
}
_HOMELESS = frozenset({*_HOME_TABLES, "files"})
"""What has no grants of its own."""
_RUN = re.compile("[0-9a-f]{32}")
_LOGGED_MODEL = re.compile("m-[0-9a-f]{32}")
_MODEL_OF = (
    "select name from model_versions where version_id = $id "
    "order by lifecycle = 'active' desc nulls last, changed_at desc nulls last limit 1"
)
_WORDS = {Action.READ: "read", Action.EDIT: "change", Action.ADMIN: "administer"}


class Access:
    """Decides who may do what on one warehouse; safe for use by several threads.

    Args:
        lake: Where users and grants are stored.
        clock: Tells how old is what is known.

    Attributes:
        users: Who may sign in.
        tokens: What programs sign in with.
        sessions: The sign-ins of browsers.
        grants: Roles on single objects, and groups.
        passwords: Checks passwords.
        trail: The audit trail.
        clock: Time and randomness.
    """

    def __init__(self, lake: Lake, clock: Clock) -> None:
        self._lake = lake
        self.clock = clock
        self._book = AccessBook(lake, clock)
        self._homes: dict[tuple[str, str], str] = {}
        self.trail = AuditTrail(lake, clock)
        self.passwords = Passwords(clock)
        self.users = Users(self._book, self.passwords)
        self.tokens = Tokens(self._book, self.trail)
        self.sessions = Sessions(self._book, self.trail)
        self.grants = Grants(self._book)

    def authorize(self, actor: Actor, action: Action, scope: Scope) -> None:
        """Return if somebody may do something; may take a listing and a look-up.

        Raises:
            Unauthenticated: They have not signed in, or what they signed in with is void.
            PermissionDenied: They may not; names the role that is missing, and on what.
        """
        if actor.kind is ActorKind.LOCAL:
            return
        state = self._book.state()
        try:
            self._decide(state, actor, action, scope)
        except (PermissionDenied, Unauthenticated):
            # What was given on another replica a moment ago must not be refused here.
            newest = state if not actor.is_known else self._book.newest(age_ms_max=LOOK_MS)
            if newest is state:
                raise
            self._decide(newest, actor, action, scope)

    def allows_quickly(self, actor: Actor, action: Action, scope: Scope) -> bool | None:
        """Whether somebody may do something, without any input or output.

        Returns:
            None where that is not known without looking: call `authorize` in a thread then. Also
            from time to time, so that one caller looks for what has changed.
        """
        if actor.kind is ActorKind.LOCAL:
            return True
        if actor.kind is ActorKind.NOBODY:
            return False
        state = self._book.state_quickly()
        if state is None:
            return None
        try:
            rights = self._rights(state, actor)
        except Unauthenticated:
            return False
        answers = [
            self._quickly_known(rights, action, one)
            for one in (scope.parts if scope.kind == "all_of" else (scope,))
        ]
        if False in answers:
            return False
        return None if None in answers else True

    def role_on(self, actor: Actor, scope: Scope) -> Role:
        """The role that somebody has on an object; raises as `authorize` does."""
        if actor.kind is ActorKind.LOCAL:
            return Role.ADMIN
        rights = self._rights(self._book.state(), actor)
        return self._role(rights, scope)

    def readable_experiments(self, actor: Actor) -> frozenset[str] | None:
        """The ids of the experiments that somebody may read; None where it is all.

        Raises:
            Unauthenticated: As for `authorize`.
        """
        return self._readable(actor, "experiment", "experiments", "experiment_id")

    def readable_models(self, actor: Actor) -> frozenset[str] | None:
        """The names of the registered models that somebody may read; None where it is all.

        Raises:
            Unauthenticated: As for `authorize`.
        """
        return self._readable(actor, "model", "registered_models", "name")

    def own(self, actor: Actor, scope: Scope) -> None:
        """Make somebody the admin of the experiment or model that they have just created.

        Writes nothing where they are admins anyway, or sign-in is off.
        """
        if actor.kind not in (ActorKind.USER, ActorKind.TOKEN):
            return
        user = self._book.state().user(actor.name)
        if user is None or user.is_admin or scope.kind not in ("experiment", "model"):
            return
        self.grants.give("user", actor.name, scope, Role.ADMIN, by=actor.name)

    def audit(
        self,
        actor: Actor,
        operation: str,
        target: str,
        outcome: str,
        address: str,
        request_id: str = "",
    ) -> None:
        """Note who did what to what; returns at once and never raises."""
        self.trail.note(actor, operation, target, outcome, address, request_id)

    def learn_home(self, scope: Scope, experiment_id: str) -> None:
        """Note in which experiment a run, trace or logged model is, so that none looks it up."""
        if len(self._homes) >= _HOMES_MAX:
            self._homes.clear()
        self._homes[scope.kind, scope.id] = experiment_id

    def refreshed(self) -> Access:
        """The same, having looked what others have changed: for whoever lists or shows it."""
        self._book.newest()
        return self

    def close(self) -> None:
        """Hand over what waits to be noted; the lake writes it when it closes."""
        self.trail.hand_over()

    def _decide(self, state: AccessState, actor: Actor, action: Action, scope: Scope) -> None:
        rights = self._rights(state, actor)
        for one in scope.parts if scope.kind == "all_of" else (scope,):
            if _quickly(rights, action, one) is not True:
                self._require(rights, actor, action, one)

    def _rights(self, state: AccessState, actor: Actor) -> Rights:
        """What somebody may do.

        Raises:
            Unauthenticated: They have not signed in, or what they signed in with is void.
        """
        if actor.kind is ActorKind.NOBODY:
            raise sign_in_required()
        user = state.user(actor.name)
        if user is None:
            raise _gone(actor)
        rights = state.rights(user)
        if actor.kind is not ActorKind.TOKEN:
            return rights
        token = state.tokens_by_id.get(actor.token_id or "")
        if token is None or not token.is_valid(self._book.now(), user.generation):
            raise _gone(actor)
        return rights.within(token)

    def _quickly_known(self, rights: Rights, action: Action, scope: Scope) -> bool | None:
        quick = _quickly(rights, action, scope)
        if quick is None:
            home = self._known_home(scope)
            return None if home is None else rights.on("experiment", home).allows(action)
        return quick

    def _require(self, rights: Rights, actor: Actor, action: Action, scope: Scope) -> None:
        if scope.kind == "everything":
            if rights.lowest < action:
                raise _denied(actor, action, scope, "some grant of yours is below that")
            return
        if scope.kind == "anything":
            raise _denied(actor, action, scope, "you have it on nothing")
        role = self._role(rights, scope)
        if not role.allows(action):
            yours = "you have none" if role is Role.NONE else f"yours is {role}"
            raise _denied(actor, action, scope, yours)

    def _role(self, rights: Rights, scope: Scope) -> Role:
        if scope.kind not in _HOMELESS:
            return rights.on(scope.kind, scope.id)
        model = self._model_of(scope.id) if scope.kind == "files" else None
        if model is not None:
            return rights.on("model", model)
        home = self._home(scope)
        # What is not there belongs to nothing; whoever may not read at all is not told so.
        return rights.on("warehouse") if home is None else rights.on("experiment", home)

    def _home(self, scope: Scope) -> str | None:
        """The experiment in which a run, trace or logged model is, or the owner of files."""
        known = self._known_home(scope)
        if known is not None:
            return known
        if scope.kind == "files":
            homes = (self._home(Scope(kind, scope.id)) for kind in _owners(scope.id))
            return next((home for home in homes if home is not None), None)
        table, column = _HOME_TABLES[scope.kind]
        row = self._lake.get(table, scope.id)
        home = None if row is None else row.get(column)
        if home is not None:
            self.learn_home(scope, home)
        return home

    def _known_home(self, scope: Scope) -> str | None:
        """The experiment in which something is, if that is remembered."""
        kind = _owners(scope.id)[0] if scope.kind == "files" else scope.kind
        return self._homes.get((kind, scope.id))

    def _model_of(self, version_id: str) -> str | None:
        """The registered model of a version; it may get another name, so none is remembered."""
        if not _RUN.fullmatch(version_id) or ("run", version_id) in self._homes:
            return None
        names = self._lake.sql(_MODEL_OF, params={"id": version_id})["name"].to_pylist()
        return names[0] if names else None

    def _readable(self, actor: Actor, kind: str, table: str, key: str) -> frozenset[str] | None:
        if actor.kind is ActorKind.LOCAL:
            return None
        rights = self._rights(self._book.state(), actor)
        least, greatest = rights.range_of(kind)
        if least >= Action.READ:
            return None
        if greatest < Action.READ:
            return frozenset()
        ids = self._lake.scan(table, columns=[key])[key].to_pylist()
        return frozenset(one for one in ids if rights.on(kind, one).allows(Action.READ))


def _quickly(rights: Rights, action: Action, scope: Scope) -> bool | None:
    """Whether somebody may, as far as it does not matter in which experiment something is."""
    if scope.kind == "anything":
        return rights.highest >= action
    if scope.kind not in _HOMELESS:
        return rights.allows(action, scope)
    kinds = ("experiment", "model") if scope.kind == "files" else ("experiment",)
    ranges = [rights.range_of(kind) for kind in kinds]
    rank = rights.on("warehouse").rank
    if min(rank, *(least for least, _ in ranges)) >= action:
        return True
    if max(rank, *(greatest for _, greatest in ranges)) < action:
        return False
    return None


def _owners(owner: str) -> tuple[str, ...]:
    """What may own files under an id; ids of traces are chosen by clients, so they come last."""
    if _RUN.fullmatch(owner):
        return ("run", "trace")
    return ("logged_model", "trace") if _LOGGED_MODEL.fullmatch(owner) else ("trace",)


def sign_in_required() -> Unauthenticated:
    """The error of somebody who has not signed in."""
    return Unauthenticated(
        ErrorCode.SIGN_IN_REQUIRED,
        "sign in first: send a user's name and password, or a token (`mere tokens create`)",
    )


def _gone(actor: Actor) -> Unauthenticated:
    return Unauthenticated(
        ErrorCode.SIGN_IN_REQUIRED,
        f"what {actor.name!r} signed in with is no longer valid: sign in again",
        name=actor.name,
    )


def _denied(actor: Actor, action: Action, scope: Scope, yours: str) -> PermissionDenied:
    needed = Role.needed_for(action)
    return PermissionDenied(
        ErrorCode.ACCESS_DENIED,
        f"{actor.name} may not {_WORDS[action]} {scope}: that takes the role {needed} on it, and "
        f"{yours}: ask an admin for a grant",
        actor=actor.name,
        action=action.name.lower(),
        scope=str(scope),
        needed=str(needed),
    )
