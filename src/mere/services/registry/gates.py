"""Gates: what must hold of a version before an alias may be moved to it.

A gate's condition is written in the filter language, not in free SQL: what its author writes only
ever becomes parameters of a query of ours, so it can neither read files nor other tables. It may
ask of the metrics and params of the version's run, of its tags, its stage of review, and, by
``delta.<metric>``, how a metric differs from that of the version the alias points at now. Where
the alias is new, there is nothing to be worse than, and every delta of a metric is 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from mere.entities.limits import check_name, check_text
from mere.entities.model import Gate, GatePart, GateResult, check_alias
from mere.errors import ErrorCode, NotFound, PermissionDenied
from mere.search.models import CANDIDATES
from mere.search.parser import parse_filter
from mere.search.sql import Parameters, comparisons_of, compile_filter, compile_parts
from mere.services.registry.rows import active_model, active_version, aliases_of
from mere.services.registry.search import MARKED_TAGS

if TYPE_CHECKING:
    import builtins

    from mere.clock import Clock
    from mere.lake import Lake

__all__ = ["Gates"]

_CONDITION_CHARS_MAX = 4_000
_MEASURES = ("metrics", "metric", "delta")
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

    def metrics(self, name: str) -> builtins.list[str]:
        """The metrics that the gates of a model ask of."""
        names = (
            one.name
            for gate in self.list(name)
            for one in comparisons_of(parse_filter(gate.condition)[0])
        )
        return list(dict.fromkeys(one.key for one in names if one.prefix in _MEASURES))

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

    def test(
        self, name: str, version: object, condition: str, alias: str | None = None
    ) -> GateResult:
        """What a condition would say of a version, if it were a gate before an alias.

        Raises:
            NotFound: There is no such version.
            InvalidInput: The condition means nothing; the message points at where.
        """
        check_text(condition, "gate condition", _CONDITION_CHARS_MAX, "split it into several gates")
        row = active_version(self._lake, name, version)
        current = aliases_of(self._lake, [name])[name].get(alias) if alias else None
        return self._result(
            Gate(name=name, gate="", alias=alias, condition=condition), row, current
        )

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
        return [self._result(one, version, current) for one in gates]

    def _result(self, gate: Gate, version: Mapping[str, Any], current: int | None) -> GateResult:
        """What one gate says of a version, and how it came to that."""
        parameters = Parameters(self._clock.now_us())
        test, _ = compile_filter(CANDIDATES, gate.condition, parameters)
        parts = compile_parts(CANDIDATES, gate.condition, parameters)
        columns = [f"coalesce({test or 'true'}, false)"]
        for part in parts:
            columns += [part.value, part.test]
        told = self._read(version, current or version["version"], columns, parameters)
        return GateResult(
            gate=gate.gate,
            condition=gate.condition,
            alias=gate.alias,
            description=gate.description,
            holds=bool(told[0]),
            parts=[
                GatePart(text=part.text, value=value, holds=bool(holds))
                for part, value, holds in zip(parts, told[1::2], told[2::2], strict=True)
            ],
        )

    def _read(
        self,
        version: Mapping[str, Any],
        current: int,
        columns: Sequence[str],
        parameters: Parameters,
    ) -> builtins.list[Any]:
        """Read expressions of a version, beside the one that the alias points at now."""
        name, number = version["name"], version["version"]
        rows = self._lake.scan(
            "model_versions", where={"name": name, "version": [number, current]}
        ).to_pylist()
        links = {
            "run_ids": [row["run_id"] for row in rows if row["run_id"]],
            "model_ids": [row["model_id"] for row in rows if row["model_id"]],
        }
        wanted = {"name": name, "version": number, "current": current, **links}
        listed = ", ".join(f"{column} as c{at}" for at, column in enumerate(columns))
        found = self._lake.sql(
            f"{_CANDIDATE} select {listed} from found limit 1",
            params={**wanted, "versions": [number, current], **parameters.values},
        )
        # Where the version the alias points at is gone, nothing holds.
        first = found.to_pylist()[0] if found.num_rows else {}
        return [first.get(f"c{at}") for at in range(len(columns))]
