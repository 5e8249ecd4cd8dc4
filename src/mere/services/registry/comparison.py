"""A version beside another, such as the champion: what became better, and what it was made with."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mere.entities.model import check_version
from mere.errors import ErrorCode, NotFound
from mere.services.registry.rows import active_version, aliases_of
from mere.services.registry.version_windows import MEASURED, plain_metrics

if TYPE_CHECKING:
    from mere.lake import Lake

__all__ = ["ComparedParam", "Comparison", "Side", "compare"]

_PARAMS_MAX: Final = 1_000


class Side(msgspec.Struct):
    """One of the two versions.

    Args:
        version: Its number.
        aliases: Those that point at it.
        run_id: The run that made it, where that may be read.
        run_name: What that is called.
        experiment_id: Where that is.
        metrics: The last values; NaN and the infinities as texts.
    """

    version: int
    aliases: list[str] = []
    run_id: str | None = None
    run_name: str | None = None
    experiment_id: str | None = None
    metrics: dict[str, float | str] = {}


class ComparedParam(msgspec.Struct):
    """A param that differs; None where a side has none of it."""

    key: str
    mine: str | None
    other: str | None


class Comparison(msgspec.Struct):
    """A version beside another.

    Args:
        mine: The version.
        other: What it is compared with; None where the alias points nowhere, or at itself.
        params: Those that differ.
        params_total: How many differ, where these are not all.
        same_params: How many are equal.
    """

    mine: Side
    other: Side | None
    params: list[ComparedParam] = []
    params_total: int = 0
    same_params: int = 0


def compare(
    lake: Lake, name: str, version: object, base: str, experiments: Collection[str] | None
) -> Comparison:
    """Set a version beside another of its model.

    Args:
        lake: Where they are.
        name: The registered model.
        version: Its version.
        base: An alias, or the number of a version.
        experiments: Those whose runs may be shown; None for all.

    Raises:
        NotFound: There is no such version, or neither an alias nor a version ``base``.
    """
    number = active_version(lake, name, version)["version"]
    aliases = aliases_of(lake, [name])[name]
    against = _base(lake, name, aliases, base)
    rows = lake.sql(
        f"with {MEASURED} select version, run_id, run_name, experiment_id, metrics, params "
        "from measured where version = any($versions)",
        params={
            "name": name,
            "experiments": None if experiments is None else sorted(experiments),
            "versions": [number, against],
        },
    ).to_pylist(maps_as_pydicts="lossy")
    sides = {row["version"]: row for row in rows}
    if against == number:
        return Comparison(_side(sides[number], aliases), None)
    mine, other = (_params(sides[one]) for one in (number, against))
    differing = [
        ComparedParam(key, mine.get(key), other.get(key))
        for key in sorted(mine.keys() | other.keys())
        if mine.get(key) != other.get(key)
    ]
    return Comparison(
        _side(sides[number], aliases),
        _side(sides[against], aliases),
        differing[:_PARAMS_MAX],
        len(differing),
        len(mine.keys() | other.keys()) - len(differing),
    )


def _base(lake: Lake, name: str, aliases: Mapping[str, int], base: str) -> int:
    if base in aliases:
        return aliases[base]
    if base.isascii() and base.isdigit():
        number: int = active_version(lake, name, check_version(base))["version"]
        return number
    raise NotFound(
        ErrorCode.ALIAS_NOT_FOUND,
        f"registered model alias {base} not found: {name!r} has {', '.join(aliases) or 'none'}",
        name=name,
        alias=base,
    )


def _params(row: Mapping[str, Any]) -> dict[str, str]:
    return dict(row["params"] or {})


def _side(row: Mapping[str, Any], aliases: Mapping[str, int]) -> Side:
    is_readable = row["experiment_id"] is not None
    return Side(
        version=row["version"],
        aliases=[alias for alias, at in aliases.items() if at == row["version"]],
        run_id=row["run_id"] if is_readable else None,
        run_name=row["run_name"],
        experiment_id=row["experiment_id"],
        metrics=plain_metrics(row["metrics"]),
    )
