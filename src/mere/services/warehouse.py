"""A warehouse opened: its lake with the product's tables, and the services over it.

There is one per address and process, shared by everybody in it; a forked child begins with none,
as what its parent had open cannot be used by two.
"""

from __future__ import annotations

import os
import threading
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mere.clock import Clock, SystemClock
from mere.config import Settings, environment
from mere.errors import ErrorCode, NotFound
from mere.lake import Lake
from mere.lake.objects.open import open_store
from mere.services.access.access import Access
from mere.services.artifacts.artifacts import Artifacts
from mere.services.comparison.comparison import Comparison
from mere.services.datasets.datasets import Datasets
from mere.services.discussion.activity import Activity
from mere.services.discussion.comments import Comments
from mere.services.discussion.inbox import Inbox
from mere.services.discussion.people import People
from mere.services.discussion.run_reviews import RunReviews
from mere.services.discussion.subjects import Subjects
from mere.services.lineage.lineage import Lineage
from mere.services.lineage.maps import LineageMaps
from mere.services.portal.key_catalogue import KeyCatalogue
from mere.services.portal.live import Live
from mere.services.portal.series import Series
from mere.services.portal.suggestions import KnownRuns, Suggestions
from mere.services.portal.windows import Windows
from mere.services.provenance.code import Code
from mere.services.provenance.run_code import RunCode
from mere.services.registry.deployments import Deployments
from mere.services.registry.models import Models
from mere.services.runs.changes import RunChanges
from mere.services.runs.console import Console
from mere.services.runs.experiments import Experiments
from mere.services.runs.homes import RunHomes
from mere.services.runs.links import RunLinks
from mere.services.runs.logged_models import LoggedModels
from mere.services.runs.logging import Logging
from mere.services.runs.metrics import Metrics
from mere.services.runs.runs import Runs
from mere.services.sharing.links import Links
from mere.services.sharing.pins import Pins
from mere.services.sharing.reports import Reports
from mere.services.sharing.saved_views import SavedViews
from mere.services.sql.catalogue import SqlCatalogue
from mere.services.sql.open_tables import OpenTables
from mere.services.sql.queries import Queries
from mere.services.tables import TABLES
from mere.services.traces.assessments import Assessments
from mere.services.traces.changes import TraceChanges
from mere.services.traces.evaluation_datasets import EvaluationDatasets
from mere.services.traces.evaluation_windows import EvaluationWindows
from mere.services.traces.known import KnownTraces
from mere.services.traces.scorers import Scorers
from mere.services.traces.traces import Traces
from mere.services.traces.window import TraceWindows
from mere.services.upkeep.housekeeping import Housekeeping
from mere.services.upkeep.retention import Retention
from mere.services.webhooks.events import WebhookEvents
from mere.services.webhooks.webhooks import Webhooks

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Warehouse", "close_warehouses", "open_warehouse", "resolve_url"]


