"""Registered models: a name, its numbered versions, the aliases that point at them, their gates.

A name may be any text without ``/`` and ``:``, which separate names from versions in addresses
such as ``models:/digits/3``. Prompts are registered models with a marker among their tags.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from mere.entities.limits import check_key, check_name, check_text
from mere.errors import ErrorCode, InvalidInput

__all__ = [
    "ALIAS_CHARS_MAX",
    "PROMPT_TAG",
    "TAG_VALUE_CHARS_MAX",
    "Gate",
    "GatePart",
    "GateResult",
    "ModelLifecycle",
    "ModelVersion",
    "RegisteredModel",
    "Review",
    "ReviewState",
    "Stage",
    "VersionStatus",
    "check_alias",
    "check_description",
    "check_model_name",
    "check_model_tag",
    "check_reviewers",
    "check_version",
    "is_prompt",
]

PROMPT_TAG = "mlflow.prompt.is_prompt"
"""The tag that marks a registered model, and its versions, as a prompt."""

ALIAS_CHARS_MAX = 255
TAG_VALUE_CHARS_MAX = 100_000
_DESCRIPTION_CHARS_MAX = 100_000
_VERSION_MAX = 2**63 - 1
_ALIAS = re.compile(r"[\w-]+")
_RESERVED_ALIAS = re.compile(r"latest|v\d+", re.IGNORECASE)


class ModelLifecycle(StrEnum):
    """Whether a registered model or a version is in use.

    What was deleted or renamed keeps its row, so that its number is not given again and what
    refers to it can be understood.
    """

    ACTIVE = "active"
    DELETED = "deleted"
    RENAMED = "renamed"
    RENAMING = "renaming"  # the new name, while the versions are on their way to it


class VersionStatus(StrEnum):
    """How far the making of a version is."""

    PENDING = "PENDING_REGISTRATION"
    READY = "READY"
    FAILED = "FAILED_REGISTRATION"


class Stage(StrEnum):
    """What older clients use in place of aliases."""

    NONE = "None"
    STAGING = "Staging"
    PRODUCTION = "Production"
    ARCHIVED = "Archived"

    @classmethod
    def of(cls, value: object) -> Stage:
        """Return the stage of that name, in any case.

        Raises:
            InvalidInput: There is no such stage.
        """
        for stage in cls:
            if str(value).lower() == stage.lower():
                return stage
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"stage {value!r} is unknown: use one of {', '.join(cls)}",
            value=str(value),
        )

    @property
    def is_served(self) -> bool:
        """Whether a version in it may push the others out of it."""
        return self in (Stage.STAGING, Stage.PRODUCTION)


class ReviewState(StrEnum):
    """What somebody said of a version."""

    REQUESTED = "requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    COMMENT = "comment"  # changes nothing

    @classmethod
    def of(cls, value: object) -> ReviewState:
        """Return the state of that name.

        Raises:
            InvalidInput: There is no such state.
        """
        try:
            return cls(str(value).lower())
        except ValueError as error:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"review {value!r} is unknown: use one of {', '.join(cls)}",
                value=str(value),
            ) from error


class RegisteredModel(msgspec.Struct, frozen=True, kw_only=True):
    """A name under which there are versions.

    Args:
        name: Unique in the warehouse.
        model_uid: Stays the same when it is renamed.
        description: What it is, as Markdown.
        tags: What else is worth remembering.
        aliases: The version that each alias points at.
        lifecycle: Whether it is in use.
        created_by: The account that made it.
        registered_at: When it was made.
        changed_at: When it, or what versions it has, changed last.
        renamed_to: Its name now.
    """

    name: str
    model_uid: str | None = None
    description: str | None = None
    tags: dict[str, str] = {}
    aliases: dict[str, int] = {}
    lifecycle: str = ModelLifecycle.ACTIVE
    created_by: str | None = None
    registered_at: datetime | None = None
    changed_at: datetime | None = None
    renamed_to: str | None = None

    @property
    def is_prompt(self) -> bool:
        """Whether it is a prompt."""
        return is_prompt(self.tags)


class ModelVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a registered model; what it holds never changes once it is ready.

    Args:
        name: The registered model's.
        version: Its number; counts from 1 and is never given again.
        version_id: Stays the same when the model is renamed; its files belong to it.
        description: What it is, as Markdown.
        source: Where its files came from, as its maker said.
        location: Where its files are.
        run_id: The run that made it.
        run_link: An address to look at that run elsewhere.
        model_id: The logged model it was made of.
        status: How far its making is.
        status_message: Why it failed.
        stage: As older clients set it.
        review: What was said of it last: requested, approved or rejected.
        digest: Of all its files together, with their paths.
        files: How many there are.
        bytes: Their size together.
        signature: What it takes and gives, as JSON.
        flavors: How it can be loaded: JSON by flavor.
        tags: What else is worth remembering.
        aliases: Those that point at it.
        created_by: The account that made it.
        lifecycle: Whether it is in use.
        registered_at: When it was made.
        changed_at: When its row changed last.
    """

    name: str
    version: int
    version_id: str | None = None
    description: str | None = None
    source: str | None = None
    location: str | None = None
    run_id: str | None = None
    run_link: str | None = None
    model_id: str | None = None
    status: str = VersionStatus.READY
    status_message: str | None = None
    stage: str = Stage.NONE
    review: str | None = None
    digest: str | None = None
    files: int | None = None
    bytes: int | None = None
    signature: str | None = None
    flavors: dict[str, str] = {}
    tags: dict[str, str] = {}
    aliases: list[str] = []
    created_by: str | None = None
    lifecycle: str = ModelLifecycle.ACTIVE
    registered_at: datetime | None = None
    changed_at: datetime | None = None

    @property
    def label(self) -> str:
        """As people name it: ``name/version``."""
        return f"{self.name}/{self.version}"

    @property
    def is_prompt(self) -> bool:
        """Whether it is a version of a prompt."""
        return is_prompt(self.tags)


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said of a version.

    Args:
        review_id: Sorts by time.
        name: The registered model.
        version: Its version.
        version_id: The same, whatever the model is called.
        state: What was said.
        comment: In words.
        reviewers: The users whom a request asks.
        reviewed_by: The account that said it.
        reviewed_at: When.
    """

    review_id: str
    name: str
    version: int
    version_id: str | None = None
    state: str
    comment: str | None = None
    reviewers: list[str] = []
    reviewed_by: str | None = None
    reviewed_at: datetime | None = None


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """A condition that must hold for a version before an alias may be moved to it.

    Args:
        name: The registered model.
        gate: The gate's own name.
        alias: The alias it guards; None for all of them.
        condition: In the filter language, such as ``metrics.acc > 0.9 and review = 'approved'``.
        description: Why it is there.
        created_by: The account that set it.
        changed_at: When it was set.
    """

    name: str
    gate: str
    alias: str | None = None
    condition: str
    description: str | None = None
    created_by: str | None = None
    changed_at: datetime | None = None


class GatePart(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison of a gate's condition, as it came out for a version.

    Args:
        text: The comparison, as it was written.
        value: What it found there; None where there is nothing, which never holds.
        holds: Whether it is true by itself, whatever NOT and OR around it make of that.
    """

    text: str
    value: str | None = None
    holds: bool


