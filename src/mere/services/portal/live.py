"""Live: who watches something is told that it advanced, and fetches what is new by itself.

A *tick* says that a topic advanced, and nothing more: it may come twice, several may come as one,
and it is never wrong. Topics are ``run:<id>`` (its row, metrics and files), ``log:<id>`` (its
console), ``runs:<experiment>`` (the list of its runs), ``traces:<experiment>``,
``experiments``, ``models`` (the registry and deployments), ``datasets`` (with who used them, and
evaluation datasets), ``discussions`` (comments and reviews), ``reports`` and ``views`` (those that
are saved).

Ticks are read off the segments of the journal, once a process: those of other processes when they
are listed, our own as soon as they are durable. Each subscription keeps the set of topics that
advanced since it was last asked, so it never holds more than it asked for.

A tick's id is the time in the newest segment's name, which means the same on every server of the
warehouse. Whoever comes back with an id is told the topics of all segments since; and of those a
minute before, since a segment may be listed later than one that was named after it. Where this
process did not watch for so long, it says that everything advanced.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mere.clock import HybridClock
from mere.errors import ErrorCode, InvalidInput

if TYPE_CHECKING:
    from mere.lake import Lake
    from mere.lake.segment import Segment
    from mere.services.runs.homes import RunHomes

__all__ = ["EVERYTHING", "TOPICS_MAX", "Live", "Subscription", "check_topics", "topics_of"]

EVERYTHING = "*"
"""In place of topics: all of them, as far as anybody knows."""

TOPICS_MAX = 1_000
_TOPIC_CHARS_MAX = 300
_SEGMENTS_KEPT = 20_000
_LATE_MS = 60_000
_KINDS = ("run", "log", "runs", "traces")
_ALONE = ("models", "experiments", "discussions", "datasets", "reports", "views")
_DATASETS = (
    "datasets",
    "dataset_cards",
    "evaluation_datasets",
    "evaluation_records",
    "lineage",
)
_REGISTRY = ("registered_models", "model_", "deployments")
_SAID = frozenset({"comments", "run_reviews", "model_reviews"})
_VIEWS = frozenset({"saved_views", "view_stars", "view_defaults"})


def check_topics(topics: Iterable[str]) -> list[str]:
    """Return topics, each once.

    Raises:
        InvalidInput: One is none, or there are too many.
    """
    wanted = list(dict.fromkeys(topics))
    if not 1 <= len(wanted) <= TOPICS_MAX:
        raise InvalidInput(
            ErrorCode.LIMIT_EXCEEDED,
            f"{len(wanted)} topics: watch 1 to {TOPICS_MAX}",
            limit=TOPICS_MAX,
        )
    for topic in wanted:
        kind, colon, what = topic.partition(":")
        is_known = topic in _ALONE or (kind in _KINDS and bool(colon) and bool(what))
        if not is_known or len(topic) > _TOPIC_CHARS_MAX:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"topic {topic[:80]!r} is unknown: use run:<id>, log:<id>, runs:<experiment>, "
                "traces:<experiment>, models, datasets, experiments, discussions, reports or views",
                topic=topic[:80],
            )
    return wanted


def topics_of(
    segment: Segment, homes: Callable[[Iterable[str]], Mapping[str, str]]
) -> dict[str, None]:
    """The topics that a segment advances.

    Args:
        segment: The segment.
        homes: Tells in which experiments runs are.
    """
    metrics, lines = _held(segment, "metrics", "run_id"), _held(segment, "console", "run_id")
    rows = {
        str(patch.key[0])
        for name in ("runs", "artifacts", "lineage")
        for patch in segment.patches.get(name, ())
    }
    runs = sorted(metrics | rows)
    topics = [f"run:{run}" for run in runs]
    topics += [f"log:{run}" for run in lines]
    topics += [f"runs:{home}" for home in homes(runs).values()]
    topics += [f"traces:{home}" for home in _held(segment, "spans", "experiment_id")]
    topics += [f"traces:{home}" for home in _set(segment, "traces", "experiment_id")]
    if any(name.startswith(_REGISTRY) for name in segment.patches):
        topics.append("models")
    if "experiments" in segment.patches:
        topics.append("experiments")
    if not _SAID.isdisjoint(segment.patches):
        topics.append("discussions")
    if any(name in segment.patches for name in _DATASETS):
        topics.append("datasets")
    if "reports" in segment.patches:
        topics.append("reports")
    if not _VIEWS.isdisjoint(segment.patches):
        topics.append("views")
    return dict.fromkeys(topics)


def _held(segment: Segment, table: str, column: str) -> set[str]:
    """The values of a column in a segment's records of a log table."""
    values = {one for part in segment.logs.get(table, ()) for one in part.columns.get(column, ())}
    return {str(value) for value in values if value is not None}


def _set(segment: Segment, table: str, column: str) -> set[str]:
    """The values that a segment's patches set a column to."""
    values = {patch.sets.get(column) for patch in segment.patches.get(table, ())}
    return {str(value) for value in values if value is not None}


