"""Knowing that this process was forked from one that had used obstore.

obstore runs its requests on threads of one runtime for the whole process. A fork copies the
memory of that runtime but none of its threads, so every later call in the child would wait for
ever, even through a fresh store. A child forked before the first call is well.
"""

from __future__ import annotations

import os

from mere.errors import ErrorCode, InvalidInput

__all__ = ["check_not_forked", "mark_used"]


class _State:
    """What this process knows of itself; there is one runtime, so there is one state."""

    is_used = False
    is_lost = False


def mark_used() -> None:
    """Note that a call is about to start the runtime."""
    _State.is_used = True


def check_not_forked(url: str) -> None:
    """Refuse to wait for a runtime whose threads were lost.

    Raises:
        InvalidInput: With code FORKED; says what to do instead.
    """
    if _State.is_lost:
        raise InvalidInput(
            ErrorCode.FORKED,
            f"{url} was in use when this process was forked, and its connections did not survive; "
            "start the process with the 'spawn' or 'forkserver' method, "
            "or open the store in the child only",
            url=url,
        )


def _after_fork_in_child() -> None:
    _State.is_lost = _State.is_lost or _State.is_used


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
