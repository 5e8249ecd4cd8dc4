"""What runs are compared by: params, metrics, tags, code, environment, data, files.

Each family is read as one sheet for all runs at once. Environments and bundles of code are objects
that many runs share, so each is read once; of very many different ones only the first are, and the
sheet says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from mere.entities.lineage import split_node
from mere.errors import CorruptData, NotFound
from mere.services.comparison.sheets import Sheet, sheet_of_maps, sheet_of_rows, stacked

if TYPE_CHECKING:
    import pyarrow as pa

    from mere.entities.code import Environment
    from mere.lake import Lake
    from mere.services.comparison.picking import Picked
    from mere.services.datasets.datasets import Datasets
    from mere.services.provenance.code import Code

__all__ = ["TAKES", "Families", "Family"]

TAKES: Final = {"last": "value", "min": "min", "max": "max"}
ENVIRONMENTS_MAX = 500
BUNDLES_MAX = 100
_DIGEST_CHARS = 12
_OF_RUNS = "select run_id, {columns} from runs where run_id = any($ids)"
_MACHINE: Final = (
    ("python", "Python"),
    ("implementation", "Implementation"),
    ("build", "Build"),
    ("platform", "Platform"),
    ("machine", "Architecture"),
    ("cpu", "Processor"),
    ("cuda", "CUDA"),
    ("driver", "NVIDIA driver"),
    ("mere", "mere"),
)
_Rows = dict[tuple[str, str], list[str | None]]


class Family(StrEnum):
    """What is compared."""

    PARAMS = "params"
    METRICS = "metrics"
    RUN = "run"
    """What every run has, and its tags."""
    CODE = "code"
    ENVIRONMENT = "environment"
    DATA = "data"
    FILES = "files"


class Families:
    """Reads the sheets of runs of one warehouse.

    Args:
        lake: Where the runs are stored.
        code: Where their code and environments are.
        datasets: Knows what people call versions.
    """

    def __init__(self, lake: Lake, code: Code, datasets: Datasets) -> None:
        self._lake = lake
        self._code = code
        self._datasets = datasets
        self._readers: Mapping[Family, Callable[[Picked], Sheet]] = {
            Family.PARAMS: self._params,
            Family.METRICS: self._metrics,
            Family.RUN: self._run,
            Family.CODE: self._of_code,
            Family.ENVIRONMENT: self._environment,
            Family.DATA: self._data,
            Family.FILES: self._files,
        }

    def read(self, family: Family, picked: Picked) -> Sheet:
        """The sheet of some runs."""
        return self._readers[family](picked)

    def _maps(self, picked: Picked, *columns: str) -> list[pa.Table]:
        """Columns of maps, each as a table of its own: the run and its ``cells``."""
        found = self._lake.scan(
            "runs", {"run_id": picked.ids}, ["run_id", *columns], is_encoded=True
        )
        return [
            found.select(["run_id", column]).rename_columns(["run_id", "cells"])
            for column in columns
        ]

    def _params(self, picked: Picked) -> Sheet:
        params, seeds = (
            sheet_of_maps(column, picked.ids, found)
            for column, found in zip(
                ("params", "seeds"), self._maps(picked, "params", "seeds"), strict=True
            )
        )
        return stacked(params, seeds) if seeds.keys else params

    def _metrics(self, picked: Picked) -> Sheet:
        (found,) = self._maps(picked, "metric_summary")
        return sheet_of_maps("metrics", picked.ids, found, TAKES)

    def _run(self, picked: Picked) -> Sheet:
        rows: _Rows = {
            ("run", label): [_text(row[name]) for row in picked.rows]
            for name, label in (
                ("status", "Status"),
                ("experiment", "Experiment"),
                ("kind", "Kind"),
                ("group", "Group"),
                ("created_by", "Created by"),
                ("host", "Host"),
                ("python", "Python"),
            )
        }
        known = sheet_of_rows(rows, len(picked.ids))
        (tags,) = self._maps(picked, "tags")
        return stacked(known, sheet_of_maps("tags", picked.ids, tags))

    def _sources(self, picked: Picked) -> list[dict[str, Any]]:
        """What is known of where each run came from, in the order of the columns."""
        found = self._lake.sql(
            _OF_RUNS.format(columns="source, command"), params={"ids": picked.ids}
        )
        known = {
            row["run_id"]: {**(row["command"] or {}), **_known(row["source"])}
            for row in found.to_pylist()
        }
        return [known.get(run_id, {}) for run_id in picked.ids]

    def _of_code(self, picked: Picked) -> Sheet:
        sources = self._sources(picked)
        rows: _Rows = {
            ("git", label): [_text(one.get(name)) for one in sources]
            for name, label in (
                ("git_commit", "Commit"),
                ("git_branch", "Branch"),
                ("git_remote", "Repository"),
            )
        }
        rows["git", "Uncommitted changes"] = [_changes(one) for one in sources]
        rows["command", "Entry point"] = [_text(one.get("entrypoint")) for one in sources]
        rows["command", "Arguments"] = [_words(one.get("arguments")) for one in sources]
        bundles, remarks = self._each(
            "code", [one.get("code_digest") for one in sources], BUNDLES_MAX, self._files_of_code
        )
        paths = sorted({path for files in bundles.values() for path in files})
        for path in paths:
            rows["files", path] = [
                bundles.get(one.get("code_digest", ""), {}).get(path) for one in sources
            ]
        return sheet_of_rows(rows, len(picked.ids), remarks)

    def _environment(self, picked: Picked) -> Sheet:
        sources = self._sources(picked)
        digests = [one.get("environment_digest") for one in sources]
        known, remarks = self._each(
            "environments", digests, ENVIRONMENTS_MAX, self._code.environment
        )
        flat = {digest: _flat(one) for digest, one in known.items()}
        order = {"machine": 0, "variables": 1, "packages": 2}
        names = sorted(
            {name for one in flat.values() for name in one},
            key=lambda name: (order[name[0]], name[1].lower()),
        )
        rows: _Rows = {
            name: [flat.get(digest or "", {}).get(name) for digest in digests] for name in names
        }
        return sheet_of_rows(rows, len(picked.ids), remarks)

    def _each(
        self,
        what: str,
        digests: Iterable[str | None],
        most: int,
        read: Callable[[str], Any],
    ) -> tuple[dict[str, Any], list[str]]:
        """Each object that some runs share, and what could not be read, in words."""
        distinct = list(dict.fromkeys(one for one in digests if one))
        found: dict[str, Any] = {}
        lost = 0
        for digest in distinct[:most]:
            try:
                found[digest] = read(digest)
            except (NotFound, CorruptData):
                lost += 1
        remarks = []
        if len(distinct) > most:
            remarks.append(
                f"the runs have {len(distinct):,} different {what}: the first {most} are compared"
            )
        if lost:
            remarks.append(f"{lost:,} of the {what} cannot be read")
        return found, remarks

    def _files_of_code(self, digest: str) -> dict[str, str]:
        """The files of a bundle, each with the beginning of its content's digest."""
        return {
            file.path: "→ " + file.link
            if file.link is not None
            else hashlib.sha256(file.data).hexdigest()[:_DIGEST_CHARS]
            for file in self._code.bundle(digest)[1]
        }

    def _data(self, picked: Picked) -> Sheet:
        found = self._lake.sql(
            "select run_id, direction, asset, context from lineage where run_id = any($ids) "
            "order by asset",
            params={"ids": picked.ids},
        ).to_pylist()
        ids = sorted({split_node(row["asset"])[1] for row in found if _is_dataset(row["asset"])})
        labels = self._datasets.labels(ids)
        place = {run_id: at for at, run_id in enumerate(picked.ids)}
        cells: dict[tuple[str, str], dict[int, list[str]]] = {}
        for row in found:
            name, version = _asset(row["asset"], labels)
            section = "read" if row["direction"] == "read" else "written"
            key = f"{name} ({row['context']})" if row["context"] else name
            cells.setdefault((section, key), {}).setdefault(place[row["run_id"]], []).append(
                version
            )
        rows: _Rows = {
            name: [_joined(of.get(at)) for at in range(len(picked.ids))]
            for name, of in sorted(cells.items())
        }
        return sheet_of_rows(rows, len(picked.ids))

    def _files(self, picked: Picked) -> Sheet:
        found = self._lake.sql(
            "select owner as run_id, map(list(path order by path), "
            "list(left(digest, $chars) order by path)) as cells "
            "from artifacts where owner = any($ids) group by owner",
            params={"ids": picked.ids, "chars": _DIGEST_CHARS},
        )
        return sheet_of_maps("files", picked.ids, found)


