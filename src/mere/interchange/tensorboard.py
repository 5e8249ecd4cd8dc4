"""Reads TensorBoard's event files, as TensorBoard 1 and 2, PyTorch and tensorboardX write them.

A folder with event files is a run, as TensorBoard shows it; one below another is its child. The
run's id follows from the folder's name and the first event, so files that have grown go on in the
same run. Taken are scalars, texts, images, audio and the hyperparameters; what else there is
(histograms, graphs, embeddings, …) is counted and left out.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from mere.errors import ErrorCode, InvalidInput, NotFound
from mere.interchange.foreign import (
    ConsoleLine,
    ForeignExperiment,
    ForeignFile,
    ForeignModels,
    ForeignRun,
    Stretch,
)
from mere.interchange.missing import Gathered
from mere.interchange.wire import Damaged, decode, doubles, fixed64, records_of_events
from mere.services.imports import derived_id

__all__ = ["TensorBoardFolder"]

_HPARAMS_TAG = "_hparams_/session_start_info"
_SCALARS, _IMAGES, _TEXT, _AUDIO, _HPARAMS = "scalars", "images", "text", "audio", "hparams"
_MEDIA = {_IMAGES: ("image", "png"), _TEXT: ("text", "md"), _AUDIO: ("audio", "wav")}
_MEDIA_TYPES = {"png": "image/png", "md": "text/markdown", "wav": "audio/wav", "jpg": "image/jpeg"}
_LEFT_OUT = {"histograms": "histograms", "": "values of no known kind"}
_FLOATS = {1: (5, "f"), 2: (6, "d")}
_CODES = {1: "f", 2: "d", 3: "i", 9: "q", 19: "e"}


@dataclass
class _Found:
    """What a first look at a run's files tells."""

    params: dict[str, str] = field(default_factory=dict)
    group: str | None = None
    status: str = "FINISHED"
    first: float = math.inf
    last: float = -math.inf
    blobs: list[_Blob] = field(default_factory=list)


class _Blob(NamedTuple):
    """Where the bytes of an image, text or sound are."""

    file: Path
    offset: int
    value: int
    part: int
    kind: str
    tag: str
    step: int


class _Value(NamedTuple):
    """One value of a summary."""

    tag: str
    kind: str
    fields: dict[int, list[Any]]


