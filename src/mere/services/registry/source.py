"""Where a version's files come from: sources are checked, and resolved to files that we hold.

A source is an address that its maker gives. Where it names files of this warehouse (of a run, a
logged model or another version), these are found in the table of artifacts with their digests,
and nothing is copied: stored content never changes. Any other address is kept as it is.

A local path is refused: it means something on the machine of whoever sent it, or, worse, on ours.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from mere.entities.actor import Scope
from mere.entities.model import is_prompt as has_prompt_tag
from mere.errors import ErrorCode, InvalidInput, NotFound
from mere.services.registry.rows import active_version, aliases_of, version_rows

if TYPE_CHECKING:
    from mere.lake import Lake

__all__ = ["PROMPT_SOURCES", "Source", "resolve_source", "source_scopes"]

PROMPT_SOURCES = ("dummy-source", "prompt-template")
"""What clients give as the source of a prompt's version, which has no files."""

_SOURCE_CHARS_MAX = 4_000
_PROXY = "/api/2.0/mlflow-artifacts/artifacts/"
_OWNED = re.compile(
    r"(?:[^/]+/)?(?:models/)?(?P<owner>[0-9A-Za-z_-]{1,64})/artifacts(?:/(?P<path>.*))?"
)
_LOGGED_MODEL = re.compile(r"m-[0-9a-f]{32}")


@dataclass(frozen=True)
class Source:
    """A source, resolved.

    Args:
        text: The address as it is kept.
        run_id: The run it belongs to.
        model_id: The logged model it is.
        location: Where its files are.
        owner: To whom the files belong in the table of artifacts; None where they are elsewhere.
        folder: Where they lie below the owner.
    """

    text: str
    run_id: str | None
    model_id: str | None
    location: str
    owner: str | None = None
    folder: str = ""


def resolve_source(
    lake: Lake, text: str, run_id: str | None, model_id: str | None, *, is_prompt: bool
) -> Source:
    """Check a source and find what it means.

    Raises:
        InvalidInput: It is a local path or climbs out of its folder, or belongs to another run or
            logged model than the one given.
        NotFound: It names a version or logged model that is not there.
    """
    if is_prompt:
        if text not in PROMPT_SOURCES:
            raise _refused(text, f"a prompt has no files: give {' or '.join(PROMPT_SOURCES)}")
        return Source(text, run_id, model_id, text)
    if not text or len(text) > _SOURCE_CHARS_MAX:
        raise _refused(text[:80], f"give an address of 1 to {_SOURCE_CHARS_MAX:,} characters")
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise _refused(text, f"it is no address ({error})") from error
    _check_path(text)
    match parts.scheme.lower():
        case "" | "file":
            raise _refused(
                text,
                "a local path means nothing here: log the files to a run or a logged model, and "
                "name that",
            )
        case "runs":
            return _of_run(text, parts.netloc + parts.path, run_id, model_id)
        case "models":
            return _of_model(lake, text, parts.netloc + parts.path, run_id, model_id)
        case "mlflow-artifacts":
            return _of_proxy(lake, text, parts.path, run_id, model_id)
        case "http" | "https" if _PROXY in parts.path:
            return _of_proxy(lake, text, parts.path.partition(_PROXY)[2], run_id, model_id)
    run_id = run_id or (_run_of(lake, model_id) if model_id else None)
    return Source(text, run_id, model_id, text)


def source_scopes(text: str, run_id: str | None, model_id: str | None) -> list[Scope]:
    """What one must be allowed to read to make a version of a source: its files become readable."""
    scopes = []
    scheme, _, rest = text.partition(":")
    owner, _, below = rest.lstrip("/").partition("/")
    if run_id:
        scopes.append(Scope.files(run_id))
    elif scheme == "runs":
        scopes.append(Scope.files(owner))
    if model_id:
        scopes.append(Scope.logged_model(model_id))
    if scheme == "models" and _LOGGED_MODEL.fullmatch(owner):
        scopes.append(Scope.logged_model(owner))
    elif scheme == "models":
        name = owner if below else owner.rpartition("@")[0]
        scopes.append(Scope.model(name or owner))
    return scopes


