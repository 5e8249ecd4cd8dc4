"""The tables of the model registry: models, versions, aliases, reviews, gates, deployments, hooks.

What was deleted or renamed keeps its row, so that numbers are not given again and deployments of
long ago can be understood: ask for ``lifecycle = 'active'`` to see what is in use.
"""

from __future__ import annotations

from mere.lake import Column, Table

__all__ = [
    "DEPLOYMENTS",
    "MODEL_ALIASES",
    "MODEL_ALIAS_MOVES",
    "MODEL_GATES",
    "MODEL_REVIEWS",
    "MODEL_VERSIONS",
    "REGISTERED_MODELS",
    "REGISTRY_TABLES",
    "WEBHOOKS",
    "WEBHOOK_DELIVERIES",
]

REGISTERED_MODELS = Table(
    "registered_models",
    columns=(
        Column("name", "string"),
        Column("description", "string"),
        Column("tags", "map<string,string>"),
        Column("lifecycle", "string", "active, deleted, renamed or (half-way) renaming"),
        Column("registered_at", "timestamptz"),
        Column("changed_at", "timestamptz"),
        Column("model_uid", "string", "stays the same when it is renamed"),
        Column("created_by", "string", "the account that made it"),
        Column("renamed_to", "string", "its name now"),
        Column("changes", "long", "how many changes of versions, aliases and names there were"),
    ),
    key=("name",),
    doc="named models, of which there are versions",
)

MODEL_VERSIONS = Table(
    "model_versions",
    columns=(
        Column("name", "string", "the registered model"),
        Column("version", "long", "counts from 1 in each name, and is never given again"),
        Column("description", "string"),
        Column("source", "string", "where its files came from"),
        Column("location", "string", "where its files are, relative to the warehouse unless a URL"),
        Column("run_id", "string", "the run that made it"),
        Column("model_id", "string", "the logged model it was made of"),
        Column("status", "string", "PENDING_REGISTRATION, READY or FAILED_REGISTRATION"),
        Column("status_message", "string"),
        Column("stage", "string", "None, Staging, Production or Archived, as older clients set it"),
        Column("tags", "map<string,string>"),
        Column("created_by", "string"),
        Column("lifecycle", "string", "active, deleted or renamed"),
        Column("registered_at", "timestamptz"),
        Column("changed_at", "timestamptz"),
        Column("version_id", "string", "stays the same when the model is renamed; owns the files"),
        Column("digest", "string", "SHA-256 of the list of its files and their digests"),
        Column("files", "long", "how many files it has"),
        Column("bytes", "long", "their size together"),
        Column("signature", "string", "what it takes and gives, as JSON"),
        Column("flavors", "map<string,string>", "how it can be loaded: JSON by flavor"),
        Column("review", "string", "requested, approved or rejected, whichever was last"),
        Column("run_link", "string", "an address to look at its run elsewhere"),
    ),
    key=("name", "version"),
    doc="versions of registered models",
)

MODEL_ALIASES = Table(
    "model_aliases",
    columns=(
        Column("name", "string", "the registered model"),
        Column("alias", "string"),
        Column("version", "long", "null once the alias is removed"),
        Column("moved_by", "string", "the account that moved it there"),
        Column("moved_at", "timestamptz"),
    ),
    key=("name", "alias"),
    doc="names for versions of models, which may move",
)

MODEL_ALIAS_MOVES = Table(
    "model_alias_moves",
    columns=(
        Column("move_id", "string", "a UUIDv7 as 32 hexadecimal digits: sorts by time"),
        Column("name", "string", "the registered model, as it was called then"),
        Column("model_uid", "string", "as in registered_models, whatever it is called"),
        Column("alias", "string"),
        Column("version", "long", "where it points since then; null where it was removed"),
        Column("from_version", "long", "where it pointed before; null where it was new"),
        Column("moved_by", "string", "the account that moved it"),
        Column("moved_at", "timestamptz"),
    ),
    key=("move_id",),
    doc="where aliases pointed when; model_aliases has where they point now",
)

