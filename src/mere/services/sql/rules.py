"""Which tables and rows somebody may read by SQL: what holds elsewhere by grants, as conditions.

Whoever may read everything reads every table but those of access. For everybody else each table
needs a rule here that says to what its rows belong; a table without one does not exist for them,
so a table added later is closed until somebody has thought about it. A test names them all.
"""

from __future__ import annotations

from collections.abc import Collection

from mere.entities.actor import Action, Actor, ActorKind, Role, Scope
from mere.lake.sandbox import SandboxRules
from mere.services.access.access import Access
from mere.services.access.tables import ADMIN_TABLES, PRIVATE_TABLES
from mere.services.sharing.tables import SHARING_TABLES

__all__ = ["CLOSED_TABLES", "RULED_TABLES", "rules_for"]

_SHARING = frozenset(table.name for table in SHARING_TABLES)
CLOSED_TABLES = ADMIN_TABLES | _SHARING | {"webhooks", "webhook_deliveries", "inbox_reads"}
"""Read by admins only: who may do what, addresses that hold secrets, views that are private."""

_OF_EXPERIMENT = 'experiment_id IN (SELECT id FROM hidden."readable experiments")'
_OF_MODEL = 'name IN (SELECT id FROM hidden."readable models")'
_EXPERIMENT_TABLES = frozenset({"experiments", "runs", "logged_models", "traces", "scorers"})
_MODEL_TABLES = frozenset(
    {
        "registered_models",
        "model_versions",
        "model_aliases",
        "model_alias_moves",
        "model_gates",
        "model_reviews",
    }
)
_BELONGING = {
    "metrics": ("run_id", "runs"),
    "console": ("run_id", "runs"),
    "lineage": ("run_id", "runs"),
    "spans": ("trace_id", "traces"),
    "assessments": ("trace_id", "traces"),
    "deployments": ("version_id", "model_versions"),
    "run_reviews": ("run_id", "runs"),
}
"""Tables whose rows belong to rows of another: by which column, and to which table."""
_OWNERS = {
    "runs": "run_id",
    "logged_models": "model_id",
    "model_versions": "version_id",
    "datasets": "dataset_id",
}
"""To whom artifacts belong."""
_SUBJECTS = {
    "run": ("runs", "run_id"),
    "model": ("model_versions", "version_id"),
    "dataset": ("datasets", "dataset_id"),
}
"""What comments are about; those of reports, which may be drafts, are read by admins only."""
_WAREHOUSE_TABLES = frozenset({"datasets", "dataset_cards"})
"""These, and the tables of datasets, belong to the warehouse itself."""
_SHARED_TABLES = frozenset({"evaluation_datasets", "evaluation_records"})
"""Rows of these belong to several experiments: who does not read all of those has no SQL here."""

RULED_TABLES = (
    _EXPERIMENT_TABLES
    | _MODEL_TABLES
    | frozenset(_BELONGING)
    | {"artifacts", "comments"}
    | _WAREHOUSE_TABLES
    | _SHARED_TABLES
)
"""The tables that have a rule."""


def rules_for(
    access: Access, actor: Actor, records: Collection[str], bulk: Collection[str]
) -> SandboxRules:
    """What somebody may read.

    Args:
        access: Knows their grants.
        actor: Who asks.
        records: The names of all tables that hold records.
        bulk: The names of all tables of datasets.

    Raises:
        Unauthenticated: They have not signed in, or what they signed in with is void.
    """
    everything = frozenset(records) | frozenset(bulk)
    on_warehouse = access.role_on(actor, Scope.warehouse())
    if actor.kind is ActorKind.LOCAL or on_warehouse is Role.ADMIN:
        return SandboxRules(tables=everything - PRIVATE_TABLES)
    experiments = access.readable_experiments(actor)
    models = access.readable_models(actor)
    is_reader = on_warehouse.allows(Action.READ)
    if is_reader and experiments is None and models is None:
        return SandboxRules(
            tables=everything - PRIVATE_TABLES - CLOSED_TABLES,
            filters={"comments": "subject_kind <> 'report'"},
        )
    offered = frozenset(records) & RULED_TABLES
    if experiments is not None:
        offered -= _SHARED_TABLES
    if not is_reader:
        offered -= _WAREHOUSE_TABLES
    return SandboxRules(
        tables=offered | (frozenset(bulk) if is_reader else frozenset()),
        filters=_filters(
            has_experiments=experiments is None, has_models=models is None, is_reader=is_reader
        ),
        lookups={
            "readable experiments": sorted(experiments or ()),
            "readable models": sorted(models or ()),
        },
        reads={
            "artifacts": tuple(_OWNERS),
            "comments": tuple(of for of, _ in _SUBJECTS.values()),
            **{n: (of,) for n, (_, of) in _BELONGING.items()},
        },
    )


def _filters(*, has_experiments: bool, has_models: bool, is_reader: bool) -> dict[str, str]:
    """The conditions on rows; tables that are read whole have none."""
    filters: dict[str, str] = {}
    if not has_experiments:
        filters.update(dict.fromkeys(_EXPERIMENT_TABLES, _OF_EXPERIMENT))
    if not has_models:
        filters.update(dict.fromkeys(_MODEL_TABLES, _OF_MODEL))
    for name, (column, of) in _BELONGING.items():
        if of in filters:
            filters[name] = _belongs(column, of, column, filters[of])
    owners = {of: filters.get(of, "true") for of in _OWNERS}
    owners["datasets"] = "true" if is_reader else "false"
    filters["artifacts"] = " OR ".join(
        _belongs("owner", of, _OWNERS[of], condition) for of, condition in owners.items()
    )
    filters["comments"] = " OR ".join(
        f"subject_kind = '{kind}' AND {_belongs('subject_id', of, column, owners[of])}"
        for kind, (of, column) in _SUBJECTS.items()
    )
    return filters


def _belongs(column: str, table: str, key: str, condition: str) -> str:
    return f"{column} IN (SELECT {key} FROM hidden.{table} WHERE {condition})"