def _check_path(text: str) -> None:
    plain = text
    while (once := unquote(plain)) != plain:
        plain = once
    if ".." in re.split(r"[/\\]", plain) or re.search(r"[\x00-\x1f\x7f]", plain):
        raise _refused(text, "give an absolute address, without '..' and control characters")


def _of_run(text: str, path: str, run_id: str | None, model_id: str | None) -> Source:
    owner, _, folder = path.strip("/").partition("/")
    if run_id is None and model_id is None:
        run_id = owner
    if owner != run_id or not owner:
        raise _misfit(text, "run_id")
    return Source(text, run_id, model_id, text, owner, folder)


def _of_model(lake: Lake, text: str, path: str, run_id: str | None, model_id: str | None) -> Source:
    path = path.strip("/")
    logged, _, folder = path.partition("/")
    if _LOGGED_MODEL.fullmatch(logged):
        if model_id not in (None, logged):
            raise _misfit(text, "model_id")
        row = lake.get("logged_models", logged)
        if row is None:
            raise NotFound(
                ErrorCode.MODEL_NOT_FOUND, f"there is no logged model {logged!r}", model_id=logged
            )
        location = row["artifact_location"] or f"artifacts/{logged}"
        return Source(text, run_id or row["run_id"], logged, location, logged, folder)
    found = active_version(lake, *_named(lake, text, path))
    if _is_prompt_row(found):
        raise _refused(text, "a version of a prompt is no source of a model's version")
    if (run_id and run_id != found["run_id"]) or (model_id and model_id != found["model_id"]):
        raise _misfit(text, "run_id and model_id")
    address = f"models:/{found['name']}/{found['version']}"
    location = found["location"] or found["source"] or address
    return Source(address, found["run_id"], found["model_id"], location, found["version_id"])


def _named(lake: Lake, text: str, path: str) -> tuple[str, int | str]:
    """The name and version that ``name/3``, ``name/latest`` or ``name@alias`` means."""
    name, at, alias = path.rpartition("@")
    if at and "/" not in alias:
        version = aliases_of(lake, [name])[name].get(alias)
        if version is None:
            raise NotFound(
                ErrorCode.ALIAS_NOT_FOUND, f"registered model {name!r} has no alias {alias!r}"
            )
        return name, version
    name, slash, number = path.partition("/")
    if not slash:
        raise _refused(text, "write models:/NAME/VERSION, models:/NAME@ALIAS or models:/m-…")
    if number == "latest":
        rows = version_rows(lake, name, ["version", "lifecycle"])
        number = str(max((r["version"] for r in rows if r["lifecycle"] == "active"), default=0))
    return name, number


def _is_prompt_row(row: dict[str, object]) -> bool:
    tags = row.get("tags")
    return isinstance(tags, dict) and has_prompt_tag(tags)


def _of_proxy(lake: Lake, text: str, path: str, run_id: str | None, model_id: str | None) -> Source:
    """Files that are reached through a server of ours, or of MLflow's, as a proxy."""
    found = _OWNED.fullmatch(posixpath.normpath(path).strip("/"))
    owner = found["owner"] if found else None
    if model_id is not None and owner == model_id:
        run_id = run_id or _run_of(lake, model_id)
    elif owner is None or owner != run_id:
        raise _misfit(text, "model_id" if model_id else "run_id")
    assert found is not None
    return Source(text, run_id, model_id, text, owner, found["path"] or "")


def _run_of(lake: Lake, model_id: str) -> str | None:
    row = lake.get("logged_models", model_id)
    if row is None:
        raise NotFound(
            ErrorCode.MODEL_NOT_FOUND, f"there is no logged model {model_id!r}", model_id=model_id
        )
    run_id: str | None = row["run_id"]
    return run_id


def _refused(text: str, reason: str) -> InvalidInput:
    return InvalidInput(
        ErrorCode.INVALID_VALUE, f"invalid model version source: {text!r}: {reason}", source=text
    )


def _misfit(text: str, what: str) -> InvalidInput:
    return _refused(text, f"the {what} given must name what contains the source")
