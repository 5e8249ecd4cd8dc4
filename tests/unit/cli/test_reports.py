"""``mere reports …``."""

from __future__ import annotations

from pathlib import Path

from tests.unit.cli.conftest import Mere


def test_reports_are_written_listed_and_shown(filled: Mere, tmp_path: Path) -> None:
    assert "no such reports" in filled("reports", "list").err
    file = tmp_path / "weekly.md"
    file.write_text("# Findings\n\nIt works: größer.")
    report = filled("reports", "write", str(file)).out.strip()
    assert filled("reports", "show", report).out == "# Findings\n\nIt works: größer.\n"
    file.write_text("Better.\n")
    words = ("write", str(file), "--report", report, "--title", "Week 9", "--publish", "--json")
    saved = filled("reports", *words).json
    assert (saved["version"], saved["published"], saved["title"]) == (2, 2, "Week 9")
    assert filled("reports", "show", report, "--version", "1").out.startswith("# Findings")
    listed = filled("reports", "list", "week").out
    assert "Week 9" in listed
    assert "published" in listed
    assert filled("reports", "list", "nothing", "--json").json == []
    assert filled("reports", "show", report, "--json").json["body"] == "Better.\n"
    assert filled("reports", "show", "0" * 32).code == 1
    assert filled("reports", "write", str(tmp_path / "none.md")).code != 0