def _flat(one: Environment) -> dict[tuple[str, str], str | None]:
    """An environment as keys and texts."""
    rows: dict[tuple[str, str], str | None] = {
        ("machine", label): _text(getattr(one, name)) for name, label in _MACHINE
    }
    rows["machine", "Options"] = _words(one.options)
    rows["machine", "GPUs"] = ", ".join(one.gpus) or None
    rows |= {("variables", name): value for name, value in one.variables.items()}
    for package in one.distributions:
        where = package.commit or (None if package.local is None else "of the run's code")
        version = f"{package.version} ({where})" if where else package.version
        rows["packages", package.name] = version
    return rows


def _is_dataset(asset: str) -> bool:
    return split_node(asset)[0] == "dataset"


def _asset(asset: str, labels: Mapping[str, tuple[str, str | None]]) -> tuple[str, str]:
    """What an asset is called, and which of its versions it is."""
    kind, name = split_node(asset)
    if kind == "dataset" and name in labels:
        label, _, version = labels[name][0].rpartition("@")
        return label, f"version {version}"
    if kind == "model":
        label, _, version = name.rpartition("/")
        return f"model {label}", f"version {version}"
    return kind, name


def _changes(source: Mapping[str, Any]) -> str | None:
    if source.get("git_dirty") is None:
        return None
    digest = source.get("diff_digest")
    if digest:
        return f"yes ({digest[:_DIGEST_CHARS]})"
    return "yes" if source["git_dirty"] else "none"


def _known(source: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (source or {}).items() if value is not None}


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


def _words(words: Sequence[str] | None) -> str | None:
    return " ".join(words) if words else None


def _joined(versions: list[str] | None) -> str | None:
    return ", ".join(dict.fromkeys(versions)) if versions else None
