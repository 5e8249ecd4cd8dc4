"""Addresses by which clients fetch large files from the bucket itself, where it can sign them.

Only for reading. What went into the bucket past the server would have no row, no digest and no
check of its path, so uploads always come through here; clients that ask for more are told, in the
words on which they fall back to it.
"""

from __future__ import annotations

from typing import Any

from mere.entities.artifact import Artifact
from mere.errors import ErrorCode, InvalidInput, MereError
from mere.server.operations import Call, Permission
from mere.server.protocols.mlflow.addresses import checked_path
from mere.server.protocols.mlflow.artifacts import addressed, at_address
from mere.server.protocols.mlflow.errors import invalid
from mere.server.protocols.mlflow.wire import Request, operation
from mere.services.access.access import Action, Scope

__all__ = ["OPERATIONS"]

_EXPIRES_S = 900
_EXPIRES_S_MAX = 604_800
_MPU = "/*/2.0/mlflow-artifacts/mpu"
_NOT_HERE = {501: "application/json"}
"""What a warehouse answers whose store cannot sign addresses."""


class _DownloadUrl(Request):
    required = ("run_id", "path")
    run_id: str = ""
    path: str = ""
    expiration: int | None = None


class _UploadUrl(Request):
    required = ("path",)
    run_id: str = ""
    model_id: str = ""
    path: str = ""


def _to_upload(call: Call) -> Scope:
    data: _UploadUrl = call.data
    if bool(data.run_id) == bool(data.model_id):
        raise invalid("Exactly one of run_id and model_id must be provided.")
    return Scope.files(data.run_id) if data.run_id else Scope.logged_model(data.model_id)


@operation(
    "GET",
    "/*/2.0/mlflow-artifacts/presigned/{artifact_path:path}",
    permission=at_address(Action.READ),
    sends=_NOT_HERE,
)
def presigned_download(call: Call) -> dict[str, Any]:
    """An address at the bucket from which a file can be fetched for a quarter of an hour."""
    found = addressed(call)
    artifact = call.warehouse.artifacts.get(found.owner, found.path)
    url = _signed(call, artifact, _EXPIRES_S, "Multipart download")
    return {"url": url, "headers": {}, "file_size": artifact.size}


@operation(
    "POST",
    "/*/2.0/mlflow/artifacts/presigned-download-url",
    permission=Permission(Action.READ, scope=lambda call: Scope.files(call.data.run_id)),
    request=_DownloadUrl,
    sends=_NOT_HERE,
)
def presigned_download_url(call: Call) -> dict[str, Any]:
    """The same for a file of a run, for as long as is asked for."""
    data: _DownloadUrl = call.data
    expires_s = _EXPIRES_S if data.expiration is None else data.expiration
    if not 1 <= expires_s <= _EXPIRES_S_MAX:
        raise invalid(
            f"expiration must be between 1 and {_EXPIRES_S_MAX} seconds (got {expires_s})."
        )
    artifact = call.warehouse.artifacts.get(data.run_id, checked_path(data.path))
    url = _signed(call, artifact, expires_s, "Presigned download")
    return {"presigned_url": url, "headers": {}, "file_size": artifact.size}


@operation(
    "POST",
    "/*/2.0/mlflow/artifacts/presigned-upload-url",
    permission=Permission(Action.EDIT, scope=_to_upload),
    request=_UploadUrl,
    status=501,
)
async def presigned_upload_url(call: Call) -> dict[str, Any]:
    """Not offered: files are put through the server."""
    checked_path(call.data.path)
    raise _unsupported("Presigned upload")


@operation(
    "POST",
    f"{_MPU}/create/{{artifact_path:path}}",
    f"{_MPU}/complete/{{artifact_path:path}}",
    f"{_MPU}/abort/{{artifact_path:path}}",
    permission=at_address(Action.EDIT),
    status=501,
)
async def multipart_upload(call: Call) -> dict[str, Any]:
    """Not offered: a file of any size is put in one request."""
    addressed(call)
    raise _unsupported("Multipart upload")


def _signed(call: Call, artifact: Artifact, expires_s: int, what: str) -> str:
    url = call.warehouse.lake.blobs.signed_url(artifact.location, expires_s=expires_s)
    if url is None:
        raise _unsupported(what)
    return url


def _unsupported(what: str) -> MereError:
    return InvalidInput(
        ErrorCode.NOT_OFFERED, f"{what} is not supported for the current artifact repository"
    )


OPERATIONS = (
    presigned_download,
    presigned_download_url,
    presigned_upload_url,
    multipart_upload,
)
