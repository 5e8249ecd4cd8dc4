"""Who asks, what for and on what: the values that every decision about access is made of."""

from __future__ import annotations

from enum import IntEnum, StrEnum

import msgspec

from mere.errors import ErrorCode, InvalidInput

__all__ = ["Action", "Actor", "ActorKind", "Role", "Scope"]

ANY = "*"
"""In place of an id: every object of a kind."""


class Action(IntEnum):
    """What somebody means to do; each includes those below it."""

    READ = 1
    EDIT = 2
    ADMIN = 3


class Role(StrEnum):
    """What somebody may do on the warehouse or on one object; ``none`` is a role, too."""

    NONE = "none"
    VIEWER = "viewer"
    EDITOR = "editor"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        """The greatest action it allows, as a number; 0 for none."""
        return _RANKS[self]

    def allows(self, action: Action) -> bool:
        """Whether the role is enough for an action."""
        return self.rank >= action

    @classmethod
    def needed_for(cls, action: Action) -> Role:
        """The least role that allows an action."""
        return _BY_RANK[action]

    @classmethod
    def of(cls, value: object) -> Role:
        """Return the role of that name.

        Raises:
            InvalidInput: There is no such role.
        """
        try:
            return cls(str(value).lower())
        except ValueError as error:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"role {value!r} is unknown: use one of {', '.join(cls)}",
                value=str(value),
            ) from error


_BY_RANK = (Role.NONE, Role.VIEWER, Role.EDITOR, Role.ADMIN)
_RANKS = {role: rank for rank, role in enumerate(_BY_RANK)}


class Scope(msgspec.Struct, frozen=True):
    """What an action is on: the warehouse, one object in it, or several at once.

    Use the constructors. Runs, traces and logged models have no grants of their own: what holds
    on their experiment holds on them. On files holds what holds on their owner.

    Args:
        kind: The kind of object.
        id: Which one; empty for the warehouse.
        parts: The scopes of ``all_of``, on each of which the action must be allowed.
    """

    kind: str
    id: str = ""
    parts: tuple[Scope, ...] = ()

    @classmethod
    def warehouse(cls) -> Scope:
        """The warehouse: what belongs to no experiment and no model, and creating those."""
        return _WAREHOUSE

    @classmethod
    def everything(cls) -> Scope:
        """All that is stored, as SQL over all tables sees it: no grant may be below the action."""
        return _EVERYTHING

    @classmethod
    def anything(cls) -> Scope:
        """At least something: asked before it is known what, to refuse early who cannot at all."""
        return _ANYTHING

    @classmethod
    def experiment(cls, experiment_id: str) -> Scope:
        """An experiment with its runs, traces and logged models."""
        return cls("experiment", experiment_id)

    @classmethod
    def run(cls, run_id: str) -> Scope:
        """The experiment of a run."""
        return cls("run", run_id)

    @classmethod
    def trace(cls, trace_id: str) -> Scope:
        """The experiment of a trace."""
        return cls("trace", trace_id)

    @classmethod
    def logged_model(cls, model_id: str) -> Scope:
        """The experiment of a logged model."""
        return cls("logged_model", model_id)

    @classmethod
    def model(cls, name: str) -> Scope:
        """A registered model, or a prompt, with its versions and aliases."""
        return cls("model", name)

    @classmethod
    def files(cls, owner: str) -> Scope:
        """The experiment, or the registered model, of the run, model or trace that owns files.

        For whatever names an owner by its id alone: what is said of its kind opens nothing.
        """
        return cls("files", owner)

    @classmethod
    def all_of(cls, *scopes: Scope) -> Scope:
        """Several objects, on each of which the action must be allowed."""
        return scopes[0] if len(scopes) == 1 else cls("all_of", "", tuple(scopes))

    def __str__(self) -> str:
        if self.kind == "all_of":
            return ", ".join(str(part) for part in self.parts) or "nothing"
        words = self.kind.replace("_", " ")
        if self.kind == "warehouse":
            return "the warehouse"
        if self.kind == "anything":
            return "anything in the warehouse"
        if self.kind == "everything":
            return "everything in the warehouse"
        if self.kind == "files":
            return f"files of {self.id!r}"
        return f"every {words}" if self.id == ANY else f"{words} {self.id!r}"


_WAREHOUSE = Scope("warehouse")
_EVERYTHING = Scope("everything")
_ANYTHING = Scope("anything")


class ActorKind(StrEnum):
    """How somebody came to be known."""

    USER = "user"
    TOKEN = "token"  # noqa: S105 - no secret
    NOBODY = "nobody"
    LOCAL = "local"


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks.

    Args:
        name: The user's name; a token acts as its owner.
        kind: How they are known: by a sign-in, by a token, not at all, or because sign-in is off.
        display_name: What people call them.
        role: Their role on the warehouse when they were identified, for display. Decisions go by
            what is stored when they are made.
        token_id: The token that was shown.
        session_id: The session that was shown, in the form in which it is stored.
    """

    name: str
    kind: ActorKind
    display_name: str = ""
    role: Role = Role.NONE
    token_id: str | None = None
    session_id: str | None = None

    @classmethod
    def nobody(cls) -> Actor:
        """Somebody who has not signed in."""
        return _NOBODY

    @classmethod
    def local(cls) -> Actor:
        """Whoever works on this machine, where sign-in is off."""
        return _LOCAL

    @property
    def is_known(self) -> bool:
        """Whether it is anybody at all."""
        return self.kind is not ActorKind.NOBODY


_NOBODY = Actor(name="nobody", kind=ActorKind.NOBODY)
_LOCAL = Actor(name="local", kind=ActorKind.LOCAL, display_name="this machine", role=Role.ADMIN)
