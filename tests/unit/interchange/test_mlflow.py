"""Imports from MLflow: complete, repeatable, of any version."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import mere
from mere.errors import InvalidInput, NotFound, Unavailable
from mere.services.imports import Arrivals, Imports
from mere.services.warehouse import open_warehouse
from tests.unit.interchange.conftest import contents

LARGEST = 1.7976931348623157e308


def rows(query: str):
    return mere.sql(query).to_pylist(maps_as_pydicts="lossy")


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        for statement in statements:
            database.execute(statement)


def expected_points(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as database:
        found = database.execute(
            "select run_uuid, key, step, timestamp, value, is_nan from metrics"
        )
        return sorted(
            str((run, key, step, at * 1000, value_of(value, is_nan)))
            for run, key, step, at, value, is_nan in found
        )


def value_of(value: float, is_nan: int) -> float:
    if is_nan:
        return math.nan
    return math.copysign(math.inf, value) if abs(value) == LARGEST else value


def stored_points() -> list[str]:
    found = rows("select run_id, key, step, epoch_us(timestamp) as at, value from metrics")
    return sorted(str(tuple(row.values())) for row in found)


def test_everything_of_a_sqlite_file_comes_over(mlflow_db: Path) -> None:
    report = mere.import_mlflow(f"sqlite:///{mlflow_db}")
    assert (report.experiments, report.runs_new, report.points_new) == (2, 10, 401)
    assert (report.files_new, report.datasets, report.models) == (6, 3, 3)
    assert (report.conflicts_count, report.left_out) == (0, {})
    assert stored_points() == expected_points(mlflow_db)
    experiments = {row["name"]: row for row in rows("from experiments")}
    assert experiments["Default"]["experiment_id"] == "0"
    assert experiments["digits ü/1"]["experiment_id"] == "1"
    assert experiments["digits ü/1"]["tags"] == {"team": "a"}
    runs = {row["name"]: row for row in rows("from runs")}
    with closing(sqlite3.connect(mlflow_db)) as database:
        stored = database.execute("select run_uuid, name, status, start_time, end_time from runs")
        for run_id, name, status, start, end in stored:
            run = runs[name]
            assert (run["run_id"], run["status"]) == (run_id, status)
            assert run["started_at"].timestamp() * 1000 == pytest.approx(start, abs=0.01)
            assert (run["ended_at"] is None) == (end is None)
    assert runs["run 3"]["lifecycle"] == "deleted"
    assert runs["run 4"]["parent_run_id"] == runs["run 3"]["run_id"]
    one = runs["run 1"]
    assert one["params"] == {"lr": "0.05", "ü p": "x/y", "long": "v" * 3000}
    assert one["notes"] == "# notes\nof a run"
    assert one["source"]["git_commit"] == "c0ffee"
    assert one["tags"]["empty"] == ""
    assert one["tags"]["number"] == "1"
    assert one["metric_summary"]["loss"]["count"] == 10
    assert math.isnan(runs["run 0"]["metric_summary"]["loss"]["min"]) is False


def test_files_models_and_lineage_come_over(mlflow_db: Path) -> None:
    mere.import_mlflow(mlflow_db)
    warehouse = open_warehouse()
    run_id = rows("select run_id from runs where name = 'run 1'")[0]["run_id"]
    assert warehouse.artifacts.read(run_id, "sub dir/x/a ü.txt") == b"hello run 1"
    edges = rows(
        "select l.*, d.name, d.version, d.kind from lineage l join datasets d "
        "on l.asset = 'dataset:' || d.dataset_id order by d.version"
    )
    assert [(e["name"], e["version"], e["kind"]) for e in edges] == [
        ("data", 1, "reference"),
        ("data", 1, "reference"),
        ("data", 2, "reference"),
    ]
    assert {(e["direction"], e["context"]) for e in edges} == {("read", "training")}
    assert edges[0]["tags"] == {"fold": "1"}
    (model,) = rows("from logged_models")
    assert (model["name"], model["status"], model["run_id"]) == ("net", "READY", run_id)
    (version,) = rows("from model_versions")
    assert (version["name"], version["version"], version["model_id"]) == (
        "digits net",
        1,
        model["model_id"],
    )
    assert rows("select * from model_aliases")[0]["alias"] == "champion"
    (point,) = rows("select * from metrics where key = 'acc'")
    assert point["logged_model_id"] == model["model_id"]


def test_importing_again_changes_nothing(mlflow_db: Path, here: Path) -> None:
    mere.import_mlflow(mlflow_db)
    first = contents(str(here / "warehouse"))
    report = mere.import_mlflow(mlflow_db)
    assert (report.runs, report.runs_new, report.runs_changed) == (10, 0, 0)
    assert (report.points, report.points_new, report.files_new) == (401, 0, 0)
    assert contents(str(here / "warehouse")) == first


def test_a_source_that_has_grown_is_followed(mlflow_db: Path) -> None:
    mere.import_mlflow(mlflow_db)
    (run,) = rows("select run_id from runs where name = 'run 1'")
    run_id = run["run_id"]
    change(
        mlflow_db,
        f"insert into metrics values ('loss', 0.25, 1800000000000, '{run_id}', 99, 0)",
        f"insert into metrics values ('new', 1.0, 1800000000000, '{run_id}', 0, 0)",
        f"insert into params values ('later', '1', '{run_id}')",
        f"update params set value = '7' where key = 'lr' and run_uuid = '{run_id}'",
        f"update tags set value = 'changed' where key = 'number' and run_uuid = '{run_id}'",
        f"update runs set status = 'FAILED' where run_uuid = '{run_id}'",
    )
    report = mere.import_mlflow(mlflow_db)
    assert (report.runs_changed, report.points_new) == (1, 2)
    assert [(one.run_id, one.what, one.here, one.there) for one in report.conflicts] == [
        (run_id, "param lr", "0.05", "7")
    ]
    assert stored_points() == expected_points(mlflow_db)
    (row,) = rows(f"from runs where run_id = '{run_id}'")
    assert row["params"]["lr"] == "0.05"
    assert row["params"]["later"] == "1"
    assert (row["tags"]["number"], row["status"]) == ("changed", "FAILED")
    assert (row["metrics"]["loss"], row["metric_summary"]["loss"]["count"]) == (0.25, 11)


def test_a_run_deleted_here_stays_deleted(mlflow_db: Path) -> None:
    mere.import_mlflow(mlflow_db)
    (run,) = rows("select run_id from runs where name = 'run 1'")
    deleted = {"run_id": run["run_id"], "lifecycle": "deleted"}
    open_warehouse().lake.patch("runs", [deleted])
    mere.import_mlflow(mlflow_db)
    assert rows("select lifecycle from runs where name = 'run 1'") == [{"lifecycle": "deleted"}]


def test_an_import_that_died_in_the_middle_is_completed(
    mlflow_db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = 0
    write = Imports.write

    def failing(self: Imports, arrivals: Arrivals) -> None:
        nonlocal written
        written += 1
        if written == 3:
            # The segment is stored, and the reply is lost.
            write(self, arrivals)
            raise Unavailable(mere.ErrorCode.STORE_UNAVAILABLE, "gone")
        write(self, arrivals)

    monkeypatch.setattr("mere.interchange.writer._RECORDS_A_SEGMENT", 50)
    monkeypatch.setattr(Imports, "write", failing)
    with pytest.raises(Unavailable):
        mere.import_mlflow(mlflow_db)
    half = len(stored_points())
    assert 0 < half < 401
    monkeypatch.setattr(Imports, "write", write)
    assert mere.import_mlflow(mlflow_db).points_new == 401 - half
    assert stored_points() == expected_points(mlflow_db)
    assert rows(
        "select sum(s.count)::int as n from (select unnest(map_values(metric_summary)) as s "
        "from runs)"
    ) == [{"n": 401}]


def test_ids_that_are_taken_are_replaced(mlflow_db: Path) -> None:
    lake = open_warehouse().lake
    lake.patch("experiments", [{"experiment_id": "1", "name": "mine", "lifecycle": "active"}])
    mere.import_mlflow(mlflow_db)
    found = {row["name"]: row["experiment_id"] for row in rows("from experiments")}
    assert found["mine"] == "1"
    assert len(found) == 3
    assert found["digits ü/1"] != "1"
    assert {row["experiment_id"] for row in rows("from runs")} == {"0", found["digits ü/1"]}


def test_only_the_experiments_asked_for(mlflow_db: Path) -> None:
    report = mere.import_mlflow(mlflow_db, experiments=["Default"], artifacts=False)
    assert (report.experiments, report.runs, report.files) == (1, 5, 0)
    assert report.left_out == {"registered models (only with all experiments)": 1}
    with pytest.raises(NotFound, match="has no experiment 'nope'"):
        mere.import_mlflow(mlflow_db, experiments=["nope"])


def test_old_and_newer_schemas_are_read(mlflow_db: Path) -> None:
    change(
        mlflow_db,
        "drop index index_metrics_run_uuid",
        "drop index index_metrics_run_uuid_key_step",
        "drop table input_tags",
        "drop table logged_model_metrics",
        "create table old as select run_uuid, key, value, timestamp from metrics "
        "where is_nan = 0 and abs(value) < 1e300",
        "drop table metrics",
        "alter table old rename to metrics",
        "alter table runs drop column deleted_time",
        "alter table experiments add column surprise text default 'x'",
    )
    report = mere.import_mlflow(mlflow_db)
    with closing(sqlite3.connect(mlflow_db)) as database:
        (count,) = database.execute("select count(*) from metrics").fetchone()
    assert report.points_new == count > 300
    assert rows("select distinct step from metrics") == [{"step": 0}]
    assert mere.import_mlflow(mlflow_db).points_new == 0


def test_a_file_that_is_written_to_is_read_as_it_was(mlflow_db: Path) -> None:
    with closing(sqlite3.connect(mlflow_db, isolation_level=None)) as writer:
        writer.execute("pragma journal_mode = wal")
        writer.execute("begin")
        writer.execute("delete from metrics")
        assert mere.import_mlflow(mlflow_db).points_new == 401
        writer.execute("rollback")


def test_what_is_left_out_is_named(mlflow_db: Path) -> None:
    change(
        mlflow_db,
        "insert into trace_info (request_id, experiment_id, timestamp_ms, status) "
        "values ('t', 1, 1, 'OK')",
        "update runs set artifact_uri = 'gs://bucket/x' where name = 'run 1'",
        "update runs set artifact_uri = 'mlflow-artifacts:/1/x' where name = 'run 2'",
    )
    report = mere.import_mlflow(mlflow_db)
    assert report.left_out == {
        "traces": 1,
        "folders of runs at gs: addresses, out of reach": 1,
        "folders of runs at mlflow-artifacts: addresses, out of reach": 1,
    }


def test_links_among_artifacts_are_not_followed(mlflow_db: Path, here: Path) -> None:
    secret = here / "secret.txt"
    secret.write_text("secret")
    with closing(sqlite3.connect(mlflow_db)) as database:
        query = "select artifact_uri from runs where name = 'run 1'"
        (uri,) = database.execute(query).fetchone()
    Path(uri, "link.txt").symlink_to(secret)
    assert mere.import_mlflow(mlflow_db).files == 6
    assert rows("from artifacts where path = 'link.txt'") == []


@pytest.mark.parametrize(
    ("address", "error", "message"),
    [
        ("sqlite:///nope.db", NotFound, "there is no file"),
        ("nope", NotFound, "there is no folder"),
        ("postgresql://host/db", InvalidInput, "mlflow server"),
        (".", InvalidInput, "no file store of MLflow"),
        ("text.db", InvalidInput, "cannot be read as a SQLite file"),
        ("other.db", InvalidInput, "not one of MLflow"),
    ],
)
def test_bad_sources_are_refused(address: str, error, message: str, here: Path) -> None:
    (here / "text.db").write_text("no database at all" * 100)
    change(here / "other.db", "create table t (x)")
    with pytest.raises(error, match=message):
        mere.import_mlflow(address)
    assert not (here / "warehouse").exists()


def test_a_file_store_is_read(here: Path) -> None:
    run_id = "0123456789abcdef0123456789abcdef"
    run = here / "mlruns" / "7" / run_id
    for folder in ("metrics/val", "params", "tags", "artifacts/sub"):
        (run / folder).mkdir(parents=True)
    (here / "mlruns/7/meta.yaml").write_text("name: 'a: b'\nexperiment_id: '7'\n")
    (run / "meta.yaml").write_text(
        f"run_id: {run_id}\nstatus: 3\nstart_time: 1700000000123\nend_time: null\n"
        "lifecycle_stage: active\nuser_id: ada\nrun_name: r\nartifact_uri: file:///moved/away\n"
    )
    (run / "metrics/val/loss").write_text("1700000000001 nan 0\n1700000000002 -inf 1\n17000 0.")
    (run / "metrics/old").write_text("1700000000001 2.5\n")
    (run / "params/lr").write_text("0.1")
    (run / "tags/mlflow.user").write_text("ada")
    (run / "artifacts/sub/a.txt").write_text("a")
    (here / "mlruns/7/broken").mkdir()
    report = mere.import_mlflow("mlruns")
    assert report.left_out == {
        "folders without meta.yaml": 1,
        "lines of metrics that are not whole": 1,
    }
    (row,) = rows("from runs")
    assert (row["run_id"], row["status"], row["experiment_id"]) == (run_id, "FINISHED", "7")
    assert (row["params"], row["created_by"]) == ({"lr": "0.1"}, "ada")
    assert [str(one["value"]) for one in rows("from metrics order by key, step")] == [
        "2.5",
        "nan",
        "-inf",
    ]
    assert open_warehouse().artifacts.read(run_id, "sub/a.txt") == b"a"
    (run / "metrics/val/loss").write_text(
        "1700000000001 nan 0\n1700000000002 -inf 1\n1700000000002 0.5 2\n1700000000002 0.5 2\n"
    )
    assert mere.import_mlflow("mlruns").points_new == 2
    assert mere.import_mlflow("mlruns").points_new == 0


def test_yaml_cannot_run_code(here: Path) -> None:
    folder = here / "mlruns" / "1"
    folder.mkdir(parents=True)
    (folder / "meta.yaml").write_text("!!python/object/apply:os.system ['touch hacked']\n")
    with pytest.raises(InvalidInput, match="no YAML"):
        mere.import_mlflow("mlruns")
    assert not (here / "hacked").exists()
