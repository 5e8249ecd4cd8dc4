"""Structured things as files: dictionaries as JSON or YAML, tables as Parquet, histograms.

JSON here is strict, so that every reader takes it: NaN and the infinities, which it lacks, are the
strings ``NaN``, ``Infinity`` and ``-Infinity``, as on the command line.
"""

from __future__ import annotations

import dataclasses
import io
import json
import math
import os
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

import msgspec

from mere.client.media import Media, array_of, existing_file
from mere.entities.artifact import ArtifactKind
from mere.errors import ErrorCode, InvalidInput

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

__all__ = ["HISTOGRAM", "PARQUET", "encode_dict", "encode_histogram", "encode_table", "table_of"]

HISTOGRAM = "application/vnd.mere.histogram+json"
PARQUET = "application/vnd.apache.parquet"
_BINS_MAX = 4096
_DEPTH_MAX = 64


def encode_dict(value: Any, path: str) -> Media:
    """A dictionary or list as JSON; as YAML where the path ends so.

    Values JSON has no words for become what is nearest: arrays and sets lists, times ISO 8601,
    dataclasses dictionaries, everything else its text.

    Raises:
        InvalidInput: It is neither a dictionary nor a list, it contains itself, or PyYAML is
            missing.
    """
    is_yaml = path.lower().endswith((".yaml", ".yml"))
    shown = _plain(value, (), is_yaml=is_yaml)
    if not isinstance(shown, dict | list):
        raise _refused(f"a {type(value).__name__} is no dictionary or list: log it as text")
    if is_yaml:
        try:
            import yaml
        except ImportError as error:
            raise _refused(
                f"{path!r} is to be YAML, and PyYAML is not installed: install it, or let the "
                "path end in .json"
            ) from error
        text = yaml.safe_dump(shown, allow_unicode=True, sort_keys=False)
        return Media(text.encode(), ArtifactKind.TEXT, ".yaml", "application/yaml")
    try:
        data = json.dumps(shown, ensure_ascii=False, indent=2, allow_nan=False).encode()
    except UnicodeEncodeError as error:
        raise _refused("a text holds half a surrogate pair: decode it properly") from error
    return Media(data + b"\n", ArtifactKind.JSON, ".json", "application/json")


def encode_table(data: Any) -> Media:
    """A table as Parquet, or a file as it is.

    Args:
        data: A table of pandas, Polars, Arrow or whatever else speaks Arrow's C interface; a
            dictionary of columns; a list of dictionaries, one a row; or the path of a file.

    Raises:
        InvalidInput: It is none of these, or a column holds values of several types.
    """
    if isinstance(data, str | os.PathLike):
        return existing_file(data, ArtifactKind.TABLE)
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(table_of(data), buffer, compression="zstd")
    return Media(buffer.getvalue(), ArtifactKind.TABLE, ".parquet", PARQUET)


def table_of(data: Any) -> pa.Table:
    """An Arrow table of anything that holds one; raises as `encode_table` does."""
    import pyarrow as pa

    try:
        table = _arrow(data)
    except (pa.ArrowException, TypeError, ValueError, AttributeError) as error:
        raise _refused(
            f"a {type(data).__name__} cannot be stored as a table: {error}; each column needs "
            "values of one type, and all columns the same length"
        ) from error
    if not table.num_columns:
        raise _refused("a table without columns says nothing: give it at least one")
    return table


def encode_histogram(values: Any, *, bins: int = 64) -> Media:
    """How often values occur, as JSON: counts between edges.

    Args:
        values: An array or tensor of any shape, whose values are counted; or a pair of counts
            and edges (one more than counts), as `numpy.histogram` gives; or the path of a file.
        bins: Into how many stretches of equal width values are counted.

    Raises:
        InvalidInput: It is none of these, or edges do not grow.
    """
    if isinstance(values, str | os.PathLike):
        return existing_file(values, ArtifactKind.HISTOGRAM)
    _check_bins(bins)
    if isinstance(values, tuple) and len(values) == 2 and _is_counted(values):
        counts, edges = (array_of(part, "a histogram") for part in values)
        found = _given(counts, edges)
    else:
        found = _counted(array_of(values, "a histogram"), bins)
    data = json.dumps(found, allow_nan=False).encode()
    return Media(data, ArtifactKind.HISTOGRAM, ".histogram.json", HISTOGRAM)


def _check_bins(bins: object) -> None:
    if not isinstance(bins, int) or not 0 < bins <= _BINS_MAX:
        raise _refused(f"bins is {bins!r}: give a number from 1 to {_BINS_MAX}")


