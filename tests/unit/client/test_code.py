from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mere.client.code import Bounds, Code, collect_code
from mere.client.command import CELLS_NAME, Started
from mere.entities.code import BundleInfo, Checkout, GitState
from mere.services.provenance.bundle import BundledFile, read_bundle
from mere.services.provenance.checkouts import write_checkout

Git = Callable[..., str]


def run_git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    done = subprocess.run(
        ["git", *identity, "-c", "protocol.file.allow=always", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit."""
    root = tmp_path / "project"
    (root / "src").mkdir(parents=True)
    run_git(root, "init", "--quiet", "--initial-branch", "main")
    (root / "train.py").write_text("print(1)\n")
    (root / "src" / "model.py").write_text("x = 1\n")
    (root / ".gitignore").write_text("*.log\n")
    run_git(root, "add", ".")
    run_git(root, "commit", "--quiet", "-m", "first")
    return root


def collect(root: Path, **bounds: int) -> tuple[Code, BundleInfo, dict[str, BundledFile]]:
    code = collect_code(Started(script=root / "train.py", folder=root), Bounds(**bounds))
    assert code.bundle is not None
    info, files = read_bundle(code.bundle)
    return code, info, {file.path: file for file in files}


def reasons(info: BundleInfo) -> dict[str, str]:
    return {one.path: one.reason for one in info.left_out}


def test_a_clean_tree(repository: Path) -> None:
    run_git(repository, "remote", "add", "origin", "https://me:pw@example.org/x.git")
    code, info, files = collect(repository)
    commit = run_git(repository, "rev-parse", "HEAD")
    assert code.git == GitState(
        remote="https://example.org/x.git", commit=commit, branch="main", is_dirty=False
    )
    assert code.root == repository
    assert code.diff is None
    assert info.kind == "tree"
    assert list(files) == [".gitignore", "src/model.py", "train.py"]
    assert info.left_out == []


def test_the_working_tree_is_what_counts(repository: Path) -> None:
    (repository / "train.py").write_text("print(2)\n")
    (repository / "new.py").write_text("pass\n")
    (repository / "noise.log").write_text("ignored\n")
    (repository / "src" / "model.py").unlink()
    (repository / "run.sh").write_text("#!/bin/sh\n")
    (repository / "run.sh").chmod(0o755)
    code, _, files = collect(repository)
    assert list(files) == [".gitignore", "new.py", "run.sh", "train.py"]
    assert files["train.py"].data == b"print(2)\n"
    assert files["run.sh"].is_executable
    assert code.git.is_dirty
    assert code.diff is not None
    assert b"-print(1)\n+print(2)" in code.diff
    assert b"new.py" not in code.diff
    # Whoever has the commit gets the tracked files back by it.
    run_git(repository, "stash", "--quiet")
    subprocess.run(["git", "apply", "-"], cwd=repository, input=code.diff, check=True)
    assert (repository / "train.py").read_text() == "print(2)\n"


def test_equal_trees_give_equal_bundles_wherever_they_lie(repository: Path, tmp_path: Path) -> None:
    run_git(tmp_path, "clone", "--quiet", str(repository), "other")
    os.utime(tmp_path / "other" / "train.py", (1, 1))
    assert collect(repository)[0].bundle == collect(tmp_path / "other")[0].bundle


def test_from_a_folder_within_and_with_a_detached_head(repository: Path) -> None:
    run_git(repository, "checkout", "--quiet", "--detach")
    code = collect_code(Started(folder=repository / "src"))
    assert code.root == repository
    assert code.git.branch is None
    assert code.git.commit is not None


def test_secrets_stay_out_of_bundle_and_diff(repository: Path) -> None:
    key = "AKIA" + "Q" * 16
    (repository / "settings.py").write_text("key = None\n")
    (repository / ".env").write_text("A=1\n")
    run_git(repository, "add", "-f", ".")
    run_git(repository, "commit", "--quiet", "-m", "second")
    (repository / "settings.py").write_text(f"key = {key!r}\n")
    (repository / ".env").write_text("PASSWORD=hunter2\n")
    (repository / "train.py").write_text("print('mine')\n")
    (repository / "server.pem").write_text("x\n")
    code, info, files = collect(repository)
    assert reasons(info) == {".env": "secret", "server.pem": "secret", "settings.py": "secret"}
    assert set(files) == {".gitignore", "src/model.py", "train.py"}
    assert code.diff is not None
    assert b"mine" in code.diff
    for text in (key.encode(), b"hunter2"):
        assert text not in code.diff


def test_a_secret_that_was_removed_stays_out_of_the_diff(repository: Path) -> None:
    (repository / "train.py").write_text("key = '" + "AKIA" + "Q" * 16 + "'\n")
    run_git(repository, "commit", "--quiet", "-am", "oops")
    (repository / "train.py").write_text("key = None\n")
    code, _, files = collect(repository)
    assert code.diff is None
    assert files["train.py"].data == b"key = None\n"


def test_strange_names_binary_files_and_links(repository: Path) -> None:
    names = ["a\nb.txt", "ünïcode ☃.txt", ' "quoted" \\.txt', ":(exclude)x", "-rf", "diff --git a"]
    for name in names:
        (repository / name).write_text("1\n")
    raw = os.fsencode(repository) + b"/latin-\xe9.txt"
    with open(raw, "wb") as file:
        file.write(b"1")
    (repository / "binary.bin").write_bytes(bytes(range(256)) * 10)
    (repository / "inside").symlink_to("src/model.py")
    (repository / "outside").symlink_to("/etc/hosts")
    _, info, files = collect(repository)
    assert {*names, "latin-\udce9.txt", "binary.bin", "inside"} <= set(files)
    assert files["inside"].link == "src/model.py"
    assert reasons(info) == {"outside": "link"}
    run_git(repository, "add", ".")
    run_git(repository, "commit", "--quiet", "-m", "second")
    for name in names:
        (repository / name).write_text("2\n")
    (repository / "binary.bin").write_bytes(bytes(range(256)) * 11)
    code = collect(repository)[0]
    assert code.diff is not None
    assert code.diff.count(b"\ndiff --git ") == len(names)


def test_huge_files_are_left_out_of_bundle_and_diff(repository: Path) -> None:
    (repository / "data.csv").write_text("1\n")
    run_git(repository, "add", ".")
    run_git(repository, "commit", "--quiet", "-m", "second")
    (repository / "data.csv").write_text("1\n" * 10_000)
    (repository / "train.py").write_text("print(2)\n")
    code, info, files = collect(repository, file_bytes_max=10_000)
    assert reasons(info) == {"data.csv": "large"}
    assert info.left_out[0].size == 20_000
    assert "data.csv" not in files
    assert code.diff is not None
    assert b"data.csv" not in code.diff
    assert collect(repository, diff_bytes_max=10)[0].diff is None


@pytest.mark.parametrize("bounds", [{"total_bytes_max": 15}, {"files_max": 2}])
def test_of_a_large_repository_only_the_changes(repository: Path, bounds: dict[str, int]) -> None:
    (repository / "train.py").write_text("print(2)\n")
    (repository / "new.py").write_text("pass\n")
    (repository / "src" / "model.py").unlink()
    _, info, files = collect(repository, **bounds)
    assert info.kind == "changes"
    assert info.deleted == ["src/model.py"]
    assert set(files) == {"new.py", "train.py"}


def test_more_changes_than_may_be_stored_are_counted(repository: Path) -> None:
    for number in range(10):
        (repository / f"new-{number}.py").write_text("pass\n")
    _, info, files = collect(repository, files_max=4)
    assert len(files) == 4
    assert set(reasons(info).values()) == {"count"}
    assert len(info.left_out) == 6


def test_no_commit_yet(tmp_path: Path) -> None:
    run_git(tmp_path, "init", "--quiet")
    (tmp_path / "train.py").write_text("pass\n")
    code, info, files = collect(tmp_path, files_max=0)
    assert code.git == GitState()
    assert info.kind == "tree"
    assert files == {}
    assert reasons(info) == {"train.py": "count"}


def test_a_shallow_clone(repository: Path, tmp_path: Path) -> None:
    run_git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{repository}", "shallow")
    code, info, files = collect(tmp_path / "shallow")
    assert code.git.commit == run_git(repository, "rev-parse", "HEAD")
    assert info.kind == "tree"
    assert "train.py" in files


def test_submodules_and_inner_repositories_are_named(repository: Path, tmp_path: Path) -> None:
    run_git(tmp_path, "clone", "--quiet", str(repository), "library")
    run_git(repository, "submodule", "--quiet", "add", str(tmp_path / "library"), "library")
    run_git(repository, "commit", "--quiet", "-m", "with a submodule")
    (repository / "library" / "train.py").write_text("changed\n")
    run_git(repository, "clone", "--quiet", str(tmp_path / "library"), "inner")
    _, info, files = collect(repository)
    assert reasons(info) == {"inner/": "repository", "library": "submodule"}
    commit = run_git(tmp_path / "library", "rev-parse", "HEAD")
    assert info.left_out[1].detail == f"commit {commit} with uncommitted changes"
    assert not any(path.startswith(("library/", "inner/")) for path in files)


def test_a_warehouse_within_the_code_is_no_part_of_it(repository: Path) -> None:
    for folder in ("catalog", "objects"):
        (repository / "runs" / folder).mkdir(parents=True)
    (repository / "runs" / "mere.json").write_text('{"format": 1, "warehouse_id": "a"}')
    (repository / "runs" / "objects" / "x").write_text("data")
    (repository / "mere.json").write_text("{}")
    assert set(collect(repository)[2]) == {".gitignore", "mere.json", "src/model.py", "train.py"}


def test_restored_code_is_bundled_as_it_was(repository: Path, tmp_path: Path) -> None:
    (repository / "train.py").write_text("print(2)\n")
    (repository / ".env").write_text("A=1\n")
    code, info, files = collect(repository)
    for restored in (tmp_path / "restored", repository / "restored"):
        for path, file in files.items():
            (restored / path).parent.mkdir(parents=True, exist_ok=True)
            (restored / path).write_bytes(file.data)
        write_checkout(
            restored, Checkout(run_id="f" * 32, diff_digest="d" * 64, git=code.git, info=info)
        )
        (restored / "output.txt").write_text("written by the run\n")
        again = collect_code(Started(script=restored / "train.py", folder=restored))
        assert again.root == restored
        assert again.bundle == code.bundle
        assert again.git == code.git
        assert again.diff_digest == "d" * 64
    assert collect(repository)[0].bundle == code.bundle


def test_without_git_the_script_and_what_it_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f_parts").mkdir()
    (tmp_path / "f_parts" / "__init__.py").write_text("")
    (tmp_path / "f_parts" / "later.py").write_text("x = 1\n")
    (tmp_path / "f_helper.py").write_text("x = 1\n")
    (tmp_path / "unrelated.py").write_text("x = 1\n")
    (tmp_path / "train.py").write_text("import f_helper, f_parts\n")
    monkeypatch.syspath_prepend(tmp_path)
    __import__("f_helper")
    __import__("f_parts")
    _, info, files = collect(tmp_path)
    assert info.kind == "script"
    assert list(files) == ["f_helper.py", "f_parts/__init__.py", "f_parts/later.py", "train.py"]


def test_a_notebook_s_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code = collect_code(Started(text="# %%\nx = 1", is_notebook=True, folder=tmp_path))
    assert code.bundle is not None
    info, files = read_bundle(code.bundle)
    assert info.kind == "notebook"
    assert [(file.path, file.data) for file in files] == [(CELLS_NAME, b"# %%\nx = 1")]


def test_nothing_at_all(tmp_path: Path) -> None:
    assert collect_code(Started(folder=tmp_path)) == Code(root=tmp_path)
    missing = tmp_path / "missing"
    assert collect_code(Started(folder=missing)) == Code(root=missing)
