"""Access to a warehouse's tables: their metadata, and their files on the local disk."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from pathlib import Path

from mere import config
from mere.clock import Clock
from mere.lake.files import LocalFiles
from mere.lake.iceberg import Iceberg
from mere.lake.merge import Reading
from mere.lake.objects.store import ObjectStore
from mere.lake.settings import LakeSettings
from mere.lake.warehouse import Warehouse

__all__ = ["open_reading"]


def open_reading(
    store: ObjectStore,
    warehouse: Warehouse,
    settings: LakeSettings,
    clock: Clock,
    cache: Path | None,
) -> Reading:
    """Make what reading needs; nothing is asked of the store.

    Args:
        store: The warehouse's store.
        warehouse: Its identity.
        settings: Limits.
        clock: For names of new files.
        cache: Where copies of files go; by default, the user's cache folder.
    """
    iceberg = Iceberg(
        store,
        location=warehouse.location,
        clock=clock,
        manifests_max=settings.manifests_max,
        snapshots_kept=settings.snapshots_kept,
    )
    is_local = store.url.startswith("file://")
    is_temporary = cache is None and store.url.startswith("memory://")
    if is_temporary:
        cache = Path(tempfile.mkdtemp(prefix="mere-"))
    base = cache or config.cache_folder(config.environment())
    files = LocalFiles(
        store,
        folder=Path(store.url.removeprefix("file://")) if is_local else None,
        cache=base / "files" / warehouse.warehouse_id,
        bytes_max=settings.cache_bytes_max,
        width=settings.parallel_requests,
    )
    if is_temporary:
        weakref.finalize(files, _remove_folder, base, os.getpid())
    return Reading(store, iceberg, files)


def _remove_folder(folder: Path, pid: int) -> None:
    """Remove a temporary folder, but not in a child that was forked from its owner."""
    if os.getpid() == pid:
        shutil.rmtree(folder, ignore_errors=True)