def _is_counted(pair: tuple[Any, Any]) -> bool:
    try:
        return len(pair[1]) == len(pair[0]) + 1
    except TypeError:
        return False


def _given(counts: npt.NDArray[Any], edges: npt.NDArray[Any]) -> dict[str, Any]:
    import numpy as np

    is_row = {counts.ndim, edges.ndim} == {1}
    if not (is_row and np.isfinite(counts).all() and (counts >= 0).all()):
        raise _refused("the counts of a histogram are numbers from 0 in one row")
    if not (np.isfinite(edges).all() and (np.diff(edges) > 0).all()):
        raise _refused("the edges of a histogram are finite and each is greater than the last")
    return {
        "edges": edges.astype(np.float64).tolist(),
        "counts": counts.tolist(),
        "count": counts.sum().item(),
        "nan": 0,
        "infinite": 0,
    }


def _counted(array: npt.NDArray[Any], bins: int) -> dict[str, Any]:
    import numpy as np

    flat = array.astype(np.float64).ravel()
    finite = flat[np.isfinite(flat)]
    nan = int(np.isnan(flat).sum())
    found: dict[str, Any] = {
        "edges": [],
        "counts": [],
        "count": int(finite.size),
        "nan": nan,
        "infinite": int(flat.size - finite.size - nan),
    }
    if finite.size:
        low, high = finite.min().item(), finite.max().item()
        if not math.isfinite(high - low):
            raise _refused(
                f"values go from {low:g} to {high:g}, too far to be counted in stretches of one "
                "width: count them yourself and pass counts and edges"
            )
        counts, edges = _histogram(finite, bins)
        found |= {"edges": edges.tolist(), "counts": counts.tolist()}
        found |= {"min": low, "max": high, "mean": float(np.mean(finite))}
    return found


def _histogram(
    finite: npt.NDArray[np.float64], bins: int
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    import numpy as np

    while True:
        try:
            return np.histogram(finite, bins=bins)
        except ValueError:
            # Neighbouring floats leave no room for so many edges between them.
            if bins == 1:
                raise
            bins //= 2


def _arrow(data: Any) -> pa.Table:
    import pyarrow as pa

    if isinstance(data, pa.Table):
        return data
    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([data])
    if isinstance(data, Mapping):
        columns = {str(name): _column(values) for name, values in data.items()}
        return pa.table(columns)
    if isinstance(data, Sequence) and not isinstance(data, str | bytes):
        return _rows(data)
    if hasattr(data, "iloc"):
        # So that a named index becomes a column and text columns are what they say.
        return pa.Table.from_pandas(data)
    if hasattr(data, "to_arrow"):
        return pa.table(data.to_arrow())
    return pa.table(data)


def _rows(rows: Sequence[Any]) -> pa.Table:
    import pyarrow as pa

    # Arrow would take the names from the first row alone.
    names: dict[str, None] = {}
    for row in rows:
        if not isinstance(row, Mapping):
            raise TypeError(f"a row is a {type(row).__name__}, and should be a dictionary")
        names.update(dict.fromkeys(map(str, row)))
    texts = [{str(name): value for name, value in row.items()} for row in rows]
    return pa.table({name: _column([row.get(name) for row in texts]) for name in names})


def _column(values: Any) -> Any:
    if hasattr(values, "detach"):
        values = array_of(values, "a column")
    if isinstance(values, str | bytes):
        raise TypeError("a text is no column; put it into a list")
    ndim = getattr(values, "ndim", 1)
    return list(values) if ndim > 1 else values


def _plain(value: Any, above: tuple[int, ...], *, is_yaml: bool) -> Any:
    """The value in JSON's words; `above` are the containers it is in, by identity."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float):
        if math.isfinite(value) or is_yaml:
            return float(value)
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if id(value) in above or len(above) > _DEPTH_MAX:
        raise _refused(f"the dictionary is more than {_DEPTH_MAX} deep, or contains itself")

    def below(inner: Any) -> Any:
        return _plain(inner, (*above, id(value)), is_yaml=is_yaml)

    if isinstance(value, Mapping):
        return {str(key): below(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [below(inner) for inner in value]
    if isinstance(value, AbstractSet):
        return sorted((below(inner) for inner in value), key=str)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, msgspec.Struct):
        return below(msgspec.structs.asdict(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return below({field.name: getattr(value, field.name) for field in fields})
    if hasattr(value, "tolist"):
        return below(value.tolist())
    return str(value)


def _refused(message: str) -> InvalidInput:
    return InvalidInput(ErrorCode.INVALID_VALUE, message)
