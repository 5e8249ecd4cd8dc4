"""Series: metrics of many runs as a chart needs them, a few hundred buckets for each.

A request names panels; each has runs, keys and an x-axis, and its series share one grid of
buckets. What is answered holds for the points themselves, not for a sample: the least and the
greatest value of every bucket are values that were logged, the counts count all points.

Who has an answer asks again with its cursor and gets what changed: nothing at all where nothing
did, only the buckets that new points fall into where the grid is the same still, and the whole
panel where it had to be cut anew. A cursor is good on every server of the warehouse.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

from mere.errors import ErrorCode, InvalidInput

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from mere.lake import Lake
    from mere.lake.pyramid_reading import Look, Mark, Window

__all__ = [
    "Axis",
    "Measure",
    "Panel",
    "PanelState",
    "Precision",
    "Series",
    "SeriesAnswer",
    "SeriesRequest",
]

BUCKETS_MAX = 600
SERIES_MAX = 20_000
PANELS_MAX = 100
_TOKEN_CHARS_MAX = 1 << 20
_STARTS_KEPT = 200_000


class Axis(StrEnum):
    """What points are set out by."""

    STEP = "step"
    TIME = "time"
    """Wall time, in microseconds since the epoch."""
    RELATIVE = "relative"
    """Microseconds since the run began."""


class Measure(StrEnum):
    """What can be told of a bucket; all but the counts are of finite values."""

    LO = "lo"
    HI = "hi"
    LAST = "last"
    MEAN = "mean"
    COUNT = "count"
    NAN = "nan"
    INF = "inf"


class Precision(StrEnum):
    """How many bytes a value takes."""

    DOUBLE = "double"
    SINGLE = "single"


class Panel(msgspec.Struct):
    """What one chart shows.

    Args:
        runs: The ids of the runs.
        keys: The metrics.
        x: What points are set out by.
        lower: The least x wanted; by default, that of the first point.
        upper: The greatest.
        buckets: At most so many buckets, from 2 to 600.
    """

    runs: list[str]
    keys: list[str]
    x: Axis = Axis.STEP
    lower: int | None = None
    upper: int | None = None
    buckets: int = BUCKETS_MAX


class SeriesRequest(msgspec.Struct):
    """Panels, and how to answer them.

    Args:
        panels: The charts.
        measures: What to tell of each bucket.
        precision: ``single`` halves the bytes and rounds values to seven digits.
        since: The cursor of an earlier answer to the same panels.
    """

    panels: list[Panel]
    measures: list[Measure] = msgspec.field(
        default_factory=lambda: [Measure.LO, Measure.HI, Measure.LAST, Measure.NAN, Measure.INF]
    )
    precision: Precision = Precision.DOUBLE
    since: str | None = None


class PanelState(msgspec.Struct):
    """What holds for all series of a panel.

    Args:
        panel: Its number in the request.
        is_reset: Whether this replaces all that was shown of it; else it changes some buckets.
        width: How much x a bucket spans.
        first: The number of the grid's first bucket: it begins at ``first * width``.
        last: The number of its last.
        points: How many points its series have in all.
        is_exact: Whether each point was counted in its very bucket. False only over times, for
            more than four million points: then stretches of 64 points and more are counted where
            their latest one is.
    """

    panel: int
    is_reset: bool
    width: int
    first: int
    last: int
    points: int
    is_exact: bool


class SeriesAnswer(msgspec.Struct):
    """What is new.

    Args:
        cursor: What to ask with next.
        panels: The panels in which something changed.
        rows: A row for each of their series that has buckets to show: ``panel``, ``run_id``,
            ``key``, ``at`` (each bucket's number behind the panel's first) and a list for each
            measure; the lists of ``nan`` and ``inf`` are empty where there are none.
    """

    cursor: str
    panels: list[PanelState]
    rows: pa.Table | None

    @property
    def is_empty(self) -> bool:
        """Whether nothing changed."""
        return not self.panels


class _Cursor(msgspec.Struct, array_like=True):
    check: bytes
    root: int
    seen: dict[str, int]
    bits: list[int]
    origins: list[bytes]


class Series:
    """The series of one warehouse.

    Args:
        lake: Where they are stored.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._known_starts: dict[str, int] = {}

    def read(self, request: SeriesRequest) -> SeriesAnswer:
        """Answer a request.

        Raises:
            InvalidInput: It asks for too much, or for nothing sensible.
        """
        _check(request)
        windows = [self._window(panel) for panel in request.panels]
        known = _read_cursor(request)
        marks = _marks(known, windows)
        mark, looks = self._lake.look("metrics", list(zip(windows, marks, strict=True)))
        states = [
            (_state(number, look), look)
            for number, look in enumerate(looks)
            if look is not None and not (look.is_partial and not len(look.buckets))
        ]
        bits = [
            look.bits if look is not None else old.bits if old is not None else 0
            for look, old in zip(looks, marks, strict=True)
        ]
        origins = [_digest(window.origins) for window in windows]
        cursor = _Cursor(_check_of(request), mark.root, mark.seen, bits, origins)
        rows = _rows(request, windows, states) if states else None
        return SeriesAnswer(_write_cursor(cursor), [state for state, _ in states], rows)

    def _window(self, panel: Panel) -> Window:
        from mere.lake.pyramid_reading import Window

        runs, keys = list(dict.fromkeys(panel.runs)), list(dict.fromkeys(panel.keys))
        names = [(run, key) for run in runs for key in keys]
        origins = None
        if panel.x is Axis.TIME:
            origins = [0] * len(names)
        elif panel.x is Axis.RELATIVE:
            starts = self._starts(runs)
            origins = [starts.get(run, 0) for run, _ in names]
        return Window(names, panel.buckets, panel.lower, panel.upper, origins)

    def _starts(self, runs: Iterable[str]) -> Mapping[str, int]:
        """When each run began, which never changes."""
        unknown = [run for run in runs if run not in self._known_starts]
        if unknown:
            found = self._lake.scan("runs", {"run_id": unknown}, ["run_id", "started_at"])
            if len(self._known_starts) > _STARTS_KEPT:
                self._known_starts = {}
            self._known_starts |= {
                row["run_id"]: _micros(row["started_at"])
                for row in found.to_pylist()
                if row["started_at"] is not None
            }
        return self._known_starts


