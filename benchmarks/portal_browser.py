"""A page that is timed: a fresh browser context, and a probe that is asked in every frame.

A probe is JavaScript that tells what the page shows now: a text, or how many lines are drawn.
Whenever it tells something else, that is noted with the time of the frame, so that every side is
timed by the same clock, and from the same moment: the navigation, or the event that acted.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from playwright.sync_api import Browser, Page, Request, sync_playwright
from playwright.sync_api import Error as BrowserError

from scripts import chromium

__all__ = ["BrowserError", "Look", "browsing", "look"]

LIMIT_S = 60.0
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--font-render-hinting=none"]
_QUIET_MS = 1_500
_PROBE_MS = 15

_RECORDER = """(() => {
    if (window !== window.top) return;
    const probe = %s;
    const ask = () => { try { return probe() || null; } catch { return null; } };
    const bench = (window.bench = { seen: [], began: 0, event: "", last: null, inp: 0 });
    bench.reset = (event) => {
        bench.seen.length = 0;
        bench.began = 0;
        bench.event = event;
        bench.last = ask();
    };
    for (const name of ["pointerdown", "pointerup", "keydown"])
        addEventListener(name, (event) => {
            if (bench.event === name && !bench.began) bench.began = event.timeStamp;
        }, true);
    new PerformanceObserver((list) => {
        for (const one of list.getEntries())
            if (one.interactionId) bench.inp = Math.max(bench.inp, one.duration);
    }).observe({ type: "event", durationThreshold: 16, buffered: true });
    let before = 0;
    const frame = (now) => {
        if (now - before >= %d) {
            before = now;
            const told = ask();
            if (told !== null && told !== bench.last) {
                bench.last = told;
                bench.seen.push([performance.now(), told]);
            }
        }
        requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
})()"""

_FRAMES = """() => {
    const frames = (window.bench.frames = []);
    let before = performance.now();
    const step = (now) => {
        if (window.bench.frames !== frames) return;
        frames.push(now - before);
        before = now;
        requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
}"""


class Look:
    """A page and its probe.

    Args:
        page: The page, in a context of its own.
        url: The address of the server.
    """

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.answers: list[Request] = []
        """The requests that were answered."""
        self._ahead: set[Request] = set()
        self._devtools = page.context.new_cdp_session(page)
        page.on("request", self._asked)
        page.on("requestfinished", self._answered)
        page.on("requestfailed", self._failed)

    def goto(self, path: str) -> None:
        """Go to a page; times are from here on, until something acts."""
        self.page.goto(self.url + path, wait_until="commit")

    def act(self, work: Callable[[], Any], event: str = "pointerdown") -> None:
        """Do something to the page; times are from the first such event on."""
        self.page.evaluate("(event) => window.bench.reset(event)", event)
        work()

    def until(self, test: str = "true", *, limit_s: float = LIMIT_S) -> float:
        """Milliseconds until the probe told something that passes a test, of ``told``."""
        found = self.page.wait_for_function(
            f"""() => {{
                const found = window.bench?.seen.find(([, told]) => {test});
                return found && [found[0] - window.bench.began];
            }}""",
            polling=50,
            timeout=limit_s * 1000,
        ).json_value()
        return float(found[0])

    def steady(self, *, quiet_ms: float = _QUIET_MS, limit_s: float = LIMIT_S) -> float:
        """Milliseconds until the last change, when nothing has changed or loaded for a while."""
        waited, still_since = 0.0, 0.0
        while waited < limit_s * 1000:
            self.page.wait_for_timeout(100)
            now, last, began = self.page.evaluate(
                "() => [performance.now(), window.bench.seen.at(-1)?.[0] ?? 0, window.bench.began]"
            )
            waited = now - began
            if self._ahead:
                still_since = now
            if last and now - max(last, still_since) > quiet_ms:
                return float(last - began)
        raise BrowserError("the page does not come to rest")

    def told(self) -> list[tuple[float, Any]]:
        """What the probe told, and when."""
        found: list[tuple[float, Any]] = self.page.evaluate("() => window.bench.seen")
        return found

    def frames_p95(self, work: Callable[[], Any]) -> float:
        """The 95th percentile of the milliseconds between frames while something is done."""
        self.page.evaluate(_FRAMES)
        work()
        frames = self.page.evaluate(
            "() => { const told = window.bench.frames; window.bench.frames = null; return told; }"
        )
        ordered = sorted(frames[2:])
        return float(ordered[int(len(ordered) * 0.95)])

    def inp_ms(self) -> float:
        """The longest interaction so far, from its event to the next paint."""
        return float(self.page.evaluate("() => window.bench.inp"))

    def first_paint_ms(self) -> float:
        """When the first content was painted."""
        found = self.page.wait_for_function(
            "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
        )
        return float(found.json_value())

    def heap_mb(self) -> float:
        """What the page's JavaScript holds after garbage was collected."""
        self._devtools.send("HeapProfiler.collectGarbage")
        self._devtools.send("Performance.enable")
        told = self._devtools.send("Performance.getMetrics")["metrics"]
        return float(next(one["value"] for one in told if one["name"] == "JSHeapUsedSize")) / 1e6

    def throttle(self, *, cpu: float, mbit: float, latency_ms: float) -> None:
        """Be a slower machine at the end of a slower line."""
        self._devtools.send("Emulation.setCPUThrottlingRate", {"rate": cpu})
        speed = mbit * 1e6 / 8
        self._devtools.send(
            "Network.emulateNetworkConditions",
            {
                "offline": False,
                "latency": latency_ms,
                "downloadThroughput": speed,
                "uploadThroughput": speed,
            },
        )

    def count(self, selector: str) -> int:
        """How many elements there are."""
        return len(self.page.query_selector_all(selector))

    def bytes(self, part: str) -> int:
        """The bytes of the answers from addresses with this part, as they were sent."""
        return sum(one.sizes()["responseBodySize"] for one in list(self.answers) if part in one.url)

    def _asked(self, request: Request) -> None:
        if request.resource_type in ("fetch", "xhr") and not request.url.endswith("/stream"):
            self._ahead.add(request)

    def _failed(self, request: Request) -> None:
        self._ahead.discard(request)

    def _answered(self, request: Request) -> None:
        self._ahead.discard(request)
        self.answers.append(request)


@contextlib.contextmanager
def browsing() -> Iterator[Browser]:
    """Chromium, without a window.

    Raises:
        RuntimeError: There is none on this machine.
    """
    path = chromium.find()
    if path is None:
        raise RuntimeError(chromium.NONE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def look(browser: Browser, url: str, probe: str = "() => null") -> Iterator[Look]:
    """A page of a server, in a browser that has seen nothing yet."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    try:
        context.set_default_timeout(LIMIT_S * 1000)
        context.add_init_script(_RECORDER % (probe, _PROBE_MS))
        yield Look(context.new_page(), url)
    finally:
        context.close()