class TensorBoardFolder:
    """The event files below one folder.

    Args:
        folder: Where they are.
        experiment: The experiment to put the runs into; by default the folder's name.

    Raises:
        NotFound: There is no such folder.
        InvalidInput: There is no event file below it.
    """

    def __init__(self, folder: Path, experiment: str | None = None) -> None:
        self._folder = folder
        if not folder.is_dir():
            raise NotFound(
                ErrorCode.OBJECT_NOT_FOUND, f"there is no folder {folder}", path=str(folder)
            )
        self._name = experiment or folder.resolve().name or "tensorboard"
        self._left_out: dict[str, int] = {}
        self._runs: dict[Path, list[Path]] = {}
        for file in sorted(folder.rglob("*tfevents*")):
            if file.is_file() and not file.is_symlink():
                self._runs.setdefault(file.parent, []).append(file)
        if not self._runs:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"there is no event file (…tfevents…) below {folder}",
                path=str(folder),
            )

    @property
    def label(self) -> str:
        return str(self._folder)

    def experiments(self) -> Iterator[ForeignExperiment]:
        yield ForeignExperiment(key=self._name, name=self._name)

    def runs(self, _experiment: ForeignExperiment) -> Iterator[ForeignRun]:
        ids = {folder: self._id(folder) for folder in self._runs}
        for folder, run_id in ids.items():
            if run_id is None:
                self._count("event files without an event", len(self._runs[folder]))
                continue
            found = self._look(folder)
            path = folder.relative_to(self._folder).as_posix()
            has_times = found.first <= found.last
            yield ForeignRun(
                run_id=run_id,
                key=path,
                columns={
                    "kind": "train",
                    "name": path if path != "." else folder.resolve().name,
                    "status": found.status,
                    "started_at": round(found.first * 1e6) if has_times else None,
                    "ended_at": round(found.last * 1e6) if has_times else None,
                    "group_name": found.group,
                    "parent_run_id": next(
                        (ids[above] for above in folder.parents if ids.get(above)), None
                    ),
                },
                params=found.params,
                origin=(folder, found.blobs),
            )

    def points(self, run: ForeignRun) -> Iterator[Stretch]:
        gathered: dict[str, Gathered] = {}
        for _, wall_time, step, values in self._events(run.origin[0]):
            for value in values:
                if value.kind != _SCALARS:
                    continue
                number = _number(value.fields)
                if number is None:
                    self._count("scalars that are no numbers")
                    continue
                kept = gathered.setdefault(value.tag, Gathered())
                kept.steps.append(step)
                kept.timestamps.append(round(wall_time * 1e6))
                kept.values.append(number)
        for tag, kept in gathered.items():
            yield Stretch(tag, kept.steps.tolist(), kept.timestamps.tolist(), kept.values.tolist())

    def console(self, _run: ForeignRun) -> Iterable[ConsoleLine]:
        return ()

    def files(self, run: ForeignRun) -> Iterator[ForeignFile]:
        met: dict[str, int] = {}
        for blob in run.origin[1]:
            kind, suffix = _MEDIA[blob.kind]
            path = f"{blob.kind}/{_path(blob.tag)}/{blob.step}"
            again = met.get(path, 0)
            met[path] = again + 1
            yield ForeignFile(
                path=f"{path}{f'-{again}' if again else ''}.{suffix}",
                fetch=partial(_fetch, blob),
                kind=kind,
                media_type=_MEDIA_TYPES[suffix],
                step=blob.step,
                caption=blob.tag,
            )

    def models(self, _experiments: dict[str, str]) -> ForeignModels:
        return ForeignModels()

    def model_files(self, _location: str) -> Iterable[ForeignFile]:
        return ()

    def left_out(self) -> dict[str, int]:
        return self._left_out

    def close(self) -> None:
        return

    def _id(self, folder: Path) -> str | None:
        for file in self._runs[folder]:
            try:
                for _, record in records_of_events(file):
                    return derived_id("tensorboard", folder.resolve().name, file.name, record.hex())
            except Damaged:
                continue
        return None

    def _look(self, folder: Path) -> _Found:
        found = _Found()
        for at, wall_time, step, values in self._events(folder, counts=True):
            found.first, found.last = min(found.first, wall_time), max(found.last, wall_time)
            for index, value in enumerate(values):
                if value.kind == _HPARAMS:
                    _take_hparams(value.fields, found)
                elif value.kind in _MEDIA:
                    for part in range(len(_strings(value))):
                        found.blobs.append(_Blob(*at, index, part, value.kind, value.tag, step))
                elif value.kind != _SCALARS:
                    self._count(_LEFT_OUT.get(value.kind, value.kind))
        return found

    def _events(
        self, folder: Path, *, counts: bool = False
    ) -> Iterator[tuple[tuple[Path, int], float, int, list[_Value]]]:
        """Place, time, step and values of each event of a run."""
        kinds: dict[str, str] = {}
        for file in self._runs[folder]:
            try:
                for offset, record in records_of_events(file):
                    event = decode(record)
                    step = _signed(event.get(2, [0])[0])
                    wall_time = fixed64(event[1][0]) if 1 in event else 0.0
                    values = [
                        _value(decode(data), kinds)
                        for summary in event.get(5, ())
                        for data in decode(summary).get(1, ())
                    ]
                    if counts and 4 in event:
                        self._count("graphs")
                    yield (file, offset), wall_time, step, values
            except (Damaged, struct.error, UnicodeDecodeError, AttributeError, TypeError):
                if counts:
                    self._count("event files that are damaged; what stands before was taken")

    def _count(self, kind: str, count: int = 1) -> None:
        self._left_out[kind] = self._left_out.get(kind, 0) + count


