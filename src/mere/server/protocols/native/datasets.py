"""Datasets: found, looked into, compared and described; their data is written by the SDK."""

from __future__ import annotations

import mimetypes
import threading
from typing import Any, Final

import msgspec

from mere.entities.actor import Action, Scope
from mere.entities.artifact import Artifact
from mere.entities.dataset import PURGED, Dataset, DatasetFile, DatasetKind
from mere.entities.dataset_diff import DatasetDiff
from mere.errors import ErrorCode, InvalidInput, NotFound, PermissionDenied
from mere.server.operations import Answer, Call
from mere.server.protocols.native.artifacts import safe_headers
from mere.server.protocols.native.wire import EDIT, READ, operation
from mere.server.transfers import FILE, send_artifact
from mere.services.datasets.cards import DatasetCard
from mere.services.datasets.catalogue import DatasetPage, Usage
from mere.services.datasets.description import DatasetDescription, describe
from mere.services.datasets.images import image_type
from mere.services.datasets.rows import RowWindow, read_value, read_window
from mere.services.lineage.walk import Readable

__all__ = ["OPERATIONS"]

_PATH = "/api/v1/datasets"
_VERSIONS = "/api/v1/dataset-versions"
_ONE = f"{_VERSIONS}/{{dataset_id}}"
_PAGE_MAX = 1_000
_SAMPLE_MAX = 100
_INLINE_BYTES_MAX = 16 << 20
# Comparing rows takes time in proportion to them; beyond this it is left to the command line.
_COMPARED_ROWS_MAX = 5_000_000
_COMPARED_BYTES_MAX = 256 << 20
_comparing: Final = threading.BoundedSemaphore(2)


class DatasetSearch(msgspec.Struct):
    """Which datasets.

    Args:
        text: Words that a name or a tag (``key=value``) holds.
        order: ``name``, ``versions``, ``rows``, ``bytes``, ``written``, ``used`` or ``runs``.
        is_descending: Whether the largest come first.
        offset: Leave out so many.
        limit: At most so many.
    """

    text: str = ""
    order: str = "written"
    is_descending: bool = True
    offset: int = 0
    limit: int = 100


class Named(msgspec.Struct):
    """Which dataset, or which version of it: the newest where none is said."""

    name: str
    version: int | None = None


class CardChange(msgspec.Struct):
    """Notes of a dataset, and those they replace."""

    name: str
    notes: str
    was: str | None = None


class VersionsQuery(msgspec.Struct):
    """Which stretch of the versions of a dataset."""

    name: str
    offset: int = 0
    limit: int = 100


class VersionRow(msgspec.Struct):
    """A version in a list."""

    version: int
    dataset_id: str
    kind: str
    rows: int | None
    files: int | None
    bytes: int | None
    digest: str | None
    tags: dict[str, str]
    run_id: str | None
    created_by: str | None
    created_at: Any
    lifecycle: str


class VersionPage(msgspec.Struct):
    """Some versions, the newest first, and how many there are."""

    versions: list[VersionRow]
    total: int


class UsageQuery(msgspec.Struct):
    """Of which dataset or version, and which stretch of its runs."""

    name: str | None = None
    dataset_id: str | None = None
    offset: int = 0
    limit: int = 100


class Version(msgspec.Struct):
    """Which version."""

    dataset_id: str = ""


class TagChange(msgspec.Struct):
    """Tags to set; one of null is removed."""

    dataset_id: str = ""
    tags: dict[str, str | None] = {}


class RowsQuery(msgspec.Struct):
    """Which rows and columns of a version."""

    dataset_id: str = ""
    offset: int = 0
    limit: int = 100
    column: list[str] = []


class ValueQuery(msgspec.Struct):
    """Which value of a version."""

    row: int
    column: str
    dataset_id: str = ""


class FilesQuery(msgspec.Struct):
    """Which files of a version: those whose paths hold all words."""

    dataset_id: str = ""
    text: str = ""
    offset: int = 0
    limit: int = 200


class FilePage(msgspec.Struct):
    """Some files, by path, how many there are and how large they are together."""

    files: list[DatasetFile]
    total: int
    bytes: int


class FilePath(msgspec.Struct):
    """Which file of a version.

    Args:
        path: Its path.
        dataset_id: The version.
        inline: Whether it is to be shown, where that is harmless.
    """

    path: str
    dataset_id: str = ""
    inline: bool = False


class DiffQuery(msgspec.Struct):
    """The version before, and how many different rows to show."""

    before: str
    dataset_id: str = ""
    sample: int = 20


