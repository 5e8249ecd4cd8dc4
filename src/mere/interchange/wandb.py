"""Reads W&B's offline runs: folders ``offline-run-*`` and ``run-*`` with a ``.wandb`` log.

The project is the experiment. Config becomes params, flattened with dots; history becomes points;
system metrics become points below ``system/``; output becomes console lines; the files of the run
become its artifacts. A value of the summary that no history has becomes the last point of its own
metric when the run has ended.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mere.errors import ErrorCode, InvalidInput, NotFound
from mere.interchange import trees
from mere.interchange.foreign import (
    ConsoleLine,
    ForeignExperiment,
    ForeignFile,
    ForeignModels,
    ForeignRun,
    Stretch,
)
from mere.interchange.missing import Gathered
from mere.interchange.wire import Damaged, decode, fixed64, records_of_wandb
from mere.services.imports import derived_id

__all__ = ["WandbFolder"]

_HISTORY, _SUMMARY, _OUTPUT, _CONFIG, _STATS = 2, 3, 4, 5, 7
_ARTIFACT, _OUTPUT_RAW, _RUN, _EXIT, _ENVIRONMENT = 8, 13, 17, 18, 26
_STDOUT = 1


@dataclass
class _Known:
    """What a log says of its run as a whole."""

    run: dict[int, list[Any]] = field(default_factory=dict)
    environment: dict[int, list[Any]] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    media: dict[str, tuple[int, str]] = field(default_factory=dict)
    history: set[str] = field(default_factory=set)
    exit_code: int | None = None
    last_us: int = 0
    step: int = 0


class WandbFolder:
    """The offline runs below one folder.

    Args:
        folder: A run's folder, or one with several, such as ``./wandb``.
        experiment: The experiment to put all runs into; by default each run's project.

    Raises:
        NotFound: There is no such folder.
        InvalidInput: There is no log of W&B below it.
    """

    def __init__(self, folder: Path, experiment: str | None = None) -> None:
        self._folder = folder
        self._experiment = experiment
        self._left_out: dict[str, int] = {}
        if not folder.is_dir():
            raise NotFound(
                ErrorCode.OBJECT_NOT_FOUND, f"there is no folder {folder}", path=str(folder)
            )
        self._logs = [
            Path(parent, name)
            for parent, folders, names in os.walk(folder)  # latest-run is a link
            for name in names
            if name.endswith(".wandb") and not Path(parent, name).is_symlink()
        ]
        if not self._logs:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"there is no run of W&B (run-….wandb) below {folder}",
                path=str(folder),
            )
        self._projects: dict[str, list[Path]] = {}

    @property
    def label(self) -> str:
        return str(self._folder)

    def experiments(self) -> Iterator[ForeignExperiment]:
        for log in sorted(self._logs):
            run = next((one[_RUN][0] for one in self._records(log) if _RUN in one), None)
            if run is None:
                self._count("logs that name no run")
                continue
            project = _str(decode(run), 3) or "uncategorized"
            self._projects.setdefault(self._experiment or project, []).append(log)
        for name in self._projects:
            yield ForeignExperiment(key=name, name=name)

    def runs(self, experiment: ForeignExperiment) -> Iterator[ForeignRun]:
        for log in self._projects[experiment.key]:
            known = self._look(log)
            run = known.run
            run_id, project = _str(run, 1) or "", _str(run, 3) or ""
            git = decode(run[21][0]) if 21 in run else {}
            environment = known.environment
            status = {None: "KILLED", 0: "FINISHED"}.get(known.exit_code, "FAILED")
            start = _time(run[17][0]) if 17 in run else None
            tags = {tag.decode(): "true" for tag in run.get(10, ())}
            tags |= {
                name: text
                for name, text in (
                    ("wandb.run_id", run_id),
                    ("wandb.entity", _str(run, 2)),
                    ("wandb.job_type", _str(run, 7)),
                    ("wandb.sweep_id", _str(run, 12)),
                )
                if text
            }
            tags |= {
                f"summary.{key}": value if isinstance(value, str) else json.dumps(value)
                for key, value in known.summary.items()
                if key not in known.history and not _is_number(value)
            }
            yield ForeignRun(
                run_id=derived_id("wandb", project, run_id),
                key=run_id,
                columns={
                    "kind": "train",
                    "name": _str(run, 8) or run_id,
                    "status": status,
                    "started_at": start,
                    "ended_at": known.last_us or start,
                    "group_name": _str(run, 6),
                    "notes": _str(run, 9),
                    "created_by": _str(environment, 13),
                    "source": {
                        "entrypoint": _str(environment, 6),
                        "git_remote": _str(git, 1),
                        "git_commit": _str(git, 2),
                        "host": _str(run, 13) or _str(environment, 12),
                        "python": _str(environment, 2),
                    },
                },
                params=dict(_flat(known.config)),
                tags=tags,
                origin=(log, known),
            )

    def points(self, run: ForeignRun) -> Iterator[Stretch]:
        log, known = run.origin
        gathered: dict[str, Gathered] = {}

        def add(key: str, step: int, at: int, value: float) -> None:
            kept = gathered.setdefault(key, Gathered())
            kept.steps.append(step)
            kept.timestamps.append(at)
            kept.values.append(value)

        samples = 0
        for record in self._records(log):
            for data in record.get(_HISTORY, ()):
                step, at, values = _history(data, known.last_us)
                for key, value in values.items():
                    if _is_number(value):
                        add(key, step, at, float(value))
            for data in record.get(_STATS, ()):
                stats = decode(data)
                at = _time(stats[2][0]) if 2 in stats else known.last_us
                for key, value in _items(stats.get(3, ())):
                    if _is_number(value):
                        add(f"system/{key}", samples, at, float(value))
                samples += 1
        if known.exit_code is not None:
            for key, value in known.summary.items():
                if key not in known.history and _is_number(value):
                    add(key, known.step, known.last_us, float(value))
        for key, kept in gathered.items():
            yield Stretch(key, kept.steps.tolist(), kept.timestamps.tolist(), kept.values.tolist())

    def console(self, run: ForeignRun) -> Iterator[ConsoleLine]:
        log, known = run.origin
        begun: dict[str, tuple[int, str]] = {}
        for record in self._records(log):
            for data in (*record.get(_OUTPUT_RAW, ()), *record.get(_OUTPUT, ())):
                output = decode(data)
                stream = "stdout" if output.get(1, [0])[0] == _STDOUT else "stderr"
                at = _time(output[2][0]) if 2 in output else known.last_us
                since, text = begun.pop(stream, (at, ""))
                *lines, rest = (text + (_str(output, 3) or "")).split("\n")
                for line in lines:
                    yield ConsoleLine(stream, since, _shown(line))
                    since = at
                if rest:
                    begun[stream] = (since, rest)
        if known.exit_code is not None:
            for stream, (since, text) in begun.items():
                yield ConsoleLine(stream, since, _shown(text))

    def files(self, run: ForeignRun) -> Iterator[ForeignFile]:
        log, known = run.origin
        folder = (log.parent / "files").absolute()
        links = sum(path.is_symlink() for path in folder.rglob("*"))
        self._count("links to files elsewhere", links)
        for file in trees.below(str(folder), Path()):
            step, caption = known.media.get(file.path, (None, None))
            is_image = file.path.startswith("media/images/")
            yield ForeignFile(
                path=file.path,
                local=file.local,
                size=file.size,
                kind="image" if is_image else "file",
                step=step,
                caption=caption,
            )

    def models(self, _experiments: dict[str, str]) -> ForeignModels:
        return ForeignModels()

    def model_files(self, _location: str) -> Iterable[ForeignFile]:
        return ()

    def left_out(self) -> dict[str, int]:
        return self._left_out

    def close(self) -> None:
        return

    def _look(self, log: Path) -> _Known:
        known = _Known()
        for record in self._records(log, counts=True):
            for data in record.get(_RUN, ()):
                known.run = decode(data)
                for config in known.run.get(4, ()):
                    _update(known.config, config)
            for data in record.get(_ENVIRONMENT, ()):
                known.environment = decode(data)
            for data in record.get(_CONFIG, ()):
                _update(known.config, data)
            for data in record.get(_SUMMARY, ()):
                _update(known.summary, data)
            for data in record.get(_HISTORY, ()):
                self._look_at_history(known, data)
            for data in record.get(_EXIT, ()):
                known.exit_code = _signed(decode(data).get(1, [0])[0])
            self._count("artifacts of W&B", len(record.get(_ARTIFACT, ())))
        known.config.pop("_wandb", None)
        known.summary = dict(_without_media(known.summary))
        return known

    def _look_at_history(self, known: _Known, data: bytes) -> None:
        step, at, values = _history(data, known.last_us)
        known.step, known.last_us = max(known.step, step), max(known.last_us, at)
        known.history.update(values)
        for key, value in values.items():
            if isinstance(value, dict) and isinstance(value.get("path"), str):
                known.media[value["path"]] = (step, key)
            elif not _is_number(value):
                self._count("values of the history that are no numbers")

    def _records(self, log: Path, *, counts: bool = False) -> Iterator[dict[int, list[Any]]]:
        try:
            for data in records_of_wandb(log):
                yield decode(data)
        except Damaged:
            if counts:
                self._count("logs that are damaged; what stands before was taken")

    def _count(self, kind: str, count: int = 1) -> None:
        if count:
            self._left_out[kind] = self._left_out.get(kind, 0) + count


def _history(data: bytes, default_us: int) -> tuple[int, int, dict[str, Any]]:
    """Step, time and values of one row of the history."""
    row = decode(data)
    values = dict(_items(row.get(1, ())))
    step = values.pop("_step", None)
    if step is None and 2 in row:
        step = _signed(decode(row[2][0]).get(1, [0])[0])
    seconds = values.pop("_timestamp", None)
    at = round(seconds * 1e6) if isinstance(seconds, int | float) else default_us
    # An image, table or histogram comes as an object, or as its fields with dots between.
    for name in [key.removesuffix("._type") for key in values if key.endswith("._type")]:
        inside = [key for key in values if key.startswith(f"{name}.")]
        values[name] = {key[len(name) + 1 :]: values.pop(key) for key in inside}
    return int(step or 0), at, {k: v for k, v in values.items() if not k.startswith("_")}


def _items(parts: Iterable[bytes]) -> Iterator[tuple[str, Any]]:
    """Keys and values of items, which are JSON or, in newer logs, typed."""
    for part in parts:
        item = decode(part)
        key = _str(item, 1) or ".".join(name.decode() for name in item.get(2, ()))
        if 16 in item:
            yield key, _json(item[16][0])
        elif 4 in item:
            yield key, bool(item[4][0])
        elif 5 in item:
            yield key, (item[5][0] >> 1) ^ -(item[5][0] & 1)
        elif 6 in item:
            yield key, fixed64(item[6][0])
        elif 7 in item:
            yield key, item[7][0].decode()
        elif 8 in item:
            yield key, _json(item[8][0])
        else:
            yield key, None


def _update(kept: dict[str, Any], data: bytes) -> None:
    """Apply a record of config or summary: updates and removals, by key or path of keys."""
    record = decode(data)
    for part in record.get(1, ()):
        item = decode(part)
        *above, last = _names(item)
        place: Any = kept
        for name in above:
            place = place.setdefault(name, {}) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place[last] = _json(item.get(16, [b"null"])[0])
    for part in record.get(2, ()):
        *above, last = _names(decode(part))
        place = kept
        for name in above:
            place = place.get(name, {}) if isinstance(place, dict) else {}
        if isinstance(place, dict):
            place.pop(last, None)


def _without_media(summary: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """A summary flattened with dots, as history is, without W&B's own keys."""
    for key, value in summary.items():
        if key.startswith("_"):
            continue
        if not isinstance(value, dict):
            yield f"{above}{key}", value
        elif "_type" not in value:
            yield from _without_media(value, f"{above}{key}.")


def _names(item: dict[int, list[Any]]) -> list[str]:
    nested = [name.decode() for name in item.get(2, ())]
    return nested or [_str(item, 1) or ""]


def _flat(config: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for key, value in config.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{above}{key}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            yield f"{above}{key}", str(value) if isinstance(value, bool | None) else text


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data.decode(errors="replace")


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return value in ("NaN", "Infinity", "-Infinity")
    return isinstance(value, int | float) and not isinstance(value, bool)


def _time(data: bytes) -> int:
    """A protobuf Timestamp in microseconds."""
    stamp = decode(data)
    seconds = _signed(stamp.get(1, [0])[0])
    return int(seconds * 1_000_000 + stamp.get(2, [0])[0] // 1_000)


def _str(message: dict[int, list[Any]], number: int) -> str | None:
    data = message.get(number)
    return data[-1].decode() if data and data[-1] else None


def _shown(line: str) -> str:
    """What a terminal shows of a line that was written over."""
    return line.rstrip("\r").rpartition("\r")[2]


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value
