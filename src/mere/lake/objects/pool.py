"""Threads for requests that are under way at once, also while the interpreter ends.

Runs end when the interpreter does, and much is sent then. From that moment on Python starts no
threads and takes no work for those it has, so what is submitted then runs in the caller's thread.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

__all__ = ["RequestPool"]

_P = ParamSpec("_P")
_R = TypeVar("_R")


class RequestPool(ThreadPoolExecutor):
    """A pool of threads that falls back to the caller's where no thread can be had."""

    def submit(self, fn: Callable[_P, _R], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_R]:
        """Run a function soon, or now; what it raises is the future's."""
        try:
            return super().submit(fn, *args, **kwargs)
        except RuntimeError:
            done: Future[_R] = Future()
            try:
                done.set_result(fn(*args, **kwargs))
            except Exception as error:  # noqa: BLE001  a future carries what its function raised
                done.set_exception(error)
            return done
