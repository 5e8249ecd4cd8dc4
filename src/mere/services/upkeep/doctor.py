"""The doctor: does this store keep its promises, and is this warehouse in good order?

Every check says ok, warn or fail, with advice where there is something to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any

import msgspec

from mere.clock import Clock, SystemClock
from mere.errors import MereError, NotFound
from mere.lake.objects.open import open_store
from mere.lake.objects.probe import probe_put_if_absent
from mere.lake.objects.retry import RetryingStore
from mere.lake.objects.store import ObjectStore
from mere.services.warehouse import Warehouse, open_warehouse, resolve_url

__all__ = ["Check", "Level", "examine"]

_SKEW_WARN_S = 5.0
_SKEW_FAIL_S = 3600.0
_TAIL_SEGMENTS_WARN = 1000
_TAIL_AGE_WARN_S = 24 * 3600.0
_NAMED_MAX = 3
_PATIENCE_S = 5.0


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Check(msgspec.Struct, frozen=True):
    """One finding.

    Args:
        name: What was looked at.
        level: How bad it is.
        message: What was found.
        advice: What to do about it, where there is something to do.
        values: The numbers behind it, for programs.
    """

    name: str
    level: Level
    message: str
    advice: str = ""
    values: dict[str, Any] = {}


def examine(url: str | None = None) -> Iterator[Check]:
    """Examine a warehouse; each finding is given as soon as it is known.

    Args:
        url: The warehouse; by default, the one of the settings.
    """
    clock = SystemClock()
    try:
        address = resolve_url(url)
        store = _impatient(open_store(address, clock=clock), clock)
        store.list("catalog/")
    except MereError as error:
        advice = "check the address, the network and the AWS_ variables"
        yield Check("store", Level.FAIL, error.message, advice)
        return
    yield Check("store", Level.OK, f"{store.url} answers", values={"url": store.url})
    promises = [*_promises(store, clock)]
    yield from promises
    if any(check.level is Level.FAIL for check in promises):
        return
    try:
        store.head("mere.json")
    except NotFound:
        advice = "log a run here, or correct the address"
        yield Check("warehouse", Level.WARN, "there is no warehouse here yet", advice)
        return
    try:
        warehouse = open_warehouse(address)
        yield _identity(warehouse, store)
        yield from _state(warehouse)
        yield _dead_runs(warehouse)
    except MereError as error:
        advice = "the object named is damaged: restore it from a backup or the bucket's versions"
        yield Check("warehouse", Level.FAIL, error.message, advice)


def _impatient(store: ObjectStore, clock: Clock) -> ObjectStore:
    """The store with less retry: who asks whether it answers will not wait for a minute."""
    if isinstance(store, RetryingStore):
        return RetryingStore(store.inner, clock, deadline_s=_PATIENCE_S)
    return store


def _promises(store: ObjectStore, clock: Clock) -> Iterator[Check]:
    """What every store must be able to do, tried on one object of our own."""
    key = f"probe/{clock.random_bits(128):032x}"
    content = b"mere doctor"
    steps: list[tuple[str, Callable[[], object]]] = [
        ("put", lambda: store.put(key, content)),
        ("get", lambda: store.get(key)),
        ("list", lambda: store.list("probe/")),
    ]
    took: dict[str, Any] = {}
    before_us = clock.now_us()
    modified_us: int | None = None
    try:
        for verb, act in steps:
            began = clock.monotonic()
            act()
            took[f"{verb}_ms"] = round((clock.monotonic() - began) * 1000, 1)
            if verb == "put":
                after_us = clock.now_us()
        modified_us = store.head(key).modified_us
        verb = "delete"
        store.delete([key])
    except MereError as error:
        yield Check(
            "permissions", Level.FAIL, f"{verb}: {error.message}", f"allow to {verb} objects"
        )
        return
    times = ", ".join(f"{name.removesuffix('_ms')} {ms} ms" for name, ms in took.items())
    yield Check("permissions", Level.OK, f"list, get, put and delete work ({times})", values=took)
    yield _clock_skew(modified_us, before_us, after_us)
    try:
        probe_put_if_absent(store, clock)
    except MereError as error:
        yield Check(
            "put-if-absent", Level.FAIL, error.message, "use a store with conditional writes"
        )
    else:
        yield Check("put-if-absent", Level.OK, "a second create of an object is refused")


def _clock_skew(stored_us: int, before_us: int, after_us: int) -> Check:
    # Stores give whole seconds, so what lies within one is no skew.
    early, late = before_us - stored_us - 1_000_000, stored_us - after_us
    skew_s = max(early, late, 0) / 1e6
    level = Level.OK
    if skew_s > _SKEW_WARN_S:
        level = Level.FAIL if skew_s > _SKEW_FAIL_S else Level.WARN
    advice = "" if level is Level.OK else "set this machine's clock, by NTP for instance"
    message = f"this machine and the store differ by {skew_s:.1f} s or less"
    if level is not Level.OK:
        message = f"this machine and the store differ by {skew_s:,.0f} s"
    return Check("clock", level, message, advice, {"skew_s": skew_s})


def _identity(warehouse: Warehouse, store: ObjectStore) -> Check:
    known = warehouse.lake.warehouse
    values = {"format": known.format, "warehouse_id": known.warehouse_id}
    if known.location != store.url:
        return Check(
            "warehouse",
            Level.WARN,
            f"it was made at {known.location} and lies at {store.url} now",
            "mere reads it here; other engines look for its files at the old place",
            values,
        )
    return Check("warehouse", Level.OK, f"format {known.format}, {known.warehouse_id}", "", values)


def _state(warehouse: Warehouse) -> Iterator[Check]:
    """Freshness, sizes, and what is damaged or foreign."""
    status = warehouse.lake.status()
    tail = status.tail
    age_s = tail.oldest_s or 0.0
    is_long = tail.unfolded > _TAIL_SEGMENTS_WARN or age_s > _TAIL_AGE_WARN_S
    message = f"{tail.unfolded:,} segments wait to be folded"
    if tail.unfolded:
        message += f", the oldest for {age_s:,.0f} s"
    yield Check(
        "freshness",
        Level.WARN if is_long else Level.OK,
        message,
        "`mere fold` moves them into the tables, which makes reading faster" if is_long else "",
        msgspec.structs.asdict(tail),
    )
    for table in status.tables:
        message = f"{table.rows:,} rows in {table.files:,} files, {table.bytes:,} bytes"
        values = msgspec.structs.asdict(table)
        yield Check(f"table {table.name}", Level.OK, message, values=values)
    if status.damaged:
        yield Check(
            "objects",
            Level.FAIL,
            f"{len(status.damaged)} are damaged: {_some(status.damaged)}",
            "restore them from a backup or the bucket's versions",
            {"damaged": status.damaged},
        )
    if status.foreign:
        yield Check(
            "objects",
            Level.WARN,
            f"{len(status.foreign)} are not mere's: {_some(status.foreign)}",
            "mere leaves them alone; move them elsewhere",
            {"foreign": status.foreign},
        )
    if not status.damaged and not status.foreign:
        yield Check("objects", Level.OK, "none is damaged or foreign")


def _some(names: list[str]) -> str:
    more = len(names) - _NAMED_MAX
    return "; ".join(names[:_NAMED_MAX]) + (f"; and {more} more" if more > 0 else "")


def _dead_runs(warehouse: Warehouse) -> Check:
    dead = warehouse.runs.dead()
    if dead:
        message = f"{len(dead)} runs say RUNNING and their process died"
        advice = "`mere upkeep` writes them down as KILLED"
        return Check("runs", Level.WARN, message, advice, {"dead": dead})
    return Check("runs", Level.OK, "none has died without a word", values={"dead": []})
