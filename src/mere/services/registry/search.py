"""Searching the registry; prompts are shown only to those who ask for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypedDict, TypeVar

from mere.entities.model import PROMPT_TAG, ModelVersion, RegisteredModel
from mere.search.models import MODEL_VERSIONS, MODELS
from mere.services.registry.rows import aliases_of, model_entity, version_entity
from mere.services.registry.tables import MODEL_VERSIONS as VERSIONS_TABLE
from mere.services.registry.tables import REGISTERED_MODELS as MODELS_TABLE
from mere.services.runs.search import PAGE_ROWS_MAX, Page, Subject, check_page_size, find_rows

if TYPE_CHECKING:
    from mere.lake import Lake

__all__ = ["MARKED_TAGS", "ModelPage", "ModelQuery", "find_models", "find_versions"]

_T = TypeVar("_T")
MARKED_TAGS = (
    f"case when tags['{PROMPT_TAG}'] is null then "
    "map_concat(coalesce(tags, map([]::varchar[], []::varchar[])), "
    f"map(['{PROMPT_TAG}'], ['false'])) "
    "else tags end as marked_tags"
)
"""Tags that always say whether it is a prompt, so that filters can ask for both answers."""

_MODELS = f"found as (select *, {MARKED_TAGS} from registered_models)"
_VERSIONS = (
    f"found as (select * replace (coalesce(stage, 'None') as stage), "
    f"name || '/' || version as label, {MARKED_TAGS} from model_versions)"
)
_MODEL_COLUMNS = tuple(column.name for column in MODELS_TABLE.columns)
_VERSION_COLUMNS = tuple(column.name for column in VERSIONS_TABLE.columns)
_NO_PROMPT = f"lower(marked_tags['{PROMPT_TAG}']) <> 'true'"


class ModelQuery(TypedDict, total=False):
    """What to look for.

    Args:
        filter: A condition in the filter language, such as ``name like 'digits%'``.
        order: What to sort by in that language.
        with_prompts: Whether prompts are shown. A filter on their marker tag decides itself.
    """

    filter: str | None
    order: str | Sequence[str] | None
    with_prompts: bool


@dataclass(frozen=True)
class ModelPage(Generic[_T]):
    """Some of what was found.

    Args:
        items: In order.
        next_page_token: What to pass for the next page; None on the last one.
    """

    items: list[_T]
    next_page_token: str | None = None


def find_models(
    lake: Lake, now_us: int, query: ModelQuery, limit: int | None, page_token: str | None
) -> ModelPage[RegisteredModel]:
    """Registered models in use; see `Models.search`."""
    subject = Subject(MODELS, _MODELS, _MODEL_COLUMNS)
    order = _keys(query.get("order")) or ["name ASC"]
    page = _find(lake, subject, now_us, query, order, limit, page_token)
    rows = page.rows.to_pylist(maps_as_pydicts="lossy")
    aliases = aliases_of(lake, [row["name"] for row in rows])
    found = [model_entity(row, aliases[row["name"]]) for row in rows]
    return ModelPage(found, page.next_page_token)


def find_versions(
    lake: Lake, now_us: int, query: ModelQuery, limit: int | None, page_token: str | None
) -> ModelPage[ModelVersion]:
    """Versions in use; see `ModelVersions.search`."""
    subject = Subject(MODEL_VERSIONS, _VERSIONS, _VERSION_COLUMNS)
    # Last in any order, so that equal times do not shuffle the numbers.
    order = [*(_keys(query.get("order")) or ["changed_at DESC"]), "name ASC", "version DESC"]
    page = _find(lake, subject, now_us, query, order, limit, page_token)
    rows = page.rows.to_pylist(maps_as_pydicts="lossy")
    aliases = aliases_of(lake, [row["name"] for row in rows])
    found = [version_entity(row, aliases[row["name"]]) for row in rows]
    return ModelPage(found, page.next_page_token)


def _find(
    lake: Lake,
    subject: Subject,
    now_us: int,
    query: ModelQuery,
    order: Sequence[str],
    limit: int | None,
    page_token: str | None,
) -> Page:
    wanted, with_prompts = query.get("filter"), query.get("with_prompts", False)
    subject.only("coalesce(lifecycle, 'active') = 'active'")
    if not with_prompts and PROMPT_TAG not in (wanted or ""):
        subject.only(_NO_PROMPT)
    return find_rows(
        lake,
        subject,
        now_us=now_us,
        filter=wanted,
        order=order,
        columns=subject.columns,
        limit=None if limit is None else check_page_size(min(limit, PAGE_ROWS_MAX)),
        page_token=page_token,
        query=[with_prompts],
    )


def _keys(order: str | Sequence[str] | None) -> list[str]:
    return [order] if isinstance(order, str) else list(order or ())
