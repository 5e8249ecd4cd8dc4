"""The tables of access: users, groups, tokens, sessions, grants and the audit trail.

Password hashes and sessions lie in tables of their own, so that the others can be shown to
admins. `PRIVATE_TABLES` are shown to nobody through a server, `ADMIN_TABLES` to admins only.
Whoever holds the bucket's keys reads all of them.
"""

from __future__ import annotations

from mere.lake import Column, Table

__all__ = ["ACCESS_TABLES", "ADMIN_TABLES", "PRIVATE_TABLES"]

USERS = Table(
    "users",
    columns=(
        Column("name", "string", "what they sign in as; lower case"),
        Column("user_id", "long", "a number that is never used again"),
        Column("display_name", "string"),
        Column("role", "string", "on the warehouse: none, viewer, editor or admin"),
        Column("lifecycle", "string", "active or deleted"),
        Column("is_disabled", "boolean", "whether they are kept out for now"),
        Column("issuer", "string", "the provider that signs them in, if any"),
        Column("subject", "string", "who they are to that provider"),
        Column("generation", "long", "counts how often the name was given out"),
        Column("created_by", "string"),
        Column("signed_in_at", "timestamptz", "when a browser of theirs last signed in"),
    ),
    key=("name",),
    doc="who may sign in to a server over this warehouse",
)

PASSWORDS = Table(
    "passwords",
    columns=(
        Column("name", "string", "the user"),
        Column("hash", "string", "argon2id, in the PHC string format"),
        Column("generation", "long", "of the user whose password it is"),
        Column("changed_at", "timestamptz"),
    ),
    key=("name",),
    doc="hashes of passwords; never shown by a server",
)

TOKENS = Table(
    "tokens",
    columns=(
        Column("token_id", "string", "a UUIDv7 as 32 hexadecimal digits"),
        Column("owner", "string", "the user it acts as"),
        Column("owner_generation", "long", "of the user it was made by"),
        Column("name", "string", "what it is for"),
        Column("digest", "string", "SHA-256 of the token, as 64 hexadecimal digits"),
        Column("shown", "string", "its first characters"),
        Column("role", "string", "it may do no more than this, whatever its owner may"),
        Column("experiments", "list<string>", "the only experiments it may touch, if bound"),
        Column("models", "list<string>", "the only models it may touch, if bound"),
        Column("expires_at", "timestamptz"),
        Column("revoked_at", "timestamptz"),
        Column("used_at", "timestamptz", "to the quarter of an hour"),
    ),
    key=("token_id",),
    doc="what programs sign in with; the secrets themselves are not stored",
)

SESSIONS = Table(
    "sessions",
    columns=(
        Column("session_id", "string", "SHA-256 of the cookie, as 64 hexadecimal digits"),
        Column("name", "string", "the user"),
        Column("generation", "long", "of the user"),
        Column("method", "string", "password or sso"),
        Column("started_at", "timestamptz", "when its user signed in"),
        Column("seen_at", "timestamptz", "to some minutes"),
        Column("expires_at", "timestamptz", "when it ends, however much it is used"),
        Column("ended_at", "timestamptz", "when it was ended: signed out or replaced"),
        Column("address", "string", "where its user signed in from"),
        Column("agent", "string", "with which browser"),
    ),
    key=("session_id",),
    doc="sign-ins of browsers",
)

GROUPS = Table(
    "user_groups",
    columns=(
        Column("group_id", "long", "a number that is never used again"),
        Column("name", "string"),
        Column("description", "string"),
        Column("created_by", "string"),
    ),
    key=("group_id",),
    doc="users who are granted things together",
)

GROUP_MEMBERS = Table(
    "group_members",
    columns=(
        Column("group_id", "long"),
        Column("name", "string", "the user"),
        Column("added_by", "string"),
    ),
    key=("group_id", "name"),
    doc="which user is in which group",
)

GRANTS = Table(
    "grants",
    columns=(
        Column("principal_kind", "string", "user or group"),
        Column("principal", "string", "the user's name, or the group's number"),
        Column("object_kind", "string", "experiment, model or warehouse"),
        Column("object_id", "string", "an experiment's id, a model's name, or * for all"),
        Column("role", "string", "none, viewer, editor or admin"),
        Column("granted_by", "string"),
    ),
    key=("principal_kind", "principal", "object_kind", "object_id"),
    doc="roles on single experiments and models",
)

AUDIT = Table(
    "audit",
    columns=(
        Column("happened_at", "timestamptz"),
        Column("count", "long", "how often within two seconds"),
        Column("actor", "string", "the user; nobody before a sign-in, local where it is off"),
        Column("actor_kind", "string", "user, token, nobody or local"),
        Column("token_id", "string", "the token that was shown, if any"),
        Column("operation", "string", "the name of the operation"),
        Column("target", "string", "what it was on"),
        Column("outcome", "string", "ok, or the code of the error"),
        Column("address", "string", "the network address it came from"),
        Column("request_id", "string", "of the first of them"),
    ),
    sort=("happened_at",),
    doc="who did what to what: all writes through a server, and all that was refused",
)

ACCESS_TABLES = (USERS, PASSWORDS, TOKENS, SESSIONS, GROUPS, GROUP_MEMBERS, GRANTS, AUDIT)

PRIVATE_TABLES = frozenset({"passwords", "sessions"})
"""Shown to nobody by a server."""

ADMIN_TABLES = frozenset({"users", "tokens", "user_groups", "group_members", "grants", "audit"})
"""Shown by a server to admins of the warehouse only."""
