"""Files: the proxy through which clients put and get them, and what web pages ask of them.

Clients are told addresses below ``mlflow-artifacts:/``, and send and fetch files here. All of them
are rows of the table of artifacts, with digest, size and media type, so that ``mere artifacts``,
the SDK and SQL see what MLflow's clients log, and these see what was logged with `mere`. To log
to a path again replaces what is shown there; the content before stays as long as anything names
it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from typing import Any

from mere.entities.artifact import Artifact
from mere.entities.run import check_run_id
from mere.errors import ErrorCode, InvalidInput, NotFound
from mere.server.operations import Call, Permission
from mere.server.protocols.mlflow.addresses import Address, checked_path, parse_address, root_of
from mere.server.protocols.mlflow.errors import invalid, missing
from mere.server.protocols.mlflow.logged_models import on_logged_model
from mere.server.protocols.mlflow.wire import Request, message, operation
from mere.server.transfers import FILE, Received, received, send_artifact
from mere.services.access.access import Action, Scope
from mere.services.artifacts.artifacts import NewArtifact
from mere.services.warehouse import Warehouse

__all__ = ["OPERATIONS", "addressed", "at_address"]

_PAGE_UPLOAD_BYTES_MAX = 10 << 20
_ARTIFACTS = "/*/2.0/mlflow-artifacts/artifacts"
_FILE = f"{_ARTIFACTS}/{{artifact_path:path}}"


class _ListProxied(Request):
    path: str = ""


class _ListOfRun(Request):
    run_id: str = ""
    run_uuid: str = ""
    path: str = ""


class _OfRun(Request):
    required = ("path",)
    run_id: str = ""
    run_uuid: str = ""
    path: str = ""


class _Upload(Request):
    required = ("run_uuid", "path")
    run_uuid: str = ""
    path: str = ""


class _OfVersion(Request):
    required = ("name", "version", "path")
    name: str = ""
    version: int | None = None
    path: str = ""


class _ListOfModel(Request):
    required = ("model_id",)
    model_id: str = ""
    artifact_directory_path: str = ""


class _OfModel(Request):
    required = ("model_id", "artifact_file_path")
    model_id: str = ""
    artifact_file_path: str = ""


def addressed(call: Call) -> Address:
    """The file that the rest of a request's path names.

    Raises:
        InvalidInput: It names no owner, or leads elsewhere.
    """
    found = parse_address(call.path["artifact_path"])
    if found is None:
        raise invalid(
            "Invalid path: files belong to a run, a logged model or a trace: "
            "<experiment>/<run>/artifacts/<path>, <experiment>/models/<model>/artifacts/<path> or "
            "<experiment>/traces/<trace>/artifacts/<path>"
        )
    return found


def at_address(action: Action) -> Permission:
    """To do something with the owner of the file that a request's path names."""
    return Permission(action, scope=lambda call: addressed(call).scope)


def _at_listed(call: Call) -> Scope:
    found = parse_address(call.data.path)
    return Scope.anything() if found is None else found.scope


def _of_run(call: Call) -> Scope:
    run_id = call.data.run_id or call.data.run_uuid
    if not run_id:
        raise missing("run_id")
    return Scope.files(run_id)


@operation(
    "GET",
    _ARTIFACTS,
    permission=Permission(Action.READ, scope=_at_listed),
    request=_ListProxied,
)
def list_proxied(call: Call) -> dict[str, Any]:
    """What lies directly in a folder, by its address."""
    found = parse_address(call.data.path)
    if found is None:
        return {}
    return message(files=_listed(call.warehouse, found.owner, found.path, is_relative=True))


@operation("GET", _FILE, permission=at_address(Action.READ), is_stream=True, sends=FILE)
async def download(call: Call) -> Any:
    """A file's content, or a part of it."""
    return await _send(call, addressed(call))


@operation("HEAD", _FILE, permission=at_address(Action.READ), sends=FILE)
async def head(call: Call) -> Any:
    """What a file's content is, without it."""
    found = addressed(call)
    artifact = await call.in_thread(_find, call.warehouse, found.owner, found.path)
    return await send_artifact(call, artifact, is_head=True)


@operation("PUT", _FILE, permission=at_address(Action.EDIT), is_stream=True)
async def upload(call: Call) -> dict[str, Any]:
    """Store a file, of any size; it is shown when all of it is durable."""
    found = addressed(call)
    if not found.path:
        raise invalid("Invalid path: a file needs a name below 'artifacts'")
    is_ready = await call.in_thread(_check_writable, call.warehouse, found)
    async with received(call) as body:
        await call.in_thread(_store, call.warehouse, found, body)
    if is_ready:
        await call.in_thread(call.warehouse.logged_models.describe, found.owner)
    return {}


@operation("DELETE", _FILE, permission=at_address(Action.EDIT))
def delete(call: Call) -> dict[str, Any]:
    """Delete a file, or all in a folder."""
    found = addressed(call)
    is_ready = _check_writable(call.warehouse, found)
    count = call.warehouse.artifacts.delete(found.owner, found.path)
    if count and is_ready:
        call.warehouse.logged_models.describe(found.owner)
    return {}


@operation(
    "GET",
    "/*/2.0/mlflow/artifacts/list",
    permission=Permission(Action.READ, scope=_of_run),
    request=_ListOfRun,
)
def list_of_run(call: Call) -> dict[str, Any]:
    """What lies directly in a folder of a run."""
    data: _ListOfRun = call.data
    path = checked_path(data.path)
    row = call.warehouse.runs.row(data.run_id)
    uri = root_of("run", row["run_id"], row["experiment_id"], row.get("artifact_location"))
    files = _listed(call.warehouse, row["run_id"], path)
    return message(root_uri=uri, files=files)


