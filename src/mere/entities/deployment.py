"""Deployments: periods in which a version of a model ran somewhere."""

from __future__ import annotations

import math
import re
from datetime import datetime
from enum import StrEnum

import msgspec

from mere.entities.limits import check_text
from mere.errors import ErrorCode, InvalidInput

__all__ = ["Deployment", "DeploymentStatus", "check_image_digest", "check_part", "check_traffic"]

_DIGEST = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-zA-Z=_-]{16,200}")


class DeploymentStatus(StrEnum):
    """Whether it runs."""

    LIVE = "live"
    RETIRED = "retired"


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a model, running in an application, in an environment, for a time.

    Args:
        deployment_id: Sorts by time.
        environment: Such as ``production``.
        application: What the model is part of.
        application_version: Its version.
        image_digest: Of the container image it runs in.
        model_name: The registered model, as it was called then.
        model_version: Its version.
        version_id: The version, whatever the model is called.
        endpoint: Where it answers.
        traffic: Its share of the requests.
        status: Whether it runs.
        started_at: Since when it runs.
        ended_at: Until when it ran.
        deployed_by: The account that deployed it.
        retired_by: The account that retired it.
        reason: Why it was retired.
        tags: What else is worth remembering.
    """

    deployment_id: str
    environment: str
    application: str
    application_version: str | None = None
    image_digest: str | None = None
    model_name: str
    model_version: int
    version_id: str | None = None
    endpoint: str | None = None
    traffic: float = 1.0
    status: str = DeploymentStatus.LIVE
    started_at: datetime | None = None
    ended_at: datetime | None = None
    deployed_by: str | None = None
    retired_by: str | None = None
    reason: str | None = None
    tags: dict[str, str] = {}

    @property
    def model(self) -> str:
        """The version as people name it."""
        return f"{self.model_name}/{self.model_version}"


def check_part(value: object, what: str, chars_max: int = 500) -> str:
    """Return a name that is part of a deployment, if it may be one.

    Raises:
        InvalidInput: It is no text, empty or too long.
    """
    text = check_text(value, what, chars_max, "shorten it")
    if not text.strip():
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"{what} {text!r} is empty: give it a visible character"
        )
    return text


def check_image_digest(digest: object) -> str:
    """Return the digest of an image, if it is one.

    Raises:
        InvalidInput: It is none, such as a tag, which may move.
    """
    text = check_text(digest, "image digest", 300, "give sha256:…")
    if not _DIGEST.fullmatch(text):
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"image digest {text!r} is none: give it as the registry shows it, sha256:…; a tag "
            "may mean another image tomorrow",
            value=text,
        )
    return text


def check_traffic(share: object) -> float:
    """Return a share of the requests, if it is one.

    Raises:
        InvalidInput: It is no number from 0 to 1.
    """
    is_number = isinstance(share, int | float) and not isinstance(share, bool)
    if not is_number or not math.isfinite(share) or not 0 <= share <= 1:  # type: ignore[arg-type,operator]
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"traffic {share!r} is no share: give a number from 0 to 1"
        )
    return float(share)  # type: ignore[arg-type]
