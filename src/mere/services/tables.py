"""The tables of tracking as they lie in the warehouse. Users write SQL on these names.

Columns are only ever added: an older warehouse gets the new ones as null.
"""

from __future__ import annotations

from mere.lake import Column, Table

__all__ = ["EXPERIMENTS", "METRICS", "RUNS", "TABLES"]

_TALLY = "struct<step:long,timestamp:timestamptz,value:double,min:double,max:double,count:long>"
_SOURCE = (
    "struct<entrypoint:string,git_remote:string,git_commit:string,git_dirty:boolean,"
    "diff_digest:string,environment_digest:string,host:string,python:string,machine:string,"
    "pid:long,process_started_at:timestamptz>"
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
    ),
    sort=("run_id", "key", "step"),
    doc="every point of every metric",
)

TABLES = (EXPERIMENTS, RUNS, METRICS)
