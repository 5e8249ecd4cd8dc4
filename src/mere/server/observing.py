"""What people who run a server see of it: request ids, one log line a request, and metrics.

The metrics are Prometheus's. With several workers each writes its own into one folder
(``PROMETHEUS_MULTIPROC_DIR``), and whichever is asked answers for all.
"""

from __future__ import annotations

import itertools
import json
import logging
import re
import sys
from datetime import UTC, datetime

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    generate_latest,
    multiprocess,
)

from mere.clock import Clock
from mere.config import environment

__all__ = [
    "METRICS_TYPE",
    "JsonLines",
    "RequestIds",
    "flush_requests",
    "log_to_stderr",
    "metrics_page",
    "note_request",
]

METRICS_TYPE = CONTENT_TYPE_LATEST

_WORD = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_requests = Counter("mere_requests", "Requests answered.", ["operation", "status"])
_durations = Counter("mere_request_seconds", "How long answers took in all.", ["operation"])
_buckets = Counter(
    "mere_request_seconds_bucket", "Answers that took no longer than `le`.", ["operation", "le"]
)
_gathered: dict[tuple[str, int], list[float]] = {}
"""Since the last flush: how long answers took, by operation and status."""
_GATHERED_MAX = 10_000


def note_request(operation: str, status: int, seconds: float) -> None:
    """Count a request that was answered; `flush_requests` makes it known."""
    taken = _gathered.get((operation, status))
    if taken is None:
        taken = _gathered[operation, status] = []
    taken.append(seconds)
    if len(taken) >= _GATHERED_MAX:
        flush_requests()


def flush_requests() -> None:
    """Make known what was counted: once a second, as each number is written into a file."""
    while _gathered:
        (operation, status), taken = _gathered.popitem()
        _requests.labels(operation, str(status)).inc(len(taken))
        _durations.labels(operation).inc(sum(taken))
        for limit in _SECONDS:
            _buckets.labels(operation, f"{limit:g}").inc(sum(one <= limit for one in taken))
        _buckets.labels(operation, "+Inf").inc(len(taken))


def metrics_page() -> bytes:
    """All metrics of all workers, as Prometheus reads them."""
    flush_requests()
    if not environment().get("PROMETHEUS_MULTIPROC_DIR"):
        return generate_latest()
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


class RequestIds:
    """Names for requests: random for each process, then counted, as randomness takes long.

    Args:
        clock: For what the process begins with.
    """

    def __init__(self, clock: Clock) -> None:
        self._process = f"{clock.random_bits(48):012x}"
        self._count = itertools.count()

    def of(self, given: str | None) -> str:
        """The client's own id of a request where it is harmless, else a new one."""
        if given and _WORD.fullmatch(given):
            return given
        return f"{self._process}-{next(self._count):x}"


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and what came as ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        """Make the line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def log_to_stderr(level: int = logging.INFO) -> None:
    """Let what the server logs appear on the standard error, as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("mere")
    logger.handlers[:] = [handler]
    logger.setLevel(level)
    logger.propagate = False
