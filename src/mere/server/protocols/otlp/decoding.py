"""OpenTelemetry's export requests, in protobuf or in JSON, as spans. Pure.

A span that cannot be one (an id of the wrong length, a time beyond the year 2262) is left out and
counted: the others are stored, and the sender is told how many were not.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from mere.entities.span import SPAN_KINDS, TRACE_PREFIX, Span, SpanEvent, SpanLink, check_span
from mere.errors import ErrorCode, InvalidInput

__all__ = ["EXPERIMENT_KEYS", "Decoded", "decode_json", "decode_protobuf", "unpacked"]

EXPERIMENT_KEYS = ("mere.experiment_id", "mlflow.experiment_id", "mlflow.experimentId")
"""Attributes of a resource that say which experiment its spans belong to."""

_STATUSES = ("UNSET", "OK", "ERROR")
_DEPTH_MAX = 100
_SHOWN_MAX = 3


@dataclass
class Decoded:
    """What a request held.

    Args:
        spans: The spans by experiment; None stands for the one that the request names, or the
            default one.
        rejected: How many could be none.
        reasons: Why, of the first few.
    """

    spans: dict[str | None, list[Span]] = field(default_factory=dict)
    rejected: int = 0
    reasons: list[str] = field(default_factory=list)

    def add(self, group: _Group, make: Callable[[Any, _Group], Span], raw: Iterable[Any]) -> None:
        """Add the spans of one library of one program."""
        kept = self.spans.setdefault(group.experiment_id, [])
        for one in raw:
            try:
                kept.append(check_span(make(one, group)))
            except (InvalidInput, ValueError, TypeError, KeyError, AttributeError) as error:
                self.rejected += 1
                if len(self.reasons) < _SHOWN_MAX:
                    self.reasons.append(str(error) or type(error).__name__)


@dataclass(frozen=True)
class _Group:
    """What the spans of one library of one program share."""

    resource: dict[str, Any]
    scope: dict[str, Any]
    experiment_id: str | None


def unpacked(body: bytes, coding: str, bytes_max: int) -> bytes:
    """A body as it was before it was compressed.

    Raises:
        InvalidInput: The coding is unknown, the body is none of it, or too large.
    """
    if coding in ("", "identity"):
        return body
    windows = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": 15}
    if coding not in windows:
        raise _bad(f"content coding {coding[:40]!r} is unknown: use gzip, deflate or none")
    machine = zlib.decompressobj(windows[coding])
    try:
        data = machine.decompress(body, bytes_max + 1)
    except zlib.error as error:
        raise _bad(f"the body is no {coding}: {error}") from error
    if len(data) > bytes_max:
        raise InvalidInput(
            ErrorCode.BODY_TOO_LARGE,
            f"the body is larger than {bytes_max} bytes when unpacked: send less at once",
            limit=bytes_max,
        )
    if not machine.eof:
        raise _bad(f"the body ends before its {coding} does")
    if machine.unused_data:
        raise _bad(f"the body goes on after its {coding} ends")
    return data


def decode_protobuf(body: bytes) -> Decoded:
    """The spans of a request in protobuf.

    Raises:
        InvalidInput: It is none.
    """
    request = ExportTraceServiceRequest()
    try:
        request.ParseFromString(body)
    except (DecodeError, RecursionError) as error:
        raise _bad(f"the body is no export request in protobuf: {error}") from error
    found = Decoded()
    for part in request.resource_spans:
        attributes = _attributes(part.resource.attributes)
        resource = _known(attributes=attributes, schema_url=part.schema_url)
        for library in part.scope_spans:
            scope = _known(
                name=library.scope.name,
                version=library.scope.version,
                attributes=_attributes(library.scope.attributes),
                schema_url=library.schema_url,
            )
            group = _Group(resource, scope, _experiment_of(attributes))
            found.add(group, _from_protobuf, library.spans)
    return found


def _from_protobuf(raw: Any, group: _Group) -> Span:
    return Span(
        trace_id=TRACE_PREFIX + raw.trace_id.hex(),
        span_id=raw.span_id.hex(),
        parent_span_id=raw.parent_span_id.hex() or None,
        name=raw.name,
        kind=SPAN_KINDS[raw.kind] if 0 <= raw.kind < len(SPAN_KINDS) else SPAN_KINDS[0],
        start_ns=raw.start_time_unix_nano,
        end_ns=raw.end_time_unix_nano or None,
        status=_STATUSES[raw.status.code] if 0 <= raw.status.code < 3 else _STATUSES[0],
        status_message=raw.status.message or None,
        attributes=_attributes(raw.attributes),
        events=[
            SpanEvent(
                event.name,
                event.time_unix_nano,
                _attributes(event.attributes),
                event.dropped_attributes_count,
            )
            for event in raw.events
        ],
        links=[
            SpanLink(
                TRACE_PREFIX + link.trace_id.hex(),
                link.span_id.hex(),
                _attributes(link.attributes),
                link.trace_state,
                link.flags,
                link.dropped_attributes_count,
            )
            for link in raw.links
        ],
        resource=group.resource,
        scope=group.scope,
        trace_state=raw.trace_state,
        flags=raw.flags,
        dropped=_known(
            attributes=raw.dropped_attributes_count,
            events=raw.dropped_events_count,
            links=raw.dropped_links_count,
        ),
    )


def _attributes(pairs: Iterable[Any]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: _value(pair.value) for pair in value.kvlist_value.values}
    return getattr(value, kind)


def _known(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}


def _experiment_of(attributes: Mapping[str, Any]) -> str | None:
    named = next((attributes[key] for key in EXPERIMENT_KEYS if attributes.get(key)), None)
    return None if named is None else str(named)


def decode_json(body: bytes) -> Decoded:
    """The spans of a request in JSON, where ids are hexadecimal and large numbers may be text.

    Raises:
        InvalidInput: It is none.
    """
    try:
        request = msgspec.json.decode(body or b"{}")
    except (msgspec.DecodeError, RecursionError) as error:
        raise _bad(f"the body is no JSON: {error}") from error
    found = Decoded()
    try:
        for part in _list(request, "resourceSpans"):
            said = part.get("resource") or {}
            attributes = _json_attributes(said)
            resource = _known(attributes=attributes, schema_url=part.get("schemaUrl"))
            for library in _list(part, "scopeSpans"):
                about = library.get("scope") or {}
                scope = _known(
                    name=about.get("name"),
                    version=about.get("version"),
                    attributes=_json_attributes(about),
                    schema_url=library.get("schemaUrl"),
                )
                group = _Group(resource, scope, _experiment_of(attributes))
                found.add(group, _from_json, _list(library, "spans"))
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise _bad(f"the body is no export request: {error}") from error
    return found


def _from_json(raw: Mapping[str, Any], group: _Group) -> Span:
    status = raw.get("status") or {}
    return Span(
        trace_id=TRACE_PREFIX + _id(raw.get("traceId")),
        span_id=_id(raw.get("spanId")),
        parent_span_id=_id(raw.get("parentSpanId")) or None,
        name=str(raw.get("name") or ""),
        kind=_word(raw.get("kind"), SPAN_KINDS, "SPAN_KIND_"),
        start_ns=int(raw.get("startTimeUnixNano") or 0),
        end_ns=int(raw.get("endTimeUnixNano") or 0) or None,
        status=_word(status.get("code"), _STATUSES, "STATUS_CODE_"),
        status_message=str(status.get("message") or "") or None,
        attributes=_json_attributes(raw),
        events=[
            SpanEvent(
                str(event.get("name") or ""),
                int(event.get("timeUnixNano") or 0),
                _json_attributes(event),
                int(event.get("droppedAttributesCount") or 0),
            )
            for event in _list(raw, "events")
        ],
        links=[
            SpanLink(
                TRACE_PREFIX + _id(link.get("traceId")),
                _id(link.get("spanId")),
                _json_attributes(link),
                str(link.get("traceState") or ""),
                int(link.get("flags") or 0),
                int(link.get("droppedAttributesCount") or 0),
            )
            for link in _list(raw, "links")
        ],
        resource=group.resource,
        scope=group.scope,
        trace_state=str(raw.get("traceState") or ""),
        flags=int(raw.get("flags") or 0),
        dropped=_known(
            attributes=int(raw.get("droppedAttributesCount") or 0),
            events=int(raw.get("droppedEventsCount") or 0),
            links=int(raw.get("droppedLinksCount") or 0),
        ),
    )


def _list(raw: Mapping[str, Any], name: str) -> list[Any]:
    found = raw.get(name) or []
    if not isinstance(found, list):
        raise TypeError(f"{name} is no list")
    return found


def _id(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"id {value!r} is no text")
    return value.lower()


def _word(value: Any, words: tuple[str, ...], prefix: str) -> str:
    """An enum's value, by number or by name."""
    if isinstance(value, str) and not value.isdigit():
        word = value.removeprefix(prefix)
        return word if word in words else words[0]
    number = int(value or 0)
    return words[number] if 0 <= number < len(words) else words[0]


def _json_attributes(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {str(p["key"]): _json_value(p.get("value")) for p in _list(raw, "attributes")}


def _json_value(value: Any, depth: int = 0) -> Any:
    if not isinstance(value, Mapping) or depth > _DEPTH_MAX:
        return None
    match value:
        case {"stringValue": text}:
            return str(text)
        case {"boolValue": flag}:
            return bool(flag)
        case {"intValue": number}:
            return int(number)
        case {"doubleValue": number}:
            return float(number)
        case {"bytesValue": text}:
            return _bytes(text)
        case {"arrayValue": found}:
            return [_json_value(item, depth + 1) for item in _list(found, "values")]
        case {"kvlistValue": found}:
            return {
                str(pair["key"]): _json_value(pair.get("value"), depth + 1)
                for pair in _list(found, "values")
            }
    return None


def _bytes(text: Any) -> bytes:
    try:
        return base64.b64decode(str(text), validate=True)
    except binascii.Error as error:
        raise ValueError(f"bytes are no base64: {error}") from error


def _bad(message: str) -> InvalidInput:
    return InvalidInput(ErrorCode.INVALID_VALUE, message)