def _micros(when: datetime) -> int:
    return int(when.timestamp()) * 1_000_000 + when.microsecond


def _check(request: SeriesRequest) -> None:
    if not request.panels or len(request.panels) > PANELS_MAX:
        raise InvalidInput(
            ErrorCode.LIMIT_EXCEEDED,
            f"{len(request.panels)} panels in one request: ask for 1 to {PANELS_MAX}",
            limit=PANELS_MAX,
        )
    count = sum(len(set(panel.runs)) * len(set(panel.keys)) for panel in request.panels)
    if count > SERIES_MAX:
        raise InvalidInput(
            ErrorCode.LIMIT_EXCEEDED,
            f"{count:,} series in one request: ask for {SERIES_MAX:,} at most",
            limit=SERIES_MAX,
        )
    for panel in request.panels:
        if not 2 <= panel.buckets <= BUCKETS_MAX:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"{panel.buckets} buckets: ask for 2 to {BUCKETS_MAX}",
                buckets=panel.buckets,
            )
        for edge in (panel.lower, panel.upper):
            if edge is not None and not -(2**62) <= edge <= 2**62:
                raise InvalidInput(ErrorCode.INVALID_VALUE, f"x of {edge} is out of any range")
        if panel.lower is not None and panel.upper is not None and panel.lower > panel.upper:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"lower {panel.lower} is greater than upper {panel.upper}: swap them",
            )


def _state(number: int, look: Look) -> PanelState:
    return PanelState(
        number,
        not look.is_partial,
        1 << look.bits,
        look.first,
        look.last,
        look.points,
        look.is_exact,
    )


def _marks(known: _Cursor | None, windows: Sequence[Window]) -> list[Mark | None]:
    """From where each panel goes on; None where it is shown from the start."""
    from mere.lake.pyramid_reading import Mark

    if known is None:
        return [None] * len(windows)
    return [
        Mark(known.root, known.seen, bits) if origins == _digest(window.origins) else None
        for window, bits, origins in zip(windows, known.bits, known.origins, strict=True)
    ]


