"""The profile of a table: what its columns hold, found while the rows pass by.

Counts, nulls, extremes, mean and deviation are exact. Distinct values, quantiles and the most
frequent values are exact for small tables and come from a sample of large ones: every n-th row,
where n doubles whenever the sample has grown too large. So memory and time are bounded, and the
same rows give the same profile. Columns beyond the thousandth are left out, and counted.
"""

from __future__ import annotations

import math
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Profiler", "merge_profiles"]

_COLUMNS_MAX = 1_000
_CELLS_MAX = 2_000_000
_SAMPLE_ROWS_MIN = 1_000
_SAMPLE_ROWS_MAX = 100_000
_TOP = 10
_CHARS_MAX = 80
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_BINS = 24


class Profiler:
    """Takes a table batch by batch.

    Args:
        schema: The schema of all batches.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._columns = [_Column(field.name, field.type) for field in schema][:_COLUMNS_MAX]
        self._left_out = len(schema) - len(self._columns)
        cells = _CELLS_MAX // max(1, len(self._columns))
        self._sample_rows_max = min(max(cells, _SAMPLE_ROWS_MIN), _SAMPLE_ROWS_MAX)
        self._step = 1
        self._sample_rows = 0
        self._rows = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Take the next rows."""
        picked = np.arange(-self._rows % self._step, batch.num_rows, self._step)
        indices = pa.array(picked) if self._step > 1 else None
        self._rows += batch.num_rows
        self._sample_rows += len(picked)
        for column, values in zip(self._columns, batch.columns, strict=False):
            column.add(values)
            column.keep(values if indices is None else values.take(indices))
        factor = 1
        while self._sample_rows > self._sample_rows_max:
            # Rows 0, s, 2s, … become 0, 2s, 4s, …
            self._sample_rows = (self._sample_rows + 1) // 2
            factor *= 2
        if factor > 1:
            self._step *= factor
            for column in self._columns:
                column.thin(factor)

    def result(self) -> dict[str, Any]:
        """The profile, ready for JSON.

        ``rows`` and ``columns``; ``sample_rows`` where not every row was looked at closely;
        ``columns_left_out`` where there were too many. A column has ``name``, ``type`` and
        ``nulls`` and, as far as its type has them, ``distinct``, ``min``, ``max``, ``mean``,
        ``std``, ``quantiles``, ``histogram`` (``low``, ``high``, and the ``counts`` of the sample
        in equal stretches between them), ``top`` (pairs of value and count in the sample),
        ``nans``, ``infinite``, ``true`` and ``length_max``.
        """
        profile: dict[str, Any] = {"rows": self._rows}
        if self._sample_rows < self._rows:
            profile["sample_rows"] = self._sample_rows
        if self._left_out:
            profile["columns_left_out"] = self._left_out
        profile["columns"] = [
            column.result(self._rows, self._sample_rows) for column in self._columns
        ]
        return profile