@operation("GET", _PATH, permission=READ, request=DatasetSearch, answer=DatasetPage)
def search_datasets(call: Call) -> DatasetPage:
    """Search datasets, each with its newest version."""
    data: DatasetSearch = call.data
    return call.warehouse.datasets.catalogue.search(
        data.text,
        order=data.order,
        is_descending=data.is_descending,
        offset=data.offset,
        limit=data.limit,
        readable=Readable.by(call.warehouse.access, call.actor),
    )


@operation("GET", f"{_PATH}/card", permission=READ, request=Named, answer=DatasetCard)
def get_card(call: Call) -> DatasetCard:
    """What people wrote about a dataset."""
    return call.warehouse.datasets.cards.get(call.data.name)


@operation("PATCH", f"{_PATH}/card", permission=EDIT, request=CardChange, answer=DatasetCard)
def change_card(call: Call) -> DatasetCard:
    """Write notes about a dataset; refused where others wrote them meanwhile."""
    data: CardChange = call.data
    return call.warehouse.datasets.cards.set_notes(
        data.name, data.notes, changed_by=call.actor.name, expected=data.was
    )


@operation("GET", f"{_PATH}/versions", permission=READ, request=VersionsQuery, answer=VersionPage)
def list_versions(call: Call) -> VersionPage:
    """A stretch of the versions of a dataset, those in the bin included."""
    data: VersionsQuery = call.data
    _check_page(data.offset, data.limit)
    found = call.warehouse.datasets.of(data.name)
    rows = found.slice(data.offset, data.limit).to_pylist(maps_as_pydicts="lossy")
    return VersionPage(
        [VersionRow(**{**row, "tags": row["tags"] or {}}) for row in rows], found.num_rows
    )


@operation("GET", f"{_PATH}/usage", permission=READ, request=UsageQuery, answer=Usage)
def read_usage(call: Call) -> Usage:
    """Who used a dataset or one version: runs, and what models came of them."""
    data: UsageQuery = call.data
    if (data.name is None) == (data.dataset_id is None):
        raise InvalidInput(ErrorCode.INVALID_VALUE, "give either name or dataset_id")
    return call.warehouse.datasets.catalogue.usage(
        name=data.name,
        dataset_id=data.dataset_id,
        offset=data.offset,
        limit=data.limit,
        readable=Readable.by(call.warehouse.access, call.actor),
    )


@operation("GET", f"{_PATH}/version", permission=READ, request=Named, answer=DatasetDescription)
def find_version(call: Call) -> DatasetDescription:
    """A version by its name and number, by default the newest."""
    data: Named = call.data
    versions = call.warehouse.datasets
    for row in versions.of(data.name).to_pylist(maps_as_pydicts="lossy"):
        if row["version"] == data.version:  # also one in the bin
            return _described(call, versions.get(row["dataset_id"]))
    return _described(call, versions.find(data.name, data.version))


@operation("GET", _ONE, permission=READ, request=Version, answer=DatasetDescription)
def get_version(call: Call) -> DatasetDescription:
    """A version by its id: schema, profile, source, digest, tags."""
    return _described(call, _version(call))


@operation("PATCH", _ONE, permission=EDIT, request=TagChange, answer=DatasetDescription)
def change_version(call: Call) -> DatasetDescription:
    """Set or remove tags of a version; its data never changes."""
    found = _version(call)
    call.warehouse.datasets.set_tags(found, call.data.tags)
    return _described(call, _version(call))


@operation("DELETE", _ONE, permission=EDIT, request=Version, status=204)
def delete_version(call: Call) -> None:
    """Put a version into the bin."""
    found = _version(call)
    call.warehouse.datasets.delete(found.name, found.version)


@operation("POST", f"{_ONE}/restore", permission=EDIT, request=Version, status=204)
def restore_version(call: Call) -> None:
    """Take a version out of the bin."""
    found = _version(call)
    call.warehouse.datasets.restore(found.name, found.version)


@operation("GET", f"{_ONE}/rows", permission=READ, request=RowsQuery, answer=RowWindow)
def read_rows(call: Call) -> RowWindow:
    """Some rows of a version that is a table; long values are cut."""
    data: RowsQuery = call.data
    return read_window(
        call.warehouse.lake,
        _version(call),
        offset=data.offset,
        limit=data.limit,
        columns=data.column,
    )


@operation(
    "GET", f"{_ONE}/value", permission=READ, request=ValueQuery, sends={200: "*/*"}, is_stream=True
)
def read_one_value(call: Call) -> Answer:
    """One value of a version that is a table, whole: text, or the bytes of an image."""
    data: ValueQuery = call.data
    value = read_value(call.warehouse.lake, _version(call), data.row, data.column)
    headers = {
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Content-Disposition": "attachment",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, max-age=3600",
    }
    if isinstance(value, str):
        return Answer(value.encode(), "text/plain; charset=utf-8", headers=headers)
    return Answer(value, image_type(value) or "application/octet-stream", headers=headers)


