"""Turns: changes of one thing that must happen one after another, by whoever makes them.

A store without locks gives order by claims: who wants to make change *n+1* reads the state that
change *n* left, decides, and claims the number with an object that carries the whole change as
patches. Of two that want the same number one wins. The other writes the winner's patches too, as
of the claim, so that a winner who crashed in between loses nothing; then it decides anew.

What is decided here therefore never rests on a state that has moved meanwhile: a number is given
once, a name belongs to one, an alias moves only from where its gates saw it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from mere.errors import Conflict, ErrorCode
from mere.lake.engine import LakeBatch

if TYPE_CHECKING:
    from mere.clock import Clock
    from mere.lake import Lake

__all__ = ["Patches", "Turn", "take_turn"]

Patches = dict[str, list[dict[str, Any]]]
"""Patches to keyed tables, as JSON holds them: times are microseconds."""

_T = TypeVar("_T")
_ATTEMPTS = 200
_WAIT_S = 0.005
_WAIT_S_MAX = 0.25


@dataclass
class Turn(Generic[_T]):
    """A change that somebody wants to make.

    Args:
        result: What the caller wants to know of it.
        patches: What it writes; empty where nothing is to be done.
    """

    result: _T
    patches: Patches = field(default_factory=dict)


def take_turn(
    lake: Lake,
    clock: Clock,
    kind: str,
    name: str,
    count: Callable[[], int],
    decide: Callable[[int], Turn[_T]],
) -> _T:
    """Make a change when it is its turn.

    Args:
        lake: Where it is made.
        clock: To wait while others are at it.
        kind: What kind of thing changes, for the claims.
        name: Which one.
        count: Reads the number of the last change. It is called before `decide`, so that what
            that reads is never older than the number.
        decide: Told the number of the new change; reads the state and says what to write, with
            that number in it. Called again where others were quicker.

    Returns:
        The result of the change made.

    Raises:
        Conflict: Others were quicker again and again.
    """
    for attempt in range(_ATTEMPTS):
        number = count() + 1
        turn = decide(number)
        if not turn.patches:
            return turn.result
        _check(lake, turn.patches)
        claim = lake.claim(kind, f"{name}/{number}", {"patches": turn.patches})
        with lake.batch() as batch:
            for table, rows in claim.record["patches"].items():
                batch.patch(table, rows, at=claim.tick)
        if claim.won:
            return turn.result
        if attempt:
            wait_s = min(_WAIT_S * 2 ** min(attempt, 10), _WAIT_S_MAX)
            clock.sleep(wait_s * clock.random_bits(16) / 65_536)
    raise Conflict(
        ErrorCode.BUSY,
        f"{name!r} is being changed by many at once: try again",
        name=name,
    )


def _check(lake: Lake, patches: Patches) -> None:
    """Refuse what cannot be stored before it is claimed: nobody could take the next turn."""
    trial = LakeBatch(lake)
    for table, rows in patches.items():
        trial.patch(table, rows)
