from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mere.entities.model import check_alias, check_model_name
from mere.errors import AlreadyExists, InvalidInput, MereError, NotFound, PermissionDenied
from mere.lake import Lake
from mere.lake.objects.memory import MemoryStore
from mere.services.tables import TABLES
from mere.services.warehouse import Warehouse
from mere.testing.clock import ManualClock
from mere.testing.counting import CountingStore

RUN = "0198" + "a" * 28
SOURCE = f"runs:/{RUN}/model"
MLMODEL = b"""\
flavors:
  sklearn: {pickled_model: model.pkl, code: null}
  python_function: {loader_module: mlflow.sklearn}
signature:
  inputs: '[{"type": "double", "name": "x", "required": true}]'
  outputs: '[{"type": "long", "required": true}]'
  params: null
"""


class World:
    """Several processes over one store."""

    def __init__(self) -> None:
        self.store = MemoryStore(ManualClock())
        self.clocks: list[ManualClock] = []
        self._open: list[Warehouse] = []

    def open(self) -> Warehouse:
        clock = ManualClock(len(self.clocks))
        self.clocks.append(clock)
        lake = Lake.open("memory://", tables=TABLES, store=self.store, clock=clock)
        self._open.append(Warehouse(lake, clock, "memory://"))
        return self._open[-1]

    def close(self) -> None:
        for warehouse in self._open:
            warehouse.close()


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


@pytest.fixture
def warehouse(world: World) -> Warehouse:
    return world.open()


def with_files(warehouse: Warehouse, owner: str = RUN) -> None:
    warehouse.artifacts.put_bytes(owner, "model/MLmodel", MLMODEL)
    warehouse.artifacts.put_bytes(owner, "model/model.pkl", b"weights")
    warehouse.artifacts.put_bytes(owner, "models/other", b"not of it")


def measured(warehouse: Warehouse, run_id: str, **metrics: float) -> None:
    tally = {"step": 0, "timestamp": 1, "count": 1}
    summary = {
        key: {**tally, "value": value, "min": value, "max": value} for key, value in metrics.items()
    }
    warehouse.lake.patch(
        "runs", [{"run_id": run_id, "experiment_id": "0", "metric_summary": summary}]
    )


# Names


def test_registered_then_found(warehouse: Warehouse) -> None:
    made = warehouse.models.create("digits", description="d", tags={"a": 1}, created_by="ann")
    assert (made.name, made.description, made.tags, made.created_by) == (
        "digits",
        "d",
        {"a": "1"},
        "ann",
    )
    assert warehouse.models.get("digits") == made
    with pytest.raises(AlreadyExists, match="digits"):
        warehouse.models.create("digits")
    with pytest.raises(NotFound, match="mere models list"):
        warehouse.models.get("letters")


@pytest.mark.parametrize("name", ["a/b", "a:b", "", "  ", ".", "..", "x" * 501, "\ud800", 5, None])
def test_names_that_cannot_be_one_are_refused(warehouse: Warehouse, name: str) -> None:
    with pytest.raises(InvalidInput):
        warehouse.models.create(name)


@settings(max_examples=10)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60))
def test_any_other_name_is_kept_as_it_is(name: str) -> None:
    try:
        check_model_name(name)
    except InvalidInput:
        assert not name.strip() or set(name) & set("/:") or name in (".", "..")
        return
    world = World()
    opened = world.open()
    assert opened.models.create(name).name == name
    made = opened.models.versions.create(name, "s3://bucket/key")
    opened.models.aliases.set(name, "best", 1)
    assert opened.models.versions.search(filter=None).items[0].label == f"{name}/1" == made.label
    assert opened.models.get(name).aliases == {"best": 1}
    world.close()


@pytest.mark.parametrize(
    "alias", ["", "a b", "a/b", "latest", "LATEST", "v1", "V22", "x" * 256, "a\n"]
)
def test_aliases_that_cannot_be_one_are_refused(alias: str) -> None:
    with pytest.raises(InvalidInput):
        check_alias(alias)


def test_a_name_is_given_to_one_of_many(world: World) -> None:
    opened = [world.open() for _ in range(4)]
    start = threading.Barrier(4)

    def create(warehouse: Warehouse) -> bool:
        start.wait()
        try:
            warehouse.models.create("digits")
        except AlreadyExists:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(create, opened)) == 1


