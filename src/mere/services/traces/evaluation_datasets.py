"""Evaluation datasets: questions with expected answers, merged as clients send them.

A record's id follows from its inputs, so the same question is one record whoever sends it, however
often: outputs and source are replaced, expectations and tags merge by name.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from mere.entities.actor import Scope
from mere.entities.experiment import Lifecycle
from mere.entities.limits import check_name, check_tag
from mere.errors import ErrorCode, InvalidInput, NotFound
from mere.search.evaluation import EVALUATION_DATASETS
from mere.services.runs.search import Subject, check_page_size, find_rows
from mere.services.traces.span_values import decode, encode

if TYPE_CHECKING:
    from mere.clock import Clock
    from mere.lake import Lake

__all__ = ["RECORDS_MAX", "EvaluationDataset", "EvaluationDatasets", "EvaluationRecord"]

RECORDS_MAX = 100_000
_SHOWN_CHARS_MAX = 4 << 20
_USER_TAG = "mlflow.user"
_COLUMNS = (
    "dataset_id",
    "name",
    "digest",
    "tags",
    "schema",
    "experiments",
    "created_by",
    "changed_by",
    "made_at",
    "changed_at",
)
_FOUND = "found as (select * from evaluation_datasets where lifecycle = 'active')"


class EvaluationDataset(msgspec.Struct, frozen=True, kw_only=True):
    """An evaluation dataset without its records.

    Args:
        dataset_id: ``d-`` and 32 hexadecimal digits.
        name: What it is called.
        digest: Changes with the records.
        tags: Anything worth remembering.
        schema: The kinds of the fields of its records.
        experiment_ids: The experiments it belongs to.
        records: How many records it has; None where that was not counted.
        created_by: Who made it.
        changed_by: Who changed it last.
        made_at: When it was made.
        changed_at: When it was changed last.
    """

    dataset_id: str
    name: str
    digest: str = ""
    tags: dict[str, str] = {}
    schema: dict[str, Any] = {}
    experiment_ids: list[str] = []
    records: int | None = None
    created_by: str | None = None
    changed_by: str | None = None
    made_at: datetime | None = None
    changed_at: datetime | None = None

    @property
    def scope(self) -> Scope:
        """What is asked of whoever reads or changes it: all its experiments; without, the lot."""
        homes = map(Scope.experiment, self.experiment_ids)
        return Scope.all_of(*homes) if self.experiment_ids else Scope.warehouse()


class EvaluationRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record of an evaluation dataset.

    Args:
        record_id: Follows from the inputs.
        inputs: What is asked.
        outputs: What was answered.
        expectations: What should be, by name.
        tags: Anything worth remembering.
        source: Where it came from.
        created_by: Who made it.
        changed_by: Who changed it last.
        made_at: When it was made.
        changed_at: When it was changed last.
    """

    record_id: str
    inputs: Any
    outputs: Any = None
    expectations: dict[str, Any] = {}
    tags: dict[str, Any] = {}
    source: dict[str, Any] | None = None
    created_by: str | None = None
    changed_by: str | None = None
    made_at: datetime | None = None
    changed_at: datetime | None = None


