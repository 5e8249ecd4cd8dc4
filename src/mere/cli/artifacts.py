"""``mere artifacts``: the files of runs."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from cyclopts import App
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn
from rich.progress import TextColumn as Text
from rich.progress import TransferSpeedColumn as Speed

from mere.cli.options import Options
from mere.cli.output import cell, console, new_table, notes, print_json, size
from mere.client.artifacts import default_folder
from mere.entities.artifact import Artifact
from mere.errors import CorruptData, ErrorCode, InvalidInput
from mere.services.artifacts.folder import walk_folder

__all__ = ["app", "cat", "get", "ls", "put"]

app = App(name="artifacts", help="List, download, add and print the files of runs.")

_COPY_BYTES = 1 << 20


@app.command
def ls(run: str, prefix: str = "", /, *, options: Options | None = None) -> None:
    """List the files of a run.

    Args:
        run: The run's id, the beginning of its id, or its name.
        prefix: Only the file of this path, or those in the folder of this name.
        options: Where to look and how to print.
    """
    options = options or Options()
    warehouse = options.open()
    found = warehouse.artifacts.list(warehouse.runs.find(run).run_id, prefix)
    if options.json:
        print_json(found)
        return
    if not found:
        notes().print("no files" + (f" in {prefix}" if prefix else ""), style="dim", markup=False)
        return
    has_captions = any(one.caption for one in found)
    table = new_table("path", ">size", "kind", ">step", *(["caption"] if has_captions else []))
    for one in found:
        captions = [cell(one.caption)] if has_captions else []
        table.add_row(cell(one.path), size(one.size), cell(one.kind), cell(one.step), *captions)
    console().print(table)
    total = sum(one.size for one in found)
    notes().print(f"{_count(len(found))}, {size(total)}", style="dim")


@app.command
def get(
    run: str,
    path: str = "",
    /,
    *,
    to: Path | None = None,
    options: Options | None = None,
) -> None:
    """Download a file, a folder, or everything of a run; each file is verified.

    Files keep their paths below the folder. To ask again goes on where it was cut short.

    Args:
        run: The run's id, the beginning of its id, or its name.
        path: A file or folder of the run.
        to: The folder to put them in; by default, one of the run's name here.
        options: Where to look and how to print.
    """
    options = options or Options()
    warehouse = options.open()
    found = warehouse.runs.find(run)
    there = warehouse.artifacts.list(found.run_id, path)
    total = sum(one.size for one in there)
    folder = to or Path(default_folder(found.name, found.run_id))
    with _transfer(_count(len(there)), total) as on_bytes:
        at = warehouse.artifacts.download(found.run_id, path, folder, on_bytes=on_bytes)
    if options.json:
        print_json({"path": str(at), "files": len(there), "bytes": total})
    else:
        console().print(f"{at}: {_count(len(there))}, {size(total)}", markup=False)


@app.command
def put(
    run: str,
    file: Path,
    /,
    *,
    path: str | None = None,
    options: Options | None = None,
) -> None:
    """Add a file or a folder to a run, ended or not.

    Args:
        run: The run's id, the beginning of its id, or its name.
        file: The file or folder.
        path: Its path in the run; by default, its own name.
        options: Where to look and how to print.
    """
    options = options or Options()
    warehouse = options.open()
    run_id = warehouse.runs.find(run).run_id
    name = file.resolve().name if path is None else path
    if file.is_dir():
        total = sum(found.size for found in walk_folder(file, "", lambda _, __: None))
        with _transfer(name, total) as on_bytes:
            report = warehouse.artifacts.put_folder(run_id, name, file, on_bytes=on_bytes)
        for skipped, reason in report.skipped.items():
            notes().print(f"left out: {skipped}: {reason}", style="yellow", markup=False)
        _tell_folder(name, msgspec.structs.asdict(report), options)
        return
    if not file.is_file():
        raise InvalidInput(
            ErrorCode.INVALID_VALUE, f"{str(file)!r} is neither a file nor a folder: check the path"
        )
    with _transfer(name, file.stat().st_size) as on_bytes:
        made = warehouse.artifacts.put(run_id, name, file, on_bytes=on_bytes)
    _tell_file(made, options)


@app.command
def cat(run: str, path: str, /, *, options: Options | None = None) -> None:
    """Print the content of a file of a run, as it is.

    Args:
        run: The run's id, the beginning of its id, or its name.
        path: The file.
        options: Where to look; with --json, the content as a text in a JSON document.
    """
    options = options or Options()
    warehouse = options.open()
    run_id = warehouse.runs.find(run).run_id
    if options.json:
        data = warehouse.artifacts.read(run_id, path)
        print_json({"path": path, "content": data.decode(errors="replace")})
        return
    found = warehouse.artifacts.get(run_id, path)
    hasher = hashlib.sha256()
    with warehouse.artifacts.open(run_id, path) as source:
        while piece := source.read(_COPY_BYTES):
            hasher.update(piece)
            sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
    if hasher.hexdigest() != found.digest:
        raise CorruptData(
            ErrorCode.BAD_CHECKSUM, f"what was printed is not what was logged as {path!r}"
        )


def _tell_folder(name: str, report: dict[str, Any], options: Options) -> None:
    if options.json:
        print_json({"path": name, **report})
        return
    known = f", {report['unchanged']:,} of them as before" if report["unchanged"] else ""
    told = f"{name}: {_count(report['files'])}, {size(report['bytes'])}{known}"
    console().print(told, markup=False)


def _tell_file(made: Artifact, options: Options) -> None:
    if options.json:
        print_json(made)
    else:
        console().print(f"{made.path}: {size(made.size)}, {made.digest[:12]}", markup=False)


def _count(files: int) -> str:
    return f"{files:,} {'file' if files == 1 else 'files'}"


@contextmanager
def _transfer(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show how much has been transferred, on standard error, if that is a terminal."""
    out = notes()
    if not out.is_terminal:
        yield lambda _: None
        return
    columns = (
        Text("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        Speed(),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=out, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda count: bar.advance(task, count)
