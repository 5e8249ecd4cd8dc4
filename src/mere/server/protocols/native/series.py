"""Series for charts: buckets of metrics of many runs, and only what is new."""

from __future__ import annotations

from typing import Any

import msgspec

from mere.entities.actor import Action, Scope
from mere.server.operations import Answer, Call, Permission
from mere.server.protocols.native.arrow import ARROW, arrow_answer, wants_arrow
from mere.server.protocols.native.wire import operation
from mere.services.portal.series import PanelState, SeriesRequest

__all__ = ["OPERATIONS"]

CURSOR_HEADER = "Mere-Cursor"
_ANYTHING = Permission(Action.READ, lambda call: Scope.anything())  # noqa: ARG005


class SeriesPage(msgspec.Struct):
    """What is new in some panels, as JSON; as Arrow, the series are rows.

    Args:
        cursor: What to send as ``since`` next.
        panels: The panels in which something changed.
        series: A row for each series with buckets to show.
    """

    cursor: str
    panels: list[PanelState]
    series: list[dict[str, Any]]


@operation(
    "POST",
    "/api/v1/series",
    permission=_ANYTHING,
    request=SeriesRequest,
    answer=SeriesPage,
    sends={200: ARROW, 204: ""},
)
def read_series(call: Call) -> SeriesPage | Answer:
    """Exact buckets of metrics of many runs, as Arrow; nothing (204) where nothing is new."""
    request: SeriesRequest = call.data
    warehouse = call.warehouse
    readable = warehouse.access.readable_experiments(call.actor)
    for panel in request.panels:
        panel.runs = warehouse.run_homes.readable(panel.runs, readable)
    answer = warehouse.series.read(request)
    if answer.rows is None:
        return Answer(status=204, headers={CURSOR_HEADER: answer.cursor})
    if not wants_arrow(call, by_default=True):
        return SeriesPage(answer.cursor, answer.panels, answer.rows.to_pylist())
    said = {"cursor": answer.cursor.encode(), "panels": msgspec.json.encode(answer.panels)}
    return arrow_answer(answer.rows, said)


OPERATIONS = (read_series,)
