"""Imports of offline runs, made by W&B itself."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

import mere
from mere.errors import InvalidInput
from mere.services.warehouse import open_warehouse
from tests.unit.interchange.conftest import contents


def rows(query: str):
    return mere.sql(query).to_pylist(maps_as_pydicts="lossy")


def log_of(folder: Path) -> Path:
    (log,) = folder.rglob("*.wandb")
    return log


def test_an_offline_run_comes_over(wandb_folder: Path) -> None:
    report = mere.import_wandb(wandb_folder)
    assert (report.runs_new, report.files_new, report.console_lines_new) == (1, 2, 20)
    assert report.left_out == {"values of the history that are no numbers": 20}
    (run,) = rows(
        "select r.*, e.name as experiment from runs r join experiments e "
        "on r.experiment_id = e.experiment_id"
    )
    assert (run["name"], run["experiment"], run["status"]) == ("quiet fox", "digits ü", "FINISHED")
    assert (run["notes"], run["group_name"]) == ("hello", "g1")
    assert run["params"] == {"lr": "0.1", "layers": "[1, 2]", "opt.name": "adam", "on": "True"}
    assert run["tags"]["a"] == "true"
    assert run["tags"]["wandb.job_type"] == "train"
    assert run["tags"]["summary.verdict"] == "good"
    assert run["metrics"]["best"] == 0.5
    loss = mere.metric_history("quiet fox", "loss").to_pylist()
    assert [one["value"] for one in loss] == [1 / (step + 1) for step in range(20)]
    assert [one["step"] for one in loss] == list(range(20))
    odd = mere.metric_history("quiet fox", "odd")["value"].to_pylist()
    assert math.isnan(odd[0])
    assert odd[1:4] == [math.inf, -math.inf, 3.0]
    assert run["metrics"]["nested.acc"] == 0.95
    assert any(key.startswith("system/") for key in run["metrics"])
    assert not any(key.startswith("img") for key in run["metrics"])
    lines = rows("from console order by line")
    assert [one["text"] for one in lines] == [f"step {step}" for step in range(20)]
    assert {one["stream"] for one in lines} == {"stdout"}
    (image,) = open_warehouse().artifacts.list(run["run_id"], "media")
    assert (image.kind, image.step, image.caption) == ("image", 20, "img")


def test_a_run_that_goes_on_is_followed(wandb_folder: Path, here: Path) -> None:
    log = log_of(wandb_folder)
    whole = log.read_bytes()
    log.write_bytes(whole[: len(whole) // 2])
    half = mere.import_wandb(wandb_folder)
    assert rows("select status from runs") == [{"status": "KILLED"}]
    log.write_bytes(whole)
    rest = mere.import_wandb(wandb_folder)
    assert (rest.runs_new, rest.runs_changed) == (0, 1)
    assert 0 < half.points_new < rest.points == half.points_new + rest.points_new
    assert rows("select status from runs") == [{"status": "FINISHED"}]
    assert rows("select count(*) as n, max(line) as last from console") == [{"n": 20, "last": 19}]
    first = contents(str(here / "warehouse"))
    again = mere.import_wandb(wandb_folder)
    assert (again.points_new, again.files_new, again.runs_changed) == (0, 0, 0)
    assert contents(str(here / "warehouse")) == first


def test_a_damaged_log_gives_what_stands_before(wandb_folder: Path) -> None:
    log = log_of(wandb_folder)
    data = bytearray(log.read_bytes())
    data[len(data) // 2] ^= 0xFF
    log.write_bytes(data)
    report = mere.import_wandb(wandb_folder)
    assert report.left_out["logs that are damaged; what stands before was taken"] == 1
    assert report.runs_new == 1


def test_what_is_no_log_is_refused(here: Path) -> None:
    (here / "w").mkdir()
    with pytest.raises(InvalidInput, match="no run of W&B"):
        mere.import_wandb("w")
    (here / "w" / "run-x.wandb").write_bytes(json.dumps({"no": "log"}).encode())
    report = mere.import_wandb("w")
    assert (report.runs, report.left_out) == (0, {"logs that name no run": 1})