def test_a_deleted_name_comes_back_empty_and_counts_on(warehouse: Warehouse) -> None:
    models = warehouse.models
    models.create("digits", description="old", tags={"a": "1", "b": "2"})
    for _ in range(3):
        models.versions.create("digits", "s3://bucket/key")
    models.aliases.set("digits", "best", 2)
    models.gates.set("digits", "gate", "metrics.acc > 0", alias="other")
    models.delete("digits")
    with pytest.raises(NotFound):
        models.get("digits")
    with pytest.raises(NotFound):
        models.versions.get("digits", 2)
    again = models.create("digits", tags={"b": "3"})
    assert (again.description, again.tags, again.aliases) == (None, {"b": "3"}, {})
    assert models.gates.list("digits") == []
    assert models.versions.search(filter="name = 'digits'").items == []
    assert models.versions.create("digits", "s3://bucket/key").version == 4


def test_renaming_moves_everything_and_back_again(warehouse: Warehouse) -> None:
    models = warehouse.models
    models.create("digits", description="d", tags={"a": "1"})
    with_files(warehouse)
    first = models.versions.create("digits", SOURCE, run_id=RUN, tags={"t": "x"})
    models.versions.create("digits", "s3://bucket/key")
    models.aliases.set("digits", "best", 1)
    models.gates.set("digits", "good", "metrics.acc > 0")
    models.reviews.add("digits", 1, "approved", by="bob")
    renamed = models.rename("digits", "numbers")
    assert (renamed.tags, renamed.aliases, renamed.description) == ({"a": "1"}, {"best": 1}, "d")
    moved = models.versions.get("numbers", 1)
    assert (moved.version_id, moved.tags, moved.digest) == (
        first.version_id,
        {"t": "x"},
        first.digest,
    )
    assert models.versions.verify("numbers", 1)
    assert [gate.gate for gate in models.gates.list("numbers")] == ["good"]
    assert models.gates.list("digits") == []
    assert [review.reviewed_by for review in models.reviews.of("numbers", 1)] == ["bob"]
    with pytest.raises(NotFound, match="called 'numbers' now"):
        models.get("digits")
    made = warehouse.sql(
        "select count(*) as n from model_versions where run_id = $run", {"run": RUN}
    )
    assert made["n"].to_pylist() == [1]
    # The old name is free, and counts on; so it cannot be taken back.
    models.create("digits")
    assert models.versions.create("digits", "s3://bucket/key").version == 3
    with pytest.raises(AlreadyExists):
        models.rename("numbers", "digits")
    models.delete("digits")
    back = models.rename("numbers", "digits")
    assert (back.aliases, back.tags) == ({"best": 1}, {"a": "1"})
    assert models.versions.get("digits", 1).tags == {"t": "x"}
    assert models.versions.create("digits", "s3://bucket/key").version == 4


def test_a_name_whose_numbers_meant_other_versions_is_not_taken(warehouse: Warehouse) -> None:
    models = warehouse.models
    for name in ("old", "new"):
        models.create(name)
        models.versions.create(name, "s3://bucket/key")
    models.delete("old")
    with pytest.raises(AlreadyExists, match="keeps its meaning"):
        models.rename("new", "old")
    assert models.get("new").name == "new"
    models.create("old")


@pytest.mark.parametrize("is_freed", [False, True])
def test_a_rename_that_crashed_half_way_is_finished_by_another(
    world: World, *, is_freed: bool
) -> None:
    first, second = world.open(), world.open()
    first.models.create("digits")
    first.models.versions.create("digits", "s3://bucket/key")
    uid = first.models.get("digits").model_uid
    reserved = {"name": "numbers", "lifecycle": "renaming", "model_uid": uid, "changes": 1}
    patches = {"registered_models": [reserved]}
    first.lake.claim("registered_model", "numbers/1", {"patches": patches})
    first.lake.patch("registered_models", [reserved])
    with pytest.raises(AlreadyExists, match="on its way"):
        second.models.create("numbers")
    assert second.models.get("digits").name == "digits"
    if is_freed:
        second.models.delete("numbers")
    assert second.models.rename("digits", "numbers").name == "numbers"
    assert second.models.versions.get("numbers", 1).version == 1


