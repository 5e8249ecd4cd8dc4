"""Exports, and taking them back: the same answers, repeatable, nothing trusted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import mere
from mere.errors import AlreadyExists, CorruptData, InvalidInput, NotFound, Unavailable
from mere.interchange import export as exporting
from mere.lake.blobs import Blobs
from mere.services.warehouse import open_warehouse
from tests.unit.interchange.conftest import DATA, contents, unpacked


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with runs, models, datasets, output, files, and a dataset of files."""
    folder = tmp_path_factory.mktemp("template")
    url = str(folder / "warehouse")
    mere.import_mlflow(unpacked(folder), warehouse=url)
    mere.import_wandb(DATA / "wandb", warehouse=url)
    pictures = folder / "pictures"
    pictures.mkdir()
    (pictures / "a.txt").write_text("a")
    (pictures / "b.txt").write_text("b")
    warehouse = open_warehouse(url)
    dataset = warehouse.datasets.files.write("pictures", pictures)
    warehouse.datasets.tables.write("numbers", {"x": [1, 2, 3], "y": ["a", None, "ü"]})
    warehouse.datasets.tables.write("numbers", {"x": [4], "y": ["z"]}, mode="append")
    run_id = warehouse.runs.find("run 1").run_id
    warehouse.lineage.record(run_id, "write", f"dataset:{dataset.dataset_id}")
    warehouse.lake.fold()
    return folder / "warehouse"


@pytest.fixture
def filled(template: Path, here: Path) -> str:
    """A copy of it."""
    return str(shutil.copytree(template, here / "warehouse"))


def test_an_export_taken_back_gives_the_same_answers(filled: str, here: Path) -> None:
    report = mere.export("folder")
    assert (report.runs, report.datasets, report.left_out) == (11, 5, {})
    other = str(here / "other")
    first = mere.import_archive("folder", warehouse=other)
    assert (first.runs_new, first.conflicts_count) == (11, 0)
    expected = contents(filled)
    assert expected["lineage"]
    assert expected["artifacts"]
    assert expected["console"]
    assert contents(other) == expected
    again = mere.import_archive("folder", warehouse=other)
    assert (again.runs_new, again.runs_changed, again.points_new, again.files_new) == (0, 0, 0, 0)
    assert contents(other) == expected
    datasets = open_warehouse(other).datasets
    target = datasets.files.download(datasets.find("pictures"), here / "pictures again")
    assert (target / "b.txt").read_text() == "b"
    for version, numbers in ((1, [1, 2, 3]), (2, [1, 2, 3, 4])):
        read = datasets.read(datasets.find("numbers", version)).read_all()
        assert read["x"].to_pylist() == numbers


def test_an_export_into_its_own_warehouse_changes_nothing(filled: str) -> None:
    before = contents(filled)
    mere.export("folder")
    mere.import_archive("folder")
    assert contents(filled) == before


def test_a_selection_takes_along_what_belongs_to_it(filled: str, here: Path) -> None:
    report = mere.export("one", ["run 1"])
    assert (report.runs, report.datasets) == (1, 2)
    other = str(here / "other")
    mere.import_archive("one", warehouse=other)
    found = contents(other)
    counts = {name: len(rows) for name, rows in found.items()}
    assert counts["runs"] == counts["experiments"] == counts["logged_models"] == 1
    assert (counts["metrics"], counts["artifacts"], counts["lineage"]) == (41, 2, 2)
    assert counts["model_versions"] == counts["model_aliases"] == 1
    by_filter = mere.export("two", filter="params.lr = '0.05'")
    assert by_filter.runs == 1
    with pytest.raises(NotFound, match="nothing to export"):
        mere.export("three", filter="params.lr = 'nope'")


def test_an_export_cut_short_goes_on(
    filled: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    download = Blobs.download
    calls = 0

    def failing(self, key, to, **arguments):
        nonlocal calls
        calls += 1
        if calls > 3:
            raise Unavailable(mere.ErrorCode.STORE_UNAVAILABLE, "gone")
        return download(self, key, to, **arguments)

    monkeypatch.setattr(Blobs, "download", failing)
    with pytest.raises(Unavailable):
        mere.export("folder")
    with pytest.raises(NotFound, match="one that has not ended"):
        mere.import_archive("folder", warehouse=str(here / "other"))
    calls = -1_000
    report = mere.export("folder")
    assert calls == -1_000 + report.files - 3  # three files were there already
    mere.import_archive("folder", warehouse=str(here / "other"))
    assert contents(str(here / "other")) == contents(filled)


def test_folders_that_hold_something_else_are_left_alone(filled: str, here: Path) -> None:
    mere.export("folder")
    with pytest.raises(AlreadyExists, match="finished export"):
        mere.export("folder")
    (here / "mine").mkdir()
    (here / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(InvalidInput, match=r"thesis\.txt"):
        mere.export("mine")
    with pytest.raises(InvalidInput, match="is a file"):
        mere.export("mine/thesis.txt")


@pytest.mark.parametrize("which", ["tables/runs.parquet", "artifacts", "objects"])
def test_damage_is_found(filled: str, here: Path, which: str) -> None:
    mere.export("folder")
    files = [path for path in sorted(here.glob("folder/**/*")) if path.is_file()]
    file = next(path for path in files if which in str(path))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(CorruptData, match="not what was exported"):
        mere.import_archive("folder", warehouse=str(here / "other"))


@pytest.mark.parametrize(
    "path",
    [
        "../secret",
        "artifacts/../../secret",
        "/etc/hostname",
        "artifacts//x",
        "tables/../x.parquet",
        "objects/nothex",
        "other/x",
    ],
)
def test_hostile_paths_are_refused(filled: str, here: Path, path: str) -> None:
    mere.export("folder")
    (here / "secret").write_text("secret")
    manifest = json.loads((here / "folder/manifest.json").read_text())
    manifest["files"].append({"path": path, "size": 6, "digest": "0" * 64})
    (here / "folder/manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CorruptData, match="cannot be in an export"):
        mere.import_archive("folder", warehouse=str(here / "other"))
    assert not (here / "other").exists() or not mere.sql("from runs", warehouse=str(here / "other"))


def test_links_in_an_archive_are_refused(filled: str, here: Path) -> None:
    mere.export("folder")
    shutil.move(here / "folder/artifacts", here / "elsewhere")
    (here / "folder/artifacts").symlink_to(here / "elsewhere")
    with pytest.raises(CorruptData, match="missing or a link"):
        mere.import_archive("folder", warehouse=str(here / "other"))


def test_newer_formats_and_other_folders_are_refused(filled: str, here: Path) -> None:
    with pytest.raises(NotFound, match="no export"):
        mere.import_archive("nowhere")
    mere.export("folder")
    path = here / "folder/manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "version": 2}))
    with pytest.raises(InvalidInput, match="update mere"):
        mere.import_archive("folder")
    path.write_text("{}")
    with pytest.raises(CorruptData):
        mere.import_archive("folder")


def test_long_histories_are_exported_in_parts(
    filled: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "_POINTS_AT_ONCE", 30)
    assert mere.export("folder").points == len(contents(filled)["metrics"])
    mere.import_archive("folder", warehouse=str(here / "other"))
    assert contents(str(here / "other"))["metrics"] == contents(filled)["metrics"]