@operation(
    "GET",
    "/get-artifact",
    "/ajax-api/2.0/mlflow/get-artifact",
    permission=Permission(Action.READ, scope=_of_run),
    request=_OfRun,
    is_stream=True,
    sends=FILE,
)
async def get_artifact(call: Call) -> Any:
    """A run's file, for web pages."""
    return await _send(call, Address("run", call.data.run_id, checked_path(call.data.path)))


@operation(
    "POST",
    "/*/2.0/mlflow/upload-artifact",
    permission=Permission(Action.EDIT, scope=lambda call: Scope.files(_asked(call, "run_uuid"))),
    forms="ajax",
    is_stream=True,
)
async def upload_artifact(call: Call) -> dict[str, Any]:
    """Store a small file of a run, for web pages."""
    found = Address("run", _asked(call, "run_uuid"), checked_path(_asked(call, "path")))
    await call.in_thread(_check_writable, call.warehouse, found)
    try:
        async with received(call, _PAGE_UPLOAD_BYTES_MAX) as body:
            if not body.size:
                raise invalid("Request must specify data.")
            await call.in_thread(_store, call.warehouse, found, body)
    except InvalidInput as error:
        if error.code is ErrorCode.BODY_TOO_LARGE:
            raise invalid("Artifact size is too large. Max size is 10MB.") from error
        raise
    return {}


@operation(
    "GET",
    "/model-versions/get-artifact",
    "/ajax-api/2.0/mlflow/model-versions/get-artifact",
    permission=Permission(Action.READ, scope=lambda call: Scope.model(call.data.name)),
    request=_OfVersion,
    is_stream=True,
    sends=FILE,
)
async def get_version_artifact(call: Call) -> Any:
    """A file of a model's version, for web pages."""
    data: _OfVersion = call.data
    assert data.version is not None
    path = checked_path(data.path)
    version = await call.in_thread(call.warehouse.models.versions.get, data.name, data.version)
    return await _send(call, Address("run", version.version_id or "", path))


@operation(
    "GET",
    "/*/2.0/mlflow/logged-models/{model_id}/artifacts/directories",
    permission=on_logged_model(Action.READ),
    request=_ListOfModel,
)
def list_of_logged_model(call: Call) -> dict[str, Any]:
    """What lies directly in a folder of a logged model."""
    data: _ListOfModel = call.data
    path = checked_path(data.artifact_directory_path)
    model = call.warehouse.logged_models.get(data.model_id)
    uri = root_of("logged_model", model.model_id, model.experiment_id, model.artifact_location)
    return message(root_uri=uri, files=_listed(call.warehouse, model.model_id, path))


@operation(
    "GET",
    "/*/2.0/mlflow/logged-models/{model_id}/artifacts/files",
    permission=on_logged_model(Action.READ),
    request=_OfModel,
    forms="ajax",
    is_stream=True,
    sends=FILE,
)
async def get_logged_model_artifact(call: Call) -> Any:
    """A file of a logged model, for web pages."""
    data: _OfModel = call.data
    await call.in_thread(call.warehouse.logged_models.get, data.model_id)
    path = checked_path(data.artifact_file_path)
    return await _send(call, Address("logged_model", data.model_id, path))


async def _send(call: Call, found: Address) -> Any:
    artifact = await call.in_thread(_find, call.warehouse, found.owner, found.path)
    return await send_artifact(call, artifact)


def _find(warehouse: Warehouse, owner: str, path: str) -> Artifact:
    try:
        return warehouse.artifacts.get(owner, path)
    except NotFound:
        if warehouse.artifacts.children(owner, path):
            raise invalid(f"Artifact path refers to a directory, not a file: '{path}'") from None
        raise


def _listed(
    warehouse: Warehouse, owner: str, path: str, *, is_relative: bool = False
) -> list[dict[str, Any]]:
    """What lies directly in a folder, as messages; paths without the folder, if relative."""
    place: Callable[[str], str] = (
        (lambda name: name) if is_relative else (lambda name: posixpath.join(path, name))
    )
    return [
        message(path=place(one.name), is_dir=one.size is None, file_size=one.size)
        for one in warehouse.artifacts.children(owner, path)
    ]


def _check_writable(warehouse: Warehouse, found: Address) -> bool:
    """Refuse files for what is not there or deleted; whether it is a model that is ready.

    Raises:
        NotFound: There is no such owner.
        InvalidInput: It is deleted.
    """
    if found.kind == "logged_model":
        return warehouse.logged_models.is_ready(found.owner)
    if found.kind == "run" and warehouse.logging.gate.peek(check_run_id(found.owner)) is None:
        warehouse.logging.gate.look(found.owner)
    return False


def _store(warehouse: Warehouse, found: Address, body: Received) -> None:
    item = NewArtifact(path=found.path, content=body.content, digest=body.digest)
    warehouse.artifacts.put_shared(found.owner, item)


def _asked(call: Call, name: str) -> str:
    """A field of the query, where the body is something else."""
    value = dict(call.query).get(name, "")
    if not value:
        raise invalid(f"Request must specify {name}.")
    return value


OPERATIONS = (
    list_proxied,
    download,
    head,
    upload,
    delete,
    list_of_run,
    get_artifact,
    upload_artifact,
    get_version_artifact,
    list_of_logged_model,
    get_logged_model_artifact,
)
