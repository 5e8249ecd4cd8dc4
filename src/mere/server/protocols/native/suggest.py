"""Suggestions for the query bar, and the catalogues of keys that it and the charts choose from."""

from __future__ import annotations

from typing import Literal

import msgspec

from mere.entities.actor import Action, Scope
from mere.server.operations import Call, Permission
from mere.server.protocols.native.wire import operation
from mere.services.portal.key_catalogue import KeyPage
from mere.services.portal.suggestions import SuggestionPage

__all__ = ["OPERATIONS"]

_ANYTHING = Permission(Action.READ, lambda call: Scope.anything())  # noqa: ARG005


class SuggestRequest(msgspec.Struct):
    """A filter as far as it was written.

    Args:
        text: The filter.
        at: Where the cursor is; by default, at the end.
        experiments: Whose keys and values to suggest; by default, of all that may be read.
        of: What is filtered.
    """

    text: str = ""
    at: int | None = None
    experiments: list[str] | None = None
    of: Literal["runs", "traces"] = "runs"


class KeysQuery(msgspec.Struct):
    """A page of the tree of keys: a level of it, or what a search finds."""

    family: str = "metrics"
    experiment: list[str] = []
    below: str = ""
    search: str = ""
    offset: int = 0
    limit: int = 200


class RunKeysQuery(msgspec.Struct):
    """The same for one run."""

    run_id: str = ""
    family: str = "metrics"
    below: str = ""
    search: str = ""
    offset: int = 0
    limit: int = 200


@operation(
    "POST",
    "/api/v1/suggest",
    permission=_ANYTHING,
    request=SuggestRequest,
    answer=SuggestionPage,
)
def suggest(call: Call) -> SuggestionPage:
    """What may stand at the cursor of a filter, and what is wrong with it where."""
    data: SuggestRequest = call.data
    within = _within(call, data.experiments)
    return call.warehouse.suggestions.read(data.text, data.at, within, data.of)


@operation(
    "GET",
    "/api/v1/keys/{family}",
    permission=_ANYTHING,
    request=KeysQuery,
    answer=KeyPage,
)
def list_keys(call: Call) -> KeyPage:
    """Metrics, params or tags that runs have, as a tree or as the finds of a search."""
    data: KeysQuery = call.data
    catalogue = call.warehouse.key_catalogue
    keys = catalogue.of_experiments(data.family, _within(call, data.experiment or None))
    return catalogue.page(
        keys, below=data.below, search=data.search, offset=data.offset, limit=data.limit
    )


@operation(
    "GET",
    "/api/v1/runs/{run_id}/keys/{family}",
    permission=Permission(Action.READ, lambda call: Scope.run(call.data.run_id)),
    request=RunKeysQuery,
    answer=KeyPage,
)
def list_run_keys(call: Call) -> KeyPage:
    """Metrics, params or tags of one run, as a tree or as the finds of a search."""
    data: RunKeysQuery = call.data
    catalogue = call.warehouse.key_catalogue
    keys = catalogue.of_run(data.family, data.run_id)
    return catalogue.page(
        keys, below=data.below, search=data.search, offset=data.offset, limit=data.limit
    )


def _within(call: Call, experiments: list[str] | None) -> list[str] | None:
    """Those of some experiments that the caller may read; None where it is all there are."""
    readable = call.warehouse.access.readable_experiments(call.actor)
    if readable is None:
        return experiments
    return sorted(readable if experiments is None else readable.intersection(experiments))


OPERATIONS = (suggest, list_keys, list_run_keys)
