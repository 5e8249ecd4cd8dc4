"""Traces: spans received, clients' words on whole traces, and both read together.

Writing looks nothing up. `plan_spans` and `plan_trace` turn what came into a `TracePlan`: objects
to put first, then records to make durable together. Whoever is killed between the two leaves
objects below ``traces/`` that nothing names.

A deleted trace keeps its row, marked, so that spans which come late do not bring it back; `purge`
removes the rows, spans and objects of deleted traces for good.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from mere.entities.experiment import DEFAULT_ID, Lifecycle
from mere.entities.limits import check_key, check_tag
from mere.entities.span import Span, check_span
from mere.entities.trace import Trace, TraceStatus
from mere.errors import ErrorCode, InvalidInput, NotFound
from mere.lake.records import Batch
from mere.services.traces.metrics import TraceMetrics
from mere.services.traces.plan import NAME_TAG, trace_patches
from mere.services.traces.search import FOUND, TraceSearch
from mere.services.traces.spans import PAYLOADS, read_spans, rows_of, whole_spans
from mere.services.traces.waterfall import Waterfall

if TYPE_CHECKING:
    import pyarrow as pa

    from mere.clock import Clock
    from mere.lake import Lake
    from mere.services.runs.search import Page

__all__ = ["TRACE_ID_CHARS_MAX", "TracePlan", "Traces", "trace_from", "traces_from"]

TRACE_ID_CHARS_MAX = 250
_DELETED_MAX = 2_000
_LINKS_MAX = 100
_PART = 2_000
_RECEIVED_MAX = 10_000
_SEEN_S = 5.0
_SEEN_MAX = 10_000


@dataclass
class TracePlan:
    """What has to be stored, and in which order: the objects first, then the records.

    Args:
        payloads: Objects by key.
        batch: Records that become visible together.
        homes: The traces whose spans are among them, and the experiments they are sent to.
    """

    payloads: dict[str, bytes] = field(default_factory=dict)
    batch: Batch = field(default_factory=Batch)
    homes: dict[str, str] = field(default_factory=dict)


class Traces:
    """The traces of one warehouse.

    Args:
        lake: Where they are stored.
        clock: For times.
    """

    def __init__(self, lake: Lake, clock: Clock) -> None:
        self._lake = lake
        self._clock = clock
        self._seen: dict[str, float] = {}
        self._received: dict[str, str] = {}
        self._lock = threading.Lock()
        self.search = TraceSearch(lake, clock.now_us)
        """Finds traces."""
        self.metrics = TraceMetrics(lake, self.search)
        """Figures over them."""
        self.waterfall = Waterfall(lake)
        """The spans of one of them."""

    # Experiments

    def knows_experiment(self, experiment_id: str) -> bool:
        """Whether an experiment was there a moment ago; looks at nothing but what is known."""
        seen = self._seen.get(experiment_id)
        return seen is not None and self._clock.monotonic() - seen < _SEEN_S

    def require_experiment(self, experiment_id: str) -> None:
        """Return if traces may be sent to an experiment.

        Raises:
            NotFound: There is none.
            InvalidInput: It is in the bin.
        """
        row = self._lake.get("experiments", experiment_id)
        if row is None and experiment_id != DEFAULT_ID:
            raise NotFound(
                ErrorCode.EXPERIMENT_NOT_FOUND,
                f"there is no experiment with id {experiment_id[:100]!r}: "
                "`mere experiments` lists those known",
            )
        if row is not None and row["lifecycle"] != Lifecycle.ACTIVE:
            raise InvalidInput(
                ErrorCode.EXPERIMENT_DELETED,
                f"experiment {experiment_id} is in the bin: restore it, or use another one",
            )
        if len(self._seen) >= _SEEN_MAX:
            self._seen.clear()
        self._seen[experiment_id] = self._clock.monotonic()

    # Writing

    def receive(self, spans: Sequence[Span], experiment_id: str) -> None:
        """Store spans; returns when they are durable.

        Raises:
            InvalidInput: A span has an id or a time that is none; nothing was stored.
            Unavailable: The store did not answer; sending them again does no harm.
        """
        self.store(self.plan_spans([check_span(span) for span in spans], experiment_id))

    def plan_spans(
        self, spans: Sequence[Span], experiment_id: str, run_id: str | None = None
    ) -> TracePlan:
        """What storing some spans, which have been checked, takes. Pure.

        Args:
            spans: The spans.
            experiment_id: The experiment that they are sent to.
            run_id: A run that their traces are to be linked to.
        """
        plan = TracePlan()
        if not spans:
            return plan
        rows = rows_of(spans, experiment_id, self._clock.now_us())
        plan.payloads = rows.payloads
        plan.batch.append(self._lake.table("spans"), rows.columns)
        patches = trace_patches(spans, experiment_id)
        if run_id is not None:
            patches = [{**patch, "linked_to": {run_id: True}} for patch in patches]
        plan.batch.patch(self._lake.table("traces"), patches)
        plan.homes = {patch["trace_id"]: experiment_id for patch in patches}
        return plan

    def has_received(self, trace_id: str) -> bool:
        """Whether spans of a trace came through this process lately."""
        return trace_id in self._received

    def is_recorded(self, trace_id: str) -> bool:
        """Whether spans of a trace came at all; looks at its row."""
        row = self._lake.get("traces", trace_id)
        return row is not None and bool(row["is_recorded"])

    def other_homes(self, trace_ids: Iterable[str], experiment_id: str) -> set[str]:
        """The other experiments that traces are in which are sent to one.

        Whoever sends spans of a trace moves it, so they must be allowed to change where it was.
        Looks at the rows of those traces of which no spans came through this process lately.
        """
        known = {one: self._received.get(one) for one in trace_ids}
        unknown = [one for one, home in known.items() if home is None]
        homes = set(known.values())
        if unknown:
            columns = ["experiment_id"]
            found = self._lake.scan("traces", where={"trace_id": unknown}, columns=columns)
            homes |= set(found["experiment_id"].to_pylist())
        return {home for home in homes if home is not None and home != experiment_id}

    def note_received(self, plan: TracePlan) -> None:
        """Remember whose spans a plan held, now that they are durable."""
        with self._lock:
            self._received.update(plan.homes)
            while len(self._received) > _RECEIVED_MAX:
                del self._received[next(iter(self._received))]

    def plan_trace(self, trace: Trace) -> TracePlan:
        """What storing a client's words on a trace as a whole takes. Pure.

        Raises:
            InvalidInput: The id, a tag or an entry of the metadata breaks a limit.
        """
        _check_id(trace.trace_id)
        plan = TracePlan()
        plan.batch.patch(self._lake.table("traces"), [_row_of(trace)])
        return plan

    def store(self, plan: TracePlan) -> None:
        """Carry out a plan; returns when all of it is durable."""
        self.put_payloads(plan)
        with self._lake.batch() as batch:
            batch.records.extend(plan.batch)
        self.note_received(plan)

    def put_payloads(self, plan: TracePlan) -> None:
        """Store the objects of a plan."""
        self._lake.blobs.each(plan.payloads.items(), lambda item: self._lake.blobs.put(*item))

    def declare(self, trace: Trace) -> None:
        """Store a client's words on a trace; raises as `plan_trace` does."""
        self.store(self.plan_trace(trace))

    def set_tags(self, trace_id: str, tags: Mapping[str, Any]) -> None:
        """Set tags; None removes one.

        Raises:
            NotFound: There is no such trace.
            InvalidInput: A tag breaks a limit.
        """
        checked = dict(check_tag(key, value) for key, value in tags.items())
        self.get(trace_id)
        patch: dict[str, Any] = {"trace_id": trace_id, "tags": checked}
        if NAME_TAG in checked:
            patch["declared"] = {"name": checked[NAME_TAG]}
        self._lake.patch("traces", [patch])

    def link_to_run(self, trace_ids: Sequence[str], run_id: str) -> None:
        """Link traces to a run in which they were not made; those that are not there are left out.

        Raises:
            InvalidInput: There are too many at once.
        """
        if len(trace_ids) > _LINKS_MAX:
            raise InvalidInput(
                ErrorCode.LIMIT_EXCEEDED,
                f"{len(trace_ids)} traces: link at most {_LINKS_MAX} at once",
                limit=_LINKS_MAX,
            )
        known = [trace.trace_id for trace in self.get_many(trace_ids)]
        rows = [{"trace_id": trace_id, "linked_to": {run_id: True}} for trace_id in known]
        self._lake.patch("traces", rows)

    # Deleting

    def delete(
        self,
        experiment_id: str,
        *,
        trace_ids: Sequence[str] | None = None,
        until_us: int | None = None,
        limit: int | None = None,
    ) -> int:
        """Delete traces of an experiment, oldest first; returns how many.

        Args:
            experiment_id: The experiment.
            trace_ids: Only these.
            until_us: Only those that began by then, in microseconds since the epoch.
            limit: At most so many.

        Raises:
            InvalidInput: It is not said which.
        """
        if trace_ids is None and until_us is None:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE, "say which traces: by their ids or by a time"
            )
        conditions = ["experiment_id = $experiment"]
        values: dict[str, Any] = {"experiment": experiment_id}
        if trace_ids is not None:
            conditions.append("trace_id = any($ids)")
            values["ids"] = list(trace_ids)
        if until_us is not None:
            conditions.append("started_at <= make_timestamptz($until::bigint)")
            values["until"] = until_us
        bound = "" if limit is None else f" limit {max(0, int(limit))}"
        found = self._lake.sql(
            f"with {FOUND} select trace_id from found where {' and '.join(conditions)} "
            f"order by started_at, trace_id{bound}",
            params=values,
        )["trace_id"].to_pylist()
        change = {"lifecycle": Lifecycle.DELETED, "deleted_at": self._clock.now_us()}
        for at in range(0, len(found), _PART):
            part = found[at : at + _PART]
            self._lake.patch("traces", [{"trace_id": one, **change} for one in part])
        return len(found)

    def purge(self, trace_ids: Sequence[str] | None = None) -> int:
        """Remove deleted traces for good, with spans, assessments and objects; returns how many.

        To kill it at any moment is safe: purging again goes on where it ended.

        Args:
            trace_ids: Only those of these that are deleted.
        """
        found = self._lake.sql(
            "select trace_id from traces where lifecycle = 'deleted' "
            "and ($ids is null or trace_id = any($ids))",
            params={"ids": None if trace_ids is None else list(trace_ids)},
        )
        ids: list[str] = found["trace_id"].to_pylist()
        for at in range(0, len(ids), _DELETED_MAX):
            part = ids[at : at + _DELETED_MAX]
            self._lake.erase("spans", part)
            said = self._lake.sql(
                "select trace_id, assessment_id from assessments where trace_id = any($ids)",
                params={"ids": part},
            ).to_pylist()
            if said:
                self._lake.delete("assessments", [tuple(row.values()) for row in said])
            objects = (self._lake.blobs.list(f"{PAYLOADS}{trace_id}/") for trace_id in part)
            self._lake.blobs.delete(info.key for some in objects for info in some)
            self._lake.delete("traces", part)
        return len(ids)

    # Reading

    def get(self, trace_id: str) -> Trace:
        """Return a trace without its spans.

        Raises:
            NotFound: There is none, or it was deleted.
        """
        found = self.get_many([trace_id])
        if not found:
            raise NotFound(
                ErrorCode.TRACE_NOT_FOUND,
                f"there is no trace {trace_id[:100]!r}: `mere traces list` lists those known",
                trace=trace_id,
            )
        return found[0]

    def find(self, word: str) -> Trace:
        """Return the trace meant by an id or by the beginning of one.

        Raises:
            NotFound: None is meant.
            InvalidInput: Several are.
        """
        found = self.get_many([word])
        if found:
            return found[0]
        rows = self._lake.sql(
            f"with {FOUND} select trace_id from found where starts_with(trace_id, $word) "
            "or starts_with(trace_id, 'tr-' || $word) limit 3",
            params={"word": word},
        )["trace_id"].to_pylist()
        if len(rows) > 1:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"{word!r} may mean several traces ({', '.join(rows)}): give more digits",
            )
        return self.get(rows[0] if rows else word)

    def get_many(self, trace_ids: Sequence[str]) -> list[Trace]:
        """Return those of some traces that there are, in the order in which they are given."""
        wanted = list(dict.fromkeys(trace_ids))
        if not wanted:
            return []
        return traces_from(self.search.rows(wanted))

    def spans(self, trace_id: str, *, whole: bool = True) -> list[Span]:
        """The spans of a trace, earliest first.

        Args:
            trace_id: The trace.
            whole: Whether values that are cut in the table are completed from their objects.
        """
        return self.spans_of([trace_id], whole=whole)[trace_id]

    def spans_of(self, trace_ids: Sequence[str], *, whole: bool = True) -> dict[str, list[Span]]:
        """The spans of several traces, by trace."""
        found = read_spans(self._lake, list(dict.fromkeys(trace_ids)))
        if whole:
            found = {one: whole_spans(self._lake.blobs, spans) for one, spans in found.items()}
        return found

    def list(
        self,
        *,
        experiment_ids: Sequence[str] | None = None,
        filter: str | None = None,  # noqa: A002 - the word of the language, and of MLflow
        order: str | Sequence[str] | None = None,
        limit: int = 100,
        page_token: str | None = None,
    ) -> tuple[list[Trace], str | None]:
        """One page of traces and the token for the next; raises as `TraceSearch.page` does."""
        page: Page = self.search.page(
            experiment_ids=experiment_ids,
            filter=filter,
            order=order,
            max_results=limit,
            page_token=page_token,
        )
        return traces_from(page.rows), page.next_page_token


