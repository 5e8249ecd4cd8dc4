"""``mere deployments list|deploy|retire|history``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter
from rich.text import Text

from mere.cli.models import parse_tags, parse_version
from mere.cli.options import Options
from mere.cli.output import cell, console, new_table, notes, print_json, when
from mere.client.capture import user_name
from mere.entities.deployment import Deployment

__all__ = ["app", "deploy", "history", "list_deployments", "retire"]

_SHOWN_MAX = 50
_SHORT = 13

app = App(name="deployments", help="Note which version of a model runs where, and look it up.")


@app.command(name="list")
def list_deployments(
    *,
    environment: Annotated[str | None, Parameter(name=["--environment", "-e"])] = None,
    application: Annotated[str | None, Parameter(name=["--application", "-a"])] = None,
    model: Annotated[str | None, Parameter(name=["--model", "-m"])] = None,
    limit: Annotated[int, Parameter(name=["--limit", "-n"])] = _SHOWN_MAX,
    options: Options | None = None,
) -> None:
    """List what is live, newest first.

    Args:
        environment: Only what is there.
        application: Only what is in it.
        model: Only this registered model.
        limit: At most so many.
        options: Where to look and how to print.
    """
    options = options or Options()
    found = options.open().deployments.list(
        environment=environment, application=application, model=model, limit=limit
    )
    _print(found, options, "nothing is live")


@app.command
def history(
    *,
    environment: Annotated[str | None, Parameter(name=["--environment", "-e"])] = None,
    application: Annotated[str | None, Parameter(name=["--application", "-a"])] = None,
    model: Annotated[str | None, Parameter(name=["--model", "-m"])] = None,
    limit: Annotated[int, Parameter(name=["--limit", "-n"])] = _SHOWN_MAX,
    options: Options | None = None,
) -> None:
    """List what is live and what was, newest first.

    Args:
        environment: Only what is or was there.
        application: Only what is or was in it.
        model: Only this registered model, also under an older name.
        limit: At most so many.
        options: Where to look and how to print.
    """
    options = options or Options()
    found = options.open().deployments.list(
        environment=environment,
        application=application,
        model=model,
        live_only=False,
        limit=limit,
    )
    _print(found, options, "nothing was ever deployed")


@app.command
def deploy(
    model: str,
    /,
    *,
    environment: Annotated[str, Parameter(name=["--environment", "-e"])],
    application: Annotated[str, Parameter(name=["--application", "-a"])],
    app_version: str | None = None,
    image: str | None = None,
    endpoint: str | None = None,
    traffic: float = 1.0,
    tag: Annotated[list[str], Parameter(negative="")] = [],  # noqa: B006 - never changed
    keep_others: Annotated[bool, Parameter(negative="")] = False,
    options: Options | None = None,
) -> None:
    """Note that a version is live from now on, in place of what ran there of this model.

    Args:
        model: NAME/VERSION, NAME@ALIAS, or NAME for the newest version.
        environment: Where, such as production.
        application: What the model is part of.
        app_version: The application's version.
        image: The digest of its container image, sha256:….
        endpoint: Where it answers.
        traffic: Its share of the requests, 0 to 1.
        tag: KEY=VALUE; several times if need be.
        keep_others: Leave other versions of the model live there.
        options: Where to look and how to print.
    """
    options = options or Options()
    warehouse = options.open()
    found = parse_version(warehouse, model)
    made = warehouse.deployments.deploy(
        found.name,
        found.version,
        environment=environment,
        application=application,
        application_version=app_version,
        image_digest=image,
        endpoint=endpoint,
        traffic=traffic,
        tags=parse_tags(tag),
        deployed_by=user_name(),
        keep_others=keep_others,
    )
    if options.json:
        print_json(made)
        return
    text = f"{made.model} is live in {made.environment}/{made.application} ({made.deployment_id})"
    console().print(text, soft_wrap=True, markup=False)


@app.command
def retire(
    deployment: Annotated[str | None, Parameter(show_default=False)] = None,
    /,
    *,
    environment: Annotated[str | None, Parameter(name=["--environment", "-e"])] = None,
    application: Annotated[str | None, Parameter(name=["--application", "-a"])] = None,
    model: Annotated[str | None, Parameter(name=["--model", "-m"])] = None,
    reason: str | None = None,
    options: Options | None = None,
) -> None:
    """Note that a deployment is over: one by its id, or all that are live somewhere.

    Args:
        deployment: Its id, or the beginning of it.
        environment: All that are live there.
        application: All that are live in it.
        model: All of this registered model.
        reason: Why.
        options: Where to look and how to print.
    """
    options = options or Options()
    deployments = options.open().deployments
    ids = [] if deployment is None else [deployments.find(deployment).deployment_id]
    if deployment is None and (environment or application or model):
        live = deployments.list(environment=environment, application=application, model=model)
        ids = [one.deployment_id for one in live]
    over = [deployments.retire(one, retired_by=user_name(), reason=reason) for one in ids]
    _print(over, options, "nothing is live there; name a deployment, or -e, -a or -m")


def _print(found: list[Deployment], options: Options, nothing: str) -> None:
    if options.json:
        print_json(found)
        return
    if not found:
        notes().print(nothing, style="dim")
        return
    is_past = any(one.ended_at is not None for one in found)
    table = new_table(
        "where", "model", ">traffic", "since", *(("until", "why") if is_past else ("by", "id"))
    )
    for one in found:
        version = f" {one.application_version}" if one.application_version else ""
        where = Text(f"{one.environment}/", no_wrap=True, overflow="ellipsis")
        where.append(one.application, style="bold").append(version)
        more = (
            [_until(one), cell(one.reason)]
            if is_past
            else [cell(one.deployed_by), Text(one.deployment_id[:_SHORT], style="dim")]
        )
        traffic = cell(f"{one.traffic:.0%}")
        table.add_row(where, cell(one.model), traffic, cell(when(one.started_at)[:10]), *more)
    console().print(table)


def _until(one: Deployment) -> Text:
    return Text("live", style="green") if one.ended_at is None else cell(when(one.ended_at)[:10])
