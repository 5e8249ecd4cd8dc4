"""Answers of OpenTelemetry's protocol, in the coding of the request: protobuf or JSON."""

from __future__ import annotations

from typing import Final

import msgspec
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from mere.errors import MereError
from mere.server.errors import http_status, shown
from mere.server.operations import Answer, Protocol

__all__ = ["JSON", "OTLP", "PROTOBUF", "refused", "taken"]

JSON = "application/json"
PROTOBUF = "application/x-protobuf"
_GRPC_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 408: 4, 409: 10, 413: 8, 429: 8, 501: 12, 503: 14}
_INTERNAL = 13


class _Otlp(Protocol):
    def refuse(self, error: MereError, request_id: str) -> Answer:
        del request_id  # goes out as a header
        return refused(error, JSON)


_ERROR: Final = {
    "type": "object",
    "properties": {"code": {"type": "integer"}, "message": {"type": "string"}},
    "required": ["code", "message"],
}

OTLP: Final = _Otlp("otlp", ("/v1/",), _ERROR)


def taken(media_type: str, rejected: int, reason: str) -> Answer:
    """The answer to a request whose spans are stored, but for some that could be none."""
    if media_type == JSON:
        part = {"rejectedSpans": str(rejected), "errorMessage": reason} if rejected else None
        return Answer(msgspec.json.encode({"partialSuccess": part} if part else {}), JSON)
    response = ExportTraceServiceResponse()
    if rejected:
        response.partial_success.rejected_spans = rejected
        response.partial_success.error_message = reason
    return Answer(response.SerializeToString(), PROTOBUF)


def refused(error: MereError, media_type: str) -> Answer:
    """What went wrong, as a ``Status`` of gRPC: a code and a message."""
    status = http_status(error)
    code = _GRPC_CODES.get(status, _INTERNAL)
    if media_type == JSON:
        body = msgspec.json.encode({"code": code, "message": shown(error.message)})
        return Answer(body, JSON, status)
    return Answer(_status(code, shown(error.message)), PROTOBUF, status)


def _status(code: int, message: str) -> bytes:
    """A ``google.rpc.Status`` in protobuf: field 1 is the code, field 2 the message."""
    text = message.encode()
    return b"\x08" + _varint(code) + b"\x12" + _varint(len(text)) + text


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)
