from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import mere
from mere.services.warehouse import open_warehouse
from tests.unit.cli.conftest import Mere

SOURCES = str(Path(mere.__file__).parents[1])


def test_runs_as_a_table(filled: Mere) -> None:
    done = filled("runs")
    assert done.code == 0
    assert done.err == ""
    lines = [line for line in done.out.splitlines() if "digits" in line]
    assert [("one" in line, "two" in line) for line in lines] == [(False, True), (True, False)]
    assert "FINISHED" in lines[0]
    assert "\x1b" not in done.out


def test_runs_as_json(filled: Mere) -> None:
    rows = filled("runs", "--json", "--order", "metrics['acc'] desc").json
    assert [row["name"] for row in rows] == ["one", "two"]
    assert rows[0]["params"] == {"lr": "0.1"}
    assert rows[0]["metrics"] == {"acc": 0.9, "bad": "NaN"}
    assert rows[0]["started_at"].endswith("Z")


def test_runs_filtered(filled: Mere) -> None:
    def names(*words: str) -> list[str]:
        return [row["name"] for row in filled("runs", "--json", *words).json]

    assert names("--where", "metrics['acc'] < 0.6") == ["two"]
    assert names("-n", "1") == ["two"]
    assert names("-e", "other") == []
    assert names("-s", "failed") == []
    assert "no runs" in filled("runs", "-s", "FAILED").err


def test_show(filled: Mere) -> None:
    run_id = filled("runs", "--json").json[1]["run_id"]
    done = filled("show", run_id[:15] if run_id[:15] != mere.get_run("two").run_id[:15] else "one")
    assert done.code == 0
    for text in ("one", run_id, "digits", "lr", "0.1", "acc", "0.9", "▁▂", "··"):
        assert text in done.out
    shown = filled("show", "one", "--json").json
    assert shown["metric_summary"]["acc"]["count"] == 10
    assert shown["metric_summary"]["bad"]["max"] == "NaN"


def test_show_of_what_is_not_there(filled: Mere) -> None:
    done = filled("show", "nobody")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: no run has an id that begins with 'nobody'")
    assert "Traceback" not in done.err
    assert filled("show", "01").code in (1, 2)


def test_sql(filled: Mere) -> None:
    query = "select key, count(*) as n from metrics group by key order by key"
    assert filled("sql", query, "--json").json == [{"key": "acc", "n": 11}, {"key": "bad", "n": 10}]
    assert "acc" in filled("sql", query).out
    done = filled("sql", "selec 1")
    assert done.code == 2
    assert done.err.startswith("error: ")


def test_sql_as_of(filled: Mere) -> None:
    assert filled("tag", "early").code == 0
    with mere.start_run("digits"):
        pass
    filled("fold")
    query = "select count(*) as n from runs"
    assert filled("sql", query, "--json").json == [{"n": 3}]
    assert filled("sql", query, "--json", "--as-of", "early").json == [{"n": 2}]
    assert filled("sql", query, "--json", "--as-of", "1").json == [{"n": 2}]
    assert filled("sql", query, "--json", "--as-of", "2099-01-01").json == [{"n": 3}]
    assert filled("sql", query, "--as-of", "never").code == 1


def test_tags(filled: Mere) -> None:
    assert "mere tag NAME" in filled("tag").err
    assert filled("tag", "v1", "--json").json == {"tag": "v1", "root": 1}
    assert filled("tag", "--json").json[0]["tag"] == "v1"
    assert "v1" in filled("tag").out


def test_fold(filled: Mere) -> None:
    report = filled("fold", "--json").json
    assert report["root"] == 1
    assert report["records"] > 21
    assert "nothing to fold" in filled("fold").out


def test_upkeep(filled: Mere) -> None:
    dry = filled("upkeep", "--dry-run", "--json").json
    assert dry["dry_run"] is True
    assert filled("upkeep").code == 0