class EvaluationDatasets:
    """The evaluation datasets of one warehouse.

    Args:
        lake: Where they are stored.
        clock: For ids and times.
    """

    def __init__(self, lake: Lake, clock: Clock) -> None:
        self._lake = lake
        self._clock = clock

    def create(
        self,
        name: str,
        *,
        experiment_ids: Sequence[str] = (),
        tags: Mapping[str, Any] | None = None,
        created_by: str | None = None,
    ) -> EvaluationDataset:
        """Make a dataset without records.

        Raises:
            InvalidInput: The name or a tag cannot be one.
        """
        check_name(name, "evaluation dataset")
        now = self._clock.now_us()
        dataset_id = f"d-{self._clock.random_bits(128):032x}"
        maker = (tags or {}).get(_USER_TAG) or created_by
        row = {
            "dataset_id": dataset_id,
            "name": name,
            "digest": _digest(name, now),
            "tags": dict(check_tag(key, value) for key, value in (tags or {}).items()),
            "experiments": dict.fromkeys(experiment_ids, True),
            "created_by": maker,
            "changed_by": maker,
            "lifecycle": Lifecycle.ACTIVE,
            "made_at": now,
            "changed_at": now,
        }
        self._lake.patch("evaluation_datasets", [row])
        return self.get(dataset_id)

    def get(self, dataset_id: str) -> EvaluationDataset:
        """Return a dataset with the number of its records.

        Raises:
            NotFound: There is none.
        """
        row = self._lake.get("evaluation_datasets", dataset_id)
        if row is None or row["lifecycle"] != Lifecycle.ACTIVE:
            raise NotFound(
                ErrorCode.DATASET_NOT_FOUND,
                f"there is no evaluation dataset {dataset_id[:100]!r}: search for those there are",
                dataset=dataset_id,
            )
        return msgspec.structs.replace(_dataset(row), records=self._count(dataset_id))

    def search(
        self,
        *,
        experiment_ids: Sequence[str] | None = None,
        filter: str | None = None,  # noqa: A002 - the word of the language, and of MLflow
        order: str | Sequence[str] | None = None,
        max_results: int = 1_000,
        page_token: str | None = None,
    ) -> tuple[list[EvaluationDataset], str | None]:
        """One page of datasets, newest first, and the token for the next.

        Raises:
            InvalidInput: The filter, order or token is wrong.
        """
        subject = Subject(EVALUATION_DATASETS, _FOUND, _COLUMNS, is_wide=True)
        if experiment_ids:
            subject.only(
                "list_has_any(map_keys(experiments), $within)", within=list(experiment_ids)
            )
        page = find_rows(
            self._lake,
            subject,
            now_us=self._clock.now_us(),
            filter=filter,
            order=order,
            columns=_COLUMNS,
            limit=check_page_size(max_results),
            page_token=page_token,
            query=list(experiment_ids or ()),
        )
        found = page.rows.to_pylist(maps_as_pydicts="lossy")
        return [_dataset(row) for row in found], page.next_page_token

    def delete(self, dataset_id: str) -> None:
        """Delete a dataset with its records; one that is not there is no error."""
        row = self._lake.get("evaluation_datasets", dataset_id)
        if row is None:
            return
        ids = [one["record_id"] for one in self._rows(dataset_id)]
        with self._lake.batch() as batch:
            change = {"dataset_id": dataset_id, "lifecycle": Lifecycle.DELETED}
            batch.patch("evaluation_datasets", [change])
            batch.delete("evaluation_records", [(dataset_id, record_id) for record_id in ids])

    def set_tags(self, dataset_id: str, tags: Mapping[str, Any]) -> EvaluationDataset:
        """Set tags; None removes one. Raises as `get` does, and as `create` does of a tag."""
        self.get(dataset_id)
        checked = dict(check_tag(key, value) for key, value in tags.items())
        self._change(dataset_id, tags=checked)
        return self.get(dataset_id)

    def set_experiments(self, dataset_id: str, changes: Mapping[str, bool]) -> EvaluationDataset:
        """Add a dataset to experiments (True) or take it out of them; raises as `get` does."""
        self.get(dataset_id)
        self._change(
            dataset_id, experiments={one: True if is_in else None for one, is_in in changes.items()}
        )
        return self.get(dataset_id)

    def upsert_records(
        self, dataset_id: str, records: Sequence[Mapping[str, Any]], *, by: str | None = None
    ) -> tuple[int, int]:
        """Add records, or merge them with those of the same inputs.

        Args:
            dataset_id: The dataset.
            records: Each with ``inputs``, and perhaps ``outputs``, ``expectations``, ``tags`` and
                ``source``.
            by: Who sends them.

        Returns:
            How many came to be, and how many were there.

        Raises:
            NotFound: There is no such dataset.
            InvalidInput: There are too many, or one is no record.
        """
        dataset = self.get(dataset_id)
        if len(records) > RECORDS_MAX:
            raise InvalidInput(
                ErrorCode.LIMIT_EXCEEDED,
                f"{len(records):,} records: send at most {RECORDS_MAX:,} at once",
                limit=RECORDS_MAX,
            )
        known = {row["record_id"] for row in self._rows(dataset_id)}
        inserted = updated = 0
        patches = []
        now = self._clock.now_us()
        for place, record in enumerate(records):
            record_id = _record_id(record)
            is_new = record_id not in known
            known.add(record_id)
            inserted, updated = inserted + is_new, updated + (not is_new)
            # A microsecond apart, so that they stay in the order in which they came.
            at = now + place
            patches.append(_patch(dataset_id, record_id, record, at, by=by, is_new=is_new))
        with self._lake.batch() as batch:
            batch.patch("evaluation_records", patches)
            change = {
                "dataset_id": dataset_id,
                "digest": _digest(dataset.name, now, *(one["record_id"] for one in patches)),
                "schema": encode(_schema(dataset.schema, records)),
                "changed_at": now,
                **({"changed_by": by} if by else {}),
            }
            batch.patch("evaluation_datasets", [change])
        return inserted, updated

    def delete_records(
        self, dataset_id: str, record_ids: Sequence[str], *, by: str | None = None
    ) -> int:
        """Delete records; returns how many there were. Raises as `get` does."""
        dataset = self.get(dataset_id)
        known = {row["record_id"] for row in self._rows(dataset_id)}
        doomed = [record_id for record_id in dict.fromkeys(record_ids) if record_id in known]
        if doomed:
            now = self._clock.now_us()
            with self._lake.batch() as batch:
                batch.delete("evaluation_records", [(dataset_id, one) for one in doomed])
                change = {
                    "dataset_id": dataset_id,
                    "digest": _digest(dataset.name, now, *doomed),
                    "changed_at": now,
                    **({"changed_by": by} if by else {}),
                }
                batch.patch("evaluation_datasets", [change])
        return len(doomed)

    def record(self, dataset_id: str, record_id: str) -> EvaluationRecord:
        """Return one record, whole.

        Raises:
            NotFound: There is no such record.
            InvalidInput: It is too large for one answer.
        """
        row = self._lake.get("evaluation_records", (dataset_id, record_id))
        if row is None:
            raise NotFound(
                ErrorCode.DATASET_NOT_FOUND,
                f"there is no record {record_id[:100]!r} in evaluation dataset "
                f"{dataset_id[:100]!r}: it may have been removed",
                record=record_id,
            )
        texts = (
            row["inputs"],
            row["outputs"],
            row["source"],
            *(row["expectations"] or {}).values(),
        )
        size = sum(len(text or "") for text in texts)
        if size > _SHOWN_CHARS_MAX:
            raise InvalidInput(
                ErrorCode.LIMIT_EXCEEDED,
                f"record {record_id[:100]!r} has {size:,} characters, and one of more than "
                f"{_SHOWN_CHARS_MAX:,} is not shown whole: read it by MLflow's client",
                limit=_SHOWN_CHARS_MAX,
            )
        return _record(row)

    def records(
        self, dataset_id: str, *, limit: int | None = None, page_token: str | None = None
    ) -> tuple[list[EvaluationRecord], str | None]:
        """One page of records, oldest first, and the token for the next.

        Raises:
            NotFound: There is no such dataset.
            InvalidInput: The token is none.
        """
        self.get(dataset_id)
        rows = self._lake.scan("evaluation_records", where={"dataset_id": dataset_id}).to_pylist(
            maps_as_pydicts="lossy"
        )
        rows.sort(key=_place)
        if page_token is not None:
            after = _read_token(page_token)
            rows = [row for row in rows if _place(row) > after]
        part = rows if limit is None else rows[: max(1, limit)]
        token = _write_token(_place(part[-1])) if len(part) < len(rows) else None
        return [_record(row) for row in part], token

    def _rows(self, dataset_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._lake.scan(
            "evaluation_records", where={"dataset_id": dataset_id}, columns=["record_id"]
        ).to_pylist()
        return found

    def _count(self, dataset_id: str) -> int:
        return len(self._rows(dataset_id))

    def _change(self, dataset_id: str, **columns: Any) -> None:
        change = {"dataset_id": dataset_id, "changed_at": self._clock.now_us(), **columns}
        self._lake.patch("evaluation_datasets", [change])


def _digest(*parts: object) -> str:
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:8]


