"""The difference between the code of two runs, as git writes differences.

What was stored of code is data of unknown people: it is unpacked in memory and within bounds, and
compared as text. Files too large to compare line by line are named and left at that.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from mere.errors import CorruptData, ErrorCode, NotFound

if TYPE_CHECKING:
    from mere.lake import Lake
    from mere.services.provenance.bundle import BundledFile
    from mere.services.provenance.code import Code

__all__ = ["CodeDiff", "FileDiff", "diff_code", "diff_texts"]

LINES_MAX = 4_000
FILE_BYTES_MAX = 1 << 20
TEXT_BYTES_MAX = 4 << 20
_CONTEXT = 3
_Step = tuple[str, int, int, int, int]


class FileDiff(msgspec.Struct):
    """A file that differs.

    Args:
        path: Its path.
        change: ``added`` (only the second run has it), ``deleted`` or ``changed``.
        problem: Why its lines are not compared.
    """

    path: str
    change: str
    problem: str | None = None


class CodeDiff(msgspec.Struct):
    """The difference between the code of two runs.

    Args:
        files: The files that differ.
        same: How many files are the same in both.
        text: Their difference, as git writes it.
        problem: Why there is nothing to compare, or not all.
    """

    files: list[FileDiff]
    same: int
    text: str
    problem: str | None = None


def diff_code(lake: Lake, code: Code, first: str, second: str) -> CodeDiff:
    """Compare what was stored of the code of two runs.

    Args:
        lake: Where the runs are stored.
        code: Where their code is.
        first: The id of the run before.
        second: The id of the run after.

    Raises:
        NotFound: There is no such run.
    """
    bundles = []
    kinds = []
    for run_id in (first, second):
        row = lake.get("runs", run_id)
        if row is None:
            raise NotFound(ErrorCode.RUN_NOT_FOUND, f"there is no run {run_id!r}", run_id=run_id)
        digest = (row.get("command") or {}).get("code_digest")
        if digest is None:
            return CodeDiff(
                [], 0, "", f"no files were stored of the code of {row.get('name') or run_id}"
            )
        try:
            info, files = code.bundle(digest)
        except (NotFound, CorruptData) as error:
            return CodeDiff([], 0, "", error.message)
        kinds.append(info.kind)
        bundles.append({_shown(file.path): file for file in files})
    found = _diff(*bundles)
    if "changes" in kinds:
        found.problem = (
            "of large repositories only the files that differ from the commit are stored: a file "
            "that one run lacks is there as it was committed"
        )
    return found


def _diff(before: Mapping[str, BundledFile], after: Mapping[str, BundledFile]) -> CodeDiff:
    found = CodeDiff([], 0, "")
    parts: list[str] = []
    size = 0
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old is not None and new is not None and (old.data, old.link) == (new.data, new.link):
            found.same += 1
            continue
        change = "added" if old is None else "deleted" if new is None else "changed"
        one = FileDiff(path, change)
        found.files.append(one)
        texts = _text(old), _text(new)
        hunks = None
        if size > TEXT_BYTES_MAX:
            one.problem = "too much differs to show all of it"
        elif texts[0] is None or texts[1] is None:
            one.problem = "it is no text, or too large"
        else:
            hunks = diff_texts(texts[0], texts[1])
        part = "".join(_git(path, change, hunks))
        size += len(part)
        parts.append(part)
    found.text = "".join(parts)
    return found


def diff_texts(before: str, after: str) -> Iterator[str]:
    """The hunks between two texts; what differs in very many lines is shown as written anew."""
    old, new = before.splitlines(), after.splitlines()
    head = _alike(old, new)
    tail = min(_alike(old[::-1], new[::-1]), min(len(old), len(new)) - head)
    # The matcher is slow for long texts, and most of them is alike before and after what differs.
    first, spare = max(0, head - _CONTEXT), max(0, tail - _CONTEXT)
    old, new = old[first : len(old) - spare], new[first : len(new) - spare]
    if len(old) + len(new) > LINES_MAX:
        groups: Iterable[list[_Step]] = [[("replace", 0, len(old), 0, len(new))]]
    else:
        groups = difflib.SequenceMatcher(None, old, new).get_grouped_opcodes(_CONTEXT)
    for group in groups:
        begin, end = group[0], group[-1]
        yield f"@@ -{_span(begin[1], end[2], first)} +{_span(begin[3], end[4], first)} @@\n"
        for kind, i1, i2, j1, j2 in group:
            if kind == "equal":
                yield from (f" {line}\n" for line in old[i1:i2])
                continue
            yield from (f"-{line}\n" for line in old[i1:i2])
            yield from (f"+{line}\n" for line in new[j1:j2])


def _alike(old: Sequence[str], new: Sequence[str]) -> int:
    """How many lines are the same from the first on."""
    count = 0
    for one, other in zip(old, new, strict=False):
        if one != other:
            break
        count += 1
    return count


def _span(start: int, end: int, offset: int) -> str:
    length = end - start
    # Git counts lines from 1, and names the line before where there are none.
    return f"{start + offset + (1 if length else 0)},{length}"


def _git(path: str, change: str, hunks: Iterable[str] | None) -> Iterator[str]:
    name = path.replace("\n", "?")
    yield f"diff --git a/{name} b/{name}\n"
    if change != "changed":
        yield f"{'new' if change == 'added' else 'deleted'} file mode 100644\n"
    if hunks is None:
        yield f"Binary files a/{name} and b/{name} differ\n"
        return
    yield f"--- {'/dev/null' if change == 'added' else 'a/' + name}\n"
    yield f"+++ {'/dev/null' if change == 'deleted' else 'b/' + name}\n"
    yield from hunks


def _text(file: BundledFile | None) -> str | None:
    """A file as text; none where it is not one, or too large."""
    if file is None:
        return ""
    if file.link is not None:
        return f"link to {file.link}\n"
    if len(file.data) > FILE_BYTES_MAX or b"\0" in file.data[:8_192]:
        return None
    return file.data.decode("utf-8", "replace")


def _shown(path: str) -> str:
    """A path as Unicode: those of a bundle may hold bytes that are none."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
