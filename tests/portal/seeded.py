"""A warehouse as a team's would be after a week: what the portal's pages are tested with."""

from __future__ import annotations

import io
import json
import math
import random
import struct
import time
import wave
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import mere
from mere.entities.span import TRACE_PREFIX, Span
from mere.services.warehouse import Warehouse, open_warehouse

__all__ = ["HOSTILE_NAMES", "Seeded", "seed"]

HOSTILE_NAMES = (
    "<script>window.hacked = 1</script>",
    '"><img src=x onerror="window.hacked = 2">',
    "\u202eright to left, \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
    "long " + "x" * 240,
    "🦆 duck & <b>bold</b> 'quotes' \"more\" `ticks` %00 ../../etc/passwd",
)
"""What names may be, and no page may stumble over."""

_EVIL_HTML = """<h1>Report</h1><p id="said"></p><script>
const told = [];
try { parent.document.title = "hacked"; told.push("parent"); } catch { told.push("closed"); }
try { localStorage.setItem("hacked", "1"); told.push("storage"); }
catch { told.push("no storage"); }
fetch("/api/v1/experiments").then(() => told.push("network"), () => told.push("no network"))
  .then(() => { document.getElementById("said").textContent = told.join(", "); });
new Image().src = "https://example.com/leak.png";
</script>"""
_EVIL_SVG = """<svg xmlns="http://www.w3.org/2000/svg" width="90" height="60">
<rect width="90" height="60" fill="teal"/><script>parent.hacked = 3; alert(3)</script>
<image href="https://example.com/leak.png" onload="parent.hacked = 4" width="5"/></svg>"""
_EVIL_NOTES = """# Heron

The first **baseline**; see `train.py`.

| split | acc |
|---|---|
| test | 0.91 |

- [a link](https://example.org)
- [a bad link](javascript:window.hacked=5)
- <script>window.hacked = 6</script><img src=x onerror="window.hacked = 7">
"""
_NOTEBOOK = {
    "cells": [
        {
            "cell_type": "markdown",
            "metadata": {},
            "source": ["# Look\n", "<script>hacked=8</script>"],
        },
        {
            "cell_type": "code",
            "execution_count": 1,
            "metadata": {},
            "source": ["print('hello')"],
            "outputs": [
                {"output_type": "stream", "name": "stdout", "text": ["hello\n"]},
                {
                    "output_type": "display_data",
                    "metadata": {},
                    "data": {"text/html": ["<img src=x onerror='parent.hacked = 9'>"]},
                },
            ],
        },
    ],
    "metadata": {},
    "nbformat": 4,
    "nbformat_minor": 5,
}
_EVIL_YAML = (
    "lr: 0.1\nrun: !!python/object/apply:os.system ['touch hacked']\nbase: &a [1, 2]\nuse: *a\n"
)


@dataclass
class Seeded:
    """What lies in the warehouse, by the names that tests speak of it."""

    url: str
    experiments: dict[str, str] = field(default_factory=dict)
    """Ids by name: ``digits`` (sweep of 48 runs), ``images``, ``hostile``, ``empty``, ``shop``."""
    runs: dict[str, str] = field(default_factory=dict)
    """Ids by name; ``heron`` has one of everything, ``broken`` has failed."""
    hostile_runs: list[str] = field(default_factory=list)
    model: str = "digits-classifier"
    """Versions 1 to 3; 2 is ``champion``, 3 ``challenger`` and in review."""
    dataset: str = "scans"
    """Versions 1 and 2."""
    traces: list[str] = field(default_factory=list)

    @property
    def warehouse(self) -> Warehouse:
        """The services over it, in this process."""
        return open_warehouse(self.url)


def seed(folder: Path) -> Seeded:
    """Make the warehouse; it takes about four seconds."""
    made = Seeded(str(folder / "lake"))
    _datasets(made)
    _sweep(made)
    _heron(made, folder)
    _hostile(made)
    for name in ("empty", "shop"):
        made.warehouse.experiments.get_or_create(name)
    listed = made.warehouse.experiments.list().to_pylist()
    made.experiments = {one["name"]: one["experiment_id"] for one in listed}
    _registry(made, folder)
    _traces(made)
    return made


