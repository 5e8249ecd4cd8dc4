"""What a collection needs to know: the bin, what pins things in it, who refers to which object."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mere.entities.dataset import PURGED
from mere.entities.experiment import Lifecycle
from mere.services.upkeep.retention_plan import BinnedDataset, BinnedRun, BinnedTrace, GcState

if TYPE_CHECKING:
    from mere.clock import Clock
    from mere.lake import Lake
    from mere.services.datasets.datasets import Datasets

__all__ = ["read_state"]

_BINNED = (
    "select r.run_id, r.lifecycle, epoch_us(r.updated_at) as used_us, "
    "case when r.lifecycle <> 'active' then epoch_us(coalesce(r.deleted_at, r.updated_at)) end "
    "as deleted_us, case when e.lifecycle = 'deleted' then epoch_us(e.deleted_at) end "
    "as experiment_us from runs r left join experiments e on e.experiment_id = r.experiment_id "
    "where r.lifecycle <> 'active' or e.lifecycle = 'deleted'"
)
_BINNED_TRACES = (
    "select t.trace_id, t.lifecycle = 'deleted' as is_own, case when t.lifecycle = 'deleted' "
    "then epoch_us(coalesce(t.deleted_at, t.updated_at)) "
    "else epoch_us(greatest(e.deleted_at, t.updated_at)) end as since_us "
    "from traces t left join experiments e on e.experiment_id = t.experiment_id "
    "where t.lifecycle = 'deleted' or e.lifecycle = 'deleted'"
)
_DIGESTS = ("source.diff_digest", "source.environment_digest", "command.code_digest")
_OWNED_ROWS = {
    "metrics": "run_id",
    "console": "run_id",
    "artifacts": "owner",
    "lineage": "run_id",
    "logged_models": "run_id",
    "comments": "subject_id",
    "run_reviews": "run_id",
}


def read_state(lake: Lake, datasets: Datasets, clock: Clock) -> GcState:
    """Read all that a plan is made from.

    The objects are listed first: whatever refers to one of them is in what is read after.

    Raises:
        CorruptData: A manifest cannot be read, so it is not known what it refers to.
    """
    objects = [*lake.blobs.list("artifacts/"), *lake.blobs.list("objects/")]
    newest = [info.modified_us for info in [*objects, *lake.blobs.list("journal/")]]
    runs = lake.sql(_BINNED).to_pylist()
    ids = [row["run_id"] for row in runs]
    models = lake.sql(
        "select model_id, run_id from logged_models where run_id = any($ids)", params={"ids": ids}
    ).to_pylist()
    owners = {row["model_id"]: row["run_id"] for row in models}
    binned = _datasets(lake)
    counts = _counts(lake, ids, owners)
    return GcState(
        now_us=clock.now_us(),
        store_us=max(newest, default=0),
        runs=[_run(row, counts.get(row["run_id"], {})) for row in runs],
        datasets=binned,
        traces=_traces(lake),
        pinned={
            **_pinned_by_models(lake, ids),
            **_pinned_by_tags(lake, "runs", "run", ids),
            **_pinned_by_tags(lake, "datasets", "dataset", [one.dataset_id for one in binned]),
        },
        owners=owners,
        referrers=_referrers(lake, datasets),
        objects=objects,
    )


def _run(row: dict[str, Any], rows: dict[str, int]) -> BinnedRun:
    # Whoever goes on logging into a deleted experiment uses it, whatever it says of itself.
    with_experiment = row["experiment_us"] and max(row["experiment_us"], row["used_us"] or 0)
    times = [time for time in (row["deleted_us"], with_experiment) if time is not None]
    is_purged = row["lifecycle"] == Lifecycle.PURGED
    return BinnedRun(row["run_id"], min(times, default=row["used_us"] or 0), is_purged, rows)


def _datasets(lake: Lake) -> list[BinnedDataset]:
    rows = lake.sql(
        "select d.dataset_id, d.name || '@' || d.version as label, "
        "epoch_us(coalesce(d.deleted_at, d.updated_at)) as since_us, "
        "case when d.table_name is null then 0 else coalesce(d.bytes, 0) end as bytes, "
        "list(r.run_id) filter (r.run_id is not null) as readers from datasets d "
        "left join lineage l on l.asset = 'dataset:' || d.dataset_id and l.direction = 'read' "
        "left join runs r on r.run_id = l.run_id where d.lifecycle = 'deleted' group by all"
    ).to_pylist()
    return [
        BinnedDataset(
            row["dataset_id"],
            row["label"] or row["dataset_id"],
            row["since_us"],
            row["bytes"],
            frozenset(row["readers"] or ()),
        )
        for row in rows
    ]


def _traces(lake: Lake) -> list[BinnedTrace]:
    rows = lake.sql(_BINNED_TRACES).to_pylist()
    return [BinnedTrace(row["trace_id"], row["since_us"] or 0, bool(row["is_own"])) for row in rows]


def _counts(lake: Lake, ids: list[str], owners: dict[str, str]) -> dict[str, dict[str, int]]:
    """How many rows belong to each of some runs, by table."""
    found: dict[str, dict[str, int]] = {}
    if not ids:
        return found
    for table, column in _OWNED_ROWS.items():
        rows = lake.sql(
            f"select {column} as owner, count(*) as rows from {table} "
            f"where {column} = any($ids) group by {column}",
            params={"ids": [*ids, *owners]},
        ).to_pylist()
        for row in rows:
            of_run = found.setdefault(owners.get(row["owner"], row["owner"]), {})
            of_run[table] = of_run.get(table, 0) + row["rows"]
    return found


def _pinned_by_models(lake: Lake, ids: list[str]) -> dict[str, str]:
    rows = lake.sql(
        "select coalesce(l.run_id, v.run_id) as run_id, min(v.name || '/' || v.version) as model "
        "from model_versions v left join logged_models l on l.model_id = v.model_id "
        "where coalesce(v.lifecycle, 'active') = 'active' "
        "and (v.run_id = any($ids) or l.run_id = any($ids)) group by all",
        params={"ids": ids},
    ).to_pylist()
    return {f"run:{row['run_id']}": f"model {row['model']} was made by it" for row in rows}


def _pinned_by_tags(lake: Lake, table: str, kind: str, ids: list[str]) -> dict[str, str]:
    """What a tagged state shows as in use: whoever reads that state finds it whole."""
    pinned: dict[str, str] = {}
    for tag in lake.tags() if ids else ():
        rows = lake.sql(
            f"select {kind}_id as id from {table} where lifecycle = 'active' "
            f"and {kind}_id = any($ids)",
            params={"ids": ids},
            as_of=tag,
        )
        pinned.update((f"{kind}:{one}", f"tag {tag} shows it") for one in rows["id"].to_pylist())
    return pinned


def _referrers(lake: Lake, datasets: Datasets) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}

    def refer(key: str | None, referrer: str) -> None:
        if key:
            found.setdefault(key, set()).add(referrer)

    for digest in _DIGESTS:
        rows = lake.sql(
            f"select run_id, {digest} as digest from runs where {digest} is not null"
        ).to_pylist()
        for row in rows:
            refer(f"objects/{row['digest']}", f"run:{row['run_id']}")
    for location in _locations(lake):
        refer(*location)
    # What has been removed for good refers to nothing; what is in the bin does.
    versions = lake.sql(
        "select dataset_id, manifest from datasets where manifest is not null "
        "and lifecycle <> $purged",
        params={"purged": PURGED},
    ).to_pylist()
    for row in versions:
        name = f"dataset:{row['dataset_id']}"
        refer(row["manifest"], name)
        for file in datasets.files.list(datasets.get(row["dataset_id"])):
            refer(f"objects/{file.digest}", name)
    return {key: frozenset(names) for key, names in found.items()}


def _locations(lake: Lake) -> Iterable[tuple[str, str]]:
    """The objects that rows of artifacts name, now or in a tagged state, and who owns them."""
    query = (
        "select a.location, a.owner, l.run_id from artifacts a "
        "left join logged_models l on l.model_id = a.owner where a.location is not null"
    )
    for row in lake.sql(query).to_pylist():
        yield row["location"], f"run:{row['run_id'] or row['owner']}"
    for tag in lake.tags():
        shown = lake.sql(
            "select distinct a.location from artifacts a join runs r on r.run_id = a.owner "
            "where r.lifecycle = 'active'",
            as_of=tag,
        )
        for location in shown["location"].to_pylist():
            yield location, f"tag:{tag}"
