"""Reading back what runs kept: lists, downloads, tables, open files. Here errors are raised."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mere.client.documents import PARQUET
from mere.client.run import Run
from mere.entities.artifact import Artifact
from mere.errors import CorruptData, ErrorCode, InvalidInput
from mere.services.warehouse import Warehouse, open_warehouse

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["default_folder", "download", "list_artifacts", "load_table", "open_artifact"]


def list_artifacts(
    run: Run | str, prefix: str = "", *, warehouse: str | None = None
) -> list[Artifact]:
    """Return the artifacts of a run, by path.

    Args:
        run: The run, its id, the beginning of its id, or its name.
        prefix: Only the one at this path, or those in the folder of this name.
        warehouse: Where to look; by default, where the run is, or what ``MERE_WAREHOUSE`` says.

    Raises:
        NotFound: There is no such run.
    """
    opened, run_id, _ = _find(run, warehouse)
    return opened.artifacts.list(run_id, prefix)


def download(
    run: Run | str,
    path: str = "",
    to: str | os.PathLike[str] | None = None,
    *,
    warehouse: str | None = None,
) -> Path:
    """Copy artifacts of a run into a local folder, each verified by its digest.

    Files keep their paths: ``model/weights`` becomes ``<to>/model/weights``. What is there already
    is left alone, so a download that was cut short goes on.

    Args:
        run: The run, its id, the beginning of its id, or its name.
        path: A path, a folder of the run, or '' for everything.
        to: The local folder; by default, one of the run's name in the current folder.
        warehouse: Where to look; by default, where the run is, or what ``MERE_WAREHOUSE`` says.

    Returns:
        Where the file or folder is now.

    Raises:
        NotFound: There is no such run, or nothing at that path.
        CorruptData: What is stored is not what was logged.
        InvalidInput: A file cannot be written.
    """
    opened, run_id, name = _find(run, warehouse)
    return opened.artifacts.download(run_id, path, Path(name if to is None else to))


def open_artifact(run: Run | str, path: str, *, warehouse: str | None = None) -> io.BufferedReader:
    """Open an artifact as a binary file, read piece by piece as it is asked for.

    Raises:
        NotFound: There is no such run or artifact.
    """
    opened, run_id, _ = _find(run, warehouse)
    return opened.artifacts.open(run_id, path)


def load_table(run: Run | str, path: str, *, warehouse: str | None = None) -> pa.Table:
    """Return a table that was logged, as an Arrow table.

    Args:
        run: The run, its id, the beginning of its id, or its name.
        path: Its path, such as ``media/predictions.parquet``, or its name alone, such as
            ``predictions``.
        warehouse: Where to look; by default, where the run is, or what ``MERE_WAREHOUSE`` says.

    Raises:
        NotFound: There is no such run or artifact.
        InvalidInput: It is no Parquet file.
        CorruptData: What is stored is not what was logged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    opened, run_id, _ = _find(run, warehouse)
    named = f"media/{path}.parquet"
    if not opened.artifacts.list(run_id, path) and opened.artifacts.list(run_id, named):
        path = named
    found = opened.artifacts.get(run_id, path)
    if found.media_type != PARQUET:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"artifact {path!r} is {found.media_type or 'of no known type'}, no Parquet file: "
            "`mere.open_artifact` opens any file",
            path=path,
        )
    data = opened.artifacts.read(run_id, path)
    try:
        return pq.read_table(io.BytesIO(data))
    except pa.ArrowException as error:
        raise CorruptData(
            ErrorCode.BAD_OBJECT, f"artifact {path!r} is no readable Parquet file: {error}"
        ) from error


def _find(run: Run | str, warehouse: str | None) -> tuple[Warehouse, str, str]:
    """The warehouse, the run's id, and a name for a folder of its files."""
    if isinstance(run, Run):
        return (
            open_warehouse(warehouse or run.warehouse),
            run.run_id,
            default_folder(run.name, run.run_id),
        )
    opened = open_warehouse(warehouse)
    found = opened.runs.find(run)
    return opened, found.run_id, default_folder(found.name, found.run_id)


def default_folder(name: str | None, run_id: str) -> str:
    """A run's name where it can be that of a folder here, else its id."""
    is_plain = name and len(name) < 100 and name.isprintable() and name[0] not in ".~-"
    return name if name and is_plain and not set(name) & set('/\\:*?"<>|') else run_id
