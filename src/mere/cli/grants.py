"""``mere grants``: roles on single experiments and models, for users and for groups."""

from __future__ import annotations

import msgspec
from cyclopts import App
from rich.text import Text

from mere.cli.options import Options
from mere.cli.output import cell, console, new_table, notes, print_json
from mere.cli.tokens import experiment_id
from mere.client.capture import user_name
from mere.entities.actor import Role, Scope
from mere.errors import ErrorCode, InvalidInput
from mere.services.access.grants import Grants
from mere.services.warehouse import Warehouse

__all__ = [
    "add_member",
    "app",
    "create_group",
    "delete_group",
    "give",
    "grants",
    "groups",
    "remove_member",
    "take",
]

app = App(name="grants", help="Roles on single experiments and models; lists them.")


@app.default
def grants(
    *,
    user: str | None = None,
    group: str | None = None,
    experiment: str | None = None,
    model: str | None = None,
    options: Options | None = None,
) -> None:
    """List what was granted.

    Args:
        user: Only to this user, not by groups.
        group: Only to this group.
        experiment: Only on this experiment, by name or id.
        model: Only on this registered model.
        options: Where they are and how to print.
    """
    options = options or Options()
    warehouse = options.open()
    known = warehouse.access.grants
    kind, principal = _principal(known, user, group) if user or group else (None, None)
    scope = _scope(warehouse, experiment, model) if experiment or model else None
    found = known.search(principal_kind=kind, principal=principal, scope=scope)
    if options.json:
        print_json([msgspec.structs.asdict(one) for one in found])
        return
    if not found:
        notes().print("no grants: roles on the warehouse hold everywhere", style="dim")
        return
    names = {str(one.group_id): one.name for one in known.groups()}
    table = new_table("who", "role", "on", "granted by")
    for one in found:
        who = one.principal
        if one.principal_kind == "group":
            who = f"group {names.get(who, who)}"
        on = str(Scope(one.object_kind, one.object_id))
        table.add_row(Text(who, style="bold"), cell(str(one.role)), cell(on), cell(one.granted_by))
    console().print(table)


@app.command
def give(
    role: str,
    /,
    *,
    user: str | None = None,
    group: str | None = None,
    experiment: str | None = None,
    model: str | None = None,
    options: Options | None = None,
) -> None:
    """Give a user or a group a role on an experiment or a model.

    Args:
        role: none, viewer, editor or admin.
        user: To whom.
        group: Or to which group; without an object, on the warehouse.
        experiment: On which experiment, by name or id; * for all.
        model: Or on which registered model; * for all.
        options: Where to and how to print.
    """
    options = options or Options()
    warehouse = options.open()
    known = warehouse.access.grants
    kind, principal = _principal(known, user, group)
    scope = _scope(warehouse, experiment, model)
    grant = known.give(kind, principal, scope, Role.of(role), by=user_name())
    if options.json:
        print_json(msgspec.structs.asdict(grant))
    else:
        console().print(f"{user or group} is {grant.role} on {scope}", markup=False)


@app.command
def take(
    *,
    user: str | None = None,
    group: str | None = None,
    experiment: str | None = None,
    model: str | None = None,
    options: Options | None = None,
) -> None:
    """Take a grant away; servers follow within five seconds.

    Args:
        user: From whom.
        group: Or from which group.
        experiment: On which experiment, by name or id; * for the grant on all.
        model: Or on which registered model.
        options: Where it is and how to print.
    """
    options = options or Options()
    warehouse = options.open()
    known = warehouse.access.grants
    kind, principal = _principal(known, user, group)
    scope = _scope(warehouse, experiment, model)
    was = known.take(kind, principal, scope)
    if options.json:
        print_json({"taken": was})
    else:
        did = "has no grant any more" if was else "had no grant"
        console().print(f"{user or group} {did} on {scope}", markup=False)


@app.command
def groups(*, options: Options | None = None) -> None:
    """List groups and who is in them.

    Args:
        options: Where they are and how to print.
    """
    options = options or Options()
    known = options.open().access.grants
    rows = [
        {**msgspec.structs.asdict(one), "members": known.members(one.group_id)}
        for one in known.groups()
    ]
    if options.json:
        print_json(rows)
        return
    if not rows:
        notes().print("no groups: `mere grants create-group NAME` makes one", style="dim")
        return
    table = new_table("group", "members", "what for")
    for row in rows:
        table.add_row(
            Text(row["name"], style="bold"), cell(row["members"]), cell(row["description"])
        )
    console().print(table)


@app.command
def create_group(name: str, /, *, description: str = "", options: Options | None = None) -> None:
    """Make a group of users.

    Args:
        name: What it is called.
        description: What it is for.
        options: Where to and how to print.
    """
    options = options or Options()
    group = options.open().access.grants.create_group(name, description, by=user_name())
    _tell(options, msgspec.structs.asdict(group), f"group {group.name} is there")


@app.command
def delete_group(name: str, /, *, options: Options | None = None) -> None:
    """Remove a group with its grants; its users stay.

    Args:
        name: The group.
        options: Where it is and how to print.
    """
    options = options or Options()
    options.open().access.grants.delete_group(name)
    _tell(options, {"deleted": name}, f"group {name} is removed")


@app.command
def add_member(group: str, user: str, /, *, options: Options | None = None) -> None:
    """Put a user into a group.

    Args:
        group: The group.
        user: The user.
        options: Where they are and how to print.
    """
    options = options or Options()
    options.open().access.grants.add_member(group, user, by=user_name())
    _tell(options, {"group": group, "user": user}, f"{user} is in group {group}")


@app.command
def remove_member(group: str, user: str, /, *, options: Options | None = None) -> None:
    """Take a user out of a group.

    Args:
        group: The group.
        user: The user.
        options: Where they are and how to print.
    """
    options = options or Options()
    was = options.open().access.grants.remove_member(group, user)
    said = "is no longer" if was else "was not"
    _tell(options, {"removed": was}, f"{user} {said} in group {group}")


def _tell(options: Options, row: dict[str, object], message: str) -> None:
    if options.json:
        print_json(row)
    else:
        console().print(message, markup=False)


def _principal(known: Grants, user: str | None, group: str | None) -> tuple[str, str]:
    if (user is None) == (group is None):
        raise InvalidInput(ErrorCode.INVALID_VALUE, "say who: either --user or --group")
    if group is not None:
        return "group", str(known.group(group).group_id)
    assert user is not None
    return "user", user.casefold()


def _scope(warehouse: Warehouse, experiment: str | None, model: str | None) -> Scope:
    if experiment is not None and model is not None:
        raise InvalidInput(ErrorCode.INVALID_VALUE, "say on what: --experiment or --model")
    if experiment is not None:
        return Scope.experiment(experiment_id(warehouse, experiment))
    return Scope.warehouse() if model is None else Scope.model(model)
