"""What there is of traces, for whoever writes a filter: keys and values, and how many have them.

Spans may be many, and what they hold is in JSON: they are looked at no further than `_SPANS_MAX`,
and no counts are told of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mere.search.sql import Parameters
from mere.search.traces import TRACES
from mere.services.traces.search import FOUND

if TYPE_CHECKING:
    from mere.lake import Lake
    from mere.search.binding import Field
    from mere.search.schema import Related

__all__ = ["KnownTraces"]

_SPANS_MAX = 20_000
_VALUE_CHARS_MAX = 200
_KEYS_MAX = 5_000
_OF_SPANS = "from spans where"
_SOME_SPANS = (
    "from (from spans where ($experiments is null or experiment_id = any($experiments)) "
    f"limit {_SPANS_MAX}) where"
)
_WITHIN = "($experiments is null or experiment_id = any($experiments))"
_MINE = f"trace_id in (select trace_id from traces where {_WITHIN})"


class KnownTraces:
    """What there is of the traces of one warehouse.

    Args:
        lake: Where they are stored.
    """

    entity = TRACES

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def keys(self, column: str, experiments: Sequence[str] | None) -> Mapping[str, int | None]:
        """The keys of tags, metadata or the resource, with how many traces have each."""
        return self._counted(
            f"with {FOUND} select unnest(map_keys({column})) as value, trace_id from found "
            f"where {column} is not null and {_WITHIN}",
            experiments,
            limit=_KEYS_MAX,
        )

    def related_keys(
        self, related: Related, experiments: Sequence[str] | None
    ) -> Mapping[str, int | None]:
        """Attributes of spans, and the names of what is said of traces."""
        if _OF_SPANS in related.sql:
            query = (
                f"select unnest(json_keys(attributes)) as value, trace_id {_SOME_SPANS} "
                f"attributes is not null"
            )
            return dict.fromkeys(self._counted(query, experiments, limit=_KEYS_MAX))
        return self._counted(
            f"{_showing(related, 'name')} and {_MINE}", experiments, limit=_KEYS_MAX
        )

    def values(
        self, field: Field, experiments: Sequence[str] | None, begin: str, limit: int
    ) -> list[tuple[Any, int | None]]:
        """The values of a field that hold a text, those that most traces have first."""
        parameters = Parameters(0)
        value = parameters.read(field)
        if field.related is None:
            query = f"with {FOUND} select {value} as value, trace_id from found where {_WITHIN}"
        else:
            condition = "true"
            if field.condition:
                condition = field.condition.replace("{}", parameters.key(field.key or ""))
            query = f"{_showing(field.related, value)} and {condition} and {_MINE}"
        found = self._counted(query, experiments, begin, limit, parameters.values)
        is_known = field.related is None or _OF_SPANS not in field.related.sql
        return [(one, count if is_known else None) for one, count in found.items()]

    def _counted(
        self,
        query: str,
        experiments: Sequence[str] | None,
        begin: str = "",
        limit: int = _KEYS_MAX,
        params: Mapping[str, Any] | None = None,
    ) -> dict[str, int | None]:
        """How many traces have each of the values that a query shows."""
        rows = self._lake.sql(
            f"select value::varchar as value, count(distinct trace_id) as traces from ({query}) "
            f"where value is not null and length(value::varchar) <= {_VALUE_CHARS_MAX} "
            "and contains(lower(value::varchar), $begin) "
            f"group by 1 order by 2 desc, 1 limit {int(limit)}",
            params={
                "experiments": None if experiments is None else list(experiments),
                "begin": begin.lower(),
                **(params or {}),
            },
        )
        return dict(zip(rows["value"].to_pylist(), rows["traces"].to_pylist(), strict=True))


def _showing(related: Related, value: str) -> str:
    """The query for the traces that something belongs to, with a value of it."""
    query = related.sql.replace(_OF_SPANS, _SOME_SPANS)
    return query.replace("select trace_id from", f"select {value} as value, trace_id from", 1)
