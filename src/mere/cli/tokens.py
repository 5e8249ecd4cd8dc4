"""``mere tokens``: what programs sign in with to a server over the warehouse."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter
from rich.text import Text

from mere.cli.options import Options
from mere.cli.output import cell, console, new_table, notes, print_json, when
from mere.entities.actor import Role
from mere.entities.token import Token
from mere.errors import NotFound
from mere.search.parser import parse_duration
from mere.services.warehouse import Warehouse

__all__ = [
    "app",
    "create",
    "experiment_id",
    "revoke",
    "tokens",
]

_ID_CHARS = 14

app = App(name="tokens", help="What programs sign in with to a server; lists them.")


@app.default
def tokens(*, user: str | None = None, options: Options | None = None) -> None:
    """List the valid tokens; their secrets are nowhere.

    Args:
        user: Only those of this user.
        options: Where they are and how to print.
    """
    options = options or Options()
    found = options.open().access.tokens.list(None if user is None else user.casefold())
    if options.json:
        print_json([_public(one) for one in found])
        return
    if not found:
        notes().print("no tokens: `mere tokens create NAME --user USER` makes one", style="dim")
        return
    table = new_table("id", "name", "user", "at most", "only", "expires", "last used")
    for one in found:
        table.add_row(
            cell(one.token_id[:_ID_CHARS]),
            Text(one.name, style="bold"),
            cell(one.owner),
            cell(str(one.role)),
            cell(_only(one)),
            when(one.expires_at)[:16],
            when(one.used_at)[:16],
        )
    console().print(table)


@app.command
def create(
    name: str,
    /,
    *,
    user: str,
    role: str = "admin",
    experiment: Annotated[list[str] | None, Parameter(negative="")] = None,
    model: Annotated[list[str] | None, Parameter(negative="")] = None,
    expires: str = "90d",
    options: Options | None = None,
) -> None:
    """Make a token; its secret is printed now and never again.

    Args:
        name: What it is for.
        user: Whom it acts as.
        role: It may do no more than this, whatever the user may: viewer, editor or admin.
        experiment: It may touch only this experiment; may be given several times.
        model: It may touch only this registered model; may be given several times.
        expires: After how long it ends, such as 90d or 12h; or never.
        options: Where to and how to print.
    """
    options = options or Options()
    warehouse = options.open()
    life_s = None if expires == "never" else parse_duration(expires) / 1e6
    token, secret = warehouse.access.tokens.create(
        user,
        name,
        role=Role.of(role),
        experiments=None
        if experiment is None
        else [experiment_id(warehouse, e) for e in experiment],
        models=model,
        life_s=life_s,
    )
    if options.json:
        print_json({**_public(token), "secret": secret})
        return
    console().print(secret, markup=False, soft_wrap=True)
    until = "never" if token.expires_at is None else when(token.expires_at)[:16]
    notes().print(
        f"keep it now, it cannot be shown again; it acts as {token.owner} and expires {until}",
        style="dim",
    )


@app.command
def revoke(token_id: str, /, *, options: Options | None = None) -> None:
    """Take a token back; servers follow within five seconds.

    Args:
        token_id: The token's id, or the beginning of it.
        options: Where it is and how to print.
    """
    options = options or Options()
    token = options.open().access.tokens.revoke(token_id)
    if options.json:
        print_json(_public(token))
    else:
        console().print(f"{token.name} of {token.owner} is revoked", markup=False)


def experiment_id(warehouse: Warehouse, word: str) -> str:
    """The id of the experiment meant by a name or an id; ``*`` means all."""
    if word == "*":
        return word
    try:
        return warehouse.experiments.find(word).experiment_id
    except NotFound:
        if not word.isdigit():
            raise
        return warehouse.experiments.get(word).experiment_id


def _only(token: Token) -> str:
    parts = [f"experiment {one}" for one in token.experiments or ()]
    parts += [f"model {one}" for one in token.models or ()]
    return ", ".join(parts) or ("nothing" if token.is_bound else "-")


def _public(token: Token) -> dict[str, Any]:
    row = msgspec.structs.asdict(token)
    return {name: row[name] for name in row if name not in ("digest", "owner_generation")}
