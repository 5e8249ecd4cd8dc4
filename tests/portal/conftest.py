"""Fixtures of the portal's browser tests: a built portal, a real server, a watched page.

A test asks for ``page``, goes to an address (``page.goto("/experiments")``) and looks. It fails if
the page raises, logs an error, or asks another host, whatever else it checks. For both themes::

    @pytest.mark.parametrize("theme", ["light", "dark"])
    def test_it(page, theme): ...

All tests of a process share one warehouse (``seeded``). A test that changes something makes an
experiment of its own with ``scratch``.
"""

from __future__ import annotations

import itertools
import urllib.request
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

import mere
from mere.entities.actor import Role
from mere.services.warehouse import close_warehouses, open_warehouse
from scripts import chromium
from scripts.portal import built
from tests.portal.browser import Watch
from tests.portal.seeded import Seeded, seed
from tests.server.replicas import Replica, running

PASSWORD = "correct horse battery"
_TIMEOUT_MS = 20_000
expect.set_options(timeout=_TIMEOUT_MS)  # machines that build and test at once are slow
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--font-render-hinting=none"]

OpenPage = Callable[..., Page]
Scratch = Callable[..., tuple[str, list[str]]]


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeded]:
    """The warehouse that all tests of this process look at."""
    yield seed(tmp_path_factory.mktemp("portal"))
    close_warehouses()


@pytest.fixture(scope="session")
def server(seeded: Seeded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    """A real server over it, which lets everybody on this machine in."""
    with running(seeded.url, tmp_path_factory.mktemp("server")) as replica:
        _have_portal(replica)
        yield replica


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    """A server at which everybody signs in, with `PASSWORD`.

    There are ``root``, an admin, ``ada``, an editor, and ``vera``, a viewer. Its warehouse has one
    run, ``swift``, in the experiment ``team``.
    """
    folder = tmp_path_factory.mktemp("guarded")
    url = str(folder / "lake")
    with mere.start_run("team", name="swift", warehouse=url, console=False, capture=False) as run:
        run.log({"loss": 0.5}, step=0)
    users = open_warehouse(url).access.users
    for name, role in (("root", Role.ADMIN), ("ada", Role.EDITOR), ("vera", Role.VIEWER)):
        users.create(name, PASSWORD, role=role, display_name=name.title())
    with running(url, folder, "--sign-in") as replica:
        _have_portal(replica)
        yield replica


def _have_portal(replica: Replica) -> None:
    """Build the portal; the server reads all of it at the first request, and keeps it."""
    with built(), urllib.request.urlopen(replica.url) as answer:
        assert b'id="root"' in answer.read()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; of one module, as Playwright's event loop would be in the way of other tests."""
    path = chromium.find()
    if path is None:
        pytest.skip(chromium.NONE)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def theme() -> str:
    """The colours that pages have: ``light``, unless a test is parametrised with both."""
    return "light"


@pytest.fixture
def watches() -> list[Watch]:
    """The watches of this test's pages, in the order in which they were opened."""
    return []


@pytest.fixture
def open_page(browser: Browser, theme: str, watches: list[Watch]) -> Iterator[OpenPage]:
    """Open watched pages: ``open_page(guarded.url, width=900)``, each as a browser of its own."""
    contexts = []

    def opened(url: str, *, width: int = 1440, height: int = 900) -> Page:
        context = browser.new_context(
            base_url=url,
            color_scheme=theme,  # type: ignore[arg-type]
            viewport={"width": width, "height": height},
            reduced_motion="reduce",
        )
        contexts.append(context)
        context.set_default_timeout(_TIMEOUT_MS)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        watches.append(Watch(page, url))
        return page

    yield opened
    for context in contexts:
        context.close()
    wrong = [one for watch in watches for one in watch.verdict()]
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def page(open_page: OpenPage, server: Replica) -> Page:
    """A watched page of the server over ``seeded``."""
    return open_page(server.url)


@pytest.fixture
def watch(page: Page, watches: list[Watch]) -> Watch:
    """What ``page`` asked for, and what was wrong with it; ``watch.allow`` expects an error."""
    return watches[0]


_numbers = itertools.count(1)


@pytest.fixture
def scratch(seeded: Seeded) -> Scratch:
    """Make an experiment of one's own: ``experiment_id, run_ids = scratch("bulk", runs=5)``.

    Its runs are called ``bulk-0`` and so on, and have the params ``lr`` and ``n``, and ten points
    of ``loss``.
    """

    def made(word: str, *, runs: int = 5) -> tuple[str, list[str]]:
        experiment = f"{word} {next(_numbers)}"
        found = []
        for n in range(runs):
            params = {"lr": 0.1 / (n + 1), "n": n}
            with mere.start_run(
                experiment,
                name=f"{word}-{n}",
                params=params,
                warehouse=seeded.url,
                console=False,
                capture=False,
            ) as run:
                for step in range(10):
                    run.log({"loss": 1 / (step + n + 1)}, step=step)
            found.append(run.run_id)
        return seeded.warehouse.experiments.get_or_create(experiment).experiment_id, found

    return made
