"""Where files are, in MLflow's words: addresses below its proxy, taken apart and checked.

An address ends in ``<owner>/artifacts/<path>``: the owner is a run, a logged model (below
``models``), a trace (below ``traces``), or a version of a registered model (below ``versions``),
whose files nobody changes. What stands before it says nothing that the owner's id does not say, so
nothing is made of it. Where a file's bytes lie follows from the owner and the path alone
(`mere.services.artifacts.artifacts`); no address ever becomes a path of this machine.

An address is checked as it stands, and in every form that somebody else might read in it:
percent-decoded, however often, and with look-alike characters made plain.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import PureWindowsPath
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from mere.entities.artifact import check_artifact_path
from mere.server.protocols.mlflow.errors import invalid
from mere.services.access.access import Scope

__all__ = ["Address", "address_of", "checked_path", "parse_address", "root_of"]

_RUN = re.compile(r"[0-9a-f]{32}")
_MODEL = re.compile(r"m-[0-9a-f]{32}")
_OWNER = re.compile(r"[0-9A-Za-z_-]{1,64}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_DECODED_MAX = 8


class Address(NamedTuple):
    """A file or folder of an owner.

    Args:
        kind: ``run``, ``logged_model`` or ``trace``.
        owner: The owner's id.
        path: Below the owner; empty for all of it.
    """

    kind: str
    owner: str
    path: str

    @property
    def scope(self) -> Scope:
        """On what somebody must be allowed to do something: the id says it, no word before it."""
        return Scope.files(self.owner)


def parse_address(text: str) -> Address | None:
    """Take an address apart; None where it names no owner.

    Raises:
        InvalidInput: It leads elsewhere, in one reading or another.
    """
    parts = _safe(text).split("/")
    for index in range(1, len(parts)):
        if parts[index] != "artifacts":
            continue
        owner, above = parts[index - 1], parts[index - 2] if index > 1 else ""
        kind = _kind(owner, above)
        if kind:
            return Address(kind, owner, checked_path("/".join(parts[index + 1 :])))
    return None


def _kind(owner: str, above: str) -> str | None:
    # Whatever stands before it: no run, model or version is reached by another kind's rules.
    if _MODEL.fullmatch(owner):
        return "logged_model"
    if _RUN.fullmatch(owner):
        return "run"
    return "trace" if above == "traces" and _OWNER.fullmatch(owner) else None


def address_of(uri: str) -> Address | None:
    """The address within a URI of ours (``mlflow-artifacts:/…``); None for all others."""
    parts = urlsplit(uri)
    if parts.scheme != "mlflow-artifacts":
        return None
    return parse_address(parts.path.removeprefix("/"))


def checked_path(text: str) -> str:
    """Return a path without a slash at its end, if it stays where it is joined to.

    Raises:
        InvalidInput: It is absolute, climbs, or would if it were decoded once more.
    """
    path = _safe(text)
    return check_artifact_path(path) if path else ""


def _safe(text: str) -> str:
    path = text.rstrip("/")
    forms, form = [path], path
    for _ in range(_DECODED_MAX):
        plain = unquote(form, errors="surrogateescape")
        if plain == form:
            break
        forms.append(plain)
        form = plain
    else:
        raise _refused(text)
    for one in forms:
        for read in (one, unicodedata.normalize("NFKC", one)):
            if not _is_safe(read):
                raise _refused(text)
    return path


def _is_safe(path: str) -> bool:
    """Whether a path, read literally, stays below whatever it is joined to."""
    # What was no UTF-8 came as U+FFFD; two such names would be taken for one.
    if {"#", "\\", "\ufffd"} & set(path) or _CONTROL.search(path) or path.startswith("/"):
        return False
    # A drive letter is one however short the path; PureWindowsPath knows all of them.
    if PureWindowsPath(path).drive or path.lower().startswith("file:"):
        return False
    return not {"..", "."} & set(path.split("/"))


def root_of(kind: str, owner: str, experiment_id: str, location: str | None) -> str:
    """The URI below which an owner's files are, for clients."""
    if location and ("://" in location or location.startswith(("/", "mlflow-artifacts:"))):
        return location
    middle = "models/" if kind == "logged_model" else ""
    return f"mlflow-artifacts:/{experiment_id}/{middle}{owner}/artifacts"


def _refused(text: str) -> Any:
    del text  # clients know these two words and no more
    return invalid("Invalid path")
