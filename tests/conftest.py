"""Fixtures shared by all kinds of tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from mere.config import environment
from mere.testing.s3server import S3Server, find_minio, run_s3_server

settings.register_profile("quick", max_examples=50, deadline=None)
settings.register_profile(
    "long", max_examples=5_000, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
_MINIO = find_minio()
"""Looked for before any test sets a cache of its own, where none would be."""

settings.load_profile(environment().get("HYPOTHESIS_PROFILE", "quick"))


@pytest.fixture(scope="session", autouse=True)
def _apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep tests out of the user's spool, and the machine's figures out of the tests' metrics."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        patch.setenv("MERE_SYSTEM_METRICS", "false")
        yield


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Run a real S3 server on loopback, one for each test process that asks for it."""
    with run_s3_server(tmp_path_factory.mktemp("s3"), minio=_MINIO) as server:
        yield server


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which S3 server stood in for the bucket: a pass against moto proves less."""
    if _MINIO is None:
        terminalreporter.write_line(
            "S3 tests ran against moto, not MinIO: none is cached; `make minio` builds it with Go"
        )