class Subscription:
    """What one listener waits for. Made by `Live.subscribe`.

    Args:
        topics: What it listens to.
        wake: Called, from any thread, when something advanced; must return at once.
    """

    def __init__(self, topics: Iterable[str], wake: Callable[[], None]) -> None:
        self.topics = frozenset(topics)
        self._wake = wake
        self._lock = threading.Lock()
        self._advanced: set[str] = set()
        self._id = 0

    def tell(self, topics: Iterable[str], tick: int) -> None:
        """Note topics that advanced, those it does not listen to left out."""
        advanced = self.topics.intersection(topics)
        if EVERYTHING in topics:
            advanced = frozenset((EVERYTHING,))
        with self._lock:
            self._id = max(self._id, tick)
            is_first = not self._advanced
            self._advanced |= advanced
        if advanced and is_first:
            self._wake()

    def take(self) -> tuple[str, list[str]]:
        """What advanced since this was last asked, and the id of the newest of it."""
        with self._lock:
            advanced, self._advanced = self._advanced, set()
            topics = [EVERYTHING] if EVERYTHING in advanced else sorted(advanced)
            return f"{self._id:x}", topics


@dataclass
class _Seen:
    """Which segments were looked at: the root, and the last of each writer behind it."""

    root: int = -1
    writers: dict[str, int] = field(default_factory=dict)


class Live:
    """The ticks of one warehouse in this process; for several threads.

    Args:
        lake: What is watched.
        homes: Tells in which experiments runs are.
    """

    def __init__(self, lake: Lake, homes: RunHomes) -> None:
        self._lake = lake
        self._homes = homes
        self._lock = threading.Lock()
        self._polling = threading.Lock()
        self._seen = _Seen()
        self._recent: deque[tuple[int, tuple[str, ...]]] = deque(maxlen=_SEGMENTS_KEPT)
        self._horizon = 0
        self._newest = 0
        self._subscriptions: set[Subscription] = set()

    def subscribe(
        self, topics: Iterable[str], wake: Callable[[], None], last_id: str | None = None
    ) -> Subscription:
        """Listen to topics.

        Args:
            topics: As `check_topics` returned them.
            wake: Called, from any thread, when something advanced; must return at once.
            last_id: The id of the last tick that was received, by whoever comes back.
        """
        subscription = Subscription(topics, wake)
        self.poll()
        with self._lock:
            self._subscriptions.add(subscription)
            missed = self._since(last_id) if last_id else ()
            newest = self._newest
        subscription.tell(missed, newest)
        return subscription

    def leave(self, subscription: Subscription) -> None:
        """Listen no more."""
        with self._lock:
            self._subscriptions.discard(subscription)

    @property
    def has_listeners(self) -> bool:
        """Whether anybody listens."""
        return bool(self._subscriptions)

    def poll(self) -> None:
        """Look for new segments and tell who listens; raises as reading does."""
        with self._polling:
            fresh, is_gap = self._look()
            found = [(segment.name.tick, self._topics(segment)) for segment in fresh]
            with self._lock:
                if is_gap:
                    self._horizon = self._lake.tick()
                self._recent.extend(found)
                if len(self._recent) == self._recent.maxlen:
                    self._horizon = max(self._horizon, self._recent[0][0])
                self._newest = max([self._newest, self._horizon, *(tick for tick, _ in found)])
                listeners, newest = list(self._subscriptions), self._newest
        told = {topic for _, topics in found for topic in topics}
        for one in listeners:
            one.tell((EVERYTHING,) if is_gap else told, newest)

    def _look(self) -> tuple[list[Segment], bool]:
        """Segments not looked at yet, and whether others came and went that never will be.

        What was folded before it was listed here is one of those, and all there was at the start.
        """
        view, seen = self._lake.view(), self._seen
        tail = {segment.name: segment for segment in view.tail}
        known = seen.writers
        fresh = [one for name, one in tail.items() if name.sequence > known.get(name.writer, 0)]
        is_gap = seen.root < 0 or any(n > known.get(one, 0) for one, n in view.folded.items())
        if view.root.number != seen.root or fresh:
            writers = dict(view.folded)
            for name in tail:
                writers[name.writer] = max(name.sequence, writers.get(name.writer, 0))
            self._seen = _Seen(view.root.number, writers)
        return fresh, is_gap

    def _topics(self, segment: Segment) -> tuple[str, ...]:
        homes = {
            str(patch.key[0]): str(patch.sets["experiment_id"])
            for patch in segment.patches.get("runs", ())
            if patch.sets.get("experiment_id") is not None
        }
        self._homes.learn(homes)
        return tuple(topics_of(segment, self._homes.of))

    def _since(self, last_id: str) -> tuple[str, ...]:
        """The topics that advanced since an id. Call with the lock held."""
        try:
            tick = int(last_id, 16)
        except ValueError:
            return (EVERYTHING,)
        since = tick - HybridClock.from_ms(_LATE_MS)
        if (since < self._horizon and tick != self._newest) or tick > self._lake.tick():
            return (EVERYTHING,)
        return tuple(topic for at, topics in self._recent if at > since for topic in topics)
