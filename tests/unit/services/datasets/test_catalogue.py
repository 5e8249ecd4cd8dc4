"""Datasets as people look for them: the list, who used them, notes, rows, descriptions."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from mere.entities.dataset import Dataset, DatasetKind
from mere.entities.run import Run
from mere.errors import Conflict, InvalidInput, NotFound
from mere.services.datasets.description import describe
from mere.services.datasets.images import image_type
from mere.services.datasets.profile import Profiler
from mere.services.datasets.rows import read_value, read_window
from mere.services.lineage.walk import Readable
from mere.services.warehouse import Warehouse, close_warehouses, open_warehouse

ALL = Readable()
PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 0) + zlib.compress(b"0")


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """scans with three versions, two of them read, and fifty others."""
    made = open_warehouse(str(tmp_path_factory.mktemp("lake")))
    tables = made.datasets.tables
    first = tables.write("scans", pa.table({"x": [1.0]}), tags={"site": "Bern"})
    second = tables.write("scans", pa.table({"x": range(2_500)}), mode="overwrite")
    tables.write("scans", pa.table({"x": range(7)}), mode="overwrite")
    for number in range(50):
        made.datasets.publish(
            Dataset(dataset_id="", name=f"other/{number:02}", version=0, kind=DatasetKind.REFERENCE)
        )
    for number, (home, dataset) in enumerate((("1", first), ("1", second), ("2", second))):
        run = f"{number + 1:032x}"
        made.runs.create(Run(run_id=run, experiment_id=home, name=f"run-{number}"))
        made.lineage.record(run, "read", f"dataset:{dataset.dataset_id}", context="training")
    made.models.create("m")
    made.artifacts.put_bytes(f"{2:032x}", "model/w", b"w")
    made.models.versions.create("m", f"runs:/{2:032x}/model", run_id=f"{2:032x}")
    made.models.aliases.set("m", "champion", 1)
    made.deployments.deploy("m", 1, environment="production", application="shop")
    yield made
    close_warehouses()


def test_the_list_is_searched_sorted_and_cut(warehouse: Warehouse) -> None:
    search = warehouse.datasets.catalogue.search
    page = search(order="name", is_descending=False, limit=10, readable=ALL)
    assert (page.total, [one.name for one in page.datasets][:2]) == (51, ["other/00", "other/01"])
    (scans,) = search("SCAN", readable=ALL).datasets
    assert (scans.versions, scans.version, scans.rows, scans.runs) == (3, 3, 7, 3)
    assert scans.tags == {}  # those of the newest version, whatever older ones have
    assert search(order="used", limit=1, readable=ALL).datasets[0].name == "scans"
    assert search(order="used", limit=1, offset=500, readable=ALL) == type(page)([], 51)
    assert search("no such", readable=ALL).total == 0
    for wrong in ({"order": "x"}, {"limit": 0}, {"offset": -1}, {"text": "a " * 11}):
        with pytest.raises(InvalidInput):
            search(**{"text": "", **wrong}, readable=ALL)  # type: ignore[arg-type]


def test_tags_are_searched(warehouse: Warehouse) -> None:
    versions = warehouse.datasets
    versions.set_tags(versions.find("other/07"), {"site": "Basel"})
    found = versions.catalogue.search("site=basel", readable=ALL)
    assert [one.name for one in found.datasets] == ["other/07"]


def test_usage_tells_runs_models_and_where_they_are_live(warehouse: Warehouse) -> None:
    usage = warehouse.datasets.catalogue.usage
    found = usage(name="scans", readable=ALL)
    assert found.runs_total == 3
    assert {(one.name, one.version, one.context) for one in found.runs} == {
        ("run-0", 1, "training"),
        ("run-1", 2, "training"),
        ("run-2", 2, "training"),
    }
    assert [(one.name, one.aliases, one.live) for one in found.models] == [
        ("m", ["champion"], ["production"])
    ]
    first = warehouse.datasets.find("scans", 1)
    one = usage(dataset_id=first.dataset_id, readable=ALL)
    assert (one.runs_total, one.models) == (1, [])


def test_usage_keeps_what_may_not_be_read(warehouse: Warehouse) -> None:
    some = Readable(experiments=frozenset({"2"}), models=frozenset())
    found = warehouse.datasets.catalogue.usage(name="scans", readable=some)
    assert ([one.name for one in found.runs], found.models) == (["run-2"], [])
    (scans,) = warehouse.datasets.catalogue.search("scans", readable=some).datasets
    assert scans.runs == 1


def test_notes_are_not_written_over_others(warehouse: Warehouse) -> None:
    cards = warehouse.datasets.cards
    assert cards.get("scans").notes is None
    written = cards.set_notes("scans", "# Scans", changed_by="ada", expected="")
    assert (written.notes, written.changed_by) == ("# Scans", "ada")
    with pytest.raises(Conflict):
        cards.set_notes("scans", "mine", changed_by="bob", expected="")
    assert cards.set_notes("scans", "", changed_by="ada").notes is None
    with pytest.raises(NotFound):
        cards.get("none")


def test_rows_are_windows_over_several_files(warehouse: Warehouse) -> None:
    lake, second = warehouse.lake, warehouse.datasets.find("scans", 2)
    window = read_window(lake, second, offset=2_490, limit=100, columns=[])
    assert (window.total, window.rows) == (2_500, [[n] for n in range(2_490, 2_500)])
    tables = warehouse.datasets.tables
    tables.write("pieces", pa.table({"n": [0, 1, 2]}))
    whole = tables.write("pieces", pa.table({"n": [3, 4]}), mode="append")
    window = read_window(lake, whole, offset=2, limit=2, columns=["n"])
    assert (window.total, window.rows) == (5, [[2], [3]])
    assert read_window(lake, whole, offset=5, limit=2, columns=[]).rows == []
    assert read_value(lake, whole, 4, "n") == "4"
    with pytest.raises(NotFound):
        read_value(lake, whole, 5, "n")
    for wrong in ({"columns": ["m"]}, {"limit": 501}, {"offset": -1}):
        how = {"offset": 0, "limit": 1, "columns": [], **wrong}
        with pytest.raises(InvalidInput):
            read_window(lake, whole, **how)  # type: ignore[arg-type]


def test_values_are_shown_as_what_they_are(warehouse: Warehouse) -> None:
    written = warehouse.datasets.tables.write(
        "odd",
        pa.table(
            {
                "f": [math.nan, -math.inf],
                "i": [2**60, 1],
                "b": [PNG, b"\0\1"],
                "t": ["y" * 5_000, "<script>"],
            }
        ),
    )
    window = read_window(warehouse.lake, written, offset=0, limit=2, columns=[])
    (f, i, b, t), (g, _, c, u) = window.rows
    assert (f, g, i) == ("NaN", "-Infinity", str(2**60))
    assert (len(t), u, c) == (1_000, "<script>", "2 bytes")
    assert b.startswith("data:image/png;base64,")
    assert read_value(warehouse.lake, written, 0, "b") == PNG
    assert read_value(warehouse.lake, written, 0, "t") == "y" * 5_000


def test_data_kept_elsewhere_is_not_fetched(warehouse: Warehouse, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("password\nhunter2\n")
    for _ in range(2):
        made = warehouse.datasets.references.add("elsewhere", uri=secret.as_uri(), digest=str(_))
    with pytest.raises(InvalidInput, match="elsewhere"):
        read_window(warehouse.lake, made, offset=0, limit=1, columns=[])
    found = warehouse.datasets.diff(
        warehouse.datasets.find("elsewhere", 1), made, may_read=lambda _: False
    )
    assert (found.is_same, found.rows) == (False, None)


@pytest.mark.parametrize(
    ("begin", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\0\0\0\0WEBP", "image/webp"),
        (b"<svg onload=alert(1)>", None),
        (b"", None),
    ],
)
def test_only_harmless_images_are_images(begin: bytes, kind: str | None) -> None:
    assert image_type(begin) == kind


def test_what_other_clients_wrote_is_described_too() -> None:
    def of(schema: str | None, profile: str | None = None) -> Dataset:
        return Dataset(dataset_id="1", name="n", version=1, schema=schema, profile=profile)

    other = describe(of('{"mlflow_colspec": [{"type": "long", "name": "x"}]}', '{"num_rows": 3}'))
    assert ([one.name for one in other.columns], other.profile) == (["x"], None)
    assert other.other == {"profile": {"num_rows": 3}}
    assert describe(of("{broken")).other == {"schema": "{broken"}
    assert describe(of(None)).columns == []


def test_profiles_have_histograms() -> None:
    def column(values: list[object], kind: pa.DataType) -> dict[str, object]:
        batch = pa.record_batch({"x": pa.array(values, kind)})
        profiler = Profiler(batch.schema)
        profiler.add(batch)
        found: dict[str, object] = profiler.result()["columns"][0]
        return found

    histogram = column([*range(240), None], pa.int64())["histogram"]
    assert histogram == {"low": 0, "high": 239, "counts": [10] * 24}
    assert column([5, 5], pa.int64())["histogram"] == {"low": 5, "high": 5, "counts": [2]}
    wide = column([-1.7e308, 1.7e308, math.nan], pa.float64())["histogram"]
    assert isinstance(wide, dict)
    assert sum(wide["counts"]) == 2
    times = column([0, 86_400_000_000], pa.timestamp("us", "UTC"))["histogram"]
    assert isinstance(times, dict)
    assert times["low"] == "1970-01-01T00:00:00+00:00"
    assert "histogram" not in column([None], pa.float64())
    assert "histogram" not in column(["a"], pa.string())
