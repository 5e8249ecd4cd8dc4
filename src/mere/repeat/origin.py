"""What the warehouse knows of how a run came about."""

from __future__ import annotations

from typing import Any

import msgspec

from mere.entities.code import MASK, Command, Environment, GitState
from mere.errors import ErrorCode, InvalidInput, NotFound
from mere.services.warehouse import Warehouse

__all__ = ["Origin", "find_origin", "find_run", "stored_environment"]


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """How a run came about.

    Args:
        run_id: The run.
        name: Its name.
        command: What was started.
        git: What git said of its code.
        diff_digest: The digest of the uncommitted changes.
        environment_digest: The digest of its environment.
        python: The version of Python.
        inputs: The dataset versions it read: ids by name.
    """

    run_id: str
    name: str | None = None
    command: Command
    git: GitState = GitState()
    diff_digest: str | None = None
    environment_digest: str | None = None
    python: str | None = None
    inputs: dict[str, str] = {}

    @property
    def masked(self) -> list[str]:
        """The options whose values were not stored, as they looked like secrets."""
        words = self.command.arguments or []
        named = []
        for place, word in enumerate(words):
            before = words[place - 1] if place else ""
            if word == MASK and before.startswith("-"):
                named.append(before)
            elif MASK in word:
                name, sign, _ = word.partition("=")
                named.append(name if sign else f"argument {place + 1}")
        return named


def find_run(warehouse: Warehouse, word: str) -> str:
    """Return the id of the run meant, where repetitions share their names with what they repeat.

    Raises:
        NotFound: No run is meant.
        InvalidInput: Several are.
    """
    try:
        return warehouse.runs.find(word).run_id
    except InvalidInput:
        named = warehouse.sql(
            "select run_id from runs where name = $name and repeats is null", {"name": word}
        )["run_id"].to_pylist()
        if len(named) != 1:
            raise
        return str(named[0])


def find_origin(warehouse: Warehouse, run_id: str) -> Origin:
    """Look up how a run came about.

    Raises:
        NotFound: The run noted nothing of it.
    """
    row = warehouse.lake.get("runs", run_id) or {}
    source, command = row.get("source") or {}, row.get("command")
    if command is None and not source.get("git_commit"):
        raise NotFound(
            ErrorCode.NOT_REPEATABLE,
            f"run {row.get('name') or run_id} noted neither its code nor its command: it was "
            "imported, or MERE_CAPTURE was off",
            run_id=run_id,
        )
    return Origin(
        run_id=run_id,
        name=row.get("name"),
        command=msgspec.convert(command or {}, Command),
        git=GitState(
            remote=source.get("git_remote"),
            commit=source.get("git_commit"),
            branch=(command or {}).get("git_branch"),
            is_dirty=source.get("git_dirty"),
        ),
        diff_digest=source.get("diff_digest"),
        environment_digest=source.get("environment_digest"),
        python=source.get("python"),
        inputs=_inputs(warehouse, run_id),
    )


def stored_environment(warehouse: Warehouse, origin: Origin) -> Environment:
    """The environment a run had.

    Raises:
        InvalidInput: None was stored.
    """
    if origin.environment_digest is None:
        raise InvalidInput(
            ErrorCode.NOT_REPEATABLE,
            f"the environment of run {origin.name or origin.run_id} was not stored: use --here to "
            "run it in the environment of now",
            run_id=origin.run_id,
        )
    return warehouse.code.environment(origin.environment_digest)


def _inputs(warehouse: Warehouse, run_id: str) -> dict[str, str]:
    found: list[dict[str, Any]] = warehouse.sql(
        "select d.name, d.dataset_id from lineage l "
        "join datasets d on l.asset = 'dataset:' || d.dataset_id "
        "where l.run_id = $run and l.direction = 'read' order by l.logged_at desc",
        {"run": run_id},
    ).to_pylist()
    # Where a run read two versions of one dataset, the first it took is the one meant by name.
    return {row["name"]: row["dataset_id"] for row in found}
