"""A logged model: a model that a run made, with its files, before anybody gives it a version."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from mere.entities.experiment import Lifecycle
from mere.errors import ErrorCode, InvalidInput

__all__ = ["LoggedModel", "LoggedModelStatus", "Measurement"]


class LoggedModelStatus(StrEnum):
    """Whether a logged model's files are all there."""

    PENDING = "PENDING"
    READY = "READY"
    FAILED = "FAILED"

    @classmethod
    def of(cls, value: object) -> LoggedModelStatus:
        """Return the status of that name.

        Raises:
            InvalidInput: There is no such status.
        """
        try:
            return cls(str(value).upper())
        except ValueError as error:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"status {value!r} of a logged model is unknown: use one of {', '.join(cls)}",
                value=str(value),
            ) from error


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """The latest value of a metric that one run measured of a logged model, on one dataset.

    Args:
        key: The metric.
        value: Its value.
        step: Where in the training.
        timestamp: When.
        run_id: The run that measured.
        dataset_name: What on, as the client that logged it calls it.
        dataset_digest: That dataset's digest, as that client computed it.
    """

    key: str
    value: float
    step: int = 0
    timestamp: datetime
    run_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


class LoggedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A logged model, as it is stored.

    Args:
        model_id: ``m-`` and 32 hexadecimal digits.
        experiment_id: Where it belongs.
        run_id: The run that made it.
        name: As people call it; any number of them may have the same.
        model_type: What kind of model it is, as the client says.
        status: Whether its files are all there.
        artifact_location: Where they are: relative to the warehouse, unless a URL.
        params: What it was made with; a param never changes.
        tags: What else is worth remembering.
        lifecycle: ``active`` or ``deleted``.
        created_by: The account that made it.
        digest: Of all its files, once it is ready.
        files: How many there are.
        bytes: How many bytes are in them.
        logged_at: When it was made.
        changed_at: When it changed last.
        measurements: What was measured of it.
    """

    model_id: str
    experiment_id: str
    run_id: str | None = None
    name: str
    model_type: str | None = None
    status: str = LoggedModelStatus.PENDING
    artifact_location: str
    params: dict[str, str] = {}
    tags: dict[str, str] = {}
    lifecycle: str = Lifecycle.ACTIVE
    created_by: str | None = None
    digest: str | None = None
    files: int | None = None
    bytes: int | None = None
    logged_at: datetime | None = None
    changed_at: datetime | None = None
    measurements: list[Measurement] = []

    @property
    def is_ready(self) -> bool:
        """Whether its files are all there."""
        return self.status == LoggedModelStatus.READY
