"""The SQL of a filter agrees with a plain evaluation of it; pages hold what one listing holds.

Filters are made as small trees, written down in one of the ways there are, and answered by a real
warehouse. The evaluator below knows nothing of `mere.search`: it is the language once more, in
plain Python over plain dictionaries.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cmp_to_key
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.services.tables import TABLES
from mere.services.warehouse import Warehouse
from mere.testing.clock import ManualClock

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KEYS = ["a", "b", "a.b", "val/loss", "two words", "it's", 'quo"te', "`tick`", "é%_", "AND", "f(x)"]
TEXTS = st.one_of(
    st.sampled_from(["", "a", "A", "ab", "1", "0.1", "1e-1", " 1 ", "nan", "inf", "-5", "None"]),
    st.text(alphabet="aAbB%_'\"`\\ éÉ日\n\x000.1-$", max_size=5),
)
NUMBERS = st.sampled_from(
    [0.0, -0.0, 1.0, 0.1, -2.5, 5e-324, math.inf, -math.inf, math.nan, math.nan, math.nan]
)
WHOLES = st.integers(0, 3)
STATUSES = ["FINISHED", "FAILED", "SCHEDULED"]
PATTERNS = ["a", "^a", r"b\z", "a.b", "[ab]+", "a|B", r"\d", "", "(?i)AB", "é?日"]
COMPARING = ["=", "!=", "<", "<=", ">", ">=", "<>", "=="]
MATCHING = ["LIKE", "NOT LIKE", "ilike", "not ILike"]


class Leaf(NamedTuple):
    """One comparison: how it is written, and the field and values it means."""

    text: str
    field: tuple[str, str]  # family and key
    as_number: bool
    operator: str
    values: tuple[Any, ...]


# How things are written


def quoted(text: str, quote: str) -> str:
    return quote + text.replace(quote, quote * 2) + quote


@st.composite
def names(draw: st.DrawFn, prefixes: list[str], key: str) -> str:
    prefix = draw(st.sampled_from(prefixes))
    ways = [f"{prefix}.{quoted(key, q)}" for q in "`\"'"] + [
        f"{prefix}[{quoted(key, q)}]" for q in "'\""
    ]
    if re.fullmatch(r"[\w./]+", key):
        ways.append(f"{prefix}.{key}")
    return draw(st.sampled_from(ways))


def number_text(value: float) -> str:
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return repr(value)


FINITE = NUMBERS.filter(lambda value: not math.isnan(value))


@st.composite
def leaves(draw: st.DrawFn, now_us: int) -> Leaf:
    family = draw(
        st.sampled_from(["metrics", "tally", "params", "tags", "text", "time", "duration"])
    )
    if family in ("metrics", "tally", "duration"):
        return draw(numeric_leaves(family))
    if family in ("params", "tags"):
        return draw(logged_leaves(family))
    if family == "time":
        return draw(time_leaves(now_us))
    attribute, ways = draw(
        st.sampled_from(
            [
                ("name", ["run_name", "name", "attributes.name", "run.`run name`"]),
                ("status", ["status", "attr.status"]),
                ("group_name", ["group"]),
                ("notes", ["notes", "attribute.notes"]),
                ("parent_run_id", ["parent"]),
            ]
        )
    )
    return draw(text_leaves("text", attribute, draw(st.sampled_from(ways))))


@st.composite
def text_leaves(draw: st.DrawFn, family: str, key: str, name: str) -> Leaf:
    texts = st.sampled_from(STATUSES) if key == "status" else TEXTS
    is_logged = family in ("params", "tags")
    comparing = ["=", "!=", "<>", "=="] if is_logged else COMPARING
    operator = draw(
        st.sampled_from(
            [*comparing, *MATCHING, "=~", "!~", "IN", "not in", "IS NULL", "is not null"]
        )
    )
    count = 1
    if "null" in operator.lower():
        count = 0
    elif "in" in operator.lower().split():
        count = draw(st.integers(1, 3))
    if operator in ("=~", "!~"):
        texts = st.sampled_from(PATTERNS)
    values = tuple(draw(texts) for _ in range(count))
    written = [quoted(value, draw(st.sampled_from("'\""))) for value in values]
    return Leaf(join(name, operator, written), (family, key), False, operator, values)


def join(name: str, operator: str, written: list[str]) -> str:
    word = operator.upper()
    if word in ("IN", "NOT IN"):
        return f"{name} {operator} ({', '.join(written)})"
    if word.endswith("BETWEEN"):
        return f"{name} {operator} {written[0]} and {written[1]}"
    return f"{name} {operator} {' '.join(written)}"


@st.composite
def number_parts(
    draw: st.DrawFn, values: st.SearchStrategy[float]
) -> tuple[str, tuple[float, ...]]:
    operator = draw(
        st.sampled_from(
            [*COMPARING, "IN", "NOT IN", "between", "NOT BETWEEN", "IS NULL", "IS NOT NULL"]
        )
    )
    word = operator.upper()
    count = 0 if "NULL" in word else 2 if "BETWEEN" in word else 1
    if word in ("IN", "NOT IN"):
        count = draw(st.integers(1, 3))
    return operator, tuple(draw(values) for _ in range(count))


@st.composite
def numeric_leaves(draw: st.DrawFn, family: str) -> Leaf:
    if family == "duration":
        operator, values = draw(number_parts(st.sampled_from([0.0, 0.5, 90.0, 3600.0])))
        units = draw(st.booleans())
        written = [f"{v / 60!r}m" if units else number_text(v) for v in values]
        return Leaf(join("duration", operator, written), ("duration", ""), True, operator, values)
    key = draw(st.sampled_from(KEYS))
    name = draw(names(["metrics", "metric", "`metrics`"], key))
    operator, values = draw(number_parts(FINITE))
    if draw(st.integers(0, 5)) == 0:
        operator, values = draw(st.sampled_from(["IS NAN", "is not nan"])), ()
    part = ""
    if family == "tally":
        part = draw(st.sampled_from(["min", "max", "last", "count", "step"]))
        name = f"{part}({name})"
        if part in ("count", "step") and "NAN" in operator.upper():
            operator = "IS NULL"
        if part in ("count", "step"):
            values = tuple(draw(WHOLES) for _ in values)
    written = [number_text(value) for value in values]
    return Leaf(join(name, operator, written), (f"metrics:{part}", key), True, operator, values)


@st.composite
def logged_leaves(draw: st.DrawFn, family: str) -> Leaf:
    key = draw(st.sampled_from(KEYS))
    prefixes = (
        ["params", "param", "parameters", "parameter"] if family == "params" else ["tags", "tag"]
    )
    name = draw(names(prefixes, key))
    if draw(st.booleans()):
        return draw(text_leaves(family, key, name))
    operator, values = draw(number_parts(FINITE.filter(lambda v: abs(v) != 5e-324)))
    if "NULL" in operator.upper():
        name = f"number({name})"
    written = [number_text(value) for value in values]
    return Leaf(join(name, operator, written), (family, key), True, operator, values)


@st.composite
def time_leaves(draw: st.DrawFn, now_us: int) -> Leaf:
    key, name = draw(
        st.sampled_from(
            [("started_at", "start_time"), ("started_at", "created"), ("ended_at", "ended_at")]
        )
    )
    operator, offsets = draw(number_parts(st.sampled_from([0, 60, 90, 3600, -5])))
    moments = [now_us - int(offset) * 1_000_000 for offset in offsets]
    way = draw(st.sampled_from(["iso", "now", "ms"]))
    if way == "iso":
        written = [f"'{(EPOCH + timedelta(microseconds=m)).isoformat()}'" for m in moments]
    elif way == "now":
        written = [f"now() - {int(o)}s" if o >= 0 else f"now()+{-int(o)}s" for o in offsets]
    else:
        written = [str(m // 1000) for m in moments]
        moments = [m // 1000 for m in moments]
    family = "ms" if way == "ms" else "time"
    return Leaf(join(name, operator, written), (family, key), True, operator, tuple(moments))


def trees(now_us: int) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves(now_us),
        lambda inner: st.one_of(
            st.tuples(st.just("not"), inner),
            st.tuples(st.sampled_from(["and", "or"]), inner, inner),
        ),
        max_leaves=5,
    )


def written(tree: Any) -> str:
    if isinstance(tree, Leaf):
        return tree.text
    if tree[0] == "not":
        return f"NOT ({written(tree[1])})"
    return f"({written(tree[1])}) {tree[0]} ({written(tree[2])})"


# What it means


def truth(tree: Any, row: dict[str, Any], now_us: int) -> bool:
    if isinstance(tree, Leaf):
        return compare(tree, value_of(tree, row, now_us))
    if tree[0] == "not":
        return not truth(tree[1], row, now_us)
    sides = (truth(side, row, now_us) for side in tree[1:])
    return all(sides) if tree[0] == "and" else any(sides)


def value_of(leaf: Leaf, row: dict[str, Any], now_us: int) -> Any:
    family, key = leaf.field
    if family in ("params", "tags"):
        text = row[family].get(key)
        return as_number(text) if leaf.as_number else text
    if family.startswith("metrics:"):
        part = family.removeprefix("metrics:")
        if part in ("", "last"):
            return row["metrics"].get(key)
        return (row["metric_summary"].get(key) or {}).get(part)
    if family == "duration":
        return duration(row, now_us)
    value = row[key]
    if family in ("time", "ms") and value is not None:
        value = microseconds(value)
        return value // 1000 if family == "ms" else value
    return value


def duration(row: dict[str, Any], now_us: int) -> float:
    ended_us = now_us if row["ended_at"] is None else microseconds(row["ended_at"])
    return (ended_us - microseconds(row["started_at"])) / 1e6


def microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def as_number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def compare(leaf: Leaf, value: Any) -> bool:
    word = {"<>": "!=", "==": "="}.get(leaf.operator, leaf.operator.upper())
    if word == "IS NULL":
        return value is None
    if value is None:
        return False
    match word:
        case "IS NOT NULL":
            return True
        case "IS NAN" | "IS NOT NAN":
            return math.isnan(value) == (word == "IS NAN")
        case "IN" | "NOT IN":
            return (value in leaf.values) == (word == "IN")
        case "BETWEEN":
            return leaf.values[0] <= value <= leaf.values[1]
        case "NOT BETWEEN":
            return value < leaf.values[0] or value > leaf.values[1]
        case "LIKE" | "NOT LIKE":
            return like(value, leaf.values[0]) == (word == "LIKE")
        case "ILIKE" | "NOT ILIKE":
            return like(value.lower(), leaf.values[0].lower()) == (word == "ILIKE")
        case "=~" | "!~":
            pattern = leaf.values[0].replace(r"\z", r"\Z")
            return (re.search(pattern, value, re.ASCII) is not None) == (word == "=~")
    other = leaf.values[0]
    results: dict[str, bool] = {
        "=": value == other,
        "!=": value != other,
        "<": value < other,
        "<=": value <= other,
        ">": value > other,
        ">=": value >= other,
    }
    return results[word]


def like(value: str, pattern: str) -> bool:
    parts = {"%": ".*", "_": "."}
    regex = "".join(parts.get(letter, re.escape(letter)) for letter in pattern)
    return re.fullmatch(regex, value, re.DOTALL) is not None


# Runs


@st.composite
def rows(draw: st.DrawFn, now_us: int, index: int) -> dict[str, Any]:
    began = (
        now_us - draw(st.sampled_from([0, 60, 90, 3600])) * 1_000_000 - draw(st.integers(0, 1500))
    )
    row: dict[str, Any] = {
        "run_id": f"{index:032x}",
        "experiment_id": "0",
        "status": draw(st.sampled_from(STATUSES)),
        "lifecycle": "active",
        "started_at": began,
        "params": draw(st.dictionaries(st.sampled_from(KEYS), TEXTS, max_size=7)),
        "tags": draw(st.dictionaries(st.sampled_from(KEYS), TEXTS, max_size=7)),
        "metric_summary": {
            key: {
                "step": draw(WHOLES),
                "timestamp": began,
                "value": draw(NUMBERS),
                "min": draw(NUMBERS),
                "max": draw(NUMBERS),
                "count": draw(WHOLES),
            }
            for key in draw(st.sets(st.sampled_from(KEYS), min_size=2, max_size=9))
        },
    }
    if draw(st.booleans()):
        row["ended_at"] = began + draw(st.sampled_from([0, 500_000, 90_000_000]))
    for name in ("name", "group_name", "notes", "parent_run_id"):
        if draw(st.booleans()):
            row[name] = draw(TEXTS)
    return row


@contextmanager
def warehouse(clock: ManualClock) -> Iterator[Warehouse]:
    lake = Lake.open("memory://", tables=TABLES, store=MemoryStore(clock), clock=clock)
    opened = Warehouse(lake, clock, "memory://")
    try:
        yield opened
    finally:
        opened.close()


def stored(house: Warehouse) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = house.lake.scan("runs").to_pylist(maps_as_pydicts="lossy")
    maps = ("params", "tags", "metrics", "metric_summary")
    return [{**row, **{name: row[name] or {} for name in maps}} for row in found]


NOW_US = ManualClock().now_us()
# Each example opens a warehouse and asks it several times.
EXAMPLES = settings().max_examples // 2


@given(st.data())
@settings(max_examples=EXAMPLES)
def test_a_filter_means_what_it_says(data: st.DataObject) -> None:
    clock = ManualClock()
    with warehouse(clock) as house:
        house.lake.patch("runs", [data.draw(rows(NOW_US, index)) for index in range(6)])
        if data.draw(st.booleans()):
            house.lake.fold()
        known = stored(house)
        for _ in range(8):
            tree = data.draw(trees(NOW_US))
            now_us = clock.now_us()
            found = house.runs.search(filter=written(tree))["run_id"].to_pylist()
            wanted = {row["run_id"] for row in known if truth(tree, row, now_us)}
            assert set(found) == wanted, written(tree)
            assert len(found) == len(wanted)


ORDERS = [
    ("metrics.a", lambda row, _: row["metrics"].get("a")),
    ("metrics.`two words`", lambda row, _: row["metrics"].get("two words")),
    ("max(metrics.b)", lambda row, _: (row["metric_summary"].get("b") or {}).get("max")),
    ("count(metrics.b)", lambda row, _: (row["metric_summary"].get("b") or {}).get("count")),
    ("params.a", lambda row, _: row["params"].get("a")),
    ("number(params.a)", lambda row, _: as_number(row["params"].get("a"))),
    ("tags['b']", lambda row, _: row["tags"].get("b")),
    ("name", lambda row, _: row["name"]),
    ("start_time", lambda row, _: row["started_at"]),
    ("ended_at", lambda row, _: row["ended_at"]),
    ("duration", duration),
    ("status", lambda row, _: row["status"]),
    ("run_id", lambda row, _: row["run_id"]),
]


def sorted_by(rows: list[dict[str, Any]], order: list[tuple[int, bool]]) -> list[str]:
    """Ids in order: what is missing last, NaN before it, then the newest and the id."""
    keys = [(ORDERS[index][1], down) for index, down in order]
    keys += [(lambda row, _: row["started_at"], True), (lambda row, _: row["run_id"], False)]

    def rank(value: Any) -> int:
        return 2 if value is None else int(isinstance(value, float) and math.isnan(value))

    def against(one: dict[str, Any], two: dict[str, Any]) -> int:
        for read, is_descending in keys:
            x, y = read(one, NOW_US), read(two, NOW_US)
            if rank(x) != rank(y):
                return rank(x) - rank(y)
            if rank(x) == 0 and x != y:
                return -1 if (x > y) == is_descending else 1
        return 0

    return [row["run_id"] for row in sorted(rows, key=cmp_to_key(against))]


@given(st.data())
@settings(max_examples=EXAMPLES)
def test_pages_hold_what_one_listing_holds_while_runs_are_added(data: st.DataObject) -> None:
    clock = ManualClock()
    with warehouse(clock) as house:
        house.lake.patch("runs", [data.draw(rows(NOW_US, index)) for index in range(8)])
        known = stored(house)
        order = data.draw(
            st.lists(st.tuples(st.integers(0, len(ORDERS) - 1), st.booleans()), max_size=3)
        )
        texts = [f"{ORDERS[index][0]} {'DESC' if down else 'asc'}" for index, down in order]
        wanted = sorted_by(known, order)
        assert house.runs.search(order=texts)["run_id"].to_pylist() == wanted
        assert (
            house.runs.search(order=", ".join(texts), limit=3)["run_id"].to_pylist() == wanted[:3]
        )
        found: list[str] = []
        token, added = None, 100
        while True:
            size = data.draw(st.integers(1, 4))
            page = house.runs.search_page(order=texts, max_results=size, page_token=token)
            found += page.rows["run_id"].to_pylist()
            assert len(found) < 100, "pages repeat themselves"
            token = page.next_page_token
            if token is None:
                break
            if added < 106:
                clock.advance(1)
                house.lake.patch("runs", [data.draw(rows(NOW_US, added))])
                added += 1
        assert len(found) == len(set(found))
        assert [run for run in found if run in wanted] == wanted