class GateResult(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a gate lets a version pass.

    Args:
        gate: The gate's name.
        condition: What it asks.
        holds: Whether it does.
        alias: The alias it guards; None for all of them.
        description: Why it is there.
        parts: How each comparison in it came out.
    """

    gate: str
    condition: str
    holds: bool
    alias: str | None = None
    description: str | None = None
    parts: list[GatePart] = []


def is_prompt(tags: Mapping[str, str | None]) -> bool:
    """Whether these tags mark a prompt."""
    return (tags.get(PROMPT_TAG) or "").lower() == "true"


def check_model_name(name: object) -> str:
    """Return the name of a registered model, if it may be one.

    Raises:
        InvalidInput: It is empty or too long, or holds what separates names from versions.
    """
    text = check_name(name, "model")
    if "/" in text or ":" in text or text in (".", ".."):
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"invalid model name {text!r}: names cannot contain '/' or ':', and cannot be '.' or "
            "'..'",
            value=text,
        )
    return text


def check_version(version: object) -> int:
    """Return the number of a version, given as a number or as text.

    Raises:
        InvalidInput: It is none.
    """
    text = str(version).strip()
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
    if not 1 <= number <= _VERSION_MAX:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"version {text[:60]!r} is no number of a version: give 1, 2, 3 …",
            value=text,
        )
    return number


def check_alias(alias: object) -> str:
    """Return an alias, if it may be one.

    Raises:
        InvalidInput: It is empty or too long, holds more than letters, digits, underscores and
            hyphens, or reads like a version.
    """
    text = check_key(alias, "alias") if isinstance(alias, str) and len(alias) <= 250 else str(alias)
    if len(text) > ALIAS_CHARS_MAX:
        raise InvalidInput(
            ErrorCode.LIMIT_EXCEEDED,
            f"alias {text[:60]!r}… has {len(text)} characters and may have {ALIAS_CHARS_MAX}",
            limit=ALIAS_CHARS_MAX,
        )
    if not _ALIAS.fullmatch(text):
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"invalid alias name {text!r}: use letters, digits, underscores and hyphens",
            value=text,
        )
    if _RESERVED_ALIAS.fullmatch(text):
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"alias name {text!r} is reserved: 'latest' and v1, v2 … always mean versions",
            value=text,
        )
    return text


def check_model_tag(key: object, value: object) -> tuple[str, str | None]:
    """Return a tag's key and value; None, which removes the tag, stays None.

    Raises:
        InvalidInput: Key or value is too long or not storable.
    """
    name = check_key(key, "tag")
    if value is None:
        return name, None
    text = value if isinstance(value, str) else str(value)
    hint = "keep long texts in files"
    return name, check_text(text, f"value of tag {name!r}", TAG_VALUE_CHARS_MAX, hint)


def check_reviewers(state: ReviewState, reviewers: Iterable[str]) -> list[str]:
    """Return whom a review asks, each once.

    Raises:
        InvalidInput: It asks somebody and is no request.
    """
    asked = list(dict.fromkeys(reviewers))
    if asked and state is not ReviewState.REQUESTED:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"review {state!s} asks {', '.join(asked[:5])}: only a request asks somebody",
            reviewers=asked[:5],
        )
    return asked


def check_description(text: str | None) -> str | None:
    """Return a description, if it may be one.

    Raises:
        InvalidInput: It is too long or not storable.
    """
    if text is None:
        return None
    return check_text(text, "description", _DESCRIPTION_CHARS_MAX, "shorten it")