def _record_id(record: Any) -> str:
    if not isinstance(record, Mapping) or not isinstance(record.get("inputs", {}), Mapping):
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, "a record is an object whose inputs are an object"
        )
    for name in ("expectations", "tags", "source"):
        if not isinstance(record.get(name) or {}, Mapping):
            raise InvalidInput(ErrorCode.INVALID_VALUE, f"{name} of a record are an object")
    inputs = msgspec.json.encode(_plain_inputs(record), order="sorted")
    return f"dr-{hashlib.sha256(inputs).hexdigest()[:32]}"


def _plain_inputs(record: Mapping[str, Any]) -> Any:
    return msgspec.json.decode(encode(record.get("inputs") or {}))


def _patch(
    dataset_id: str,
    record_id: str,
    record: Mapping[str, Any],
    now: int,
    *,
    by: str | None,
    is_new: bool,
) -> dict[str, Any]:
    tags = record.get("tags") or {}
    who = tags.get(_USER_TAG) or by
    patch: dict[str, Any] = {
        "dataset_id": dataset_id,
        "record_id": record_id,
        "inputs": encode(record.get("inputs") or {}),
        "changed_at": now,
        "changed_by": who,
        "expectations": {
            str(key): encode(value) for key, value in (record.get("expectations") or {}).items()
        },
        "tags": {str(key): encode(value) for key, value in tags.items()},
    }
    if is_new:
        patch |= {"made_at": now, "created_by": who}
    if record.get("outputs") is not None:
        patch["outputs"] = encode(record["outputs"])
    if record.get("source"):
        patch["source"] = encode(record["source"])
    return patch


