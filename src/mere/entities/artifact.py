"""An artifact: one file of a run, of a dataset version or of a model, at a readable path.

What a path may be is the narrowest of what file systems, S3 and URLs hold, so that a warehouse
can be copied anywhere, and less by the room that a second content of the same path takes.
"""

from __future__ import annotations

import mimetypes
import re
from datetime import datetime
from enum import StrEnum
from functools import cache

import msgspec

from mere.errors import ErrorCode, InvalidInput

__all__ = [
    "PART_BYTES_MAX",
    "PATH_BYTES_MAX",
    "Artifact",
    "ArtifactKind",
    "artifact_locations",
    "check_artifact_path",
    "check_digest",
    "check_owner",
    "is_below",
    "media_type_in_header",
    "media_type_of",
]

PATH_BYTES_MAX = 900
PART_BYTES_MAX = 240
_SHOWN_CHARS_MAX = 80
_MARK_DIGITS = 12
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\\]")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_OWNER = re.compile(r"[0-9A-Za-z_-]{1,64}")
_WORD = r"[A-Za-z0-9!#$&^_.+-]{1,127}"
_MEDIA_TYPE = re.compile(
    rf'{_WORD}/{_WORD}(?: ?; ?{_WORD}=(?:{_WORD}|"[ !#-\[\]-~]{{0,127}}")){{0,5}}'
)
_MORE_TYPES = {
    ".arrow": "application/vnd.apache.arrow.file",
    ".avif": "image/avif",
    ".flac": "audio/flac",
    ".ipynb": "application/x-ipynb+json",
    ".jsonl": "application/jsonl",
    ".log": "text/plain",
    ".md": "text/markdown",
    ".npy": "application/x-npy",
    ".npz": "application/x-npz",
    ".ogg": "audio/ogg",
    ".onnx": "application/x-onnx",
    ".parquet": "application/vnd.apache.parquet",
    ".safetensors": "application/x-safetensors",
    ".toml": "application/toml",
    ".wav": "audio/wav",
    ".webp": "image/webp",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}


class ArtifactKind(StrEnum):
    """What an artifact is to whoever looks at it."""

    FILE = "file"
    IMAGE = "image"
    AUDIO = "audio"
    TABLE = "table"
    FIGURE = "figure"
    HISTOGRAM = "histogram"
    TEXT = "text"
    JSON = "json"

    @classmethod
    def of(cls, value: object) -> ArtifactKind:
        """Return the kind of that name.

        Raises:
            InvalidInput: There is no such kind.
        """
        try:
            return cls(str(value))
        except ValueError as error:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"artifact kind {value!r} is unknown: use one of {', '.join(cls)}",
                value=str(value),
            ) from error


class Artifact(msgspec.Struct, frozen=True, kw_only=True):
    """An artifact, as it is stored.

    Args:
        owner: The id of the run, dataset version or model it belongs to.
        path: Where it is below the owner, with slashes.
        kind: What it is.
        size: Its bytes.
        digest: SHA-256 of its content, as 64 hexadecimal digits.
        media_type: Its media type, where known.
        location: The key of the object that holds it, relative to the warehouse.
        step: Where in the training it was logged.
        caption: What people should read beside it.
        created_at: When the path was logged first.
        logged_at: When this content was logged, however late it came.
    """

    owner: str
    path: str
    kind: str = ArtifactKind.FILE
    size: int
    digest: str
    media_type: str | None = None
    location: str
    step: int | None = None
    caption: str | None = None
    created_at: datetime | None = None
    logged_at: datetime | None = None

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


def check_artifact_path(path: object) -> str:
    """Return the path of an artifact if it may be one; as given, not normalised.

    Raises:
        InvalidInput: It is absolute, climbs, has empty parts, is too long, is no Unicode, or
            holds control characters or backslashes.
    """
    if not isinstance(path, str):
        raise _refused(path, f"it is a {type(path).__name__}; pass a string")
    try:
        data = path.encode()
    except UnicodeEncodeError as error:
        raise _refused(path, "it holds half a surrogate pair, which is no Unicode text") from error
    if len(data) > PATH_BYTES_MAX:
        raise _refused(path, f"it has {len(data)} bytes; the limit is {PATH_BYTES_MAX}")
    if _FORBIDDEN.search(path):
        raise _refused(path, "control characters and backslashes cannot stand in it")
    parts = path.split("/")
    if not all(parts):
        raise _refused(path, "it neither begins nor ends with a slash, nor has two together")
    if "." in parts or ".." in parts:
        raise _refused(path, "it has no part '.' or '..'")
    longest = max(map(len, data.split(b"/")))
    if longest > PART_BYTES_MAX:
        raise _refused(path, f"a part has {longest} bytes; the limit is {PART_BYTES_MAX}")
    return path


def check_owner(owner: object) -> str:
    """Return the id of what has artifacts, if it may be one.

    Raises:
        InvalidInput: It is no text of up to 64 letters, digits, dashes and underscores.
    """
    if not isinstance(owner, str) or not _OWNER.fullmatch(owner):
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"{owner!r} cannot own artifacts: an id has 1 to 64 letters, digits, '-' and '_'",
            owner=str(owner),
        )
    return owner


def check_digest(digest: object) -> str:
    """Return a digest if it may be one: 64 hexadecimal digits in lower case.

    Raises:
        InvalidInput: It is none.
    """
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"{digest!r} is no SHA-256 digest: it has 64 hexadecimal digits in lower case",
            digest=str(digest),
        )
    return digest


def artifact_locations(owner: str, path: str, digest: str) -> tuple[str, str]:
    """The keys at which a content may lie: the readable one, and one for a later content."""
    plain = f"artifacts/{owner}/{path}"
    return plain, f"{plain}~{digest[:_MARK_DIGITS]}"


def is_below(path: str, prefix: str) -> bool:
    """Whether a path is the prefix itself or lies in the folder of that name; all do in ''."""
    return not prefix or path == prefix or path.startswith(f"{prefix}/")


def media_type_in_header(given: str | None) -> str:
    """A media type as HTTP's headers can hold it; plain bytes where it is none.

    Whoever logs an artifact says what it is, so a line of headers might be said.
    """
    is_one = given is not None and _MEDIA_TYPE.fullmatch(given) is not None
    return given if is_one and given is not None else "application/octet-stream"


def media_type_of(path: str) -> str | None:
    """The media type that a path's ending stands for; the same on every machine."""
    guess, encoding = _types().guess_type(path.rpartition("/")[2], strict=True)
    return "application/gzip" if encoding == "gzip" else (None if encoding else guess)


@cache
def _types() -> mimetypes.MimeTypes:
    # What the machine's own tables add would make rows differ from machine to machine.
    types = mimetypes.MimeTypes(filenames=())
    for ending, name in _MORE_TYPES.items():
        types.add_type(name, ending)
    return types


def _refused(path: object, reason: str) -> InvalidInput:
    shown = repr(path)
    brief = shown if len(shown) <= _SHOWN_CHARS_MAX else shown[: _SHOWN_CHARS_MAX - 1] + "…"
    return InvalidInput(
        ErrorCode.INVALID_VALUE, f"bad artifact path {brief}: {reason}", path=str(path)
    )
