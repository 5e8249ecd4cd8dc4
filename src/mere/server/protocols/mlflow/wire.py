"""MLflow's JSON, which is protobuf's JSON taken loosely, and how its operations are declared.

Requests. A request is a `Request`: its fields have the names of MLflow's protos and protobuf's
defaults (``""``, 0, ``()`` for a list), or None where it matters whether a field came. Numbers may
come as text, NaN and the infinities as text or bare tokens, null counts as not given, names that
are not known are ignored, and a GET takes its fields from the query or from a JSON body. A field
named in `required` must be there and not be ``""``.

Answers. A handler answers a dict made with `message`, which leaves out what is None and empty
lists and maps, as protobuf does; int64 goes out as a number, as MLflow's own server sends it.
Floats must go through `double`, because JSON has no NaN. An empty answer is ``{}``.

Paths. ``/*/2.0/mlflow/…`` is served below ``/api/`` and ``/ajax-api/``, or below one of them.

Example:
    >>> class SetTag(Request):
    ...     required = ("run_id", "key")
    ...     run_id: str = ""
    ...     key: str = ""
    ...     value: str = ""
    >>> @operation(
    ...     "POST", "/*/2.0/mlflow/runs/set-tag", permission=on_run(Action.EDIT), request=SetTag
    ... )
    ... def set_tag(call: Call) -> dict[str, Any]:
    ...     \"\"\"Set a tag of a run.\"\"\"
    ...     data: SetTag = call.data
    ...     call.warehouse.runs.set_tags(data.run_id, {data.key: data.value})
    ...     return {}
    >>> set_tag.paths
    ('/api/2.0/mlflow/runs/set-tag', '/ajax-api/2.0/mlflow/runs/set-tag')
"""

from __future__ import annotations

import functools
import inspect
import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Final, TypeVar

import msgspec

from mere.errors import ErrorCode, InvalidInput, MereError
from mere.server import operations
from mere.server.errors import shown
from mere.server.operations import Answer, Call, Operation, Permission, Protocol
from mere.server.protocols.mlflow.errors import (
    STATUSES,
    as_mlflow,
    invalid,
    missing,
    refusal,
    wrong_type,
)
from mere.services.access.access import Action, Scope

__all__ = [
    "ADMIN",
    "EDIT",
    "MLFLOW",
    "READ",
    "Call",
    "Int64",
    "Request",
    "double",
    "message",
    "on_experiment",
    "on_run",
    "operation",
]

Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""A whole number of the protocol; what does not fit in is refused."""

_T = TypeVar("_T")
_PREFIXES = ("/api/2.0/", "/ajax-api/2.0/", "/api/3.0/", "/ajax-api/3.0/")
_ROOTS = {"ajax+api": ("/api/", "/ajax-api/"), "api": ("/api/",), "ajax": ("/ajax-api/",)}
_LIST = re.compile(r"\b(list|tuple)\[")
_PLACE = re.compile(r"at `\$(.*)`$")
_STEP = re.compile(r"\.([A-Za-z_][\w]*)|\[(\d+)\]|\[(\.\.\.)\]")
_ODD = {math.inf: "Infinity", -math.inf: "-Infinity"}


class Request(msgspec.Struct, kw_only=True):
    """The fields of a request; made to be derived from."""

    required: ClassVar[tuple[str, ...]] = ()

    def check(self) -> None:
        """Refuse what the protocol refuses by the look of a field, in the words clients know."""


def message(**fields: Any) -> dict[str, Any]:
    """A message to answer with: what is None, and empty lists and maps, are left out."""
    return {
        name: value
        for name, value in fields.items()
        if value is not None and value not in ([], {}, ())
    }


def double(value: float) -> float | str:
    """A float as JSON can hold it: NaN and the infinities are words."""
    if value - value == 0.0:
        return value
    return _ODD.get(value, "NaN")


class _MlflowProtocol(Protocol):
    """Reads and writes protobuf's JSON, and says errors as MLflow does."""

    def decode(self, kind: type[_T], call: Call, body: bytes) -> _T:
        method = call.operation.method
        if method in ("POST", "PUT"):
            _check_media_type(call.headers.get("content-type"))
        query = call.query if method in ("GET", "DELETE") and not body else None
        data = _from_query(kind, query) if query else _from_json(kind, body)
        fields = kind.__struct_fields__  # type: ignore[attr-defined]
        for name, value in call.path.items():
            if name in fields:
                setattr(data, name, value)
        if "run_uuid" in fields and not getattr(data, "run_id", None):
            # Clients of old call it so.
            data.run_id = data.run_uuid  # type: ignore[attr-defined]
        for name in getattr(kind, "required", ()):
            value = getattr(data, name)
            if value is None or value == "":
                raise missing(name)
        if isinstance(data, Request):
            data.check()
        return data

    def refuse(self, error: MereError, request_id: str) -> Answer:
        del request_id  # goes out as a header
        error_code, status, text = as_mlflow(error)
        body = msgspec.json.encode({"error_code": error_code, "message": shown(text)})
        return Answer(body, status=status)


_ERROR: Final = {
    "type": "object",
    "properties": {"error_code": {"enum": sorted(STATUSES)}, "message": {"type": "string"}},
    "required": ["error_code", "message"],
    "additionalProperties": False,
}

MLFLOW: Final = _MlflowProtocol("mlflow", _PREFIXES, _ERROR)
"""The protocol itself."""

