"""``mere rerun`` and ``mere checkout``."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from cyclopts import Parameter
from rich.text import Text

from mere.cli.options import Options
from mere.cli.output import cell, console, new_table, notes, print_json
from mere.entities.metric import SYSTEM_PREFIX
from mere.errors import ErrorCode, InvalidInput
from mere.repeat.repetition import Repetition
from mere.repeat.repetition import checkout as restore
from mere.repeat.repetition import rerun as repeat
from mere.repeat.verdict import MetricVerdict, Outcome

__all__ = ["checkout", "rerun"]

_STYLES = {
    Outcome.EQUAL: "green",
    Outcome.WITHIN: "yellow",
    Outcome.TIMING: "dim",
}
_ROWS_MAX = 60


def rerun(
    run: str,
    /,
    *arguments: str,
    into: str | None = None,
    env: Annotated[list[str] | None, Parameter(name="--env", negative="")] = None,
    tolerance: float = 0.0,
    here: Annotated[bool, Parameter(name="--here", negative="")] = False,
    no_data: Annotated[bool, Parameter(name="--no-data", negative="")] = False,
    options: Options | None = None,
) -> int:
    """Run a run again, with its code, packages and data, and compare the numbers.

    Exit code 0 if all metrics are equal or within tolerance, else 1.

    Args:
        run: The run's id, the beginning of its id, or its name.
        arguments: Behind --: more arguments for the program, such as those that were secrets.
        into: The folder to run in, new or empty; else one that is removed if all is well.
        env: NAME=VALUE, an environment variable for the program; may be given several times.
        tolerance: How far numbers may be apart, absolutely or relative to the larger one.
        here: Use the packages of now instead of restoring those of the run.
        no_data: Let datasets read by name be their newest versions.
        options: Where to look and how to print.
    """
    options = options or Options()
    repetition = repeat(
        run,
        into=into,
        env=_variables(env or []),
        tolerance=tolerance,
        is_here=here,
        has_data=not no_data,
        arguments=arguments,
        warehouse=options.warehouse,
        is_quiet=options.json,
        say=_say,
    )
    if options.json:
        print_json(_as_json(repetition))
    else:
        _print(repetition)
    return 0 if repetition.is_good else 1


def checkout(
    run: str,
    /,
    *,
    into: str | None = None,
    data: Annotated[bool, Parameter(name="--data", negative="")] = False,
    options: Options | None = None,
) -> None:
    """Restore the code of a run into a folder, with the lock of its packages.

    Args:
        run: The run's id, the beginning of its id, or its name.
        into: Where to, new or empty; by default a folder of the run's name.
        data: Write the datasets it read below the folder's `data`, too.
        options: Where to look and how to print.
    """
    options = options or Options()
    restored = restore(run, into=into, has_data=data, warehouse=options.warehouse, say=_say)
    if options.json:
        print_json({**msgspec.structs.asdict(restored), "folder": str(restored.folder)})
        return
    for note in restored.notes:
        _say(f"note: {note}")
    out = console()
    out.print(Text.assemble("restored into ", (str(restored.folder), "bold")), soft_wrap=True)
    out.print(Text.assemble("start it with ", (restored.command, "cyan")), soft_wrap=True)


def _variables(words: list[str]) -> dict[str, str]:
    variables = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or not name:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE, f"--env {word!r} is not NAME=VALUE", value=word
            )
        variables[name] = value
    return variables


def _say(message: str) -> None:
    style = "yellow" if message.startswith("note: ") else "dim"
    notes().print(message, style=style, markup=False, soft_wrap=True)


def _as_json(repetition: Repetition) -> dict[str, Any]:
    verdict = repetition.verdict
    return {
        "run_id": repetition.run_id,
        "repeated_run_id": repetition.repeated_run_id,
        "verdict": str(verdict.outcome),
        "reason": verdict.reason,
        "difference": verdict.difference,
        "exit_code": repetition.exit_code,
        "folder": None if repetition.folder is None else str(repetition.folder),
        "notes": repetition.notes,
        "metrics": [
            {**msgspec.structs.asdict(one), "outcome": str(one.outcome)} for one in verdict.metrics
        ],
    }


def _print(repetition: Repetition) -> None:
    verdict, out = repetition.verdict, console()
    if verdict.metrics:
        table = new_table(
            "metric", "verdict", ">points", ">original", ">repeated", ">difference", ">from step"
        )
        # What is not as it should be comes first.
        shown = [one for one in verdict.metrics if not one.key.startswith(SYSTEM_PREFIX)]
        ordered = sorted(shown, key=lambda one: (one.outcome in _STYLES, one.key))
        for one in ordered[:_ROWS_MAX]:
            table.add_row(*_cells(one))
        out.print(table)
        if len(ordered) > _ROWS_MAX:
            notes().print(f"{len(ordered) - _ROWS_MAX} more metrics; --json shows all", style="dim")
    if repetition.repeated_run_id is not None:
        out.print(f"repeated as {repetition.repeated_run_id}", style="dim", soft_wrap=True)
    if repetition.exit_code != 0:
        notes().print(f"the program ended with exit code {repetition.exit_code}", style="yellow")
    if repetition.folder is not None:
        notes().print(f"its folder is {repetition.folder}", style="dim", soft_wrap=True)
    line = Text("verdict: ")
    line.append(str(verdict.outcome), style=f"bold {_STYLES.get(verdict.outcome, 'red')}")
    more = "; ".join(part for part in (verdict.counts(), verdict.reason) if part)
    out.print(line.append(f"  ({more})" if more else ""), soft_wrap=True)


def _cells(one: MetricVerdict) -> list[Text]:
    difference = "" if one.difference is None else f"{one.difference:.3g}"
    return [
        cell(one.key),
        Text(str(one.outcome), style=_STYLES.get(one.outcome, "red")),
        Text(f"{one.points:,}"),
        Text("" if one.value is None else repr(one.value)),
        Text("" if one.repeated is None else repr(one.repeated)),
        Text(difference),
        Text("" if one.step is None else str(one.step)),
    ]
