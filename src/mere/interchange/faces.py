"""What `mere.import_mlflow` and its like do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mere.clock import SystemClock
from mere.interchange.importer import import_source, silent
from mere.interchange.mlflow import open_mlflow
from mere.interchange.report import ImportReport, OnProgress
from mere.services.warehouse import open_warehouse

if TYPE_CHECKING:
    from mere.interchange.export import ExportReport

__all__ = ["export", "import_archive", "import_mlflow", "import_tensorboard", "import_wandb"]


def import_mlflow(
    source: str | Path,
    *,
    experiments: Sequence[str] = (),
    artifacts: bool = True,
    artifact_root: str | None = None,
    warehouse: str | None = None,
    on_progress: OnProgress = silent,
) -> ImportReport:
    """Import what MLflow has tracked: runs, full histories, files, datasets and models.

    Importing again adds what is new since; nothing is doubled.

    Example:
        >>> mere.import_mlflow("sqlite:///mlflow.db")

    Args:
        source: ``sqlite:///file.db``, a folder such as ``./mlruns``, or ``http://host:port``.
        experiments: Only those of these names; by default all.
        artifacts: Whether files are taken, too.
        artifact_root: What ``mlflow-artifacts:/`` stands for: a folder or ``s3://…``.
        warehouse: Where to; by default, what ``MERE_WAREHOUSE`` says.
        on_progress: Called now and then with what has been done so far.

    Raises:
        NotFound: There is nothing at that address.
        InvalidInput: What is there is not MLflow's, or of a kind that cannot be read.
        Unavailable: The store or the source did not answer: import again.
    """
    reader = open_mlflow(
        str(source), SystemClock(), experiments=experiments, artifact_root=artifact_root
    )
    return import_source(
        reader,
        open_warehouse(warehouse),
        experiments=experiments,
        artifacts=artifacts,
        on_progress=on_progress,
    )


def import_tensorboard(
    folder: str | Path,
    *,
    experiment: str | None = None,
    artifacts: bool = True,
    warehouse: str | None = None,
    on_progress: OnProgress = silent,
) -> ImportReport:
    """Import TensorBoard's event files: each folder with some is a run.

    Importing again adds what the files have more since; nothing is doubled.

    Args:
        folder: Where they are, at any depth.
        experiment: The experiment to put the runs into; by default, the folder's name.
        artifacts: Whether images, texts and audio are taken, too.
        warehouse: Where to; by default, what ``MERE_WAREHOUSE`` says.
        on_progress: Called now and then with what has been done so far.

    Raises:
        NotFound: There is no such folder.
        InvalidInput: There is no event file in it.
        Unavailable: The store did not answer: import again.
    """
    from mere.interchange.tensorboard import TensorBoardFolder

    reader = TensorBoardFolder(Path(folder).expanduser(), experiment)
    return import_source(
        reader, open_warehouse(warehouse), artifacts=artifacts, on_progress=on_progress
    )


def import_wandb(
    folder: str | Path,
    *,
    experiment: str | None = None,
    artifacts: bool = True,
    warehouse: str | None = None,
    on_progress: OnProgress = silent,
) -> ImportReport:
    """Import W&B's offline runs: config, history, system metrics, output and files.

    Importing again adds what the runs have more since; nothing is doubled.

    Args:
        folder: A run's folder (``offline-run-…``), or one with several, such as ``./wandb``.
        experiment: The experiment to put all runs into; by default, each run's project.
        artifacts: Whether files are taken, too.
        warehouse: Where to; by default, what ``MERE_WAREHOUSE`` says.
        on_progress: Called now and then with what has been done so far.

    Raises:
        NotFound: There is no such folder.
        InvalidInput: There is no run of W&B in it.
        Unavailable: The store did not answer: import again.
    """
    from mere.interchange.wandb import WandbFolder

    reader = WandbFolder(Path(folder).expanduser(), experiment)
    return import_source(
        reader, open_warehouse(warehouse), artifacts=artifacts, on_progress=on_progress
    )


def import_archive(
    folder: str | Path,
    *,
    artifacts: bool = True,
    warehouse: str | None = None,
    on_progress: OnProgress = silent,
) -> ImportReport:
    """Take back a folder that `export` wrote, into any warehouse, as often as one likes.

    Args:
        folder: The folder.
        artifacts: Whether files of runs and models are taken, too.
        warehouse: Where to; by default, what ``MERE_WAREHOUSE`` says.
        on_progress: Called now and then with what has been done so far.

    Raises:
        NotFound: It is no export, or one that has not ended.
        InvalidInput: It is of a newer format.
        CorruptData: A file is missing or not what was exported.
        Unavailable: The store did not answer: import again.
    """
    from mere.interchange import restore

    return restore.import_archive(
        Path(folder).expanduser(),
        open_warehouse(warehouse),
        artifacts=artifacts,
        on_progress=on_progress,
    )


def export(
    folder: str | Path,
    runs: Sequence[str] = (),
    *,
    filter: str | None = None,  # noqa: A002  the word of `mere.runs`
    experiments: Sequence[str] = (),
    warehouse: str | None = None,
    on_progress: Callable[[ExportReport], None] | None = None,
) -> ExportReport:
    """Write runs with all that belongs to them as a portable folder.

    With no selection everything is written. Doing it again after it was cut short goes on.

    Example:
        >>> mere.export("best", filter="metrics.acc > 0.9")

    Args:
        folder: Where to; a new folder, or one of an export that was cut short.
        runs: Ids, beginnings of ids, or names.
        filter: A condition as for `mere.runs`.
        experiments: Names of experiments.
        warehouse: Where they are; by default, what ``MERE_WAREHOUSE`` says.
        on_progress: Called now and then with what has been written so far.

    Raises:
        NotFound: Nothing is meant, or there is no such warehouse.
        AlreadyExists: The folder holds a finished export.
        InvalidInput: The folder holds other files, or cannot be written.
    """
    import mere
    from mere.interchange.export import export_runs
    from mere.interchange.selection import select_runs

    opened = open_warehouse(warehouse, must_exist=True)
    chosen = select_runs(opened, runs, filter=filter, experiments=experiments)
    return export_runs(
        opened,
        Path(folder).expanduser(),
        chosen,
        made_by=mere.__version__,
        on_progress=on_progress or (lambda _report: None),
    )
