"""SQL of people who are not trusted: no file, no network, little memory and time.

Each query runs in a process of its own, with an empty environment (`sandbox_process`), in a
database that holds nothing but the tables it may read. Three walls stand behind one another: the
query's own tree is checked (`sandbox_check`), DuckDB is locked up so that it opens the files of
these tables and nothing else, and the process is killed when it takes too much of anything.
DuckDB's own interrupt and memory limit are not enough: some functions heed neither for minutes.

A fixed number of processes run at once. Nobody has all of them while somebody else waits, and
who asks for too much at once is refused, not queued for ever.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, NoReturn

import pyarrow as pa

from mere.clock import Clock
from mere.errors import (
    CorruptData,
    ErrorCode,
    Internal,
    InvalidInput,
    Unavailable,
)
from mere.lake.sandbox_process import EXIT_MEMORY, Pipe
from mere.lake.sources import TableSource, source_of
from mere.lake.view import View

__all__ = ["Sandbox", "SandboxLimits", "SandboxRules", "Stop"]

_GRACE_S = 0.5
_START_S = 20.0
_QUERIES_MAX = 50


@dataclass(frozen=True, slots=True)
class SandboxLimits:
    """What a query may take, and how many may be under way."""

    rows_max: int = 1_000_000
    """Rows of a result."""
    bytes_max: int = 256 << 20
    """Bytes of a result, as Arrow has it in memory."""
    cut_bytes_max: int = 32 << 20
    """Bytes of a result that is cut where it gets too large."""
    time_ms_max: int = 30_000
    """How long a query may run."""
    memory_bytes_max: int = 1 << 30
    """Memory of a query; a process that has half as much again, and 256 MiB, is killed."""
    threads: int = 2
    """Threads of a query."""
    processes: int = 2
    """Queries that run at once."""
    waiting_max: int = 6
    """Queries that wait for their turn."""
    waiting_each_max: int = 3
    """Queries of one person that wait for their turn."""
    wait_ms_max: int = 15_000
    """How long a query waits for its turn."""
    query_chars_max: int = 100_000
    """Characters of a query."""


@dataclass(frozen=True)
class SandboxRules:
    """What somebody may read.

    Args:
        tables: The tables offered; all others do not exist. None offers all.
        filters: A condition in SQL on the rows, by table. It may read ``hidden."<lookup>"``,
            whose column is ``id``, and ``hidden."<table>"``, a table without its filter.
        lookups: Sets of ids for the conditions.
        reads: The tables that the condition of a table reads.
    """

    tables: frozenset[str] | None = None
    filters: Mapping[str, str] = field(default_factory=dict)
    lookups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    reads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Stop:
    """Ends one query from another thread, whether it waits or runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._acts: list[Callable[[], None]] = []
        self.is_set = False
        """Whether the query is to end."""

    def set(self) -> None:
        """End the query, or keep it from beginning."""
        with self._lock:
            self.is_set = True
            for act in self._acts:
                act()

    @contextmanager
    def calling(self, act: Callable[[], None]) -> Iterator[None]:
        """Have something called at the end; never after the block."""
        with self._lock:
            self._acts.append(act)
            if self.is_set:
                act()
        try:
            yield
        finally:
            with self._lock:
                self._acts.remove(act)


class Sandbox:
    """Runs foreign queries; several threads may do so at once.

    Args:
        clock: For how long they wait.
        limits: What they may take.
    """

    def __init__(self, clock: Clock, limits: SandboxLimits | None = None) -> None:
        self.limits = limits or SandboxLimits()
        self._turns = _Turns(clock, self.limits)
        self._idle: list[_Process] = []
        self._lock = threading.Lock()
        self._pid = os.getpid()

    def query(
        self,
        view: View,
        query: str,
        params: Sequence[Any] | Mapping[str, Any] | None = None,
        *,
        rules: SandboxRules | None = None,
        who: str = "",
        limit: int | None = None,
        stop: Stop | None = None,
    ) -> pa.Table:
        """Run one query over a view.

        Args:
            view: The state to read.
            query: One SELECT, as DuckDB speaks it.
            params: Values for ``?`` or ``$name``, of kinds that JSON has.
            rules: What may be read; by default everything.
            who: Who asks; one person's queries wait for each other.
            limit: Cut the result behind so many rows, or where it gets too large, instead of
                refusing it. Where more is there, the schema's metadata has `cut`: by ``rows`` or
                ``bytes``.
            stop: Ends it.

        Raises:
            InvalidInput: The query is wrong, says what it may not, takes or answers too much, or
                was ended.
            Unavailable: Too many queries wait.
            CorruptData: A file the tables refer to cannot be read; a newer view may have others.
        """
        limits = self.limits
        if len(query) > limits.query_chars_max:
            raise InvalidInput(
                ErrorCode.LIMIT_EXCEEDED,
                f"the query has {len(query)} characters, more than {limits.query_chars_max}: "
                "pass long values as parameters",
                limit=limits.query_chars_max,
            )
        if limit is not None and not 1 <= limit <= limits.rows_max:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"limit is {limit}: use 1 to {limits.rows_max}",
                limit=limit,
            )
        rules, stop = rules or SandboxRules(), stop or Stop()
        offered = [name for name in view.states if rules.tables is None or name in rules.tables]
        try:
            with (
                self._turns.turn(who, stop),
                self._process() as process,
                stop.calling(process.end),
            ):
                named = process.ask(query, offered)
                parts = _Parts(view, rules, named)
                return process.run(parts, params, limits, limit)
        except InvalidInput as error:
            if stop.is_set:
                raise _stopped() from error
            raise

    def close(self) -> None:
        """End the processes that wait for queries."""
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            process.kill()

    @contextmanager
    def _process(self) -> Iterator[_Process]:
        with self._lock:
            if self._pid != os.getpid():  # a forked child does not share its parent's pipes
                self._idle, self._pid = [], os.getpid()
            process = self._idle.pop() if self._idle else None
        if process is None:
            process = _Process()
        try:
            yield process
        finally:
            with self._lock:
                is_kept = process.is_good and len(self._idle) < self.limits.processes
                if is_kept:
                    self._idle.append(process)
            if not is_kept:
                process.kill()


