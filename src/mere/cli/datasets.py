"""``mere datasets`` and ``mere dataset show|diff|get|put``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from cyclopts import App, Parameter
from rich.text import Text

from mere.cli.options import Options
from mere.cli.output import (
    cell,
    console,
    new_table,
    notes,
    print_json,
    progress,
    size,
    when,
)
from mere.client.capture import user_name
from mere.entities.dataset import Dataset, DatasetKind, SchemaColumn
from mere.entities.dataset_diff import DatasetDiff, FilesDiff, RowsDiff
from mere.errors import ErrorCode, InvalidInput
from mere.services.warehouse import open_warehouse

__all__ = ["dataset", "datasets", "delete", "diff", "get", "put", "restore", "show"]

_FILES_SHOWN_MAX = 50
_COLUMNS_SHOWN_MAX = 100
_VERSIONS_SHOWN_MAX = 20

dataset = App(name="dataset", help="Look at, compare, fetch and store versions of a dataset.")


def datasets(*, options: Options | None = None) -> None:
    """List datasets with their newest version, latest written first."""
    options = options or Options()
    rows = options.open().datasets.list().to_pylist()
    if options.json:
        print_json(rows)
        return
    if not rows:
        notes().print("no datasets", style="dim")
        return
    table = new_table(
        "name", ">version", ">versions", "kind", ">rows", ">files", ">size", "written"
    )
    for row in rows:
        table.add_row(
            Text(row["name"], style="bold"),
            cell(row["version"]),
            cell(row["versions"]),
            cell(row["kind"]),
            _count(row["rows"]),
            _count(row["files"]),
            cell(None if row["bytes"] is None else size(row["bytes"])),
            when(row["written_at"])[:16],
        )
    console().print(table)


@dataset.command
def show(
    name: str,
    /,
    *,
    files: Annotated[bool, Parameter(negative="")] = False,
    options: Options | None = None,
) -> None:
    """Show a version: where it is, its columns and what they hold, its files, its runs.

    Args:
        name: NAME, for the newest version, or NAME@VERSION.
        files: List all files.
        options: Where to look and how to print.
    """
    options = options or Options()
    warehouse = options.open()
    found = warehouse.datasets.resolve(name)
    listed = warehouse.datasets.files.list(found) if found.kind is DatasetKind.FILES else []
    versions = warehouse.datasets.of(found.name).to_pylist(maps_as_pydicts="lossy")
    used = warehouse.lineage.users(f"dataset:{found.dataset_id}").to_pylist()
    if options.json:
        plain = msgspec.structs.asdict(found)
        plain |= {"schema": found.columns or None, "profile": _profile(found)}
        print_json({**plain, "listed_files": listed, "versions": versions, "runs": used})
        return
    out = console()
    out.print(_heading(found, [(row["direction"], row["run_id"]) for row in used]))
    if found.columns:
        out.print(_columns(found))
    if listed:
        table = new_table("file", ">size", "digest")
        for one in listed if files else listed[:_FILES_SHOWN_MAX]:
            table.add_row(cell(one.path), size(one.size), Text(one.digest[:12], style="dim"))
        out.print(table)
        if not files and len(listed) > _FILES_SHOWN_MAX:
            left = len(listed) - _FILES_SHOWN_MAX
            notes().print(f"{left:,} more files; --files lists all", style="dim")
    if len(versions) > 1:
        out.print(_versions(versions[:_VERSIONS_SHOWN_MAX], found.version))


@dataset.command
def diff(
    before: str,
    after: str,
    /,
    *,
    sample: Annotated[int, Parameter(name=["--sample", "-n"])] = 5,
    options: Options | None = None,
) -> None:
    """Show what is different between two versions: columns, rows, files.

    Rows are compared as a multiset: their order does not matter.

    Args:
        before: NAME@VERSION, or the id of a version.
        after: NAME@VERSION, or the id of a version.
        sample: How many of the rows added and removed to show.
        options: Where to look and how to print.
    """
    options = options or Options()
    if sample < 0:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"sample {sample} is negative: give 0 or more", sample=sample
        )
    opened = options.open().datasets
    with progress("comparing"):
        found = opened.diff(opened.resolve(before), opened.resolve(after), sample=sample)
    if options.json:
        print_json(found)
        return
    _print_diff(found)


@dataset.command
def get(name: str, /, *, to: Path, options: Options | None = None) -> None:
    """Copy a version into a folder: its files, or its rows as one Parquet file.

    Files that are there already are kept, so a copy that was cut short goes on.

    Args:
        name: NAME, for the newest version, or NAME@VERSION.
        to: The folder.
        options: Where to look and how to print.
    """
    options = options or Options()
    opened = options.open().datasets
    found = opened.resolve(name)
    with _bytes_done("fetching", found.bytes or 0) as on_bytes:
        path = opened.download(found, to, on_bytes=on_bytes)
    if options.json:
        print_json({"dataset": found.label, "dataset_id": found.dataset_id, "path": path})
        return
    console().print(f"{found.label} is in {path}", soft_wrap=True)


@dataset.command
def put(
    name: str,
    paths: list[Path],
    /,
    *,
    table: Annotated[bool, Parameter(negative="")] = False,
    mode: Literal["overwrite", "append"] = "overwrite",
    follow_links: Annotated[bool, Parameter(negative="")] = False,
    options: Options | None = None,
) -> None:
    """Store files as a new version; what has not changed is not sent again.

    Args:
        name: The dataset.
        paths: A folder, whose files are stored by their paths in it; or several files and folders,
            stored by their own names.
        table: Store the rows of one Parquet, CSV, JSON-lines or Arrow file as a table instead.
        mode: With --table: overwrite, or append to the rows of the newest version.
        follow_links: Store what links point at, even where they lead out of the folder.
        options: Where to store it and how to print.
    """
    options = options or Options()
    opened = open_warehouse(options.warehouse).datasets
    if table and len(paths) != 1:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"--table takes one path, not {len(paths)}: give one"
        )
    newest = opened.newest(name)
    if table:
        with progress("storing"):
            stored = opened.tables.write(name, paths[0], mode=mode, created_by=user_name())
    else:
        with _bytes_done("storing", 0) as on_bytes:
            stored = opened.files.write(
                name,
                paths[0] if len(paths) == 1 else paths,
                follow_links=follow_links,
                created_by=user_name(),
                on_bytes=on_bytes,
            )
    is_new = newest is None or newest.dataset_id != stored.dataset_id
    if options.json:
        print_json({**msgspec.structs.asdict(stored), "is_new": is_new})
        return
    what = f"{stored.rows:,} rows" if stored.files is None else f"{stored.files:,} files"
    said = f"{what}, {size(stored.bytes or 0)}" if is_new else "nothing has changed"
    console().print(f"{stored.label}: {said}", soft_wrap=True)


@dataset.command
def delete(name: str, /, *, version: int | None = None, options: Options | None = None) -> None:
    """Put a dataset, or one version of it, into the bin; `mere dataset restore` takes it out.

    Args:
        name: The dataset, all versions of which are meant.
        version: Only this one.
        options: Where to look and how to print.
    """
    options = options or Options()
    _print_moved(options.open().datasets.delete(name, version), "put into the bin", options)


@dataset.command
def restore(name: str, /, *, version: int | None = None, options: Options | None = None) -> None:
    """Take a dataset, or one version of it, out of the bin.

    Args:
        name: The dataset, all versions of which are meant.
        version: Only this one.
        options: Where to look and how to print.
    """
    options = options or Options()
    _print_moved(options.open().datasets.restore(name, version), "taken out of the bin", options)


def _print_moved(moved: list[Dataset], verb: str, options: Options) -> None:
    if options.json:
        print_json([{"dataset": one.label, "dataset_id": one.dataset_id} for one in moved])
        return
    labels = ", ".join(one.label for one in moved)
    console().print(f"{verb}: {labels}", soft_wrap=True, markup=False)


def _heading(found: Dataset, runs: list[tuple[str, str]]) -> Text:
    text = Text()
    text.append(found.label, style="bold")
    text.append(f"  {found.kind}", style="cyan")
    text.append("" if found.lifecycle == "active" else f"  {found.lifecycle}", style="red")
    pairs: list[tuple[str, Any]] = [
        ("id", found.dataset_id),
        ("written", when(found.created_at)),
        ("by", found.created_by),
        ("digest", found.digest),
        ("rows", None if found.rows is None else f"{found.rows:,}"),
        ("files", None if found.files is None else f"{found.files:,}"),
        ("size", None if found.bytes is None else size(found.bytes)),
        ("in SQL", found.table_name),
        ("snapshot", found.snapshot_id),
        ("from", found.source),
        ("tags", ", ".join(f"{key}={value}" for key, value in sorted(found.tags.items())) or None),
    ]
    for verb, label in (("read", "read by"), ("write", "written by")):
        ids = sorted((run for direction, run in runs if direction == verb), reverse=True)
        more = f" and {len(ids) - 3} more" if len(ids) > 3 else ""
        pairs.append((label, ", ".join(one[:13] for one in ids[:3]) + more or None))
    for label, value in pairs:
        if value is not None:
            text.append(f"\n{label:>11}  ", style="dim")
            text.append(str(value))
    return text


def _columns(found: Dataset) -> Any:
    profile = {column["name"]: column for column in (_profile(found) or {}).get("columns", ())}
    table = new_table(
        "column", "type", ">nulls", ">distinct", ">min", ">mean", ">max", "most often"
    )
    for column in found.columns[:_COLUMNS_SHOWN_MAX]:
        known = profile.get(column.name, {})
        top = ", ".join(f"{value} ({count})" for value, count in known.get("top", ())[:3])
        table.add_row(
            Text(column.name, style="bold"),
            cell(_type(column)),
            _count(known.get("nulls")),
            _count(known.get("distinct")),
            cell(known.get("min")),
            cell(known.get("mean")),
            cell(known.get("max")),
            cell(top or None),
        )
    left = len(found.columns) - _COLUMNS_SHOWN_MAX
    if left > 0:
        notes().print(f"{left:,} more columns; --json shows all", style="dim")
    return table


def _versions(rows: list[dict[str, Any]], shown: int) -> Any:
    table = new_table(">version", ">rows", ">files", ">size", "written", "by", "tags", "")
    for row in rows:
        table.add_row(
            Text(str(row["version"]), style="bold" if row["version"] == shown else ""),
            _count(row["rows"]),
            _count(row["files"]),
            cell(None if row["bytes"] is None else size(row["bytes"])),
            when(row["created_at"])[:16],
            cell(row["created_by"]),
            cell(row["tags"] or None),
            Text("" if row["lifecycle"] == "active" else row["lifecycle"], style="red"),
        )
    return table


def _print_diff(found: DatasetDiff) -> None:
    out = console()
    text = Text()
    text.append(f"{found.before} → {found.after}", style="bold")
    text.append("  the same" if found.is_same else "", style="green")
    out.print(text)
    for sign, style, columns in (
        ("+", "green", found.columns_added),
        ("-", "red", found.columns_removed),
    ):
        for column in columns:
            out.print(Text(f"{sign} column {column.name}  {_type(column)}", style=style))
    for change in found.columns_changed:
        said = f"~ column {change.name}  {_type(change.before)} → {_type(change.after)}"
        out.print(Text(said, style="yellow"))
    if found.rows is not None:
        _print_rows(found.rows)
    if found.files is not None:
        _print_files(found.files)


def _print_rows(rows: RowsDiff) -> None:
    out = console()
    out.print(
        Text(
            f"rows {rows.before:,} → {rows.after:,}: {rows.added:,} added, {rows.removed:,} removed"
        )
    )
    for sign, style, sample in (
        ("+", "green", rows.added_sample),
        ("-", "red", rows.removed_sample),
    ):
        for one in sample:
            values = ", ".join(f"{name}={_shown(value)}" for name, value in one["row"].items())
            times = f"  x{one['count']:,}" if one["count"] > 1 else ""
            out.print(Text(f"{sign} {values}{times}", style=style, overflow="ellipsis"))


def _print_files(files: FilesDiff) -> None:
    out = console()
    out.print(
        Text(
            f"files: {len(files.added):,} added, {len(files.removed):,} removed, "
            f"{len(files.changed):,} changed, {files.unchanged:,} unchanged "
            f"(+{size(files.bytes_added)} -{size(files.bytes_removed)}, "
            f"{size(files.bytes_unchanged)} the same)"
        )
    )
    lines = [
        *(("+", "green", one.path, size(one.size)) for one in files.added),
        *(("-", "red", one.path, size(one.size)) for one in files.removed),
        *(
            ("~", "yellow", one.path, f"{size(one.before.size)} → {size(one.after.size)}")
            for one in files.changed
        ),
    ]
    for sign, style, path, said in lines[:_FILES_SHOWN_MAX]:
        out.print(Text(f"{sign} {path}  {said}", style=style, overflow="ellipsis"))
    if len(lines) > _FILES_SHOWN_MAX:
        left = len(lines) - _FILES_SHOWN_MAX
        notes().print(f"{left:,} more files; --json shows all", style="dim")


@contextmanager
def _bytes_done(verb: str, total: int) -> Iterator[Any]:
    """Show how many bytes are done, on standard error, if that is a terminal."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    out = notes()
    if not out.is_terminal:
        yield None
        return
    columns = (TextColumn(verb), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=out, transient=True) as shown:
        task = shown.add_task(verb, total=total or None)
        yield lambda count: shown.advance(task, count)


def _profile(found: Dataset) -> dict[str, Any] | None:
    return msgspec.json.decode(found.profile, type=dict[str, Any]) if found.profile else None


def _type(column: SchemaColumn) -> str:
    return column.type if column.nullable else f"{column.type} not null"


def _shown(value: Any) -> str:
    return value.isoformat() if isinstance(value, date | datetime | time) else repr(value)


def _count(value: int | None) -> Text:
    return cell(None if value is None else f"{value:,}")
