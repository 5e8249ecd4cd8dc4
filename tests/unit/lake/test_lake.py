"""What the engine promises, through its own face."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest

from mere.errors import AlreadyExists, ErrorCode, InvalidInput, NotFound, Unavailable
from mere.lake import Column, Lake, Table
from mere.lake.records import Patch
from mere.lake.rows import RowStamps, Stamped, apply
from mere.lake.warehouse import FORMAT
from tests.unit.lake.conftest import ITEMS, PAIRS, POINTS


def points(lake: Lake, **kwargs) -> list[tuple]:
    table = lake.sql("select series, step, value from points order by all", **kwargs)
    return [tuple(row.values()) for row in table.to_pylist()]


def contribution(step: int, value: float) -> dict:
    return {"step": step, "timestamp": step, "value": value, "min": value, "max": value, "count": 1}


def test_records_are_read_before_and_after_a_fold_alike(lake, open_lake):
    lake.append("points", [{"series": "b", "step": 2, "at": 5, "value": 1.5}, {"series": "a"}])
    lake.append("points", {"series": ["c"], "value": [math.inf]})
    before = points(lake)
    assert before == [("a", None, None), ("b", 2, 1.5), ("c", None, math.inf)]
    assert points(open_lake()) == before
    report = lake.fold()
    assert (report.root, report.segments, report.records) == (1, 2, 3)
    assert points(lake) == points(open_lake()) == before
    assert lake.fold().segments == 0


def test_patches_merge_by_column_and_by_map_key(lake):
    lake.patch("items", [{"id": "x", "name": "one", "tags": {"a": "1", "b": "2"}}])
    lake.fold()
    lake.patch("items", [{"id": "x", "size": 3, "tags": {"a": None, "c": "3"}}])
    row = lake.get("items", "x")
    assert (row["name"], row["size"], row["tags"]) == ("one", 3, {"b": "2", "c": "3"})
    lake.patch("items", [{"id": "x", "name": None}])
    lake.fold()
    assert lake.get("items", "x")["name"] is None


def test_rows_carry_when_they_were_first_and_last_written(lake, clock):
    lake.patch("items", [{"id": "x"}])
    clock.advance(60)
    lake.fold()
    lake.patch("items", [{"id": "x", "size": 1}])
    row = lake.get("items", "x")
    assert row["updated_at"] - row["created_at"] == timedelta(seconds=60)


def test_a_deleted_row_is_gone_and_may_come_back_without_its_past(lake):
    lake.patch("items", [{"id": "x", "name": "one"}, {"id": "y"}])
    lake.fold()
    lake.delete("items", ["x"])
    assert lake.get("items", "x") is None
    lake.fold()
    assert lake.sql("select id from items").to_pylist() == [{"id": "y"}]
    lake.patch("items", [{"id": "x", "size": 1}])
    lake.fold()
    assert lake.get("items", "x")["name"] is None


def test_tallies_add_up_wherever_folds_fall_and_deletes_are_final(lake):
    for step, value in ((1, 5.0), (3, math.nan), (2, 1.0)):
        lake.patch("tallied", [{"id": "r", "summary": {"loss": contribution(step, value)}}])
        lake.fold()
    row = lake.get("tallied", "r")
    loss = row["summary"]["loss"]
    assert (loss["min"], loss["max"], loss["count"], loss["step"]) == (1.0, 5.0, 3, 3)
    assert math.isnan(row["latest"]["loss"])
    lake.delete("tallied", ["r"])
    lake.fold()
    lake.patch("tallied", [{"id": "r", "summary": {"loss": contribution(9, 9.0)}}])
    assert lake.get("tallied", "r") is None
    lake.fold()
    assert lake.get("tallied", "r") is None


def test_a_batch_is_one_segment_over_several_tables(lake, store):
    with lake.batch() as batch:
        batch.append("points", [{"series": "a"}])
        batch.patch("items", [{"id": "x"}])
    assert len(store.list("journal/")) == 1
    with pytest.raises(ZeroDivisionError), lake.batch() as batch:
        batch.append("points", [{"series": "b"}])
        raise ZeroDivisionError
    assert [row[0] for row in points(lake)] == ["a"]


def test_keys_of_several_columns_are_found_and_rewritten_in_place(open_lake):
    lake = open_lake(keyed_file_rows=4)
    keys = [(owner, number) for owner in "abc" for number in range(5)]
    lake.patch("pairs", [{"owner": o, "number": n, "note": "old"} for o, n in keys])
    lake.fold()
    for owner, number in keys:
        lake.patch("pairs", [{"owner": owner, "number": number, "note": "new"}])
        lake.fold()
    rows = lake.sql("select owner, number, note from pairs order by all").to_pylist()
    assert [(r["owner"], r["number"]) for r in rows] == keys
    assert {r["note"] for r in rows} == {"new"}
    assert lake.get("pairs", ("b", 3))["note"] == "new"
    assert lake.scan("pairs", {"owner": "c", "number": [1, 2]}).num_rows == 2


def test_scan_prunes_and_selects(lake):
    lake.append("points", {"series": list("aabb"), "step": [1, 2, 1, 2], "value": [1.0, 2, 3, 4]})
    lake.fold()
    lake.append("points", {"series": ["a"], "step": [3], "value": [5.0]})
    assert lake.scan("points", {"series": "a"}, ["value"]).to_pydict() == {"value": [1, 2, 5]}
    assert lake.scan("points", {"series": ["b"], "step": 2}).num_rows == 1
    assert lake.scan("points", {"series": "zz"}).num_rows == 0
    with pytest.raises(InvalidInput, match="no column 'colour'"):
        lake.scan("points", {"colour": 1})


def test_time_travel_by_number_by_tag_and_by_moment(lake, clock):
    lake.append("points", [{"series": "a"}])
    assert lake.tag("half") == 1
    moment = datetime.fromtimestamp(clock.now_us() / 1e6, UTC)
    clock.advance(10)
    lake.append("points", [{"series": "b"}])
    lake.fold()
    assert len(points(lake)) == 2
    for as_of in (1, "half", moment):
        assert [row[0] for row in points(lake, as_of=as_of)] == ["a"]
    assert lake.tags() == {"half": 1}
    assert [root.number for root in lake.roots()] == [1, 2]


def test_what_time_travel_cannot_find_is_named(lake, clock):
    with pytest.raises(NotFound, match="nothing was folded by then"):
        lake.sql("select 1 from points", as_of=datetime(2001, 1, 1, tzinfo=UTC))
    with pytest.raises(NotFound, match="no tag 'gone'"):
        lake.get("items", "x", as_of="gone")
    with pytest.raises(NotFound, match="no root 7"):
        lake.scan("items", as_of=7)
    with pytest.raises(InvalidInput, match="no time zone"):
        lake.scan("items", as_of=datetime(2001, 1, 1))  # noqa: DTZ001 - that is the point


def test_a_tag_keeps_its_state(lake):
    lake.append("points", [{"series": "a"}])
    lake.tag("v1")
    lake.tag("v1")
    lake.append("points", [{"series": "b"}])
    with pytest.raises(AlreadyExists, match="another state"):
        lake.tag("v1")
    for name in ("", "a/b", "..", "x" * 201, "\n"):
        with pytest.raises(InvalidInput, match="is no name"):
            lake.tag(name)


def test_claims_are_won_once_and_tell_the_winner_s_record(lake, open_lake):
    first = lake.claim("experiment", "a name/ü", {"id": "1"})
    second = open_lake().claim("experiment", "a name/ü", {"id": "2"})
    assert (first.won, second.won) == (True, False)
    assert first.record == second.record == {"id": "1"}
    assert first.tick == second.tick
    with pytest.raises(InvalidInput):
        lake.claim("no/kind", "x", {})


def test_a_healing_patch_loses_to_what_was_written_since(lake):
    claim = lake.claim("item", "x", {})
    lake.patch("items", [{"id": "x", "name": "changed"}])
    lake.fold()
    lake.patch("items", [{"id": "x", "name": "as claimed", "size": 1}], at=claim.tick)
    assert lake.get("items", "x")["name"] == "changed"
    lake.fold()
    row = lake.get("items", "x")
    assert (row["name"], row["size"]) == ("changed", 1)


def test_a_healing_patch_of_long_ago_still_loses(open_lake, clock):
    lake = open_lake(late_ms=1000)
    claim = lake.claim("item", "x", {})
    lake.patch("items", [{"id": "x", "name": "claimed", "tags": {"a": "1"}}], at=claim.tick)
    lake.patch("items", [{"id": "x", "name": "changed", "size": None, "tags": {"a": None}}])
    lake.fold()
    clock.advance(3600)
    lake.patch("items", [{"id": "other"}])
    lake.fold()
    healing = {"id": "x", "name": "claimed", "size": 1, "tags": {"a": "1"}}
    lake.patch("items", [healing], at=claim.tick)
    lake.fold()
    row = lake.get("items", "x")
    assert (row["name"], row["size"], row["tags"]) == ("changed", None, {})


def test_a_healing_patch_fills_a_row_that_came_before_it(open_lake, clock):
    lake = open_lake(late_ms=1000)
    claim = lake.claim("item", "x", {})
    clock.advance(10)
    lake.patch("items", [{"id": "x", "name": "changed"}])
    lake.fold()
    clock.advance(3600)
    lake.patch("items", [{"id": "other"}])
    lake.fold()
    lake.patch("items", [{"id": "x", "name": "claimed", "tags": {"a": "1"}}], at=claim.tick)
    lake.fold()
    row = lake.get("items", "x")
    assert (row["name"], row["tags"]) == ("changed", {"a": "1"})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda lake: lake.append("points", [{"step": "one"}]), "column step holds long"),
        (lambda lake: lake.append("points", {"step": [1], "value": []}), "differ in length"),
        (lambda lake: lake.append("points", [{"series": "\ud800"}]), "no Unicode"),
        (lambda lake: lake.append("points", [{"step": 2**63}]), "9223372036854775807"),
        (lambda lake: lake.append("points", [{"at": datetime(2001, 1, 1)}]), "time zone"),  # noqa: DTZ001
        (lambda lake: lake.append("items", [{"id": "x"}]), "patch its rows"),
        (lambda lake: lake.append("nowhere", [{}]), "no table 'nowhere'"),
        (lambda lake: lake.patch("points", [{"series": "x"}]), "append to it"),
        (lambda lake: lake.patch("items", [{"name": "x"}]), "needs its key column"),
        (lambda lake: lake.patch("items", [{"id": None}]), "does not give id"),
        (lambda lake: lake.patch("items", [{"id": "x", "colour": 1}]), "no column 'colour'"),
        (lambda lake: lake.patch("items", [{"id": "x", "tags": None}]), "map<string, string>"),
        (lambda lake: lake.patch("tallied", [{"id": "x", "latest": {"a": 1.0}}]), "is derived"),
        (lambda lake: lake.delete("pairs", ["x"]), "does not give owner, number"),
        (lambda lake: lake.get("pairs", "x"), "does not fit"),
        (lambda lake: lake.sql("selec 1"), "syntax error"),
        (lambda lake: lake.sql("select colour from points"), "colour"),
    ],
)
def test_bad_input_is_named_and_nothing_is_written(lake, store, call, message):
    with pytest.raises(InvalidInput, match=message):
        call(lake)
    assert store.list("journal/") == []


def test_values_of_all_kinds_survive(lake):
    values = [0.0, -0.0, 1e308, 5e-324, math.nan, math.inf, -math.inf, None]
    names = ["", " ", "a/b c", "日本", "\x00", "x" * 100_000, "'; drop table points", None]
    lake.append("points", {"series": names, "value": values, "step": [2**63 - 1, -(2**63)] * 4})
    lake.append("points", [{"at": datetime(1969, 1, 1, tzinfo=UTC)}, {"at": 0}])
    before = lake.sql("select * from points order by all").to_pylist()
    lake.fold()
    after = lake.sql("select * from points order by all").to_pylist()
    assert repr(before) == repr(after)
    assert {row["series"] for row in after} == set(names)
    assert repr(sorted(filter(None, (r["value"] for r in after)), key=repr)) == repr(
        sorted(filter(None, values), key=repr)
    )


def test_a_newer_mere_adds_columns_and_an_older_one_keeps_them(lake, open_lake):
    lake.patch("items", [{"id": "x", "size": 1}])
    lake.append("points", [{"series": "a"}])
    lake.fold()
    grown = (
        Table("items", (*ITEMS.columns, Column("scores", "map<string,double>")), key=("id",)),
        Table("points", (*POINTS.columns, Column("unit", "string")), sort=POINTS.sort),
    )
    newer = open_lake(grown)
    assert newer.get("items", "x")["scores"] == {}
    newer.patch("items", [{"id": "x", "scores": {"f1": 0.5}}])
    newer.append("points", [{"series": "b", "unit": "s"}])
    with pytest.raises(InvalidInput, match="fold with the newer one"):
        lake.fold()
    newer.fold()
    lake.patch("items", [{"id": "x", "size": 2}])
    lake.fold()
    row = newer.get("items", "x")
    assert (row["size"], row["scores"]) == (2, {"f1": 0.5})
    units = newer.sql("select unit from points order by series").to_pylist()
    assert units == [{"unit": None}, {"unit": "s"}]


def test_a_stored_table_needs_no_declaration(lake, open_lake):
    lake.patch("items", [{"id": "x", "size": 1}])
    lake.fold()
    plain = open_lake(())
    assert plain.tables == ["items"]
    plain.patch("items", [{"id": "x", "size": 2}])
    plain.fold()
    assert lake.get("items", "x")["size"] == 2


def test_a_format_newer_than_known_is_refused(lake, store, open_lake):
    data = store.get("mere.json").replace(b'"format": %d' % FORMAT, b'"format": %d' % (FORMAT + 1))
    store.put("mere.json", data, overwrite=True)
    with pytest.raises(InvalidInput, match="install a newer mere") as caught:
        open_lake()
    assert caught.value.code is ErrorCode.UNSUPPORTED_FORMAT


def test_show_describe_and_parameters_work_in_sql(lake):
    lake.append("points", [{"series": "a", "step": 1}])
    assert {row["name"] for row in lake.sql("show tables").to_pylist()} >= {"points", "items"}
    assert lake.sql("describe points").num_rows == 4
    assert lake.sql("select step from points where series = ?", ["a"]).num_rows == 1
    assert lake.sql("select step from points where series = $s", {"s": "b"}).num_rows == 0
    assert lake.sql("with points as (select 1 as x) select x from points").num_rows == 1


def test_a_closed_buffered_writer_refuses_more(lake):
    writer = lake.writer(interval_ms=5)
    writer.append("points", [{"series": "a"}])
    writer.close(timeout_s=10)
    with pytest.raises(InvalidInput, match="closed"):
        writer.append("points", [{"series": "b"}])
    assert len(points(lake)) == 1
    assert PAIRS.is_keyed


def test_a_full_buffer_refuses_and_keeps_what_it_has(open_lake, store, monkeypatch):
    lake = open_lake(pending_records_max=2)
    put = store.put

    def fail(key, data, *, overwrite=False):
        raise Unavailable(ErrorCode.STORE_FULL, "full")

    monkeypatch.setattr(store, "put", fail)
    writer = lake.writer(interval_ms=1)
    writer.append("points", [{"series": "a"}])
    with pytest.raises(Unavailable, match="full"):
        writer.flush(timeout_s=5)
    writer.append("points", [{"series": "b"}, {"series": "c"}])
    with pytest.raises(Unavailable, match="limit is 2"):
        writer.append("points", [{"series": "d"}])
    monkeypatch.setattr(store, "put", put)
    writer.close(timeout_s=10)
    assert [row[0] for row in points(lake)] == ["a", "b", "c"]


def test_a_row_keeps_its_age_where_only_its_older_tombstone_is_known():
    row = {"id": "x", "name": None, "created_at": 2_000_000, "updated_at": 2_000_000}
    known = RowStamps(deleted=(1_000 << 16, "a", 0))
    newer = Stamped((3_000 << 16, "b", 0), Patch(("x",), {"size": 1}))
    changed, _ = apply(ITEMS, row, known, [newer])
    assert changed is not None
    assert (changed["created_at"], changed["updated_at"]) == (2_000_000, 3_000_000)
