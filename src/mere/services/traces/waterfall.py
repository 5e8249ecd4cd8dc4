"""The spans of one trace as a waterfall needs them: few columns of many spans, then one whole.

A trace may have a hundred thousand spans of a kilobyte each. Who looks at one sees the names and
the times of all of them and the values of one: so the columns go out together, as Arrow, and what
a span was asked and answered only when somebody selects it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mere.entities.span import Span
from mere.errors import ErrorCode, InvalidInput, NotFound
from mere.search.traces import SPAN_TYPE
from mere.services.traces.span_columns import SPANS_MAX, WaterfallColumns, placed
from mere.services.traces.span_meaning import inputs_of, outputs_of, type_of
from mere.services.traces.span_values import encode, text_of
from mere.services.traces.spans import SPANS_OF, spans_from, whole_spans

if TYPE_CHECKING:
    from mere.lake import Lake

__all__ = ["LogPage", "LogSpan", "SpanMatches", "Waterfall"]

_LOG_ROWS_MAX = 200
_MATCHES_MAX = 10_000
_TEXT_CHARS_MAX = 1_000
_SHOWN_CHARS = 600
_MODEL_KEYS = ("gen_ai.response.model", "gen_ai.request.model", "llm.model_name")
_MODEL = (
    "list_transform([json_extract_string(attributes, [{}])], lambda m: coalesce(m[1], m[2], m[3]))"
    "[1]".format(", ".join(f"'$.\"{key}\"'" for key in _MODEL_KEYS))
)
_ORDER = "start_ns, parent_span_id is not null, span_id"
_ONCE = (
    "select {columns} from spans where trace_id = $trace qualify row_number() over "
    "(partition by span_id order by end_ns is null, received_at desc) = 1"
)
_SPANS = (
    f"select span_id, parent_span_id, name, kind, start_ns, end_ns, received_at, status, "
    f"upper({SPAN_TYPE}) as type, {_MODEL} as model, "
    "(case when events is null then 0 else json_array_length(events) end)::integer as events "
    "from spans where trace_id = $trace"
)
_USED = (
    "select span_id, used.model as model, used.total_tokens::double as tokens, used.cost as cost "
    "from (select unnest(map_keys(usage)) as span_id, unnest(map_values(usage)) as used "
    "from traces where trace_id = $trace)"
)
_TEXT = (
    "concat_ws(' ', name, status_message, attributes, json_extract(events, '$[*].name')::varchar, "
    "json_extract(events, '$[*].attributes')::varchar)"
)
"""What people look for in a span: not the names that we give to the parts of its events."""


class SpanMatches(msgspec.Struct):
    """The spans that hold a text.

    Args:
        spans: Their ids, earliest first; at most some thousands.
        total: How many there are.
    """

    spans: list[str]
    total: int


class LogSpan(msgspec.Struct, kw_only=True):
    """A span as a line of a log: the beginnings of what went in and came out."""

    span_id: str
    name: str
    type: str | None
    status: str
    status_message: str | None
    start_ns: str
    duration_ms: float | None
    input: str | None
    output: str | None
    events: list[str]


class LogPage(msgspec.Struct):
    """A stretch of the spans, in the order in which they began."""

    spans: list[LogSpan]
    total: int


class Waterfall:
    """Reads the spans of single traces.

    Args:
        lake: Where they are stored.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def columns(self, trace_id: str) -> WaterfallColumns:
        """The columns of all spans of a trace; none where no spans of it came."""
        spans = self._lake.sql(_SPANS, params={"trace": trace_id})
        return placed(spans, self._lake.sql(_USED, params={"trace": trace_id}))

    def span(self, trace_id: str, span_id: str, *, whole: bool = False) -> Span:
        """One span with its values.

        Args:
            trace_id: The trace.
            span_id: The span.
            whole: Whether values that are cut in the table are completed from their objects.

        Raises:
            NotFound: There is none.
        """
        query = SPANS_OF.format(where="trace_id = $trace and span_id = $span")
        found = list(spans_from(self._lake.sql(query, params={"trace": trace_id, "span": span_id})))
        if not found:
            raise NotFound(
                ErrorCode.TRACE_NOT_FOUND,
                f"trace {trace_id[:100]} has no span {span_id[:60]!r}",
                trace=trace_id,
                span=span_id,
            )
        return whole_spans(self._lake.blobs, found)[0] if whole else found[0]

    def find(self, trace_id: str, text: str) -> SpanMatches:
        """The spans of which name, message, attributes or events hold a text, in any case.

        Raises:
            InvalidInput: The text is empty or too long.
        """
        if not 1 <= len(text) <= _TEXT_CHARS_MAX:
            raise InvalidInput(
                ErrorCode.LIMIT_EXCEEDED,
                f"a text of {len(text):,} characters: look for 1 to {_TEXT_CHARS_MAX:,}",
                limit=_TEXT_CHARS_MAX,
            )
        # Values are JSON, and JSON within JSON: quotes have a backslash there, and another one.
        once = encode(text)[1:-1]
        texts = list(dict.fromkeys([text, once, encode(once)[1:-1]]))
        columns = (
            f"span_id, start_ns, parent_span_id, list_bool_or(list_transform($texts, "
            f"lambda t: contains(lower({_TEXT}), lower(t)))) as holds"
        )
        found = self._lake.sql(
            f"select span_id from ({_ONCE.format(columns=columns)}) where holds order by {_ORDER}",
            params={"trace": trace_id, "texts": texts},
        )["span_id"].to_pylist()
        return SpanMatches(found[:_MATCHES_MAX], len(found))

    def log(self, trace_id: str, *, offset: int = 0, limit: int = 100) -> LogPage:
        """A stretch of the spans, earliest first, with the beginnings of their values.

        Raises:
            InvalidInput: The stretch is too long.
        """
        if not 0 <= limit <= _LOG_ROWS_MAX or not 0 <= offset <= SPANS_MAX:
            raise InvalidInput(
                ErrorCode.LIMIT_EXCEEDED,
                f"{limit} spans from {offset} on: ask for 0 to {_LOG_ROWS_MAX}",
                limit=_LOG_ROWS_MAX,
            )
        columns = "span_id, start_ns, parent_span_id, count(*) over () as total"
        ids = self._lake.sql(
            f"select span_id, total from ({_ONCE.format(columns=columns)}) order by {_ORDER} "
            f"limit {int(limit)} offset {int(offset)}",
            params={"trace": trace_id},
        )
        if not ids.num_rows:
            return LogPage([], 0)
        wanted: list[str] = ids["span_id"].to_pylist()
        rows = self._lake.sql(
            SPANS_OF.format(where="trace_id = $trace and span_id = any($ids)"),
            params={"trace": trace_id, "ids": wanted},
        )
        known = {span.span_id: span for span in spans_from(rows)}
        return LogPage(
            _lines(known[one] for one in wanted if one in known), ids["total"][0].as_py()
        )


def _lines(spans: Any) -> list[LogSpan]:
    return [
        LogSpan(
            span_id=span.span_id,
            name=span.name,
            type=type_of(span.attributes),
            status=span.status,
            status_message=_short(span.status_message),
            start_ns=str(span.start_ns),
            duration_ms=None if span.duration_ns is None else span.duration_ns / 1e6,
            input=_short(inputs_of(span.attributes, span.events)),
            output=_short(outputs_of(span.attributes, span.events)),
            events=[_short(_event_text(event)) or "" for event in span.events[:20]],
        )
        for span in spans
    ]


def _event_text(event: Any) -> str:
    said = [event.attributes.get(f"exception.{key}") for key in ("type", "message")]
    return ": ".join([event.name, *(str(one) for one in said if one)])


def _short(value: Any) -> str | None:
    if value is None:
        return None
    text = text_of(value)
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"
