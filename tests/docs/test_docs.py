"""The documents are true: examples run, links resolve, lists are complete."""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pytest

import mere
from mere import errors
from mere.cli.app import run
from mere.entities.actor import Actor
from mere.entities.metric import Points
from mere.entities.run import Run
from mere.errors import ErrorCode
from mere.lake import Column, Lake, LakeSettings, Table
from mere.lake.objects.memory import MemoryStore
from mere.services.portal.windows import WindowRequest
from mere.services.runs.changes import ChangeKind
from mere.services.sharing.pins import WindowPart
from mere.services.tables import TABLES
from mere.services.warehouse import Warehouse, close_warehouses

ROOT = Path(__file__).parents[2]
SRC = Path(mere.__file__).parent
READERS = ROOT / ".readers" / "bin" / "python"
ELSEWHERE = {"cli.md", "sdk.md"}  # their examples run in test_cli_and_sdk.py
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
README = ROOT / "README.md"
LAYOUT = (ROOT / "docs" / "layout.md").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()


class Block(NamedTuple):
    """A fenced block: what stands behind the fence, the line it begins at, its text."""

    info: str
    line: int
    text: str


def blocks(page: Path) -> list[Block]:
    text = page.read_text()
    return [
        Block(found[1], text.count("\n", 0, found.start()) + 2, found[2])
        for found in re.finditer(r"^```(.*?)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    ]


def runnable(page: Path) -> list[Block]:
    return [block for block in blocks(page) if block.info in ("python", "bash") or script(block)]


def script(block: Block) -> str:
    """The file that a block is to be saved as: the word behind ``python``, if it is one."""
    language, _, name = block.info.partition(" ")
    return name if language == "python" and name.endswith(".py") else ""


def run_examples(page: Path) -> None:
    """Run a page's Python, its scripts and its `mere` commands in order, as one session."""
    names: dict[str, Any] = {"__name__": "example"}
    for block in runnable(page):
        if script(block):
            Path(script(block)).write_text(block.text)
            continue
        if block.info == "python":
            # So that a traceback shows the page's own lines.
            exec(compile("\n" * (block.line - 1) + block.text, page, "exec"), names)
            continue
        for line in block.text.splitlines():
            program, *words = shlex.split(line, comments=True) or [""]
            if program == "mere":
                assert run(words) == 0, f"{page.name}: {line}"
            elif program == "python":
                subprocess.run([sys.executable, *words], check=True, timeout=120)


def rows(text: str) -> list[list[str]]:
    """The rows of all tables of a page, cell by cell."""
    lines = (line for line in text.splitlines() if line.startswith("| "))
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def names_in(module: Path, pattern: str) -> set[str]:
    """The string constants of a module that match a pattern."""
    return {
        node.value
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(pattern, node.value)
    }


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "warehouse"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MERE_WAREHOUSE", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield folder
    close_warehouses()


# Examples


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.name not in ELSEWHERE | {"README.md"} and runnable(page)],
    ids=lambda page: page.name,
)
def test_the_examples_of_a_page_run(page: Path, warehouse: Path) -> None:
    run_examples(page)


def test_the_readme_runs_and_other_engines_read_what_it_logged(warehouse: Path) -> None:
    run_examples(README)
    found = mere.sql("select count(*) as n, min(metrics['loss']) as best from runs").to_pylist()
    assert found[0]["n"] == 2
    best = f"{found[0]['best']:.4f}"
    if not READERS.exists():
        pytest.fail("the environment of other engines is missing: `make readers` installs it")
    examples = [block for block in blocks(README) if block.info.endswith(" reader")]
    assert sorted(block.info for block in examples) == ["python reader"] * 2 + ["sql reader"]
    for block in examples:
        text = block.text.replace("/data/warehouse", str(warehouse))
        assert text != block.text
        program = duckdb_program(text) if block.info.startswith("sql") else text
        done = subprocess.run(
            [str(READERS), "-W", "ignore", "-c", program],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stderr[-2000:]}"
        assert best[:5] in done.stdout, f"{text}\n{done.stdout}"


def duckdb_program(text: str) -> str:
    """A program that runs SQL with the extensions that are installed as packages."""
    queries = [part.strip() for part in text.split(";")]
    kept = [part for part in queries if part and part.split()[0] not in ("INSTALL", "LOAD")]
    assert {"INSTALL iceberg", "LOAD iceberg"} <= set(queries)
    return (
        "import duckdb\n"
        "from importlib.metadata import files\n"
        "database = duckdb.connect()\n"
        "for package in ('duckdb-extension-avro', 'duckdb-extension-iceberg'):\n"
        "    for file in files(package):\n"
        "        if file.name.endswith('.duckdb_extension'):\n"
        "            database.execute(f\"LOAD '{file.locate()}'\")\n"
        f"for query in {kept!r}:\n"
        "    print(database.execute(query).fetchall())\n"
    )


