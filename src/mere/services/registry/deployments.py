"""Deployments: which version of a model runs where, since when, and what ran there before.

A row is a period. It is written when a version goes live and completed when it is retired; neither
is ever removed, so the state of any day can be asked for. What is live in one application and
environment changes one turn after another, so of two deployments at once one replaces the other
and none is left behind as live by mistake.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from mere.clock import run_id as new_id
from mere.entities.deployment import (
    Deployment,
    DeploymentStatus,
    check_image_digest,
    check_part,
    check_traffic,
)
from mere.entities.limits import check_text
from mere.entities.model import VersionStatus
from mere.errors import Conflict, ErrorCode, InvalidInput, NotFound
from mere.services.registry.rows import active_version
from mere.services.registry.turns import Patches, Turn, take_turn

if TYPE_CHECKING:
    import builtins

    from mere.clock import Clock
    from mere.lake import Lake
    from mere.services.webhooks.events import WebhookEvents

__all__ = ["Deployments"]

_KIND = "deployment"
_SHAPE = ("application_version", "image_digest", "endpoint", "traffic", "tags")
_SHOWN_MAX = 10_000


class Deployments:
    """The deployments of one warehouse.

    Args:
        lake: Where they are stored.
        clock: For new ids and times.
        events: Told of what happens.
    """

    def __init__(self, lake: Lake, clock: Clock, events: WebhookEvents) -> None:
        self._lake = lake
        self._clock = clock
        self._events = events

    def deploy(
        self,
        name: str,
        version: object,
        *,
        environment: str,
        application: str,
        application_version: str | None = None,
        image_digest: str | None = None,
        endpoint: str | None = None,
        traffic: float = 1.0,
        tags: Mapping[str, str] | None = None,
        deployed_by: str | None = None,
        keep_others: bool = False,
    ) -> Deployment:
        """Say that a version of a model is live from now on.

        What ran of this model in the application and environment until now is retired, unless it
        is kept beside this one. What is live already, unchanged, stays as it is.

        Args:
            name: The registered model.
            version: Its version.
            environment: Such as ``production``.
            application: What the model is part of.
            application_version: Its version.
            image_digest: Of the container image it runs in, ``sha256:…``.
            endpoint: Where it answers.
            traffic: Its share of the requests, 0 to 1.
            tags: What else is worth remembering.
            deployed_by: The account that deploys it.
            keep_others: Whether other versions of this model stay live there.

        Raises:
            NotFound: There is no such version.
            InvalidInput: A part cannot be one.
            Conflict: The version is not ready.
        """
        check_part(environment, "environment")
        check_part(application, "application")
        wanted = {
            "application_version": application_version,
            "image_digest": None if image_digest is None else check_image_digest(image_digest),
            "endpoint": endpoint,
            "traffic": check_traffic(traffic),
            "tags": dict(tags or {}),
        }
        for what in ("application_version", "endpoint"):
            if wanted[what] is not None:
                check_part(wanted[what], what.replace("_", " "), 2_000)

        def decide(number: int) -> Turn[str]:
            row = _ready(active_version(self._lake, name, version))
            rows = self._rows(environment, application)
            live = [one for one in rows if one["status"] == DeploymentStatus.LIVE]
            now = self._clock.now_us()
            same = [one for one in live if one["version_id"] == row["version_id"]]
            for one in same:
                if all((one[key] or None) == (wanted[key] or None) for key in _SHAPE):
                    return Turn(one["deployment_id"])
            made = {
                **wanted,
                "deployment_id": new_id(self._clock),
                "environment": environment,
                "application": application,
                "model_name": name,
                "model_version": row["version"],
                "version_id": row["version_id"],
                "status": DeploymentStatus.LIVE,
                "started_at": now,
                "deployed_by": deployed_by,
            }
            replaced = same if keep_others else self._of_model(live, name)
            why = f"replaced by {name}/{row['version']}"
            ended = self._ended(replaced, number, deployed_by, why)
            return self._turn(made["deployment_id"], [{**made, "place": number}], ended)

        deployment_id = self._change(environment, application, decide)
        self._events.happened()
        return self.get(deployment_id)

    def retire(
        self,
        deployment_id: str,
        *,
        retired_by: str | None = None,
        reason: str | None = None,
    ) -> Deployment:
        """Say that a deployment is not live any more; to do it again changes nothing.

        Raises:
            NotFound: There is no such deployment.
        """
        known = self.get(deployment_id)
        if reason is not None:
            check_text(reason, "reason", 10_000, "shorten it")

        def decide(number: int) -> Turn[str]:
            rows = self._rows(known.environment, known.application)
            mine = [
                one
                for one in rows
                if one["deployment_id"] == deployment_id and one["status"] == DeploymentStatus.LIVE
            ]
            if not mine:
                return Turn(deployment_id)
            ended = self._ended(mine, number, retired_by, reason)
            return self._turn(deployment_id, [], ended)

        self._change(known.environment, known.application, decide)
        self._events.happened()
        return self.get(deployment_id)

    def get(self, deployment_id: str) -> Deployment:
        """Return a deployment, live or not.

        Raises:
            NotFound: There is none of that id.
        """
        row = self._lake.get("deployments", deployment_id)
        if row is None:
            raise NotFound(
                ErrorCode.DEPLOYMENT_NOT_FOUND,
                f"there is no deployment {deployment_id!r}: `mere deployments list` lists them",
                deployment_id=deployment_id,
            )
        return _entity(row)

    def find(self, word: str) -> Deployment:
        """Return a deployment by its id, or by the beginning of it.

        Raises:
            NotFound: There is none.
            InvalidInput: Several begin like this.
        """
        found = self._lake.sql(
            "select deployment_id from deployments where starts_with(deployment_id, $word) "
            "order by deployment_id limit 3",
            params={"word": word},
        )
        ids: builtins.list[str] = found["deployment_id"].to_pylist()
        if len(ids) > 1 and word not in ids:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"several deployments begin with {word!r} ({', '.join(ids)}): write more of it",
                deployment_id=word,
            )
        return self.get(ids[0] if len(ids) == 1 and word else word)

    def model_of(self, deployment_id: str) -> str:
        """The registered model of a deployment, as it is called now.

        Raises:
            NotFound: There is none of that id.
        """
        known = self.get(deployment_id)
        if known.version_id is not None:
            where = {"version_id": known.version_id, "lifecycle": "active"}
            names = self._lake.scan("model_versions", where=where, columns=["name"])
            if names.num_rows:
                return str(names["name"][0].as_py())
        return known.model_name

    def list(
        self,
        *,
        environment: str | None = None,
        application: str | None = None,
        model: str | None = None,
        version: int | None = None,
        live_only: bool = True,
        limit: int = _SHOWN_MAX,
    ) -> builtins.list[Deployment]:
        """Deployments, newest first.

        Args:
            environment: Only those there.
            application: Only those of it.
            model: Only those of this registered model, also under an older name.
            version: Only those of this version of it.
            live_only: Whether those that are over are left out.
            limit: At most so many.
        """
        tests = ["true"]
        params: dict[str, Any] = {"limit": limit}
        if live_only:
            tests.append("status = 'live'")
        for column, value in (("environment", environment), ("application", application)):
            if value is not None:
                tests.append(f"{column} = ${column}")
                params[column] = value
        if model is not None:
            params |= {"model": model, "version": version}
            tests.append(
                "(version_id in (select version_id from model_versions where name = $model "
                "and ($version is null or version = $version)) "
                "or (model_name = $model and ($version is null or model_version = $version)))"
            )
        rows = self._lake.sql(
            f"select * from deployments where {' and '.join(tests)} "
            "order by started_at desc, deployment_id desc limit $limit",
            params=params,
        )
        return [_entity(row) for row in rows.to_pylist(maps_as_pydicts="lossy")]

    def _change(
        self, environment: str, application: str, decide: Callable[[int], Turn[str]]
    ) -> str:
        def count() -> int:
            rows = self._rows(environment, application)
            return max((one["place"] or 0 for one in rows), default=0)

        place = _place(environment, application)
        return take_turn(self._lake, self._clock, _KIND, place, count, decide)

    def _turn(
        self, result: str, made: builtins.list[dict[str, Any]], ended: builtins.list[dict[str, Any]]
    ) -> Turn[str]:
        """A change of a place: every row it touches holds its number."""
        columns = ("deployment_id", "status", "ended_at", "retired_by", "reason", "place")
        gone = [{name: one[name] for name in columns} for one in ended]
        patches: Patches = {"deployments": [*made, *gone]}
        for one in made:
            self._events.add(patches, "deployment.created", _told(one))
        for one in ended:
            told = {**_told(one), "reason": one["reason"]}
            self._events.add(patches, "deployment.deleted", told)
        return Turn(result, patches)

    def _ended(
        self, rows: Sequence[Mapping[str, Any]], number: int, by: str | None, reason: str | None
    ) -> builtins.list[dict[str, Any]]:
        now = self._clock.now_us()
        over = {"status": DeploymentStatus.RETIRED, "ended_at": now, "retired_by": by}
        return [{**one, **over, "reason": reason, "place": number} for one in rows]

    def _of_model(
        self, live: Sequence[Mapping[str, Any]], name: str
    ) -> builtins.list[Mapping[str, Any]]:
        """Those of one model, also where they were deployed under another name of it."""
        found = self._lake.scan("model_versions", where={"name": name}, columns=["version_id"])
        ids = set(found["version_id"].to_pylist()) - {None}
        return [one for one in live if one["version_id"] in ids or one["model_name"] == name]

    def _rows(self, environment: str, application: str) -> builtins.list[dict[str, Any]]:
        where = {"environment": environment, "application": application}
        rows: list[dict[str, Any]] = self._lake.scan("deployments", where=where).to_pylist(
            maps_as_pydicts="lossy"
        )
        return rows


def _ready(row: dict[str, Any]) -> dict[str, Any]:
    if row["status"] not in (None, VersionStatus.READY):
        raise Conflict(
            ErrorCode.BUSY,
            f"version {row['version']} of {row['name']!r} is not ready ({row['status']}): wait "
            "for it",
            status=row["status"],
        )
    return row


def _place(environment: str, application: str) -> str:
    """A name for the claims of one application in one environment, whatever they are called."""
    return hashlib.sha256(f"{environment}\0{application}".encode()).hexdigest()


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("deployment_id", "environment", "application", "application_version", "image_digest")
    told = {name: row.get(name) for name in (*names, "endpoint", "traffic")}
    return {**told, "name": row["model_name"], "version": str(row["model_version"])}


def _entity(row: Mapping[str, Any]) -> Deployment:
    return msgspec.convert({k: v for k, v in row.items() if v is not None}, Deployment)