def test_what_was_claimed_by_one_that_crashed_is_written_by_the_next(world: World) -> None:
    first, second = world.open(), world.open()
    first.models.create("digits")
    now = first.clock.now_us()
    row = {"name": "digits", "version": 1, "version_id": "1" * 32, "status": "PENDING_REGISTRATION"}
    row |= {"lifecycle": "active", "source": "s3://bucket/key", "registered_at": now}
    model = {"name": "digits", "changes": 2}
    claimed = {"model_versions": [row], "registered_models": [model]}
    first.lake.claim("registered_model", "digits/2", {"patches": claimed})
    assert second.models.versions.create("digits", "s3://bucket/other").version == 2
    assert second.models.versions.get("digits", 1).status == "PENDING_REGISTRATION"
    with pytest.raises(MereError, match="not ready"):
        second.models.aliases.set("digits", "best", 1)
    assert second.models.versions.finish("digits", 1).status == "READY"


def test_versions_of_many_at_once_are_numbered_without_a_gap(world: World) -> None:
    opened = [world.open() for _ in range(4)]
    opened[0].models.create("digits")

    def create(warehouse: Warehouse) -> list[int]:
        return [warehouse.models.versions.create("digits", "s3://b/k").version for _ in range(5)]

    with ThreadPoolExecutor(4) as pool:
        numbers = [number for found in pool.map(create, opened) for number in found]
    assert sorted(numbers) == list(range(1, 21))


def test_a_deleted_version_keeps_its_number(warehouse: Warehouse) -> None:
    models = warehouse.models
    models.create("digits")
    models.versions.create("digits", "s3://bucket/key")
    models.aliases.set("digits", "best", 1)
    models.versions.delete("digits", 1)
    with pytest.raises(NotFound, match="deleted"):
        models.versions.get("digits", "1")
    assert models.get("digits").aliases == {}
    assert models.versions.create("digits", "s3://bucket/key").version == 2


# Files


def test_a_version_owns_its_files_whatever_the_run_logs_later(warehouse: Warehouse) -> None:
    with_files(warehouse)
    models = warehouse.models
    models.create("digits")
    made = models.versions.create("digits", SOURCE)
    assert (made.status, made.run_id, made.files, made.bytes) == ("READY", RUN, 2, len(MLMODEL) + 7)
    assert set(made.flavors) == {"sklearn", "python_function"}
    assert made.signature is not None
    assert '"name":"x"' in made.signature
    assert [one.path for one in models.versions.files("digits", 1)] == ["MLmodel", "model.pkl"]
    warehouse.artifacts.put_bytes(RUN, "model/model.pkl", b"other weights")
    assert made.version_id is not None
    assert warehouse.artifacts.read(made.version_id, "model.pkl") == b"weights"
    assert models.versions.verify("digits", 1)
    later = models.versions.create("digits", SOURCE)
    assert later.digest != made.digest
    warehouse.lake.patch(
        "artifacts",
        [{"owner": made.version_id, "path": "x", "digest": "0" * 64, "size": 1, "location": "x"}],
    )
    assert not models.versions.verify("digits", 1)


def test_a_local_folder_becomes_a_version(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.models.create("digits")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "MLmodel").write_bytes(MLMODEL)
    (tmp_path / "model" / "weights").write_bytes(b"w")
    made = warehouse.models.versions.register("digits", tmp_path / "model", run_id=RUN)
    assert (made.files, made.status, made.source) == (2, "READY", f"artifacts/{made.version_id}")
    one = warehouse.models.versions.register("digits", tmp_path / "model" / "weights")
    assert [file.path for file in warehouse.models.versions.files("digits", 2)] == ["weights"]
    assert one.version == 2
    with pytest.raises(InvalidInput, match="nothing at"):
        warehouse.models.versions.register("digits", tmp_path / "none")


def test_a_version_of_a_version_has_its_files(warehouse: Warehouse) -> None:
    with_files(warehouse)
    models = warehouse.models
    for name in ("digits", "shop"):
        models.create(name)
    made = models.versions.create("digits", SOURCE)
    models.aliases.set("digits", "best", 1)
    for source in ("models:/digits/1", "models:/digits@best", "models:/digits/latest"):
        copied = models.versions.create("shop", source)
        assert (copied.source, copied.digest) == ("models:/digits/1", made.digest)
        assert (copied.run_id, copied.flavors) == (RUN, made.flavors)