def test_upkeep_writes_down_runs_that_died(filled: Mere) -> None:
    dead = {"run_id": "e" * 32, "status": "RUNNING", "heartbeat_at": 0}
    open_warehouse().lake.patch("runs", [dead])
    assert filled("upkeep", "--json").json["runs_killed"] == ["e" * 32]
    assert (
        mere.sql("select status from runs where run_id[1] = 'e'")["status"][0].as_py() == "KILLED"
    )


def test_experiments(filled: Mere) -> None:
    (row,) = filled("experiments", "--json").json
    assert (row["name"], row["runs"]) == ("digits", 2)
    assert "digits" in filled("experiments").out


def test_doctor_on_a_good_warehouse(filled: Mere) -> None:
    filled("fold")
    done = filled("doctor", "--json")
    assert done.code == 0
    assert done.json["ok"] is True
    levels = {check["name"]: check["level"] for check in done.json["checks"]}
    assert set(levels.values()) == {"ok"}, done.json
    for name in ("store", "permissions", "clock", "put-if-absent", "freshness", "table runs"):
        assert name in levels
    assert "ok    put-if-absent" in filled("doctor").out


def test_doctor_finds_damage(filled: Mere, tmp_path: Path) -> None:
    segment = next((tmp_path / "warehouse" / "journal").iterdir())
    segment.write_bytes(segment.read_bytes()[:20])
    done = filled("doctor")
    assert done.code == 1
    assert "fail" in done.out
    assert segment.name in done.out


def test_doctor_gives_up_what_is_damaged(filled: Mere, tmp_path: Path) -> None:
    segment = min(tmp_path.rglob("journal/*-*-*"))
    segment.write_bytes(b"garbage")
    assert filled("doctor").code == 1
    done = filled("doctor", "--give-up-damaged", "--json")
    assert done.code == 0
    assert json.loads(done.out)["given_up"] == [f"journal/{segment.name}"]
    assert filled("runs").code == 0


def test_doctor_finds_strangers(filled: Mere, tmp_path: Path) -> None:
    (tmp_path / "warehouse" / "journal" / "notes.txt").write_text("hello")
    done = filled("doctor", "--json")
    foreign = [check for check in done.json["checks"] if "foreign" in check["values"]]
    assert [check["level"] for check in foreign] == ["warn"]
    assert "notes.txt" in foreign[0]["message"]


def test_doctor_makes_no_warehouse(command: Mere) -> None:
    done = command("doctor")
    assert done.code == 0
    assert "no warehouse here yet" in done.out
    assert command("runs").code == 1


def test_doctor_on_an_address_of_no_kind(command: Mere) -> None:
    assert command("doctor", "-w", "gopher://x").code == 1


def test_looking_makes_no_warehouse(command: Mere, tmp_path: Path) -> None:
    done = command("runs", "--warehouse", str(tmp_path / "none"))
    assert done.code == 1
    assert "there is no warehouse at" in done.err
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("words", [["bogus"], ["runs", "--bogus"], ["show"], ["runs", "-n", "x"]])
def test_wrong_requests(command: Mere, words: list[str]) -> None:
    done = command(*words)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: ")
    assert "--help" in done.err


def test_markup_in_names_is_text(command: Mere) -> None:
    with mere.start_run("[bold]x[/]", name="[red]n[/oops]", params={"[a]": "[/b]"}):
        pass
    assert "[red]n[/oops]" in command("runs").out
    assert "[/b]" in command("show", "[red]n[/oops]").out


def run_mere(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mere", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": SOURCES, **env},
    )


def test_as_a_module(filled: Mere) -> None:
    done = run_mere("runs", "--json")
    assert done.returncode == 0, done.stderr
    assert '"name": "two"' in done.stdout
    assert done.stderr == ""
    assert run_mere("show", "zzz").returncode == 1
    assert run_mere("--version").stdout.strip() == mere.__version__


def test_a_missing_warehouse_is_one_clear_line(tmp_path: Path) -> None:
    done = run_mere("runs", MERE_WAREHOUSE=str(tmp_path / "none"))
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
