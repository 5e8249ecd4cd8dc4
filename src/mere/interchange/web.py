"""Asks a server for JSON and files by HTTP, and asks again where it fails for a moment."""

from __future__ import annotations

import base64
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from mere.clock import Clock
from mere.errors import (
    ErrorCode,
    InvalidInput,
    MereError,
    NotFound,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
)

__all__ = ["Web"]

_ATTEMPTS = 5
_TIMEOUT_S = 60
_PIECE_BYTES = 1 << 20
_PASSING = frozenset({408, 429, 500, 502, 503, 504})


class Web:
    """One server.

    Args:
        url: Its address; a name and password in it are sent as basic authentication.
        clock: Waits between attempts.
        environment: Where ``MLFLOW_TRACKING_USERNAME``, ``…_PASSWORD`` or ``…_TOKEN`` are.
    """

    def __init__(self, url: str, clock: Clock, environment: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        self._clock = clock
        self._headers = {"Accept": "application/json"}
        name = parts.username or environment.get("MLFLOW_TRACKING_USERNAME")
        password = parts.password or environment.get("MLFLOW_TRACKING_PASSWORD")
        token = environment.get("MLFLOW_TRACKING_TOKEN")
        if name and password:
            packed = base64.b64encode(f"{name}:{password}".encode()).decode()
            self._headers["Authorization"] = f"Basic {packed}"
        elif token:
            self._headers["Authorization"] = f"Bearer {token}"
        host = parts.netloc.rpartition("@")[2]
        self.url = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))

    def get(self, path: str, /, **query: Any) -> dict[str, Any]:
        """Ask for JSON; raises as `post` does."""
        return self._json(self._request(path, query))

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send JSON and return the answer.

        Raises:
            NotFound: The server does not know what was asked for.
            InvalidInput: It refuses the request.
            PermissionDenied: It does not let us.
            Unauthenticated: It does not know us.
            Unavailable: It did not answer, several times.
        """
        request = self._request(path, {})
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
        return self._json(request)

    def download(self, path: str, to: Path, /, **query: Any) -> None:
        """Fetch a file in bounded memory; raises as `post` does."""

        def fetch(response: http.client.HTTPResponse) -> None:
            with to.open("wb") as file:
                while piece := response.read(_PIECE_BYTES):
                    file.write(piece)

        self._ask(self._request(path, query), fetch)

    def _json(self, request: urllib.request.Request) -> dict[str, Any]:
        data = self._ask(request, lambda response: response.read())
        try:
            answer = json.loads(data)
        except ValueError as error:
            raise InvalidInput(
                ErrorCode.INVALID_VALUE,
                f"{request.full_url} did not answer with JSON: is {self.url} a tracking server?",
                url=self.url,
            ) from error
        if not isinstance(answer, dict):
            raise InvalidInput(
                ErrorCode.INVALID_VALUE, f"{request.full_url} answered with no object"
            )
        return answer

    def _request(self, path: str, query: dict[str, Any]) -> urllib.request.Request:
        given = {name: value for name, value in query.items() if value is not None}
        tail = f"?{urlencode(given)}" if given else ""
        return urllib.request.Request(f"{self.url}{path}{tail}", headers=self._headers)  # noqa: S310

    def _ask(self, request: urllib.request.Request, read: Any) -> Any:
        delay_s = 0.2
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:  # noqa: S310
                    return read(response)
            except urllib.error.HTTPError as error:
                if error.code not in _PASSING or attempt == _ATTEMPTS:
                    raise _translated(request, error) from error
            except (OSError, http.client.HTTPException) as error:
                if attempt == _ATTEMPTS:
                    raise Unavailable(
                        ErrorCode.STORE_UNAVAILABLE,
                        f"{self.url} does not answer: {error}",
                        url=self.url,
                    ) from error
            self._clock.sleep(delay_s)
            delay_s *= 2
        raise AssertionError("unreachable")


def _translated(request: urllib.request.Request, error: urllib.error.HTTPError) -> MereError:
    with error:
        text = error.read(500).decode(errors="replace")
    url = request.full_url
    if error.code == 401:
        return Unauthenticated(
            ErrorCode.SIGN_IN_REQUIRED,
            f"{url} wants to know who asks: set MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN",
        )
    if error.code == 403:
        return PermissionDenied(ErrorCode.ACCESS_DENIED, f"{url} does not let us read it: {text}")
    if error.code == 404:
        return NotFound(ErrorCode.OBJECT_NOT_FOUND, f"{url} is not there: {text}")
    if error.code in _PASSING:
        return Unavailable(ErrorCode.STORE_UNAVAILABLE, f"{url} answers {error.code}: {text}")
    return InvalidInput(ErrorCode.INVALID_VALUE, f"{url} answers {error.code}: {text}")
