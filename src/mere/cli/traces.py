"""``mere traces``: traces listed, one shown as a tree with its timing, deleted ones removed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter
from rich.console import Console
from rich.text import Text

from mere.cli.options import Options
from mere.cli.output import (
    cell,
    console,
    duration,
    new_table,
    notes,
    print_json,
    progress,
    when,
)
from mere.entities.assessment import Assessment
from mere.entities.span import STATUS_ERROR, Span
from mere.entities.trace import Trace
from mere.services.traces.span_meaning import model_of, type_of, usage_of
from mere.services.traces.span_values import plain

__all__ = ["app", "list_traces", "purge", "show"]

app = App(name="traces", help="Traces of programs that call models: list them, look into one.")

_STYLES = {"OK": "green", "ERROR": "red", "IN_PROGRESS": "cyan"}
_TYPE_STYLES = {"LLM": "magenta", "CHAT_MODEL": "magenta", "TOOL": "yellow", "RETRIEVER": "blue"}
_ID_DIGITS = 12
_SPANS_SHOWN_MAX = 500
_BAR = 16
_LEVELS_SHOWN_MAX = 30


@app.command(name="list")
def list_traces(
    filter: str | None = None,  # noqa: A002 - the word of the language
    /,
    *,
    experiment: Annotated[
        list[str] | None, Parameter(name=["--experiment", "-e"], negative="")
    ] = None,
    order: str | None = None,
    limit: Annotated[int, Parameter(name=["--limit", "-n"])] = 30,
    options: Options | None = None,
) -> None:
    """List traces, newest first.

    Args:
        filter: Which traces, such as "status = 'ERROR' and span.type = 'LLM'".
        experiment: Only traces of the experiment of this name; may be given several times.
        order: What to sort by, such as "total_tokens DESC".
        limit: At most so many.
        options: Where to look and how to print.
    """
    options = options or Options()
    warehouse = options.open()
    ids = None
    if experiment:
        ids = [warehouse.experiments.find(name).experiment_id for name in experiment]
    found, token = warehouse.traces.list(
        experiment_ids=ids, filter=filter, order=order, limit=limit
    )
    if options.json:
        print_json([msgspec.structs.asdict(trace) for trace in found])
        return
    if not found:
        notes().print("no traces", style="dim")
        return
    table = new_table("trace", "name", "status", "started", ">took", ">tokens", ">cost", "request")
    table.columns[0].min_width = _ID_DIGITS + 3
    for trace in found:
        table.add_row(
            Text(trace.trace_id[: _ID_DIGITS + 3], style="bold"),
            cell(trace.name),
            Text(trace.status, style=_STYLES.get(trace.status, "")),
            cell(when(trace.started_at)[5:16]),
            _took(trace.duration_ms),
            cell(trace.total_tokens),
            cell(trace.cost),
            cell(trace.request_preview),
        )
    console().print(table)
    if token:
        notes().print(f"the first {limit}; --limit shows more", style="dim")


@app.command
def show(trace: str, /, *, options: Options | None = None) -> None:
    """Show one trace: its spans as a tree with their timing, and what was said of it.

    Args:
        trace: The trace's id, or the beginning of it.
        options: Where to look and how to print.
    """
    options = options or Options()
    warehouse = options.open()
    found = warehouse.traces.find(trace)
    spans = warehouse.traces.spans(found.trace_id)
    said = warehouse.assessments.of([found.trace_id])[found.trace_id]
    if options.json:
        print_json(
            {
                "trace": msgspec.structs.asdict(found),
                "spans": [_plain_span(span) for span in spans],
                "assessments": [msgspec.structs.asdict(one) for one in said],
            }
        )
        return
    out = console()
    out.print(_heading(found))
    for label, text in (("asked", found.request_preview), ("answered", found.response_preview)):
        if text:
            out.print(Text.assemble((f"{label:>9} ", "dim"), " ".join(text.split())[:500]))
    if spans:
        _print_tree(out, spans)
    _print_assessments(out, said)


@app.command
def purge(*, options: Options | None = None) -> None:
    """Remove deleted traces for good: their rows, their spans and what is said of them.

    Args:
        options: Where to look and how to print.
    """
    options = options or Options()
    warehouse = options.open()
    with progress("removing deleted traces"):
        count = warehouse.traces.purge()
    if options.json:
        print_json({"traces": count})
    else:
        console().print(f"{count} {'trace' if count == 1 else 'traces'} removed")


def _plain_span(span: Span) -> dict[str, Any]:
    raw = msgspec.structs.asdict(span)
    return {name: plain(_fields(value)) for name, value in raw.items()}


def _fields(value: Any) -> Any:
    if isinstance(value, list):
        return [msgspec.structs.asdict(one) for one in value]
    return value


def _heading(trace: Trace) -> Text:
    tokens = "" if trace.total_tokens is None else f"  {trace.total_tokens:,} tokens"
    cost = "" if trace.cost is None else f"  ${trace.cost:.4g}"
    return Text.assemble(
        (trace.name or "trace", "bold"),
        "  ",
        (trace.status, _STYLES.get(trace.status, "")),
        f"  {when(trace.started_at)}  took {_took(trace.duration_ms)}{tokens}{cost}\n",
        (trace.trace_id, "dim"),
    )


def _print_tree(out: Console, spans: Sequence[Span]) -> None:
    begin = min(span.start_ns for span in spans)
    end = max(span.end_ns or span.start_ns for span in spans)
    table = new_table("span", "kind", ">took", "when", "model", ">tokens")
    table.columns[3].min_width = _BAR
    for shown, (lead, span) in enumerate(_tree(spans)):
        if shown == _SPANS_SHOWN_MAX:
            break
        is_bad = span.status == STATUS_ERROR
        kind = type_of(span.attributes) or ""
        usage = usage_of(span.attributes)
        name = Text.assemble((lead, "dim"), (span.name or "-", "red" if is_bad else ""))
        if is_bad and span.status_message:
            name.append(f"  {' '.join(span.status_message.split())[:80]}", style="red dim")
        name.no_wrap = True
        name.overflow = "ellipsis"
        took = span.duration_ns
        table.add_row(
            name,
            Text(kind, style=_TYPE_STYLES.get(kind, "dim")),
            _took(None if took is None else took / 1e6),
            Text(_bar(span, begin, end), style="red" if is_bad else "cyan"),
            cell(model_of(span.attributes) or ""),
            cell("" if usage is None else usage.total_tokens),
        )
    out.print(table)
    if len(spans) > _SPANS_SHOWN_MAX:
        more = len(spans) - _SPANS_SHOWN_MAX
        notes().print(f"{more:,} more spans; --json has all of them", style="dim")


def _tree(spans: Sequence[Span]) -> Iterator[tuple[str, Span]]:
    """The spans as they are nested, each with what stands before its name."""
    ids = {span.span_id for span in spans}
    below: dict[str | None, list[Span]] = {}
    for span in spans:
        parent = span.parent_span_id if span.parent_span_id in ids else None
        below.setdefault(parent, []).append(span)
    seen: set[str] = set()
    waiting = [(0, span) for span in reversed(below.get(None, []))]
    rest = iter(spans)
    while True:
        while waiting:
            level, span = waiting.pop()
            if span.span_id in seen:
                continue
            seen.add(span.span_id)
            shown = min(level, _LEVELS_SHOWN_MAX)
            yield ("  " * (shown - 1) + "└ " if shown else ""), span
            waiting += [(level + 1, one) for one in reversed(below.get(span.span_id, []))]
        # Spans that claim to be above each other hang nowhere: each such ring begins somewhere.
        left = next((span for span in rest if span.span_id not in seen), None)
        if left is None:
            return
        waiting.append((0, left))


def _bar(span: Span, begin: int, end: int) -> str:
    """Where in the whole time the span lies."""
    whole = max(end - begin, 1)
    start = (span.start_ns - begin) * _BAR // whole
    stop = ((span.end_ns or end) - begin) * _BAR // whole
    start = min(start, _BAR - 1)
    return " " * start + "━" * max(1, min(stop, _BAR) - start)


def _print_assessments(out: Console, said: Sequence[Assessment]) -> None:
    if not said:
        return
    table = new_table("assessment", "value", "by", "why")
    for one in said:
        value = one.error.message if one.error is not None else one.value
        table.add_row(
            Text(one.name, style="" if one.is_valid else "strike dim"),
            cell(value),
            cell(f"{one.source_kind.lower()} {one.source_id}"),
            cell(one.rationale or ""),
        )
    out.print(table)


def _took(ms: float | None) -> str:
    if ms is None:
        return "-"
    return f"{ms:.3g} ms" if ms < 1000 else duration(ms / 1000)
