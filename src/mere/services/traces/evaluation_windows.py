"""Evaluation datasets as people look through them: lists and records, a window at a time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from mere.errors import ErrorCode, InvalidInput
from mere.services.traces.evaluation_datasets import EvaluationDataset
from mere.services.traces.span_values import decode

if TYPE_CHECKING:
    from mere.lake import Lake

__all__ = [
    "EvaluationDatasetPage",
    "EvaluationRecordPage",
    "EvaluationRecordRow",
    "EvaluationWindows",
]

PAGE_MAX = 1_000
_WORDS_MAX = 10
_SHOWN_CHARS = 500
_SOURCE_CHARS_MAX = 10_000
_ORDERS = {
    "name": "lower(name)",
    "records": "records",
    "made": "made_at",
    "changed": "changed_at",
}
_RECORD_ORDERS = {"made": "made_at", "changed": "changed_at"}
_PAGE = (
    "with counted as (select dataset_id, count(*) as records from evaluation_records group by 1), "
    "matching as (select d.dataset_id, d.name, d.digest, d.tags, map_keys(d.experiments) as homes, "
    "coalesce(c.records, 0) as records, d.created_by, d.changed_by, d.made_at, d.changed_at "
    "from evaluation_datasets d left join counted c on c.dataset_id = d.dataset_id "
    "where d.lifecycle = 'active' and {matches}) "
    "select *, (select count(*) from matching) as total from matching "
    "order by {order} {way} nulls last, dataset_id desc limit $limit offset $offset"
)
_TAGS_TOLD = (
    "coalesce(array_to_string(list_transform(map_entries({tags}), "
    "lambda e: e.key || '=' || coalesce(e.value, '')), ' '), '')"
)
_EXPECTED = (
    "array_to_string(list_transform(map_entries(expectations), "
    "lambda e: e.key || ': ' || coalesce(e.value, 'null')), ', ')"
)
_DATASET_HOLDS = f"contains(lower(d.name || ' ' || {_TAGS_TOLD.format(tags='d.tags')}), {{word}})"
# Ids are found whole only: a number that somebody looks for is in many of them by chance.
_RECORD_HOLDS = (
    f"(contains(lower(concat_ws(' ', inputs, outputs, {_EXPECTED}, "
    f"{_TAGS_TOLD.format(tags='tags')})), {{word}}) "
    "or record_id = {word} or contains(lower(source), '\"' || {word} || '\"'))"
)
# What is long is cut before it is sorted and read: a window is small whatever records hold.
_RECORDS = (
    "with matching as (select record_id, made_at, changed_at from evaluation_records "
    "where dataset_id = $dataset_id and {matches}), "
    "page as (select *, (select count(*) from matching) as total from matching "
    "order by {order} {way} nulls last, record_id {way} limit $limit offset $offset) "
    "select p.record_id, p.total, p.made_at, p.changed_at, r.created_by, r.changed_by, "
    f"left(r.inputs, {_SHOWN_CHARS}) as inputs, left(r.outputs, {_SHOWN_CHARS}) as outputs, "
    f"left({_EXPECTED}, {_SHOWN_CHARS}) as expectations, "
    f"left({_TAGS_TOLD.format(tags='r.tags')}, {_SHOWN_CHARS}) as tags, "
    f"case when length(r.source) <= {_SOURCE_CHARS_MAX} then r.source end as source "
    "from page p join evaluation_records r "
    "on r.dataset_id = $dataset_id and r.record_id = p.record_id "
    "order by p.{order} {way} nulls last, p.record_id {way}"
)


class EvaluationDatasetPage(msgspec.Struct):
    """Some evaluation datasets, and how many there are."""

    datasets: list[EvaluationDataset]
    total: int


class EvaluationRecordRow(msgspec.Struct):
    """A record in a list: the beginnings of what it holds, as text.

    Args:
        record_id: The record.
        inputs: What is asked, as JSON.
        outputs: What was answered, as JSON.
        expectations: What should be, by name.
        tags: Its tags, each as ``key=value``, with values as JSON.
        source_type: What it came from, such as ``TRACE`` or ``HUMAN``.
        trace_id: The trace it came from.
        created_by: Who made it.
        changed_by: Who changed it last.
        made_at: When it was made.
        changed_at: When it was changed last.
    """

    record_id: str
    inputs: str | None
    outputs: str | None
    expectations: str | None
    tags: str | None
    source_type: str | None
    trace_id: str | None
    created_by: str | None
    changed_by: str | None
    made_at: datetime | None
    changed_at: datetime | None


class EvaluationRecordPage(msgspec.Struct):
    """Some records of an evaluation dataset, and how many there are."""

    records: list[EvaluationRecordRow]
    total: int


class EvaluationWindows:
    """The evaluation datasets of one warehouse, as they are looked through.

    Args:
        lake: Where they are stored.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def datasets(
        self,
        text: str = "",
        *,
        experiment_ids: Collection[str] = (),
        order: str = "made",
        is_descending: bool = True,
        offset: int = 0,
        limit: int = 100,
        readable: Collection[str] | None,
    ) -> EvaluationDatasetPage:
        """Datasets whose names and tags hold some words.

        Args:
            text: The words, in any case; ``key=value`` is a tag.
            experiment_ids: Only those that belong to one of these experiments.
            order: ``name``, ``records``, ``made`` or ``changed``.
            is_descending: Whether the largest come first.
            offset: How many to leave out.
            limit: At most so many.
            readable: The experiments that may be read, None for all. A dataset is told of where
                all of its experiments are among them; those of none belong to the warehouse.

        Raises:
            InvalidInput: There is no such order, or too much is asked for.
        """
        matches, params = _holding(text, _DATASET_HOLDS)
        if experiment_ids:
            matches.append("list_has_any(map_keys(d.experiments), $within::varchar[])")
            params["within"] = sorted(experiment_ids)
        if readable is not None:
            matches.append(
                "cardinality(d.experiments) > 0 "
                "and list_has_all($readable::varchar[], map_keys(d.experiments))"
            )
            params["readable"] = sorted(readable)
        query = _PAGE.format(
            matches=" and ".join(matches),
            order=_order(_ORDERS, order),
            way="desc" if is_descending else "asc",
        )
        rows, total = self._window(query, params, offset, limit)
        return EvaluationDatasetPage([_dataset(row) for row in rows], total)

    def records(
        self,
        dataset_id: str,
        text: str = "",
        *,
        order: str = "made",
        is_descending: bool = False,
        offset: int = 0,
        limit: int = 100,
    ) -> EvaluationRecordPage:
        """Records that hold some words, or come from what has such an id.

        Args:
            dataset_id: The dataset; of one that is not there, there are none.
            text: The words, in any case.
            order: ``made`` or ``changed``.
            is_descending: Whether the newest come first.
            offset: How many to leave out.
            limit: At most so many.

        Raises:
            InvalidInput: There is no such order, or too much is asked for.
        """
        matches, params = _holding(text, _RECORD_HOLDS)
        query = _RECORDS.format(
            matches=" and ".join(matches),
            order=_order(_RECORD_ORDERS, order),
            way="desc" if is_descending else "asc",
        )
        rows, total = self._window(query, {"dataset_id": dataset_id, **params}, offset, limit)
        return EvaluationRecordPage([_record(row) for row in rows], total)

    def _window(
        self, query: str, params: Mapping[str, Any], offset: int, limit: int
    ) -> tuple[list[dict[str, Any]], int]:
        """Rows of a query that tells the total with each row; behind the end there is none."""
        if not (1 <= limit <= PAGE_MAX and offset >= 0):
            raise InvalidInput(
                ErrorCode.LIMIT_EXCEEDED,
                f"{limit} behind {offset}: ask for 1 to {PAGE_MAX:,}",
                limit=PAGE_MAX,
            )
        page = {**params, "limit": limit, "offset": offset}
        rows = self._lake.sql(query, params=page).to_pylist(maps_as_pydicts="lossy")
        if not rows and offset:
            return [], self._window(query, params, 0, 1)[1]
        return rows, rows[0]["total"] if rows else 0


