"""Registered models: names under which versions are counted.

A name belongs to one model at a time. What changes which names, versions and aliases there are
happens one turn after another for each name (`mere.services.registry.turns`); tags and descriptions
are simply written, the newest counts. Nothing is removed: a deleted model keeps its rows, so that
its numbers are not given again when the name comes back.

To rename a model takes two turns: the new name is reserved, then one batch moves all versions and
aliases. A crash in between leaves the reservation, and to rename again finishes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

from mere.clock import run_id as new_id
from mere.entities.model import (
    PROMPT_TAG,
    ModelLifecycle,
    ModelVersion,
    RegisteredModel,
    Stage,
    check_description,
    check_model_name,
    check_model_tag,
    is_prompt,
)
from mere.errors import AlreadyExists, Conflict, ErrorCode, InvalidInput, NotFound
from mere.services.registry.aliases import ModelAliases
from mere.services.registry.gates import Gates
from mere.services.registry.moves import drop_grants, moved_patches
from mere.services.registry.reviews import Reviews
from mere.services.registry.rows import (
    ModelRows,
    active_model,
    alias_move,
    aliases_of,
    changes_of,
    check_unchanged,
    is_active,
    model_entity,
    model_row,
    uid_of,
    version_entity,
    version_rows,
)
from mere.services.registry.search import ModelPage, ModelQuery, find_models
from mere.services.registry.turns import Patches, Turn, take_turn
from mere.services.registry.versions import ModelVersions

if TYPE_CHECKING:
    from mere.clock import Clock
    from mere.lake import Lake
    from mere.services.artifacts.artifacts import Artifacts
    from mere.services.webhooks.events import WebhookEvents

__all__ = ["ModelRows", "Models"]

KIND = "registered_model"
_PROMPT_TYPE = "_mlflow_prompt_type"
_LIVE = (
    "select d.environment, d.application, v.version from deployments d "
    "join model_versions v on v.version_id = d.version_id "
    "where d.status = 'live' and v.name = $name and ($version is null or v.version = $version) "
    "and v.lifecycle = 'active' order by all limit 3"
)
_LATEST = (
    "select * from (select *, row_number() over (partition by name, coalesce(stage, 'None') "
    "order by version desc) as place from model_versions where name = any($names) "
    "and coalesce(lifecycle, 'active') = 'active') where place = 1 order by name, version"
)


class Models:
    """The model registry of one warehouse.

    Args:
        lake: Where it is stored.
        clock: For new ids and times.
        artifacts: The files of versions.
        events: Told of what happens.
    """

    def __init__(
        self, lake: Lake, clock: Clock, artifacts: Artifacts, events: WebhookEvents
    ) -> None:
        self._lake = lake
        self._clock = clock
        self._events = events
        self.gates = Gates(lake, clock)
        self.reviews = Reviews(lake, clock, events)
        self.versions = ModelVersions(lake, clock, artifacts, events)
        self.aliases = ModelAliases(lake, clock, self.gates, events)

    def create(
        self,
        name: str,
        *,
        description: str | None = None,
        tags: Mapping[str, Any] | None = None,
        created_by: str | None = None,
    ) -> RegisteredModel:
        """Register a name.

        Raises:
            AlreadyExists: It is taken, by a model or a prompt.
            InvalidInput: The name, the description or a tag cannot be one.
        """
        check_model_name(name)
        check_description(description)
        wanted = dict(check_model_tag(key, value) for key, value in (tags or {}).items())

        def decide(number: int) -> Turn[None]:
            row = model_row(self._lake, name)
            if row is not None:
                _require_free(row, name, wanted)
            now = self._clock.now_us()
            stale = dict.fromkeys((row or {}).get("tags") or ())
            made = {
                "name": name,
                "description": description,
                "tags": {**stale, **wanted},
                "lifecycle": ModelLifecycle.ACTIVE,
                "registered_at": now,
                "changed_at": now,
                "model_uid": new_id(self._clock),
                "created_by": created_by,
                "renamed_to": None,
            }
            return self._turn(number, made)

        self._change(name, decide)
        self._events.happened()
        return self.get(name)

    def get(self, name: str) -> RegisteredModel:
        """Return a registered model in use, with its aliases.

        Raises:
            NotFound: There is none.
        """
        row = active_model(self._lake, name)
        return model_entity(row, aliases_of(self._lake, [name])[name])

    def get_or_create(self, name: str, *, created_by: str | None = None) -> RegisteredModel:
        """Return the registered model of that name, registered now if there was none."""
        try:
            return self.get(name)
        except NotFound:
            pass
        try:
            return self.create(name, created_by=created_by)
        except AlreadyExists:
            return self.get(name)

    def describe(
        self, name: str, description: str | None, *, expected: str | None = None
    ) -> RegisteredModel:
        """Set the description.

        Args:
            name: The model.
            description: What it is, as Markdown.
            expected: What is to be replaced; where it is something else, nothing is written.

        Raises:
            NotFound: There is no such model.
            Conflict: Somebody else wrote a description meanwhile.
        """
        check_description(description)
        check_unchanged(active_model(self._lake, name), expected)
        now = self._clock.now_us()
        change = {"name": name, "description": description, "changed_at": now}
        self._lake.patch("registered_models", [change])
        return self.get(name)

    def set_tags(self, name: str, tags: Mapping[str, Any]) -> None:
        """Set tags; a value of None removes the tag.

        Raises:
            NotFound: There is no such model.
            InvalidInput: A key or value breaks a limit.
        """
        wanted = dict(check_model_tag(key, value) for key, value in tags.items())
        row = active_model(self._lake, name)
        if not wanted:
            return
        patches: Patches = {"registered_models": [{"name": name, "tags": wanted}]}
        if is_prompt(row.get("tags") or {}):
            for key, value in wanted.items():
                data = {"name": name, "key": key}
                if value is None:
                    self._events.add(patches, "prompt_tag.deleted", data)
                else:
                    self._events.add(patches, "prompt_tag.set", {**data, "value": value})
        with self._lake.batch() as batch:
            for table, rows in patches.items():
                batch.patch(table, rows)
        self._events.happened()

    def rename(self, name: str, new_name: str) -> RegisteredModel:
        """Give a model another name; its versions, aliases and gates go with it.

        Versions keep their numbers. The old name is free then, but counts on from its numbers.

        Raises:
            NotFound: There is no such model.
            AlreadyExists: The new name is taken, or had other versions under these numbers.
            Conflict: Somebody renamed or deleted the model meanwhile.
        """
        check_model_name(new_name)
        row = active_model(self._lake, name)
        if new_name == name:
            return self.get(name)
        uid = uid_of(row)

        def reserve(number: int) -> Turn[None]:
            taken = model_row(self._lake, new_name)
            if taken is not None and taken.get("model_uid") != uid:
                _require_free(taken, new_name, row.get("tags") or {})
            self._require_numbers(name, new_name)
            if taken is not None and taken["lifecycle"] == ModelLifecycle.RENAMING:
                return Turn(None)
            made = {"name": new_name, "lifecycle": ModelLifecycle.RENAMING, "model_uid": uid}
            return self._turn(number, made)

        def move(number: int) -> Turn[None]:
            source, target = active_model(self._lake, name), model_row(self._lake, new_name)
            if target is None or target.get("model_uid") != uid:
                raise Conflict(
                    ErrorCode.BUSY, f"{new_name!r} was taken meanwhile: rename {name!r} again"
                )
            source = {**source, "changes": number - 1}
            return Turn(None, moved_patches(self._lake, source, target, self._clock))

        self._change(new_name, reserve)
        self._change(name, move)
        drop_grants(self._lake, name)
        return self.get(new_name)

    def delete(self, name: str) -> None:
        """Delete a model with its versions and aliases; their numbers are not given again.

        Raises:
            NotFound: There is no such model.
            InvalidInput: A version of it is live in a deployment.
        """

        def decide(number: int) -> Turn[None]:
            row = model_row(self._lake, name)
            if row is None or row["lifecycle"] != ModelLifecycle.RENAMING:
                row = active_model(self._lake, name)
            _require_not_live(self._lake, name, None)
            now = self._clock.now_us()
            turn = self._turn(number, {"name": name, "lifecycle": "deleted", "changed_at": now})
            gone = {"lifecycle": ModelLifecycle.DELETED, "changed_at": now}
            turn.patches["model_versions"] = [
                {"name": name, "version": one["version"], **gone}
                for one in version_rows(self._lake, name, ["version", "lifecycle"])
                if is_active(one)
            ]
            aliases = aliases_of(self._lake, [name])[name]
            turn.patches["model_aliases"] = [
                {"name": name, "alias": alias, "version": None} for alias in aliases
            ]
            turn.patches["model_alias_moves"] = [
                alias_move(self._clock, row, alias, to=None, was=at)
                for alias, at in aliases.items()
            ]
            turn.patches["model_gates"] = [
                {"name": name, "gate": one.gate, "condition": None} for one in self.gates.list(name)
            ]
            return turn

        self._change(name, decide)
        drop_grants(self._lake, name)

    def latest(
        self, names: Sequence[str], stages: Sequence[str] = ()
    ) -> dict[str, list[ModelVersion]]:
        """The newest version of each stage, by name.

        Args:
            names: The registered models.
            stages: Only these stages; by default, all that there are.

        Raises:
            InvalidInput: There is no such stage.
        """
        wanted = {Stage.of(stage) for stage in stages} or set(Stage)
        found: dict[str, list[ModelVersion]] = {name: [] for name in names}
        if found:
            rows = self._lake.sql(_LATEST, params={"names": list(found)})
            aliases = aliases_of(self._lake, found)
            for row in rows.to_pylist(maps_as_pydicts="lossy"):
                version = version_entity(row, aliases[row["name"]])
                if version.stage in wanted:
                    found[row["name"]].append(version)
        return found

    def search(
        self,
        *,
        limit: int | None = None,
        page_token: str | None = None,
        **query: Unpack[ModelQuery],
    ) -> ModelPage[RegisteredModel]:
        """Registered models in use, sorted as asked for; by default, by the name.

        Args:
            limit: At most so many, and a token for the next.
            page_token: The token that came with the page before.
            **query: See `ModelQuery`.

        Raises:
            InvalidInput: The filter, order, limit or token is wrong.
        """
        return find_models(self._lake, self._clock.now_us(), query, limit, page_token)

    def _change(self, name: str, decide: Callable[[int], Turn[None]]) -> None:
        count = partial(changes_of, self._lake, name)
        take_turn(self._lake, self._clock, KIND, name, count, decide)

    def _turn(self, number: int, made: dict[str, Any]) -> Turn[None]:
        patches: Patches = {"registered_models": [{**made, "changes": number}]}
        if made.get("lifecycle") == ModelLifecycle.ACTIVE:
            tags = {key: value for key, value in made["tags"].items() if value is not None}
            kind = "registered_model"
            if is_prompt(tags):
                kind = "prompt"
                tags = {k: v for k, v in tags.items() if k not in (PROMPT_TAG, _PROMPT_TYPE)}
            data = {"name": made["name"], "tags": tags, "description": made["description"]}
            self._events.add(patches, f"{kind}.created", data)
        return Turn(None, patches)

    def _require_numbers(self, name: str, new_name: str) -> None:
        """Refuse a new name where the numbers of the versions mean others already."""
        columns = ["version", "version_id"]
        there = {r["version"]: r for r in version_rows(self._lake, new_name, columns)}
        for row in version_rows(self._lake, name, columns):
            other = there.get(row["version"])
            if other is not None and (other["version_id"] or "") != row["version_id"]:
                raise AlreadyExists(
                    ErrorCode.NAME_TAKEN,
                    f"{new_name!r} was a model before, with another version {row['version']}: "
                    "choose another name, so that this one keeps its meaning",
                    name=new_name,
                )


def _require_not_live(lake: Lake, name: str, version: int | None) -> None:
    """Refuse to delete what is live in a deployment.

    Raises:
        InvalidInput: It is.
    """
    rows = lake.sql(_LIVE, params={"name": name, "version": version}).to_pylist()
    if rows:
        where = ", ".join(f"{r['application']} in {r['environment']}" for r in rows)
        raise InvalidInput(
            ErrorCode.IN_USE,
            f"version {rows[0]['version']} of {name!r} is live ({where}): retire it first",
            name=name,
        )


def _require_free(row: Mapping[str, Any], name: str, tags: Mapping[str, Any]) -> None:
    if not is_active(row) and row["lifecycle"] != ModelLifecycle.RENAMING:
        return
    here = "prompt" if is_prompt(row.get("tags") or {}) else "registered model"
    wanted = "prompt" if is_prompt(tags) else "registered model"
    if row["lifecycle"] == ModelLifecycle.RENAMING:
        reason = "another model is on its way to this name"
    elif here != wanted:
        reason = f"the name is already taken by a {here}, so no {wanted} can have it"
    else:
        reason = "choose another name"
    raise AlreadyExists(
        ErrorCode.NAME_TAKEN, f"{here} {name!r} already exists: {reason}", name=name
    )