def _fetch(blob: _Blob, target: Path) -> None:
    _, record = next(records_of_events(blob.file, blob.offset))
    values = [data for summary in decode(record)[5] for data in decode(summary).get(1, ())]
    value = _Value(blob.tag, blob.kind, decode(values[blob.value]))
    target.write_bytes(_strings(value)[blob.part])


def _value(fields: dict[int, list[Any]], kinds: dict[str, str]) -> _Value:
    """A value and its kind; only the first of a tag says which plugin it is for."""
    tag = fields.get(1, [b""])[0].decode()
    if 9 in fields:
        plugin = decode(fields[9][0]).get(1)
        name = decode(plugin[0]).get(1, [b""])[0].decode() if plugin else ""
        if name:
            kinds[tag] = name
    kind = kinds.get(tag, "")
    if 2 in fields:
        kind = kind if kind == _HPARAMS else _SCALARS
    elif 4 in fields:
        kind = _IMAGES
    elif 6 in fields:
        kind = _AUDIO
    elif 5 in fields:
        kind = "histograms"
    return _Value(tag, kind, fields)


def _number(fields: dict[int, list[Any]]) -> float | None:
    if 2 in fields:
        number: float = struct.unpack("<f", fields[2][0])[0]
        return number
    if 8 not in fields:
        return None
    tensor = decode(fields[8][0])
    dtype = tensor.get(1, [0])[0]
    if 4 in tensor and tensor[4][0] and dtype in _CODES:
        return float(doubles(tensor[4], _CODES[dtype])[0])
    if dtype in _FLOATS and _FLOATS[dtype][0] in tensor:
        number_field, code = _FLOATS[dtype]
        return float(doubles(tensor[number_field], code)[0])
    for number_field in (7, 10):
        if number_field in tensor:
            first = tensor[number_field][0]
            return float(_signed(first if isinstance(first, int) else _first_varint(first)))
    return None


def _first_varint(data: bytes) -> int:
    value = shift = 0
    for byte in data:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
    return value


def _strings(value: _Value) -> list[bytes]:
    """The pictures, texts or sounds of a value."""
    fields = value.fields
    if 4 in fields:
        return [data for data in decode(fields[4][0]).get(4, ()) if data]
    if 6 in fields:
        return [data for data in decode(fields[6][0]).get(4, ()) if data]
    strings: list[bytes] = decode(fields[8][0]).get(8, []) if 8 in fields else []
    if value.kind == _IMAGES:
        return strings[2:]  # width and height stand before
    if value.kind == _AUDIO:
        return strings[::2]  # each with its label
    return [b"\n\n".join(strings)] if strings else []


def _take_hparams(fields: dict[int, list[Any]], found: _Found) -> None:
    plugin = decode(decode(fields[9][0]).get(1, [b""])[0])
    content = decode(plugin.get(2, [b""])[0])
    for session in content.get(3, ()):
        start = decode(session)
        for entry in start.get(1, ()):
            pair = decode(entry)
            found.params[pair[1][0].decode()] = _text(decode(pair.get(2, [b""])[0]))
        if start.get(4, [b""])[0]:
            found.group = start[4][0].decode()
    for session in content.get(4, ()):
        status = decode(session).get(1, [0])[0]
        found.status = {2: "FAILED", 3: "RUNNING"}.get(status, "FINISHED")


def _text(value: dict[int, list[Any]]) -> str:
    """A protobuf Value as a param's text."""
    if 2 in value:
        number = fixed64(value[2][0])
        return str(int(number)) if number.is_integer() and abs(number) < 2**53 else repr(number)
    if 3 in value:
        text: str = value[3][0].decode()
        return text
    if 4 in value:
        return str(bool(value[4][0]))
    return ""


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _path(tag: str) -> str:
    """A tag as a path: no empty, hidden or climbing parts."""
    parts = [part.strip().lstrip(".") or "_" for part in tag.split("/")]
    return "/".join(parts)