def _schema(known: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The kinds of the fields, as they were first seen."""
    schema: dict[str, Any] = {
        part: dict(known[part]) if isinstance(known.get(part), Mapping) else known.get(part, {})
        for part in ("inputs", "outputs", "expectations")
    }
    for record in records:
        for part, kinds in schema.items():
            values = record.get(part)
            if isinstance(values, Mapping) and isinstance(kinds, dict):
                for key, value in values.items():
                    kinds.setdefault(str(key), _kind(value))
            elif values is not None and not kinds:
                schema = {**schema, part: _kind(values)}
    return {**schema, "version": "1.0"}


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "float"
        case str():
            return "string"
    return "array" if isinstance(value, list) else "object"


def _place(row: Mapping[str, Any]) -> tuple[int, str]:
    made: datetime | None = row["made_at"]
    return (0 if made is None else round(made.timestamp() * 1e6)), row["record_id"]


def _write_token(place: tuple[int, str]) -> str:
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(place)).decode()


def _read_token(token: str) -> tuple[int, str]:
    try:
        return msgspec.msgpack.decode(base64.urlsafe_b64decode(token), type=tuple[int, str])
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"page token {token[:60]!r} is none: pass next_page_token as it was",
        ) from error


def _dataset(row: Mapping[str, Any]) -> EvaluationDataset:
    return EvaluationDataset(
        dataset_id=row["dataset_id"],
        name=row["name"] or "",
        digest=row["digest"] or "",
        tags=dict(row["tags"] or {}),
        schema=decode(row["schema"]) or {},
        experiment_ids=sorted(row["experiments"] or ()),
        created_by=row["created_by"],
        changed_by=row["changed_by"],
        made_at=row["made_at"],
        changed_at=row["changed_at"],
    )


def _record(row: Mapping[str, Any]) -> EvaluationRecord:
    def opened(values: Mapping[str, str] | None) -> dict[str, Any]:
        return {key: decode(value) for key, value in (values or {}).items()}

    return EvaluationRecord(
        record_id=row["record_id"],
        inputs=decode(row["inputs"]),
        outputs=decode(row["outputs"]),
        expectations=opened(row["expectations"]),
        tags=opened(row["tags"]),
        source=decode(row["source"]),
        created_by=row["created_by"],
        changed_by=row["changed_by"],
        made_at=row["made_at"],
        changed_at=row["changed_at"],
    )