@operation("GET", f"{_ONE}/files", permission=READ, request=FilesQuery, answer=FilePage)
def list_files(call: Call) -> FilePage:
    """Some files of a version that is made of files."""
    data: FilesQuery = call.data
    _check_page(data.offset, data.limit)
    words = data.text.lower().split()
    found = [
        one
        for one in call.warehouse.datasets.files.list(_version(call))
        if all(word in one.path.lower() for word in words)
    ]
    shown = found[data.offset : data.offset + data.limit]
    return FilePage(shown, len(found), sum(one.size for one in found))


@operation("GET", f"{_ONE}/file", permission=READ, request=FilePath, is_stream=True, sends=FILE)
async def read_file(call: Call) -> Any:
    """The content of a file of a version; a download unless a harmless kind is asked inline."""
    data: FilePath = call.data
    found = await call.in_thread(_file, call)
    if not data.inline or found.size > _INLINE_BYTES_MAX:
        return await send_artifact(call, found)
    content = await call.in_thread(call.warehouse.lake.blobs.get, found.location)
    headers = safe_headers(found, inline=True)
    return Answer(content, headers.pop("Content-Type"), headers=headers)


@operation("GET", f"{_ONE}/diff", permission=READ, request=DiffQuery, answer=DatasetDiff)
def diff_versions(call: Call) -> DatasetDiff:
    """What is different from another version: columns, rows, files.

    Rows are compared where both are stored here and not too many; else only what is known of them.
    """
    data: DiffQuery = call.data
    if not 0 <= data.sample <= _SAMPLE_MAX:
        raise InvalidInput(
            ErrorCode.LIMIT_EXCEEDED,
            f"sample {data.sample}: ask for 0 to {_SAMPLE_MAX}",
            limit=_SAMPLE_MAX,
        )
    datasets = call.warehouse.datasets
    before, after = datasets.get(data.before), _version(call)
    with _comparing:
        return datasets.diff(before, after, sample=data.sample, may_read=_may_compare)


def _may_compare(dataset: Dataset) -> bool:
    return (
        dataset.kind is DatasetKind.TABLE
        and (dataset.rows or 0) <= _COMPARED_ROWS_MAX
        and (dataset.bytes or 0) <= _COMPARED_BYTES_MAX
    )


def _version(call: Call) -> Dataset:
    """The version that is meant; what was removed for good is not found.

    Raises:
        NotFound: There is none.
    """
    found = call.warehouse.datasets.get(call.data.dataset_id)
    if found.lifecycle == PURGED:
        raise NotFound(
            ErrorCode.DATASET_NOT_FOUND,
            f"dataset {found.label} was removed for good",
            dataset=found.label,
        )
    return found


def _described(call: Call, dataset: Dataset) -> DatasetDescription:
    described = describe(dataset)
    numbers = [
        row["version"]
        for row in call.warehouse.datasets.of(dataset.name).to_pylist(maps_as_pydicts="lossy")
        if row["version"] is not None and row["lifecycle"] == "active"
    ]
    described.previous = max((n for n in numbers if n < dataset.version), default=None)
    described.next = min((n for n in numbers if n > dataset.version), default=None)
    if dataset.run_id is not None:
        try:
            call.warehouse.access.authorize(call.actor, Action.READ, Scope.run(dataset.run_id))
            described.experiment_id = call.warehouse.run_homes.of([dataset.run_id]).get(
                dataset.run_id
            )
        except PermissionDenied:
            described.run_id = None
    return described


def _file(call: Call) -> Artifact:
    data: FilePath = call.data
    dataset = _version(call)
    found = call.warehouse.datasets.files.find(dataset, data.path)
    return Artifact(
        owner=dataset.dataset_id,
        path=found.path,
        kind="file",
        size=found.size,
        digest=found.digest,
        media_type=mimetypes.guess_type(found.path)[0],
        location=f"objects/{found.digest}",
    )


def _check_page(offset: int, limit: int) -> None:
    if not (1 <= limit <= _PAGE_MAX and offset >= 0):
        raise InvalidInput(
            ErrorCode.LIMIT_EXCEEDED,
            f"{limit} behind {offset}: ask for 1 to {_PAGE_MAX:,}",
            limit=_PAGE_MAX,
        )


OPERATIONS = (
    search_datasets,
    get_card,
    change_card,
    list_versions,
    read_usage,
    find_version,
    get_version,
    change_version,
    delete_version,
    restore_version,
    read_rows,
    read_one_value,
    list_files,
    read_file,
    diff_versions,
)
