"""Models: the rows of logged and registered models, their versions and aliases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mere.services.imports import changed_rows

if TYPE_CHECKING:
    from mere.lake import Lake

__all__ = ["ModelRows"]


class ModelRows:
    """Takes models in as they were elsewhere; what is here already and equal is not written.

    Args:
        lake: Where they are stored.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def take(
        self,
        *,
        logged: Sequence[dict[str, Any]] = (),
        registered: Sequence[dict[str, Any]] = (),
        versions: Sequence[dict[str, Any]] = (),
        aliases: Sequence[dict[str, Any]] = (),
    ) -> int:
        """Write rows; a column that is None stays as it is here.

        Returns:
            How many models and versions were given.
        """
        given = {
            "logged_models": logged,
            "registered_models": registered,
            "model_versions": versions,
            "model_aliases": aliases,
        }
        changed = {table: changed_rows(self._lake, table, rows) for table, rows in given.items()}
        with self._lake.batch() as batch:
            for table, rows in changed.items():
                batch.patch(table, rows)
        return len(logged) + len(registered) + len(versions)
