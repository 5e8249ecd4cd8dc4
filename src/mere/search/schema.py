"""What can be searched: entities, their attributes and their maps.

The SQL in here is ours and goes into queries as it stands. What users write never does: keys and
values become parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

__all__ = ["EXPERIMENTS", "RUNS", "Attribute", "Entity", "Family", "Related", "Type"]


class Type(Enum):
    """What the values of a field are; says how they compare."""

    TEXT = "text"
    LOGGED = "text that may be a number"  # of params and tags
    NUMBER = "a number"
    WHOLE = "a whole number"
    TIME = "a time"
    DURATION = "a duration in seconds"
    STATUS = "a status"  # text in upper case


@dataclass(frozen=True)
class Attribute:
    """A field every row has.

    Args:
        name: What it is called.
        type: What its values are.
        sql: Its expression; by default, the column of its name.
        aliases: What else it is called.
        doc: What it is.
    """

    name: str
    type: Type
    doc: str
    sql: str = ""
    aliases: tuple[str, ...] = ()

    @property
    def expression(self) -> str:
        """The SQL to read it."""
        return self.sql or self.name


@dataclass(frozen=True)
class Family:
    """A map column: fields by key, behind a prefix.

    Args:
        prefixes: What its keys stand behind; the first is how it is usually written.
        type: What its values are.
        column: The map.
        functions: What else can be taken of a key: the SQL with ``{}`` for the key, and its type.
    """

    prefixes: tuple[str, ...]
    type: Type
    column: str
    functions: Mapping[str, tuple[str, Type]] = field(default_factory=dict)


@dataclass(frozen=True)
class Related:
    """Fields of other rows that belong to a row; a comparison holds if it does for one of them.

    Args:
        prefixes: What its fields stand behind.
        keys: The expression of each field.
        sql: A query for the keys of rows, to which a condition is added.
        open_keys: What keys that are not known stand for: the beginning of such keys, the
            expression with ``{}`` for the rest of the key, and a condition with ``{}`` for it.
        bare: Fields that are also written without a prefix.
        is_joint: Whether comparisons joined by AND have to hold for the same one of them.
    """

    prefixes: tuple[str, ...]
    keys: Mapping[str, str]
    sql: str
    open_keys: tuple[str, str, str] | None = None
    bare: tuple[str, ...] = ()
    is_joint: bool = False


@dataclass(frozen=True)
class Entity:
    """Something that can be searched.

    Args:
        name: What rows are called, for messages.
        key: The column that identifies a row, and breaks ties.
        is_key_descending: Which way it does.
        attributes: Its attributes.
        families: Its maps.
        related: What belongs to it.
        default_order: The attribute that rows are ordered by in the end, newest first.
    """

    name: str
    key: str
    is_key_descending: bool
    attributes: tuple[Attribute, ...]
    families: tuple[Family, ...]
    default_order: str
    related: tuple[Related, ...] = ()


ATTRIBUTE_PREFIXES = ("attributes", "attribute", "attr")

_TALLIES = {
    "last": ("metrics[{}]", Type.NUMBER),
    "min": ("metric_summary[{}].min", Type.NUMBER),
    "max": ("metric_summary[{}].max", Type.NUMBER),
    "count": ("metric_summary[{}].count", Type.WHOLE),
    "step": ("metric_summary[{}].step", Type.WHOLE),
}


def _text(name: str, doc: str, *aliases: str, sql: str = "") -> Attribute:
    return Attribute(name, Type.TEXT, doc, sql, aliases)


def _time(name: str, doc: str, *aliases: str) -> Attribute:
    return Attribute(name, Type.TIME, doc, "", aliases)


def _logged(column: str, *prefixes: str) -> Family:
    number = f"try_cast({column}[{{}}] as double)"
    return Family(prefixes, Type.LOGGED, column, {"number": (number, Type.NUMBER)})


_TAGS = _logged("tags", "tags", "tag")

RUNS = Entity(
    name="run",
    key="run_id",
    is_key_descending=False,
    default_order="started_at",
    attributes=(
        _text("run_id", "32 hexadecimal digits", "id"),
        _text("name", "the run's name", "run_name", "run name", "Run name", "Run Name"),
        Attribute("status", Type.STATUS, "SCHEDULED, RUNNING, FINISHED, FAILED or KILLED"),
        _text("experiment", "the name of its experiment", "experiment_name"),
        _text("experiment_id", "the id of its experiment"),
        _time("started_at", "when it began", "start_time", "created", "Created"),
        _time("ended_at", "when it ended", "end_time"),
        Attribute(
            "duration",
            Type.DURATION,
            "how long it took, or has been going on",
            "(coalesce(epoch_us(ended_at), $now_us) - epoch_us(started_at)) / 1e6",
        ),
        _text("kind", "train, pipeline, step, function, evaluation, …"),
        _text("parent", "the id of the run it is nested in", "parent_run_id", sql="parent_run_id"),
        _text("group", "the group it was started in", "group_name", sql="group_name"),
        _text("repeats", "the id of the run it repeats"),
        _text("notes", "what people wrote about it"),
        _text("created_by", "who started it", "user_id", "user"),
        _text("artifact_location", "where its files are", "artifact_uri"),
        _text("lifecycle", "active or deleted", "lifecycle_stage"),
        _time("deleted_at", "when it was deleted"),
        _time("updated_at", "when it was changed last"),
        _text("entrypoint", "the script or module", sql="source.entrypoint"),
        _text("git_commit", "the commit checked out", sql="source.git_commit"),
        _text("git_branch", "the branch checked out", sql="command.git_branch"),
        _text("git_remote", "the repository", sql="source.git_remote"),
        _text("host", "the machine", sql="source.host"),
        _text("python", "the version of Python", sql="source.python"),
    ),
    families=(
        Family(("metrics", "metric"), Type.NUMBER, "metrics", _TALLIES),
        _logged("params", "params", "param", "parameters", "parameter"),
        _TAGS,
    ),
    related=(
        Related(
            ("datasets", "dataset"),
            {"name": "d.name", "digest": "d.digest", "context": "l.context"},
            "select l.run_id from lineage l join datasets d "
            "on l.asset = 'dataset:' || d.dataset_id where l.direction = 'read'",
        ),
    ),
)

EXPERIMENTS = Entity(
    name="experiment",
    key="experiment_id",
    is_key_descending=True,
    default_order="created_at",
    attributes=(
        _text("experiment_id", "decimal digits", "id"),
        _text("name", "unique in the warehouse"),
        _time("created_at", "when it was created", "creation_time"),
        _time("updated_at", "when it was changed last", "last_update_time"),
        _text("created_by", "who created it"),
        _text("artifact_location", "where runs put their files"),
        _text("lifecycle", "active or deleted", "lifecycle_stage"),
        _time("deleted_at", "when it was deleted"),
        Attribute("runs", Type.WHOLE, "how many runs it has"),
        _time("last_run_at", "when its newest run began"),
    ),
    families=(_TAGS,),
)