def _rows(
    request: SeriesRequest, windows: Sequence[Window], shown: Sequence[tuple[PanelState, Look]]
) -> pa.Table:
    """One row for each series: whose it is, and its buckets as lists."""
    import numpy as np
    import pyarrow as pa

    parts: dict[str, list[Any]] = {name: [] for name in ("panel", "run_id", "key", "lengths")}
    columns: dict[str, list[np.ndarray[Any, Any]]] = {"at": []}
    columns |= {str(measure): [] for measure in dict.fromkeys(request.measures)}
    lengths: dict[str, list[np.ndarray[Any, Any]]] = {name: [] for name in columns}
    precise = np.float64 if request.precision is Precision.DOUBLE else np.float32
    for state, look in shown:
        buckets = look.buckets
        starts = np.flatnonzero(np.diff(buckets.series, prepend=-1))
        sizes = np.diff(starts, append=len(buckets))
        names = [windows[state.panel].names[place] for place in buckets.series[starts].tolist()]
        parts["panel"] += [state.panel] * len(names)
        parts["run_id"] += [name[0] for name in names]
        parts["key"] += [name[1] for name in names]
        for name in columns:
            values = buckets.bucket - look.first if name == "at" else _measured(name, look)
            if name in (Measure.NAN, Measure.INF):
                values, held = _unless_zero(values, starts, sizes)
            else:
                held = sizes
            is_count = name in (Measure.COUNT, Measure.NAN, Measure.INF)
            kind = np.uint16 if name == "at" else np.int32 if is_count else precise
            with np.errstate(over="ignore"):  # what is beyond single precision is infinite there
                columns[name].append(values.astype(kind, copy=False))
            lengths[name].append(held)
    arrays = {
        "panel": pa.array(parts["panel"], pa.int32()),
        "run_id": pa.array(parts["run_id"], pa.string()).dictionary_encode(),
        "key": pa.array(parts["key"], pa.string()).dictionary_encode(),
    }
    for name in columns:
        offsets = np.concatenate([[0], np.cumsum(np.concatenate(lengths[name]))])
        arrays[name] = pa.ListArray.from_arrays(
            pa.array(offsets, pa.int32()), pa.array(np.concatenate(columns[name]))
        )
    return pa.table(arrays)


def _measured(name: str, look: Look) -> np.ndarray[Any, Any]:
    import numpy as np

    buckets = look.buckets
    match name:
        case Measure.LO:
            return buckets.low
        case Measure.HI:
            return buckets.high
        case Measure.LAST:
            return buckets.last
        case Measure.MEAN:
            with np.errstate(divide="ignore", invalid="ignore"):
                mean: np.ndarray[Any, Any] = buckets.total / buckets.finite
            return mean
        case Measure.COUNT:
            return buckets.count
        case Measure.NAN:
            return buckets.nan
        case _:
            return buckets.above + buckets.below


def _unless_zero(
    values: np.ndarray[Any, Any], starts: np.ndarray[Any, Any], sizes: np.ndarray[Any, Any]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Lists that are zero throughout, as nearly all are, become empty."""
    import numpy as np

    if not values.any():
        return values[:0], np.zeros_like(sizes)
    held = np.where(np.add.reduceat(values, starts) > 0, sizes, 0)
    return values[np.repeat(held > 0, sizes)], held


def _check_of(request: SeriesRequest) -> bytes:
    """What tells a request from others, for its cursor."""
    asked = msgspec.msgpack.encode((request.panels, request.measures, request.precision))
    return hashlib.blake2b(asked, digest_size=12).digest()


def _digest(origins: Sequence[int] | None) -> bytes:
    """Runs that were given another start are drawn anew."""
    if origins is None or not any(origins):
        return b""
    return hashlib.blake2b(msgspec.msgpack.encode(list(origins)), digest_size=8).digest()


def _write_cursor(cursor: _Cursor) -> str:
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(cursor)).decode().rstrip("=")


def _read_cursor(request: SeriesRequest) -> _Cursor | None:
    """The cursor of a request; None where it has none, or one of other panels: they get all."""
    if not request.since:
        return None
    try:
        text = request.since[:_TOKEN_CHARS_MAX]
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        cursor = msgspec.msgpack.decode(data, type=_Cursor)
    except (ValueError, msgspec.MsgspecError) as error:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            "since is no cursor of an earlier answer: pass it as it was, or none for everything",
        ) from error
    count = len(request.panels)
    is_ours = cursor.check == _check_of(request)
    return cursor if is_ours and len(cursor.bits) == len(cursor.origins) == count else None
