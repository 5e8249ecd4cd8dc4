"""MLflow's own web pages, from its package, show what is in our warehouse."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.portal.browser import Watch, settled, shot
from tests.portal.conftest import OpenPage
from tests.portal.seeded import Seeded
from tests.server.replicas import MLFLOW, Replica, running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not MLFLOW.exists(), reason="MLflow's package is not installed"),
]

# Its gateway and its assistant are not offered, and its pages ask for them all the same.
_NOT_OFFERED = r"status of (501|404)"
_ITS_OWN = r"^console (error|warning): (?!Failed to load resource)"


@pytest.fixture(scope="module")
def beside(seeded: Seeded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    """A server that has MLflow's pages, too."""
    folder = tmp_path_factory.mktemp("mlflow-ui")
    with running(seeded.url, folder, "--mlflow-ui", python=MLFLOW) as replica:
        yield replica


@pytest.fixture
def mlflow_page(open_page: OpenPage, beside: Replica, watches: list[Watch]) -> Page:
    """A page of its; it may complain about itself, but nothing may fail at our server."""
    page = open_page(beside.url)
    watches[0].allow(_NOT_OFFERED, _ITS_OWN, r"request off the host")
    return page


def _look(page: Page, watch: Watch, address: str, name: str, *texts: str) -> None:
    """Go to a page, wait for these texts, and see that nothing failed at our server."""
    page.goto(f"/mlflow/#{address}")
    for text in texts:
        expect(page.get_by_text(text, exact=True).first).to_be_visible(timeout=60_000)
    settled(page)
    shot(page, f"mlflow-{name}")
    failed = [r.url for r in watch.responses if r.status >= 500 and r.status != 501]
    assert failed == []


def test_mlflow_s_pages_show_our_runs_charts_models_and_traces(
    mlflow_page: Page, watches: list[Watch], seeded: Seeded
) -> None:
    page, watch = mlflow_page, watches[0]
    digits = f"/experiments/{seeded.experiments['digits']}"
    one = f"{digits}/runs/{seeded.runs['mlp-00']}"
    _look(page, watch, "/experiments", "experiments", "digits", "hostile", "images")
    _look(page, watch, f"{digits}/runs", "runs", "mlp-47")
    _look(page, watch, one, "run", "mlp-00", "optimizer", "val/acc")
    _look(page, watch, f"{one}/model-metrics", "charts", "mlp-00 (val/loss)")
    heron = f"/experiments/{seeded.experiments['images']}/runs/{seeded.runs['heron']}"
    _look(page, watch, f"{heron}/artifacts", "artifacts", "media")
    _look(page, watch, "/models", "models", seeded.model)
    _look(page, watch, f"/models/{seeded.model}", "model", "Version 1")
    shop = f"/experiments/{seeded.experiments['shop']}"
    _look(page, watch, f"{shop}/traces", "traces", "What is a mere? <script>hacked=13</script>")
    assert page.evaluate("() => window.hacked") is None