class _Column:
    """What is known of one column."""

    def __init__(self, name: str, kind: pa.DataType) -> None:
        self._name = name
        self._kind = kind
        self._is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
        self._is_decimal = pa.types.is_decimal(kind)
        self._is_text = pa.types.is_string(kind)
        self._is_time = pa.types.is_temporal(kind)
        self._is_bool = pa.types.is_boolean(kind)
        self._has_lengths = self._is_text or pa.types.is_binary(kind) or pa.types.is_list(kind)
        self._is_sampled = not (pa.types.is_nested(kind) or pa.types.is_binary(kind))
        self._sample: list[Any] = []
        self._nulls = self._nans = self._infinite = self._true = self._length_max = 0
        self._low: Any = None
        self._high: Any = None
        self._count, self._mean, self._squares = 0, 0.0, 0.0

    def add(self, values: Any) -> None:
        """Take what is counted in every row."""
        self._nulls += values.null_count
        if values.null_count == len(values):
            return
        if self._is_bool:
            self._true += values.true_count
        if self._has_lengths:
            lengths = (
                pc.list_value_length(values)
                if pa.types.is_list(self._kind)
                else pc.binary_length(values)
            )
            self._length_max = max(self._length_max, pc.max(lengths).as_py())
        if self._is_number or self._is_decimal:
            values = self._add_numbers(values)
        if (self._is_number or self._is_decimal or self._is_text or self._is_time) and len(values):
            ends = pc.min_max(values)
            self._widen(ends["min"].as_py(), ends["max"].as_py())

    def keep(self, values: Any) -> None:
        """Take rows of the sample."""
        if self._is_sampled:
            # Long texts must not make the sample large.
            cut = pc.utf8_slice_codeunits(values, 0, _CHARS_MAX) if self._is_text else values
            self._sample.append(cut)

    def thin(self, factor: int) -> None:
        """Keep every so manieth row of the sample."""
        if self._sample:
            whole = pa.concat_arrays(self._sample)
            self._sample = [whole.take(pa.array(np.arange(0, len(whole), factor)))]

    def result(self, rows: int, sample_rows: int) -> dict[str, Any]:
        found: dict[str, Any] = {
            "name": self._name,
            "type": str(self._kind),
            "nulls": self._nulls,
        }
        if self._low is not None:
            found |= {"min": _plain(self._low), "max": _plain(self._high)}
        if self._count:
            found["mean"] = _finite(self._mean)
            deviation = math.sqrt(self._squares / (self._count - 1)) if self._count > 1 else 0.0
            found["std"] = _finite(deviation)
        counts = {"nans": self._nans, "infinite": self._infinite}
        found |= {key: count for key, count in counts.items() if count}
        if self._is_bool:
            found["true"] = self._true
        if self._has_lengths:
            found["length_max"] = self._length_max
        if self._sample:
            found |= self._from_sample(rows, sample_rows)
        return found

    def _add_numbers(self, values: Any) -> Any:
        """Take the moments; returns the values that are finite."""
        if pa.types.is_floating(self._kind):
            finite = values.filter(pc.is_finite(values)).drop_null()
            nans = pc.sum(pc.is_nan(values)).as_py() or 0
            self._nans += nans
            self._infinite += len(values) - values.null_count - nans - len(finite)
        else:
            finite = values.drop_null()
        if not len(finite):
            return finite
        plain = finite.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        with np.errstate(all="ignore"):
            mean = float(plain.mean())
            squares = float(np.square(plain - mean).sum())
            count = self._count + len(plain)
            offset = mean - self._mean
            self._squares += squares + offset * offset * self._count * len(plain) / count
            self._mean += offset * len(plain) / count
        self._count = count
        return finite

    def _widen(self, low: Any, high: Any) -> None:
        if low is None:
            return
        if self._low is None:
            self._low, self._high = low, high
        else:
            self._low, self._high = min(self._low, low), max(self._high, high)

    def _from_sample(self, rows: int, sample_rows: int) -> dict[str, Any]:
        sample = pa.concat_arrays(self._sample).drop_null()
        counted = pc.value_counts(sample)
        counts = counted.field("counts").to_numpy(zero_copy_only=False)
        once = int((counts == 1).sum())
        # Values met once stand for those that the sample missed; all others were met.
        scale = math.sqrt(rows / sample_rows) if sample_rows else 1.0
        found: dict[str, Any] = {"distinct": round(scale * once + len(counts) - once)}
        if (self._is_number or self._is_time) and len(sample):
            found |= self._quantiles(sample)
        is_listed = self._is_text or self._is_bool or len(counts) <= _TOP
        if is_listed and len(counts) and once < len(counts):
            order = np.argsort(-counts, kind="stable")[:_TOP]
            tops = counted.field("values").take(pa.array(order)).to_pylist()
            found["top"] = [
                [_plain(value), int(count)]
                for value, count in zip(tops, counts[order], strict=True)
            ]
        return found

    def _quantiles(self, sample: Any) -> dict[str, Any]:
        stored = sample
        if self._is_time:
            stored = sample.cast(pa.int32() if pa.types.is_date32(self._kind) else pa.int64())
        elif pa.types.is_floating(self._kind):
            stored = sample.filter(pc.is_finite(sample))
        if not len(stored):
            return {}
        found = pc.quantile(stored, q=list(_QUANTILES), interpolation="nearest")
        values = found.cast(stored.type).cast(self._kind).to_pylist()
        named = zip(_QUANTILES, values, strict=True)
        quantiles = {f"{q:g}": _plain(value) for q, value in named}
        return {"quantiles": quantiles, "histogram": self._histogram(stored)}

    def _histogram(self, stored: Any) -> dict[str, Any]:
        plain = stored.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        ends = pc.min_max(stored)
        low, high = (pa.scalar(ends[end].as_py(), stored.type) for end in ("min", "max"))
        # Halves first: the distance of the largest numbers is more than there are numbers.
        width = plain.max() / 2 - plain.min() / 2
        places = np.zeros(len(plain)) if width == 0 else (plain / 2 - plain.min() / 2) / width
        bins = np.minimum((places * _BINS).astype(np.int64), _BINS - 1)
        return {
            "low": _plain(low.cast(self._kind).as_py()),
            "high": _plain(high.cast(self._kind).as_py()),
            "counts": np.bincount(bins, minlength=_BINS if width else 1).tolist(),
        }


def merge_profiles(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """The profile of two tables of one schema put together, as far as it follows from theirs.

    Distinct values, quantiles, histograms and the most frequent values do not, so they are left
    out.
    """
    known = {column["name"]: column for column in first["columns"]}
    merged: dict[str, Any] = {"rows": first["rows"] + second["rows"]}
    if "columns_left_out" in second:
        merged["columns_left_out"] = second["columns_left_out"]
    merged["columns"] = [
        _merge_columns(known[column["name"]], column, first["rows"], second["rows"])
        for column in second["columns"]
        if column["name"] in known
    ]
    return merged


def _merge_columns(
    first: dict[str, Any], second: dict[str, Any], first_rows: int, second_rows: int
) -> dict[str, Any]:
    merged: dict[str, Any] = {"name": second["name"], "type": second["type"]}
    for key in ("nulls", "nans", "infinite", "true"):
        if key in first or key in second:
            merged[key] = first.get(key, 0) + second.get(key, 0)
    rank = Decimal if second["type"].startswith("decimal") else None
    for key, choose in (("min", min), ("max", max), ("length_max", max)):
        ends = [column[key] for column in (first, second) if column.get(key) is not None]
        if ends:
            merged[key] = choose(ends, key=rank)
    counts = [
        0
        if column.get("mean") is None
        else rows - column["nulls"] - column.get("nans", 0) - column.get("infinite", 0)
        for column, rows in ((first, first_rows), (second, second_rows))
    ]
    total = sum(counts)
    if total:
        means = [column.get("mean") or 0.0 for column in (first, second)]
        mean = sum(m * count / total for m, count in zip(means, counts, strict=True))
        squares = sum(
            (column.get("std") or 0.0) ** 2 * max(count - 1, 0) + (m - mean) ** 2 * count
            for column, m, count in zip((first, second), means, counts, strict=True)
        )
        merged["mean"] = mean
        merged["std"] = math.sqrt(squares / (total - 1)) if total > 1 else 0.0
    return merged


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _plain(value: Any) -> Any:
    """A value as JSON has it, and short."""
    if isinstance(value, float):
        return _finite(value)
    if isinstance(value, str):
        return value if len(value) <= _CHARS_MAX else value[: _CHARS_MAX - 1] + "…"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
