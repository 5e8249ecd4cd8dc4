"""The code and the environment of one run, to be looked at: files, changes and packages.

What was stored is data of unknown people. It is unpacked in memory and within bounds, shown as
text, and never written or run. Where something was not stored, the answer says so in words.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import msgspec

from mere.entities.code import BundleInfo, Command, Environment, GitState, LeftOut
from mere.errors import CorruptData, ErrorCode, NotFound

if TYPE_CHECKING:
    from mere.lake import Lake
    from mere.services.provenance.bundle import BundledFile
    from mere.services.provenance.code import Code

__all__ = ["CodeFile", "CodeText", "RunCode", "RunCodePage", "RunEnvironment"]

TEXT_BYTES_MAX = 512 << 10
DIFF_BYTES_MAX = 4 << 20
_BUNDLES_KEPT = 4
_KEPT_BYTES_MAX = 32 << 20
_NOT_NOTED = (
    "the run noted nothing of it: it was imported, logged from elsewhere, or MERE_CAPTURE was off"
)


class CodeFile(msgspec.Struct):
    """A file of the code.

    Args:
        path: Below the root of the code.
        size: Its bytes.
        is_executable: Whether it may be executed.
        link: For a symbolic link, where it leads.
    """

    path: str
    size: int
    is_executable: bool = False
    link: str | None = None


class RunCodePage(msgspec.Struct):
    """What is known of a run's code.

    Args:
        git: What git said of it.
        command: What was started.
        kind: What the stored files are: ``tree``, ``changes``, ``script`` or ``notebook``.
        files: The stored files.
        deleted: Files of the commit that were deleted.
        left_out: What belongs to the code and was not stored.
        has_diff: Whether uncommitted changes were stored.
        problem: Why there are no files.
    """

    git: GitState
    command: Command | None
    kind: str | None = None
    files: list[CodeFile] = []
    deleted: list[str] = []
    left_out: list[LeftOut] = []
    has_diff: bool = False
    problem: str | None = None


class CodeText(msgspec.Struct):
    """A text of a run's code, or the head of it.

    Args:
        text: The text; None where the content is none.
        size: The bytes of the whole.
        is_cut: Whether there is more.
        problem: Why there is no text.
    """

    text: str | None
    size: int
    is_cut: bool = False
    problem: str | None = None


class RunEnvironment(msgspec.Struct):
    """What a run ran in.

    Args:
        environment: What is known of it.
        digest: Equal environments have equal ones.
        problem: Why nothing is known.
    """

    environment: Environment | None
    digest: str | None = None
    problem: str | None = None


class RunCode:
    """Looks at the code of the runs of one warehouse.

    Args:
        lake: Where the runs are stored.
        code: Where their code is stored.
    """

    def __init__(self, lake: Lake, code: Code) -> None:
        self._lake = lake
        self._code = code
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[BundleInfo, list[BundledFile]]] = OrderedDict()

    def page(self, run_id: str) -> RunCodePage:
        """What is known of a run's code.

        Raises:
            NotFound: There is no such run.
        """
        row = self._row(run_id)
        source, command = row.get("source") or {}, row.get("command")
        git = GitState(
            remote=source.get("git_remote"),
            commit=source.get("git_commit"),
            branch=(command or {}).get("git_branch"),
            is_dirty=source.get("git_dirty"),
        )
        started = msgspec.convert(command, Command) if command else None
        page = RunCodePage(git, started, has_diff=bool(source.get("diff_digest")))
        digest = (command or {}).get("code_digest")
        if digest is None:
            page.problem = _NOT_NOTED if command is None else "no files were stored of this run"
            return page
        try:
            info, files = self._bundle(digest)
        except (NotFound, CorruptData) as error:
            page.problem = error.message
            return page
        page.kind, page.deleted, page.left_out = info.kind, info.deleted, info.left_out
        page.files = [
            CodeFile(_shown(one.path), len(one.data), one.is_executable, one.link) for one in files
        ]
        return page

    def file(self, run_id: str, path: str) -> CodeText:
        """The text of one file of a run's code.

        Raises:
            NotFound: There is no such run, or no such file in its code.
            CorruptData: The stored code cannot be read.
        """
        digest = (self._row(run_id).get("command") or {}).get("code_digest")
        files = self._bundle(digest)[1] if digest else []
        for one in files:
            if _shown(one.path) == path:
                if one.link is not None:
                    return CodeText(None, 0, problem=f"a link to {one.link}")
                return _text(one.data, TEXT_BYTES_MAX)
        raise NotFound(
            ErrorCode.OBJECT_NOT_FOUND, f"the stored code has no file {path[:200]!r}", path=path
        )

    def diff(self, run_id: str) -> CodeText:
        """The uncommitted changes of a run, as git writes them.

        Raises:
            NotFound: There is no such run.
        """
        source = self._row(run_id).get("source") or {}
        digest = source.get("diff_digest")
        if digest is None:
            if source.get("git_dirty") is None:
                return CodeText(None, 0, problem=_NOT_NOTED)
            is_dirty = bool(source["git_dirty"])
            why = "there were changes, but they were too many to store" if is_dirty else None
            return CodeText(None, 0, problem=why or "there were no uncommitted changes")
        try:
            return _text(self._code.get(digest), DIFF_BYTES_MAX)
        except (NotFound, CorruptData) as error:
            return CodeText(None, 0, problem=error.message)

    def environment(self, run_id: str) -> RunEnvironment:
        """What a run ran in.

        Raises:
            NotFound: There is no such run.
        """
        digest = (self._row(run_id).get("source") or {}).get("environment_digest")
        if digest is None:
            return RunEnvironment(None, problem=_NOT_NOTED)
        try:
            return RunEnvironment(self._code.environment(digest), digest)
        except (NotFound, CorruptData) as error:
            return RunEnvironment(None, digest, problem=error.message)

    def _row(self, run_id: str) -> dict[str, Any]:
        row = self._lake.get("runs", run_id)
        if row is None:
            raise NotFound(ErrorCode.RUN_NOT_FOUND, f"there is no run {run_id!r}", run_id=run_id)
        return row

    def _bundle(self, digest: str) -> tuple[BundleInfo, list[BundledFile]]:
        """A bundle; those of late are kept, as files are looked at one after the other."""
        with self._lock:
            if digest in self._kept:
                self._kept.move_to_end(digest)
                return self._kept[digest]
        found = self._code.bundle(digest)
        if sum(len(one.data) for one in found[1]) <= _KEPT_BYTES_MAX:
            with self._lock:
                self._kept[digest] = found
                while len(self._kept) > _BUNDLES_KEPT:
                    self._kept.popitem(last=False)
        return found


def _shown(path: str) -> str:
    """A path as Unicode: those of a bundle may hold bytes that are none."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _text(data: bytes, bytes_max: int) -> CodeText:
    if b"\0" in data[:8_192]:
        return CodeText(None, len(data), problem="the file is no text")
    text = data[:bytes_max].decode("utf-8", "replace")
    return CodeText(text, len(data), is_cut=len(data) > bytes_max)
