"""The code of this process as a bundle: which files belong to it, and what is left out.

In a git repository these are its files as they are in the working tree, tracked or not, unless
ignored; of a large repository only what differs from the commit. Without git it is the script and
the modules it imported from its own folder. Everything is bounded, secrets stay out, and a
warehouse that lies within the code is no part of it.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from mere.client import git
from mere.client.command import CELLS_NAME, INLINE_NAME, Started
from mere.client.secrecy import has_secret, is_secret_name
from mere.entities.code import BundleInfo, Checkout, GitState, LeftOut
from mere.services.provenance.bundle import INFO_NAME, BundledFile, BundleWriter, is_inside
from mere.services.provenance.checkouts import CHECKOUT_FOLDER, read_checkout

__all__ = ["Bounds", "Code", "collect_code"]

_LEFT_OUT_MAX = 500
_CHECKOUT_MARK = f"{CHECKOUT_FOLDER}/checkout.json"


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """How much code is stored.

    Args:
        file_bytes_max: Larger files are left out.
        total_bytes_max: What all files together may have.
        files_max: How many files there may be.
        diff_bytes_max: What the uncommitted changes may have.
    """

    file_bytes_max: int = 8 << 20
    total_bytes_max: int = 64 << 20
    files_max: int = 10_000
    diff_bytes_max: int = 16 << 20


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """The code of a process.

    Args:
        root: The folder that paths are relative to.
        git: What git says of it.
        bundle: The bundle; None where there is nothing to bundle.
        diff: The uncommitted changes to tracked files; None where there are none, or too many.
        diff_digest: The digest of a diff that is stored already.
    """

    root: Path
    git: GitState = GitState()
    bundle: bytes | None = None
    diff: bytes | None = None
    diff_digest: str | None = None


def collect_code(started: Started, bounds: Bounds | None = None) -> Code:
    """Bundle the code of what was started."""
    bounds = bounds or Bounds()
    restored = _restored(started.folder)
    repository = git.find_root(started.folder)
    if restored is not None and (repository is None or restored[0].is_relative_to(repository)):
        root, checkout = restored
        if root != repository:
            return _collect_checkout(root, checkout, started, bounds)
    if repository is not None:
        return _collect_repository(repository, started, bounds)
    return _collect_script(started, bounds)


def _collect_repository(root: Path, started: Started, bounds: Bounds) -> Code:
    state = git.git_state(root)
    listed = git.listed_paths(root)
    if listed is None:
        return _collect_script(started, bounds)
    paths = [path for path in _own(listed, root) if not path.endswith("/")]
    foreign = [LeftOut(path=path, reason="repository") for path in listed if path.endswith("/")]
    packer = _Packer(root, bounds, [*git.submodules(root), *foreign])
    extras = _extras(started, root)
    if packer.fits(paths) or state.commit is None:
        bundle = packer.pack("tree", paths, extras)
    else:
        changed = set(git.changed_paths(root) or ())
        paths = [path for path in paths if path in changed]
        bundle = packer.pack("changes", paths, extras, git.deleted_paths(root))
    diff = _diff(root, bounds) if state.is_dirty else None
    return Code(root=root, git=state, bundle=bundle, diff=diff)


def _collect_checkout(root: Path, checkout: Checkout, started: Started, bounds: Bounds) -> Code:
    """Bundle a folder of restored code: those files that were restored, as they are now."""
    info = checkout.info or BundleInfo(kind="tree")
    packer = _Packer(root, bounds, info.left_out)
    bundle = packer.pack(info.kind, info.files, _extras(started, root), info.deleted)
    return Code(root=root, git=checkout.git, bundle=bundle, diff_digest=checkout.diff_digest)


def _collect_script(started: Started, bounds: Bounds) -> Code:
    root = started.folder
    packer = _Packer(root, bounds, [])
    extras = _extras(started, root)
    kind = "notebook" if started.is_notebook else "script"
    paths = sorted(_imported(started, root), key=os.fsencode)
    if not paths and not extras:
        return Code(root=root)
    return Code(root=root, bundle=packer.pack(kind, paths, extras))


def _diff(root: Path, bounds: Bounds) -> bytes | None:
    large = [
        path for path in git.changed_paths(root) or () if _size(root / path) > bounds.file_bytes_max
    ]
    sections = git.diff_sections(root, large, bounds.diff_bytes_max)
    if sections is None:
        return None
    kept = [data for path, data in sections if not (is_secret_name(path) or has_secret(data))]
    return b"".join(kept) or None


def _restored(folder: Path) -> tuple[Path, Checkout] | None:
    for parent in (folder, *folder.parents):
        checkout = read_checkout(parent)
        if checkout is not None:
            return parent, checkout
    return None


def _extras(started: Started, root: Path) -> dict[str, bytes]:
    """Code that is in no file: a notebook's cells, or a program given by ``-c``."""
    if started.text is None:
        return {}
    name = CELLS_NAME if started.is_notebook else INLINE_NAME
    folder = Path.cwd()
    below = folder.relative_to(root).as_posix() if folder.is_relative_to(root) else "."
    path = name if below == "." else f"{below}/{name}"
    return {path: started.text.encode(errors="replace")}


