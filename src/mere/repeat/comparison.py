"""What runs have in common and where they differ: `mere.diff`.

Everything is compared by name: a row holds one value for each run, None where a run has none.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from mere.entities.code import Environment
from mere.errors import CorruptData, ErrorCode, InvalidInput, NotFound
from mere.repeat.origin import find_run
from mere.repeat.packages import versions
from mere.repeat.verdict import is_timing
from mere.services.provenance.bundle import BundledFile
from mere.services.provenance.code import content_digest
from mere.services.warehouse import Warehouse, open_warehouse

__all__ = ["TIMINGS", "Comparison", "FileChange", "Row", "Section", "diff"]

TIMINGS = "timings"
"""The section of what measures the machine: it differs always, and is no difference."""

_RUNS_MAX = 20


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One thing compared.

    Args:
        name: What it is.
        values: Its value in each run, None where it has none.
    """

    name: str
    values: list[Any]

    @property
    def is_equal(self) -> bool:
        """Whether it is the same in all runs; NaN is NaN."""
        first = self.values[0]
        return all(_is_same(first, value) for value in self.values[1:])


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """Things of one kind.

    Args:
        name: The kind: params, metrics, tags, seeds, code, files, packages, environment, data,
            artifacts or timings.
        rows: What was compared.
        note: Why nothing could be compared.
    """

    name: str
    rows: list[Row]
    note: str | None = None

    @property
    def differing(self) -> list[Row]:
        """The rows that are not the same in all runs."""
        return [row for row in self.rows if not row.is_equal]


