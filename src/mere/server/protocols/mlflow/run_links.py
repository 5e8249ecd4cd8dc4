"""What runs read and made, in MLflow's words: dataset inputs, model inputs, model outputs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mere.server.protocols.mlflow.wire import message
from mere.server.protocols.mlflow.words import pairs
from mere.services.warehouse import Warehouse

__all__ = ["links_of"]

Links = tuple[dict[str, Any], dict[str, Any]]

_CONTEXT = "mlflow.data.context"
_EDGES = (
    "select l.run_id, l.direction, l.asset, l.context, l.tags, d.name, d.digest, d.source_type, "
    "d.source, d.schema, d.profile from lineage l "
    "left join datasets d on l.asset = 'dataset:' || d.dataset_id "
    "where l.run_id = any($ids) and l.run_id between $first and $last "
    "order by l.run_id, l.logged_at, l.asset"
)


def links_of(warehouse: Warehouse, run_ids: Iterable[str]) -> dict[str, Links]:
    """The inputs and outputs of runs, as their messages; runs without any are left out."""
    ids = sorted(set(run_ids))
    if not ids:
        return {}
    rows = warehouse.sql(_EDGES, {"ids": ids, "first": ids[0], "last": ids[-1]}).to_pylist(
        maps_as_pydicts="lossy"
    )
    datasets: dict[str, list[Any]] = {}
    read: dict[str, list[Any]] = {}
    made: dict[str, list[Any]] = {}
    for row in rows:
        kind, _, name = row["asset"].partition(":")
        if kind == "dataset" and row["direction"] == "read" and row["name"] is not None:
            datasets.setdefault(row["run_id"], []).append(_dataset_input(row))
        elif kind == "logged_model":
            if row["direction"] == "read":
                read.setdefault(row["run_id"], []).append({"model_id": name})
            else:
                step = (row["tags"] or {}).get("step", "0")
                output = {"model_id": name, "step": int(step)}
                made.setdefault(row["run_id"], []).append(output)
    return {
        run_id: (
            message(dataset_inputs=datasets.get(run_id), model_inputs=read.get(run_id)),
            message(model_outputs=made.get(run_id)),
        )
        for run_id in {*datasets, *read, *made}
    }


def _dataset_input(row: dict[str, Any]) -> dict[str, Any]:
    tags = dict(row["tags"] or {})
    if row["context"] is not None:
        tags.setdefault(_CONTEXT, row["context"])
    names = ("name", "digest", "source_type", "source", "schema", "profile")
    dataset = message(**{name: row[name] for name in names})
    return message(tags=pairs(tags), dataset=dataset)
