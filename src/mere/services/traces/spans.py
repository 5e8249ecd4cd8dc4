"""Spans between their rows in the table and their entities. Pure, but for objects of cut values.

A span that was sent twice is one span when it is read: of its rows counts the one with an end, and
of those the one received last.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from mere.entities.span import Span, SpanEvent, SpanLink
from mere.services.traces.span_values import Cut, cut_list, cut_object, decode

if TYPE_CHECKING:
    import pyarrow as pa

    from mere.lake import Lake
    from mere.lake.blobs import Blobs

__all__ = [
    "PAYLOADS",
    "SPANS_OF",
    "SpanRows",
    "read_spans",
    "rows_of",
    "spans_from",
    "whole_spans",
]

PAYLOADS = "traces/"
"""Where the objects lie that hold what is cut off in the table: below the id of their trace."""

_COLUMNS = (
    "trace_id",
    "started_at",
    "span_id",
    "parent_span_id",
    "experiment_id",
    "name",
    "kind",
    "start_ns",
    "end_ns",
    "status",
    "status_message",
    "attributes",
    "events",
    "links",
    "resource",
    "scope",
    "trace_state",
    "flags",
    "dropped",
    "large",
    "received_at",
)
SPANS_OF = (
    "select * exclude (newest) from (select *, row_number() over (partition by trace_id, span_id "
    "order by end_ns is null, received_at desc) as newest from spans where {where}) "
    "where newest = 1"
)
"""The spans that fulfil a condition, each once."""


@dataclass
class SpanRows:
    """Spans as columns of the table, and what has to be stored beside them first.

    Args:
        columns: The columns.
        payloads: Objects by key.
    """

    columns: dict[str, list[Any]] = field(default_factory=lambda: {n: [] for n in _COLUMNS})
    payloads: dict[str, bytes] = field(default_factory=dict)


def rows_of(spans: Iterable[Span], experiment_id: str, received_us: int) -> SpanRows:
    """Spans as rows of the table.

    Args:
        spans: The spans, checked.
        experiment_id: Where they were sent to.
        received_us: When.
    """
    found = SpanRows()
    append = [column.append for column in found.columns.values()]
    said: dict[int, tuple[str | None, Cut]] = {}
    for span in spans:
        cut: Cut = {}
        values = (
            span.trace_id,
            span.start_ns // 1000,
            span.span_id,
            span.parent_span_id,
            experiment_id,
            span.name,
            span.kind,
            span.start_ns,
            span.end_ns,
            span.status,
            span.status_message,
            _keep(cut_object(span.attributes, "attributes"), cut),
            _keep(cut_list(_plain(span.events), "events"), cut),
            _keep(cut_list(_plain(span.links), "links"), cut),
            _keep(_once(said, span.resource, "resource"), cut),
            _keep(_once(said, span.scope, "scope"), cut),
            span.trace_state or None,
            span.flags,
            span.dropped,
            _stored(span.trace_id, cut, found.payloads),
            received_us,
        )
        for add, value in zip(append, values, strict=True):
            add(value)
    for name in ("dropped", "large"):  # maps, which are rarely there
        if not any(found.columns[name]):
            del found.columns[name]
    return found


def _plain(parts: Sequence[Any]) -> list[dict[str, Any]]:
    """Events or links as mappings, without what is not said."""
    return [
        {name: value for name, value in msgspec.structs.asdict(part).items() if value}
        for part in parts
    ]


def _once(said: dict[int, tuple[str | None, Cut]], values: Mapping[str, Any], name: str) -> Any:
    """As `cut_object`, once for all spans that share a mapping."""
    known = said.get(id(values))
    if known is None:
        known = said[id(values)] = cut_object(values, name)
    return known


def _keep(result: tuple[str | None, Cut], cut: Cut) -> str | None:
    cut.update(result[1])
    return result[0]


def _stored(trace_id: str, cut: Cut, payloads: dict[str, bytes]) -> dict[str, str]:
    places = {}
    for name, data in cut.items():
        places[name] = f"{PAYLOADS}{trace_id}/{hashlib.sha256(data).hexdigest()}"
        payloads[places[name]] = data
    return places


def read_spans(lake: Lake, trace_ids: Sequence[str]) -> dict[str, list[Span]]:
    """The spans of some traces, each once, by trace, earliest first and parents before children.

    Values that were cut are cut here too; `whole_spans` completes them.
    """
    if not trace_ids:
        return {}
    where = "trace_id = $ids[1]" if len(trace_ids) == 1 else "trace_id = any($ids)"
    rows = lake.sql(SPANS_OF.format(where=where), params={"ids": list(trace_ids)})
    found: dict[str, list[Span]] = {trace_id: [] for trace_id in trace_ids}
    for span in spans_from(rows):
        found[span.trace_id].append(span)
    for spans in found.values():
        spans.sort(key=lambda span: (span.start_ns, span.parent_span_id is not None, span.span_id))
    return found


def spans_from(rows: pa.Table) -> Iterable[Span]:
    """The spans in rows of the table; what is cut in them stands in ``large``."""
    shared: dict[str, Any] = {}

    def once(text: str | None) -> Any:
        if text is None:
            return {}
        if text not in shared:
            shared[text] = decode(text)
        return shared[text]

    for batch in rows.to_batches():
        columns = [_values(batch, name) for name in _COLUMNS]
        for row in zip(*columns, strict=True):
            cells = dict(zip(_COLUMNS, row, strict=True))
            yield Span(
                trace_id=cells["trace_id"],
                span_id=cells["span_id"],
                parent_span_id=cells["parent_span_id"],
                name=cells["name"] or "",
                kind=cells["kind"] or "INTERNAL",
                start_ns=cells["start_ns"] or 0,
                end_ns=cells["end_ns"],
                status=cells["status"] or "UNSET",
                status_message=cells["status_message"],
                attributes=decode(cells["attributes"]) or {},
                events=_parts(cells["events"], SpanEvent),
                links=_parts(cells["links"], SpanLink),
                resource=once(cells["resource"]),
                scope=once(cells["scope"]),
                trace_state=cells["trace_state"] or "",
                flags=cells["flags"] or 0,
                dropped=dict(cells["dropped"] or {}),
                large=dict(cells["large"] or {}),
            )


def _values(batch: pa.RecordBatch, name: str) -> list[Any]:
    column = batch.column(name)
    if name in ("started_at", "received_at", "experiment_id"):
        return [None] * len(column)  # not looked at, and datetimes are slow to make
    if name in ("dropped", "large") and column.null_count == len(column):
        return [None] * len(column)
    values: list[Any] = column.to_pylist()
    return values


def _parts(text: str | None, kind: type[Any]) -> list[Any]:
    return [] if text is None else [_part(kind, part) for part in decode(text)]


def _part(kind: type[Any], values: dict[str, Any]) -> Any:
    return kind(**{"name": "", **values}) if kind is SpanEvent else kind(**values)


def whole_spans(blobs: Blobs, spans: Sequence[Span]) -> list[Span]:
    """The same spans with the values that were cut, read from their objects.

    Raises:
        NotFound: An object is missing.
        Unavailable: The store did not answer.
    """
    keys = sorted({key for span in spans for key in span.large.values()})
    if not keys:
        return list(spans)
    contents: dict[str, Any] = {}

    def fetch(key: str) -> None:
        contents[key] = decode(blobs.get(key).decode())

    blobs.each(keys, fetch)
    return [_whole(span, contents) if span.large else span for span in spans]


def _whole(span: Span, contents: Mapping[str, Any]) -> Span:
    changes: dict[str, Any] = {}
    for name, key in span.large.items():
        part, _, entry = name.partition(".")
        value = contents[key]
        if part in ("events", "links"):
            kind = SpanEvent if part == "events" else SpanLink
            changes[part] = [_part(kind, one) for one in value]
        elif entry:
            changes[part] = {**changes.get(part, getattr(span, part)), entry: value}
        else:
            changes[part] = value
    return msgspec.structs.replace(span, **changes, large={})
