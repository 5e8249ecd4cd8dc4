"""What MLflow's own web UI needs beside the API: its pages, and what the server says of itself.

The pages are those of the `mlflow` package, where it is installed; we ship none of them. They are
served below ``/mlflow/`` and ask for everything relative to that, so what they ask for is sent on
to where it is.
"""

from __future__ import annotations

import importlib.util
import mimetypes
import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mere.errors import ErrorCode, NotFound
from mere.server.operations import PUBLIC, Answer, Call
from mere.server.protocols.mlflow.wire import operation

__all__ = ["OPERATIONS", "sent_on"]

_SENT_ON = re.compile(
    r"(ajax-api/[^?#]*|graphql|get-artifact|model-versions/get-artifact|version|health)"
)
_FILES_CACHED_S = 24 * 3600


@operation("GET", "/*/3.0/mlflow/server-info", permission=PUBLIC)
async def get_server_info(call: Call) -> dict[str, Any]:
    """Say what this server offers, before anybody signs in."""
    del call
    return {
        "store_type": "SqlStore",
        "workspaces_enabled": False,
        "trace_archival_enabled": False,
        "multipart_uploads_enabled": True,
        "multipart_downloads_enabled": False,
        "presigned_upload_run_id_supported": True,
        "presigned_upload_model_id_supported": True,
        "features_enabled": {"gateway": False},
    }


@operation("GET", "/*/3.0/mlflow/ui-telemetry", permission=PUBLIC, forms="ajax")
async def get_ui_telemetry(call: Call) -> dict[str, Any]:
    """Say that pages report nothing to anybody."""
    del call
    return {"disable_ui_telemetry": True, "disable_ui_events": [], "ui_rollout_percentage": 0}


@operation("POST", "/*/3.0/mlflow/ui-telemetry", permission=PUBLIC, forms="ajax")
async def post_ui_telemetry(call: Call) -> dict[str, Any]:
    """Take no telemetry."""
    del call
    return {"status": "disabled"}


@operation(
    "GET",
    "/mlflow",
    permission=PUBLIC,
    sends={200: "text/html", 404: "application/json"},
)
def get_ui(call: Call) -> Answer:
    """Serve the page of MLflow's web UI."""
    page = _safe(_folder(call), "index.html").read_bytes()
    # What it asks for is relative; with or without a slash at the end, that must be the same.
    return Answer(page.replace(b"<head>", b'<head><base href="/mlflow/"/>', 1), "text/html")


@operation("GET", "/mlflow/{path:path}", permission=PUBLIC, sends={200: "*/*", 307: ""})
def get_ui_file(call: Call) -> Answer:
    """Serve a file of MLflow's web UI, or send on what its page asks for."""
    path = call.path["path"]
    target = sent_on(path, call.raw.url.query)
    if target is not None:
        return Answer(status=307, headers={"Location": target})
    file = _safe(_folder(call), path.removeprefix("static-files/"))
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    kept = {"Cache-Control": f"public, max-age={_FILES_CACHED_S}"}
    return Answer(file.read_bytes(), kind, headers=kept)


@operation("POST", "/mlflow/{path:path}", permission=PUBLIC, status=307)
async def post_ui(call: Call) -> Answer:
    """Send on what MLflow's pages ask for; the method and body stay."""
    return _send_on(call)


@operation("PATCH", "/mlflow/{path:path}", permission=PUBLIC, status=307)
async def patch_ui(call: Call) -> Answer:
    """Send on what MLflow's pages ask for; the method and body stay."""
    return _send_on(call)


@operation("PUT", "/mlflow/{path:path}", permission=PUBLIC, status=307)
async def put_ui(call: Call) -> Answer:
    """Send on what MLflow's pages ask for; the method and body stay."""
    return _send_on(call)


@operation("DELETE", "/mlflow/{path:path}", permission=PUBLIC, status=307)
async def delete_ui(call: Call) -> Answer:
    """Send on what MLflow's pages ask for; the method and body stay."""
    return _send_on(call)


def sent_on(path: str, query: str) -> str | None:
    """Where a path below ``/mlflow/`` leads on this very server, if it is one of the API."""
    if _SENT_ON.fullmatch(path) is None or ".." in path.split("/"):
        return None
    return f"/{quote(path)}" + (f"?{query}" if query else "")


def _send_on(call: Call) -> Answer:
    target = sent_on(call.path["path"], call.raw.url.query)
    if target is None:
        raise _nothing()
    return Answer(status=307, headers={"Location": target})


def _folder(call: Call) -> Path:
    folder = _build() if call.server.settings.mlflow_ui else None
    if folder is None:
        raise NotFound(
            ErrorCode.ROUTE_NOT_FOUND,
            "MLflow's web UI is not served here: install the package mlflow beside mere, and start "
            "the server with --mlflow-ui",
        )
    return folder


@cache
def _build() -> Path | None:
    """The folder of the UI's files, if the package that brings them is installed."""
    # Its parents would be imported if a submodule were looked for.
    found = importlib.util.find_spec("mlflow")
    places = (found.submodule_search_locations or ()) if found else ()
    for place in places:
        folder = Path(place, "server", "js", "build")
        if (folder / "index.html").is_file():
            return folder.resolve()
    return None


def _safe(folder: Path, name: str) -> Path:
    """A file below a folder, whatever the name tries."""
    file = (folder / name).resolve() if "\0" not in name else folder
    if not file.is_relative_to(folder) or not file.is_file():
        raise _nothing()
    return file


def _nothing() -> NotFound:
    return NotFound(ErrorCode.ROUTE_NOT_FOUND, "there is nothing at this path")


OPERATIONS = (
    get_server_info,
    get_ui_telemetry,
    post_ui_telemetry,
    get_ui,
    get_ui_file,
    post_ui,
    patch_ui,
    put_ui,
    delete_ui,
)
