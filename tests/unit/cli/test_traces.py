"""``mere traces``: what the terminal shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mere.cli.app import run
from mere.entities.assessment import Assessment
from mere.entities.span import Span
from mere.services.warehouse import Warehouse, close_warehouses, open_warehouse

TRACE = f"tr-{0xABC << 100:032x}"
BASE = 1_700_000_000_000_000_000


def span(number: int, parent: int | None, name: str, at_ms: int, ms: int, **more: object) -> Span:
    return Span(
        trace_id=TRACE,
        span_id=f"{number:016x}",
        parent_span_id=None if parent is None else f"{parent:016x}",
        name=name,
        start_ns=BASE + at_ms * 1_000_000,
        end_ns=BASE + (at_ms + ms) * 1_000_000,
        **more,  # type: ignore[arg-type]
    )


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    monkeypatch.setenv("MERE_WAREHOUSE", str(tmp_path / "warehouse"))
    monkeypatch.setenv("COLUMNS", "110")
    yield open_warehouse()
    close_warehouses()


@pytest.fixture
def traced(warehouse: Warehouse) -> Warehouse:
    used = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 5, "nan": float("nan")}
    warehouse.traces.receive(
        [
            span(1, None, "ask", 0, 1500, attributes={"input.value": "what [red]is[/] it?"}),
            span(2, 1, "agent", 0, 1000),
            span(3, 2, "chat", 500, 500, attributes=used),
            span(4, 1, "tool", 1000, 500, status="ERROR", status_message="no such city"),
            span(5, 99, "lost", 0, 1),
            span(6, 7, "ring", 0, 1),
            span(7, 6, "ring too", 0, 1),
        ],
        "0",
    )
    warehouse.assessments.create(
        Assessment(trace_id=TRACE, name="kind", value=True, rationale="so it is")
    )
    return warehouse


def test_a_trace_is_shown_as_a_tree(traced: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["traces", "show", TRACE[:9]]) == 0
    shown = capsys.readouterr().out
    assert "ask  OK" in shown
    assert "5 tokens" in shown
    assert "what [red]is[/] it?" in shown
    lines = [line.rstrip() for line in shown.splitlines()]
    tree = [line for line in lines if "━" in line]
    assert tree[0].strip().startswith("ask")
    assert any(line.startswith(" └ agent") for line in tree)
    assert any(line.startswith("   └ chat") and "CHAT_MODEL" in line for line in tree)
    assert any("no such city" in line for line in tree)
    assert sum("ring" in line for line in tree) == 2
    assert "so it is" in shown


def test_traces_are_listed_and_found(traced: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["traces", "list", "span.status = 'ERROR'", "-e", "Default"]) in (0, 1)
    capsys.readouterr()
    assert run(["traces", "list", "span.status = 'ERROR'"]) == 0
    assert "1.5 s" in capsys.readouterr().out
    assert run(["traces", "list", "status = 'ERROR'"]) == 0
    assert "no traces" in capsys.readouterr().err
    assert run(["traces", "list", "colour = 1"]) == 2
    assert "no attribute 'colour'" in capsys.readouterr().err


def test_programs_get_json(traced: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["traces", "list", "--json"]) == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert (listed["trace_id"], listed["total_tokens"]) == (TRACE, 5)
    assert run(["traces", "show", TRACE, "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert len(whole["spans"]) == 7
    chat = next(one for one in whole["spans"] if one["name"] == "chat")
    assert chat["attributes"]["nan"] == {"doubleValue": "NaN"}
    assert whole["assessments"][0]["value"] is True


def test_deleted_traces_go_for_good(traced: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    traced.traces.delete("0", trace_ids=[TRACE])
    assert run(["traces", "show", TRACE]) == 1
    assert "no trace" in capsys.readouterr().err
    assert run(["traces", "purge"]) == 0
    assert "1 trace removed" in capsys.readouterr().out
    assert run(["traces", "purge", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"traces": 0}
