"""The OpenAPI page, read off the operations."""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import msgspec

import mere
from mere.server.operations import Operation, Protocol

__all__ = ["openapi", "openapi_page"]

_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
_JSON = "application/json"
_NAME = {"type": "string", "minLength": 1}
_ALWAYS = (400, 401, 403, 429, 503)
_OF_BODIES = (408, 409, 413, 507)
_REFS = "#/components/schemas/{name}"


def openapi_page(operations: Iterable[Operation]) -> bytes:
    """The document as JSON."""
    return msgspec.json.encode(openapi(operations))


def openapi(operations: Iterable[Operation]) -> dict[str, Any]:
    """The document: OpenAPI 3.1, a path item for each path, schemas of all structs."""
    known = tuple(operations)
    kinds = _kinds(known)
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REFS)
    by_kind = dict(zip(map(id, kinds), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for one in known:
        for path in one.paths:
            item = paths.setdefault(_PARAMETER.sub(r"{\1}", path), {})
            item[one.method.lower()] = _described(one, path, by_kind)
    return {
        "openapi": "3.1.0",
        "info": {"title": "mere", "version": mere.__version__},
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": {one.name: _refused(one) for one in {each.protocol for each in known}},
            "securitySchemes": _SIGN_INS,
        },
        "security": [{name: []} for name in _SIGN_INS],
    }


_SIGN_INS = {
    "password": {"type": "http", "scheme": "basic"},
    "token": {"type": "http", "scheme": "bearer"},
}


def _kinds(operations: Iterable[Operation]) -> list[Any]:
    found: dict[int, Any] = {}
    for one in operations:
        for kind in (one.request, one.answer):
            if kind is not None:
                found[id(kind)] = kind
    return list(found.values())


def _described(one: Operation, path: str, schemas: dict[int, Any]) -> dict[str, Any]:
    twin = "" if path == one.paths[0] else f"-{one.paths.index(path)}"
    in_path = _PARAMETER.findall(path)
    described: dict[str, Any] = {
        "operationId": f"{one.name}.{one.method.lower()}{twin}",
        "summary": one.summary,
        "tags": [one.protocol.name],
        "parameters": [_parameter(name, "path", _NAME) for name in in_path],
        "responses": _responses(one, schemas),
    }
    if one.permission.is_public:
        described["security"] = []
    if one.request is None:
        return described
    if one.method in ("GET", "HEAD"):
        described["parameters"] += _query(one.request, in_path)
    else:
        schema = schemas[id(one.request)]
        described["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    return described


def _query(kind: type[msgspec.Struct], in_path: list[str]) -> list[dict[str, Any]]:
    fields = [f for f in msgspec.structs.fields(kind) if f.encode_name not in in_path]
    return [
        _parameter(f.encode_name, "query", _inlined(f.type), is_required=f.required) for f in fields
    ]


def _inlined(kind: Any) -> Any:
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=_REFS)
    return schema


def _parameter(name: str, where: str, schema: Any, *, is_required: bool = True) -> dict[str, Any]:
    return {"name": name, "in": where, "required": is_required, "schema": schema}


def _responses(one: Operation, schemas: dict[int, Any]) -> dict[str, Any]:
    """What an operation may answer: what it sends, and what its protocol refuses with."""
    refused = {"$ref": f"#/components/responses/{one.protocol.name}"}
    found: dict[int, Any] = dict.fromkeys(_ALWAYS, refused)
    if one.request is not None or _PARAMETER.search("".join(one.paths)):
        found[404] = refused
    if one.method not in ("GET", "HEAD"):
        found |= dict.fromkeys(_OF_BODIES, refused)
    for status in {one.status, *one.sends}:
        is_refusal = status >= 400 and one.sends.get(status, _JSON) == _JSON
        found[status] = refused if is_refusal else _sent(one, status, schemas)
    return {str(status): found[status] for status in sorted(found)}


def _sent(one: Operation, status: int, schemas: dict[int, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    kind = one.sends.get(status)
    if kind:
        content[kind] = {}
    if one.answer is not None and status == one.status:
        content[_JSON] = {"schema": schemas[id(one.answer)]}
    elif kind is None and 200 <= status < 300 and status != 204:
        content[_JSON] = {"schema": {"type": "object"}}
    if one.method == "HEAD":
        content = {}
    told = one.summary if status == one.status else HTTPStatus(status).phrase
    return {"description": told, **({"content": content} if content else {})}


def _refused(protocol: Protocol) -> dict[str, Any]:
    return {
        "description": "What is wrong, in the shape of the protocol.",
        "content": {_JSON: {"schema": protocol.error}},
    }
