"""Short hunts, and many writers at once, on a local folder and on a real S3 server."""

from __future__ import annotations

import time

import pytest

from tests.crash.hunt import Hunt, check
from tests.crash.run import hunt
from tests.crash.worker import open_lake

pytestmark = pytest.mark.slow


@pytest.fixture(params=["local", "s3"])
def place(request, tmp_path, monkeypatch):
    """The URL of a new warehouse and the variables that reach it."""
    if request.param == "local":
        return (tmp_path / "lake").as_uri(), {}
    server = request.getfixturevalue("s3_server")
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return server.new_prefix(), dict(server.environment)


def test_killed_processes_lose_and_double_nothing(place, tmp_path):
    url, environment = place
    kills = 6 if environment else 10
    assert hunt(url, tmp_path / "cache", environment, kills=kills, seed=1, every=3) > 0


def test_forty_writers_two_folders_and_a_reader(place, tmp_path):
    url, environment = place
    # The writers have no end of their own: on a slow machine they would be done before a fold is.
    roles = ["write:10"] * 4 + ["fold", "fold"]
    seen: frozenset[str] = frozenset()
    with (
        Hunt(url, str(tmp_path / "cache"), environment, roles, 0) as hunting,
        open_lake(url, str(tmp_path / "cache")) as reader,
    ):
        give_up = time.monotonic() + 120
        views = roots = 0
        while len(hunting.acked) < 1_000 or roots < 2 or views < 3:
            assert time.monotonic() < give_up, f"{len(hunting.acked)} batches, {roots} roots"
            hunting.hear()
            hunting.check_alive()
            seen = check(reader, set(hunting.acked), seen)
            views += 1
            roots = reader.view().root.number
    with open_lake(url, str(tmp_path / "cache")) as last:
        last.fold()
        assert check(last, hunting.acked, seen) >= hunting.acked
