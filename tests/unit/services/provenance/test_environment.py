from __future__ import annotations

from pathlib import Path

import pytest

from mere.services.provenance.code import encode_environment
from mere.services.provenance.environment import interpreter_options, read_environment


def test_equal_environments_are_described_by_equal_bytes(tmp_path: Path) -> None:
    first = encode_environment(read_environment(tmp_path))
    assert encode_environment(read_environment(tmp_path)) == first


def test_only_variables_that_steer_numbers_are_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("MY_PASSWORD", "hunter2")
    environment = read_environment()
    assert environment.variables["OMP_NUM_THREADS"] == "3"
    assert b"hunter2" not in encode_environment(environment)


def test_packages_and_paths_within_the_code_are_named_relative_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = tmp_path / "site-packages" / "f_local-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: f-local\nVersion: 1.0\n")
    origin = f'{{"url": "file://{tmp_path}/code/lib", "dir_info": {{"editable": true}}}}'
    (about / "direct_url.json").write_text(origin)
    broken = tmp_path / "site-packages" / "f_broken-1.0.dist-info"
    broken.mkdir()
    (broken / "METADATA").write_bytes(b"\xff\xfe nonsense")
    (tmp_path / "code" / "lib").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path / "site-packages")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}/code/lib:/elsewhere:{tmp_path}/code")
    inside = read_environment(tmp_path / "code")
    (package,) = [one for one in inside.distributions if one.name == "f-local"]
    assert (package.local, package.url, package.is_editable) == ("lib", None, True)
    assert inside.path == ["lib", "."]
    outside = read_environment(tmp_path / "other")
    (package,) = [one for one in outside.distributions if one.name == "f-local"]
    assert (package.local, package.url) == (None, f"file://{tmp_path}/code/lib")


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (["python", "train.py", "-O"], []),
        (["python", "-O", "-X", "dev", "-Werror", "train.py"], ["-O", "-X", "dev", "-Werror"]),
        (["python", "-Im", "pkg", "-O"], ["-I"]),
        (["python", "-c", "x", "-O"], []),
        (["python", "-u", "-"], []),
        (["python"], []),
    ],
)
def test_options_of_the_interpreter(words: list[str], options: list[str]) -> None:
    assert interpreter_options(words) == options
