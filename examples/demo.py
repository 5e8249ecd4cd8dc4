"""A tour in a minute: real models, four processes, one folder, no server and no database.

Trains 28 models on data that comes with scikit-learn, in four processes that all log into one
local warehouse. Then reads the leaderboard by SQL, reads the same rows with Polars straight from
the folder, and looks back at the leaderboard as it was half-way. At last it trains on two versions
of a dataset, says what differs, and repeats the first of these runs to the bit.

    python examples/demo.py [FOLDER]
"""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import random
import shlex
import subprocess
import sys
import time
import webbrowser
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table

import mere

PROCESSES = 4
EPOCHS = 20
DATA = {"digits": "load_digits", "breast-cancer": "load_breast_cancer"}
LEADERBOARD = """
    select r.name, e.name as experiment, r.params['model'] as model,
           r.metrics['accuracy'] as accuracy, r.metrics['loss'] as loss,
           r.metric_summary['accuracy'].max as best, r.metric_summary['accuracy'].count as epochs
    from runs r join experiments e using (experiment_id)
    where r.status = 'FINISHED'
    order by accuracy desc, loss, r.name
"""
console = Console(highlight=False)


def plan() -> list[dict[str, Any]]:
    """What to train, in an order that is mixed and always the same."""
    trials: list[dict[str, Any]] = []
    for data in DATA:
        sgd = itertools.product(("log_loss", "modified_huber"), (1e-4, 1e-3, 1e-2))
        mlp = itertools.product((16, 64), (1e-3, 1e-2))
        boost = itertools.product((2, 3), (0.1, 0.3))
        grid = (
            [{"model": "sgd", "loss": loss, "alpha": alpha} for loss, alpha in sgd]
            + [{"model": "mlp", "hidden": hidden, "lr": lr} for hidden, lr in mlp]
            + [{"model": "boosting", "depth": depth, "lr": lr} for depth, lr in boost]
        )
        trials += [{"data": data, **trial} for trial in grid]
    random.Random(7).shuffle(trials)
    return [{**trial, "seed": number} for number, trial in enumerate(trials)]


def train(warehouse: str, trial: dict[str, Any]) -> str:
    """Train one model, logging each epoch; this is what a user's own script looks like."""
    from sklearn import datasets, metrics, model_selection, preprocessing

    x, y = getattr(datasets, DATA[trial["data"]])(return_X_y=True)
    x = preprocessing.StandardScaler().fit_transform(x)
    split = model_selection.train_test_split(x, y, test_size=0.3, random_state=0, stratify=y)
    x_train, x_test, y_train, y_test = split

    name = f"{trial['model']}-{trial['seed']:02}"
    with mere.start_run(trial["data"], name=name, params=trial, warehouse=warehouse) as run:
        for epoch, model in enumerate(epochs(trial, x_train, y_train)):
            predicted = model(x_test)
            run.log(
                {
                    "accuracy": metrics.accuracy_score(y_test, predicted.argmax(axis=1)),
                    "loss": metrics.log_loss(y_test, predicted),
                    "train/loss": metrics.log_loss(y_train, model(x_train)),
                },
                step=epoch,
            )
    return run.run_id


def epochs(trial: dict[str, Any], x: Any, y: Any) -> Iterator[Any]:
    """Yield, after each epoch, a function that predicts probabilities."""
    import numpy as np
    from sklearn import ensemble, linear_model, neural_network

    if trial["model"] == "boosting":
        model = ensemble.GradientBoostingClassifier(
            n_estimators=EPOCHS,
            max_depth=trial["depth"],
            learning_rate=trial["lr"],
            subsample=0.5,
            max_features="sqrt",
            random_state=trial["seed"],
        ).fit(x, y)
        for stage in range(EPOCHS):
            yield lambda rows, stage=stage: next(
                itertools.islice(model.staged_predict_proba(rows), stage, None)
            )
        return
    if trial["model"] == "sgd":
        learner = linear_model.SGDClassifier(
            loss=trial["loss"], alpha=trial["alpha"], random_state=trial["seed"]
        )
    else:
        learner = neural_network.MLPClassifier(
            (trial["hidden"],), learning_rate_init=trial["lr"], random_state=trial["seed"]
        )
    for _ in range(EPOCHS):
        learner.partial_fit(x, y, classes=np.unique(y))
        yield learner.predict_proba


