"""One import from beginning to end: experiments, runs, files, models, and what was left out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from mere.errors import ErrorCode, NotFound
from mere.interchange.files import FileTaker
from mere.interchange.report import ImportReport, OnProgress
from mere.interchange.writer import RunWriter
from mere.services.imports import Imports
from mere.services.registry.models import ModelRows

if TYPE_CHECKING:
    from mere.interchange.foreign import ForeignExperiment, Source
    from mere.services.warehouse import Warehouse

__all__ = ["import_source", "silent"]


def silent(report: ImportReport) -> None:
    """Show no progress."""


def import_source(
    source: Source,
    warehouse: Warehouse,
    *,
    experiments: Sequence[str] = (),
    artifacts: bool = True,
    on_progress: OnProgress = silent,
) -> ImportReport:
    """Import all that a reader gives, and close the reader.

    Args:
        source: The reader.
        warehouse: Where to.
        experiments: The names of those that the reader was asked for, if not for all.
        artifacts: Whether files are taken, too.
        on_progress: Told now and then how far it is.

    Raises:
        InvalidInput: The source is not what it was taken for.
        NotFound: An experiment asked for is not there.
        Unavailable: The store or the source did not answer: import again, nothing is doubled.
    """
    try:
        return _Import(
            source, warehouse, on_progress, with_files=artifacts, names=frozenset(experiments)
        ).run()
    finally:
        source.close()


class _Import:
    def __init__(
        self,
        source: Source,
        warehouse: Warehouse,
        on_progress: OnProgress,
        *,
        with_files: bool,
        names: frozenset[str],
    ) -> None:
        self._names = names
        self._source = source
        self._warehouse = warehouse
        self._report = ImportReport(source.label)
        self._on_progress = on_progress
        self._with_files = with_files
        self._imports = Imports(warehouse.lake, warehouse.clock)

    def run(self) -> ImportReport:
        clock, report = self._warehouse.clock, self._report
        began = clock.monotonic()
        writer = RunWriter(self._imports, self._source, report, self._on_progress)
        files = FileTaker(self._warehouse.artifacts, report, self._on_progress)
        ids: dict[str, str] = {}
        for experiment in self._wanted():
            experiment_id, is_new = self._imports.experiment(
                experiment.name, experiment.wanted_id, experiment.tags, experiment.lifecycle
            )
            ids[experiment.key] = experiment_id
            report.experiments += 1
            report.experiments_new += is_new
            for run in writer.write(experiment, experiment_id):
                if self._with_files:
                    files.take(run.run_id, "runs", partial(self._source.files, run))
        self._take_models(ids, files)
        writer.finish()
        for kind, count in self._source.left_out().items():
            report.leave_out(kind, count)
        report.seconds = clock.monotonic() - began
        self._on_progress(report)
        return report

    def _wanted(self) -> list[ForeignExperiment]:
        """The experiments of the source; all that were asked for are among them."""
        found = list(self._source.experiments())
        lacking = sorted(self._names - {experiment.name for experiment in found})
        if lacking:
            raise NotFound(
                ErrorCode.EXPERIMENT_NOT_FOUND,
                f"{self._source.label} has no experiment {lacking[0]!r}: nothing was imported",
                name=lacking[0],
            )
        return found

    def _take_models(self, experiments: dict[str, str], files: FileTaker) -> None:
        models = self._source.models(experiments)
        self._report.models += ModelRows(self._warehouse.lake).take(
            logged=models.logged,
            registered=models.registered,
            versions=models.versions,
            aliases=models.aliases,
        )
        if self._with_files:
            for model_id, location in models.locations.items():
                files.take(model_id, "logged models", partial(self._source.model_files, location))
