"""What can be searched of traces: their own fields, their spans, and what is said of them."""

from __future__ import annotations

from collections.abc import Mapping

from mere.search.schema import Attribute, Entity, Family, Related, Type

__all__ = ["SPAN_TYPE", "TRACES"]


def _text(name: str, doc: str, *aliases: str) -> Attribute:
    return Attribute(name, Type.TEXT, doc, "", aliases)


def _whole(name: str, doc: str, *aliases: str) -> Attribute:
    return Attribute(name, Type.WHOLE, doc, "", aliases)


def _family(column: str, *prefixes: str) -> Family:
    number: Mapping[str, tuple[str, Type]] = {
        "number": (f"try_cast({column}[{{}}] as double)", Type.NUMBER)
    }
    return Family(prefixes, Type.LOGGED, column, number)


_SAID_TYPE = (
    "json_extract_string(attributes, ['$.\"mlflow.spanType\"', "
    "'$.\"openinference.span.kind\"', '$.\"gen_ai.operation.name\"', "
    "'$.\"traceloop.span.kind\"'])"
)
SPAN_TYPE = (
    f"list_transform([{_SAID_TYPE}], lambda t: coalesce(trim(t[1], '\"'), t[2], "
    "case t[3] when 'chat' then 'CHAT_MODEL' when 'create_agent' then 'AGENT' "
    "when 'invoke_agent' then 'AGENT' when 'invoke_workflow' then 'WORKFLOW' "
    "when 'embeddings' then 'EMBEDDING' when 'execute_tool' then 'TOOL' "
    "when 'generate_content' then 'LLM' when 'text_completion' then 'LLM' "
    "when 'response' then 'LLM' when 'retrieval' then 'RETRIEVER' "
    "else upper(t[3]) end, upper(t[4])))[1]"
)
"""SQL of what kind of work a span says it is; see `mere.services.traces.span_meaning`."""

_SPANS = Related(
    ("span", "spans"),
    {
        "name": "name",
        "type": SPAN_TYPE,
        "status": "status",
        "kind": "kind",
        "content": "concat_ws(' ', name, attributes, events)",
        "text": "concat_ws(' ', name, attributes, events)",
    },
    "select trace_id from spans where ($experiments is null or experiment_id = any($experiments))",
    open_keys=(
        "attributes.",
        "json_extract_string(attributes, '$.\"' || replace({}, '\"', '\\\"') || '\"')",
        "attributes is not null",
    ),
    bare=("text",),
    is_joint=True,
)
_JSON_TEXT = "case json_type(value) when 'VARCHAR' then value ->> '$' else value end"


def _said(kind: str) -> Related:
    return Related(
        (kind,),
        {},
        f"select trace_id from assessments where kind = '{kind}' and coalesce(is_valid, true)",
        open_keys=("", f"({_JSON_TEXT})", "name = {}"),
    )


_ISSUES = Related(
    ("issue",), {"id": "name"}, "select trace_id from assessments where kind = 'issue'"
)
_OF_RUNS = Related(
    ("run",),
    {"run_id": "of_run", "id": "of_run"},
    "select trace_id from (select trace_id, unnest(list_append(coalesce(map_keys(linked_to), []), "
    "run_id)) as of_run from traces) where of_run is not null",
    bare=("run_id",),
)
_PROMPTS = Related(
    ("prompt",),
    {"prompt": "of_prompt", "version": "of_prompt"},
    "select trace_id from (select trace_id, p.name || '/' || p.version as of_prompt from "
    "(select trace_id, unnest(from_json(tags['mlflow.linkedPrompts'], "
    '\'[{"name":"VARCHAR","version":"VARCHAR"}]\')) as p from traces)) '
    "where of_prompt is not null",
    bare=("prompt",),
)

TRACES = Entity(
    name="trace",
    key="trace_id",
    is_key_descending=False,
    default_order="started_at",
    attributes=(
        _text("trace_id", "tr- and 32 hexadecimal digits", "id", "request_id"),
        _text("name", "usually that of its root span", "trace_name"),
        Attribute("status", Type.STATUS, "OK, ERROR or IN_PROGRESS", "", ("state",)),
        Attribute(
            "started_at",
            Type.TIME,
            "when it began",
            "",
            ("timestamp", "timestamp_ms", "start_time", "request_time"),
        ),
        Attribute(
            "ended_at",
            Type.TIME,
            "when it ended",
            "(started_at + to_microseconds((duration_ms * 1000)::bigint))",
            ("end_time", "end_time_ms"),
        ),
        _whole(
            "execution_time_ms",
            "how long it took, in whole milliseconds",
            "execution_time",
            "execution_duration",
            "latency",
        ),
        Attribute("duration", Type.DURATION, "how long it took", "(duration_ms / 1000)"),
        _text("experiment_id", "the id of its experiment"),
        _text("session_id", "the conversation it is part of", "session"),
        _text("user_id", "whom the traced program served", "user"),
        _text("client_request_id", "what the caller calls it"),
        _text("request", "the beginning of what was asked", "request_preview"),
        _text("response", "the beginning of what was answered", "response_preview"),
        _whole("input_tokens", "tokens that went into models"),
        _whole("output_tokens", "tokens that came out of them"),
        _whole("total_tokens", "both", "tokens"),
        Attribute("cost", Type.NUMBER, "US dollars, as the sender says"),
        Attribute("updated_at", Type.TIME, "when something of it changed last"),
    ),
    families=(
        _family("all_tags", "tags", "tag"),
        _family("all_metadata", "metadata", "request_metadata", "trace_metadata"),
        _family("resource", "resource"),
    ),
    related=(_SPANS, _said("feedback"), _said("expectation"), _ISSUES, _OF_RUNS, _PROMPTS),
)