def train_all(pool: ProcessPoolExecutor, warehouse: str, trials: list[dict[str, Any]]) -> None:
    """Train in all processes at once."""
    running = pool.map(train, itertools.repeat(warehouse), trials)
    for _ in track(running, f"training {len(trials)} models", len(trials), console=console):
        pass


def show(title: str, rows: list[dict[str, Any]], limit: int = 8) -> None:
    """Print the top of a leaderboard."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, title_style="bold")
    for name in rows[0]:
        is_text = isinstance(rows[0][name], str)
        table.add_column(name, justify="left" if is_text else "right", no_wrap=True)
    for row in rows[:limit]:
        table.add_row(*[f"{v:.4f}" if isinstance(v, float) else str(v) for v in row.values()])
    console.print(table)


def read_with_polars(folder: Path) -> list[dict[str, Any]]:
    """The leaderboard, read from the folder by an engine that knows nothing of mere."""

    def table(name: str) -> pl.LazyFrame:
        metadata = folder / "tables" / name / "metadata"
        version = (metadata / "version-hint.text").read_text().strip()
        return pl.scan_iceberg(str(metadata / f"{version}.metadata.json"))

    names = table("experiments").select("experiment_id", experiment="name")
    return (
        table("runs")
        .filter(pl.col("status") == "FINISHED")
        .join(names, on="experiment_id")
        .select(
            "name",
            "experiment",
            model=pl.col("params").map.get("model"),
            accuracy=pl.col("metrics").map.get("accuracy"),
            loss=pl.col("metrics").map.get("loss"),
        )
        .sort(["accuracy", "loss", "name"], descending=[True, False, False])
        .collect()
        .to_dicts()
    )


def fresh_folder() -> Path:
    """A folder that is not there yet: a demo must not touch what somebody has."""
    names = itertools.chain(["demo-warehouse"], (f"demo-warehouse-{n}" for n in itertools.count(2)))
    return next(path for name in names if not (path := Path.cwd() / name).exists())


def tour(folder: Path) -> None:
    """Train, look, compare, look back."""
    warehouse = str(folder)
    trials = plan()
    half = len(trials) // 2
    console.rule("[bold]mere: experiment tracking in a folder")
    console.print(
        f"{len(trials)} runs of scikit-learn models, {EPOCHS} epochs each, {PROCESSES} processes "
        f"logging at once\ninto [cyan]{folder}[/]: no server, no database, no lock\n"
    )
    began = time.monotonic()
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as pool:
        train_all(pool, warehouse, trials[:half])
        root = mere.tag("halfway", warehouse=warehouse)
        console.print(f"the state of now is tagged [bold]halfway[/] (root {root})")
        train_all(pool, warehouse, trials[half:])
    mere.fold(warehouse=warehouse)  # what other engines read is what has been folded
    took = time.monotonic() - began

    (counts,) = mere.sql(
        "select (select count(*) from runs) as runs, count(*) as points from metrics",
        warehouse=warehouse,
    ).to_pylist()
    console.print(f"{counts['runs']} runs, {counts['points']:,} points, {took:.0f} s\n")

    board = mere.sql(LEADERBOARD, warehouse=warehouse).to_pylist()
    show("The leaderboard, by SQL", board)

    foreign = read_with_polars(folder)
    show("The same, read by Polars straight from the folder", foreign)
    shared = [{name: row[name] for name in foreign[0]} for row in board]
    if shared != foreign:
        sys.exit("Polars and mere disagree: this is a bug, please report it")
    console.print(f"all {len(foreign)} rows are equal, digit by digit\n", style="green")

    past = mere.sql(LEADERBOARD, as_of="halfway", warehouse=warehouse).to_pylist()
    show(f"As it was half-way, with {len(past)} runs (as_of='halfway')", past)
    repeat(folder)
    what_next(folder, board[0]["name"])
    see(folder)


def repeat(folder: Path) -> None:
    """Train on two versions of a dataset, compare the runs, and repeat the first."""
    from sklearn import datasets

    console.rule("[bold]one run, repeated to the bit")
    pixels, labels = datasets.load_digits(return_X_y=True)
    digits = mere.dataset("digits", warehouse=str(folder))
    for rows, hidden in ((len(labels), 16), (len(labels) // 2, 32)):
        version = digits.write({"pixels": list(pixels[:rows]), "label": labels[:rows]})
        console.print(f"dataset [bold]digits@{version.version}[/] has {version.rows:,} rows")
        console.print(f"training on it: python -m examples.train --hidden {hidden}\n", style="cyan")
        command = ["-m", "examples.train", "--hidden", str(hidden)]
        run_python(folder, command, is_quiet=True)
    for words in (
        ["artifacts", "ls", "hidden-16"],
        ["diff", "hidden-16", "hidden-32"],
        ["rerun", "hidden-16"],
    ):
        console.print(f"mere {' '.join(words)}", style="bold cyan")
        run_python(folder, ["-m", "mere", *words])
        console.print()


def run_python(folder: Path, words: list[str], *, is_quiet: bool = False) -> None:
    """Run Python as a person would, with the warehouse in its environment."""
    subprocess.run(
        [sys.executable, *words],
        env={**os.environ, "MERE_WAREHOUSE": str(folder)},
        stdout=subprocess.DEVNULL if is_quiet else None,
        check=True,
    )


def what_next(folder: Path, best: str) -> None:
    """Say where everything lies, and what to try."""
    shown = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
    files = sum(1 for path in folder.rglob("*") if path.is_file())
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    console.print(f"[bold]It all lies in[/] {folder} ({files} files, {size / 1e6:.1f} MB)")
    console.print(f"  {shown}/tables/runs      an Iceberg table of Parquet files, as metrics are")
    console.print(f"  {shown}/catalog          its states; tags in catalog/tags\n")
    command = mere_command()
    console.print("[bold]Try next[/]")
    for line in (
        f"export MERE_WAREHOUSE={folder}",
        f"{command} runs --order \"metrics['accuracy'] desc\" --limit 5",
        f"{command} show {best}",
        f'{command} sql "select key, count(*) as points from metrics group by key"',
        f'{command} sql "select count(*) as runs from runs" --as-of halfway',
        f"{command} doctor",
    ):
        console.print(f"  {line}", style="cyan", soft_wrap=True, markup=False)


def see(folder: Path) -> None:
    """Say where to look at it all; where a person can, show it."""
    sql = "select experiment_id from experiments where name = 'digits'"
    (found,) = mere.sql(sql, warehouse=str(folder)).to_pylist()
    page = f"/p/{found['experiment_id']}"
    console.print("\n[bold]See it in the browser[/]")
    words = ["ui", "--warehouse", str(folder), "--page", page]
    console.print(f"  {mere_command()} {shlex.join(words)}", style="cyan", soft_wrap=True)
    if is_at_a_desktop():
        with contextlib.suppress(KeyboardInterrupt):  # which ends the server, too
            subprocess.run([sys.executable, "-m", "mere", *words, "--port", "0"], check=False)
    else:
        console.print(f"  and open http://127.0.0.1:5000{page}", highlight=False)


def is_at_a_desktop() -> bool:
    """Whether somebody sits before this terminal who would see a browser open."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    has_screen = sys.platform in ("darwin", "win32")
    if not (has_screen or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    with contextlib.suppress(webbrowser.Error):
        return webbrowser.get() is not None
    return False


def mere_command() -> str:
    """How to call mere from here."""
    command = Path(sys.executable).parent / "mere"
    return os.path.relpath(command) if command.exists() else f"{sys.executable} -m mere"


if __name__ == "__main__":
    # One thread a process: four processes share what cores there are.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    os.environ.setdefault("POLARS_ICEBERG_PLANNER", "pyiceberg")  # which is here already
    tour(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else fresh_folder())
