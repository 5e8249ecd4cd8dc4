"""States of the tables: what `mere.fold` and `mere.tag` do."""

from __future__ import annotations

from mere.services.warehouse import open_warehouse

__all__ = ["fold", "tag", "tags"]


def fold(*, warehouse: str | None = None) -> int:
    """Move what was logged into the Iceberg tables, where other engines see it.

    Runs do so by themselves when they end and much waits; to do it more often is harmless.

    Args:
        warehouse: Which; by default, what ``MERE_WAREHOUSE`` says.

    Returns:
        The number of the newest state.

    Raises:
        Unavailable: The store did not answer; folding again is safe.
    """
    return open_warehouse(warehouse).lake.fold().root


def tag(name: str, *, warehouse: str | None = None) -> int:
    """Give the state of now a name, kept for ever: `mere.sql` takes it as `as_of`.

    Args:
        name: The tag.
        warehouse: Which; by default, what ``MERE_WAREHOUSE`` says.

    Returns:
        The number of that state.

    Raises:
        AlreadyExists: The name is that of another state.
        InvalidInput: The name cannot be one.
    """
    return open_warehouse(warehouse).lake.tag(name)


def tags(*, warehouse: str | None = None) -> dict[str, int]:
    """Return the number of the state of each tag."""
    return open_warehouse(warehouse).lake.tags()
