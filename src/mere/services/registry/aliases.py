"""Aliases: names for versions, which may move; gates say when.

An alias moves in a turn of its model. Its gates are asked in that turn, of the state that the turn
before left; if somebody else moves it meanwhile, they are asked again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from mere.entities.model import (
    ModelVersion,
    VersionStatus,
    check_alias,
    check_model_name,
    check_version,
    is_prompt,
)
from mere.errors import Conflict, ErrorCode, NotFound
from mere.services.registry.rows import (
    active_model,
    active_version,
    alias_move,
    aliases_of,
    changes_of,
    is_active,
    version_entity,
    version_rows,
)
from mere.services.registry.turns import Patches, Turn, take_turn

if TYPE_CHECKING:
    from mere.clock import Clock
    from mere.lake import Lake
    from mere.services.registry.gates import Gates
    from mere.services.webhooks.events import WebhookEvents

__all__ = ["ModelAliases"]

_T = TypeVar("_T")
_KIND = "registered_model"


class ModelAliases:
    """The aliases of all registered models of one warehouse.

    Args:
        lake: Where they are stored.
        clock: Says when one was moved.
        gates: Say whether it may.
        events: Told of what happens.
    """

    def __init__(self, lake: Lake, clock: Clock, gates: Gates, events: WebhookEvents) -> None:
        self._lake = lake
        self._clock = clock
        self._gates = gates
        self._events = events

    def set(self, name: str, alias: str, version: object, *, moved_by: str | None = None) -> None:
        """Point an alias at a version, if its gates let it.

        Raises:
            NotFound: There is no such version.
            InvalidInput: The alias cannot be one.
            PermissionDenied: A gate does not hold for the version.
            Conflict: The version is not ready.
        """
        check_model_name(name)
        check_alias(alias)
        number = check_version(version)

        def decide(change: int) -> Turn[None]:
            row = active_version(self._lake, name, number)
            if row["status"] not in (None, VersionStatus.READY):
                raise Conflict(
                    ErrorCode.BUSY,
                    f"version {number} of {name!r} is not ready ({row['status']}): wait for it",
                    status=row["status"],
                )
            current = aliases_of(self._lake, [name])[name].get(alias)
            self._gates.require(row, alias, current)
            move = {"alias": alias, "version": number, "moved_by": moved_by}
            turn = self._turn(name, change, move, current)
            kind = "prompt_alias" if is_prompt(row.get("tags") or {}) else "model_version_alias"
            data = {"name": name, "alias": alias, "version": str(number)}
            self._events.add(turn.patches, f"{kind}.created", data)
            return turn

        self._change(name, decide)
        self._events.happened()

    def remove(self, name: str, alias: str, *, moved_by: str | None = None) -> bool:
        """Take an alias away; whether it was there.

        Raises:
            NotFound: There is no such model.
        """

        def decide(change: int) -> Turn[bool]:
            model = active_model(self._lake, name)
            current = aliases_of(self._lake, [name])[name].get(alias)
            if current is None:
                return Turn(result=False)
            gone = {"alias": alias, "version": None, "moved_by": moved_by}
            turn = self._turn(name, change, gone, current)
            kind = "prompt_alias" if is_prompt(model.get("tags") or {}) else "model_version_alias"
            self._events.add(turn.patches, f"{kind}.deleted", {"name": name, "alias": alias})
            return Turn(True, turn.patches)

        was_there = self._change(name, decide)
        self._events.happened()
        return was_there

    def get(self, name: str, alias: str) -> ModelVersion:
        """The version that an alias points at; ``latest`` is the newest version in use.

        Raises:
            NotFound: There is no such model, or no such alias.
        """
        active_model(self._lake, name)
        aliases = aliases_of(self._lake, [name])[name]
        if alias.lower() == "latest":
            columns = ["version", "lifecycle"]
            there = [r for r in version_rows(self._lake, name, columns) if is_active(r)]
            version = max((row["version"] for row in there), default=None)
        else:
            version = aliases.get(alias)
        if version is None:
            shown = ", ".join(aliases) or "none"
            raise NotFound(
                ErrorCode.ALIAS_NOT_FOUND,
                f"registered model alias {alias} not found: {name!r} has {shown}",
                name=name,
                alias=alias,
            )
        return version_entity(active_version(self._lake, name, version), aliases)

    def _change(self, name: str, decide: Callable[[int], Turn[_T]]) -> _T:
        count = partial(changes_of, self._lake, name)
        return take_turn(self._lake, self._clock, _KIND, name, count, decide)

    def _turn(
        self, name: str, change: int, move: dict[str, Any], current: int | None
    ) -> Turn[None]:
        mine = {"name": name, "changes": change}
        patches: Patches = {"registered_models": [mine]}
        alias, to = move["alias"], move["version"]
        patches["model_aliases"] = [{"name": name, **move, "moved_at": self._clock.now_us()}]
        if to != current:
            model = active_model(self._lake, name)
            moved = alias_move(self._clock, model, alias, to=to, was=current, by=move["moved_by"])
            patches["model_alias_moves"] = [moved]
        return Turn(None, patches)
