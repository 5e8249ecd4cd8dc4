"""What a run's owner hands over to be kept as files: named, turned into bytes, sent.

These calls stand in training loops, so they never raise: what cannot be kept is left out, with a
warning of the logger ``mere``. Media lie at ``media/<name>.<ending>``; those of a step at
``media/<name>/<step>.<ending>``, with eight digits, so that a listing shows them in order.
"""

from __future__ import annotations

import logging
import operator
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mere.client.documents import encode_dict
from mere.client.media import Media, encode_text, existing_file
from mere.client.uploads import Uploads
from mere.errors import ErrorCode, InvalidInput
from mere.services.artifacts.artifacts import NewArtifact

__all__ = ["RunFiles", "media_path"]

_log = logging.getLogger("mere")

_WARNINGS_MAX = 20
_STEP_MAX = 2**63 - 1


class RunFiles:
    """The files of one run, as its owner hands them over.

    Args:
        uploads: Sends them.
        label: How warnings name the run.
    """

    def __init__(self, uploads: Uploads, label: str) -> None:
        self._uploads = uploads
        self._label = label
        self._warned: set[str] = set()

    def warn(self, what: object, error: Exception) -> None:
        """Say once that something was not kept, and why."""
        message = f"{what} was not logged: {error}"
        if message not in self._warned and len(self._warned) < _WARNINGS_MAX:
            self._warned.add(message)
            _log.warning("%s: %s", self._label, message)

    def add_file(self, file: str | os.PathLike[str], name: str | None) -> None:
        """Keep a file, or all of a folder."""

        def add() -> None:
            path = Path(file)
            if path.is_dir():
                self._add_folder(path, name)
            else:
                made = existing_file(path)
                self._uploads.add(NewArtifact(path=name or path.name, content=made.content))

        self._guard(file, add)

    def add_folder(self, folder: str | os.PathLike[str], name: str | None) -> None:
        """Keep all files of a folder."""
        self._guard(folder, lambda: self._add_folder(Path(folder), name))

    def add_text(self, path: str, text: str) -> None:
        """Keep a text."""
        self._guard(path, lambda: self._add(path, encode_text(text)))

    def add_dict(self, path: str, value: Any) -> None:
        """Keep a dictionary or list."""
        self._guard(path, lambda: self._add(path, encode_dict(value, str(path))))

    def add_media(
        self,
        name: str,
        encode: Callable[[], Media],
        step: int | None,
        caption: str | None = None,
    ) -> None:
        """Keep what `encode` makes, under a name and a step."""

        def add() -> None:
            at = None if step is None else _step(step)
            made = encode()
            self._add(media_path(name, made.suffix, at), made, at, caption)

        self._guard(name, add)

    def _guard(self, what: object, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:  # noqa: BLE001  training goes on, whatever was handed over
            self._warn(what, error)

    def _warn(self, what: object, error: Exception) -> None:
        """Say once that something was not kept, and why."""
        message = f"{what} was not logged: {error}"
        if message not in self._warned and len(self._warned) < _WARNINGS_MAX:
            self._warned.add(message)
            _log.warning("%s: %s", self._label, message)

    def _add_folder(self, folder: Path, name: str | None) -> None:
        self._uploads.add_folder(folder.resolve().name if name is None else name, folder)

    def _add(
        self, path: str, made: Media, step: int | None = None, caption: str | None = None
    ) -> None:
        self._uploads.add(
            NewArtifact(
                path=path,
                content=made.content,
                kind=made.kind,
                media_type=made.media_type,
                step=step,
                caption=None if caption is None else str(caption),
            )
        )


def media_path(name: str, suffix: str, step: int | None) -> str:
    """Where media of a name lie; of a step, or the only ones of that name."""
    stem = str(name)
    if suffix and stem.lower().endswith(suffix):
        stem = stem[: -len(suffix)]
    return f"media/{stem}{suffix}" if step is None else f"media/{stem}/{step:08d}{suffix}"


def _step(step: Any) -> int:
    try:
        number = operator.index(step)
    except TypeError:
        number = -1
    if not 0 <= number <= _STEP_MAX:
        raise InvalidInput(ErrorCode.INVALID_VALUE, f"step is {step!r}: give a whole number from 0")
    return number
