"""How long pins are kept: for ever once a stored version of a report names them.

A pin is made before the report that names it is saved, and perhaps no report ever is: then it goes
after `PINS_KEPT_DAYS`. Who saves and who collects may meet at any moment, and nobody waits:

- A save makes pins that it names young again before the version that names them is stored (see
  `mere.lake.blobs.RENEWED_AFTER_US`), so the version has weeks to follow.
- A collection lists the objects first and reads the texts after, and looks at each object once
  more right before it goes.

The object goes before its row, and what a crash leaves of either the next collection takes up: an
object whose row was never written, a row whose object has gone. As texts are never deleted, what
was named once stays, also where the report is in the bin.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mere.lake.blobs import RENEWED_AFTER_US

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mere.clock import Clock
    from mere.lake import Lake

__all__ = ["ID_CHARS", "PINS_KEPT_DAYS", "forget_pins", "key_of", "renew_pins"]

PINS_KEPT_DAYS = 30
"""As long as somebody may leave a report unsaved in a browser."""

ID_CHARS = 22
_FOLDER = "pins/"
_ROWS_A_BATCH = 2_000
_DAY_US = 86_400_000_000
_WORD = f"[A-Za-z0-9_-]{{{ID_CHARS},}}"
_NAMED = (
    f"select distinct word from (select unnest(regexp_extract_all(body, '{_WORD}')) as word "
    f"from report_versions) where length(word) = {ID_CHARS}"
)
"""Any word that could be an id: a panel that is broken keeps its pin, too."""


def key_of(pin_id: str) -> str:
    """Where the data of a pin lie."""
    return f"{_FOLDER}{pin_id}"


def renew_pins(lake: Lake, clock: Clock, body: str, stored: str = "") -> None:
    """Make the pins young that a text names, before it is stored.

    Args:
        lake: Where they are stored.
        clock: Says which are old.
        body: The text.
        stored: A stored text of the same report: what that names, nothing removes.
    """
    new = sorted(_words(body) - _words(stored))
    if not new:
        return
    pins = lake.scan("report_pins", {"pin_id": new}, ["pin_id", "pinned_at"]).to_pylist()
    limit_s = (clock.now_us() - RENEWED_AFTER_US) / 1e6
    old = [pin["pin_id"] for pin in pins if pin["pinned_at"].timestamp() < limit_s]
    lake.blobs.each(map(key_of, old), lake.blobs.exists)


def forget_pins(lake: Lake, clock: Clock, *, dry_run: bool = False) -> int:
    """Remove the pins that no stored version of any report names, some weeks after they were made.

    Returns:
        How many pins went, or would.

    Raises:
        Unavailable: The store did not answer; doing it again goes on.
    """
    limit_us = clock.now_us() - PINS_KEPT_DAYS * _DAY_US
    ages = {info.key.removeprefix(_FOLDER): info.modified_us for info in lake.blobs.list(_FOLDER)}
    rows = lake.sql(
        "select pin_id from report_pins where pinned_at < make_timestamptz($limit::bigint)",
        params={"limit": limit_us},
    )["pin_id"].to_pylist()
    old = {pin_id for pin_id, modified_us in ages.items() if modified_us < limit_us}
    lost = set(rows) - ages.keys()
    if not old and not lost:
        return 0
    old -= set(lake.sql(_NAMED)["word"].to_pylist())
    if dry_run:
        return len(old | lost)
    count = 0
    for gone in lake.blobs.delete_older(map(key_of, sorted(old)), limit_us):
        _forget_rows(lake, (info.key.removeprefix(_FOLDER) for info in gone))
        count += len(gone)
    _forget_rows(lake, lost)
    return count + len(lost)


def _forget_rows(lake: Lake, pin_ids: Iterable[str]) -> None:
    ids = sorted(pin_ids)
    for at in range(0, len(ids), _ROWS_A_BATCH):
        lake.delete("report_pins", ids[at : at + _ROWS_A_BATCH])


def _words(text: str) -> set[str]:
    return {word for word in re.findall(_WORD, text, re.ASCII) if len(word) == ID_CHARS}
