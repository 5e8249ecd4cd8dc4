from __future__ import annotations

import pytest

from mere.errors import CorruptData, InvalidInput
from mere.lake import Column, Table
from mere.lake.schema import Type, parse_type
from tests.unit.lake.conftest import ITEMS, TALLIED, TALLY


def test_types_parse_with_any_spacing():
    assert parse_type(" map< string ,list<struct<a:long, b : double>> > ") == Type(
        "map",
        (
            Type("string"),
            Type("list", (Type("struct", (Type("long"), Type("double")), ("a", "b")),)),
        ),
    )


@pytest.mark.parametrize(
    "text",
    ["", "varchar", "map<string>", "map<string,long", "list<>", "struct<a>", "long>", "list<a,b>"],
)
def test_what_is_no_type_is_named(text):
    with pytest.raises(InvalidInput, match="is not a column type"):
        parse_type(text)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (lambda: Table("no good", (Column("a", "long"),)), "identifier"),
        (lambda: Table("t", (Column("a", "long"), Column("a", "long"))), "twice"),
        (lambda: Table("t", (Column("a", "long"),), key=("b",)), "no column 'b'"),
        (lambda: Table("t", (Column("a", "double"),), key=("a",)), "string or a long"),
        (
            lambda: Table("t", (Column("a", "long"), Column("created_at", "long")), key=("a",)),
            "kep",
        ),
        (lambda: Table("t", (Column("a", "long", merge="sum"),)), "is none of"),
        (lambda: Table("t", (Column("a", "long", merge="map"),)), "needs a map"),
        (lambda: Table("t", (Column("a", "map<string,long>", merge="tally"),)), "a tally is"),
        (lambda: Table("t", (Column("a", "map<string,long>", derive="b.value"),)), "no tally"),
        (
            lambda: Table(
                "t", (Column("b", TALLY, merge="tally"), Column("a", "long", derive="b.sum"))
            ),
            "no field 'sum'",
        ),
    ],
)
def test_a_declaration_that_cannot_work_is_refused(table, message):
    with pytest.raises(InvalidInput, match=message):
        table()


def test_a_declaration_survives_storage():
    assert Table.from_json(TALLIED.to_json()) == TALLIED
    with pytest.raises(CorruptData):
        Table.from_json('{"name": "x"}')


def test_merging_keeps_columns_that_only_the_stored_table_has():
    newer = Table("items", (*ITEMS.columns, Column("extra", "double")), key=("id",))
    assert [c.name for c in ITEMS.merged_with(newer).columns][-1] == "extra"
    assert newer.merged_with(ITEMS) == newer


def test_columns_cannot_change_their_type_nor_tables_their_key():
    other = Table("items", (Column("id", "string"), Column("size", "double")), key=("id",))
    with pytest.raises(InvalidInput, match=r"items\.size is stored as long"):
        other.merged_with(ITEMS)
    with pytest.raises(InvalidInput, match="keyed by"):
        Table("items", (Column("id", "string"),)).merged_with(ITEMS)
