"""Versions of registered models: numbered 1, 2, 3 … in each name, whoever comes first.

A number is given in a turn of the model's name, so two processes get two numbers, and the number
of a deleted version or of a deleted model of that name is not given again. The version is pending
then. Its files become its own next, with their digests, in the batch that makes it ready; from
then on nothing of them changes. A crash in between leaves a pending version, which `finish` makes
ready.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from mere.clock import run_id as new_id
from mere.entities.model import (
    PROMPT_TAG,
    ModelLifecycle,
    ModelVersion,
    Stage,
    VersionStatus,
    check_description,
    check_model_tag,
    check_version,
    is_prompt,
)
from mere.errors import ErrorCode, InvalidInput, MereError
from mere.services.registry.files import describe_files, digest_of, rows_for
from mere.services.registry.rows import (
    active_model,
    active_version,
    alias_move,
    aliases_of,
    changes_of,
    check_unchanged,
    is_active,
    plain_row,
    version_entity,
    version_rows,
)
from mere.services.registry.search import ModelPage, ModelQuery, find_versions
from mere.services.registry.source import Source, resolve_source
from mere.services.registry.turns import Patches, Turn, take_turn

if TYPE_CHECKING:
    from mere.clock import Clock
    from mere.entities.artifact import Artifact
    from mere.lake import Lake
    from mere.lake.blobs import OnBytes
    from mere.services.artifacts.artifacts import Artifacts
    from mere.services.webhooks.events import WebhookEvents

__all__ = ["ModelVersions"]

_T = TypeVar("_T")
_KIND = "registered_model"
_PROMPT_TEXT = "mlflow.prompt.text"
_PROMPT_TYPE = "_mlflow_prompt_type"
_LIVE = (
    "select environment, application from deployments where status = 'live' "
    "and version_id = $version_id limit 3"
)


class ModelVersions:
    """The versions of all registered models of one warehouse.

    Args:
        lake: Where they are stored.
        clock: For new ids and times.
        artifacts: Their files.
        events: Told of what happens.
    """

    def __init__(
        self, lake: Lake, clock: Clock, artifacts: Artifacts, events: WebhookEvents
    ) -> None:
        self._lake = lake
        self._clock = clock
        self._artifacts = artifacts
        self._events = events

    def create(
        self,
        name: str,
        source: str,
        *,
        run_id: str | None = None,
        model_id: str | None = None,
        run_link: str | None = None,
        description: str | None = None,
        tags: Mapping[str, Any] | None = None,
        created_by: str | None = None,
    ) -> ModelVersion:
        """Make a version of files that are stored already.

        Args:
            name: The registered model.
            source: Where they are: ``runs:/<run>/<path>``, ``models:/<logged model>``,
                ``models:/<name>/<version>``, or any other absolute address.
            run_id: The run that made it; it must contain the source.
            model_id: The logged model it is made of.
            run_link: An address to look at the run elsewhere.
            description: What it is, as Markdown.
            tags: What else is worth remembering.
            created_by: The account that makes it.

        Raises:
            NotFound: There is no such model, or the source names nothing.
            InvalidInput: The source, the description or a tag cannot be one.
        """
        wanted = _checked_tags(tags)
        check_description(description)
        active_model(self._lake, name)
        found = resolve_source(
            self._lake, source, run_id or None, model_id or None, is_prompt=is_prompt(wanted)
        )
        columns = {
            "source": found.text,
            "location": found.location,
            "run_id": found.run_id,
            "model_id": found.model_id,
            "run_link": run_link or None,
            "description": description,
            "tags": wanted,
            "created_by": created_by,
        }
        return self._ready(self._claim(name, columns), found)

    def register(
        self,
        name: str,
        path: Path,
        *,
        run_id: str | None = None,
        description: str | None = None,
        tags: Mapping[str, Any] | None = None,
        created_by: str | None = None,
        on_bytes: OnBytes | None = None,
    ) -> ModelVersion:
        """Make a version of a local file or folder, which is stored now.

        Args:
            name: The registered model.
            path: The file or folder.
            run_id: The run that made it.
            description: What it is, as Markdown.
            tags: What else is worth remembering.
            created_by: The account that makes it.
            on_bytes: Told of progress, from any thread.

        Raises:
            NotFound: There is no such model.
            InvalidInput: There is nothing at the path, or a file cannot be read.
            Unavailable: The store did not answer; the version is marked as failed.
        """
        wanted = _checked_tags(tags)
        check_description(description)
        active_model(self._lake, name)
        if not path.exists():
            raise InvalidInput(ErrorCode.INVALID_VALUE, f"there is nothing at {path}")
        columns = {"run_id": run_id, "description": description, "tags": wanted}
        row = self._claim(name, {**columns, "created_by": created_by})
        owner = row["version_id"]
        try:
            if path.is_dir():
                self._artifacts.put_folder(owner, "", path, on_bytes=on_bytes)
            else:
                self._artifacts.put(owner, path.name, path, on_bytes=on_bytes)
        except MereError as error:
            failed = {"status": VersionStatus.FAILED, "status_message": error.message}
            self._lake.patch("model_versions", [{**_key(row), **failed}])
            raise
        location = f"artifacts/{owner}"
        return self._ready(row, Source(location, run_id, None, location, owner))

    def finish(self, name: str, version: object) -> ModelVersion:
        """Make a version ready that a crash left pending; one that is ready stays as it is.

        Raises:
            NotFound: There is no such version.
            InvalidInput: It was never stored whole, so that there is nothing to finish.
        """
        row = active_version(self._lake, name, version)
        if row["status"] != VersionStatus.PENDING:
            return self.get(name, version)
        if row["source"] is None:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"version {row['version']} of {name!r} was being stored when its maker ended: "
                "delete it and register the files again",
            )
        has_marker = is_prompt(row.get("tags") or {})
        found = resolve_source(
            self._lake, row["source"], row["run_id"], row["model_id"], is_prompt=has_marker
        )
        return self._ready(plain_row(row), found)

    def get(self, name: str, version: object) -> ModelVersion:
        """Return a version in use, with the aliases that point at it.

        Raises:
            NotFound: There is none.
        """
        row = active_version(self._lake, name, version)
        return version_entity(row, aliases_of(self._lake, [name])[name])

    def describe(
        self, name: str, version: object, description: str | None, *, expected: str | None = None
    ) -> ModelVersion:
        """Set the description.

        Args:
            name: The registered model.
            version: Its version.
            description: What it is, as Markdown.
            expected: What is to be replaced; where it is something else, nothing is written.

        Raises:
            NotFound: There is no such version.
            Conflict: Somebody else wrote a description meanwhile.
        """
        check_description(description)
        row = active_version(self._lake, name, version)
        check_unchanged(row, expected)
        key = _key(row)
        change = {"description": description, "changed_at": self._clock.now_us()}
        self._lake.patch("model_versions", [{**key, **change}])
        return self.get(name, version)

    def set_tags(self, name: str, version: object, tags: Mapping[str, Any]) -> None:
        """Set tags; a value of None removes the tag.

        Raises:
            NotFound: There is no such version.
            InvalidInput: A key or value breaks a limit.
        """
        wanted = dict(check_model_tag(key, value) for key, value in tags.items())
        row = active_version(self._lake, name, version)
        if not wanted:
            return
        kind = "prompt_version_tag" if is_prompt(row.get("tags") or {}) else "model_version_tag"
        patches: Patches = {"model_versions": [{**_key(row), "tags": wanted}]}
        for key, value in wanted.items():
            data = {"name": name, "version": str(row["version"]), "key": key}
            if value is None:
                self._events.add(patches, f"{kind}.deleted", data)
            else:
                self._events.add(patches, f"{kind}.set", {**data, "value": value})
        self._write(patches)

    def move_to_stage(
        self, name: str, version: object, stage: str, *, archive_others: bool = False
    ) -> ModelVersion:
        """Set a version's stage.

        Args:
            name: The registered model.
            version: Its version.
            stage: None, Staging, Production or Archived, in any case.
            archive_others: Whether those that are in this stage go to Archived.

        Raises:
            NotFound: There is no such version.
            InvalidInput: There is no such stage, or others cannot be archived from it.
        """
        wanted, number = Stage.of(stage), check_version(version)
        if archive_others and not wanted.is_served:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"others are archived from Staging and Production only, not from {wanted}",
            )

        def decide(change: int) -> Turn[None]:
            active_version(self._lake, name, number)
            now = self._clock.now_us()
            moved = {number: wanted}
            if archive_others:
                for row in version_rows(self._lake, name, ["version", "stage", "lifecycle"]):
                    if is_active(row) and row["stage"] == wanted and row["version"] != number:
                        moved[row["version"]] = Stage.ARCHIVED
            turn = self._turn(name, change)
            turn.patches["model_versions"] = [
                {"name": name, "version": one, "stage": into, "changed_at": now}
                for one, into in moved.items()
            ]
            return turn

        self._change(name, decide)
        return self.get(name, number)

    def delete(self, name: str, version: object) -> None:
        """Delete a version, and the aliases that point at it; its number is not given again.

        Raises:
            NotFound: There is no such version.
            InvalidInput: It is live in a deployment.
        """
        number = check_version(version)

        def decide(change: int) -> Turn[None]:
            row = active_version(self._lake, name, number)
            self._require_not_live(row)
            gone = {"lifecycle": ModelLifecycle.DELETED, "changed_at": self._clock.now_us()}
            turn = self._turn(name, change)
            turn.patches["model_versions"] = [{**_key(row), **gone}]
            gone_too = [
                alias for alias, at in aliases_of(self._lake, [name])[name].items() if at == number
            ]
            model = active_model(self._lake, name)
            turn.patches["model_aliases"] = [
                {"name": name, "alias": alias, "version": None} for alias in gone_too
            ]
            turn.patches["model_alias_moves"] = [
                alias_move(self._clock, model, alias, to=None, was=number) for alias in gone_too
            ]
            return turn

        self._change(name, decide)

    def files(self, name: str, version: object) -> list[Artifact]:
        """The files of a version by path; they belong to its ``version_id``.

        Raises:
            NotFound: There is no such version.
        """
        found = self.get(name, version)
        return self._artifacts.list(found.version_id) if found.version_id else []

    def file(self, name: str, version: object, path: str) -> Artifact:
        """One file of a version.

        Raises:
            NotFound: There is no such version, or it has no such file.
        """
        found = self.get(name, version)
        return self._artifacts.get(found.version_id or found.label, path)

    def verify(self, name: str, version: object) -> bool:
        """Whether the files of a version are those that it was made of.

        Raises:
            NotFound: There is no such version.
        """
        found = self.get(name, version)
        return found.digest is None or digest_of(self.files(name, version)) == found.digest

    def search(
        self,
        *,
        limit: int | None = None,
        page_token: str | None = None,
        **query: Unpack[ModelQuery],
    ) -> ModelPage[ModelVersion]:
        """Versions in use, sorted as asked for; by default, by what changed last first.

        Args:
            limit: At most so many, and a token for the next.
            page_token: The token that came with the page before.
            **query: See `ModelQuery`.

        Raises:
            InvalidInput: The filter, order, limit or token is wrong.
        """
        return find_versions(self._lake, self._clock.now_us(), query, limit, page_token)

    def _claim(self, name: str, columns: dict[str, Any]) -> dict[str, Any]:
        """Give a new version its number; it is pending then."""

        def decide(change: int) -> Turn[dict[str, Any]]:
            active_model(self._lake, name)
            given = version_rows(self._lake, name, ["version"])
            now = self._clock.now_us()
            row = {
                **columns,
                "name": name,
                "version": max((one["version"] for one in given), default=0) + 1,
                "version_id": new_id(self._clock),
                "status": VersionStatus.PENDING,
                "stage": Stage.NONE,
                "lifecycle": ModelLifecycle.ACTIVE,
                "registered_at": now,
                "changed_at": now,
            }
            patches = self._turn(name, change).patches
            return Turn(row, {**patches, "model_versions": [row]})

        return self._change(name, decide)

    def _ready(self, row: dict[str, Any], source: Source) -> ModelVersion:
        """Make a pending version ready: with its files where they are ours."""
        patches: Patches = {"artifacts": []}
        made: dict[str, Any] = {}
        owner = row["version_id"]
        if source.owner is not None:
            if source.owner != owner:
                files = self._artifacts.list(source.owner, source.folder)
                patches["artifacts"] = rows_for(owner, files, source.folder)
                self._lake.patch("artifacts", patches.pop("artifacts"))
            described = describe_files(self._artifacts, owner)
            made = described if described["files"] else {}
        now = self._clock.now_us()
        patches["model_versions"] = [
            {
                **_key(row),
                **made,
                "source": source.text,
                "location": source.location,
                "status": VersionStatus.READY,
                "changed_at": now,
            }
        ]
        self._say_created(patches, row, source)
        self._write(patches)
        return self.get(row["name"], row["version"])

    def _say_created(self, patches: Patches, row: Mapping[str, Any], source: Source) -> None:
        tags = dict(row.get("tags") or {})
        data = {
            "name": row["name"],
            "version": str(row["version"]),
            "tags": tags,
            "description": row.get("description"),
        }
        if is_prompt(tags):
            data["template"] = tags.pop(_PROMPT_TEXT, None)
            data["tags"] = {k: v for k, v in tags.items() if k not in (PROMPT_TAG, _PROMPT_TYPE)}
            self._events.add(patches, "prompt_version.created", data)
        else:
            more = {"source": source.text, "run_id": source.run_id}
            self._events.add(patches, "model_version.created", {**data, **more})

    def _change(self, name: str, decide: Callable[[int], Turn[_T]]) -> _T:
        count = partial(changes_of, self._lake, name)
        return take_turn(self._lake, self._clock, _KIND, name, count, decide)

    def _turn(self, name: str, change: int) -> Turn[None]:
        """A change of the model, to which patches of other tables are added."""
        mine = {"name": name, "changes": change, "changed_at": self._clock.now_us()}
        return Turn(None, {"registered_models": [mine]})

    def _require_not_live(self, row: Mapping[str, Any]) -> None:
        live = self._lake.sql(_LIVE, params={"version_id": row["version_id"]}).to_pylist()
        if live:
            where = ", ".join(f"{one['application']} in {one['environment']}" for one in live)
            raise InvalidInput(
                ErrorCode.IN_USE,
                f"version {row['version']} of {row['name']!r} is live ({where}): retire it first",
                name=row["name"],
                version=row["version"],
            )

    def _write(self, patches: Patches) -> None:
        with self._lake.batch() as batch:
            for table, rows in patches.items():
                batch.patch(table, rows)
        self._events.happened()


def _key(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": row["name"], "version": row["version"]}


def _checked_tags(tags: Mapping[str, Any] | None) -> dict[str, str]:
    checked = dict(check_model_tag(key, value) for key, value in (tags or {}).items())
    return {key: value for key, value in checked.items() if value is not None}