def _start(made: Seeded, experiment: str, name: str, **more: object) -> mere.Run:
    run = mere.start_run(
        experiment,
        name=name,
        warehouse=made.url,
        console=False,
        capture=False,
        **more,  # type: ignore[arg-type]
    )
    made.runs[name] = run.run_id
    return run


def _datasets(made: Seeded) -> None:
    scans = mere.dataset(made.dataset, warehouse=made.url)
    rows = [
        {"id": n, "label": f"class {n % 7}", "width": n / 7, "taken": "2026-01-01"}
        for n in range(400)
    ]
    scans.write(rows, tags={"from": "clinic <a>"})
    scans.write([{**row, "width": n / 7 + (n % 5 == 0)} for n, row in enumerate(rows[:380])])


def _sweep(made: Seeded) -> None:
    chance = random.Random(7)
    for n in range(48):
        rate, hidden = (0.3, 0.1, 0.03, 0.01)[n % 4], (32, 64, 128)[n % 3]
        params = {"lr": rate, "hidden": hidden, "optimizer": ("adam", "sgd")[n % 2]}
        tags = {"stage": ("trial", "baseline")[n % 8 == 0], "team": "vision"}
        with _start(made, "digits", f"mlp-{n:02}", params=params, tags=tags) as run:
            if n % 12 == 0:
                run.log_input(mere.dataset(made.dataset, 1, warehouse=made.url), "training")
            for step in range(60):
                left = math.exp(-step * rate / 4)
                run.log(
                    {
                        "train/loss": left + chance.random() / 20,
                        "val/loss": left * 1.1 + chance.random() / 12,
                        "val/acc": 1 - left * 0.8 - chance.random() / 50,
                    },
                    step=step,
                )


def _heron(made: Seeded, folder: Path) -> None:
    files = folder / "files"
    _files(files)
    params = {"model": "cnn", "lr": 0.001, "optimizer": {"name": "adam", "betas": [0.9, 0.999]}}
    with mere.start_run(
        "images", name="heron", params=params, tags={"team": "vision"}, warehouse=made.url
    ) as run:
        made.runs["heron"] = run.run_id
        run.set_notes(_EVIL_NOTES)
        run.log_input(mere.dataset(made.dataset, 2, warehouse=made.url), "training")
        for step in range(200):
            layers = {f"layers/{n}/norm": math.sin(step / 9 + n) for n in range(24)}
            machine = {"system/cpu/percent": 50 + step % 30, "system/memory/percent": 40.0}
            run.log(
                {"loss": math.exp(-step / 70), "acc": step / 200, **layers, **machine}, step=step
            )
            print(f"\x1b[32mepoch {step}\x1b[0m loss \x1b[1m{math.exp(-step / 70):.4f}\x1b[0m")
        run.log_artifacts(files, "files")
        run.log_histogram("weights", [random.Random(3).gauss(0, 1) for _ in range(500)], step=1)
    try:
        with _start(made, "images", "broken", params={"lr": 10}) as run:
            run.log({"loss": math.nan}, step=0)
            run.log({"loss": math.inf}, step=1)
            raise ArithmeticError("the loss is no number")
    except ArithmeticError:
        pass


def _files(folder: Path) -> None:
    folder.mkdir()
    (folder / "confusion.png").write_bytes(_png(240, 160))
    (folder / "tone.wav").write_bytes(_wav())
    (folder / "report.html").write_text(_EVIL_HTML)
    (folder / "mark.svg").write_text(_EVIL_SVG)
    (folder / "look.ipynb").write_text(json.dumps(_NOTEBOOK))
    (folder / "config.yaml").write_text(_EVIL_YAML)
    (folder / "config.json").write_text(json.dumps({"model": {"layers": [1, 2, 3]}, "lr": 0.1}))
    (folder / "notes.md").write_text(_EVIL_NOTES)
    lines = "".join(f"item {n},{n / 7:.3f},<script>hacked=10</script>\n" for n in range(500))
    (folder / "scores.csv").write_text("name,score,note\n" + lines)
    (folder / "weights.bin").write_bytes(random.Random(1).randbytes(5_000))
    (folder / "<img src=x onerror=hacked=11>.txt").write_text("a hostile name")


