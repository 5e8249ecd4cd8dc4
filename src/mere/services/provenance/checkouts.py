"""The mark in a folder of restored code: whose it is, and which files belong to it.

A run started there knows by it which code it runs, though the folder is no repository.
"""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from mere.entities.code import Checkout

__all__ = ["CHECKOUT_FOLDER", "read_checkout", "write_checkout"]

CHECKOUT_FOLDER = ".mere"
_NAME = "checkout.json"
_BYTES_MAX = 64 << 20


def write_checkout(root: Path, checkout: Checkout) -> None:
    """Mark a folder."""
    folder = root / CHECKOUT_FOLDER
    folder.mkdir(exist_ok=True)
    # The standard library writes file names that are no Unicode, too, and reads them back.
    (folder / _NAME).write_text(json.dumps(msgspec.to_builtins(checkout), indent=1))


def read_checkout(root: Path) -> Checkout | None:
    """The mark of a folder; None where there is none, or none that can be read."""
    file = root / CHECKOUT_FOLDER / _NAME
    try:
        if file.stat().st_size > _BYTES_MAX:
            return None
        return msgspec.convert(json.loads(file.read_text()), Checkout)
    except (OSError, ValueError, msgspec.MsgspecError):
        return None
