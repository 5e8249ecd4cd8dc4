"""Changes to many traces at once, and traces that become records of an evaluation dataset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mere.entities.experiment import Lifecycle
from mere.entities.limits import check_tag
from mere.entities.span import Span
from mere.entities.trace import Trace
from mere.errors import ErrorCode, InvalidInput
from mere.services.traces.plan import NAME_TAG
from mere.services.traces.span_meaning import inputs_of, outputs_of
from mere.services.traces.spans import SPANS_OF, spans_from, whole_spans

if TYPE_CHECKING:
    from mere.entities.assessment import Assessment
    from mere.lake import Lake
    from mere.services.traces.assessments import Assessments
    from mere.services.traces.evaluation_datasets import EvaluationDatasets
    from mere.services.traces.traces import Traces

__all__ = ["TRACES_MAX", "TraceChanges"]

TRACES_MAX = 1_000


class TraceChanges:
    """Changes to several traces of one warehouse.

    Args:
        lake: Where they are stored.
        traces: Reads them.
        assessments: What is said of them.
        datasets: Where they may become records.
    """

    def __init__(
        self,
        lake: Lake,
        traces: Traces,
        assessments: Assessments,
        datasets: EvaluationDatasets,
    ) -> None:
        self._lake = lake
        self._traces = traces
        self._assessments = assessments
        self._datasets = datasets

    def homes(self, trace_ids: Sequence[str]) -> dict[str, str]:
        """In which experiments traces are, deleted ones among them; raises as `tag` does."""
        wanted = _checked(trace_ids)
        return self._column(wanted, "experiment_id")

    def tag(self, trace_ids: Sequence[str], tags: Mapping[str, Any]) -> int:
        """Set tags of traces, None removes one; returns how many traces there were.

        Raises:
            InvalidInput: There are too many traces, or a tag breaks a limit.
        """
        checked = dict(check_tag(key, value) for key, value in tags.items())
        patch: dict[str, Any] = {"tags": checked}
        if checked.get(NAME_TAG):
            patch["declared"] = {"name": checked[NAME_TAG]}
        return self._patch([one.trace_id for one in self._found(trace_ids)], patch)

    def delete(self, trace_ids: Sequence[str]) -> int:
        """Delete traces; returns how many. Until they are purged, `restore` brings them back."""
        return sum(
            self._traces.delete(home, trace_ids=ids)
            for home, ids in _by_home(self._found(trace_ids)).items()
        )

    def restore(self, trace_ids: Sequence[str]) -> int:
        """Bring back those of some traces that were deleted; returns how many."""
        known = self._column(_checked(trace_ids), "lifecycle")
        gone = [one for one, lifecycle in known.items() if lifecycle == Lifecycle.DELETED]
        return self._patch(gone, {"lifecycle": Lifecycle.ACTIVE, "deleted_at": None})

    def to_dataset(
        self, trace_ids: Sequence[str], dataset_id: str, *, by: str | None = None
    ) -> tuple[int, int]:
        """Make records of traces: what the root was asked and answered, and what was expected.

        Args:
            trace_ids: The traces.
            dataset_id: The evaluation dataset.
            by: Who does this.

        Returns:
            How many records came to be, and how many were there and were merged.

        Raises:
            NotFound: There is no such dataset.
            InvalidInput: There are too many traces.
        """
        found = self._found(trace_ids)
        roots = self._roots([one.trace_id for one in found])
        said = self._assessments.of([one.trace_id for one in found])
        records = [_record(one, roots.get(one.trace_id), said[one.trace_id]) for one in found]
        return self._datasets.upsert_records(dataset_id, records, by=by)

    def _found(self, trace_ids: Sequence[str]) -> list[Trace]:
        return self._traces.get_many(_checked(trace_ids))

    def _column(self, trace_ids: Sequence[str], name: str) -> dict[str, Any]:
        """A column of the rows of some traces, those of deleted ones among them."""
        rows = self._lake.scan("traces", {"trace_id": trace_ids}, ["trace_id", name])
        return dict(zip(rows["trace_id"].to_pylist(), rows[name].to_pylist(), strict=True))

    def _patch(self, trace_ids: Sequence[str], patch: Mapping[str, Any]) -> int:
        if trace_ids:
            self._lake.patch("traces", [{"trace_id": one, **patch} for one in trace_ids])
        return len(trace_ids)

    def _roots(self, trace_ids: Sequence[str]) -> dict[str, Span]:
        """The earliest root of each trace, whole."""
        if not trace_ids:
            return {}
        where = "trace_id = any($ids) and parent_span_id is null"
        rows = self._lake.sql(SPANS_OF.format(where=where), params={"ids": list(trace_ids)})
        roots: dict[str, Span] = {}
        for span in whole_spans(self._lake.blobs, list(spans_from(rows))):
            known = roots.get(span.trace_id)
            if known is None or span.start_ns < known.start_ns:
                roots[span.trace_id] = span
        return roots


def _record(trace: Trace, root: Span | None, said: Iterable[Assessment]) -> dict[str, Any]:
    asked = inputs_of(root.attributes, root.events) if root else trace.request_preview
    answered = outputs_of(root.attributes, root.events) if root else trace.response_preview
    if not isinstance(asked, Mapping):
        asked = {"messages" if isinstance(asked, list) else "input": asked}
    return {
        "inputs": asked,
        "outputs": answered,
        "expectations": {
            one.name: one.value for one in said if one.kind == "expectation" and one.is_valid
        },
        "source": {"source_type": "TRACE", "source_data": {"trace_id": trace.trace_id}},
    }


def _by_home(traces: Iterable[Trace]) -> dict[str, list[str]]:
    homes: dict[str, list[str]] = {}
    for one in traces:
        homes.setdefault(one.experiment_id, []).append(one.trace_id)
    return homes


def _checked(trace_ids: Sequence[str]) -> list[str]:
    wanted = list(dict.fromkeys(trace_ids))
    if not 1 <= len(wanted) <= TRACES_MAX:
        raise InvalidInput(
            ErrorCode.LIMIT_EXCEEDED,
            f"{len(wanted):,} traces: change 1 to {TRACES_MAX:,} at once",
            limit=TRACES_MAX,
        )
    return wanted
