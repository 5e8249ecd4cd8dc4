"""Reads MLflow's file store: a folder of YAML and text files, ``mlruns`` by default.

A line of a metric that is being written and has no end yet is left for the next import. Folders
that lack their ``meta.yaml``, as a crash leaves them, are left out and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from mere.errors import ErrorCode, InvalidInput, NotFound
from mere.interchange import trees
from mere.interchange.foreign import (
    ConsoleLine,
    ForeignExperiment,
    ForeignFile,
    ForeignInput,
    ForeignModels,
    ForeignRun,
    Stretch,
)
from mere.interchange.mlflow_models import as_alias, as_logged, as_registered, as_version
from mere.interchange.mlflow_values import as_input, as_run

__all__ = ["MlflowFolder"]

_POINTS_AT_ONCE = 50_000
_NO_RUNS = frozenset({"tags", "datasets", "traces", "models"})


class MlflowFolder:
    """One file store of MLflow.

    Args:
        folder: The folder with a folder for each experiment.
        experiments: Only those of these names.
        artifact_root: What ``mlflow-artifacts:/`` stands for.

    Raises:
        NotFound: There is no such folder.
        InvalidInput: It holds no experiment, or PyYAML is not installed.
    """

    def __init__(
        self, folder: Path, experiments: Sequence[str] = (), artifact_root: str | None = None
    ) -> None:
        self._folder = folder
        self._names = frozenset(experiments)
        self._root = artifact_root
        self._left_out: dict[str, int] = {}
        self._load = _yaml_loader()
        if not folder.is_dir():
            raise NotFound(
                ErrorCode.OBJECT_NOT_FOUND, f"there is no folder {folder}", path=str(folder)
            )
        if not any(self._experiment_folders()):
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"{folder} is no file store of MLflow: no folder in it has a meta.yaml",
                path=str(folder),
            )

    @property
    def label(self) -> str:
        return str(self._folder)

    def experiments(self) -> Iterator[ForeignExperiment]:
        for folder in self._experiment_folders():
            meta = self._meta(folder)
            name = str(meta.get("name", folder.name))
            if self._names and name not in self._names:
                continue
            is_deleted = meta.get("lifecycle_stage") == "deleted"
            yield ForeignExperiment(
                key=str(folder.relative_to(self._folder)),
                name=name,
                wanted_id=folder.name if folder.name.isdecimal() else None,
                lifecycle="deleted" if is_deleted else "active",
                tags=_texts(folder / "tags"),
            )

    def runs(self, experiment: ForeignExperiment) -> Iterator[ForeignRun]:
        parent = self._folder / experiment.key
        for folder in _folders(parent):
            if folder.name in _NO_RUNS:
                if folder.name == "traces":
                    self._count("traces", len(list(_folders(folder))))
                continue
            if not (folder / "meta.yaml").is_file():
                self._count("folders without meta.yaml")
                continue
            meta = self._meta(folder)
            info = {
                "run_id": meta.get("run_id") or meta.get("run_uuid") or folder.name,
                "name": meta.get("run_name") or meta.get("name"),
                "lifecycle": meta.get("lifecycle_stage"),
                **meta,
            }
            yield as_run(
                info,
                _texts(folder / "params"),
                _texts(folder / "tags"),
                self._inputs(parent, folder),
                origin=(folder, str(meta.get("artifact_uri") or "")),
            )

    def points(self, run: ForeignRun) -> Iterator[Stretch]:
        folder: Path = run.origin[0] / "metrics"
        for file in _files(folder):
            key = file.relative_to(folder).as_posix()
            stretch = Stretch(key, [], [], [])
            with file.open(encoding="utf-8") as lines:
                for line in lines:
                    fields = line.split()
                    if len(fields) < 2 or not line.endswith("\n"):
                        self._count("lines of metrics that are not whole")
                        continue
                    stretch.timestamps.append(int(fields[0]) * 1000)
                    stretch.values.append(float(fields[1]))
                    stretch.steps.append(int(fields[2]) if len(fields) > 2 else 0)
                    if len(stretch.steps) == _POINTS_AT_ONCE:
                        yield stretch
                        stretch = Stretch(key, [], [], [])
            yield stretch

    def console(self, _run: ForeignRun) -> Iterable[ConsoleLine]:
        return ()

    def files(self, run: ForeignRun) -> Iterator[ForeignFile]:
        folder, location = run.origin
        return self._tree(location, folder / "artifacts")

    def models(self, experiments: dict[str, str]) -> ForeignModels:
        found = ForeignModels()
        for key, experiment_id in experiments.items():
            for folder in _folders(self._folder / key / "models"):
                if not (folder / "meta.yaml").is_file():
                    continue
                meta = self._meta(folder)
                row = {
                    **meta,
                    "creation_timestamp_ms": meta.get("creation_timestamp"),
                    "last_updated_timestamp_ms": meta.get("last_updated_timestamp"),
                }
                params, tags = _texts(folder / "params"), _texts(folder / "tags")
                found.logged.append(as_logged(row, experiment_id, params, tags))
                found.locations[row["model_id"]] = str(folder / "artifacts")
        if not self._names:
            self._registry(found)
        return found

    def model_files(self, location: str) -> Iterator[ForeignFile]:
        return trees.below(location, self._folder.parent, self._root)

    def left_out(self) -> dict[str, int]:
        return self._left_out

    def close(self) -> None:
        return

    def _registry(self, found: ForeignModels) -> None:
        for folder in _folders(self._folder / "models"):
            if not (folder / "meta.yaml").is_file():
                continue
            meta = _dated(self._meta(folder))
            found.registered.append(as_registered(meta, _texts(folder / "tags")))
            for alias, version in _texts(folder / "aliases").items():
                row = {"name": meta["name"], "alias": alias, "version": version}
                found.aliases.append(as_alias(row))
            for version_folder in folder.glob("version-*"):
                if (version_folder / "meta.yaml").is_file():
                    row = _dated(self._meta(version_folder))
                    found.versions.append(as_version(row, _texts(version_folder / "tags")))

    def _tree(self, location: str, beside: Path) -> Iterator[ForeignFile]:
        # A folder that was moved names where it was; its files have moved along.
        folder = trees.local_folder(location, self._folder.parent) if location else beside
        if folder is not None and not folder.is_dir():
            folder = beside
        return trees.below(str(folder.absolute()) if folder else location, Path(), self._root)

    def _inputs(self, experiment: Path, run: Path) -> Iterator[ForeignInput]:
        for edge in _folders(run / "inputs"):
            if not (edge / "meta.yaml").is_file():
                continue
            meta = self._meta(edge)
            dataset = experiment / "datasets" / str(meta.get("source_id"))
            if meta.get("source_type") != "DATASET" or not (dataset / "meta.yaml").is_file():
                continue
            tags = {str(key): str(value) for key, value in (meta.get("tags") or {}).items()}
            yield as_input(self._meta(dataset), tags)

    def _experiment_folders(self) -> Iterator[Path]:
        for parent in (self._folder, self._folder / ".trash"):
            for folder in _folders(parent):
                is_registry = parent == self._folder and folder.name == "models"
                if not is_registry and (folder / "meta.yaml").is_file():
                    yield folder

    def _meta(self, folder: Path) -> dict[str, Any]:
        path = folder / "meta.yaml"
        try:
            found = self._load(path.read_bytes())
        except Exception as error:
            # What PyYAML raises is of its own kinds; the file is what is wrong.
            raise InvalidInput(
                ErrorCode.INVALID_VALUE, f"{path} is no YAML: {error}", path=str(path)
            ) from error
        if not isinstance(found, dict):
            raise InvalidInput(
                ErrorCode.INVALID_VALUE, f"{path} holds no keys and values", path=str(path)
            )
        return found

    def _count(self, kind: str, count: int = 1) -> None:
        if count:
            self._left_out[kind] = self._left_out.get(kind, 0) + count


def _yaml_loader() -> Any:
    try:
        yaml: Any = import_module("yaml")
    except ImportError as error:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            "MLflow's file store is YAML, and PyYAML is not installed: pip install pyyaml",
        ) from error
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return lambda data: yaml.load(data, Loader=loader)


def _folders(parent: Path) -> Iterator[Path]:
    if parent.is_dir():
        for path in sorted(parent.iterdir()):
            if path.is_dir() and not path.name.startswith("."):
                yield path


def _files(parent: Path) -> list[Path]:
    return sorted(path for path in parent.rglob("*") if path.is_file()) if parent.is_dir() else []


def _texts(parent: Path) -> dict[str, str]:
    """Files as keys and values; a key with slashes is a folder."""
    return {
        path.relative_to(parent).as_posix(): path.read_text(encoding="utf-8")
        for path in _files(parent)
    }


def _dated(meta: dict[str, Any]) -> dict[str, Any]:
    return {
        **meta,
        "creation_time": meta.get("creation_timestamp"),
        "last_updated_time": meta.get("last_updated_timestamp"),
    }