def _own(paths: list[str], root: Path) -> list[str]:
    """Those files that are no part of a warehouse, nor of restored code of other runs."""
    foreign = [
        folder
        for path in paths
        if path.endswith(("/mere.json", f"/{_CHECKOUT_MARK}"))
        and _is_foreign(root, folder := path.removesuffix("mere.json").removesuffix(_CHECKOUT_MARK))
    ]
    begins = tuple(foreign)
    return [
        path
        for path in paths
        if not (begins and path.startswith(begins))
        and path.split("/", 1)[0] not in (".git", CHECKOUT_FOLDER)
        and path != INFO_NAME
    ]


def _is_foreign(root: Path, folder: str) -> bool:
    if (root / folder / _CHECKOUT_MARK).exists():
        return True
    try:
        told = json.loads((root / folder / "mere.json").read_bytes())
    except (OSError, ValueError):
        return False
    # By what it says, not by what lies beside it: a new warehouse holds little else yet.
    return isinstance(told, dict) and "warehouse_id" in told


def _imported(started: Started, root: Path) -> set[str]:
    """The script, and the modules and packages that this process imported from its folder."""
    found: set[Path] = set()
    if started.script is not None and started.script.is_relative_to(root):
        found.add(started.script)
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if not isinstance(file, str) or not file.endswith(".py"):
            continue
        path = Path(os.path.abspath(file))
        if not path.is_relative_to(root) or _is_beside(path.relative_to(root)):
            continue
        # Of a package everything, as parts of it may be imported later.
        found.update(path.parent.rglob("*.py") if path.name == "__init__.py" else [path])
    return {path.relative_to(root).as_posix() for path in found if not _is_beside_root(path, root)}


def _is_beside_root(path: Path, root: Path) -> bool:
    return _is_beside(path.relative_to(root))


def _is_beside(path: Path) -> bool:
    """Whether a path below the script's folder belongs to an environment, not to the code."""
    folders = path.parts[:-1]
    return any(
        part in ("site-packages", "dist-packages", "__pycache__") or part.startswith(".")
        for part in folders
    )


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


class _Packer:
    """Packs files within bounds, and keeps a list of those left out.

    Args:
        root: The folder that paths are relative to.
        bounds: How much may be packed.
        left_out: What is known to be left out already.
    """

    def __init__(self, root: Path, bounds: Bounds, left_out: Iterable[LeftOut]) -> None:
        self._root = root
        self._bounds = bounds
        self._known = list(left_out)
        self._left_out: list[LeftOut] = []
        self._bytes = 0
        self._files = 0

    def fits(self, paths: list[str]) -> bool:
        """Whether all files that are not too large by themselves are within the bounds."""
        sizes = [_size(self._root / path) for path in paths]
        total = sum(size for size in sizes if size <= self._bounds.file_bytes_max)
        return total <= self._bounds.total_bytes_max and len(paths) <= self._bounds.files_max

    def pack(
        self,
        kind: str,
        paths: Iterable[str],
        extras: Mapping[str, bytes],
        deleted: Iterable[str] = (),
    ) -> bytes:
        """Pack files, and texts that are in no file."""
        writer = BundleWriter()
        for path in sorted({*paths, *extras}, key=os.fsencode):
            data = extras.get(path)
            file = BundledFile(path, data) if data is not None else self._read(path)
            if file is not None and self._may(file):
                writer.add(file)
        known = {(one.path, one.reason) for one in self._left_out}
        before = [one for one in self._known if (one.path, one.reason) not in known]
        left_out = sorted([*before, *self._left_out], key=lambda one: one.path)
        return writer.finish(
            BundleInfo(
                kind=kind,
                deleted=[_shown(path) for path in deleted],
                left_out=left_out[:_LEFT_OUT_MAX],
            )
        )

    def _read(self, path: str) -> BundledFile | None:
        """Read a file that may be stored; None where it is left out, or is none."""
        where = self._root / path
        try:
            about = where.lstat()
        except OSError:
            return None  # deleted from the working tree
        if stat.S_ISLNK(about.st_mode):
            link = str(where.readlink())
            if not is_inside(path, link):
                self._leave_out(path, "link", detail=_shown(link))
                return None
            return BundledFile(path, b"", link=link)
        if not stat.S_ISREG(about.st_mode):
            return None
        if is_secret_name(path):
            self._leave_out(path, "secret", about.st_size)
            return None
        if about.st_size > self._bounds.file_bytes_max:
            self._leave_out(path, "large", about.st_size)
            return None
        try:
            data = where.read_bytes()
        except OSError:
            self._leave_out(path, "unreadable", about.st_size)
            return None
        return BundledFile(path, data, is_executable=bool(about.st_mode & stat.S_IXUSR))

    def _may(self, file: BundledFile) -> bool:
        size = len(file.data)
        if size > self._bounds.file_bytes_max:  # it has grown meanwhile
            self._leave_out(file.path, "large", size)
            return False
        if has_secret(file.data):
            self._leave_out(file.path, "secret", size)
            return False
        if self._files >= self._bounds.files_max:
            self._leave_out(file.path, "count", size)
            return False
        if self._bytes + size > self._bounds.total_bytes_max:
            self._leave_out(file.path, "total", size)
            return False
        self._files += 1
        self._bytes += size
        return True

    def _leave_out(
        self, path: str, reason: str, size: int | None = None, detail: str | None = None
    ) -> None:
        self._left_out.append(LeftOut(path=_shown(path), reason=reason, size=size, detail=detail))


def _shown(path: str) -> str:
    """A path as Unicode text, whatever bytes it holds."""
    return os.fsencode(path).decode("utf-8", errors="backslashreplace")
