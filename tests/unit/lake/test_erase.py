"""Erasing rows of log tables, while others write and fold."""

from __future__ import annotations

import threading

import pytest

from mere.errors import InvalidInput
from mere.lake import Column, Table
from mere.lake.objects.memory import MemoryStore


def points(series: str, count: int) -> dict[str, list]:
    return {
        "series": [series] * count,
        "step": list(range(count)),
        "at": [1_000 * n for n in range(count)],
        "value": [float(n) for n in range(count)],
    }


def counts(lake) -> dict[str, int]:
    found = lake.sql("select series, count(*) as n from points group by series order by series")
    return {row["series"]: row["n"] for row in found.to_pylist()}


def test_rows_go_from_files_and_from_the_tail(lake):
    lake.append("points", points("a", 10))
    lake.append("points", points("b", 20))
    lake.fold()
    lake.append("points", points("a", 5))
    assert lake.erase("points", ["a", "never"]) == 15
    assert counts(lake) == {"b": 20}
    lake.append("points", points("a", 2))
    assert counts(lake) == {"a": 2, "b": 20}, "what is written later is a new record"


def test_nothing_is_published_where_nothing_goes(lake):
    lake.append("points", points("b", 20))
    before = lake.fold().root
    assert lake.erase("points", ["a"]) == 0
    assert lake.erase("points", []) == 0
    assert lake.roots()[-1].number == before


def test_older_states_keep_what_was_erased(lake):
    lake.append("points", points("a", 10))
    lake.tag("before")
    lake.erase("points", ["a"])
    assert counts(lake) == {}
    (row,) = lake.sql("select count(*) as n from points", as_of="before").to_pylist()
    assert row["n"] == 10


def test_files_that_cannot_hold_the_values_are_not_touched(open_lake, store: MemoryStore):
    lake = open_lake()
    for series in "abc":
        lake.append("points", points(series, 3))
        lake.fold()
    before = {info.key for info in store.list("tables/points/data/")}
    lake.erase("points", ["b"])
    view = lake.newest_view()
    live = {file.key for file in view.table("points").files}
    assert len(live) == 2
    assert live <= before


def test_only_log_tables_can_be_erased_from(lake):
    with pytest.raises(InvalidInput, match="items is none"):
        lake.erase("items", ["a"])


def test_no_record_is_lost_or_doubled_while_others_write_and_fold(open_lake):
    writers = [open_lake() for _ in range(2)]
    eraser = open_lake(fold_ms_max=10**9)
    errors: list[BaseException] = []

    def write(lake, name: str) -> None:
        try:
            for _ in range(8):
                lake.append("points", points(name, 4))
                lake.append("points", points("doomed", 4))
                lake.fold()
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    threads = [
        threading.Thread(target=write, args=(lake, f"kept-{n}")) for n, lake in enumerate(writers)
    ]
    for thread in threads:
        thread.start()
    gone = 0
    while any(thread.is_alive() for thread in threads):
        gone += eraser.erase("points", ["doomed"])
    for thread in threads:
        thread.join()
    gone += eraser.erase("points", ["doomed"])
    assert not errors
    assert gone == 2 * 8 * 4
    assert counts(eraser) == {"kept-0": 32, "kept-1": 32}


NOTES = Table(
    "notes",
    columns=(Column("moment", "timestamptz"), Column("text", "string")),
    sort=("moment",),
)


def notes(*seconds: int | None) -> list[dict]:
    return [{"moment": s if s is None else 1_000_000 * s, "text": str(s)} for s in seconds]


def test_what_is_older_goes_and_what_has_no_time_stays(open_lake, store: MemoryStore):
    lake = open_lake(tables=(NOTES,))
    for seconds in ((1, 2, None), (3, 9), (10, 11)):
        lake.append("notes", notes(*seconds))
        lake.fold()
    lake.append("notes", notes(4, 12))
    untouched = {info.key for info in store.list("tables/notes/data/")}
    assert lake.erase_before("notes", 10_000_000) == 5
    left = lake.sql("select text from notes order by moment nulls first")["text"].to_pylist()
    assert left == ["None", "10", "11", "12"]
    live = {file.key for file in lake.newest_view().table("notes").files}
    assert len(live & untouched) == 1, "the file with nothing older was not read"
    assert lake.erase_before("notes", 10_000_000) == 0


def test_only_what_is_sorted_by_time_has_older_rows(lake):
    for table, complaint in (("points", "by value only"), ("items", "is none")):
        with pytest.raises(InvalidInput, match=complaint):
            lake.erase_before(table, 1)
