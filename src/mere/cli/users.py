"""``mere users``: who may sign in to a server over the warehouse."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter
from rich.text import Text

from mere.cli.options import Options
from mere.cli.output import cell, console, new_table, notes, print_json, when
from mere.client.capture import user_name
from mere.entities.actor import Role
from mere.entities.user import User
from mere.errors import ErrorCode, InvalidInput
from mere.services.warehouse import open_warehouse

__all__ = [
    "app",
    "create",
    "delete",
    "password",
    "public_user",
    "update",
    "users",
]

app = App(name="users", help="Who may sign in to a server over the warehouse; lists them.")

_Flag = Annotated[bool, Parameter(negative="", show_default=False)]


@app.default
def users(*, options: Options | None = None) -> None:
    """List the users.

    Args:
        options: Where they are and how to print.
    """
    options = options or Options()
    found = options.open().access.users.list()
    if options.json:
        print_json([public_user(one) for one in found])
        return
    if not found:
        notes().print("no users: `mere users create NAME --admin` makes the first", style="dim")
        return
    table = new_table("name", "role", "display name", "signs in by", "last sign-in")
    for one in found:
        role = Text("disabled", style="red") if one.is_disabled else cell(str(one.role))
        way = cell(one.issuer or "password or token")
        table.add_row(
            Text(one.name, style="bold"), role, cell(one.display_name), way, when(one.signed_in_at)
        )
    console().print(table)


@app.command
def create(
    name: str,
    /,
    *,
    admin: _Flag = False,
    role: str = "viewer",
    display_name: str = "",
    password_stdin: _Flag = False,
    no_password: _Flag = False,
    options: Options | None = None,
) -> None:
    """Make a user; asks for a password, unless it comes in or none is wanted.

    Args:
        name: What they sign in as.
        admin: They may do everything; the same as --role admin.
        role: On the warehouse: none, viewer, editor or admin.
        display_name: What people call them.
        password_stdin: Read the password from standard input.
        no_password: They sign in by tokens or single sign-on only.
        options: Where to and how to print.
    """
    options = options or Options()
    password = None if no_password else _password(is_piped=password_stdin)
    # The first user may come before all else, so the warehouse is made if there is none.
    access = open_warehouse(options.warehouse).access
    user = access.users.create(
        name,
        password,
        role=Role.ADMIN if admin else Role.of(role),
        display_name=display_name,
        by=user_name(),
    )
    _tell(user, options, f"{user.name} may sign in as {user.role}")


@app.command
def update(
    name: str,
    /,
    *,
    role: str | None = None,
    display_name: str | None = None,
    disabled: Annotated[bool | None, Parameter(negative="--enabled")] = None,
    options: Options | None = None,
) -> None:
    """Change a user's role or display name, or keep them out for a while.

    Args:
        name: The user.
        role: On the warehouse: none, viewer, editor or admin.
        display_name: What people call them.
        disabled: Keep them out, or with --enabled let them in again.
        options: Where they are and how to print.
    """
    options = options or Options()
    access = options.open().access
    user = access.users.update(
        name,
        role=None if role is None else Role.of(role),
        display_name=display_name,
        is_disabled=disabled,
    )
    if disabled:
        access.sessions.end_all(user.name)
    state = "is disabled" if user.is_disabled else f"is {user.role}"
    _tell(user, options, f"{user.name} {state}; servers follow within five seconds")


@app.command
def password(
    name: str,
    /,
    *,
    password_stdin: _Flag = False,
    options: Options | None = None,
) -> None:
    """Set a user's password; their sessions end.

    Args:
        name: The user.
        password_stdin: Read the password from standard input.
        options: Where they are and how to print.
    """
    options = options or Options()
    access = options.open().access
    user = access.users.get(name)
    access.users.set_password(user.name, _password(is_piped=password_stdin))
    ended = access.sessions.end_all(user.name)
    _tell(user, options, f"{user.name} has another password; {ended} sessions ended")


@app.command
def delete(name: str, /, *, options: Options | None = None) -> None:
    """Remove a user with their password, tokens and grants.

    Args:
        name: The user.
        options: Where they are and how to print.
    """
    options = options or Options()
    access = options.open().access
    user = access.users.get(name)
    access.users.delete(user.name)
    access.sessions.end_all(user.name)
    _tell(user, options, f"{user.name} is removed")


def public_user(user: User) -> dict[str, Any]:
    """A user as JSON shows one."""
    row = msgspec.structs.asdict(user)
    return {name: row[name] for name in row if name not in ("generation", "lifecycle")}


def _tell(user: User, options: Options, message: str) -> None:
    if options.json:
        print_json(public_user(user))
    else:
        console().print(message, markup=False)


def _password(*, is_piped: bool) -> str:
    """The password, as one line of standard input or from the keyboard, where nobody sees it."""
    if is_piped:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            "there is no terminal to ask for a password: pipe it in with --password-stdin, or "
            "make a user without one with --no-password",
        )
    first = getpass.getpass("password: ")
    if getpass.getpass("once more: ") != first:
        raise InvalidInput(ErrorCode.INVALID_VALUE, "the two passwords differ: try again")
    return first