class _Parts:
    """The tables that a query reads, as its process is told of them."""

    def __init__(self, view: View, rules: SandboxRules, named: Sequence[str]) -> None:
        looked_up = {other for name in named for other in rules.reads.get(name, ())}
        self.lookups = rules.lookups if any(name in rules.filters for name in named) else {}
        self.sources: list[TableSource] = []
        self.tables: list[dict[str, Any]] = []
        for name in dict.fromkeys((*named, *sorted(looked_up))):
            source = source_of(view.table(name))
            self.sources.append(source)
            self.tables.append(
                {
                    "name": name,
                    "columns": source.columns,
                    "key": source.key,
                    "paths": source.paths,
                    "is_evolved": source.is_evolved,
                    "keys": source.keys is not None,
                    "tail": source.tail is not None,
                    "where": rules.filters.get(name),
                    "is_offered": name in named,
                    "is_looked_up": name in looked_up,
                }
            )

    def streams(self) -> Iterator[pa.Table]:
        """The tables in memory, in the order in which the process reads them."""
        for ids in self.lookups.values():
            yield pa.table({"id": pa.array(ids, pa.string())})
        for source in self.sources:
            yield from (part for part in (source.keys, source.tail) if part is not None)


class _Process:
    """One process that runs queries, from this side."""

    def __init__(self) -> None:
        # `-I`: neither the environment nor the current folder says what it imports.
        self._popen = subprocess.Popen(
            [sys.executable, "-I", "-m", "mere.lake.sandbox_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"LANG": "C.UTF-8"},
        )
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        self._pipe = Pipe(self._popen.stdout, self._popen.stdin)  # type: ignore[arg-type]
        self._queries = 0
        self.is_good = False
        """Whether it may run another query."""

    def ask(self, query: str, offered: Sequence[str]) -> list[str]:
        """Hand a query over and learn which tables it reads; raises as `Sandbox.query`."""
        self.is_good = False
        self._queries += 1
        with self._deadline(_START_S):
            self._tell({"query": query, "offered": list(offered)})
            tables: list[str] = self._hear()["tables"]
            return tables

    def run(
        self,
        parts: _Parts,
        params: Sequence[Any] | Mapping[str, Any] | None,
        limits: SandboxLimits,
        limit: int | None,
    ) -> pa.Table:
        """Run the query that was handed over; raises as `Sandbox.query`."""
        told = {
            "tables": parts.tables,
            "lookups": list(parts.lookups),
            "params": params,
            "time_ms": limits.time_ms_max,
            "memory_bytes": limits.memory_bytes_max,
            "threads": limits.threads,
            "rows_max": limits.rows_max if limit is None else limit,
            "bytes_max": limits.bytes_max if limit is None else limits.cut_bytes_max,
            "is_cut": limit is not None,
        }
        batches: list[pa.Table] = []
        with self._deadline(limits.time_ms_max / 1000 + _GRACE_S, limits):
            self._tell(told)
            for table in parts.streams():
                self._send(table)
            while "done" not in (heard := self._hear(limits)):
                batches.append(pa.ipc.open_stream(self._receive()).read_all())
        self.is_good = self._queries < _QUERIES_MAX
        found = pa.concat_tables(batches if len(batches) < 2 else batches[1:])
        return found.replace_schema_metadata({"cut": heard["cut"]}) if "cut" in heard else found

    def end(self) -> None:
        """End it from another thread, which leaves the pipes to the one that uses them."""
        self._popen.kill()

    def kill(self) -> None:
        """End it."""
        self._popen.kill()
        for stream in (self._popen.stdin, self._popen.stdout):
            with suppress(OSError):
                if stream is not None:
                    stream.close()
        self._popen.wait()

    @contextmanager
    def _deadline(self, seconds: float, limits: SandboxLimits | None = None) -> Iterator[None]:
        """Kill it when it takes longer, and say why it ended."""
        is_late = threading.Event()

        def stop() -> None:
            is_late.set()
            self._popen.kill()

        timer = threading.Timer(seconds, stop)
        timer.start()
        try:
            yield
        except (EOFError, OSError) as error:
            ended = self._popen.wait()
            if is_late.is_set():
                _refuse("late", "", limits or SandboxLimits())
            if ended == EXIT_MEMORY:
                _refuse("memory", "", limits or SandboxLimits())
            raise InvalidInput(
                ErrorCode.INVALID_QUERY,
                "the query made its engine crash: simplify it",
            ) from error
        finally:
            timer.cancel()

    def _tell(self, message: dict[str, Any]) -> None:
        self._pipe.tell(message)

    def _send(self, table: pa.Table) -> None:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        self._pipe.send(sink.getvalue())

    def _receive(self) -> bytes:
        return self._pipe.receive()

    def _hear(self, limits: SandboxLimits | None = None) -> dict[str, Any]:
        message = self._pipe.hear()
        kind = message.get("error")
        if kind is not None:
            self._raise(kind, message, limits or SandboxLimits())
        return message

    def _raise(self, kind: str, message: dict[str, Any], limits: SandboxLimits) -> NoReturn:
        self.is_good = kind in ("refused", "query", "files") and self._queries < _QUERIES_MAX
        where = {name: message[name] for name in ("start", "end") if name in message}
        if kind == "refused":
            raise InvalidInput(ErrorCode(message["code"]), str(message["message"]), **where)
        if kind == "query":
            raise InvalidInput(ErrorCode.INVALID_QUERY, str(message["message"]), **where)
        _refuse(kind, str(message.get("message", "")), limits)


def _refuse(kind: str, message: str, limits: SandboxLimits) -> NoReturn:
    """Raise what went wrong."""
    if kind == "files":
        raise CorruptData(
            ErrorCode.MISSING_FILE, "a file of the tables is gone or damaged: ask again"
        )
    if kind == "bug":
        raise Internal(ErrorCode.BUG, f"the query engine failed: {message}")
    exceeded = {
        "late": f"the query took longer than {limits.time_ms_max / 1000:g} s: narrow it down",
        "memory": f"the query needs more memory than {limits.memory_bytes_max >> 20} MiB: "
        "narrow it down, or aggregate in steps",
        "large": f"the result has more than {limits.rows_max} rows or {limits.bytes_max >> 20} "
        "MiB: add a LIMIT, or aggregate",
    }
    raise InvalidInput(ErrorCode.LIMIT_EXCEEDED, exceeded[kind], limit=kind)


def _stopped() -> InvalidInput:
    return InvalidInput(ErrorCode.QUERY_STOPPED, "the query was stopped by whoever asked for it")


class _Turns:
    """Who runs next: the first in the queue, but nobody has everything while others wait."""

    def __init__(self, clock: Clock, limits: SandboxLimits) -> None:
        self._clock = clock
        self._limits = limits
        self._changed = threading.Condition()
        self._running: Counter[str] = Counter()
        self._queue: list[tuple[str, object]] = []

    @contextmanager
    def turn(self, who: str, stop: Stop) -> Iterator[None]:
        """Wait for a turn, and have it.

        Raises:
            Unavailable: Too many queries wait, or too many of this person, or this one waited too
                long.
            InvalidInput: It was ended while it waited.
        """
        with stop.calling(self._wake), self._changed:
            self._enter(who, stop)
        try:
            yield
        finally:
            with self._changed:
                self._running[who] -= 1
                self._running = +self._running
                self._changed.notify_all()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _enter(self, who: str, stop: Stop) -> None:
        limits = self._limits
        mine = sum(1 for other, _ in self._queue if other == who)
        if mine >= limits.waiting_each_max:
            raise Unavailable(
                ErrorCode.TOO_MANY_REQUESTS,
                f"{mine} of your queries wait for their turn already: wait for their results",
                limit=limits.waiting_each_max,
                retry_after_s=1.0,
            )
        if len(self._queue) >= limits.waiting_max:
            raise _busy(f"{len(self._queue)} queries wait for their turn")
        place = (who, object())
        self._queue.append(place)
        until = self._clock.monotonic() + limits.wait_ms_max / 1000
        try:
            while self._next() is not place:
                if stop.is_set:
                    raise _stopped()
                left = until - self._clock.monotonic()
                if left <= 0:
                    raise _busy(f"no turn came up within {limits.wait_ms_max / 1000:g} s")
                self._changed.wait(left)
            self._running[who] += 1
        finally:
            self._queue.remove(place)
            self._changed.notify_all()

    def _next(self) -> tuple[str, object] | None:
        """Whose turn it is: the first of those who have the fewest running."""
        if self._running.total() >= self._limits.processes:
            return None
        order: Callable[[tuple[str, object]], int] = lambda place: self._running[place[0]]  # noqa: E731
        return min(self._queue, key=order, default=None)


def _busy(why: str) -> Unavailable:
    return Unavailable(
        ErrorCode.STORE_UNAVAILABLE, f"{why}: ask again in a moment", retry_after_s=5.0
    )
