"""`mere server` and `mere ui`: the warehouse over HTTP."""

from __future__ import annotations

import webbrowser
from typing import Annotated

from cyclopts import Parameter

from mere.cli.options import Options
from mere.cli.output import notes, print_json
from mere.config import ServerSettings
from mere.services.warehouse import resolve_url

__all__ = ["server", "ui"]


def server(
    *,
    host: str = "127.0.0.1",
    port: int = 5000,
    workers: int = 1,
    sign_in: bool | None = None,
    public_url: str | None = None,
    fold_s: float = 1.0,
    rate_per_s: float = 0.0,
    access_log: Annotated[bool, Parameter(negative="")] = False,
    mlflow_ui: Annotated[bool, Parameter(name="--mlflow-ui", negative="")] = False,
    options: Options | None = None,
) -> None:
    """Serve the warehouse: MLflow's protocol, our own, traces in, tables out.

    The server holds nothing: start as many as you like, on one bucket, and stop them at any time.

    Args:
        host: The address to listen on. Beyond loopback everybody has to sign in.
        port: The port; 0 takes a free one.
        workers: Processes that answer.
        sign_in: Have everybody sign in, or nobody; by default, as the host asks.
        public_url: The address at which others reach the server, where a proxy is before it.
        fold_s: Seconds between looks whether something is to be folded; 0 leaves that to others.
        rate_per_s: Requests a second that one client may make; 0 sets no limit.
        access_log: Log each request, one JSON line each.
        mlflow_ui: Serve MLflow's own web UI below /mlflow, if its package is installed.
        options: What every command may be told.
    """
    options = options or Options()
    settings = ServerSettings(
        warehouse=resolve_url(options.warehouse),
        host=host,
        port=port,
        workers=workers,
        sign_in=sign_in,
        public_url=public_url,
        fold_s=fold_s,
        rate_per_s=rate_per_s,
        is_access_logged=access_log,
        mlflow_ui=mlflow_ui,
    )
    _serve(settings, is_json=options.json)


def ui(
    *,
    port: int = 5000,
    page: str = "/",
    browser: bool = True,
    options: Options | None = None,
) -> None:
    """Serve the warehouse on this machine only, and open it in the browser.

    Args:
        port: The port; 0 takes a free one.
        page: The page to open there, as the portal's addresses have it: ``/p/0``.
        browser: Whether to open a browser.
        options: What every command may be told.
    """
    options = options or Options()
    settings = ServerSettings(warehouse=resolve_url(options.warehouse), port=port)
    _serve(settings, is_json=options.json, opens=f"/{page.lstrip('/')}" if browser else None)


def _serve(settings: ServerSettings, *, is_json: bool, opens: str | None = None) -> None:
    from mere.server.serving import serve

    def tell(url: str) -> None:
        if is_json:
            print_json({"url": url, "warehouse": settings.warehouse})
        else:
            out = notes()
            out.print(f"mere serves [bold]{settings.warehouse}[/bold]")
            out.print(f"at [bold]{url}[/bold] · Ctrl-C stops it", highlight=False)
        if opens is not None:
            webbrowser.open(url + opens)

    serve(settings, tell)
