"""The columns of runs that searches read, kept in memory; see `mere.lake.kept`.

Whoever searches runs does so again in a moment: a grid that is sorted anew, a sweep that asks for
its best run after each trial. Then maps of params and metrics are taken apart once for each file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mere.search.sql import Parameters

if TYPE_CHECKING:
    from mere.search.binding import Field

__all__ = ["JOINED", "KeptParameters"]

JOINED = "experiment"
"""The one column of a run that is another table's."""

_BASE = (
    "experiment_id",
    "parent_run_id",
    "kind",
    "name",
    "status",
    "lifecycle",
    "started_at",
    "ended_at",
    "created_by",
    "heartbeat_at",
    "deleted_at",
    "updated_at",
    "group_name",
)


class KeptParameters(Parameters):
    """Parameters of a query over kept columns: what is read becomes one of those.

    Args:
        now_us: What time it is, for all that depends on it.
    """

    def __init__(self, now_us: int) -> None:
        super().__init__(now_us)
        self.columns: dict[str, str] = {name: name for name in _BASE}

    def read(self, what: Field) -> str:
        """The SQL for a field's value: a column of the kept rows, where it is one of the run's."""
        from mere.lake.kept import column_name, text_literal

        expression = what.expression
        if what.related is not None or "$now_us" in expression:
            return super().read(what)
        if expression in self.columns or expression in (JOINED, "run_id"):
            return expression
        if what.key is not None:
            expression = expression.replace("{}", text_literal(what.key))
        name = column_name(expression)
        self.columns[name] = expression
        return name
