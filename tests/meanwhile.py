"""What another process does between two requests of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mere.lake.objects.memory import MemoryStore

__all__ = ["ALL", "Meanwhile"]

ALL = ("get", "get_range", "put", "put_file", "renew", "head", "list", "delete")
"""The verbs of every request there is."""


class Meanwhile:
    """A process's store, in which something happens right before one of its requests."""

    def __init__(self, inner: MemoryStore) -> None:
        self.inner = inner
        self.verbs: tuple[str, ...] = ()
        self.prefix = ""
        self.left = 0
        self.act: Callable[[], object] | None = None
        self.seen: list[tuple[str, str]] = []

    def before(
        self, act: Callable[[], object], *verbs: str, number: int = 0, prefix: str = ""
    ) -> None:
        """Let something happen before the request of that number, beginning with 0."""
        self.act, self.verbs, self.left, self.prefix = act, verbs, number, prefix

    @property
    def has_happened(self) -> bool:
        return self.act is None

    def clear(self) -> None:
        self.act = None
        self.seen.clear()

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self.inner, name)
        if not callable(verb):
            return verb

        def call(*args: Any, **kwargs: Any) -> Any:
            first = args[0] if isinstance(args[0], str) else ",".join(args[0])
            self.seen.append((name, first))
            if self.act is not None and name in self.verbs and first.startswith(self.prefix):
                if self.left == 0:
                    act, self.act = self.act, None
                    act()
                self.left -= 1
            return verb(*args, **kwargs)

        return call
