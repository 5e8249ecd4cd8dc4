"""``mere sync``: send what could not be sent."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mere.cli.output import console, notes, print_json
from mere.client.outbox import SyncReport
from mere.client.outbox import sync as send_all
from mere.client.spool import Entry

__all__ = ["sync"]

_WORDS = {"begin": "beginnings of runs", "segment": "segments", "upload": "files"}


def sync(
    *,
    warehouse: Annotated[
        str | None,
        Parameter(name=["--warehouse", "-w"], help="Only what was logged to this warehouse."),
    ] = None,
    json: Annotated[
        bool,
        Parameter(
            name="--json",
            negative="",
            show_default=False,
            help="Print JSON for programs, nothing else.",
        ),
    ] = False,
) -> int:
    """Send what was logged while a warehouse could not be reached, each record once.

    It waits on this machine's disk. Runs send it by themselves when the store answers again, and
    so does the next run that logs to the same warehouse; this command need not wait for one. The
    exit code is 1 where something is left.

    Args:
        warehouse: Only what was logged to this warehouse; all of them by default.
        json: Print JSON.
    """
    report = _send_with_progress(warehouse)
    if json:
        print_json(report)
    else:
        _show(report)
    return 1 if report.left or report.aside else 0


def _send_with_progress(warehouse: str | None) -> SyncReport:
    out = notes()
    if not out.is_terminal:
        return send_all(warehouse=warehouse)
    with out.status("sending what waits") as status:
        count = 0

        def tell(folder: Path, _: Entry) -> None:
            nonlocal count
            count += 1
            status.update(f"sending what waits: {count:,} looked at, in {folder.name}")

        return send_all(warehouse=warehouse, on_entry=tell)


def _show(report: SyncReport) -> None:
    out = console()
    if report.sent:
        sent = ", ".join(f"{n} {_WORDS.get(kind, kind)}" for kind, n in sorted(report.sent.items()))
        out.print(f"sent {sent}: {report.records:,} records")
    elif not report.left and not report.aside:
        notes().print("nothing waits", style="dim")
    reasons: dict[tuple[str, str], int] = {}
    for path, reason in report.left.items():
        folder = str(Path(path).parent if Path(path).is_file() else path)
        reasons[folder, reason] = reasons.get((folder, reason), 0) + 1
    for (folder, reason), files in reasons.items():
        out.print("left", style="yellow", end=" ")
        out.print(f"{files} in {folder}: {reason}", markup=False, soft_wrap=True)
    for path, reason in report.aside.items():
        out.print("set aside", style="red", end=" ")
        out.print(f"{path}: {reason}", markup=False, soft_wrap=True)
