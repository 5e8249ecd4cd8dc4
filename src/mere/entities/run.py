"""A run: one execution of training code, with what went in and what came out."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from mere.entities.experiment import Lifecycle
from mere.entities.limits import check_key, check_name, check_param, check_tag
from mere.entities.metric import MetricSummary
from mere.errors import ErrorCode, InvalidInput

__all__ = ["Run", "RunSource", "RunStatus", "check_notes", "check_run_id"]

NOTES_CHARS_MAX = 1_000_000


class RunStatus(StrEnum):
    """Where a run stands."""

    SCHEDULED = "SCHEDULED"
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"

    @property
    def is_final(self) -> bool:
        """Whether nothing more is to be expected of the run."""
        return self not in (RunStatus.SCHEDULED, RunStatus.RUNNING)

    @classmethod
    def of(cls, value: object) -> RunStatus:
        """Return the status of that name, in upper or lower case.

        Raises:
            InvalidInput: There is no such status.
        """
        try:
            return cls(str(value).upper())
        except ValueError as error:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"status {value!r} is unknown: use one of {', '.join(cls)}",
                value=str(value),
            ) from error


class RunSource(msgspec.Struct, frozen=True, kw_only=True):
    """Where a run came from: code, machine and process.

    Args:
        entrypoint: The script or module that was started.
        git_remote: The address of the repository, without credentials.
        git_commit: The commit checked out.
        git_dirty: Whether there were uncommitted changes.
        diff_digest: The digest of the stored uncommitted changes.
        environment_digest: The digest of the stored environment.
        host: The machine's name.
        python: The version of Python.
        machine: What makes `pid` unambiguous: the boot and the process namespace.
        pid: The process.
        process_started_at: When the process began, which tells it from a later one of that number.
    """

    entrypoint: str | None = None
    git_remote: str | None = None
    git_commit: str | None = None
    git_dirty: bool | None = None
    diff_digest: str | None = None
    environment_digest: str | None = None
    host: str | None = None
    python: str | None = None
    machine: str | None = None
    pid: int | None = None
    process_started_at: datetime | None = None


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A tracked run, as it is stored."""

    run_id: str
    experiment_id: str
    parent_run_id: str | None = None
    kind: str = "train"
    name: str | None = None
    status: RunStatus = RunStatus.RUNNING
    lifecycle: str = Lifecycle.ACTIVE
    started_at: datetime | None = None
    ended_at: datetime | None = None
    heartbeat_at: datetime | None = None
    created_by: str | None = None
    params: dict[str, str] = {}
    tags: dict[str, str] = {}
    metrics: dict[str, float] = {}
    metric_summary: dict[str, MetricSummary] = {}
    source: RunSource | None = None
    artifact_location: str | None = None
    notes: str | None = None
    group_name: str | None = None
    repeats: str | None = None
    seeds: dict[str, str] = {}
    deleted_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None

    def checked(self) -> Run:
        """Return the run itself if its names and values may be stored.

        Raises:
            InvalidInput: A name, param or tag breaks a limit.
        """
        check_run_id(self.run_id)
        if self.name is not None:
            check_name(self.name, "run")
        check_key(self.kind, "run kind")
        for key, value in self.params.items():
            check_param(key, value)
        for key, value in self.tags.items():
            check_tag(key, value)
        return self


def check_notes(notes: object) -> str:
    """Return notes if they may be a run's: Markdown of at most a million characters.

    Raises:
        InvalidInput: They are no text, too long or not storable.
    """
    if not isinstance(notes, str) or len(notes) > NOTES_CHARS_MAX:
        what = f"{len(notes):,} characters" if isinstance(notes, str) else type(notes).__name__
        raise InvalidInput(
            ErrorCode.LIMIT_EXCEEDED if isinstance(notes, str) else ErrorCode.INVALID_VALUE,
            f"notes are {what}: give a text of at most {NOTES_CHARS_MAX:,} characters",
        )
    try:
        notes.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"notes are no Unicode text: {error.reason}"
        ) from error
    return notes


def check_run_id(run_id: object) -> str:
    """Return a run id if it may be one: 32 hexadecimal digits in lower case.

    Raises:
        InvalidInput: It is none.
    """
    if not isinstance(run_id, str) or len(run_id) != 32 or set(run_id) - set("0123456789abcdef"):
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"run id {run_id!r} is not 32 hexadecimal digits in lower case",
            value=str(run_id),
        )
    return run_id
