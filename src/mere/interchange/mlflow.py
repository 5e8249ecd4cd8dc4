"""From an address to a reader of MLflow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from mere.config import environment
from mere.errors import ErrorCode, InvalidInput

if TYPE_CHECKING:
    from mere.clock import Clock
    from mere.interchange.foreign import Source

__all__ = ["open_mlflow"]


def open_mlflow(
    address: str,
    clock: Clock,
    *,
    experiments: Sequence[str] = (),
    artifact_root: str | None = None,
) -> Source:
    """Open MLflow's store behind an address.

    Args:
        address: ``sqlite:///file.db``, a folder such as ``./mlruns``, or ``http://host:port``.
        clock: Waits between attempts.
        experiments: Only those of these names.
        artifact_root: What ``mlflow-artifacts:/`` stands for: a folder or ``s3://…``.

    Raises:
        NotFound: There is nothing at that address.
        InvalidInput: What is there is not MLflow's, or of a kind that cannot be read.
    """
    scheme = urlsplit(address).scheme
    if scheme == "sqlite":
        return _sqlite(
            address.partition("?")[0].removeprefix("sqlite:///"), experiments, artifact_root
        )
    if scheme in ("http", "https"):
        from mere.interchange.mlflow_http import MlflowServer
        from mere.interchange.web import Web

        return MlflowServer(Web(address, clock, environment()), experiments)
    if "://" in address and scheme != "file":
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"{address.partition('://')[0]}:// cannot be read directly: start `mlflow server "
            "--backend-store-uri …` on it and import from its http address",
        )
    there = Path(unquote(urlsplit(address).path) if scheme == "file" else address).expanduser()
    if there.is_file():
        return _sqlite(str(there), experiments, artifact_root)
    from mere.interchange.mlflow_files import MlflowFolder

    has_own = any(there.glob("*/meta.yaml"))
    inner = there / "mlruns"
    return MlflowFolder(
        inner if not has_own and inner.is_dir() else there, experiments, artifact_root
    )


def _sqlite(path: str, experiments: Sequence[str], artifact_root: str | None) -> Source:
    from mere.interchange.mlflow_sql import MlflowSqlite

    return MlflowSqlite(Path(path).expanduser(), experiments, artifact_root)
