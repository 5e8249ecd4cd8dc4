"""The tables of tracking as they lie in the warehouse. Users write SQL on these names.

Columns are only ever added: an older warehouse gets the new ones as null.
"""

from __future__ import annotations

from mere.lake import Column, Table
from mere.lake.schema import Pyramid
from mere.services.access.tables import ACCESS_TABLES
from mere.services.datasets.cards import DATASET_CARDS
from mere.services.discussion.tables import DISCUSSION_TABLES
from mere.services.registry.tables import REGISTRY_TABLES
from mere.services.sharing.tables import SHARING_TABLES
from mere.services.traces.tables import TRACE_TABLES

__all__ = [
    "ARTIFACTS",
    "CONSOLE",
    "DATASETS",
    "EXPERIMENTS",
    "LINEAGE",
    "LOGGED_MODELS",
    "METRICS",
    "RUNS",
    "TABLES",
]

_TALLY = "struct<step:long,timestamp:timestamptz,value:double,min:double,max:double,count:long>"
_SOURCE = (
    "struct<entrypoint:string,git_remote:string,git_commit:string,git_dirty:boolean,"
    "diff_digest:string,environment_digest:string,host:string,python:string,machine:string,"
    "pid:long,process_started_at:timestamptz>"
)
_COMMAND = (
    "struct<entrypoint:string,is_module:boolean,arguments:list<string>,folder:string,"
    "git_branch:string,code_digest:string>"
)
_MEASURED = (
    "struct<run_id:string,key:string,dataset_name:string,dataset_digest:string,step:long,"
    "timestamp:timestamptz,value:double>"
)

EXPERIMENTS = Table(
    "experiments",
    columns=(
        Column("experiment_id", "string", "decimal digits; 0 is the experiment named Default"),
        Column("name", "string", "unique in the warehouse"),
        Column("lifecycle", "string", "active or deleted"),
        Column("artifact_location", "string", "relative to the warehouse, unless a URL"),
        Column("tags", "map<string,string>"),
        Column("created_by", "string", "the account that created it"),
        Column("deleted_at", "timestamptz", "when it was put into the bin"),
    ),
    key=("experiment_id",),
    doc="the named folders in which runs are kept",
)

RUNS = Table(
    "runs",
    columns=(
        Column("run_id", "string", "a UUIDv7 as 32 hexadecimal digits: ids sort by time"),
        Column("experiment_id", "string"),
        Column("parent_run_id", "string", "the run this one is nested in"),
        Column("kind", "string", "train, pipeline, step, function, evaluation, …"),
        Column("name", "string"),
        Column("status", "string", "SCHEDULED, RUNNING, FINISHED, FAILED or KILLED"),
        Column("lifecycle", "string", "active or deleted"),
        Column("started_at", "timestamptz"),
        Column("ended_at", "timestamptz"),
        Column("created_by", "string", "the account that started it"),
        Column("params", "map<string,string>", "what went in; a param never changes"),
        Column("tags", "map<string,string>"),
        Column(
            "metrics",
            "map<string,double>",
            "the latest value of each metric",
            derive="metric_summary.value",
        ),
        Column(
            "metric_summary",
            f"map<string,{_TALLY}>",
            "the latest point, the extremes and the number of points of each metric",
            merge="tally",
        ),
        Column("source", _SOURCE, "where it came from: code, machine and process"),
        Column("artifact_location", "string", "relative to the warehouse, unless a URL"),
        Column("heartbeat_at", "timestamptz", "when its process last said that it lives"),
        Column("notes", "string", "what people wrote about it, as Markdown"),
        Column("group_name", "string", "the group of runs it was started in"),
        Column("repeats", "string", "the run that it is a repetition of"),
        Column("command", _COMMAND, "what to start, where, to run it again"),
        Column("seeds", "map<string,string>", "the seeds it declared"),
        Column("deleted_at", "timestamptz", "when it was put into the bin"),
    ),
    key=("run_id",),
    doc="executions of training code, with what went in and what came out",
)

METRICS = Table(
    "metrics",
    columns=(
        Column("run_id", "string"),
        Column("key", "string"),
        Column("step", "long"),
        Column("timestamp", "timestamptz"),
        Column("value", "double", "NaN and the infinities are values"),
        Column("logged_model_id", "string", "the logged model it belongs to, where given"),
        Column("dataset_id", "string", "the dataset it belongs to, where given"),
        Column("dataset_name", "string", "that dataset, as the client that logged it calls it"),
        Column("dataset_digest", "string", "its digest, as that client computed it"),
    ),
    sort=("run_id", "key", "step"),
    doc="every point of every metric",
    pyramid=Pyramid(moment="timestamp", value="value"),
)

