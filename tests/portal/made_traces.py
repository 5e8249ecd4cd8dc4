"""Traces to look at: everyday ones by the thousand, and shapes that other viewers choke on.

All is drawn from a seed, so that the same call makes the same spans.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from typing import Any

from mere.entities.span import Span, SpanEvent

__all__ = [
    "HOSTILE",
    "big_trace",
    "deep_trace",
    "everyday_traces",
    "odd_trace",
    "trace_id_of",
    "wide_trace",
]

HOSTILE = "<script>alert(1)</script> \u202egnp.exe \U0001f98a " + "long " * 60
"""A name that is markup, turns the reading direction, has an emoji and 300 more characters."""

_MS = 1_000_000
_MODELS = {"gpt-4.1": (2e-6, 8e-6), "claude-sonnet-4": (3e-6, 15e-6), "llama-3.1-8b": (0.0, 0.0)}
_ASKED = (
    "Where is my order?",
    "Why was I charged twice?",
    "How do I change my **address**?",
    "Cancel my subscription, please",
    "Does the warranty cover water damage?",
)
_NAMES = ("answer", "answer", "answer", "triage", "summarise ticket")


def trace_id_of(number: int) -> str:
    """The id of the trace of that number."""
    return f"tr-{number:032x}"


def _span_id(number: int) -> str:
    return f"{number:016x}"


def everyday_traces(count: int, end_ns: int, *, seed: int = 1, days: float = 3) -> Iterator[Span]:
    """Spans of agents that answer customers: retrieval, a model, sometimes tools and failures."""
    draw = random.Random(seed)
    for number in range(count):
        trace = trace_id_of(draw.getrandbits(120) + 1)
        begun = end_ns - int(draw.random() ** 1.5 * days * 86_400e9) - 5_000 * _MS
        yield from _agent(trace, begun, draw, number)


def _agent(trace: str, begun: int, draw: random.Random, number: int) -> Iterator[Span]:
    model = draw.choice(list(_MODELS))
    asked = draw.choice(_ASKED)
    is_bad = draw.random() < 0.07
    name = HOSTILE if number == 7 else draw.choice(_NAMES)
    at = begun + 2 * _MS
    parts: list[Span] = []

    def part(label: str, kind: str, ms: float, **attributes: Any) -> None:
        nonlocal at
        fails = is_bad and label == "lookup_order"
        said = [_exception()] if fails else []
        parts.append(
            Span(
                trace_id=trace,
                span_id=_span_id(len(parts) + 2),
                parent_span_id=_span_id(1),
                name=label,
                start_ns=at,
                end_ns=at + int(ms * _MS),
                status="ERROR" if fails else "OK",
                status_message="order service timed out" if fails else None,
                attributes={"openinference.span.kind": kind, **attributes},
                events=said,
            )
        )
        at += int((ms + 1) * _MS)

    part(
        "retrieve",
        "RETRIEVER",
        draw.uniform(20, 90),
        **{
            "input.value": asked,
            "output.value": json.dumps([{"id": n, "score": 0.9} for n in (1, 2)]),
        },
    )
    part("plan", "LLM", draw.lognormvariate(6, 0.5), **_call(model, asked, None, draw))
    if is_bad or draw.random() < 0.6:
        part("lookup_order", "TOOL", draw.uniform(50, 400), **{"input.value": '{"order": 1741}'})
    answer = f"Let me look at that.\n\n1. **{asked}**\n2. It is on its way."
    part("reply", "LLM", draw.lognormvariate(6.6, 0.6), **_call(model, asked, answer, draw))
    yield Span(
        trace_id=trace,
        span_id=_span_id(1),
        name=name,
        kind="SERVER",
        start_ns=begun,
        end_ns=at + 3 * _MS,
        status="ERROR" if is_bad else "OK",
        attributes={
            "openinference.span.kind": "AGENT",
            "session.id": f"session-{number // 4}",
            "user.id": f"user-{draw.randrange(40)}",
            "input.value": asked,
            "output.value": answer,
            "mlflow.traceTag.channel": draw.choice(("web", "mail", "phone")),
        },
        resource={
            "attributes": {"service.name": "support-agent", "deployment.environment": "prod"}
        },
    )
    yield from parts


def _call(model: str, asked: str, answer: str | None, draw: random.Random) -> dict[str, Any]:
    into, out = draw.randrange(200, 4_000), draw.randrange(20, 900)
    of_in, of_out = _MODELS[model]
    reply: dict[str, Any] = {"role": "assistant", "content": answer}
    if answer is None:
        call = {"name": "lookup_order", "arguments": '{"order": 1741}'}
        reply["tool_calls"] = [{"id": "call_1", "type": "function", "function": call}]
    asking = [
        {"role": "system", "content": "You answer customers. Be brief, and **kind**."},
        {"role": "user", "content": asked},
    ]
    return {
        "gen_ai.request.model": model,
        "gen_ai.usage.input_tokens": into,
        "gen_ai.usage.output_tokens": out,
        "gen_ai.usage.cost": into * of_in + out * of_out,
        "gen_ai.input.messages": json.dumps(asking),
        "gen_ai.output.messages": json.dumps([reply]),
    }


def _exception() -> SpanEvent:
    return SpanEvent(
        "exception",
        attributes={
            "exception.type": "TimeoutError",
            "exception.message": "order service timed out",
            "exception.stacktrace": 'Traceback:\n  File "agent.py", line 12, in lookup_order\n',
        },
    )


def big_trace(number: int, end_ns: int, spans: int = 50_000, *, seed: int = 2) -> list[Span]:
    """One trace of many spans: a tree of random shape, each span within the one above it."""
    draw = random.Random(seed)
    trace = trace_id_of(number)
    begun = end_ns - 600_000 * _MS
    made: list[tuple[int, int]] = [(begun, begun + 590_000 * _MS)]
    found = [_plain(trace, 1, None, "crawl", *made[0])]
    for place in range(2, spans + 1):
        above = draw.randrange(max(0, len(made) - 400), len(made)) if draw.random() < 0.7 else 0
        from_ns, to_ns = made[above]
        begin = from_ns + int((to_ns - from_ns) * draw.random() * 0.9)
        end = begin + int((to_ns - begin) * draw.random() ** 2)
        made.append((begin, end))
        kind = draw.choice(("LLM", "TOOL", "RETRIEVER", "CHAIN"))
        more = {"openinference.span.kind": kind, "url": f"https://example.org/{place}"}
        label = f"{kind.lower()} {place % 97}"
        bad = draw.random() < 0.002
        found.append(_plain(trace, place, above + 1, label, begin, end, bad=bad, **more))
    draw.shuffle(found)
    return found


def wide_trace(number: int, end_ns: int, spans: int = 30_000) -> list[Span]:
    """A root with that many children, one after the other."""
    trace = trace_id_of(number)
    begun = end_ns - spans * _MS
    root = _plain(trace, 1, None, "batch", begun, end_ns)
    children = (
        _plain(trace, place + 2, 1, f"item {place}", begun + place * _MS, begun + (place + 1) * _MS)
        for place in range(spans - 1)
    )
    return [root, *children]


def deep_trace(number: int, end_ns: int, depth: int = 300) -> list[Span]:
    """Each span in the one before it."""
    trace = trace_id_of(number)
    return [
        _plain(
            trace,
            place + 1,
            place or None,
            f"recurse {place}",
            end_ns - (2 * depth - place) * _MS,
            end_ns - place * _MS,
            bad=place == depth - 1,
        )
        for place in range(depth)
    ]


def odd_trace(number: int, end_ns: int) -> list[Span]:
    """Orphans, a clock that is off, spans that go on, two that claim to be above each other."""
    trace = trace_id_of(number)
    begun = end_ns - 1_000 * _MS
    spans: Iterable[tuple[int, int | None, str, float, float | None]] = (
        (1, None, HOSTILE, 0, 900),
        (2, 1, "ordinary", 10, 200),
        (3, 1, "clock is off: begins too early", -300, 100),
        (4, 1, "ends after its parent", 700, 1_200),
        (5, 1, "still running", 400, None),
        (6, 0xDEAD, "orphan: its parent never came", 300, 500),
        (7, 6, "child of the orphan", 320, 400),
        (8, 9, "above the next, which is above it", 500, 600),
        (9, 8, "above the one before", 510, 590),
        (10, 1, "takes no time", 650, 650),
        (11, 1, "ends before it begins", 660, 600),
    )
    return [
        _plain(
            trace,
            place,
            above,
            name,
            begun + int(start * _MS),
            None if end is None else begun + int(end * _MS),
        )
        for place, above, name, start, end in reversed(list(spans))
    ]


def _plain(
    trace: str,
    number: int,
    above: int | None,
    name: str,
    start_ns: int,
    end_ns: int | None,
    *,
    bad: bool = False,
    **attributes: Any,
) -> Span:
    return Span(
        trace_id=trace,
        span_id=_span_id(number),
        parent_span_id=None if above is None else _span_id(above),
        name=name,
        start_ns=start_ns,
        end_ns=end_ns,
        status="ERROR" if bad else "UNSET",
        status_message="it failed" if bad else None,
        attributes=attributes,
        events=[_exception()] if bad else [],
    )
