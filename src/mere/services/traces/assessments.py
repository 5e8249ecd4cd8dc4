"""Assessments: what people and programs say of traces and of their spans.

One that overrides another makes that one invalid; deleting it makes the other valid again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from mere.entities.assessment import Assessment, AssessmentError
from mere.entities.limits import check_key
from mere.errors import ErrorCode, InvalidInput, NotFound
from mere.services.traces.span_values import decode, encode

if TYPE_CHECKING:
    from mere.clock import Clock
    from mere.lake import Lake
    from mere.services.traces.traces import Traces

__all__ = ["Assessments", "assessment_row"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ID_BITS = 128
_CHANGEABLE = frozenset({"name", "value", "error", "rationale", "metadata", "is_valid"})


class Assessments:
    """The assessments of one warehouse.

    Args:
        lake: Where they are stored.
        clock: For ids and times.
        traces: What they are about.
    """

    def __init__(self, lake: Lake, clock: Clock, traces: Traces) -> None:
        self._lake = lake
        self._clock = clock
        self._traces = traces

    def create(self, assessment: Assessment) -> Assessment:
        """Store an assessment; returns it with its id and times.

        Raises:
            InvalidInput: It may not be one.
            NotFound: There is no such trace, or none that it could override.
        """
        assessment.checked()
        self._traces.get(assessment.trace_id)
        made = self.with_id(assessment)
        rows = [assessment_row(made)]
        if made.overrides:
            self.get(made.trace_id, made.overrides)
            rows.append(_key(made.trace_id, made.overrides) | {"is_valid": False})
        self._lake.patch("assessments", rows)
        return self.get(made.trace_id, made.assessment_id)

    def with_id(self, assessment: Assessment) -> Assessment:
        """The same assessment with an id and times, where it has none yet."""
        now = self._now()
        return msgspec.structs.replace(
            assessment,
            assessment_id=assessment.assessment_id or f"a-{self._clock.random_bits(_ID_BITS):032x}",
            created_at=assessment.created_at or now,
            changed_at=assessment.changed_at or now,
        )

    def get(self, trace_id: str, assessment_id: str) -> Assessment:
        """Return an assessment.

        Raises:
            NotFound: The trace, or the assessment, is not there.
        """
        row = self._lake.get("assessments", (trace_id, assessment_id))
        if row is None:
            self._traces.get(trace_id)
            raise NotFound(
                ErrorCode.ASSESSMENT_NOT_FOUND,
                f"trace {trace_id} has no assessment {assessment_id[:100]!r}: "
                f"`mere traces show {trace_id}` lists those it has",
                trace=trace_id,
                assessment=assessment_id,
            )
        return _entity(row)

    def of(self, trace_ids: Sequence[str]) -> dict[str, list[Assessment]]:
        """The assessments of some traces, by trace, oldest first."""
        found: dict[str, list[Assessment]] = {trace_id: [] for trace_id in trace_ids}
        if not found:
            return found
        rows = self._lake.scan("assessments", where={"trace_id": list(found)})
        for row in rows.to_pylist(maps_as_pydicts="lossy"):
            found[row["trace_id"]].append(_entity(row))
        for some in found.values():
            some.sort(key=lambda one: (one.created_at or _EPOCH, one.assessment_id))
        return found

    def update(self, trace_id: str, assessment_id: str, changes: Mapping[str, Any]) -> Assessment:
        """Change an assessment; entries of its metadata are added to those there are.

        Args:
            trace_id: Its trace.
            assessment_id: Which.
            changes: Any of name, value, error, rationale, metadata and is_valid.

        Raises:
            NotFound: There is none.
            InvalidInput: A value may not be one.
        """
        unknown = sorted(changes.keys() - _CHANGEABLE)
        if unknown:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"{', '.join(unknown)} of an assessment cannot be changed: "
                f"only {', '.join(sorted(_CHANGEABLE))}",
            )
        known = self.get(trace_id, assessment_id)
        metadata = {**known.metadata, **changes.get("metadata", {})}
        changed = msgspec.structs.replace(
            known, **{**changes, "metadata": metadata, "changed_at": self._now()}
        ).checked()
        row = assessment_row(changed)
        for name in ("rationale", "error"):
            row.setdefault(name, None)  # perhaps taken away
        self._lake.patch("assessments", [row])
        return changed

    def _now(self) -> datetime:
        return _EPOCH + timedelta(microseconds=self._clock.now_us())

    def delete(self, trace_id: str, assessment_id: str) -> None:
        """Delete an assessment; one that is not there is no error.

        Raises:
            NotFound: There is no such trace.
        """
        try:
            known = self.get(trace_id, assessment_id)
        except NotFound as error:
            if error.code is ErrorCode.ASSESSMENT_NOT_FOUND:
                return
            raise
        with self._lake.batch() as batch:
            batch.delete("assessments", [(trace_id, assessment_id)])
            if known.overrides:
                row = self._lake.get("assessments", (trace_id, known.overrides))
                if row is not None:
                    restored = _key(trace_id, known.overrides) | {"is_valid": True}
                    batch.patch("assessments", [restored])


def assessment_row(assessment: Assessment) -> dict[str, Any]:
    """An assessment, which has an id, as a patch to its row."""
    for key in assessment.metadata:
        check_key(key, "metadata")
    row: dict[str, Any] = {
        **_key(assessment.trace_id, assessment.assessment_id),
        "span_id": assessment.span_id,
        "name": assessment.name,
        "kind": assessment.kind,
        "value": encode(assessment.value),
        "source_kind": assessment.source_kind,
        "source_id": assessment.source_id,
        "rationale": assessment.rationale,
        "error": None
        if assessment.error is None
        else encode(msgspec.to_builtins(assessment.error)),
        "metadata": assessment.metadata or None,
        "overrides": assessment.overrides,
        "is_valid": assessment.is_valid,
        "run_id": assessment.run_id,
        "assessed_at": assessment.created_at,
        "changed_at": assessment.changed_at,
    }
    return {name: value for name, value in row.items() if value is not None}


def _key(trace_id: str, assessment_id: str) -> dict[str, Any]:
    return {"trace_id": trace_id, "assessment_id": assessment_id}


def _entity(row: Mapping[str, Any]) -> Assessment:
    error = decode(row["error"])
    return Assessment(
        assessment_id=row["assessment_id"],
        trace_id=row["trace_id"],
        span_id=row["span_id"],
        name=row["name"] or "",
        kind=row["kind"] or "feedback",
        value=decode(row["value"]),
        source_kind=row["source_kind"] or "CODE",
        source_id=row["source_id"] or "default",
        rationale=row["rationale"],
        error=None if error is None else AssessmentError(**error),
        metadata=dict(row["metadata"] or {}),
        overrides=row["overrides"],
        is_valid=row["is_valid"] is not False,
        run_id=row["run_id"],
        created_at=row["assessed_at"],
        changed_at=row["changed_at"],
    )
