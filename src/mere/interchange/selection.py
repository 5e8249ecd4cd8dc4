"""What belongs to a selection of runs: which rows of which tables, which files and objects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from mere.errors import ErrorCode, NotFound

if TYPE_CHECKING:
    import pyarrow as pa

    from mere.services.warehouse import Warehouse

__all__ = ["Selection", "select_runs"]


def select_runs(
    warehouse: Warehouse,
    words: Sequence[str] = (),
    *,
    filter: str | None = None,  # noqa: A002  the word of `mere runs`
    experiments: Sequence[str] = (),
) -> list[str] | None:
    """The ids of the runs meant; None for all there are, those in the bin included.

    Args:
        warehouse: Where they are.
        words: Ids, beginnings of ids, or names.
        filter: A condition in the filter language.
        experiments: Names of experiments.

    Raises:
        NotFound: Nothing is meant by a word or the whole selection.
        InvalidInput: A word means several runs, or the filter is wrong.
    """
    if not words and filter is None and not experiments:
        return None
    chosen = [warehouse.runs.find(word).run_id for word in words]
    if filter is not None or experiments:
        found = warehouse.runs.search(
            filter=filter, experiment=list(experiments) or None, columns=["run_id"]
        )
        chosen += found["run_id"].to_pylist()
    if not chosen:
        raise NotFound(
            ErrorCode.RUN_NOT_FOUND,
            "no run is meant, so there is nothing to export: `mere runs` with the same --filter "
            "and --experiment lists them",
        )
    return sorted(set(chosen))


class Selection:
    """The rows that belong to some runs, as of one state of the warehouse.

    Args:
        warehouse: Where they are.
        runs: The ids of the runs; None for all.
        root: The state to read.
    """

    def __init__(self, warehouse: Warehouse, runs: list[str] | None, root: int) -> None:
        self._lake = warehouse.lake
        self._root = root
        self._runs = runs
        self.tables: dict[str, pa.Table] = {}
        self._gather()

    @property
    def points(self) -> list[tuple[str, dict[str, int]]]:
        """Each run with the number of its points by metric."""
        rows = self.tables["runs"].select(["run_id", "metric_summary"])
        return [
            (row["run_id"], {key: one["count"] for key, one in row["metric_summary"].items()})
            for batch in rows.to_batches(max_chunksize=1_000)
            for row in batch.to_pylist(maps_as_pydicts="lossy")
            if row["metric_summary"]
        ]

    @property
    def objects(self) -> set[str]:
        """Digests of the code, changes and environments that the runs name."""
        runs = self.tables["runs"].select(["source", "command"]).to_pylist()
        return {
            digest
            for row in runs
            for struct in (row["source"] or {}, row["command"] or {})
            for name, digest in struct.items()
            if name.endswith("_digest") and digest
        }

    def scan(self, table: str, **where: Any) -> pa.Table:
        """Rows of a table whose columns hold one of these values."""
        given = {name: values for name, values in where.items() if values is not None}
        if any(not values for values in given.values()):
            # Nothing is in an empty list; the engine is spared the question.
            return self._lake.scan(table, as_of=self._root).slice(0, 0)
        return self._lake.scan(table, where=given or None, as_of=self._root)

    def _gather(self) -> None:
        tables, runs = self.tables, self._runs
        tables["runs"] = self.scan("runs", run_id=runs)
        is_all = runs is None
        ids = None if is_all else tables["runs"]["run_id"].to_pylist()
        tables["experiments"] = self.scan(
            "experiments",
            experiment_id=None if is_all else _values(tables["runs"], "experiment_id"),
        )
        tables["lineage"] = self.scan("lineage", run_id=ids)
        assets = _values(tables["lineage"], "asset")
        datasets = None if is_all else _named(assets, "dataset:")
        tables["datasets"] = self.scan("datasets", dataset_id=datasets)
        tables["logged_models"] = self.scan("logged_models", run_id=ids)
        made = self.scan("model_versions", run_id=ids)
        names = None if is_all else _values(made, "name")
        tables["model_versions"] = made
        tables["registered_models"] = self.scan("registered_models", name=names)
        tables["model_aliases"] = self._aliases(names, made)
        owners = None
        if ids is not None:
            owners = [*ids, *_values(tables["logged_models"], "model_id"), *(datasets or ())]
        tables["artifacts"] = self.scan("artifacts", owner=owners)

    def _aliases(self, names: list[str] | None, versions: pa.Table) -> pa.Table:
        """The aliases of the selected versions."""
        import pyarrow as pa

        found = self.scan("model_aliases", name=names)
        there = {
            (row["name"], row["version"])
            for row in versions.select(["name", "version"]).to_pylist()
        }
        pairs = found.select(["name", "version"]).to_pylist()
        mask = [(row["name"], row["version"]) in there for row in pairs]
        return found.filter(pa.array(mask, pa.bool_()))


def _values(table: pa.Table, column: str) -> list[str]:
    return sorted({value for value in table[column].to_pylist() if value is not None})


def _named(assets: Iterable[str], kind: str) -> list[str]:
    return [asset.removeprefix(kind) for asset in assets if asset.startswith(kind)]