CONSOLE = Table(
    "console",
    columns=(
        Column("run_id", "string"),
        Column("process", "long", "the rank of the process that wrote it; 0 is the run's own"),
        Column("line", "long", "counts from 0 in each process, both streams together"),
        Column("stream", "string", "stdout or stderr"),
        Column("timestamp", "timestamptz", "when the line began"),
        Column("text", "string", "without its end of line"),
    ),
    sort=("run_id", "process", "line"),
    doc="what runs wrote to their standard output and error, line by line",
)

ARTIFACTS = Table(
    "artifacts",
    columns=(
        Column("owner", "string", "the id of the run, dataset version or model it belongs to"),
        Column("path", "string", "below the owner, with slashes"),
        Column("kind", "string", "file, image, audio, table, figure, histogram, text or json"),
        Column("size", "long", "bytes"),
        Column("digest", "string", "SHA-256 of the content, as 64 hexadecimal digits"),
        Column("media_type", "string"),
        Column("location", "string", "the object's key, relative to the warehouse"),
        Column("step", "long", "where in the training it was logged, where given"),
        Column("caption", "string"),
        Column("logged_at", "timestamptz", "when this content was logged, however late it came"),
    ),
    key=("owner", "path"),
    doc="files of runs, of dataset versions and of models",
)

DATASETS = Table(
    "datasets",
    columns=(
        Column("dataset_id", "string", "a UUIDv7 as 32 hexadecimal digits, one a version"),
        Column("name", "string"),
        Column("version", "long", "counts from 1 in each name"),
        Column("digest", "string", "of the content, or as the client that logged it computed it"),
        Column("kind", "string", "table, files or reference (data kept elsewhere)"),
        Column("source_type", "string", "what kind of place it came from"),
        Column("source", "string", "where it came from: an address, or a description"),
        Column("table_name", "string", "of a table: its name in SQL"),
        Column("snapshot_id", "long", "of a table: the Iceberg snapshot"),
        Column("manifest", "string", "of files: the key of the object that lists them"),
        Column("schema", "string", "JSON"),
        Column("profile", "string", "JSON"),
        Column("rows", "long"),
        Column("files", "long"),
        Column("bytes", "long"),
        Column("tags", "map<string,string>"),
        Column("run_id", "string", "the run that wrote it"),
        Column("created_by", "string", "the account that wrote it"),
        Column("lifecycle", "string", "active or deleted"),
        Column("deleted_at", "timestamptz", "when it was put into the bin"),
    ),
    key=("dataset_id",),
    doc="versions of datasets",
)

LINEAGE = Table(
    "lineage",
    columns=(
        Column("run_id", "string"),
        Column("direction", "string", "read or write"),
        Column(
            "asset", "string", "kind:id, such as dataset:<dataset_id> or model:<name>/<version>"
        ),
        Column("context", "string", "what for: training, validation, …"),
        Column("tags", "map<string,string>"),
        Column("logged_at", "timestamptz"),
    ),
    key=("run_id", "direction", "asset"),
    doc="which run read and wrote which dataset versions and models",
)

LOGGED_MODELS = Table(
    "logged_models",
    columns=(
        Column("model_id", "string"),
        Column("experiment_id", "string"),
        Column("run_id", "string", "the run that made it"),
        Column("name", "string"),
        Column("model_type", "string"),
        Column("status", "string", "PENDING, READY or FAILED"),
        Column("artifact_location", "string", "relative to the warehouse, unless a URL"),
        Column("params", "map<string,string>"),
        Column("tags", "map<string,string>"),
        Column("lifecycle", "string", "active or deleted"),
        Column("logged_at", "timestamptz"),
        Column("changed_at", "timestamptz"),
        Column("created_by", "string", "the account that made it"),
        Column("digest", "string", "SHA-256 over the paths and digests of its files, once ready"),
        Column("files", "long"),
        Column("bytes", "long"),
        Column("flavors", "map<string,string>", "the libraries it can be loaded with; JSON"),
        Column("signature", "string", "its inputs, outputs and params; JSON"),
        Column("metrics", "map<string,double>", "what was measured of it last"),
        Column(
            "measured",
            f"map<string,{_MEASURED}>",
            "the same for each metric, run and dataset apart",
        ),
    ),
    key=("model_id",),
    doc="models that runs made",
)

TABLES = (
    EXPERIMENTS,
    RUNS,
    METRICS,
    CONSOLE,
    ARTIFACTS,
    DATASETS,
    LINEAGE,
    LOGGED_MODELS,
    *REGISTRY_TABLES,
    *ACCESS_TABLES,
    *TRACE_TABLES,
    DATASET_CARDS,
    *SHARING_TABLES,
    *DISCUSSION_TABLES,
)