READ: Final = Permission(Action.READ)
EDIT: Final = Permission(Action.EDIT)
ADMIN: Final = Permission(Action.ADMIN)


def on_experiment(action: Action) -> Permission:
    """To do something with the experiment that the request's ``experiment_id`` names."""
    return Permission(action, scope=lambda call: Scope.experiment(call.data.experiment_id or "0"))


def on_run(action: Action) -> Permission:
    """To do something with the run that the request's ``run_id`` names."""
    return Permission(action, scope=lambda call: Scope.run(call.data.run_id))


def operation(
    method: str,
    *paths: str,
    permission: Permission,
    request: type[msgspec.Struct] | None = None,
    answer: Any = None,
    forms: str = "ajax+api",
    status: int = 200,
    sends: Mapping[int, str] | None = None,
    body_max: int | None = None,
    is_stream: bool = False,
) -> Callable[[Callable[[Call], Any]], Operation]:
    """Declare a handler as an operation of MLflow's protocol; see the module.

    Args:
        method: HTTP's verb.
        paths: Where; ``/*/`` stands for the forms.
        permission: Who may.
        request: The struct of its fields, usually a `Request`.
        answer: What it answers, for the OpenAPI page.
        forms: Which forms there are: ``ajax+api``, ``ajax`` or ``api``.
        status: HTTP's status of an answer.
        sends: What else it answers, by status; see `Operation`.
        body_max: How many bytes its body may have.
        is_stream: Whether it reads or answers without end.
    """
    places = [
        path.replace("/*/", root, 1)
        for path in paths
        for root in (_ROOTS[forms] if path.startswith("/*/") else ("",))
    ]
    declare = operations.operation(
        method,
        *places,
        permission=permission,
        protocol=MLFLOW,
        request=request,
        answer=answer,
        status=status,
        sends=sends,
        body_max=body_max,
        is_stream=is_stream,
    )
    return lambda handler: declare(_without_workspaces(handler))


def _without_workspaces(handler: Callable[[Call], Any]) -> Callable[[Call], Any]:
    """The same handler, which refuses clients that mean a workspace: there are none here."""
    if inspect.iscoroutinefunction(handler):

        @functools.wraps(handler)
        async def waiting(call: Call) -> Any:
            _check_workspace(call)
            return await handler(call)

        return waiting

    @functools.wraps(handler)
    def working(call: Call) -> Any:
        _check_workspace(call)
        return handler(call)

    return working


def _check_workspace(call: Call) -> None:
    meant = call.headers.get("x-mlflow-workspace", "").strip()
    if meant and not call.raw.url.path.rstrip("/").endswith("/mlflow/server-info"):
        raise refusal(
            "FEATURE_DISABLED",
            "Workspace APIs are not available: workspaces are not enabled on this server "
            f"(asked for {meant[:100]!r})",
        )


def _check_media_type(given: str | None) -> None:
    """Only JSON is taken: a page elsewhere can make a browser send a form, but not this."""
    if given is None:
        raise invalid("Bad Request. Content-Type header is missing.")
    if given.partition(";")[0].strip().lower() != "application/json":
        raise invalid("Bad Request. Content-Type must be one of ['application/json'].")


@functools.cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind, strict=False)


def _from_json(kind: type[_T], body: bytes) -> _T:
    known: Any = kind  # a type is hashable, which mypy does not see
    try:
        decoded: _T = _decoder(known).decode(body or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # a misfit is the first, too
        return _from_plain(kind, _plain_json(body))
    return decoded


def _plain_json(body: bytes) -> Any:
    """What a body says, read as Python reads it: bare NaN, and JSON within JSON text."""
    try:
        plain = json.loads(body)
        if isinstance(plain, str):
            plain = json.loads(plain)
        # Python reads half a surrogate pair, which no text of ours can hold.
        json.dumps(plain, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise invalid(f"the request's body is no JSON: {error}") from error
    if plain is None:
        return {}
    if not isinstance(plain, dict):
        raise invalid(f"the request's body is a {type(plain).__name__}: send a JSON object")
    return plain


def _from_plain(kind: type[_T], plain: Any) -> _T:
    try:
        given = _without_nulls(plain)
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _misfit(error, given) from error
    except RecursionError as error:
        raise invalid("the request's body is nested too deeply") from error


def _from_query(kind: type[_T], pairs: list[tuple[str, str]]) -> _T:
    given: dict[str, Any] = {}
    known: Any = kind
    lists = _list_fields(known)
    for name, value in pairs:
        if name in lists:
            given.setdefault(name, []).append(value)
        else:
            given.setdefault(name, value)
    return _from_plain(kind, given)


@functools.cache
def _list_fields(kind: Any) -> frozenset[str]:
    fields = msgspec.structs.fields(kind)
    return frozenset(one.encode_name for one in fields if _LIST.search(str(one.type)))


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _misfit(error: msgspec.ValidationError, given: Any) -> MereError:
    """Name the field and the value that do not fit."""
    place = _PLACE.search(str(error))
    if place is None:
        return InvalidInput(ErrorCode.INVALID_VALUE, f"the request does not fit: {error}")
    value, path = given, ""
    for found in _STEP.finditer(place.group(1)):
        name, index, _ = found.groups()
        try:
            value = value[name] if name else value[int(index)]
        except (KeyError, IndexError, TypeError, ValueError):
            break
        path += (f".{name}" if path else name) if name else f"[{index}]"
    return wrong_type(path, value)
