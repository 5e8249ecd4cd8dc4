"""Many batches as one say the same as they say one after the other."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mere.lake.gathering import gathered
from mere.lake.records import Batch, Patch
from mere.lake.rows import Stamped, apply
from mere.lake.schema import Column, Table

_TALLY = "struct<step:long,timestamp:timestamptz,value:double,min:double,max:double,count:long>"
RUNS = Table(
    "runs",
    columns=(
        Column("run_id", "string"),
        Column("name", "string"),
        Column("tags", "map<string,string>"),
        Column("summary", f"map<string,{_TALLY}>", merge="tally"),
    ),
    key=("run_id",),
)
POINTS = Table("points", columns=(Column("key", "string"), Column("value", "double")))

# A sum of zeros has one sign or the other, whichever came first.
_floats = st.floats(allow_nan=True, width=16).map(lambda value: value + 0.0)


def _batch(run_id: str, key: str, step: int, value: float, name: str | None, tag: str) -> Batch:
    batch = Batch()
    batch.append(POINTS, {"key": [key], "value": [value]})
    tally = {
        "step": step,
        "timestamp": step,
        "value": value,
        "min": value,
        "max": value,
        "count": 1,
    }
    row: dict[str, Any] = {"run_id": run_id, "summary": {key: tally}}
    if name is not None:
        row |= {"name": name, "tags": {tag: name}}
    batch.patch(RUNS, [row])
    return batch


_batches = st.lists(
    st.builds(
        _batch,
        st.sampled_from("ab"),
        st.sampled_from("xy"),
        st.integers(0, 3),
        _floats,
        st.none() | st.sampled_from(["n", "m"]),
        st.sampled_from("tu"),
    ),
    max_size=12,
)


def _rows(patches: list[Patch]) -> dict[str, Any]:
    found = {}
    for run_id in {patch.key[0] for patch in patches}:
        own = [
            Stamped((1, "w", index), patch)
            for index, patch in enumerate(patches)
            if patch.key[0] == run_id
        ]
        row, _ = apply(RUNS, None, None, own)
        found[run_id] = {n: v for n, v in (row or {}).items() if not n.endswith("_at")}
    return found


def _points(batch: Batch) -> list[str]:
    return sorted(
        repr(pair)
        for part in batch.logs.get("points", [])
        for pair in zip(part.columns["key"], part.columns["value"], strict=True)
    )


@given(_batches)
def test_rows_and_records_are_those_of_the_batches_themselves(batches: list[Batch]) -> None:
    apart = Batch()
    for batch in batches:
        apart.extend(batch)
    together = gathered(batches)
    assert repr(_rows(together.patches.get("runs", []))) == repr(
        _rows(apart.patches.get("runs", []))
    )
    assert _points(together) == _points(apart)
    assert len(together.logs.get("points", [])) <= 1


def test_points_of_one_run_become_one_part_and_one_patch_and_leave_the_batches_alone() -> None:
    batches = [_batch("a", "x", step, float(step), None, "t") for step in range(100)]
    together = gathered(batches)
    assert together.records == 101
    assert together.patches["runs"][0].tallies["summary"]["x"] == [99, 99, 99.0, 0.0, 99.0, 100]
    assert [batch.records for batch in batches] == [2] * 100
    assert batches[0].logs["points"][0].rows == 1
    assert not math.isnan(batches[0].patches["runs"][0].tallies["summary"]["x"][2])