class FileChange(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the code that differs from that of the first run.

    Args:
        path: The file.
        run_id: The other run.
        change: ``added``, ``removed`` or ``changed``.
        diff: The lines that differ, as `diff -u` shows them.
    """

    path: str
    run_id: str
    change: str
    diff: str


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What runs have in common and where they differ.

    Args:
        run_ids: The runs.
        names: Their names.
        sections: What was compared, by kind.
        changes: The files of the code that differ from those of the first run.
    """

    run_ids: list[str]
    names: list[str]
    sections: list[Section]
    changes: list[FileChange]

    @property
    def is_equal(self) -> bool:
        """Whether nothing differs."""
        return not any(one.differing for one in self.sections if one.name != TIMINGS)

    def section(self, name: str) -> Section:
        """The section of that name.

        Raises:
            KeyError: There is none.
        """
        return {section.name: section for section in self.sections}[name]


def diff(*runs: str, warehouse: str | None = None) -> Comparison:
    """Compare runs: params, metrics, tags, seeds, code, packages, environment, data, artifacts.

    Example:
        >>> mere.diff("quiet-heron-7", "calm-teal-12").section("params").differing

    Args:
        runs: Two or more: ids, beginnings of ids, or names.
        warehouse: Where to look; by default, what ``MERE_WAREHOUSE`` says.

    Raises:
        InvalidInput: Fewer than two runs are named, or too many.
        NotFound: One of them is not there.
    """
    if not 2 <= len(runs) <= _RUNS_MAX:
        raise InvalidInput(
            ErrorCode.INVALID_VALUE,
            f"{len(runs)} runs cannot be compared: name from 2 to {_RUNS_MAX}",
            count=len(runs),
        )
    opened = open_warehouse(warehouse, must_exist=True)
    ids = [find_run(opened, run) for run in runs]
    rows = [opened.lake.get("runs", run_id) or {} for run_id in ids]
    sources = [row.get("source") or {} for row in rows]
    commands = [row.get("command") or {} for row in rows]
    files, files_note = _bundles(opened, [command.get("code_digest") for command in commands])
    environments, note = _environments(
        opened, [source.get("environment_digest") for source in sources]
    )
    sections = [
        _section("params", [row.get("params") for row in rows]),
        _section("metrics", [_metrics(row, are_timings=False) for row in rows]),
        _section("tags", [row.get("tags") for row in rows]),
        _section("seeds", [row.get("seeds") for row in rows]),
        _section("code", [_code(row) for row in rows]),
        _section("files", [_digests(one) for one in files], files_note),
        _section("packages", [_packages(one) for one in environments], note),
        _section("environment", [_machine(one) for one in environments], note),
        _section("data", [_inputs(opened, run_id) for run_id in ids]),
        _section("artifacts", [_artifacts(opened, run_id) for run_id in ids]),
        _section(TIMINGS, [_metrics(row, are_timings=True) for row in rows]),
    ]
    return Comparison(
        run_ids=ids,
        names=[row.get("name") or row.get("run_id") or "?" for row in rows],
        sections=sections,
        changes=_changes(ids, files),
    )


def _section(
    name: str, columns: Iterable[Mapping[str, Any] | None], note: str | None = None
) -> Section:
    values = [column or {} for column in columns]
    order = list(dict.fromkeys(key for column in values for key in column))
    if name != "code":
        order.sort()
    rows = [Row(name=key, values=[column.get(key) for column in values]) for key in order]
    return Section(name=name, rows=rows, note=note)


def _metrics(row: Mapping[str, Any], *, are_timings: bool) -> dict[str, Any]:
    """The latest value and the extremes of each metric that measures the machine, or does not."""
    found: dict[str, Any] = {}
    for key, tally in (row.get("metric_summary") or {}).items():
        if is_timing(key) is are_timings:
            found[key] = tally["value"]
            found[f"{key} (min)"] = tally["min"]
            found[f"{key} (max)"] = tally["max"]
    return found


def _code(row: Mapping[str, Any]) -> dict[str, Any]:
    source, command = row.get("source") or {}, row.get("command") or {}
    return {
        "entrypoint": command.get("entrypoint") or source.get("entrypoint"),
        "arguments": " ".join(command.get("arguments") or []) or None,
        "folder": command.get("folder"),
        "remote": source.get("git_remote"),
        "commit": source.get("git_commit"),
        "branch": command.get("git_branch"),
        "uncommitted changes": source.get("diff_digest") or source.get("git_dirty"),
        "bundle": command.get("code_digest"),
    }


def _digests(files: Mapping[str, BundledFile]) -> dict[str, str]:
    return {
        path: f"link to {file.link}" if file.link is not None else content_digest(file.data)[:12]
        for path, file in files.items()
    }


def _packages(environment: Environment | None) -> dict[str, str]:
    return {} if environment is None else versions(environment)


def _machine(environment: Environment | None) -> dict[str, Any]:
    if environment is None:
        return {}
    about = msgspec.to_builtins(environment)
    named = ("python", "implementation", "build", "system", "platform", "machine", "cpu", "cuda")
    found = {name: about.get(name) for name in (*named, "driver", "mere")}
    found["gpus"] = ", ".join(environment.gpus) or None
    found["options"] = " ".join(environment.options) or None
    return {**found, **{f"${name}": value for name, value in environment.variables.items()}}


def _inputs(warehouse: Warehouse, run_id: str) -> dict[str, str]:
    found = warehouse.sql(
        "select l.asset, l.direction, d.name, d.version from lineage l "
        "left join datasets d on l.asset = 'dataset:' || d.dataset_id where l.run_id = $run",
        {"run": run_id},
    ).to_pylist()
    return {
        f"{row['direction']} {row['name'] or row['asset']}": str(row["version"] or row["asset"])
        for row in found
    }


def _artifacts(warehouse: Warehouse, run_id: str) -> dict[str, str]:
    found = warehouse.lake.scan("artifacts", where={"owner": run_id}, columns=["path", "digest"])
    return {row["path"]: (row["digest"] or "")[:12] for row in found.to_pylist()}


def _bundles(
    warehouse: Warehouse, digests: list[str | None]
) -> tuple[list[dict[str, BundledFile]], str | None]:
    """The files of each run's code; equal bundles are read once, or not at all if all are equal."""
    if len(set(digests)) == 1:
        return [{} for _ in digests], None
    read: dict[str | None, dict[str, BundledFile]] = {None: {}}
    note = "the code of a run was not stored" if None in digests else None
    for digest in digests:
        if digest in read:
            continue
        try:
            read[digest] = {file.path: file for file in warehouse.code.bundle(digest or "")[1]}
        except (NotFound, CorruptData) as error:
            read[digest], note = {}, error.message
    return [read[digest] for digest in digests], note


def _environments(
    warehouse: Warehouse, digests: list[str | None]
) -> tuple[list[Environment | None], str | None]:
    read: dict[str | None, Environment | None] = {None: None}
    note = "the environment of a run was not stored" if None in digests else None
    for digest in digests:
        if digest in read:
            continue
        try:
            read[digest] = warehouse.code.environment(digest or "")
        except (NotFound, CorruptData) as error:
            read[digest], note = None, error.message
    return [read[digest] for digest in digests], note


def _changes(ids: list[str], files: list[dict[str, BundledFile]]) -> list[FileChange]:
    changes = []
    first = files[0]
    for run_id, other in zip(ids[1:], files[1:], strict=True):
        if not first or not other:
            continue
        for path in sorted(first.keys() | other.keys()):
            before, after = first.get(path), other.get(path)
            if before == after:
                continue
            change = "added" if before is None else "removed" if after is None else "changed"
            changes.append(
                FileChange(
                    path=path, run_id=run_id, change=change, diff=_unified(path, before, after)
                )
            )
    return changes


def _unified(path: str, before: BundledFile | None, after: BundledFile | None) -> str:
    texts = [_text(before), _text(after)]
    if any(text is None for text in texts):
        return f"Binary files a/{path} and b/{path} differ\n"
    one, other = ((text or "").splitlines(keepends=True) for text in texts)
    lines = difflib.unified_diff(
        one,
        other,
        f"a/{path}" if before else "/dev/null",
        f"b/{path}" if after else "/dev/null",
    )
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def _text(file: BundledFile | None) -> str | None:
    """A file's text; None where it is binary."""
    if file is None:
        return ""
    if file.link is not None:
        return f"{file.link}\n"
    if b"\0" in file.data:
        return None
    try:
        return file.data.decode()
    except UnicodeDecodeError:
        return None


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return bool(one == other)
