"""Where events may be sent: to public addresses, and to those that were allowed by name.

A webhook's address comes from people who may not reach everything this machine can: the cloud's
metadata service, databases, other servers on loopback. So a name is resolved, every address it
stands for is checked, and the connection goes to an address that was checked: resolving a name
twice would let it mean something else the second time.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from mere.errors import ErrorCode, InvalidInput, Unavailable

__all__ = ["AddressGuard", "Reply"]

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_LOCAL_NAT64 = ipaddress.ip_network("64:ff9b:1::/48")
_REPLY_BYTES_MAX = 64 << 10
_CHECK_S = 3.0
"""Somebody waits for the answer."""


class Reply:
    """What a receiver answered.

    Args:
        status: HTTP's status.
        body: The beginning of its body.
        retry_after: What it said of when to come back.
    """

    __slots__ = ("body", "retry_after", "status")

    def __init__(self, status: int, body: str, retry_after: str | None) -> None:
        self.status = status
        self.body = body
        self.retry_after = retry_after


class AddressGuard:
    """Resolves, checks and connects.

    Args:
        allowed: Hosts, addresses and networks that may be called although they are not public;
            with a port (``hooks.internal:8080``) only that port of them.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._hosts: set[tuple[str, int | None]] = set()
        self._networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
        for word in allowed:
            self._allow(word.strip().lower())

    def check(self, url: str) -> str:
        """Return an address, if events may be sent there now.

        A name that cannot be resolved at the moment, or not soon, is let pass: it is looked at
        again whenever something is sent.

        Raises:
            InvalidInput: It leads to an address that is not public.
        """
        parts = urlsplit(url)
        with suppress(Unavailable):
            port = parts.port or _default_port(parts.scheme)
            self._resolved(parts.hostname or "", port, _CHECK_S)
        return url

    def post(self, url: str, body: bytes, headers: dict[str, str], timeout_s: float) -> Reply:
        """Send something, and return what is answered; redirects are answers like others.

        Raises:
            InvalidInput: The address is not public.
            Unavailable: Nobody answered there, or not in time.
        """
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port or _default_port(parts.scheme)
        address = self._resolved(host, port, timeout_s)[0]
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        shown = f"[{host}]" if ":" in host else host
        is_default = port == _default_port(parts.scheme)
        headers = {**headers, "Host": shown if is_default else f"{shown}:{port}"}
        try:
            with _connected(address, port, host, parts.scheme == "https", timeout_s) as connection:
                connection.request("POST", path, body=body, headers=headers)
                reply = connection.getresponse()
                text = reply.read(_REPLY_BYTES_MAX).decode("utf-8", "replace")
                return Reply(reply.status, text, reply.getheader("Retry-After"))
        except (OSError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
            raise Unavailable(
                ErrorCode.STORE_UNAVAILABLE, f"{host}:{port} did not answer: {reason}"
            ) from error

    def _allow(self, word: str) -> None:
        if not word:
            return
        try:
            self._networks.append(ipaddress.ip_network(word, strict=False))
            return
        except ValueError:
            pass
        parts = urlsplit(f"//{word}")
        try:
            port = parts.port
        except ValueError as error:
            raise _bad_word(word) from error
        if not parts.hostname or parts.path:
            raise _bad_word(word)
        self._hosts.add((parts.hostname, port))

    def _resolved(self, host: str, port: int, seconds: float) -> list[_Address]:
        """The addresses of a host, all of which may be called.

        Raises:
            InvalidInput: One of them may not.
            Unavailable: The name cannot be resolved, or not in time.
        """
        try:
            found = _looked_up(host, port, seconds)
        except (OSError, UnicodeError) as error:
            raise Unavailable(
                ErrorCode.STORE_UNAVAILABLE, f"{host!r} cannot be resolved: {error}", host=host
            ) from error
        addresses = list(
            dict.fromkeys(ipaddress.ip_address(one.partition("%")[0]) for one in found)
        )
        if {(host, port), (host, None)} & self._hosts:
            return addresses
        for address in addresses:
            if not (_is_public(address) or self._is_allowed(address, port)):
                raise InvalidInput(
                    ErrorCode.ADDRESS_REFUSED,
                    f"{host!r} leads to {address}, which is no public address: name another, or "
                    "have it allowed by MERE_WEBHOOK_ALLOW",
                    host=host,
                    address=str(address),
                )
        return addresses

    def _is_allowed(self, address: _Address, port: int) -> bool:
        named = {(str(address), port), (str(address), None)} & self._hosts
        return bool(named) or any(address in network for network in self._networks)


def _looked_up(host: str, port: int, seconds: float) -> list[str]:
    """The addresses that the resolver of this machine knows of a name.

    It has a time limit of its own, half a minute or so, and cannot be called off: whoever waits
    less leaves a thread behind that ends then.

    Raises:
        OSError: It knows none, or has not answered in time.
        UnicodeError: The name cannot be one.
    """
    answer: Future[list[str]] = Future()

    def look_up() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answer.set_result([str(one[4][0]) for one in found])
        except Exception as error:  # noqa: BLE001  it is raised where the answer is awaited
            answer.set_exception(error)

    threading.Thread(target=look_up, name="mere resolver", daemon=True).start()
    try:
        return answer.result(seconds)
    except TimeoutError as error:
        raise TimeoutError(f"no answer within {seconds:g} s") from error


@contextmanager
def _connected(
    address: _Address,
    port: int,
    host: str,
    is_tls: bool,  # noqa: FBT001 - it follows from the address
    seconds: float,
) -> Iterator[http.client.HTTPConnection]:
    """A conversation that ends after so many seconds, whatever the other side does.

    A time limit of the socket alone would begin anew with each byte.
    """
    connection = http.client.HTTPConnection(host, port, timeout=seconds)
    held = [socket.create_connection((str(address), port), timeout=seconds)]
    is_late = threading.Event()

    def hang_up() -> None:
        is_late.set()
        with suppress(OSError):
            held[-1].shutdown(socket.SHUT_RDWR)

    watch = threading.Timer(seconds, hang_up)
    watch.start()
    try:
        if is_tls:
            context = ssl.create_default_context()
            wrapped = context.wrap_socket(
                held[0], server_hostname=host, do_handshake_on_connect=False
            )
            held.append(wrapped)
            wrapped.do_handshake()
        connection.sock = held[-1]
        yield connection
    finally:
        watch.cancel()
        connection.close()
        for one in held:
            one.close()
        if is_late.is_set():
            # What came until then may look whole, as the end of a connection ends a reply.
            raise TimeoutError(f"not done after {seconds:g} s")


def _default_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


def _is_public(address: _Address) -> bool:
    """Whether everybody may reach an address, also where it is an IPv4 one in IPv6's clothes."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address.teredo is not None:
            inner = address.teredo[1]
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(inner)
        if address in _LOCAL_NAT64:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _bad_word(word: str) -> InvalidInput:
    return InvalidInput(
        ErrorCode.INVALID_VALUE,
        f"MERE_WEBHOOK_ALLOW holds {word!r}: give hosts, host:port, addresses or networks, with "
        "commas between",
    )
