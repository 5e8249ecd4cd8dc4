"""Searching traces: pages of them, facets, conversations, and what they add up to.

What a client declares goes before what the root span says (see `trace_plan`), tokens and cost are
added up here, and a trace whose root span has not come yet counts as begun when it was first
heard of.

Queries name no table that they do not need: the lake prepares, and perhaps fetches, each one whose
name is in the text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mere.errors import ErrorCode, InvalidInput
from mere.search.sql import Parameters, compile_filter
from mere.search.traces import TRACES
from mere.services.runs.search import Page, Subject, check_page_size, find_rows

if TYPE_CHECKING:
    import pyarrow as pa

    from mere.lake import Lake

__all__ = ["FACETS", "FOUND", "TraceSearch"]

_TOTALS = {
    "input_tokens": ("bigint", "counted"),
    "output_tokens": ("bigint", "counted"),
    "total_tokens": ("bigint", "counted"),
    "cost": ("double", "charged"),
}
_ADDED = ", ".join(
    f"coalesce({name}, list_sum(list_transform({which}, lambda u: u.{name})))::{kind} as {name}"
    for name, (kind, which) in _TOTALS.items()
)


def _counted(above: str, said: str) -> str:
    """SQL of the entries that count: those below no other that says such a thing."""
    return (
        f"list_filter(map_values(usage), lambda u: u.{above} is null "
        f"or (usage[u.{above}]).{said} is null)"
    )


_COUNTED = (
    f"{_counted('above', 'total_tokens')} as counted, {_counted('cost_above', 'cost')} as charged"
)
_MODELS = (
    "list_sort(list_distinct(list_filter(list_transform(coalesce(map_values(usage), []), "
    "lambda u: u.model), lambda m: m is not null)))"
)
_NAMED = {"map": "tags", "mlflow.traceName": "coalesce(declared['name'], name)"}
_TOLD = {
    "map": "metadata",
    "mlflow.trace.session": "session_id",
    "mlflow.trace.user": "user_id",
    "mlflow.sourceRun": "run_id",
}


def _entries(columns: Mapping[str, str]) -> str:
    """SQL of a map, with columns among its entries as MLflow's clients look for them."""
    added = ", ".join(f"('{k}', {v})" for k, v in columns.items() if k != "map")
    known = f"map_from_entries(list_filter([{added}], lambda e: e[2] is not null))"
    more = ["resource", columns["map"]] if columns["map"] == "tags" else [columns["map"]]
    empty = "map {}::map(varchar, varchar)"
    return f"map_concat({known}, {', '.join(f'coalesce({one}, {empty})' for one in more)})"


FOUND = (
    f"declaring as (select *, {_COUNTED} from traces "
    "where coalesce(lifecycle, 'active') = 'active'), "
    "found as (select trace_id, experiment_id, coalesce(declared['name'], name) as name, "
    "coalesce(declared['status'], status, 'IN_PROGRESS') as status, "
    "coalesce(started_at, created_at) as started_at, duration_ms, "
    "floor(duration_ms)::bigint as execution_time_ms, "
    "coalesce(declared['request_preview'], request_preview) as request_preview, "
    "coalesce(declared['response_preview'], response_preview) as response_preview, "
    "coalesce(declared['request_preview'], request_preview) as request, "
    "coalesce(declared['response_preview'], response_preview) as response, "
    "client_request_id, session_id, user_id, run_id, linked_to, metadata, "
    "case when resource is null then tags when tags is null then resource "
    "else map_concat(resource, tags) end as tags, resource, "
    f"{_entries(_NAMED)} as all_tags, {_entries(_TOLD)} as all_metadata, "
    f"{_MODELS} as models, {_ADDED}, is_recorded, "
    "coalesce(lifecycle, 'active') as lifecycle, created_at, updated_at "
    "from declaring)"
)
"""SQL of common table expressions: the traces as they are shown, called ``found``."""

