"""What must hold of every view, and of what lies in the store at the end."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import pyarrow.parquet as pq
from pyiceberg.manifest import read_manifest_list

from mere.errors import NotFound
from mere.lake import Lake
from mere.lake.arrow import to_rows
from mere.lake.catalog import Root
from mere.lake.iceberg_io import StoreIO
from mere.lake.objects.store import ObjectStore
from mere.lake.rows import Row
from mere.lake.view import View
from tests.simulation.model import Model, plain
from tests.simulation.series import Chart, new_window
from tests.simulation.world import World

__all__ = [
    "batches_in",
    "check_bulk",
    "check_charts",
    "check_roots",
    "check_store",
    "check_view",
    "tokens_in",
]


def check_view(world: World, view: View, must: Iterable[str], sql: Any = None) -> frozenset[str]:
    """Check a view against the model and return the batches it shows.

    Args:
        world: The world.
        view: The view.
        must: Batches that it has to show.
        sql: Asks the view by SQL instead of scanning it.
    """
    ask = sql or (lambda name: view.table(name).scan())
    names = [table.name for table in world.tables if table.name in view.states]
    tables = {name: to_rows(ask(name)) for name in names}
    shown = batches_in(world.model, tables.get("events", []))
    lost = set(must) - shown
    assert not lost, f"view of root {view.root.number} lacks {sorted(lost)}"
    for name, rows in tables.items():
        _check_rows(world.model, name, rows, shown)
    if view.root.number and not view.tail:
        before = world.roots.setdefault(view.root.number, shown)
        assert before == shown, f"root {view.root.number} shows now this, now that"
    return shown


def batches_in(model: Model, events: list[Row]) -> frozenset[str]:
    """The batches that have records in the log table; each must be there whole, and once."""
    found = Counter((row["batch"], row["n"]) for row in events)
    shown = frozenset(batch for batch, _ in found)
    for name in shown:
        batch = model.batches[name]
        assert batch.state != "refused", f"batch {name} was refused and is there"
        counts = [found[name, n] for n in range(batch.events)]
        assert counts == [1] * batch.events, f"batch {name} is not there once: {counts}"
    return shown


def _check_rows(model: Model, name: str, rows: list[Row], shown: frozenset[str]) -> None:
    if name == "events":  # whose rows say what is shown
        return
    if name == "points":
        _check_points(model, rows, shown)
        return
    table = model.tables[name]
    found = {tuple(row[column] for column in table.key): plain(row) for row in rows}
    assert len(found) == len(rows), f"table {name} has a key twice"
    expected = {key: plain(row) for key, row in model.rows(name, shown).items()}
    columns = rows[0].keys() if rows else ()
    expected = {
        key: {column: row[column] for column in columns or row} for key, row in expected.items()
    }
    if found != expected:
        wrong = [
            f"{key}: is {found.get(key)}, should be {expected.get(key)}"
            for key in sorted(found.keys() | expected.keys())
            if found.get(key) != expected.get(key)
        ]
        raise AssertionError(f"table {name} is wrong\n  " + "\n  ".join(wrong))


def _check_points(model: Model, rows: list[Row], shown: frozenset[str]) -> None:
    """Every point of the batches is there, and as often as it was logged."""
    expected = Counter(
        (*point[:4], plain(point[4])) for batch in shown for point in model.batches[batch].points
    )
    found = Counter(
        (row["run"], row["key"], row["step"], row["at"], plain(row["value"])) for row in rows
    )
    assert found == expected, f"points lack {expected - found} and have {found - expected} too much"


def check_charts(world: World, lake: Lake) -> list[str]:
    """Bring the charts up to date by what changed since their marks, and draw one that is new."""
    charts = [*world.charts, Chart(new_window(world.chance))]
    return [_check_chart(world, lake, chart) for chart in charts]


def _check_chart(world: World, lake: Lake, chart: Chart) -> str:
    begun = chart.begin()
    reader = lake._series()

    def check(view: View) -> str:
        shown = batches_in(world.model, to_rows(view.table("events").scan()))
        return chart.check(view, reader, world.model, shown, begun)

    kind: str = lake._answer(None, check)
    return kind


def tokens_in(lake: Lake, snapshot_id: int | None = None) -> tuple[str, ...]:
    """The rows of the bulk table, in order."""
    found = lake.read_table("bulk", snapshot_id).read_all()
    return tuple(found.column("token").to_pylist())


def check_bulk(world: World, lake: Lake) -> None:
    """The bulk table has every row that was acknowledged, once, and every snapshot as it was."""
    must = {token for token, is_acked in world.tokens.items() if is_acked}
    known = dict(world.snapshots)
    try:
        rows = tokens_in(lake)
    except NotFound:
        assert not must, f"the bulk table is not there and should hold {sorted(must)}"
        return
    _check_tokens(world, rows)
    assert must <= set(rows), f"the bulk table lacks {sorted(must - set(rows))}"
    for snapshot_id, before in known.items():
        assert rows[: len(before)] == before, f"snapshot {snapshot_id} is no beginning of the next"
    if known:
        snapshot_id = world.chance.choice(sorted(known))
        assert tokens_in(lake, snapshot_id) == known[snapshot_id]


def _check_tokens(world: World, rows: Sequence[str]) -> None:
    assert len(set(rows)) == len(rows), f"the bulk table holds a row twice: {rows}"
    assert set(rows) <= world.tokens.keys(), "the bulk table holds what nobody wrote"


def check_roots(world: World) -> None:
    """A later root shows all that an earlier one shows."""
    known: frozenset[str] = frozenset()
    for number, shown in sorted(world.roots.items()):
        assert known <= shown, f"root {number} lacks what an older one had: {known - shown}"
        known = shown


def check_store(world: World, lake: Lake) -> None:
    """Read every retained root straight from the store: metadata, manifests, Parquet files."""
    store = world.store
    keys = [info.key for info in store.list("catalog/")]
    roots = [msgspec.json.decode(store.get(key), type=Root) for key in keys]
    newest = max((root for root in roots), key=lambda root: root.number)
    for root in roots:
        location, is_newest = lake.warehouse.location, root.number == newest.number
        tables = {
            name: _rows_of(store, location, key, has_history=is_newest)
            for name, key in root.tables.items()
        }
        _check_tokens(world, [str(row["token"]) for row in tables.pop("bulk", [])])
        shown = batches_in(world.model, tables.get("events", []))
        before = world.roots.setdefault(root.number, shown)
        assert before == shown, f"root {root.number} shows {before ^ shown} only at times"
        for name, rows in tables.items():
            _check_rows(world.model, name, rows, shown)
        if is_newest:
            lost = world.model.acked - shown
            assert not lost, f"the last root lacks {sorted(lost)}"


def _rows_of(store: ObjectStore, location: str, key: str, *, has_history: bool) -> list[Row]:
    """All rows of a table's current snapshot, read without the engine's own reader."""
    io_ = StoreIO(store, location)
    metadata = msgspec.json.decode(store.get(key))
    snapshots = {snapshot["snapshot-id"]: snapshot for snapshot in metadata["snapshots"]}
    for snapshot in snapshots.values() if has_history else ():
        assert store.get(io_.key(snapshot["manifest-list"]))
    current = snapshots[metadata["current-snapshot-id"]]
    schemas = {schema["schema-id"]: schema for schema in metadata["schemas"]}
    columns = [field["name"] for field in schemas[metadata["current-schema-id"]]["fields"]]
    rows: list[Row] = []
    for manifest in read_manifest_list(io_.new_input(current["manifest-list"])):
        for entry in manifest.fetch_manifest_entry(io_):
            data = store.get(io_.key(entry.data_file.file_path))
            assert len(data) == entry.data_file.file_size_in_bytes
            found = to_rows(pq.ParquetFile(io.BytesIO(data)).read(use_threads=False))
            assert len(found) == entry.data_file.record_count
            rows += [{name: row.get(name) for name in columns} for row in found]
    return rows