def test_a_logged_model_gives_its_run_and_files(warehouse: Warehouse) -> None:
    model_id = "m-" + "b" * 32
    warehouse.lake.patch("logged_models", [{"model_id": model_id, "run_id": RUN, "name": "m"}])
    warehouse.artifacts.put_bytes(model_id, "MLmodel", MLMODEL)
    warehouse.models.create("digits")
    made = warehouse.models.versions.create("digits", f"models:/{model_id}")
    assert (made.model_id, made.run_id, made.files) == (model_id, RUN, 1)


@pytest.mark.parametrize(
    "source",
    [
        "",
        "/etc/passwd",
        "file:///etc",
        "model",
        "s3://bucket/../../x",
        "http://host/%2e%2e/%2e%2e/etc",
        "http://host/%252e%252e/x",
        "s3://bucket/a\x00b",
        "runs:/other/model",
        "models:/digits",
        "models:/m-" + "c" * 32,
        "models:/none/1",
        "mlflow-artifacts:/0/other/artifacts/model",
        "http://[",
        "x" * 5_000,
    ],
)
def test_sources_that_mean_nothing_or_too_much_are_refused(
    warehouse: Warehouse, source: str
) -> None:
    warehouse.models.create("digits")
    with pytest.raises((InvalidInput, NotFound)):
        warehouse.models.versions.create("digits", source, run_id=RUN)
    assert warehouse.models.versions.search().items == []


@pytest.mark.parametrize(
    "description",
    [
        b"flavors: [",
        b"\xff\xfe\x00",
        b"- a\n- b",
        b"flavors: 5\nsignature: text",
        b"a: &a [1,1]\nb: &b [*a,*a]\nflavors: {x: *b}",
    ],
)
def test_a_description_that_cannot_be_read_harms_nothing(
    warehouse: Warehouse, description: bytes
) -> None:
    warehouse.artifacts.put_bytes(RUN, "model/MLmodel", description)
    warehouse.models.create("digits")
    made = warehouse.models.versions.create("digits", SOURCE)
    assert (made.files, made.flavors, made.signature) == (1, {}, None)


def test_what_changes_cost() -> None:
    """A change that must wait its turn is two puts, its claim and its segment; others are one."""
    clock = ManualClock()
    store = CountingStore(MemoryStore(clock))
    lake = Lake.open("memory://", tables=TABLES, store=store, clock=clock)
    warehouse = Warehouse(lake, clock, "memory://")
    models = warehouse.models
    with_files(warehouse)
    steps: list[tuple[int, Callable[[], object]]] = [
        (2, lambda: models.create("digits")),
        (4, lambda: models.versions.create("digits", SOURCE)),  # its number; its files; ready
        (2, lambda: models.aliases.set("digits", "best", 1)),
        (1, lambda: models.versions.set_tags("digits", 1, {"a": "1"})),
        (1, lambda: models.reviews.add("digits", 1, "approved")),
        (4, lambda: models.rename("digits", "numbers")),
        (0, lambda: models.versions.get("numbers", 1)),
    ]
    for puts, step in steps:
        before = store.counts.get("put", 0)
        step()
        assert store.counts.get("put", 0) - before == puts
    warehouse.close()


# Stages, tags, reviews


def test_a_stage_pushes_the_others_out(warehouse: Warehouse) -> None:
    models = warehouse.models
    models.create("digits")
    for _ in range(3):
        models.versions.create("digits", "s3://bucket/key")
    models.versions.move_to_stage("digits", 1, "production")
    models.versions.move_to_stage("digits", 2, "Production", archive_others=True)
    stages = {one.version: one.stage for one in models.versions.search().items}
    assert stages == {1: "Archived", 2: "Production", 3: "None"}
    latest = models.latest(["digits"])["digits"]
    assert {(one.stage, one.version) for one in latest} == {
        ("Archived", 1),
        ("Production", 2),
        ("None", 3),
    }
    assert [one.version for one in models.latest(["digits"], ["production"])["digits"]] == [2]
    with pytest.raises(InvalidInput, match="archived from"):
        models.versions.move_to_stage("digits", 1, "None", archive_others=True)
    with pytest.raises(InvalidInput, match="use one of"):
        models.versions.move_to_stage("digits", 1, "Live")