MODEL_REVIEWS = Table(
    "model_reviews",
    columns=(
        Column("review_id", "string", "a UUIDv7 as 32 hexadecimal digits: sorts by time"),
        Column("name", "string", "the registered model, as it was called then"),
        Column("version", "long"),
        Column("version_id", "string"),
        Column("state", "string", "requested, approved, rejected, or comment"),
        Column("comment", "string"),
        Column("reviewed_by", "string", "the account that said it"),
        Column("reviewed_at", "timestamptz"),
        Column("reviewers", "list<string>", "the users whom a request asks"),
    ),
    key=("review_id",),
    doc="what people said of versions of models",
)

MODEL_GATES = Table(
    "model_gates",
    columns=(
        Column("name", "string", "the registered model"),
        Column("gate", "string", "what the gate is called"),
        Column("alias", "string", "the alias it guards; null for all"),
        Column("condition", "string", "in the filter language; null once the gate is removed"),
        Column("description", "string"),
        Column("created_by", "string", "the account that set it"),
        Column("changed_at", "timestamptz"),
    ),
    key=("name", "gate"),
    doc="what must hold of a version before an alias may be moved to it",
)

DEPLOYMENTS = Table(
    "deployments",
    columns=(
        Column("deployment_id", "string", "a UUIDv7 as 32 hexadecimal digits: one a period"),
        Column("environment", "string", "such as production or staging"),
        Column("application", "string", "what the model is part of"),
        Column("application_version", "string"),
        Column("image_digest", "string", "of the container image it runs in"),
        Column("model_name", "string", "the registered model, as it was called then"),
        Column("model_version", "long"),
        Column("version_id", "string", "as in model_versions, whatever the model is called"),
        Column("endpoint", "string", "where it answers"),
        Column("traffic", "double", "its share of the requests, 0 to 1"),
        Column("status", "string", "live or retired"),
        Column("started_at", "timestamptz", "since when it runs"),
        Column("ended_at", "timestamptz", "until when it ran; null while it is live"),
        Column("deployed_by", "string"),
        Column("retired_by", "string"),
        Column("reason", "string", "why it was retired"),
        Column("tags", "map<string,string>"),
        Column("place", "long", "counts the changes in its environment and application"),
    ),
    key=("deployment_id",),
    doc="which version of a model ran where, since when and until when",
)

WEBHOOKS = Table(
    "webhooks",
    columns=(
        Column("webhook_id", "string"),
        Column("name", "string"),
        Column("url", "string", "where events are sent"),
        Column("events", "list<string>", "such as model_version.created"),
        Column("description", "string"),
        Column("status", "string", "ACTIVE or DISABLED"),
        Column("secret_key", "string", "the object that holds the secret it signs with"),
        Column("lifecycle", "string", "active or deleted"),
        Column("registered_at", "timestamptz"),
        Column("changed_at", "timestamptz"),
        Column("created_by", "string"),
    ),
    key=("webhook_id",),
    doc="who is told of events",
)

WEBHOOK_DELIVERIES = Table(
    "webhook_deliveries",
    columns=(
        Column("delivery_id", "string", "a UUIDv7 as 32 hexadecimal digits"),
        Column("webhook_id", "string"),
        Column("event", "string", "such as model_version.created"),
        Column("payload", "string", "the event's data, as JSON"),
        Column("status", "string", "pending, delivered or failed"),
        Column("attempts", "long", "how often it was sent"),
        Column("happened_at", "timestamptz", "when the event happened"),
        Column("due_at", "timestamptz", "when it is sent next"),
        Column("answered_at", "timestamptz", "when it was sent last"),
        Column("response_status", "long", "what the receiver answered last"),
        Column("error", "string", "why it failed last"),
    ),
    key=("delivery_id",),
    doc="what was sent to whom, and what is still to be sent",
)

REGISTRY_TABLES = (
    REGISTERED_MODELS,
    MODEL_VERSIONS,
    MODEL_ALIASES,
    MODEL_ALIAS_MOVES,
    MODEL_REVIEWS,
    MODEL_GATES,
    DEPLOYMENTS,
    WEBHOOKS,
    WEBHOOK_DELIVERIES,
)