# Links and lengths


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_internal_links_resolve(page: Path) -> None:
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    for link in re.findall(r"\]\(([^)\s]+)\)", prose):
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize(("page", "lines_max"), [("README.md", 120), ("ARCHITECTURE.md", 300)])
def test_pages_that_all_should_read_are_short(page: str, lines_max: int) -> None:
    assert len((ROOT / page).read_text().splitlines()) <= lines_max


def test_every_page_can_be_found_from_another() -> None:
    linked = {
        (page.parent / link.partition("#")[0]).resolve()
        for page in PAGES
        for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text())
        if link.partition("#")[0]
    }
    for page in PAGES:
        assert page == README or linked & {page, page.parent}, f"nothing links to {page}"


# Lists


def test_every_setting_of_the_engine_is_documented_with_its_default() -> None:
    settings = LakeSettings()
    documented = {row[0].strip("`"): row[1] for row in rows(OPERATIONS) if len(row) == 3}
    for field in fields(settings):
        default = getattr(settings, field.name)
        shown = f"{default:_}" if isinstance(default, int) else str(default)
        assert documented.get(field.name, "").split(" (")[0] == shown.split(" (")[0], field.name
    own = {name for name in documented if re.fullmatch(r"[a-z]+(_[a-z]+)+", name)}
    assert own == {field.name for field in fields(settings)}


def test_every_environment_variable_is_documented() -> None:
    read = names_in(SRC / "config.py", r"[A-Z][A-Z0-9]+(_[A-Z0-9]+)*")
    assert {"MERE_WAREHOUSE", "HOME", "AWS_REGION"} <= read
    table = OPERATIONS.partition("## Environment variables")[2].partition("\n## ")[0]
    documented = {row[0].strip("`") for row in rows(table) if row[0].startswith("`")}
    assert documented == read


