from __future__ import annotations

import base64

import pyarrow as pa
import pytest

from mere.errors import InvalidInput, NotFound, PermissionDenied
from mere.services.portal.series import Panel, SeriesRequest
from mere.services.portal.windows import WindowRequest
from mere.services.sharing.pins import FilePart, SeriesPart, SqlPart, WindowPart
from tests.unit.services.sharing.conftest import RUNS, actor

ADA, EVE, GUEST, ROOT = (actor(name) for name in ("ada", "eve", "guest", "root"))


def window(*experiments: str) -> WindowPart:
    return WindowPart(WindowRequest(experiments=list(experiments), columns=["name", "params.lr"]))


def lines(*runs: str) -> SeriesPart:
    return SeriesPart(SeriesRequest(panels=[Panel(runs=list(runs), keys=["loss"])]))


def table(text: str | None) -> pa.Table:
    return pa.ipc.open_stream(base64.b64decode(text or "")).read_all()


def test_what_is_pinned_stays_as_it_was(warehouse):
    pin = warehouse.pins.make(ADA, [window("1"), lines(RUNS["1"])])
    warehouse.runs.rename(RUNS["1"], "renamed")
    warehouse.lake.append("metrics", [{"run_id": RUNS["1"], "key": "loss", "step": 9, "value": 9}])
    warehouse.runs.delete([RUNS["1"]])
    kept = warehouse.pins.get(EVE, pin.pin_id)
    assert kept.answers[0].rows == [{"run_id": RUNS["1"], "name": "r1", "params.lr": "0.1"}]
    found = table(kept.answers[1].arrow)
    assert found["last"].to_pylist() == [[1.0, 0.5, 1 / 3, 0.25, 0.2]]
    assert b"panels" in found.schema.metadata
    assert (kept.pinned_by, len(kept.pin_id)) == ("ada", 22)


def test_a_pin_is_read_by_who_reads_all_of_it(warehouse):
    mine = warehouse.pins.make(ADA, [window("1")])
    both = warehouse.pins.make(ADA, [window("1", "2")])
    series = warehouse.pins.make(ADA, [lines(RUNS["1"], RUNS["2"], "c" * 32)])
    assert warehouse.pins.get(GUEST, mine.pin_id).answers[0].total == 1
    for pin in (both, series):
        with pytest.raises(PermissionDenied):
            warehouse.pins.get(GUEST, pin.pin_id)
    for part in (window("2"), lines(RUNS["2"]), SqlPart("select 1")):
        with pytest.raises(PermissionDenied):
            warehouse.pins.make(GUEST, [part])
    with pytest.raises(NotFound):
        warehouse.pins.get(ADA, "x")


def test_queries_are_pinned_without_what_is_for_admins(warehouse):
    pin = warehouse.pins.make(ROOT, [SqlPart("select count(*) as n from runs")])
    assert table(warehouse.pins.get(EVE, pin.pin_id).answers[0].arrow)["n"].to_pylist() == [2]
    with pytest.raises(PermissionDenied):
        warehouse.pins.get(GUEST, pin.pin_id)
    for name in ("users", "reports", "saved_views"):
        with pytest.raises(InvalidInput):
            warehouse.pins.make(ROOT, [SqlPart(f"select * from {name}")])


def test_images_are_pinned_and_nothing_else(warehouse):
    warehouse.artifacts.put_bytes(RUNS["1"], "a.png", b"\x89PNG\r\n\x1a\n")
    warehouse.artifacts.put_bytes(RUNS["1"], "a.txt", b"words")
    pin = warehouse.pins.make(ADA, [FilePart(RUNS["1"], "a.png")])
    assert pin.answers[0].media_type == "image/png"
    assert base64.b64decode(pin.answers[0].data or "").startswith(b"\x89PNG")
    with pytest.raises(InvalidInput):
        warehouse.pins.make(ADA, [FilePart(RUNS["1"], "a.txt")])
    with pytest.raises(NotFound):
        warehouse.pins.make(ADA, [FilePart(RUNS["1"], "b.png")])
    for parts in ([], [window("1")] * 21, [WindowPart(WindowRequest())]):
        with pytest.raises(InvalidInput):
            warehouse.pins.make(ADA, parts)