def _hostile(made: Seeded) -> None:
    for name in HOSTILE_NAMES:
        run = _start(made, "hostile", name, params={name[:100]: name}, tags={"said": name})
        with run:
            run.log({"loss": 0.5}, step=0)
            run.log_text("said.txt", name)
            run.set_notes(name)
        made.hostile_runs.append(run.run_id)


def _registry(made: Seeded, folder: Path) -> None:
    warehouse, name = made.warehouse, made.model
    warehouse.models.create(name, description="Reads **digits**. <script>hacked=12</script>")
    for number, run in enumerate(("mlp-00", "mlp-12", "mlp-24"), 1):
        weights = folder / f"weights-{number}"
        weights.mkdir()
        (weights / "weights.bin").write_bytes(bytes([number]) * 1_000)
        (weights / "MLmodel").write_text("flavors:\n  python_function: {}\n")
        warehouse.models.versions.register(
            name, weights, run_id=made.runs[run], tags={"trained": run}, created_by="ada"
        )
    warehouse.models.reviews.add(name, 2, "approved", comment="good on all slices", by="grace")
    warehouse.models.reviews.add(name, 3, "requested", comment="faster; look at 7s", by="ada")
    warehouse.models.aliases.set(name, "champion", 1, moved_by="ada")
    warehouse.models.aliases.set(name, "champion", 2, moved_by="grace")
    warehouse.models.aliases.set(name, "challenger", 3, moved_by="ada")
    warehouse.models.gates.set(
        name, "accurate", "metrics.`val/acc` > 0.5 and review = 'approved'", alias="champion"
    )
    warehouse.models.gates.set(name, "no worse", "delta.`val/acc` >= 0", alias="champion")
    for version, place in ((1, "production"), (2, "production"), (3, "staging")):
        warehouse.deployments.deploy(
            name,
            version,
            environment=place,
            application="shop",
            application_version=f"2.{version}.0",
            endpoint=f"https://{place}.example.org/score",
            deployed_by="ada",
        )


def _traces(made: Seeded) -> None:
    home, now = made.experiments["shop"], time.time_ns() - 3_600_000_000_000
    spans: list[Span] = []
    for n in range(30):
        trace = TRACE_PREFIX + f"{n + 1:032x}"
        made.traces.append(trace)
        begun = now + n * 60_000_000_000
        spans += _request(trace, begun, is_failed=n % 9 == 4)
    made.warehouse.traces.receive(spans, home)


def _request(trace: str, begun: int, *, is_failed: bool) -> list[Span]:
    def span(number: int, parent: int, name: str, first_ms: int, ms: int, **more: object) -> Span:
        is_bad = is_failed and number in (1, 3)
        return Span(
            trace_id=trace,
            span_id=f"{number:016x}",
            parent_span_id=f"{parent:016x}" if parent else None,
            name=name,
            start_ns=begun + first_ms * 1_000_000,
            end_ns=begun + (first_ms + ms) * 1_000_000,
            status="ERROR" if is_bad else "OK",
            status_message="the model <b>timed out</b>" if is_bad else None,
            attributes={key.replace("__", "."): value for key, value in more.items()},
            resource={"attributes": {"service.name": "shop"}},
        )

    asked = "What is a mere? <script>hacked=13</script>"
    chat = {"gen_ai__operation__name": "chat", "gen_ai__request__model": "small-1"}
    tokens = {"gen_ai__usage__input_tokens": 120, "gen_ai__usage__output_tokens": 35}
    return [
        span(
            1, 0, "POST /ask", 0, 900, session__id="s-1", input__value=asked, output__value="A lake"
        ),
        span(2, 1, "search", 10, 120, openinference__span__kind="RETRIEVER", input__value=asked),
        span(3, 1, "chat", 140, 700, **chat, **tokens),
        span(4, 3, "tool <i>lookup</i>", 300, 90, openinference__span__kind="TOOL"),
    ]


def _png(width: int, height: int) -> bytes:
    rows = b"".join(
        b"\0" + bytes(v for x in range(width) for v in (x * 255 // width, y * 255 // height, 128))
        for y in range(height)
    )

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _wav() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8_000)
        tone = (struct.pack("<h", int(9_000 * math.sin(n / 5))) for n in range(8_000))
        file.writeframes(b"".join(tone))
    return out.getvalue()
