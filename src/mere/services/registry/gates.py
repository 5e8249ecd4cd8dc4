"""Gates: what must hold of a version before an alias may be moved to it.

A gate's condition is written in the filter language, not in free SQL: what its author writes only
ever becomes parameters of a query of ours, so it can neither read files nor other tables. It may
ask of the metrics and params of the version's run, of its tags, its stage of review, and, by
``delta.<metric>``, how a metric differs from that of the version the alias points at now. Where
the alias is new, there is nothing to be worse than, and every delta of a metric is 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from mere.entities.limits import check_name, check_text
from mere.entities.model import Gate, GateResult, check_alias
from mere.errors import ErrorCode, NotFound, PermissionDenied
from mere.search.models import CANDIDATES
from mere.search.sql import Parameters, compile_filter
from mere.services.registry.rows import active_model, active_version, aliases_of
from mere.services.registry.search import MARKED_TAGS

if TYPE_CHECKING:
    import builtins

    from mere.clock import Clock
    from mere.lake import Lake

__all__ = ["Gates"]

_CONDITION_CHARS_MAX = 4_000
_NO_METRICS = "map([]::varchar[], []::double[])"
_CANDIDATE = f"""with points as (
  select m.logged_model_id, m.key, arg_max(m.value, (m.step, m.timestamp)) as value
  from metrics m where m.run_id = any($run_ids) and m.logged_model_id = any($model_ids)
  group by m.logged_model_id, m.key
), measured as (
  select logged_model_id, map(list(key), list(value)) as metrics from points group by 1
), known as (
  select v.*, r.params, r.status as run_status, r.started_at, map_concat(
    coalesce(r.metrics, {_NO_METRICS}), coalesce(p.metrics, {_NO_METRICS})) as metrics
  from model_versions v left join runs r on r.run_id = v.run_id
  left join measured p on p.logged_model_id = v.model_id
  where v.name = $name and v.version = any($versions)
), found as (
  select c.* exclude (stage), coalesce(c.stage, 'None') as stage,
    c.name || '/' || c.version as label, {MARKED_TAGS},
    map_from_entries(list_transform(
      list_intersect(map_keys(c.metrics), map_keys(o.metrics)),
      lambda k: struct_pack(k := k, v := c.metrics[k] - o.metrics[k]))) as delta
  from known c join (select metrics from known where version = $current) o on true
  where c.version = $version
)
"""


class Gates:
    """The gates of all registered models of one warehouse.

    Args:
        lake: Where they are stored.
        clock: Says what time it is.
    """

    def __init__(self, lake: Lake, clock: Clock) -> None:
        self._lake = lake
        self._clock = clock

    def set(
        self,
        name: str,
        gate: str,
        condition: str,
        *,
        alias: str | None = None,
        description: str | None = None,
        created_by: str | None = None,
    ) -> Gate:
        """Put a gate before an alias of a model, or before all of them.

        Args:
            name: The registered model.
            gate: What the gate is called; one of that name is replaced.
            condition: What must hold, such as ``metrics.acc > 0.9 and review = 'approved'``.
            alias: The alias it guards; by default, all.
            description: Why it is there.
            created_by: The account that sets it.

        Raises:
            NotFound: There is no such model.
            InvalidInput: The condition means nothing; the message points at where.
        """
        active_model(self._lake, name)
        check_name(gate, "gate")
        check_text(condition, "gate condition", _CONDITION_CHARS_MAX, "split it into several gates")
        compile_filter(CANDIDATES, condition, Parameters(self._clock.now_us()))
        row = {
            "name": name,
            "gate": gate,
            "alias": None if alias is None else check_alias(alias),
            "condition": condition,
            "description": description,
            "created_by": created_by,
            "changed_at": self._clock.now_us(),
        }
        self._lake.patch("model_gates", [row])
        return next(one for one in self.list(name) if one.gate == gate)

    def list(self, name: str) -> list[Gate]:
        """The gates of a model, by name."""
        rows = self._lake.scan("model_gates", where={"name": name}).to_pylist()
        known = [
            {key: value for key, value in row.items() if value is not None}
            for row in sorted(rows, key=lambda row: str(row["gate"]))
            if row["condition"] is not None
        ]
        return [msgspec.convert(row, Gate) for row in known]

    def remove(self, name: str, gate: str) -> None:
        """Take a gate away.

        Raises:
            NotFound: There is none of that name.
        """
        if gate not in {one.gate for one in self.list(name)}:
            raise NotFound(
                ErrorCode.MODEL_NOT_FOUND, f"registered model {name!r} has no gate {gate!r}"
            )
        self._lake.patch("model_gates", [{"name": name, "gate": gate, "condition": None}])

    def check(self, name: str, version: object, alias: str) -> builtins.list[GateResult]:
        """What the gates before an alias say of a version; nothing is moved.

        Raises:
            NotFound: There is no such version.
        """
        row = active_version(self._lake, name, version)
        return self._ask(row, alias, aliases_of(self._lake, [name])[name].get(alias))

    def require(self, version: Mapping[str, Any], alias: str, current: int | None) -> None:
        """Refuse a version that a gate before an alias does not let pass.

        Args:
            version: The version's row.
            alias: The alias that is to be moved to it.
            current: Where it points now.

        Raises:
            PermissionDenied: A gate does not hold; the message names all of these.
        """
        closed = [one for one in self._ask(version, alias, current) if not one.holds]
        if closed:
            named = "; ".join(f"{one.gate}: {one.condition}" for one in closed)
            raise PermissionDenied(
                ErrorCode.GATE_CLOSED,
                f"alias {alias!r} of {version['name']!r} cannot move to version "
                f"{version['version']}, as gates do not hold ({named})",
                name=version["name"],
                version=version["version"],
                gates=[one.gate for one in closed],
            )

    def _ask(
        self, version: Mapping[str, Any], alias: str, current: int | None
    ) -> builtins.list[GateResult]:
        gates = [one for one in self.list(version["name"]) if one.alias in (None, alias)]
        return [
            GateResult(
                gate=one.gate,
                condition=one.condition,
                holds=self._holds(one.condition, version, current or version["version"]),
            )
            for one in gates
        ]

    def _holds(self, condition: str, version: Mapping[str, Any], current: int) -> bool:
        parameters = Parameters(self._clock.now_us())
        test, _ = compile_filter(CANDIDATES, condition, parameters)
        if test is None:
            return True
        name, number = version["name"], version["version"]
        rows = self._lake.scan(
            "model_versions", where={"name": name, "version": [number, current]}
        ).to_pylist()
        links = {
            "run_ids": [row["run_id"] for row in rows if row["run_id"]],
            "model_ids": [row["model_id"] for row in rows if row["model_id"]],
        }
        wanted = {"name": name, "version": number, "current": current, **links}
        found = self._lake.sql(
            f"{_CANDIDATE} select count(*) as n from found where {test}",
            params={**wanted, "versions": [number, current], **parameters.values},
        )
        return bool(found["n"][0].as_py())
