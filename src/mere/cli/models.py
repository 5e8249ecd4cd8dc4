"""``mere models list|show|register|get|alias|tag|review|gate|stage|rename|delete|history``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from cyclopts import App, Parameter
from rich.text import Text

from mere.cli.model_history import history
from mere.cli.model_tables import (
    checks_table,
    gates_table,
    model_heading,
    models_table,
    reviews_table,
    version_heading,
    versions_table,
)
from mere.cli.options import Options
from mere.cli.output import cell, console, new_table, notes, print_json, progress, size
from mere.client.artifacts import default_folder
from mere.client.capture import user_name
from mere.entities.actor import Actor
from mere.entities.comment import Subject
from mere.entities.model import ModelVersion, RegisteredModel
from mere.errors import ErrorCode, InvalidInput, NotFound
from mere.services.warehouse import Warehouse, open_warehouse

__all__ = [
    "alias",
    "app",
    "delete",
    "gate",
    "get",
    "list_models",
    "parse_tags",
    "parse_version",
    "register",
    "rename",
    "review",
    "show",
    "stage",
    "tag",
]

_SHOWN_MAX = 30
_FILES_SHOWN_MAX = 30

app = App(name="models", help="Look at the model registry, register versions and move aliases.")
app.command(history)


def parse_version(warehouse: Warehouse, word: str) -> ModelVersion:
    """The version meant by ``NAME/VERSION``, ``NAME@ALIAS``, or a name for the newest.

    Raises:
        NotFound: There is none.
    """
    name, slash, version = word.rpartition("/")
    if slash:
        return warehouse.models.versions.get(name, version)
    name, at, alias = word.rpartition("@")
    if at:
        return warehouse.models.aliases.get(name, alias)
    return warehouse.models.aliases.get(word, "latest")


def parse_tags(words: Iterable[str]) -> dict[str, str]:
    """Tags given as ``KEY=VALUE``.

    Raises:
        InvalidInput: One has no equals sign.
    """
    pairs = [word.partition("=") for word in words]
    wrong = [key for key, equals, _ in pairs if not equals or not key]
    if wrong:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"{wrong[0]!r} is no tag: write KEY=VALUE", value=wrong[0]
        )
    return {key: value for key, _, value in pairs}


@app.command(name="list")
def list_models(
    filter: Annotated[str | None, Parameter(show_default=False)] = None,  # noqa: A002
    /,
    *,
    order: str | None = None,
    prompts: Annotated[bool, Parameter(negative="")] = False,
    limit: Annotated[int, Parameter(name=["--limit", "-n"])] = _SHOWN_MAX,
    options: Options | None = None,
) -> None:
    """List registered models with their newest version and aliases, by name.

    Args:
        filter: A condition such as "name like 'dig%' and tags.team = 'vision'".
        order: What to sort by, such as "changed_at DESC".
        prompts: List prompts, too.
        limit: At most so many.
        options: Where to look and how to print.
    """
    options = options or Options()
    warehouse = options.open()
    page = warehouse.models.search(filter=filter, order=order, limit=limit, with_prompts=prompts)
    latest = warehouse.models.latest([one.name for one in page.items])
    if options.json:
        rows = [{**_plain(one), "latest_versions": latest[one.name]} for one in page.items]
        print_json(rows)
        return
    if not page.items:
        notes().print("no registered models", style="dim")
        return
    console().print(models_table(page.items, latest))
    if page.next_page_token is not None:
        notes().print("there are more; --limit shows them", style="dim")


@app.command
def show(
    model: str,
    /,
    *,
    versions: Annotated[int, Parameter(name=["--versions", "-n"])] = _SHOWN_MAX,
    options: Options | None = None,
) -> None:
    """Show a registered model with its versions and gates, or one version with its files.

    Args:
        model: NAME, NAME/VERSION or NAME@ALIAS.
        versions: How many versions of a model to show, the newest first.
        options: Where to look and how to print.
    """
    options = options or Options()
    warehouse = options.open()
    if _is_version(warehouse, model):
        _show_version(warehouse, parse_version(warehouse, model), options)
        return
    found = warehouse.models.get(model)
    wanted = "name = '" + found.name.replace("'", "''") + "'"
    page = warehouse.models.versions.search(
        filter=wanted, order="version DESC", limit=versions, with_prompts=True
    )
    gates = warehouse.models.gates.list(model)
    live = warehouse.deployments.list(model=model)
    if options.json:
        lists = {"versions": page.items, "gates": gates, "deployments": live}
        print_json({**_plain(found), **lists})
        return
    out = console()
    out.print(model_heading(found, gates, live))
    if page.items:
        out.print(versions_table(page.items))


@app.command
def get(
    model: str,
    path: str = "",
    /,
    *,
    to: Path | None = None,
    options: Options | None = None,
) -> None:
    """Download the files of a version, each verified; to ask again goes on where it was cut short.

    Args:
        model: NAME/VERSION, NAME@ALIAS, or NAME for the newest version.
        path: A file or folder of the version.
        to: The folder to put them in; by default, one of the model's name and number here.
        options: Where to look and how to print.
    """
    options = options or Options()
    warehouse = options.open()
    found = parse_version(warehouse, model)
    owner = found.version_id or found.label
    there = warehouse.artifacts.list(owner, path)
    if not there:
        raise NotFound(
            ErrorCode.ARTIFACT_NOT_FOUND,
            f"{found.label} has no files at {path!r}"
            if path
            else f"{found.label} has no files here: it was made of {found.source}",
        )
    folder = to or Path(default_folder(f"{found.name}-{found.version}", owner))
    with progress("downloading"):
        at = warehouse.artifacts.download(owner, path, folder)
    total = sum(one.size for one in there)
    if options.json:
        print_json({"path": str(at), "files": len(there), "bytes": total})
        return
    files = f"{len(there):,} {'file' if len(there) == 1 else 'files'}"
    console().print(f"{at}: {files}, {size(total)}", markup=False)


@app.command
def register(
    name: str,
    source: str,
    /,
    *,
    run: str | None = None,
    description: str | None = None,
    tag: Annotated[list[str], Parameter(negative="")] = [],  # noqa: B006 - never changed
    options: Options | None = None,
) -> None:
    """Register a version: of a local file or folder, or of files that are stored already.

    The name is registered too, if it is new.

    Args:
        name: The registered model.
        source: A local path, which is stored now; or runs:/RUN/PATH, models:/NAME/VERSION or
            models:/LOGGED-MODEL.
        run: The run that made it.
        description: What it is.
        tag: KEY=VALUE; several times if need be.
        options: Where to store it and how to print.
    """
    options = options or Options()
    tags = parse_tags(tag)
    warehouse = open_warehouse(options.warehouse)
    run_id = None if run is None else warehouse.runs.find(run).run_id
    warehouse.models.get_or_create(name, created_by=user_name())
    more: dict[str, Any] = {"run_id": run_id, "description": description, "tags": tags}
    more["created_by"] = user_name()
    with progress("registering"):
        if ":/" in source:
            made = warehouse.models.versions.create(name, source, **more)
        else:
            made = warehouse.models.versions.register(name, Path(source), **more)
    if options.json:
        print_json(made)
        return
    files = "" if made.files is None else f": {made.files:,} files, {size(made.bytes or 0)}"
    console().print(f"{made.label}{files}", soft_wrap=True, markup=False)


@app.command
def alias(
    model: str,
    alias: str,
    /,
    *,
    remove: Annotated[bool, Parameter(negative="")] = False,
    check: Annotated[bool, Parameter(negative="")] = False,
    options: Options | None = None,
) -> None:
    """Point an alias at a version, if the model's gates let it.

    Args:
        model: NAME/VERSION, NAME@ALIAS, or NAME for the newest version.
        alias: The alias.
        remove: Take the alias away from the model instead.
        check: Only say what the gates say.
        options: Where to look and how to print.
    """
    options = options or Options()
    warehouse = options.open()
    if remove:
        name = model.rpartition("/")[0] or model
        was_there = warehouse.models.aliases.remove(name, alias, moved_by=user_name())
        said = "removed" if was_there else "was not there"
        _say(
            {"name": name, "alias": alias, "removed": was_there}, f"{name}@{alias} {said}", options
        )
        return
    found = parse_version(warehouse, model)
    results = warehouse.models.gates.check(found.name, found.version, alias)
    if check:
        if options.json:
            print_json(results)
        elif results:
            console().print(checks_table(results))
        else:
            notes().print(f"no gate is before {found.name}@{alias}", style="dim", markup=False)
        return
    warehouse.models.aliases.set(found.name, alias, found.version, moved_by=user_name())
    plain = {"name": found.name, "alias": alias, "version": found.version, "gates": results}
    _say(plain, f"{found.name}@{alias} → {found.label}", options)


@app.command
def tag(
    model: str,
    tags: list[str],
    /,
    *,
    remove: Annotated[bool, Parameter(negative="")] = False,
    options: Options | None = None,
) -> None:
    """Set tags of a registered model or of a version.

    Args:
        model: NAME, NAME/VERSION or NAME@ALIAS.
        tags: KEY=VALUE, one or several; with --remove, their keys.
        remove: Remove the tags instead.
        options: Where to look and how to print.
    """
    options = options or Options()
    warehouse = options.open()
    change = dict.fromkeys(tags) if remove else parse_tags(tags)
    if _is_version(warehouse, model):
        found = parse_version(warehouse, model)
        warehouse.models.versions.set_tags(found.name, found.version, change)
        now: ModelVersion | RegisteredModel = parse_version(warehouse, model)
    else:
        warehouse.models.set_tags(model, change)
        now = warehouse.models.get(model)
    shown = "  ".join(f"{key}={value}" for key, value in sorted(now.tags.items())) or "no tags"
    _say({"tags": now.tags}, shown, options)


@app.command
def review(
    model: str,
    state: Literal["requested", "approved", "rejected", "comment"] | None = None,
    /,
    *,
    comment: Annotated[str | None, Parameter(name=["--comment", "-m"])] = None,
    ask: Annotated[list[str] | None, Parameter(negative="")] = None,
    options: Options | None = None,
) -> None:
    """Say what you think of a version, or see what was said.

    Args:
        model: NAME/VERSION, NAME@ALIAS, or NAME for the newest version.
        state: Request a review, approve, reject, or only comment; without it, what was said.
        comment: In words.
        ask: A user or group whom a request asks, by name; may be given several times.
        options: Where to look and how to print.
    """
    options = options or Options()
    warehouse = options.open()
    found = parse_version(warehouse, model)
    if state is None and (comment is not None or ask):
        state = "requested" if ask else "comment"
    if state is not None:
        place = warehouse.subjects.find(Actor.local(), Subject("model", found.label))
        asked = warehouse.people.asked(place, ask or ())
        warehouse.models.reviews.add(
            found.name, found.version, state, comment=comment, reviewers=asked, by=user_name()
        )
    said = warehouse.models.reviews.of(found.name, found.version)
    if options.json:
        print_json(said)
        return
    if not said:
        notes().print(f"nobody has said anything of {found.label}", style="dim", markup=False)
        return
    console().print(reviews_table(said))


@app.command
def gate(
    name: str,
    gate: str | None = None,
    condition: str | None = None,
    /,
    *,
    alias: str | None = None,
    description: str | None = None,
    remove: Annotated[bool, Parameter(negative="")] = False,
    options: Options | None = None,
) -> None:
    """Put a gate before the aliases of a model: what must hold before one may move.

    Args:
        name: The registered model.
        gate: What the gate is called; without it, the gates there are.
        condition: Such as "metrics.acc > 0.9 and review = 'approved'"; delta.acc is how much
            better the version is than the one the alias points at.
        alias: Only before this alias.
        description: Why it is there.
        remove: Take the gate away instead.
        options: Where to look and how to print.
    """
    options = options or Options()
    warehouse = options.open()
    gates = warehouse.models.gates
    if gate is not None and remove:
        gates.remove(name, gate)
    elif gate is not None and condition is not None:
        more = {"alias": alias, "description": description, "created_by": user_name()}
        gates.set(name, gate, condition, **more)
    elif gate is not None:
        raise InvalidInput(ErrorCode.INVALID_VALUE, f"gate {gate!r} needs a condition")
    found = gates.list(warehouse.models.get(name).name)
    if options.json:
        print_json(found)
        return
    if not found:
        notes().print(f"{name} has no gates", style="dim", markup=False)
        return
    console().print(gates_table(found))


@app.command
def stage(
    model: str,
    stage: str,
    /,
    *,
    archive: Annotated[bool, Parameter(negative="")] = False,
    options: Options | None = None,
) -> None:
    """Move a version to a stage, as older clients of MLflow do in place of aliases.

    Args:
        model: NAME/VERSION, NAME@ALIAS, or NAME for the newest version.
        stage: None, Staging, Production or Archived.
        archive: Move the versions that are in this stage to Archived.
        options: Where to look and how to print.
    """
    options = options or Options()
    warehouse = options.open()
    found = parse_version(warehouse, model)
    moved = warehouse.models.versions.move_to_stage(
        found.name, found.version, stage, archive_others=archive
    )
    _say(moved, f"{moved.label} is in {moved.stage}", options)


@app.command
def rename(name: str, new_name: str, /, *, options: Options | None = None) -> None:
    """Give a registered model another name; versions, aliases and gates go with it.

    Args:
        name: Its name.
        new_name: Its name from now on.
        options: Where to look and how to print.
    """
    options = options or Options()
    renamed = options.open().models.rename(name, new_name)
    _say(renamed, f"{name} is called {renamed.name} now", options)


@app.command
def delete(model: str, /, *, options: Options | None = None) -> None:
    """Delete a registered model, or one version of it; numbers are not given again.

    Args:
        model: NAME for all of it, or NAME/VERSION.
        options: Where to look and how to print.
    """
    options = options or Options()
    warehouse = options.open()
    name, slash, version = model.rpartition("/")
    if slash:
        warehouse.models.versions.delete(name, version)
    else:
        warehouse.models.delete(model)
    _say({"deleted": model}, f"{model} is deleted", options)


def _is_version(warehouse: Warehouse, word: str) -> bool:
    """Whether a word names a version; a model's own name may hold an @."""
    if "/" in word:
        return True
    if "@" not in word:
        return False
    try:
        warehouse.models.get(word)
    except NotFound:
        return True
    return False


def _show_version(warehouse: Warehouse, found: ModelVersion, options: Options) -> None:
    files = warehouse.models.versions.files(found.name, found.version)
    said = warehouse.models.reviews.of(found.name, found.version)
    live = warehouse.deployments.list(model=found.name, version=found.version, live_only=False)
    if options.json:
        lists = {"listed_files": files, "reviews": said, "deployments": live}
        print_json({**_plain(found), **lists})
        return
    out = console()
    out.print(version_heading(found, live))
    if files:
        table = new_table("file", ">size", "digest")
        for one in files[:_FILES_SHOWN_MAX]:
            table.add_row(cell(one.path), size(one.size), Text(one.digest[:12], style="dim"))
        out.print(table)
        if len(files) > _FILES_SHOWN_MAX:
            left = len(files) - _FILES_SHOWN_MAX
            notes().print(f"{left:,} more files; --json shows all", style="dim")
    if said:
        out.print(reviews_table(said))


def _say(plain: Any, text: str, options: Options) -> None:
    if options.json:
        print_json(plain)
        return
    console().print(text, soft_wrap=True, markup=False)


def _plain(one: msgspec.Struct) -> dict[str, Any]:
    return msgspec.structs.asdict(one)
