"""What a browser's tests ask and check: a watched page, axe, counters, screenshots, keys."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Page, Request, Response

__all__ = ["Counters", "Watch", "axe", "counters", "focused", "press", "settled", "shot"]

_ROOT = Path(__file__).parents[2]
_AXE = _ROOT / "portal/node_modules/axe-core/axe.min.js"
_SHOTS = _ROOT / ".shots"
_LOCAL = ("data", "blob", "about", "chrome-error")


class Watch:
    """Notes what no page of the portal may do: raise, complain, or ask another host.

    Args:
        page: The page that is watched.
        url: The portal's address.
    """

    def __init__(self, page: Page, url: str) -> None:
        self.wrong: list[str] = []
        """What was seen that may not be."""
        self.requests: list[Request] = []
        self.responses: list[Response] = []
        self.allowed: list[str] = []
        """Regular expressions of what a test provokes on purpose."""
        self._host = urlsplit(url).netloc
        page.on("pageerror", lambda error: self.wrong.append(f"page error: {error}"))
        page.on("console", self._console)
        page.on("request", self._request)
        page.on("requestfailed", self._failed)
        page.on("response", self._response)

    def allow(self, *patterns: str) -> None:
        """Expect what matches these: a request that is refused on purpose, say."""
        self.allowed.extend(patterns)

    def verdict(self) -> list[str]:
        """What is wrong and was not expected."""
        return [one for one in self.wrong if not any(re.search(a, one) for a in self.allowed)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            at = message.location.get("url", "")
            self.wrong.append(f"console {message.type}: {message.text} ({at})")

    def _request(self, request: Request) -> None:
        self.requests.append(request)
        parts = urlsplit(request.url)
        if parts.scheme not in _LOCAL and parts.netloc != self._host:
            self.wrong.append(_off_host(request))

    def _response(self, response: Response) -> None:
        self.responses.append(response)

    def _failed(self, request: Request) -> None:
        # What the policy of a frame or page refuses has never left the browser.
        if (
            request.failure in ("csp", "net::ERR_BLOCKED_BY_CSP")
            and _off_host(request) in self.wrong
        ):
            self.wrong.remove(_off_host(request))


def _off_host(request: Request) -> str:
    return f"request off the host: {request.url}"


def axe(page: Page, *, within: str | None = None, without: tuple[str, ...] = ()) -> None:
    """Assert that axe finds nothing wrong with the page, or a part of it.

    Args:
        page: The page, as it is now.
        within: A selector of the part to look at.
        without: Rules that are left out; say why where you use it.
    """
    settled(page)
    if not page.evaluate("() => typeof window.axe === 'object'"):
        page.evaluate(_AXE.read_text())  # not a script tag, which the policy refuses
    options = {
        "resultTypes": ["violations"],
        "rules": {rule: {"enabled": False} for rule in without},
    }
    found = page.evaluate(
        "([within, options]) => window.axe.run(within ?? document, options)", [within, options]
    )
    told = [_told(one) for one in found["violations"]]
    assert not told, "\n" + "\n".join(told)


def _told(violation: dict[str, Any]) -> str:
    nodes = [
        f"    {' '.join(map(str, node['target']))}\n      {node['html'][:200]}\n      "
        + (node.get("failureSummary") or "").replace("\n", "\n      ")
        for node in violation["nodes"][:5]
    ]
    more = f"\n    … {len(violation['nodes'])} in all" if len(violation["nodes"]) > 5 else ""
    return (
        f"{violation['impact']}: {violation['id']}: {violation['help']}\n" + "\n".join(nodes) + more
    )


@dataclass(frozen=True)
class Counters:
    """What a page has cost so far; subtract an earlier one."""

    requests: int
    """Those to the API, without the stream of ticks."""
    bytes: int
    """Of their answers' bodies."""
    nodes: int
    """Elements in the page."""
    rows: int
    """Rows of grids that are mounted."""
    charts: int
    """Charts that are mounted."""

    def __sub__(self, other: Counters) -> Counters:
        return Counters(
            self.requests - other.requests,
            self.bytes - other.bytes,
            self.nodes - other.nodes,
            self.rows - other.rows,
            self.charts - other.charts,
        )


def counters(page: Page, watch: Watch) -> Counters:
    """Count once the page has settled."""
    settled(page)
    asked = [one for one in watch.requests if _is_data(one)]
    answered = [one for one in watch.responses if _is_data(one.request)]
    size = 0
    for response in answered:
        if response.status == 200:
            size += response.request.sizes()["responseBodySize"]
    nodes, rows, charts = page.evaluate(
        "() => [document.querySelectorAll('*').length,"
        " document.querySelectorAll('[role=grid] [role=row]').length,"
        " document.querySelectorAll('.uplot, canvas').length"
        " - document.querySelectorAll('.uplot canvas').length]"
    )
    return Counters(len(asked), size, nodes, rows, charts)


def _is_data(request: Request) -> bool:
    path = urlsplit(request.url).path
    return path.startswith("/api/") and not path.endswith("/stream")


def settled(page: Page, quiet_ms: int = 150) -> None:
    """Wait until nothing is loading, and the page's elements have not changed for a while."""
    page.wait_for_load_state("load")
    page.evaluate(
        """(quiet) => new Promise((done) => {
            const end = () => { watch.disconnect(); clearTimeout(limit); done(); };
            let timer = setTimeout(end, quiet);
            const watch = new MutationObserver(() => {
                clearTimeout(timer);
                timer = setTimeout(end, quiet);
            });
            const limit = setTimeout(end, 5000);
            watch.observe(document, { childList: true, subtree: true, characterData: true });
        })""",
        quiet_ms,
    )


def press(page: Page, *strokes: str) -> None:
    """Press keys one after another: ``press(page, "g", "p")``, ``press(page, "Control+k")``."""
    for stroke in strokes:
        page.keyboard.press(stroke)


def focused(page: Page) -> str:
    """What has the focus: its role or tag, and its name."""
    told: str = page.evaluate(
        """() => {
            const one = document.activeElement;
            if (!one || one === document.body) return "body";
            const name = one.getAttribute("aria-label") ?? one.innerText ?? one.name ?? "";
            return `${one.getAttribute("role") ?? one.tagName.toLowerCase()} ${name.trim()}`.trim();
        }"""
    )
    return told


def shot(page: Page, name: str) -> Path:
    """Keep a screenshot in ``.shots/``, to be looked at; its name says page, state and theme."""
    settled(page)
    _SHOTS.mkdir(exist_ok=True)
    theme = page.evaluate("() => document.documentElement.dataset.theme ?? 'auto'")
    path = _SHOTS / f"{name}-{theme}.png"
    page.screenshot(path=path)
    return path