def test_tags_and_descriptions_change(warehouse: Warehouse) -> None:
    models = warehouse.models
    models.create("digits", tags={"a": "1"})
    models.versions.create("digits", "s3://bucket/key", tags={"a": "1"})
    models.set_tags("digits", {"a": None, "b": "x" * 100_000})
    models.versions.set_tags("digits", "1", {"a": "2"})
    assert set(models.get("digits").tags) == {"b"}
    assert models.versions.get("digits", 1).tags == {"a": "2"}
    assert models.describe("digits", "new").description == "new"
    assert models.versions.describe("digits", 1, None).description is None
    with pytest.raises(InvalidInput, match="100,000"):
        models.set_tags("digits", {"a": "x" * 100_001})
    with pytest.raises(NotFound):
        models.versions.set_tags("digits", 2, {"a": "1"})


def test_a_review_is_kept_word_by_word(warehouse: Warehouse) -> None:
    models = warehouse.models
    models.create("digits")
    models.versions.create("digits", "s3://bucket/key")
    for state, comment in (("requested", None), ("comment", "hm"), ("rejected", "bad")):
        models.reviews.add("digits", 1, state, comment=comment, by="ann")
        warehouse.clock.sleep(1)
    said = [(one.state, one.comment) for one in models.reviews.of("digits", 1)]
    assert said == [("requested", None), ("comment", "hm"), ("rejected", "bad")]
    assert models.versions.get("digits", 1).review == "rejected"
    with pytest.raises(InvalidInput):
        models.reviews.add("digits", 1, "perhaps")


# Gates


def test_an_alias_moves_only_through_its_gates(warehouse: Warehouse) -> None:
    models = warehouse.models
    models.create("digits")
    runs = [f"0198{digit * 28}" for digit in "abc"]
    for run_id, acc in zip(runs, (0.91, 0.95, 0.93), strict=True):
        measured(warehouse, run_id, acc=acc)
        models.versions.create("digits", f"runs:/{run_id}/model")
    models.gates.set("digits", "good", "metrics.acc > 0.9 and review = 'approved'", alias="live")
    models.gates.set("digits", "no worse", "delta.acc >= 0", alias="live")
    with pytest.raises(PermissionDenied, match=r"good: metrics\.acc > 0\.9"):
        models.aliases.set("digits", "live", 1)
    models.aliases.set("digits", "other", 1)
    for version in (1, 2, 3):
        models.reviews.add("digits", version, "approved")
    models.aliases.set("digits", "live", 1)
    models.aliases.set("digits", "live", 2)
    with pytest.raises(PermissionDenied) as caught:
        models.aliases.set("digits", "live", 3)
    assert caught.value.details["gates"] == ["no worse"]
    assert models.get("digits").aliases == {"live": 2, "other": 1}
    checked = {one.gate: one.holds for one in models.gates.check("digits", 3, "live")}
    assert checked == {"good": True, "no worse": False}
    models.gates.remove("digits", "no worse")
    models.aliases.set("digits", "live", 3)
    with pytest.raises(NotFound):
        models.gates.remove("digits", "no worse")


@pytest.mark.parametrize(
    "condition",
    [
        "metrics.none > 0",
        "metrics.nan > 0",
        "metrics.nan <= 0",
        "delta.none >= 0",
        "params.lr = '1'",
        "tags.approved = 'yes'",
        "run_status = 'FINISHED'",
    ],
)
def test_what_is_not_known_holds_no_gate_open(warehouse: Warehouse, condition: str) -> None:
    models = warehouse.models
    models.create("digits")
    measured(warehouse, RUN, nan=float("nan"))
    models.versions.create("digits", SOURCE)
    models.versions.create("digits", "s3://bucket/no-run")
    models.gates.set("digits", "gate", condition)
    for version in (1, 2):
        with pytest.raises(PermissionDenied):
            models.aliases.set("digits", "live", version)


@pytest.mark.parametrize(
    "condition",
    [
        "metrics.acc >",
        "acc > 0.9",
        "true",
        "1 = 1; drop table runs",
        "metrics.acc > (select 1)",
        "read_text('/etc/passwd') = ''",
    ],
)
def test_a_gate_is_no_sql(warehouse: Warehouse, condition: str) -> None:
    warehouse.models.create("digits")
    with pytest.raises(InvalidInput):
        warehouse.models.gates.set("digits", "gate", condition)


