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
    from mere.client.fluent import active_run, start_run
    from mere.client.queries import experiments, get_run, metric_history, runs, sql
    from mere.client.run import Run
    from mere.client.states import fold, tag, tags
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

__all__ = [
    "AlreadyExists",
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
    "experiments",
    "fold",
    "get_run",
    "metric_history",
    "runs",
    "sql",
    "start_run",
    "tag",
    "tags",
]

__version__ = "0.1.0"

_HOMES = {
    "Run": "mere.client.run",
    "RunStatus": "mere.entities.run",
    "active_run": "mere.client.fluent",
    "experiments": "mere.client.queries",
    "fold": "mere.client.states",
    "get_run": "mere.client.queries",
    "metric_history": "mere.client.queries",
    "runs": "mere.client.queries",
    "sql": "mere.client.queries",
    "start_run": "mere.client.fluent",
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
