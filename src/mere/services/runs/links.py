"""What runs read and made, as clients of MLflow's protocol tell it.

A dataset that a client describes becomes a version of kind ``reference``: its data stays where it
is. The same description is the same version, whoever gives it; of two processes that meet a new
one at the same moment each makes a version, which then say the same. Edges go into the table of
lineage, beside those of the SDK.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from mere.entities.dataset import Dataset, DatasetKind
from mere.entities.experiment import Lifecycle
from mere.entities.limits import KEY_CHARS_MAX
from mere.entities.lineage import Direction
from mere.services.datasets.versions import DatasetVersions
from mere.services.lineage.lineage import lineage_row

if TYPE_CHECKING:
    from mere.clock import Clock
    from mere.lake import Lake
    from mere.services.runs.gate import RunGate

__all__ = ["DatasetInput", "ModelOutput", "RunLinks"]

_KNOWN_MAX = 10_000
_KNOWN_S = 60.0  # somebody may have put it into the bin since
_STRIPES = 64
_DESCRIBED = ("name", "digest", "source_type", "source", "schema", "profile")


class DatasetInput(NamedTuple):
    """A dataset that a run read.

    Args:
        dataset: What the client says of it: name, digest, source_type, source, schema, profile.
        context: What for, such as ``training``.
        tags: What else is worth remembering.
    """

    dataset: Mapping[str, str | None]
    context: str | None = None
    tags: Mapping[str, str] = {}


class ModelOutput(NamedTuple):
    """A logged model that a run made, and at which step."""

    model_id: str
    step: int = 0


class RunLinks:
    """The inputs and outputs of runs in one warehouse; safe for use by several threads.

    Args:
        lake: Where they are stored.
        clock: Says when something was recorded.
        gate: Knows the runs that may be logged to.
    """

    def __init__(self, lake: Lake, clock: Clock, gate: RunGate) -> None:
        self._lake = lake
        self._clock = clock
        self._gate = gate
        self._versions = DatasetVersions(lake, clock)
        self._stripes = tuple(threading.Lock() for _ in range(_STRIPES))
        self._known: dict[str, tuple[float, str]] = {}

    def log_inputs(
        self, run_id: str, datasets: Sequence[DatasetInput] = (), models: Iterable[str] = ()
    ) -> None:
        """Record what a run read: datasets, and logged models by id.

        Raises:
            NotFound: There is no such run.
            InvalidInput: It is deleted, or a name or tag may not be one.
        """
        self._gate.look(run_id)
        edges = [
            self._edge(run_id, Direction.READ, f"logged_model:{model_id}") for model_id in models
        ]
        named: dict[tuple[str | None, str | None], DatasetInput] = {}
        for given in datasets:
            named.setdefault((given.dataset["name"], given.dataset["digest"]), given)
        for given in named.values():
            asset = f"dataset:{self._dataset_id(given.dataset)}"
            edges.append(self._edge(run_id, Direction.READ, asset, given.context, given.tags))
        if edges:
            self._lake.patch("lineage", edges)

    def log_outputs(self, run_id: str, models: Iterable[ModelOutput]) -> None:
        """Record what logged models a run made; raises as `log_inputs` does."""
        self._gate.look(run_id)
        edges = [
            self._edge(
                run_id, Direction.WRITE, f"logged_model:{one.model_id}", tags={"step": one.step}
            )
            for one in models
        ]
        if edges:
            self._lake.patch("lineage", edges)

    def _edge(
        self,
        run_id: str,
        direction: Direction,
        asset: str,
        context: str | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        more = dict(tags or {})
        if context is not None and not 0 < len(context) <= KEY_CHARS_MAX:
            more["mlflow.data.context"], context = context, None
        now_us = self._clock.now_us()
        row = lineage_row(direction, asset, context=context, tags=more, logged_at=now_us)
        return {"run_id": run_id, **row}

    def _dataset_id(self, described: Mapping[str, str | None]) -> str:
        """The version that is described so, recorded now if there is none."""
        told = {name: described.get(name) or None for name in _DESCRIBED}
        identity = hashlib.sha256(msgspec.json.encode(told)).hexdigest()
        with self._stripes[int(identity[:8], 16) % _STRIPES]:
            now = self._clock.monotonic()
            looked_at, known = self._known.get(identity, (0.0, None))
            if known is None or now - looked_at > _KNOWN_S:
                known = self._find(told) or self._publish(told)
                if len(self._known) >= _KNOWN_MAX:
                    self._known.clear()
                self._known[identity] = (now, known)
        return known

    def _find(self, told: Mapping[str, str | None]) -> str | None:
        found = self._lake.scan(
            "datasets",
            {"name": told["name"], "digest": told["digest"]},
            ["dataset_id", "lifecycle", *_DESCRIBED],
        )
        for row in found.to_pylist():
            is_same = all(row[name] == value for name, value in told.items())
            if is_same and row["lifecycle"] == Lifecycle.ACTIVE:
                return str(row["dataset_id"])
        return None

    def _publish(self, told: Mapping[str, str | None]) -> str:
        draft = Dataset(
            dataset_id="",
            name=told["name"] or "",
            version=0,
            kind=DatasetKind.REFERENCE,
            digest=told["digest"],
            source_type=told["source_type"],
            source=told["source"],
            schema=told["schema"],
            profile=told["profile"],
        )
        return self._versions.publish(draft).dataset_id
