"""Public names: every module says which they are, sorted, and they are there."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

import mere

SRC = Path(mere.__file__).parent
# Their libraries are in environments of their own, where other tests import them.
ELSEWHERE = {
    "frameworks": {"keras", "lightgbm", "lightning", "optuna", "transformers", "xgboost"},
    "plugins/mlflow": {"artifacts", "diversion", "stores"},
}
MODULES = sorted(
    ".".join(("mere", *path.relative_to(SRC).with_suffix("").parts)).removesuffix(".__init__")
    for path in SRC.rglob("*.py")
    if path.name != "__main__.py"
    and path.stem not in ELSEWHERE.get(path.parent.relative_to(SRC).as_posix(), ())
)


def source(module: str) -> ast.Module:
    path = SRC.joinpath(*module.split(".")[1:])
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(file.read_text())


def messages_and_handlers(module: ModuleType) -> set[str]:
    """What a module of a protocol shows by its operations alone."""
    operations = getattr(module, "OPERATIONS", ())
    own = {
        name
        for name, thing in vars(module).items()
        if inspect.isclass(thing) and issubclass(thing, msgspec.Struct)
    }
    handlers = {operation.handler.__name__ for operation in operations}
    return own | handlers if operations else set()


def rank(name: str) -> tuple[bool, bool, str]:
    """Constants, then classes, then functions, as ruff sorts them."""
    return not name.isupper(), not name[0].isupper(), name


@pytest.mark.parametrize("module", MODULES)
def test_the_public_names_are_listed_once_sorted_and_there(module: str) -> None:
    loaded = importlib.import_module(module)
    names = list(loaded.__all__)
    assert names == sorted(set(names), key=rank)
    for name in names:
        assert hasattr(loaded, name), name


@pytest.mark.parametrize("module", MODULES)
def test_what_a_module_defines_is_public_or_has_an_underscore(module: str) -> None:
    loaded = importlib.import_module(module)
    listed = set(loaded.__all__) | messages_and_handlers(loaded)
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    defined = {node.name for node in source(module).body if isinstance(node, kinds)}
    assert {name for name in defined if not name.startswith("_")} <= listed


@pytest.mark.parametrize("module", MODULES)
def test_public_names_are_documented(module: str) -> None:
    loaded = importlib.import_module(module)
    assert inspect.getdoc(loaded), module
    for name in loaded.__all__:
        thing = getattr(loaded, name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            assert inspect.getdoc(thing), f"{module}.{name}"


def test_everything_public_can_be_had_from_the_package() -> None:
    names: dict[str, object] = {}
    exec(f"from mere import {', '.join(mere.__all__)}", names)
    assert set(mere.__all__) <= set(names)


def test_no_module_has_a_name_that_says_nothing() -> None:
    bad = {"utils", "common", "helpers", "core", "base", "manager"}
    assert not bad & {part for module in MODULES for part in module.split(".")}
