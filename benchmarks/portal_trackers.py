"""Fill TensorBoard's event files, or Aim's repository, with the runs that are shown side by side.

    python -m benchmarks.portal_trackers tensorboard FOLDER RUNS POINTS
    python -m benchmarks.portal_trackers aim FOLDER RUNS POINTS

Runs by the Python that has both; each is written by its own library.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.portal_data import METRIC, STARTED_MS, curve_of, name_of, params_of

__all__ = ["main"]


def fill_tensorboard(folder: Path, runs: int, points: int) -> None:
    """A folder a run, as training jobs leave them."""
    from tensorboard.compat.proto.event_pb2 import Event  # type: ignore[import-not-found]
    from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[import-not-found]
    from tensorboard.summary.writer.record_writer import (  # type: ignore[import-not-found]
        RecordWriter,
    )

    for number in range(runs):
        home = folder / name_of(number)
        home.mkdir(parents=True)
        at = STARTED_MS / 1000 + number
        with (home / f"events.out.tfevents.{STARTED_MS // 1000}.bench").open("wb") as file:
            writer = RecordWriter(file)
            writer.write(Event(wall_time=at, file_version="brain.Event:2").SerializeToString())
            for step, value in enumerate(curve_of(number, runs, points)):
                said = Summary(value=[Summary.Value(tag=METRIC, simple_value=value)])
                event = Event(wall_time=at + step / 4, step=step, summary=said)
                writer.write(event.SerializeToString())


def fill_aim(folder: Path, runs: int, points: int) -> None:
    """Runs of one experiment, by its own tracker."""
    from aim import Repo, Run  # type: ignore[import-not-found]

    folder.mkdir(parents=True, exist_ok=True)
    repo = Repo.from_path(str(folder), init=True)
    for number in range(runs):
        run = Run(
            repo=repo,
            experiment="bench",
            system_tracking_interval=None,
            log_system_params=False,
            capture_terminal_logs=False,
        )
        run.name = name_of(number)
        for key, param in params_of(number).items():
            run[key] = param
        for step, value in enumerate(curve_of(number, runs, points)):
            run.track(value, name=METRIC, step=step)
        run.close()


def main(what: str, folder: str, runs: str, points: str) -> None:
    """Fill one of them."""
    fill = {"tensorboard": fill_tensorboard, "aim": fill_aim}[what]
    fill(Path(folder), int(runs), int(points))


if __name__ == "__main__":
    main(*sys.argv[1:])
