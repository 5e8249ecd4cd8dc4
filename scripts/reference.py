"""Writes docs/reference from the docstrings of the public names and the help of the commands.

python -m scripts.reference           # write
python -m scripts.reference --check   # say what is out of date, and fail
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import griffe

import mere
from mere.cli.app import app

# Structs are documented by the arguments of the constructor that msgspec makes for them.
logging.getLogger("griffe").setLevel(logging.ERROR)

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "reference"
NOTE = "<!-- Written by `make docs` from the sources: change the docstrings, not this page. -->\n"
FRAMEWORKS = "mere.frameworks"


def python_page() -> str:
    """The public names of `mere`: functions, classes with their methods, errors."""
    parts = ["# Python reference\n", NOTE, "Everything here is imported as `mere.<name>`.\n"]
    package = griffe.load("mere", search_paths=[str(ROOT / "src")], docstring_parser="google")
    shown = sorted((n for n in mere.__all__ if not n.startswith("__")), key=_place)
    for name in shown:
        found = package[_path(getattr(mere, name)).removeprefix("mere.")]
        parts.extend(_entry(found, f"mere.{name}"))
    return "\n".join(parts)


def frameworks_page() -> str:
    """The public names of each module of `mere.frameworks`."""
    parts = ["# Frameworks reference\n", NOTE]
    package = griffe.load("mere", search_paths=[str(ROOT / "src")], docstring_parser="google")
    for path in sorted((ROOT / "src" / "mere" / "frameworks").glob("[a-z]*.py")):
        module = package[f"frameworks.{path.stem}"]
        parts.append(f"## {FRAMEWORKS}.{path.stem}\n")
        if module.docstring:
            parts.append(_plain(module.docstring.value) + "\n")
        for name in module.exports or []:
            entry = _entry(module[str(name)], f"{FRAMEWORKS}.{path.stem}.{name}")
            parts.extend(line.replace("## ", "### ", 1) for line in entry)
    return "\n".join(parts)


def cli_page() -> str:
    """The help of every command."""
    # Cyclopts puts the words the program was started with into the usage lines.
    sys.argv[:] = ["mere"]
    text = app.generate_docs(output_format="markdown")
    text = re.sub(r"## Table of Contents\n.*?(?=\*\*Commands)", NOTE + "\n", text, flags=re.DOTALL)
    return "# Command line reference\n" + text.partition("\n")[2].rstrip() + "\n"


def _place(name: str) -> tuple[int, str]:
    """Functions first, then classes, then errors."""
    value = getattr(mere, name)
    is_error = isinstance(value, type) and (
        issubclass(value, mere.MereError) or name == "ErrorCode"
    )
    return (2 if is_error else int(isinstance(value, type)), name)


def _path(value: Any) -> str:
    module = value.__module__ if not isinstance(value, ModuleType) else value.__name__
    return f"{module}.{value.__qualname__}"


def _entry(found: Any, title: str) -> Iterator[str]:
    yield f"## {title}\n"
    if found.is_function:
        yield f"```text\n{_signature(found, title)}\n```\n"
    if found.is_class and found.bases:
        yield f"Extends {', '.join(f'`{base}`' for base in found.bases)}.\n"
    yield from _docstring(found)
    if found.is_class:
        for name, member in found.members.items():
            if name.startswith("_") or member.is_alias or not member.docstring:
                continue
            call = f"{title.rpartition('.')[2]}.{name}"
            yield f"### {call}\n"
            if member.is_function:
                yield f"```text\n{_signature(member, call)}\n```\n"
            yield from _docstring(member)


def _signature(function: Any, name: str) -> str:
    shown: list[str] = []
    is_keyword_only = False
    for parameter in function.parameters:
        if parameter.name in ("self", "cls"):
            continue
        kind = str(parameter.kind.value)
        prefix = {"variadic positional": "*", "variadic keyword": "**"}.get(kind, "")
        if kind == "keyword-only" and not is_keyword_only and "*" not in "".join(shown):
            shown.append("*")
        is_keyword_only |= kind == "keyword-only"
        type_ = f": {parameter.annotation}" if parameter.annotation else ""
        default = "" if prefix or parameter.default is None else f" = {parameter.default}"
        shown.append(f"{prefix}{parameter.name}{type_}{default}")
    returns = f" -> {function.returns}" if function.returns else ""
    flat = f"{name}({', '.join(shown)}){returns}"
    if len(flat) <= 100:
        return flat
    return f"{name}(\n" + "".join(f"    {each},\n" for each in shown) + f"){returns}"


def _docstring(found: Any) -> Iterator[str]:
    if found.docstring is None:
        return
    for section in found.docstring.parsed:
        kind = section.kind.value
        if kind == "text":
            yield _plain(section.value) + "\n"
        elif kind in ("parameters", "other parameters", "attributes", "raises"):
            yield f"**{section.title or kind.capitalize()}**\n"
            for item in section.value:
                name = getattr(item, "name", None) or item.annotation
                yield f"- `{name}`: {' '.join(_plain(item.description).split())}"
            yield ""
        elif kind in ("returns", "yields"):
            text = " ".join(item.description for item in section.value)
            yield f"**{kind.capitalize()}**: {' '.join(_plain(text).split())}\n"
        elif kind == "examples":
            for what, text in section.value:
                body = str(text)
                yield body if str(what.value) == "text" else f"```text\n{body}\n```"
            yield ""
        elif kind == "admonition":
            yield f"**{section.title or section.value.annotation}**\n"
            yield f"```text\n{section.value.description.strip()}\n```\n"


def _plain(text: str) -> str:
    """Docstrings write ``code``; Markdown has single backquotes."""
    kept = re.sub(r"::\n", ":\n", text)
    return re.sub(r"``(.+?)``", r"`\1`", kept).strip()


def pages() -> dict[Path, str]:
    """What each page should hold."""
    made = {FOLDER / "python.md": python_page(), FOLDER / "cli.md": cli_page()}
    if (ROOT / "src" / "mere" / "frameworks").is_dir():
        made[FOLDER / "frameworks.md"] = frameworks_page()
    return {path: re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n" for path, text in made.items()}


def main() -> int:
    """Write the pages, or say which are out of date."""
    is_check = "--check" in sys.argv[1:]
    wanted = pages()
    stale = [
        path
        for path, text in wanted.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    for path in stale:
        if is_check:
            print(f"{path.relative_to(ROOT)} is out of date: run `make docs`")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[path], encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
    return 1 if is_check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
