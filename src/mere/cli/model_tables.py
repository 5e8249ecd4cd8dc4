"""What the commands of the model registry show: headings, and tables for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich.table import Table
from rich.text import Text

from mere.cli.output import cell, new_table, size, when
from mere.entities.deployment import Deployment
from mere.entities.model import Gate, GatePart, GateResult, ModelVersion, RegisteredModel, Review

__all__ = [
    "checks_table",
    "gates_table",
    "model_heading",
    "models_table",
    "reviews_table",
    "version_heading",
    "versions_table",
]

_STAGE_STYLES = {"Production": "green", "Staging": "yellow", "Archived": "dim"}
_REVIEW_STYLES = {"approved": "green", "rejected": "red", "requested": "yellow"}


def models_table(
    found: Iterable[RegisteredModel], latest: Mapping[str, Iterable[ModelVersion]]
) -> Table:
    """Registered models with their newest versions, one a row."""
    table = new_table("name", ">version", "aliases", "tags", "changed")
    for one in found:
        newest = max((version.version for version in latest[one.name]), default=None)
        table.add_row(
            Text(one.name, style="bold"),
            cell(newest),
            cell(_aliases(one.aliases) or None),
            cell(one.tags or None),
            cell(when(one.changed_at)[:16]),
        )
    return table


def model_heading(found: RegisteredModel, gates: list[Gate], live: list[Deployment]) -> Text:
    """What is known of a model."""
    text = Text(found.name, style="bold")
    pairs = [
        ("kind", "prompt" if found.is_prompt else None),
        ("registered", when(found.registered_at)),
        ("by", found.created_by),
        ("aliases", _aliases(found.aliases) or None),
        ("tags", _tags(found.tags)),
        ("gates", ", ".join(f"{one.gate} ({one.condition})" for one in gates) or None),
        ("live in", ", ".join(_place(one) for one in live) or None),
        ("about", found.description),
    ]
    return _add(text, pairs)


def version_heading(found: ModelVersion, deployed: list[Deployment]) -> Text:
    """What is known of a version, and where it is deployed."""
    text = Text(found.label, style="bold")
    text.append(f"  {found.status}", style="green" if found.status == "READY" else "red")
    text.append(f"  {found.review or ''}", style=_REVIEW_STYLES.get(found.review or "", ""))
    live = [one for one in deployed if one.ended_at is None]
    pairs = [
        ("registered", when(found.registered_at)),
        ("by", found.created_by),
        ("aliases", ", ".join(found.aliases) or None),
        ("stage", None if found.stage == "None" else found.stage),
        ("run", found.run_id),
        ("model", found.model_id),
        ("source", found.source),
        ("files", None if found.files is None else f"{found.files:,}, {size(found.bytes or 0)}"),
        ("digest", found.digest),
        ("flavors", ", ".join(found.flavors) or None),
        ("signature", found.signature),
        ("tags", _tags(found.tags)),
        ("live in", ", ".join(_place(one) for one in live) or None),
        ("about", found.description),
        ("failed", found.status_message),
    ]
    return _add(text, pairs)


def versions_table(found: list[ModelVersion]) -> Table:
    """Versions, one a row."""
    table = new_table(
        ">version", "aliases", "stage", "review", "run", ">size", "registered", "tags"
    )
    for one in found:
        table.add_row(
            Text(str(one.version), style="bold"),
            cell(", ".join(one.aliases) or None),
            Text("-" if one.stage == "None" else one.stage, style=_STAGE_STYLES.get(one.stage, "")),
            Text(one.review or "-", style=_REVIEW_STYLES.get(one.review or "", "dim")),
            cell(one.run_id and one.run_id[:13]),
            cell(None if one.bytes is None else size(one.bytes)),
            cell(when(one.registered_at)[:10]),
            cell(one.tags or None),
        )
    return table


def reviews_table(said: list[Review]) -> Table:
    """What reviewers said, one a row."""
    table = new_table("when", "by", "said", "comment")
    for one in said:
        table.add_row(
            cell(when(one.reviewed_at)[:16]),
            cell(one.reviewed_by),
            Text(one.state, style=_REVIEW_STYLES.get(one.state, "")),
            cell(one.comment),
        )
    return table


def gates_table(gates: Iterable[Gate]) -> Table:
    """The gates there are, one a row."""
    table = new_table("gate", "alias", "condition", "description")
    for one in gates:
        table.add_row(
            Text(one.gate, style="bold"),
            cell(one.alias or "all"),
            cell(one.condition),
            cell(one.description),
        )
    return table


def checks_table(results: list[GateResult]) -> Table:
    """What each gate asks for, whether that holds, and what was found."""
    table = new_table("gate", "holds", "condition", ">found")
    for one in results:
        first = _found(one.parts[0]) if len(one.parts) == 1 else ""
        name = Text(one.gate, style="bold")
        table.add_row(name, _yes_or_no(holds=one.holds), cell(one.condition), first)
        for part in one.parts if len(one.parts) > 1 else ():
            table.add_row("", _yes_or_no(holds=part.holds), cell(f"  {part.text}"), _found(part))
    return table


def _add(text: Text, pairs: list[tuple[str, str | None]]) -> Text:
    for label, value in pairs:
        if value:
            text.append(f"\n{label:>11}  ", style="dim")
            text.append(value)
    return text


def _yes_or_no(*, holds: bool) -> Text:
    return Text("yes", style="green") if holds else Text("no", style="red")


def _found(part: GatePart) -> Text:
    return Text("nothing there", style="dim") if part.value is None else Text(part.value)


def _aliases(aliases: dict[str, int]) -> str:
    return ", ".join(f"{alias} → {version}" for alias, version in sorted(aliases.items()))


def _tags(tags: dict[str, str]) -> str | None:
    return ", ".join(f"{key}={value}" for key, value in sorted(tags.items())) or None


def _place(one: Deployment) -> str:
    return f"{one.environment}/{one.application}"
