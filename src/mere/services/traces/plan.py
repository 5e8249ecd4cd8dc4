"""What received spans change in the row of their trace. Pure.

Spans of a trace come in any number of batches, in any order, through any replica, and perhaps
twice. So a batch is turned into a patch without looking at the row, and the patches make up the
same row in whatever order they are applied:

- what the root span says is set by the batch that holds the root;
- what is added up (tokens, cost) is kept by span id, and added up when it is read;
- what a client declares of its trace as a whole lies in `declared`, which goes before what the
  root span says.

A span that repeats what its parts used already, as frameworks do for a whole conversation, must
not count twice. So each entry names the nearest span above it in the batch that says such a thing,
or else the first span above that is not in the batch; and counts if that one says nothing. Tokens
and cost each by themselves, as a framework may repeat one of them only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from mere.entities.limits import KEY_CHARS_MAX, TAG_CHARS_MAX
from mere.entities.span import STATUS_ERROR, Span
from mere.entities.trace import TraceStatus, preview_of
from mere.services.traces.span_meaning import inputs_of, outputs_of, session_of, usage_of, user_of
from mere.services.traces.span_values import text_of

__all__ = ["NAME_TAG", "trace_patches"]

NAME_TAG = "mlflow.traceName"
"""The tag by which MLflow's clients name a trace."""

_TAG_PREFIX = "mlflow.traceTag."
_NOT_TAGS = ("telemetry.sdk.", "mlflow.", "process.")
_NAME_CHARS_MAX = 1_000
_ABOVE = {
    "above": ("input_tokens", "output_tokens", "total_tokens"),
    "cost_above": ("input_cost", "output_cost", "cost"),
}


def trace_patches(spans: Sequence[Span], experiment_id: str) -> list[dict[str, Any]]:
    """The patches to the traces that some spans belong to, one a trace."""
    by_trace: dict[str, list[Span]] = {}
    for span in spans:
        by_trace.setdefault(span.trace_id, []).append(span)
    return [_patch(trace_id, group, experiment_id) for trace_id, group in by_trace.items()]


def _patch(trace_id: str, spans: list[Span], experiment_id: str) -> dict[str, Any]:
    patch: dict[str, Any] = {
        "trace_id": trace_id,
        "experiment_id": experiment_id,
        "is_recorded": True,
    }
    session = next(filter(None, (session_of(span.attributes) for span in spans)), None)
    if session is not None:
        patch["session_id"] = session[:KEY_CHARS_MAX]
    user = next(filter(None, (user_of(span.attributes) for span in spans)), None)
    if user is not None:
        patch["user_id"] = user[:KEY_CHARS_MAX]
    usage = _usage(spans)
    if usage:
        patch["usage"] = usage
    resource = _texts(spans[0].resource.get("attributes") or {})
    if resource:
        patch["resource"] = resource
    roots = [span for span in spans if span.parent_span_id is None]
    if roots:
        patch.update(_of_root(min(roots, key=lambda span: span.start_ns)))
    return patch


def _of_root(root: Span) -> dict[str, Any]:
    said: dict[str, Any] = {
        "name": root.name[:_NAME_CHARS_MAX],
        "started_at": root.start_ns // 1000,
    }
    if root.duration_ns is not None:
        is_bad = root.status == STATUS_ERROR
        said["status"] = str(TraceStatus.ERROR if is_bad else TraceStatus.OK)
        said["duration_ms"] = root.duration_ns / 1e6
    asked = inputs_of(root.attributes, root.events)
    answered = outputs_of(root.attributes, root.events)
    if asked is not None:
        said["request_preview"] = preview_of(text_of(asked))
    if answered is not None:
        said["response_preview"] = preview_of(text_of(answered))
    tags = {
        key.removeprefix(_TAG_PREFIX): value
        for key, value in root.attributes.items()
        if key.startswith(_TAG_PREFIX)
    }
    if tags:
        said["tags"] = _texts(tags, kept=True)
    return said


def _usage(spans: Iterable[Span]) -> dict[str, dict[str, Any]]:
    by_id = {span.span_id: span for span in spans}
    found = {}
    for span_id, span in by_id.items():
        usage = usage_of(span.attributes)
        if usage is not None:
            found[span_id] = msgspec.structs.asdict(usage)
    for field, kinds in _ABOVE.items():
        saying = {one for one, entry in found.items() if any(entry[k] is not None for k in kinds)}
        known: dict[str, str | None] = {}
        for span_id in saying:
            found[span_id][field] = _above(by_id[span_id].parent_span_id, by_id, saying, known)
    return found


def _above(
    span_id: str | None,
    by_id: Mapping[str, Span],
    saying: Collection[str],
    known: dict[str, str | None],
) -> str | None:
    """The nearest span that says something, from one upwards; each is passed once for all."""
    passed: set[str] = set()
    while span_id is not None and span_id not in saying and span_id in by_id:
        if span_id in known or span_id in passed:  # spans may claim to be above each other
            span_id = known.get(span_id)
            break
        passed.add(span_id)
        span_id = by_id[span_id].parent_span_id
    known.update(dict.fromkeys(passed, span_id))
    return span_id


def _texts(values: Mapping[str, Any], *, kept: bool = False) -> dict[str, str]:
    """What can be a tag; the rest of what a program says of itself stays with its spans."""
    return {
        key: text
        for key, value in values.items()
        if key
        and len(key) <= KEY_CHARS_MAX
        and (kept or not key.startswith(_NOT_TAGS))
        and len(text := text_of(value)) <= TAG_CHARS_MAX
    }