def traces_from(rows: pa.Table) -> list[Trace]:
    """The traces in rows of a search."""
    return [trace_from(row) for row in rows.to_pylist(maps_as_pydicts="lossy")]


def trace_from(row: Mapping[str, Any]) -> Trace:
    """A trace from its row in a search."""
    known = {name: row[name] for name in Trace.__struct_fields__ if row.get(name) is not None}
    known["linked_to"] = sorted(known.get("linked_to") or ())
    return Trace(**known)


def _row_of(trace: Trace) -> dict[str, Any]:
    metadata = {check_key(key, "metadata"): value for key, value in trace.metadata.items()}
    tags = dict(check_tag(key, value) for key, value in trace.tags.items())
    declared = {
        "name": tags.get(NAME_TAG),
        "status": _declared_status(trace.status),
        "request_preview": trace.request_preview,
        "response_preview": trace.response_preview,
    }
    row: dict[str, Any] = {
        **msgspec.structs.asdict(trace),
        "name": tags.get(NAME_TAG) or trace.name,
        "status": declared["status"],
        "metadata": metadata,
        "tags": tags,
        "declared": {name: value for name, value in declared.items() if value is not None},
        "lifecycle": Lifecycle.ACTIVE,
    }
    for name in ("linked_to", "is_recorded", "resource", "models", "created_at", "updated_at"):
        del row[name]
    return {name: value for name, value in row.items() if value is not None and value != {}}


def _declared_status(status: str) -> str | None:
    """What a client says of how it ended, if it says that."""
    is_open = status in (TraceStatus.IN_PROGRESS, TraceStatus.UNSPECIFIED)
    return None if is_open else str(TraceStatus.of(status))


def _check_id(trace_id: str) -> str:
    if not trace_id or len(trace_id) > TRACE_ID_CHARS_MAX or "/" in trace_id:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"trace id {trace_id[:60]!r} is empty, has a slash or more than "
            f"{TRACE_ID_CHARS_MAX} characters",
        )
    return trace_id
