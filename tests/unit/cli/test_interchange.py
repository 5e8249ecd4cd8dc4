"""``mere import`` and ``mere export`` as they are typed."""

from __future__ import annotations

from pathlib import Path

DATA = Path(__file__).parents[1] / "interchange" / "data"


def test_import_finds_out_what_a_folder_holds(command, tmp_path: Path) -> None:
    result = command("import", str(DATA / "tensorboard"))
    assert result.code == 0, result.err
    assert "runs" in result.out
    assert "left out: 1 histograms" in result.err
    result = command("import", str(DATA / "wandb"), "--json", "--no-artifacts")
    assert (result.json["runs_new"], result.json["files"]) == (1, 0)
    assert command("export", str(tmp_path / "out"), "quiet fox").code == 0
    result = command("import", str(tmp_path / "out"), "--json")
    assert (result.json["runs"], result.json["runs_new"]) == (1, 0)


def test_export_tells_what_it_wrote(filled, tmp_path: Path) -> None:
    result = filled("export", str(tmp_path / "a"), "--filter", "params.lr = '0.1'", "--json")
    assert (result.json["runs"], result.json["points"]) == (1, 20)
    result = filled("export", str(tmp_path / "b"), "--experiment", "digits")
    assert "2 runs, 21 points" in result.out
    result = filled("export", str(tmp_path / "b"))
    assert result.code == 1
    assert "finished export" in result.err


def test_bad_sources_are_explained(command, tmp_path: Path) -> None:
    result = command("import", str(tmp_path))
    assert result.code == 2
    assert "say what it is" in result.err
    result = command("import", "mlflow", "mysql://host/db")
    assert result.code == 2
    assert "mlflow server" in result.err
    assert command("import", "wandb", str(tmp_path / "no")).code == 1
    assert not (tmp_path / "warehouse").exists()