class Warehouse:
    """The services over one lake.

    Args:
        lake: The lake, with the product's tables.
        clock: Time and randomness.
        url: The address it was opened by.
    """

    def __init__(self, lake: Lake, clock: Clock, url: str) -> None:
        self.lake = lake
        self.url = url
        self.clock = clock
        self.experiments = Experiments(lake, clock)
        self.runs = Runs(lake, clock)
        self.metrics = Metrics(lake)
        self.series = Series(lake)
        self.run_homes = RunHomes(lake)
        self.live = Live(lake, self.run_homes)
        self.windows = Windows(lake, clock, self.runs)
        self.run_changes = RunChanges(lake, clock, self.runs)
        self.key_catalogue = KeyCatalogue(lake, clock)
        self.logging = Logging(lake, clock)
        self.console = Console(lake)
        self.datasets = Datasets(lake, clock)
        self.lineage = Lineage(lake, clock, self.runs, self.datasets)
        self.lineage_maps = LineageMaps(lake, self.lineage)
        self.artifacts = Artifacts(lake, clock)
        self.logged_models = LoggedModels(lake, clock, self.artifacts, self.logging.gate)
        self.run_links = RunLinks(lake, clock, self.logging.gate)
        events = WebhookEvents(lake, clock)
        self.webhooks = Webhooks(lake, clock, events)
        self.models = Models(lake, clock, self.artifacts, events)
        self.deployments = Deployments(lake, clock, events)
        self.code = Code(lake)
        self.run_code = RunCode(lake, self.code)
        self.comparison = Comparison(lake, self.windows, self.code, self.datasets)
        self.traces = Traces(lake, clock)
        self.assessments = Assessments(lake, clock, self.traces)
        self.scorers = Scorers(lake, clock)
        self.evaluation_datasets = EvaluationDatasets(lake, clock)
        self.evaluation_windows = EvaluationWindows(lake)
        self.suggestions = Suggestions(
            {
                "runs": KnownRuns(self.key_catalogue, self.windows),
                "traces": KnownTraces(lake),
            }
        )
        self.trace_windows = TraceWindows(lake, self.traces.search, self.assessments)
        self.trace_changes = TraceChanges(
            lake, self.traces, self.assessments, self.evaluation_datasets
        )
        self.access = Access(lake, clock)
        self.housekeeping = Housekeeping(lake, clock, self.access.sessions, self.run_changes)
        self.retention = Retention(lake, clock, self.datasets, self.traces, self.housekeeping)
        self.queries = Queries(lake, clock, self.access)
        self.sql_catalogue = SqlCatalogue(lake, self.access)
        self.open_tables = OpenTables(lake, self.access)
        self.saved_views = SavedViews(lake, clock, self.access)
        self.reports = Reports(lake, clock, self.access, self.run_homes)
        self.subjects = Subjects(lake, self.access, self.reports)
        self.people = People(self.access, self.subjects)
        self.comments = Comments(lake, clock, self.subjects, self.people, events)
        self.run_reviews = RunReviews(lake, clock, self.subjects, self.people, events)
        self.inbox = Inbox(lake, clock, self.subjects, self.windows)
        self.activity = Activity(lake, self.access, self.subjects)
        self.links = Links(lake, clock, self.access, self.reports)
        self.pins = Pins(
            lake,
            clock,
            self.access,
            windows=self.windows,
            series=self.series,
            queries=self.queries,
            artifacts=self.artifacts,
            run_homes=self.run_homes,
        )

    def sql(
        self,
        query: str,
        params: list[Any] | dict[str, Any] | None = None,
        as_of: datetime | str | int | None = None,
    ) -> pa.Table:
        """Run a query over all tables.

        Args:
            query: SQL as DuckDB speaks it.
            params: Values for ``?`` or ``$name``.
            as_of: The time, tag or root number whose state to read; by default, now.

        Raises:
            InvalidInput: The query is wrong.
            NotFound: There is no such tag or root.
        """
        return self.lake.sql(query, params=params, as_of=as_of)

    def tail_segments(self) -> int:
        """How many segments wait to be folded; takes one listing."""
        return len(self.lake.journal.look().names)

    def close(self) -> None:
        """Let go of everything; raises as writing does, if something could not be sent."""
        self.access.close()
        self.queries.close()
        self.lake.close()


class _Shared:
    """The warehouses open in this process."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin with none, as in a forked child."""
        self.lock = threading.Lock()
        self.opening: dict[str, threading.Lock] = {}
        self.open: dict[str, Warehouse] = {}


_shared = _Shared()


def resolve_url(url: str | None = None) -> str:
    """The address meant: the one given, else that of the settings; folders made absolute.

    In a repetition (see `mere.rerun`) a local folder in which there is no warehouse means the
    warehouse of the run that is repeated: the folder was that of another machine, or of the
    folder the code lay in.
    """
    settings = Settings.from_environment(environment())
    meant = _absolute(url or settings.warehouse)
    if url and settings.repeats and "://" not in meant and not Path(meant, "mere.json").exists():
        return _absolute(settings.warehouse)
    return meant


def _absolute(url: str) -> str:
    if "://" in url:
        return url[:-1] if url.endswith("/") and not url.endswith("//") else url
    return os.path.abspath(Path(url).expanduser())


def open_warehouse(url: str | None = None, *, must_exist: bool = False) -> Warehouse:
    """Return the warehouse at an address, opened now if this process has not yet.

    Args:
        url: The address; by default, the one of the settings.
        must_exist: Whether to refuse to make one where there is none.

    Raises:
        NotFound: There is none, and it must exist.
        InvalidInput: The address, or what the store can do, is not good for a warehouse.
        Unavailable: The store did not answer.
    """
    meant = resolve_url(url)
    with _shared.lock:
        found = _shared.open.get(meant)
        opening = _shared.opening.setdefault(meant, threading.Lock())
    if found is not None:
        return found
    # One slow store must not keep others from being opened.
    with opening:
        found = _shared.open.get(meant)
        if found is None:
            clock = SystemClock()
            if must_exist:
                _require(meant, clock)
            found = Warehouse(Lake.open(meant, tables=TABLES), clock, meant)
            _shared.open[meant] = found
        return found


def close_warehouses() -> None:
    """Close all that this process has open; whoever asks for one later opens it anew."""
    with _shared.lock:
        warehouses = list(_shared.open.values())
        _shared.open.clear()
    for warehouse in warehouses:
        warehouse.close()


def _require(url: str, clock: Clock) -> None:
    try:
        open_store(url, clock=clock).head("mere.json")
    except NotFound as error:
        raise NotFound(
            ErrorCode.OBJECT_NOT_FOUND,
            f"there is no warehouse at {url}: log a run there, or name another with --warehouse or "
            "MERE_WAREHOUSE",
            url=url,
        ) from error


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_shared.reset)