_COLUMNS = (
    "trace_id",
    "experiment_id",
    "name",
    "status",
    "started_at",
    "duration_ms",
    "request_preview",
    "response_preview",
    "client_request_id",
    "session_id",
    "user_id",
    "run_id",
    "linked_to",
    "metadata",
    "tags",
    "resource",
    "models",
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "cost",
    "is_recorded",
    "lifecycle",
    "created_at",
    "updated_at",
)
FACETS = ("status", "name", "session_id", "user_id", "experiment_id")
"""What can be counted beside a list of traces."""

_FACET_VALUES_MAX = 50
_SESSIONS_MAX = 10_000
_FETCHED_MAX = 1_000


class TraceSearch:
    """Finds traces of one warehouse.

    Args:
        lake: Where they are stored.
        now_us: Says what time it is.
    """

    def __init__(self, lake: Lake, now_us: Any) -> None:
        self._lake = lake
        self._now_us = now_us

    def page(
        self,
        *,
        experiment_ids: Sequence[str] | None = None,
        filter: str | None = None,  # noqa: A002 - the word of the language, and of MLflow
        order: str | Sequence[str] | None = None,
        max_results: int | None = 100,
        page_token: str | None = None,
        columns: Sequence[str] | None = None,
    ) -> Page:
        """One page of traces, newest first unless an order says otherwise.

        Args:
            experiment_ids: Only traces of these experiments.
            filter: A condition in the filter language, such as ``span.type = 'LLM'``.
            order: What to sort by in that language.
            max_results: At most so many a page; None for all.
            page_token: The token that came with the page before.
            columns: The columns to return; all of them otherwise.

        Raises:
            InvalidInput: The filter, order or token is wrong.
        """
        # First the ids, then the rows of few: what they add up to is not reckoned for all.
        is_short = columns is None and max_results is not None and max_results <= _FETCHED_MAX
        page = find_rows(
            self._lake,
            self._subject(experiment_ids, filter),
            now_us=self._now_us(),
            filter=filter,
            order=order,
            columns=["trace_id"] if is_short else columns or _COLUMNS,
            limit=None if max_results is None else check_page_size(max_results),
            page_token=page_token,
            query=list(experiment_ids) if experiment_ids is not None else [None],
        )
        if not is_short:
            return page
        return Page(self.rows(page.rows["trace_id"].to_pylist()), page.next_page_token)

    def rows(self, trace_ids: Sequence[str]) -> pa.Table:
        """The rows of some traces, in the order in which they are given."""
        import pyarrow as pa
        import pyarrow.compute as pc

        where = "trace_id = $ids[1]" if len(trace_ids) == 1 else "trace_id = any($ids)"
        found = self._lake.sql(
            f"with {FOUND} select {', '.join(_COLUMNS)} from found where {where}",
            params={"ids": list(trace_ids)},
        )
        places = pc.index_in(pa.array(trace_ids, pa.string()), found["trace_id"])
        return found.take(places.drop_null())

    def ids(self, experiment_ids: Sequence[str] | None, filter: str | None) -> set[str]:  # noqa: A002
        """The ids of all traces that a filter finds; raises as `page` does."""
        found = self.page(
            experiment_ids=experiment_ids, filter=filter, max_results=None, columns=["trace_id"]
        )
        return set(found.rows["trace_id"].to_pylist())

    def sums(
        self,
        *,
        experiment_ids: Sequence[str] | None = None,
        filter: str | None = None,  # noqa: A002
        facets: Sequence[str] = (),
    ) -> dict[str, Any]:
        """What the traces that a filter finds add up to, and how many there are of each kind.

        Args:
            experiment_ids: As for `page`.
            filter: As for `page`.
            facets: Of which of `FACETS` to count the values, the most frequent ones first.

        Raises:
            InvalidInput: The filter is wrong, or a facet unknown.
        """
        unknown = sorted(set(facets) - set(FACETS))
        if unknown:
            raise InvalidInput(
                ErrorCode.UNKNOWN_COLUMN,
                f"facets {unknown} are not known: use {', '.join(FACETS)}",
                facets=unknown,
            )
        head, params = self.matching(experiment_ids, filter)
        total: dict[str, Any] = self._lake.sql(
            f"{head} select count(*) as traces, count(*) filter (status = 'ERROR') as errors, "
            "count(distinct session_id) as sessions, sum(input_tokens)::bigint as input_tokens, "
            "sum(output_tokens)::bigint as output_tokens, "
            "sum(total_tokens)::bigint as total_tokens, sum(cost) as cost, "
            "quantile_cont(duration_ms, [0.5, 0.9, 0.99]) as quantiles from matching",
            params=params,
        ).to_pylist()[0]
        quantiles = total.pop("quantiles") or [None] * 3
        total["duration_ms"] = dict(zip(("p50", "p90", "p99"), quantiles, strict=True))
        total["facets"] = {
            facet: self._lake.sql(
                f"{head} select {facet} as value, count(*) as traces from matching "
                f"group by all order by traces desc, value limit {_FACET_VALUES_MAX}",
                params=params,
            ).to_pylist()
            for facet in facets
        }
        return total

    def sessions(
        self,
        *,
        experiment_ids: Sequence[str] | None = None,
        filter: str | None = None,  # noqa: A002
        limit: int = 100,
    ) -> list[dict[str, Any]]:
        """Conversations, the latest first, with what their traces add up to.

        Raises:
            InvalidInput: The filter or the limit is wrong.
        """
        if not 1 <= limit <= _SESSIONS_MAX:
            raise InvalidInput(
                ErrorCode.LIMIT_EXCEEDED,
                f"{limit} sessions: ask for 1 to {_SESSIONS_MAX:,}",
                limit=_SESSIONS_MAX,
            )
        head, params = self.matching(experiment_ids, filter)
        rows: list[dict[str, Any]] = self._lake.sql(
            f"{head} select session_id, any_value(experiment_id) as experiment_id, "
            "count(*) as traces, count(*) filter (status = 'ERROR') as errors, "
            "min(started_at) as started_at, max(started_at) as last_at, "
            "sum(duration_ms) as duration_ms, any_value(user_id) as user_id, "
            "sum(input_tokens)::bigint as input_tokens, "
            "sum(output_tokens)::bigint as output_tokens, "
            "sum(total_tokens)::bigint as total_tokens, sum(cost) as cost, "
            "arg_min(request, started_at) as request from matching "
            f"where session_id is not null group by session_id "
            f"order by last_at desc, session_id limit {int(limit)}",
            params=params,
        ).to_pylist()
        return rows

    def _subject(self, experiment_ids: Sequence[str] | None, wanted: str | None) -> Subject:
        subject = Subject(TRACES, FOUND, _COLUMNS, is_wide=True)
        if experiment_ids is not None:
            subject.only("experiment_id = any($within)", within=list(experiment_ids))
        if _needs_spans(wanted):
            subject.params["experiments"] = None if experiment_ids is None else list(experiment_ids)
        return subject

    def parameters(self) -> Parameters:
        """Where to collect the values of a query of one's own."""
        return Parameters(self._now_us())

    def matching(
        self,
        experiment_ids: Sequence[str] | None,
        wanted: str | None,
        parameters: Parameters | None = None,
    ) -> tuple[str, dict[str, Any]]:
        """SQL of the traces that a filter finds, called ``matching``, and the values for it.

        Args:
            experiment_ids: As for `page`.
            wanted: The filter.
            parameters: Those of the rest of the query.

        Raises:
            InvalidInput: The filter is wrong.
        """
        subject = self._subject(experiment_ids, wanted)
        parameters = parameters or self.parameters()
        condition, _ = compile_filter(TRACES, wanted or "", parameters)
        conditions = " and ".join([*subject.conditions, condition or "true"])
        head = f"with {FOUND}, matching as (select * from found where {conditions})"
        return head, {**subject.params, **parameters.values}


def _needs_spans(wanted: str | None) -> bool:
    if not wanted:
        return False
    condition, _ = compile_filter(TRACES, wanted, Parameters(0))
    return condition is not None and "$experiments" in condition
