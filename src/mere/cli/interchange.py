"""``mere import`` and ``mere export``: from other trackers, and from one warehouse to another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from mere.cli.options import Options
from mere.cli.output import cell, console, new_table, notes, print_json, size
from mere.errors import ErrorCode, InvalidInput
from mere.interchange import faces
from mere.interchange.archive import MANIFEST
from mere.interchange.export import ExportReport
from mere.interchange.report import ImportReport

__all__ = ["any_folder", "app", "archive", "export", "mlflow", "tensorboard", "wandb"]

_CONFLICTS_SHOWN_MAX = 10
_MARKS: dict[Callable[..., ImportReport], tuple[str, ...]] = {
    faces.import_archive: (MANIFEST,),
    faces.import_mlflow: ("*/meta.yaml", "mlruns/*/meta.yaml"),
    faces.import_wandb: ("*.wandb", "*run-*/*.wandb", "wandb/*/*.wandb"),
    faces.import_tensorboard: ("**/*tfevents*",),
}
_Names = Annotated[tuple[str, ...], Parameter(name=["--experiment", "-e"], negative="")]

app = App(
    name="import",
    help="Import from MLflow, TensorBoard, W&B or an export of mere; again adds what is new.",
)


@app.default
def any_folder(
    folder: Path,
    /,
    *,
    artifacts: bool = True,
    options: Options | None = None,
) -> None:
    """Import from MLflow, TensorBoard, W&B or an export of mere; again adds what is new.

    Given only a folder, what it holds is found out. Importing once more adds what is new in the
    source and doubles nothing, also after a crash in the middle.

    Args:
        folder: An export, MLflow's mlruns, W&B's folder, or one with event files of TensorBoard.
        artifacts: Whether files are taken, too.
        options: Where to put it and how to print.
    """
    folder = folder.expanduser()
    for reader, patterns in _MARKS.items():
        if folder.is_dir() and any(next(folder.glob(pattern), None) for pattern in patterns):
            _run(reader, options, folder, artifacts=artifacts)
            return
    raise InvalidInput(
        ErrorCode.INVALID_VALUE,
        f"{str(folder)!r} is no folder that can be imported: say what it is, as in `mere import "
        "mlflow sqlite:///mlflow.db`",
        path=str(folder),
    )


@app.command
def mlflow(
    source: str,
    /,
    *,
    experiment: _Names = (),
    artifacts: bool = True,
    artifact_root: str | None = None,
    options: Options | None = None,
) -> None:
    """Import what MLflow has tracked: runs, full histories, files, datasets and models.

    Args:
        source: sqlite:///file.db, a folder such as ./mlruns, or http://host:port of a server.
        experiment: Only the experiment of this name; may be given several times.
        artifacts: Whether files are taken, too.
        artifact_root: Where files at mlflow-artifacts:/ are: a folder or s3://bucket/prefix.
        options: Where to put it and how to print.
    """
    _run(
        faces.import_mlflow,
        options,
        source,
        experiments=experiment,
        artifacts=artifacts,
        artifact_root=artifact_root,
    )


@app.command
def tensorboard(
    folder: Path,
    /,
    *,
    experiment: Annotated[str | None, Parameter(name=["--experiment", "-e"])] = None,
    artifacts: bool = True,
    options: Options | None = None,
) -> None:
    """Import TensorBoard's event files; each folder with some is a run.

    Args:
        folder: Where they are, at any depth.
        experiment: The experiment to put the runs into; by default, the folder's name.
        artifacts: Whether images, texts and audio are taken, too.
        options: Where to put it and how to print.
    """
    _run(faces.import_tensorboard, options, folder, experiment=experiment, artifacts=artifacts)


@app.command
def wandb(
    folder: Path,
    /,
    *,
    experiment: Annotated[str | None, Parameter(name=["--experiment", "-e"])] = None,
    artifacts: bool = True,
    options: Options | None = None,
) -> None:
    """Import W&B's offline runs: config, history, system metrics, output and files.

    Args:
        folder: A run's folder, or one with several, such as ./wandb.
        experiment: The experiment to put all runs into; by default, each run's project.
        artifacts: Whether files are taken, too.
        options: Where to put it and how to print.
    """
    _run(faces.import_wandb, options, folder, experiment=experiment, artifacts=artifacts)


@app.command(name="mere")
def archive(
    folder: Path,
    /,
    *,
    artifacts: bool = True,
    options: Options | None = None,
) -> None:
    """Take back a folder that `mere export` wrote.

    Args:
        folder: The folder.
        artifacts: Whether files of runs and models are taken, too.
        options: Where to put it and how to print.
    """
    _run(faces.import_archive, options, folder, artifacts=artifacts)


def export(
    folder: Path,
    /,
    *runs: str,
    filter: str | None = None,  # noqa: A002  the word of `mere runs`
    experiment: _Names = (),
    options: Options | None = None,
) -> None:
    """Write runs with all that belongs to them as a portable folder; all runs by default.

    An export that was cut short goes on where it was when it is started again.

    Args:
        folder: Where to: a new folder, or one of an export that was cut short.
        runs: Ids, beginnings of ids, or names of runs.
        filter: A condition such as "metrics.acc > 0.9 and params.model = 'cnn'".
        experiment: Only runs of the experiment of this name; may be given several times.
        options: Where the runs are and how to print.
    """
    options = options or Options()
    with _showing() as show:
        report = faces.export(
            folder,
            runs,
            filter=filter,
            experiments=experiment,
            warehouse=options.warehouse,
            on_progress=lambda so_far: show(_exported(so_far)),
        )
    if options.json:
        print_json(report)
        return
    console().print(f"{report.folder}: {_exported(report)}", markup=False, soft_wrap=True)
    _tell_left_out(report.left_out)


def _run(
    reader: Callable[..., ImportReport], options: Options | None, source: Any, **arguments: Any
) -> None:
    options = options or Options()
    with _showing() as show:
        report = reader(
            source,
            **arguments,
            warehouse=options.warehouse,
            on_progress=lambda so_far: show(_imported(so_far)),
        )
    if options.json:
        print_json(report)
        return
    _tell(report)


def _tell(report: ImportReport) -> None:
    table = new_table("", ">in the source", ">new here", ">changed")
    for name, found, new, changed in (
        ("experiments", report.experiments, report.experiments_new, None),
        ("runs", report.runs, report.runs_new, report.runs_changed),
        ("points", report.points, report.points_new, None),
        ("files", report.files, report.files_new, None),
        ("console lines", None, report.console_lines_new, None),
        ("datasets", report.datasets, None, None),
        ("models", report.models, None, None),
    ):
        if found or new:
            numbers = [None if one is None else f"{one:,}" for one in (found, new, changed)]
            table.add_row(cell(name), *(cell(number) for number in numbers))
    console().print(table)
    if report.bytes_new:
        console().print(f"{size(report.bytes_new)} of files, in {report.seconds:.1f} s")
    else:
        console().print(f"in {report.seconds:.1f} s")
    if report.conflicts_count:
        notes().print(
            f"{report.conflicts_count:,} things differ and stay as they are here:", style="yellow"
        )
        for one in report.conflicts[:_CONFLICTS_SHOWN_MAX]:
            text = f"  {one.run_id[:13]} {one.what}: here {one.here}, there {one.there}"
            notes().print(text, markup=False, soft_wrap=True)
        if report.conflicts_count > _CONFLICTS_SHOWN_MAX:
            notes().print("  …; --json lists more", style="dim")
    _tell_left_out(report.left_out)


def _tell_left_out(left_out: dict[str, int]) -> None:
    for kind, count in sorted(left_out.items()):
        notes().print(f"left out: {count:,} {kind}", style="dim", markup=False, soft_wrap=True)


def _imported(report: ImportReport) -> str:
    return (
        f"{report.runs:,} runs, {report.points:,} points, {report.files:,} files, "
        f"{size(report.bytes_new)}"
    )


def _exported(report: ExportReport) -> str:
    return (
        f"{report.runs:,} runs, {report.points:,} points, {report.datasets:,} datasets, "
        f"{report.files:,} files, {size(report.bytes)}"
    )


@contextmanager
def _showing() -> Iterator[Callable[[str], None]]:
    """Show how far it is on standard error, if that is a terminal."""
    out = notes()
    if not out.is_terminal:
        yield _say_nothing
        return
    with out.status("looking") as status:
        yield status.update


def _say_nothing(_text: str) -> None:
    return
