"""The files of a version: what they are, their digest, and what an ``MLmodel`` among them says.

A version's files are rows of the table of artifacts that belong to the version itself. They name
the same objects as those of the run they came from: content is stored once and never changes, so
the version is what it was, whatever the run logs to those paths later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from mere.errors import MereError

if TYPE_CHECKING:
    from mere.entities.artifact import Artifact
    from mere.services.artifacts.artifacts import Artifacts

__all__ = ["describe_files", "digest_of", "rows_for"]

_DESCRIPTION = "MLmodel"
_DESCRIPTION_BYTES_MAX = 1 << 20
_DEPTH_MAX = 50
_SIGNATURE = ("inputs", "outputs", "params")
_COPIED = ("kind", "size", "digest", "media_type", "location", "step", "caption")


def rows_for(version_id: str, files: Sequence[Artifact], folder: str) -> list[dict[str, Any]]:
    """Rows that make files the version's own, at their paths below a folder of their owner."""
    prefix = f"{folder.rstrip('/')}/" if folder.strip("/") else ""
    rows = []
    for one in files:
        # The source may be one file; it keeps its name then.
        path = one.path.removeprefix(prefix) if one.path.startswith(prefix) else one.name
        copied = {name: getattr(one, name) for name in _COPIED}
        rows.append({"owner": version_id, "path": path, **copied, "logged_at": one.logged_at})
    return rows


def digest_of(files: Sequence[Artifact]) -> str:
    """One digest for all files: of their digests and paths, in the order of the paths."""
    lines = sorted(f"{one.path}\0{one.size}\0{one.digest}\n" for one in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def describe_files(artifacts: Artifacts, owner: str) -> dict[str, Any]:
    """The columns of a version that follow from its files.

    What an ``MLmodel`` says is taken where it can be read; a model of any other kind has none.
    """
    files = artifacts.list(owner)
    columns: dict[str, Any] = {
        "files": len(files),
        "bytes": sum(one.size for one in files),
        "digest": digest_of(files),
    }
    found = next((one for one in files if one.path == _DESCRIPTION), None)
    if found is None or found.size > _DESCRIPTION_BYTES_MAX:
        return columns
    try:
        said = _parse(artifacts.read(owner, _DESCRIPTION))
    except MereError:
        return columns
    flavors = said.get("flavors")
    if isinstance(flavors, dict):
        columns["flavors"] = {str(name): _json(value) for name, value in flavors.items()}
    signature = said.get("signature")
    if isinstance(signature, dict):
        parts = {name: _inner(signature.get(name)) for name in _SIGNATURE}
        columns["signature"] = _json(parts)
    return columns


def _parse(text: bytes) -> dict[str, Any]:
    """What a description says; nothing where it is no mapping, or cannot be read at all."""
    try:
        import yaml
    except ImportError:  # only the server brings it
        return {}
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        if not _is_harmless(yaml.parse(text, Loader=loader), yaml):
            return {}
        said = yaml.load(text, Loader=loader)  # noqa: S506 - the safe one
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return _plain(said) if isinstance(said, dict) else {}


def _is_harmless(events: Iterable[Any], yaml: Any) -> bool:
    """Whether YAML has no references and is not deep.

    A few lines with references can stand for more than fits into memory, and the library in C
    goes down into what is deep until the process has no stack left.
    """
    depth = 0
    for event in events:
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEPTH_MAX or isinstance(event, yaml.AliasEvent):
            return False
    return True


def _plain(value: Any) -> Any:
    """A value of YAML as JSON has it: there, keys may be numbers and dates."""
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _inner(value: Any) -> Any:
    """A part of a signature, which is JSON in a text."""
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return value


def _json(value: Any) -> str:
    return msgspec.json.encode(value, order="sorted", enc_hook=str).decode()
