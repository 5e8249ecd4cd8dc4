"""mere: MLOps that lives in a mere bucket.

    import mere

    with mere.start_run("digits", params={"lr": 0.01}) as run:
        for step in range(100):
            run.log({"loss": 1 / (step + 1)}, step=step)

    mere.sql("select name, metrics['loss'] from runs")

Names are loaded when they are first used, so that importing mere costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mere.client.artifacts import download, list_artifacts, load_table, open_artifact
    from mere.client.datasets import (
        dataset,
        dataset_diff,
        dataset_reference,
        datasets,
        delete_dataset,
        restore_dataset,
    )
    from mere.client.fluent import active_run, start_run
    from mere.client.lineage import lineage
    from mere.client.logs import console
    from mere.client.outbox import sync
    from mere.client.queries import (
        delete_experiment,
        delete_runs,
        experiments,
        get_run,
        metric_history,
        restore_experiment,
        restore_runs,
        run_pages,
        runs,
        sql,
    )
    from mere.client.run import Run
    from mere.client.seeds import set_seed
    from mere.client.states import fold, tag, tags
    from mere.entities.artifact import Artifact
    from mere.entities.run import RunStatus
    from mere.errors import (
        AlreadyExists,
        Conflict,
        CorruptData,
        ErrorCode,
        Internal,
        InvalidInput,
        MereError,
        NotFound,
        PermissionDenied,
        Unauthenticated,
        Unavailable,
    )
    from mere.interchange.faces import (
        export,
        import_archive,
        import_mlflow,
        import_tensorboard,
        import_wandb,
    )
    from mere.repeat.comparison import diff
    from mere.repeat.repetition import checkout, rerun

__all__ = [
    "AlreadyExists",
    "Artifact",
    "Conflict",
    "CorruptData",
    "ErrorCode",
    "Internal",
    "InvalidInput",
    "MereError",
    "NotFound",
    "PermissionDenied",
    "Run",
    "RunStatus",
    "Unauthenticated",
    "Unavailable",
    "__version__",
    "active_run",
    "checkout",
    "console",
    "dataset",
    "dataset_diff",
    "dataset_reference",
    "datasets",
    "delete_dataset",
    "delete_experiment",
    "delete_runs",
    "diff",
    "download",
    "experiments",
    "export",
    "fold",
    "get_run",
    "import_archive",
    "import_mlflow",
    "import_tensorboard",
    "import_wandb",
    "lineage",
    "list_artifacts",
    "load_table",
    "metric_history",
    "open_artifact",
    "rerun",
    "restore_dataset",
    "restore_experiment",
    "restore_runs",
    "run_pages",
    "runs",
    "set_seed",
    "sql",
    "start_run",
    "sync",
    "tag",
    "tags",
]

__version__ = "0.1.0"

_HOMES = {
    "Artifact": "mere.entities.artifact",
    "Run": "mere.client.run",
    "RunStatus": "mere.entities.run",
    "active_run": "mere.client.fluent",
    "checkout": "mere.repeat.repetition",
    "console": "mere.client.logs",
    "dataset": "mere.client.datasets",
    "dataset_diff": "mere.client.datasets",
    "dataset_reference": "mere.client.datasets",
    "datasets": "mere.client.datasets",
    "delete_dataset": "mere.client.datasets",
    "delete_experiment": "mere.client.queries",
    "delete_runs": "mere.client.queries",
    "diff": "mere.repeat.comparison",
    "download": "mere.client.artifacts",
    "experiments": "mere.client.queries",
    "export": "mere.interchange.faces",
    "fold": "mere.client.states",
    "get_run": "mere.client.queries",
    "import_archive": "mere.interchange.faces",
    "import_mlflow": "mere.interchange.faces",
    "import_tensorboard": "mere.interchange.faces",
    "import_wandb": "mere.interchange.faces",
    "lineage": "mere.client.lineage",
    "list_artifacts": "mere.client.artifacts",
    "load_table": "mere.client.artifacts",
    "metric_history": "mere.client.queries",
    "open_artifact": "mere.client.artifacts",
    "rerun": "mere.repeat.repetition",
    "restore_dataset": "mere.client.datasets",
    "restore_experiment": "mere.client.queries",
    "restore_runs": "mere.client.queries",
    "run_pages": "mere.client.queries",
    "runs": "mere.client.queries",
    "set_seed": "mere.client.seeds",
    "sql": "mere.client.queries",
    "start_run": "mere.client.fluent",
    "sync": "mere.client.outbox",
    "tag": "mere.client.states",
    "tags": "mere.client.states",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES.get(name, "mere.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
