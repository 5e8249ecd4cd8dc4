"""The tables of traces and of what is said of them. Users write SQL on these names."""

from __future__ import annotations

from mere.lake import Column, Table

__all__ = [
    "ASSESSMENTS",
    "EVALUATION_DATASETS",
    "EVALUATION_RECORDS",
    "SCORERS",
    "SPANS",
    "TRACES",
    "TRACE_TABLES",
]

_USAGE = (
    "struct<above:string,cost_above:string,model:string,input_tokens:long,output_tokens:long,total_tokens:long,"
    "cached_tokens:long,input_cost:double,output_cost:double,cost:double>"
)

TRACES = Table(
    "traces",
    columns=(
        Column("trace_id", "string", "tr- and OpenTelemetry's trace id as 32 hexadecimal digits"),
        Column("experiment_id", "string"),
        Column("name", "string", "usually that of the root span"),
        Column("status", "string", "OK, ERROR or IN_PROGRESS; null while the root span goes on"),
        Column("started_at", "timestamptz", "when the root span began"),
        Column("duration_ms", "double", "how long the root span took"),
        Column("request_preview", "string", "the beginning of what was asked"),
        Column("response_preview", "string", "the beginning of what was answered"),
        Column("client_request_id", "string", "what the caller calls it"),
        Column("session_id", "string", "the conversation it is part of"),
        Column("user_id", "string", "whom the traced program served"),
        Column("run_id", "string", "the run it was made in"),
        Column("linked_to", "map<string,boolean>", "other runs it was linked to, by id"),
        Column("metadata", "map<string,string>", "what the client says of it for good"),
        Column("tags", "map<string,string>"),
        Column("resource", "map<string,string>", "what produced its spans"),
        Column("declared", "map<string,string>", "what the client says in place of the root span"),
        Column("usage", f"map<string,{_USAGE}>", "what spans say that models used, by span id"),
        Column("input_tokens", "long", "in all, where the client added them up"),
        Column("output_tokens", "long", "in all, where the client added them up"),
        Column("total_tokens", "long", "in all, where the client added them up"),
        Column("cost", "double", "US dollars in all, where the client added them up"),
        Column("is_recorded", "boolean", "whether spans of it are in the table of spans"),
        Column("lifecycle", "string", "deleted where it is; else active or null"),
        Column("deleted_at", "timestamptz", "when it was deleted"),
    ),
    key=("trace_id",),
    doc="requests through traced programs",
)

SPANS = Table(
    "spans",
    columns=(
        Column("trace_id", "string"),
        Column("started_at", "timestamptz", "start_ns to the microsecond"),
        Column("span_id", "string", "16 hexadecimal digits; sent twice, it may be there twice"),
        Column("parent_span_id", "string", "null for the root"),
        Column("experiment_id", "string", "where it was sent to"),
        Column("name", "string"),
        Column("kind", "string", "INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER or UNSPECIFIED"),
        Column("start_ns", "long", "nanoseconds since the epoch"),
        Column("end_ns", "long", "nanoseconds since the epoch; null while it goes on"),
        Column("status", "string", "UNSET, OK or ERROR"),
        Column("status_message", "string"),
        Column("attributes", "string", "a JSON object"),
        Column("events", "string", "a JSON array"),
        Column("links", "string", "a JSON array"),
        Column("resource", "string", "a JSON object: what produced it"),
        Column("scope", "string", "a JSON object: the library that made it"),
        Column("trace_state", "string"),
        Column("flags", "long"),
        Column("dropped", "map<string,long>", "how many attributes, events, links were left out"),
        Column("large", "map<string,string>", "objects with what is cut off here, by its name"),
        Column("received_at", "timestamptz"),
    ),
    sort=("trace_id", "started_at"),
    doc="pieces of work in traces, as OpenTelemetry's protocol describes them",
)

ASSESSMENTS = Table(
    "assessments",
    columns=(
        Column("trace_id", "string"),
        Column("assessment_id", "string"),
        Column("span_id", "string", "the span it is about, where it is about one"),
        Column("name", "string", "what is judged"),
        Column("kind", "string", "feedback, expectation or issue"),
        Column("value", "string", "JSON"),
        Column("source_kind", "string", "HUMAN, LLM_JUDGE or CODE"),
        Column("source_id", "string", "who or what in particular"),
        Column("rationale", "string"),
        Column("error", "string", "JSON: why there is no value"),
        Column("metadata", "map<string,string>"),
        Column("overrides", "string", "the id of the assessment that it replaces"),
        Column("is_valid", "boolean", "whether none replaces it"),
        Column("run_id", "string", "the run that made it"),
        Column("assessed_at", "timestamptz", "when it was made, as its maker says"),
        Column("changed_at", "timestamptz"),
    ),
    key=("trace_id", "assessment_id"),
    doc="what people and programs say of traces",
)

SCORERS = Table(
    "scorers",
    columns=(
        Column("experiment_id", "string"),
        Column("name", "string"),
        Column("version", "long", "counts from 1 in each name"),
        Column("scorer_id", "string", "the same for all versions of a name"),
        Column("definition", "string", "JSON, as the client wrote it"),
        Column("created_by", "string"),
        Column("lifecycle", "string", "active or deleted"),
        Column("registered_at", "timestamptz"),
    ),
    key=("experiment_id", "name", "version"),
    doc="registered judges of traces, which clients run",
)

EVALUATION_DATASETS = Table(
    "evaluation_datasets",
    columns=(
        Column("dataset_id", "string"),
        Column("name", "string"),
        Column("digest", "string", "changes with the records"),
        Column("tags", "map<string,string>"),
        Column("schema", "string", "JSON: the kinds of the fields of its records"),
        Column("experiments", "map<string,boolean>", "the experiments it belongs to"),
        Column("created_by", "string"),
        Column("changed_by", "string"),
        Column("lifecycle", "string", "active or deleted"),
        Column("made_at", "timestamptz"),
        Column("changed_at", "timestamptz"),
    ),
    key=("dataset_id",),
    doc="questions with expected answers, by which programs are evaluated",
)

EVALUATION_RECORDS = Table(
    "evaluation_records",
    columns=(
        Column("dataset_id", "string"),
        Column("record_id", "string", "follows from the inputs"),
        Column("inputs", "string", "JSON"),
        Column("outputs", "string", "JSON"),
        Column("expectations", "map<string,string>", "JSON by name"),
        Column("tags", "map<string,string>", "JSON by name"),
        Column("source", "string", "JSON: where it came from"),
        Column("created_by", "string"),
        Column("changed_by", "string"),
        Column("made_at", "timestamptz"),
        Column("changed_at", "timestamptz"),
    ),
    key=("dataset_id", "record_id"),
    doc="records of evaluation datasets",
)

TRACE_TABLES = (TRACES, SPANS, ASSESSMENTS, SCORERS, EVALUATION_DATASETS, EVALUATION_RECORDS)
