"""What any foreign tracker's records are read into, and the face of a reader.

A reader translates: times are microseconds, ids are what they will be here, columns are ours.
It knows nothing of the warehouse. What is already there is the writer's to find out, so a reader
gives all it has, each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

__all__ = [
    "ConsoleLine",
    "ForeignExperiment",
    "ForeignFile",
    "ForeignInput",
    "ForeignModels",
    "ForeignRun",
    "Source",
    "Stretch",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignExperiment:
    """An experiment of the source; `key` is how the source calls it, `wanted_id` an id to keep."""

    key: str
    name: str
    wanted_id: str | None = None
    lifecycle: str = "active"
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignInput:
    """A dataset that a run read."""

    name: str
    digest: str
    source_type: str | None = None
    source: str | None = None
    schema: str | None = None
    profile: str | None = None
    context: str | None = None
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignRun:
    """A run of the source.

    Args:
        run_id: Its id here.
        key: What the source calls it.
        columns: Columns of the table of runs, without `params`, `tags` and `run_id`.
        params: What went in.
        tags: Anything else.
        inputs: The datasets it read.
        origin: What a reader needs to find its points and files.
    """

    run_id: str
    key: str
    columns: dict[str, Any]
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    inputs: tuple[ForeignInput, ...] = ()
    origin: Any = None


class Stretch(NamedTuple):
    """Points of one metric, some or all; those of one metric come one stretch after another."""

    key: str
    steps: list[int]
    timestamps: list[int]
    values: list[float]
    model_ids: list[str | None] | None = None
    dataset_ids: list[str | None] | None = None


class ConsoleLine(NamedTuple):
    """One line that a process of a run wrote; those of a process come in order, from its first."""

    stream: str
    timestamp: int
    text: str
    process: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignFile:
    """A file of a run or model.

    Args:
        path: Below the run, with slashes.
        local: The file itself, where it is on this machine.
        fetch: Writes a copy to a path, where it is not.
        size: In bytes, where that is known without fetching it.
        digest: SHA-256 of its content, where the source promises one; it is verified.
        kind: As in the table of artifacts.
        media_type: Where the source says so.
        step: Where in the training it was logged.
        caption: What the source calls it.
    """

    path: str
    local: Path | None = None
    fetch: Callable[[Path], None] | None = None
    size: int | None = None
    digest: str | None = None
    kind: str = "file"
    media_type: str | None = None
    step: int | None = None
    caption: str | None = None


@dataclass(slots=True)
class ForeignModels:
    """Rows for the tables of models, and where the logged models' files are."""

    logged: list[dict[str, Any]] = field(default_factory=list)
    registered: list[dict[str, Any]] = field(default_factory=list)
    versions: list[dict[str, Any]] = field(default_factory=list)
    aliases: list[dict[str, Any]] = field(default_factory=list)
    locations: dict[str, str] = field(default_factory=dict)


class Source(Protocol):
    """A reader of one foreign store; used by one thread, and closed at the end."""

    @property
    def label(self) -> str:
        """Where it reads from, for people."""

    def experiments(self) -> Iterable[ForeignExperiment]:
        """The experiments asked for."""

    def runs(self, experiment: ForeignExperiment, /) -> Iterable[ForeignRun]:
        """The runs of an experiment, deleted ones too."""

    def points(self, run: ForeignRun, /) -> Iterable[Stretch]:
        """All points of a run, metric by metric."""

    def console(self, run: ForeignRun, /) -> Iterable[ConsoleLine]:
        """What the run wrote to its output."""

    def files(self, run: ForeignRun, /) -> Iterable[ForeignFile]:
        """The run's files."""

    def models(self, experiments: dict[str, str], /) -> ForeignModels:
        """Models, with the experiments' ids here by the source's key."""

    def model_files(self, location: str, /) -> Iterable[ForeignFile]:
        """The files of a logged model."""

    def left_out(self) -> dict[str, int]:
        """What the source has that no reader gives, by kind, with its number."""

    def close(self) -> None:
        """Let go of what is open."""