def test_metrics_of_the_logged_model_count(warehouse: Warehouse) -> None:
    model_id = "m-" + "b" * 32
    warehouse.lake.patch("logged_models", [{"model_id": model_id, "run_id": RUN, "name": "m"}])
    measured(warehouse, RUN, acc=0.1)
    point = {"run_id": RUN, "key": "acc", "step": 5, "timestamp": 1, "value": 0.9}
    warehouse.lake.append("metrics", [{**point, "logged_model_id": model_id}])
    models = warehouse.models
    models.create("digits")
    models.versions.create("digits", f"models:/{model_id}")
    models.versions.create("digits", SOURCE)
    models.gates.set("digits", "gate", "metrics.acc > 0.5")
    models.aliases.set("digits", "live", 1)
    with pytest.raises(PermissionDenied):
        models.aliases.set("digits", "live", 2)


def test_a_gate_is_asked_again_when_the_alias_moved_meanwhile(world: World) -> None:
    first, second = world.open(), world.open()
    models = first.models
    models.create("digits")
    for digit, acc in zip("abc", (0.5, 0.7, 0.9), strict=True):
        measured(first, f"0198{digit * 28}", acc=acc)
        models.versions.create("digits", f"runs:/0198{digit * 28}/model")
    models.gates.set("digits", "no worse", "delta.acc >= 0")
    models.aliases.set("digits", "live", 1)
    ask = second.models.gates.require
    asked: list[int | None] = []

    def require(version: dict[str, object], alias: str, current: int | None) -> None:
        ask(version, alias, current)
        if not asked:  # somebody else is quicker, between the question and the move
            models.aliases.set("digits", "live", 3)
        asked.append(current)

    second.models.gates.require = require  # type: ignore[assignment,method-assign]
    with pytest.raises(PermissionDenied):
        second.models.aliases.set("digits", "live", 2)
    assert asked == [1]
    assert models.get("digits").aliases == {"live": 3}


# Search


def test_models_are_searched_and_prompts_hidden(warehouse: Warehouse) -> None:
    models = warehouse.models
    prompt = {"mlflow.prompt.is_prompt": "true"}
    for name in ("a", "b", "c"):
        models.create(name, tags={"team": "x" if name != "c" else "y"})
    models.create("greeting", tags=prompt)
    models.versions.create("greeting", "dummy-source", tags={**prompt, "mlflow.prompt.text": "hi"})
    models.versions.create("a", "s3://bucket/key")
    with pytest.raises(InvalidInput):
        models.versions.create("greeting", "s3://bucket/key", tags=prompt)

    def names(wanted: str | None = None) -> list[str]:
        return [one.name for one in models.search(filter=wanted).items]

    assert names() == ["a", "b", "c"]
    assert names("tags.team = 'x'") == ["a", "b"]
    assert names("tags.`mlflow.prompt.is_prompt` = 'true'") == ["greeting"]
    assert names("tags.`mlflow.prompt.is_prompt` != 'true' AND name != 'b'") == ["a", "c"]
    assert names("name ILIKE 'G%' and tags.`mlflow.prompt.is_prompt` = 'true'") == ["greeting"]
    assert [one.label for one in models.versions.search().items] == ["a/1"]
    assert len(models.search(with_prompts=True).items) == 4
    page = models.search(limit=2, order="name DESC")
    assert [one.name for one in page.items] == ["c", "b"]
    rest = models.search(limit=2, order="name DESC", page_token=page.next_page_token)
    assert ([one.name for one in rest.items], rest.next_page_token) == (["a"], None)
    with pytest.raises(AlreadyExists, match="prompt"):
        models.create("greeting")


@pytest.mark.slow
def test_ten_thousand_versions(warehouse: Warehouse) -> None:
    models = warehouse.models
    models.create("digits")
    rows = [
        {"name": "digits", "version": number, "status": "READY", "lifecycle": "active"}
        for number in range(1, 10_001)
    ]
    warehouse.lake.patch("model_versions", rows)
    warehouse.lake.fold()
    assert models.versions.create("digits", "s3://bucket/key").version == 10_001
    page = models.versions.search(filter="name = 'digits'", order="version ASC", limit=5_000)
    assert [one.version for one in page.items] == list(range(1, 5_001))
    assert models.versions.search(filter="version > 9990").items[0].version > 9990
    assert len(models.rename("digits", "numbers").aliases) == 0
    assert models.versions.get("numbers", 10_000).version == 10_000
    models.delete("numbers")
    assert models.versions.search().items == []