def raised() -> dict[str, set[str]]:
    """The classes that the source raises each code with."""
    tree = {name for name in errors.__all__ if name != "ErrorCode"}
    found: dict[str, set[str]] = {}
    for module in SRC.rglob("*.py"):
        if "testing" in module.parts:
            continue
        for node in ast.walk(ast.parse(module.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in tree
                and node.args
                and isinstance(node.args[0], ast.Attribute)
            ):
                found.setdefault(node.args[0].attr.lower(), set()).add(node.func.id)
    return found


def test_every_error_code_is_documented_with_the_classes_it_comes_with() -> None:
    page = (ROOT / "docs" / "errors.md").read_text()
    table = [row for row in rows(page) if len(row) == 4 and row[0].startswith("`")]
    documented = {row[0].strip("`"): set(re.findall(r"`(\w+)`", row[1])) for row in table}
    assert set(documented) == {str(code) for code in ErrorCode}
    classes = raised()
    for code, names in documented.items():
        assert names == classes.get(code), f"{code} is raised as {classes.get(code)}"
    for name in errors.__all__:
        assert name in ("ErrorCode", "MereError") or f"| `{name}` |" in page


def test_the_code_map_names_every_package_and_every_module_of_the_engine() -> None:
    mapped = {row[0].strip("`") for row in rows(ARCHITECTURE)}
    packages = {path.parent.relative_to(SRC).as_posix() for path in SRC.rglob("__init__.py")}
    modules = {path.stem for path in (SRC / "lake").glob("[a-z]*.py")}
    own = {path.stem for path in SRC.glob("[a-z]*.py")}
    missing = ((packages - {"."}) | modules | own) - mapped
    assert not missing


def test_the_tests_that_check_the_invariants_exist() -> None:
    table = ARCHITECTURE.partition("## What must hold")[2].partition("\n## ")[0]
    numbered = [row for row in rows(table) if row[0].isdigit()]
    assert [int(row[0]) for row in numbered] == [1, 2, 3, 4, 5, 6, 7]
    for row in numbered:
        path, _, name = row[3].strip("`").partition("::")
        assert (ROOT / path).exists(), path
        if name:
            assert f"def {name}(" in (ROOT / path).read_text(), name


# The layout

TALLY = (
    "map<string, struct<step: long, timestamp: timestamptz, value: double, min: double, "
    "max: double, count: long>>"
)


@pytest.fixture
def objects() -> dict[str, bytes]:
    """Every kind of object that a warehouse can have, by key."""
    store = MemoryStore()
    tables = (
        *TABLES,
        Table("points", columns=(Column("key", "string"),), sort=("key",)),
        Table(
            "items",
            columns=(Column("id", "string"), Column("t", TALLY, merge="tally")),
            key=("id",),
        ),
    )
    with Lake.open("memory://layout", tables=tables, store=store) as lake:
        lake.append("points", [{"key": "a"}])
        lake.append("points", [{"key": "b"}])
        first = store.list("journal/")[0].key
        good = store.get(first)
        store.put(first, good[:-1], overwrite=True)
        assert lake.give_up_damaged() == [first]
        lake.patch("items", [{"id": "x"}])
        lake.claim("item", "a/b", {"id": "x"})
        lake.tag("v1")
        lake.append("points", [{"key": "c"}])
        lake.write_table("dataset_x", pa.table({"a": [1]}))
        lake.blobs.put(f"objects/{'0' * 64}", b"content")
        lake.blobs.put("artifacts/run/model.bin", b"content")
        lake.blobs.put(f"traces/tr-1/{'0' * 64}", b"content")
        work(Warehouse(lake, lake.clock, "memory://layout"))
    return {info.key: store.get(info.key) for info in store.list("")}


def work(house: Warehouse) -> None:
    """Do what leaves objects that are neither tables nor files."""
    run_id = "a" * 32
    house.runs.create(Run(run_id=run_id, experiment_id="0"))
    points = Points()
    for step in range(5_000):
        points.add("loss", step, step, 1.0)
    house.metrics.log(run_id, points)
    house.lake.fold()
    house.run_changes.change(ChangeKind.DELETE, [run_id])
    house.runs.restore([run_id])
    house.pins.make(Actor.local(), [WindowPart(WindowRequest(experiments=["0"]))])
    house.webhooks.create("hook", "https://example.com", ["model_version.created"], secret="s" * 32)


def documented_keys() -> dict[str, re.Pattern[str]]:
    kinds = {"<20 decimal digits>": "[0-9]{20}", "<24 hex digits>": "[0-9a-f]{24}"}
    patterns = {}
    for row in rows(LAYOUT.partition("## mere.json")[0]):
        if row[0].startswith("`"):
            key = row[0].strip("`")
            parts = re.split(r"(<[^>]+>)", key)
            regex = "".join(
                (kinds.get(part, "[^/]+") if part.startswith("<") else re.escape(part))
                for part in parts
            )
            patterns[key] = re.compile(regex)
    return patterns


def test_every_object_has_a_documented_key_and_every_documented_key_an_object(
    objects: dict[str, bytes],
) -> None:
    patterns = documented_keys()
    met = set()
    for key in objects:
        kinds = [kind for kind, pattern in patterns.items() if pattern.fullmatch(key)]
        assert len(kinds) == 1, f"{key} is documented as {kinds}"
        met.add(kinds[0])
    assert set(patterns) - met == {"probe/<32 hex digits>"}


def test_the_documented_fields_are_those_written(objects: dict[str, bytes]) -> None:
    examples = [
        json.loads(block.text)
        for block in blocks(ROOT / "docs" / "layout.md")
        if block.info == "json"
    ]
    identity, root = examples
    written = json.loads(objects["mere.json"])
    assert set(written) == set(identity)
    assert written["format"] == identity["format"]
    for key in ("catalog/00000000000000000001.json", "catalog/tags/v1.json"):
        assert set(json.loads(objects[key])) == set(root)
    (claim,) = (data for key, data in objects.items() if key.startswith("claims/"))
    section = LAYOUT.partition("## A claim")[2].partition("\n## ")[0]
    assert set(json.loads(claim)) == {
        name for row in rows(section) for name in re.findall(r"`(\w+)`", row[0])
    }


def test_our_keys_in_iceberg_metadata_are_documented(objects: dict[str, bytes]) -> None:
    metadata = [json.loads(data) for key, data in objects.items() if key.endswith("metadata.json")]
    assert metadata
    ours = set()
    for table in metadata:
        ours |= set(table["properties"])
        for snapshot in table["snapshots"]:
            ours |= set(snapshot["summary"])
    ours = {name for name in ours if name.startswith("mere.")}
    documented = set(re.findall(r"^\| `(mere\.[\w-]+)` \|", LAYOUT, re.MULTILINE)) - {"mere.json"}
    assert ours == documented


def test_the_reference_is_what_the_sources_say() -> None:
    program = [sys.executable, "-m", "scripts.reference", "--check"]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
