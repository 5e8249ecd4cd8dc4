"""Kept columns: what is asked of memory is what is asked of the files and the tail."""

from __future__ import annotations

import threading

import pytest

from mere.errors import InvalidInput
from mere.lake import Column, Table
from mere.lake.kept import column_name, text_literal
from tests.unit.lake.conftest import ITEMS, PAIRS, TABLES

COLUMNS = {"name": "name", "double": "size * 2", "tag": "tags['a']"}


def rows(lake, columns=COLUMNS, table="items"):
    found = lake.sql_kept("select * from kept_rows", {}, table, columns)
    return sorted(found.to_pylist(), key=str)


def item(number: int, **changes):
    return {"id": f"{number:03}", "name": f"n{number}", "size": number, **changes}


def expected(lake):
    found = lake.sql("select id, name, size * 2 as double, tags['a'] as tag from items")
    return sorted(found.to_pylist(), key=str)


def test_every_state_is_that_of_a_query(open_lake):
    lake, other = open_lake(keyed_file_rows=5), open_lake(keyed_file_rows=5)
    assert rows(lake) == []
    other.patch("items", [item(n, tags={"a": "x"}) for n in range(20)])
    assert rows(lake) == expected(lake)
    other.fold()
    assert rows(lake) == expected(lake)
    other.patch("items", [item(3, name="new"), item(99)])
    other.delete("items", ["004"])
    assert rows(lake) == expected(lake)
    other.fold()
    assert rows(lake) == expected(lake)
    other.delete("items", [f"{n:03}" for n in range(100)])
    assert rows(lake) == expected(lake) == []
    other.fold()
    assert rows(lake) == []


def test_files_are_read_once_and_only_those_that_changed(open_lake, monkeypatch):
    lake = open_lake(keyed_file_rows=5)
    lake.patch("items", [item(n) for n in range(20)])
    lake.fold()
    rows(lake)
    read: list[int] = []
    view = type(lake.view().table("items"))
    original = view.paths_of

    def counted(self, files):
        read.append(len(list(files)))
        return original(self, files)

    lake.patch("items", [item(7, name="new")])
    lake.fold()
    lake.sql("select count(*) from items")
    monkeypatch.setattr(view, "paths_of", counted)
    rows(lake)
    rows(lake)
    assert min(read) == 1, "the one file that holds row 7"


def test_columns_may_come_later_and_in_any_number(open_lake):
    lake = open_lake()
    lake.patch("items", [item(1, tags={f"t{n}": str(n) for n in range(300)})])
    for folded in (False, True):
        if folded:
            lake.fold()
        for n in range(0, 300, 50):
            wanted = [f"tags['t{i}']" for i in range(n, n + 50)]
            columns = {column_name(sql): sql for sql in wanted}
            (found,) = rows(lake, columns)
            assert found == {"id": "001", **{column_name(sql): sql[7:-2] for sql in wanted}}


def test_columns_that_older_files_lack_are_null(open_lake):
    old = Table("items", (*ITEMS.columns[:2],), key=("id",))
    before = open_lake(tables=[old])
    before.patch("items", [{"id": "1", "name": "x"}])
    before.fold()
    lake = open_lake()
    assert rows(lake) == [{"id": "1", "name": "x", "double": None, "tag": None}]
    grown = Table("items", (*ITEMS.columns, Column("more", "long")), key=("id",))
    after = open_lake(tables=[grown])
    after.patch("items", [{"id": "2", "more": 5}])
    after.fold()
    assert [row["more"] for row in rows(after, {"more": "more"})] == [None, 5]


def test_keys_of_several_columns(open_lake):
    lake = open_lake()
    pairs = [{"owner": o, "number": n, "note": f"{o}{n}"} for o in "ab" for n in range(3)]
    lake.patch(PAIRS.name, pairs)
    lake.fold()
    lake.patch(PAIRS.name, [{"owner": "a", "number": 1, "note": "new"}])
    found = rows(lake, {"note": "note"}, PAIRS.name)
    assert [row["note"] for row in found] == ["a0", "new", "a2", "b0", "b1", "b2"]


def test_many_threads_ask_for_different_columns(open_lake):
    lake = open_lake()
    lake.patch("items", [item(n, tags={str(i): f"{n}-{i}" for i in range(8)}) for n in range(50)])
    lake.fold()
    wrong: list[object] = []

    def ask(which: int) -> None:
        sql = f"tags['{which}']"
        for _ in range(5):
            found = rows(lake, {column_name(sql): sql})
            if [row[column_name(sql)] for row in found] != [f"{n}-{which}" for n in range(50)]:
                wrong.append(found)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_wrong_expression_is_the_caller_s(open_lake):
    lake = open_lake(TABLES)
    with pytest.raises(InvalidInput):
        rows(lake, {"x": "nothing"})
    assert rows(lake) == []


@pytest.mark.parametrize("text", ["", "it's", "a\0b", "\0", "ü\U0001f600", "';--"])
def test_any_text_is_a_literal(open_lake, text):
    lake = open_lake()
    lake.patch("items", [item(1)])
    (found,) = rows(lake, {"x": text_literal(text)})
    assert found["x"] == text


def test_columns_keep_their_values_in_whatever_order_they_are_asked_for(open_lake):
    lake = open_lake(keyed_file_rows=5)
    lake.patch("items", [item(n, tags={"a": f"x{n}"}) for n in range(4)])
    lake.fold()
    assert rows(lake) == expected(lake)
    for name in ("name", "tag", "double"):  # each becomes the one asked for last
        lake.patch("items", [item(n, tags={"a": f"y{n}"}, name=name) for n in range(3, 9)])
        lake.fold()
        rows(lake, {name: COLUMNS[name]})
        assert rows(lake) == expected(lake)
