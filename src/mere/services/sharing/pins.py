"""Pins: data that a panel of a report shows as it was at a moment, whatever becomes of it.

A pin is made by the server, which answers the panel's own questions with the rights of whoever
pins, and keeps the answers as one object. So what a pinned panel shows was true, never changes,
and stays as long as a report names it (`mere.services.sharing.pin_keeping`), also where its runs
were deleted. Who reads a pin must be allowed to read all that it was made of; for the result of a
query, that is everything.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from mere.entities.actor import Action, Actor, Scope
from mere.errors import ErrorCode, InvalidInput, NotFound
from mere.services.portal.series import SeriesRequest
from mere.services.portal.windows import WindowRequest
from mere.services.sharing.pin_keeping import ID_CHARS, key_of

if TYPE_CHECKING:
    import pyarrow as pa

    from mere.clock import Clock
    from mere.lake import Lake
    from mere.services.access.access import Access
    from mere.services.artifacts.artifacts import Artifacts
    from mere.services.portal.series import Series
    from mere.services.portal.windows import Windows
    from mere.services.runs.homes import RunHomes
    from mere.services.sql.queries import Queries

__all__ = ["FilePart", "Pin", "PinAnswer", "Pins", "SeriesPart", "SqlPart", "WindowPart"]

PARTS_MAX = 20
BYTES_MAX = 16 << 20
FILE_BYTES_MAX = 4 << 20
_IMAGES = frozenset(
    {"image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml", "image/bmp"}
)


class WindowPart(msgspec.Struct, tag="window", tag_field="kind"):
    """Rows of the runs grid."""

    request: WindowRequest


class SeriesPart(msgspec.Struct, tag="series", tag_field="kind"):
    """Series of metrics."""

    request: SeriesRequest


class SqlPart(msgspec.Struct, tag="sql", tag_field="kind"):
    """The result of a query."""

    query: str


class FilePart(msgspec.Struct, tag="file", tag_field="kind"):
    """An image that a run logged."""

    run: str
    path: str


Part = WindowPart | SeriesPart | SqlPart | FilePart


class PinAnswer(msgspec.Struct, omit_defaults=True):
    """What one part was answered.

    Args:
        kind: The kind of the part.
        rows: Of a window, its rows.
        total: Of a window, how many rows there were in all.
        arrow: Of series and queries, an Arrow IPC stream in base 64.
        data: Of a file, its content in base 64.
        media_type: What that is.
    """

    kind: str
    rows: list[dict[str, Any]] | None = None
    total: int | None = None
    arrow: str | None = None
    data: str | None = None
    media_type: str | None = None


class Pin(msgspec.Struct):
    """Data that was pinned.

    Args:
        pin_id: A digest of the data, and of when and by whom it was pinned.
        pinned_at_us: When it was as it is here.
        pinned_by: By whom.
        answers: One for each part.
    """

    pin_id: str
    pinned_at_us: int
    pinned_by: str
    answers: list[PinAnswer]


class _Sources:
    """What a pin is made of, gathered while its parts are answered."""

    def __init__(self) -> None:
        self.experiments: set[str] = set()
        self.needs_everything = False


class Pins:
    """The pins of one warehouse.

    Args:
        lake: Where they are stored.
        clock: For times.
        access: Who may read what.
        windows: Answers for rows of runs.
        series: Answers for metrics.
        queries: Answers SQL.
        artifacts: Has the images.
        run_homes: Knows in which experiments runs are.
    """

    def __init__(
        self,
        lake: Lake,
        clock: Clock,
        access: Access,
        *,
        windows: Windows,
        series: Series,
        queries: Queries,
        artifacts: Artifacts,
        run_homes: RunHomes,
    ) -> None:
        self._lake = lake
        self._clock = clock
        self._access = access
        self._windows = windows
        self._series = series
        self._queries = queries
        self._artifacts = artifacts
        self._homes = run_homes

    def make(self, actor: Actor, parts: list[Part]) -> Pin:
        """Answer a panel's questions now, and keep the answers.

        Raises:
            InvalidInput: A question is wrong, or the answers are too large.
            NotFound: A run or file is not there.
            PermissionDenied: They may not read it themselves.
        """
        if not 1 <= len(parts) <= PARTS_MAX:
            raise InvalidInput(
                ErrorCode.LIMIT_EXCEEDED,
                f"{len(parts)} parts at once: a pin has 1 to {PARTS_MAX}",
                limit=PARTS_MAX,
            )
        sources = _Sources()
        answers = [self._answer(actor, part, sources) for part in parts]
        now = self._clock.now_us()
        told = {"answers": answers, "pinned_at_us": now, "pinned_by": actor.name}
        data = msgspec.json.encode(told)
        pin_id = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode()[:ID_CHARS]
        packed = gzip.compress(data, 6, mtime=0)
        if len(packed) > BYTES_MAX:
            raise InvalidInput(
                ErrorCode.LIMIT_EXCEEDED,
                f"the panel's data has {len(packed):,} bytes and may have {BYTES_MAX:,}: show "
                "fewer runs or metrics",
                limit=BYTES_MAX,
            )
        self._lake.blobs.put(key_of(pin_id), packed)
        row = {
            "pin_id": pin_id,
            "experiments": sorted(sources.experiments),
            "needs_everything": sources.needs_everything,
            "location": key_of(pin_id),
            "size": len(packed),
            "pinned_by": actor.name,
            "pinned_at": now,
        }
        self._lake.patch("report_pins", [row])
        return Pin(pin_id, now, actor.name, answers)

    def get(self, actor: Actor, pin_id: str) -> Pin:
        """Data that was pinned.

        Raises:
            NotFound: There is no such pin.
            PermissionDenied: They may not read all that it was made of.
        """
        row = self._lake.get("report_pins", pin_id)
        if row is None:
            raise _not_found(pin_id)
        scopes = [Scope.experiment(one) for one in row["experiments"] or ()]
        if row["needs_everything"]:
            scopes.append(Scope.everything())
        self._access.authorize(actor, Action.READ, Scope.all_of(*scopes or [Scope.anything()]))
        try:
            packed = self._lake.blobs.get(row["location"])
        except NotFound as error:
            raise _not_found(pin_id) from error
        told = msgspec.json.decode(gzip.decompress(packed))
        return msgspec.convert({**told, "pin_id": pin_id}, Pin)

    def _answer(self, actor: Actor, part: Part, sources: _Sources) -> PinAnswer:
        match part:
            case WindowPart():
                return self._window(actor, part.request, sources)
            case SeriesPart():
                return self._lines(actor, part.request, sources)
            case SqlPart():
                self._access.authorize(actor, Action.READ, Scope.everything())
                sources.needs_everything = True
                found = self._queries.run(actor, part.query, is_for_others=True)
                return PinAnswer("sql", arrow=_stream(found))
            case _:
                return self._file(actor, part, sources)

    def _window(self, actor: Actor, request: WindowRequest, sources: _Sources) -> PinAnswer:
        if not request.experiments:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE, "say of which experiments the runs are that are pinned"
            )
        scopes = [Scope.experiment(one) for one in request.experiments]
        self._access.authorize(actor, Action.READ, Scope.all_of(*scopes))
        sources.experiments.update(request.experiments)
        found = self._windows.read(request, self._access.readable_experiments(actor))
        return PinAnswer("window", rows=found.rows.to_pylist(), total=found.total)

    def _lines(self, actor: Actor, request: SeriesRequest, sources: _Sources) -> PinAnswer:
        request.since = None
        homes = self._homes.of(run for panel in request.panels for run in panel.runs)
        experiments = sorted(set(homes.values()))
        scopes = [Scope.experiment(one) for one in experiments] or [Scope.anything()]
        self._access.authorize(actor, Action.READ, Scope.all_of(*scopes))
        for panel in request.panels:
            panel.runs = [run for run in panel.runs if run in homes]
        sources.experiments.update(experiments)
        found = self._series.read(request)
        if found.rows is None:
            return PinAnswer("series")
        said = {"cursor": b"", "panels": msgspec.json.encode(found.panels)}
        return PinAnswer("series", arrow=_stream(found.rows.replace_schema_metadata(said)))

    def _file(self, actor: Actor, part: FilePart, sources: _Sources) -> PinAnswer:
        home = self._homes.of([part.run]).get(part.run)
        scope = Scope.run(part.run) if home is None else Scope.experiment(home)
        self._access.authorize(actor, Action.READ, scope)
        found = self._artifacts.get(part.run, part.path)
        if found.media_type not in _IMAGES or found.size > FILE_BYTES_MAX:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"{part.path!r} is a {found.media_type} of {found.size:,} bytes: images of at most "
                f"{FILE_BYTES_MAX:,} bytes can be pinned",
                path=part.path,
                limit=FILE_BYTES_MAX,
            )
        if home is not None:
            sources.experiments.add(home)
        content = self._artifacts.read(part.run, part.path)
        text = base64.b64encode(content).decode()
        return PinAnswer("file", data=text, media_type=found.media_type)


def _not_found(pin_id: str) -> NotFound:
    return NotFound(
        ErrorCode.OBJECT_NOT_FOUND,
        f"there is no pinned data {pin_id[:60]!r}: pin the panel again",
        pin_id=pin_id[:60],
    )


def _stream(table: pa.Table) -> str:
    """A table as an Arrow IPC stream in base 64."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        for batch in table.combine_chunks().to_batches():
            writer.write_batch(batch)
    return base64.b64encode(sink.getvalue().to_pybytes()).decode()
