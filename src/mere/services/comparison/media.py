"""Images, sounds, tables and other files of many runs, side by side by their name and step.

A file that was logged at a step lies at ``<name>/<step>.<ending>``, the step with zeros before it;
its name is what stands before the step. Files without a step go by their whole path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from mere.errors import ErrorCode, InvalidInput

if TYPE_CHECKING:
    from mere.lake import Lake

__all__ = ["MediaKey", "MediaPage", "MediaWanted", "Medium", "read_media"]

KEYS_MAX = 500
RUNS_MAX = 200
STEPS_MAX = 10_000
_KINDS = ("image", "figure", "audio", "table", "histogram", "text", "json", "file")
# Kinds in the order in which people want to see them are above; below, a path's name and step.
_NAMED = (
    "with named as (select owner, path, kind, size, digest, media_type, step, caption, "
    "case when step is not null and regexp_matches(path, '/0*' || step || '(\\.[^/.]+)?$') "
    "then regexp_replace(path, '/0*' || step || '(\\.[^/.]+)?$', '') else path end as name, "
    "case when step is not null and regexp_matches(path, '/0*' || step || '(\\.[^/.]+)?$') "
    "then step end as position from artifacts where owner = any($ids)) "
)


class MediaWanted(msgspec.Struct):
    """Which files.

    Args:
        name: Of which name; empty for a list of the names.
        step: The file of this step of each run, or the last one before it; by default, the last.
        kind: Only names of this kind.
        search: Words; only names that hold all of them.
        offset: Leave out so many names, or runs.
        limit: At most so many.
    """

    name: str = ""
    step: int | None = None
    kind: Literal["", "image", "figure", "audio", "table", "histogram", "text", "json", "file"] = ""
    search: str = ""
    offset: int = 0
    limit: int = 50


class MediaKey(msgspec.Struct):
    """A name that files of some runs go by.

    Args:
        name: The name.
        kind: What most of its files are.
        runs: How many runs have it.
        versions: How many different contents its files have.
        steps: How many steps there are.
    """

    name: str
    kind: str
    runs: int
    versions: int
    steps: int


class Medium(msgspec.Struct):
    """The file of one run."""

    run_id: str
    path: str
    kind: str
    size: int
    digest: str | None
    media_type: str | None
    step: int | None
    caption: str | None


class MediaPage(msgspec.Struct):
    """Names, or the files of one name.

    Args:
        total: How many names there are.
        names: The names in the window.
        steps: Of one name: all steps at which some run has a file, in order.
        files: Of one name: the files of the runs in the window.
        runs: Of one name: the ids of these runs, those without a file included.
    """

    total: int
    names: list[MediaKey] = []
    steps: list[int] = []
    files: list[Medium] = []
    runs: list[str] = []


def read_media(lake: Lake, ids: list[str], wanted: MediaWanted) -> MediaPage:
    """The names of the files of some runs, or the files of one name.

    Args:
        lake: Where they are stored.
        ids: The runs, in order.
        wanted: Which.

    Raises:
        InvalidInput: It asks for too much.
    """
    most = RUNS_MAX if wanted.name else KEYS_MAX
    if not (0 <= wanted.limit <= most and wanted.offset >= 0):
        raise InvalidInput(
            ErrorCode.LIMIT_EXCEEDED, f"{wanted.limit} at once: ask for 0 to {most}", limit=most
        )
    return _files(lake, ids, wanted) if wanted.name else _names(lake, ids, wanted)


def _names(lake: Lake, ids: list[str], wanted: MediaWanted) -> MediaPage:
    rows = lake.sql(
        _NAMED + "select name, mode(kind) as kind, count(distinct owner) as runs, "
        "count(distinct digest) as versions, count(distinct position) as steps "
        "from named group by name",
        params={"ids": ids},
    ).to_pylist()
    words = wanted.search.lower().split()
    found = [
        msgspec.convert({**row, "kind": row["kind"] or "file"}, MediaKey)
        for row in rows
        if all(word in row["name"].lower() for word in words)
        and (not wanted.kind or row["kind"] == wanted.kind)
    ]
    order = {kind: at for at, kind in enumerate(_KINDS)}
    found.sort(key=lambda one: (order.get(one.kind, len(order)), -one.runs, one.name))
    return MediaPage(len(found), found[wanted.offset : wanted.offset + wanted.limit])


def _files(lake: Lake, ids: list[str], wanted: MediaWanted) -> MediaPage:
    shown = ids[wanted.offset : wanted.offset + wanted.limit]
    steps = lake.sql(
        _NAMED + "select distinct position from named where name = $name and position is not null "
        f"order by position limit {STEPS_MAX}",
        params={"ids": ids, "name": wanted.name},
    )["position"].to_pylist()
    rows = lake.sql(
        _NAMED + "select owner as run_id, path, kind, size, digest, media_type, position as step, "
        "caption from named where name = $name "
        "and ($step is null or position is null or position <= $step) qualify "
        "row_number() over (partition by owner order by position desc nulls last, path) = 1",
        params={"ids": shown, "name": wanted.name, "step": wanted.step},
    ).to_pylist()
    place = {run_id: at for at, run_id in enumerate(shown)}
    rows.sort(key=lambda row: place[row["run_id"]])
    files = [msgspec.convert({**row, "kind": row["kind"] or "file"}, Medium) for row in rows]
    return MediaPage(len(ids), steps=steps, files=files, runs=shown)