def _holding(text: str, holds: str) -> tuple[list[str], dict[str, Any]]:
    """The conditions that all words of a text are held, and their parameters."""
    words = text.lower().split()
    if len(words) > _WORDS_MAX:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"{len(words)} words: look for at most {_WORDS_MAX}"
        )
    matches = [holds.format(word=f"$w{number}") for number in range(len(words))]
    return matches or ["true"], {f"w{number}": word for number, word in enumerate(words)}


def _order(known: Mapping[str, str], name: str) -> str:
    if name not in known:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"order {name[:60]!r}: order by one of {', '.join(known)}"
        )
    return known[name]


def _dataset(row: Mapping[str, Any]) -> EvaluationDataset:
    return EvaluationDataset(
        dataset_id=row["dataset_id"],
        name=row["name"] or "",
        digest=row["digest"] or "",
        tags=row["tags"] or {},
        experiment_ids=sorted(row["homes"] or ()),
        records=row["records"],
        created_by=row["created_by"],
        changed_by=row["changed_by"],
        made_at=row["made_at"],
        changed_at=row["changed_at"],
    )


def _record(row: Mapping[str, Any]) -> EvaluationRecordRow:
    source = decode(row["source"])
    source = source if isinstance(source, dict) else {}
    data = source.get("source_data")
    return EvaluationRecordRow(
        **{name: value for name, value in row.items() if name not in ("source", "total")},
        source_type=_text(source.get("source_type")),
        trace_id=_text(data.get("trace_id")) if isinstance(data, dict) else None,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
