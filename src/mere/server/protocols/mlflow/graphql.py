"""The GraphQL that MLflow's web UI asks its run pages with.

The UI asks five things, each by one field with one input variable and a fixed selection; so that
is what is understood: fields, aliases, variables, directives that mean nothing here. Fragments and
literal arguments are refused. The answer has what was selected, and null where there is nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from mere.errors import MereError
from mere.server.operations import SIGNED_IN, Call
from mere.server.protocols.mlflow.errors import as_mlflow, invalid
from mere.server.protocols.mlflow.experiments import experiment_by_id
from mere.server.protocols.mlflow.metrics import sampled_points
from mere.server.protocols.mlflow.run_links import links_of
from mere.server.protocols.mlflow.search import SearchRuns, find_runs, summaries_of
from mere.server.protocols.mlflow.wire import Request, operation
from mere.server.protocols.mlflow.words import millis, run_message
from mere.services.access.access import Action, Scope

__all__ = ["OPERATIONS", "Field", "parse_query", "shaped"]

_TOKEN = re.compile(
    r'[_A-Za-z]\w*|\$\w+|"(?:[^"\\\n]|\\.)*"|\.\.\.|[{}()\[\]:@!=|]|-?\d[\d.eE+-]*'
    r"|(?P<blank>[\s,\ufeff]+|\#[^\n]*)|(?P<odd>.)"
)
_QUERY_CHARS_MAX = 20_000
_DEPTH_MAX = 16
_FIELDS_MAX = 500
_ROOTS_MAX = 4
_LONGS = frozenset(
    ("start_time", "end_time", "timestamp", "step", "creation_time", "last_update_time")
)
_TYPES = {
    "run": "MlflowRun",
    "runs": "MlflowRun",
    "info": "MlflowRunInfo",
    "data": "MlflowRunData",
    "params": "MlflowParam",
    "inputs": "MlflowRunInputs",
    "outputs": "MlflowRunOutputs",
    "dataset_inputs": "MlflowDatasetInput",
    "dataset": "MlflowDataset",
    "model_inputs": "MlflowModelInput",
    "model_outputs": "MlflowModelOutput",
    "model_versions": "MlflowModelVersion",
    "experiment": "MlflowExperiment",
    "dataset_summaries": "MlflowDatasetSummary",
    "api_error": "ApiError",
}
_MODELS = (
    "select name, version, status, source, epoch_ms(registered_at) as creation_timestamp, run_id "
    "from model_versions where run_id = any($ids) and lifecycle = 'active' order by name, version"
)


class _Asked(Request):
    query: str = ""
    operationName: str = ""  # noqa: N815  GraphQL's own word
    variables: dict[str, Any] = msgspec.field(default_factory=dict)


@dataclass
class Field:
    """One selected field.

    Args:
        name: Which one.
        alias: What it is called in the answer.
        variable: The variable its argument is, without the dollar sign.
        selected: What of it is wanted; nothing of a plain value.
    """

    name: str
    alias: str
    variable: str | None = None
    selected: list[Field] = field(default_factory=list)


@operation("POST", "/graphql", permission=SIGNED_IN, request=_Asked)
def graphql(call: Call) -> dict[str, Any]:
    """Answer a query of MLflow's web UI."""
    data: _Asked = call.data
    answer: dict[str, Any] = {}
    try:
        for root in parse_query(data.query):
            resolve = _ROOTS.get(root.name)
            if resolve is None:
                raise invalid(f"there is no field {root.name!r} to be asked")
            given = data.variables.get(root.variable or "") or {}
            if not isinstance(given, dict):
                raise invalid(f"variable ${root.variable} is to be an object")
            known = {_snake(name): value for name, value in given.items()}
            answer[root.alias] = shaped(resolve(call, known), root)
    except MereError as error:
        return {"data": None, "errors": [as_mlflow(error)[2]]}
    return {"data": answer, "errors": None}


def parse_query(text: str) -> list[Field]:
    """The fields a query asks for.

    Raises:
        InvalidInput: It is no query, or one of a kind that is not understood.
    """
    if len(text) > _QUERY_CHARS_MAX:
        raise invalid(f"a query has at most {_QUERY_CHARS_MAX} characters")
    tokens = list(_tokens(text))
    if "{" not in tokens or tokens[0] not in ("query", "{"):
        raise invalid("only queries are answered here")
    # Between the word and the selection stand the name, the variables' types and directives.
    reader = _Reader(tokens, tokens.index("{"))
    roots = reader.selection(0)
    if reader.at != len(tokens):
        raise invalid("one query at a time is answered, without fragments")
    if len(roots) > _ROOTS_MAX:
        raise invalid(f"a query asks for at most {_ROOTS_MAX} things")
    return roots


def _tokens(text: str) -> Iterator[str]:
    for found in _TOKEN.finditer(text):
        if found["odd"]:
            raise invalid(f"character {found['odd']!r} is not of GraphQL")
        if not found["blank"]:
            yield found[0]


class _Reader:
    """Reads selections from tokens."""

    def __init__(self, tokens: list[str], at: int) -> None:
        self._tokens = tokens
        self.at = at
        self._fields = 0

    def selection(self, depth: int) -> list[Field]:
        """The fields between braces."""
        if depth > _DEPTH_MAX:
            raise invalid(f"a query is at most {_DEPTH_MAX} levels deep")
        self._expect("{")
        fields = []
        while self._peek() != "}":
            fields.append(self._field(depth))
        self._expect("}")
        if not fields:
            raise invalid("a selection names at least one field")
        return fields

    def _field(self, depth: int) -> Field:
        self._fields += 1
        if self._fields > _FIELDS_MAX:
            raise invalid(f"a query names at most {_FIELDS_MAX} fields")
        alias = name = self._name()
        if self._peek() == ":":
            self.at += 1
            name = self._name()
        variable = self._argument() if self._peek() == "(" else None
        while self._peek() == "@":
            self.at += 1
            self._name()
            if self._peek() == "(":
                self._skip()
        selected = self.selection(depth + 1) if self._peek() == "{" else []
        return Field(name, alias, variable, selected)

    def _argument(self) -> str:
        self._expect("(")
        self._name()
        self._expect(":")
        variable = self._peek()
        if not variable.startswith("$"):
            raise invalid("arguments are given as variables")
        self.at += 1
        self._expect(")")
        return variable[1:]

    def _skip(self) -> None:
        while self._peek() != ")":
            self.at += 1
        self.at += 1

    def _name(self) -> str:
        token = self._peek()
        if not (token[0].isalpha() or token[0] == "_"):
            raise invalid(f"expected a name in the query, found {token!r}")
        self.at += 1
        return token

    def _expect(self, token: str) -> None:
        if self._peek() != token:
            raise invalid(f"expected {token!r} in the query, found {self._peek()!r}")
        self.at += 1

    def _peek(self) -> str:
        if self.at >= len(self._tokens):
            raise invalid("the query ends in the middle")
        return self._tokens[self.at]


def shaped(value: Any, wanted: Field) -> Any:
    """What was selected of a message, under the names it was asked by."""
    if isinstance(value, list):
        return [shaped(item, wanted) for item in value]
    name = _snake(wanted.name)
    if not wanted.selected:
        if value is None or isinstance(value, dict):
            return None
        if name in _LONGS:
            return str(value)
        # Its type is a float there, which has no NaN.
        return None if name == "value" and value in ("NaN", "Infinity", "-Infinity") else value
    if not isinstance(value, dict):
        return None
    answer = {}
    for one in wanted.selected:
        if one.name == "__typename":
            answer[one.alias] = _TYPES.get(name) or _type_of(wanted.name, value)
            continue
        item = value.get(_snake(one.name))
        is_list = one.selected and _snake(one.name) in _LISTS
        answer[one.alias] = [] if item is None and is_list else shaped(item, one)
    return answer


_LISTS = frozenset(
    (
        "runs",
        "metrics",
        "params",
        "tags",
        "dataset_inputs",
        "model_inputs",
        "model_outputs",
        "model_versions",
        "dataset_summaries",
    )
)


def _type_of(name: str, value: dict[str, Any]) -> str:
    """The type of what is found in several places."""
    if name == "metrics":
        return "MlflowMetricWithRunId" if "run_id" in value else "MlflowMetric"
    if name == "tags":
        return "MlflowRunTag"
    return f"{name[:1].upper()}{name[1:]}Response"


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: f"_{found[1].lower()}", name)


def _get_run(call: Call, given: dict[str, Any]) -> dict[str, Any]:
    run_id = str(given.get("run_id") or given.get("run_uuid") or "")
    call.warehouse.access.authorize(call.actor, Action.READ, Scope.run(run_id))
    row = call.warehouse.runs.row(run_id)
    inputs, outputs = links_of(call.warehouse, [run_id]).get(run_id, ({}, {}))
    return {"run": _with_relations(call, [run_message(row, inputs, outputs)])[0]}


def _search_runs(call: Call, given: dict[str, Any]) -> dict[str, Any]:
    asked = {name: value for name, value in given.items() if value is not None}
    try:
        data = msgspec.convert(asked, SearchRuns, strict=False)
    except msgspec.ValidationError as error:
        raise invalid(f"the variable does not fit: {error}") from error
    found = find_runs(call, data)
    return {**found, "runs": _with_relations(call, found.get("runs", []))}


def _with_relations(call: Call, runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Runs with their experiments and the model versions made of them."""
    ids = [run["info"]["run_id"] for run in runs]
    versions: dict[str, list[Any]] = {}
    seen = call.warehouse.access.readable_models(call.actor)
    for row in call.warehouse.sql(_MODELS, {"ids": ids}).to_pylist():
        if seen is None or row["name"] in seen:
            version = {**row, "version": str(row["version"])}
            versions.setdefault(row["run_id"], []).append(version)
    experiments = {
        one: experiment_by_id(call, one) for one in {run["info"]["experiment_id"] for run in runs}
    }
    return [
        {
            **run,
            "experiment": experiments[run["info"]["experiment_id"]],
            "model_versions": versions.get(run["info"]["run_id"], []),
        }
        for run in runs
    ]


def _get_experiment(call: Call, given: dict[str, Any]) -> dict[str, Any]:
    experiment_id = str(given.get("experiment_id") or "0")
    call.warehouse.access.authorize(call.actor, Action.READ, Scope.experiment(experiment_id))
    return {"experiment": experiment_by_id(call, experiment_id)}


def _bulk_interval(call: Call, given: dict[str, Any]) -> dict[str, Any]:
    run_ids = [str(one) for one in given.get("run_ids") or ()]
    if run_ids:
        scope = Scope.all_of(*map(Scope.run, run_ids))
        call.warehouse.access.authorize(call.actor, Action.READ, scope)
    metrics = []
    for run_id, points in sampled_points(call.warehouse, {**given, "run_ids": run_ids}).items():
        rows = points.to_pydict()
        metrics += [
            {
                "key": given.get("metric_key"),
                "run_id": run_id,
                "step": step,
                "timestamp": millis(moment),
                "value": value if value - value == 0 else None,
            }
            for step, moment, value in zip(
                rows["step"], rows["timestamp"], rows["value"], strict=True
            )
        ]
    return {"metrics": metrics}


def _search_datasets(call: Call, given: dict[str, Any]) -> dict[str, Any]:
    return summaries_of(call, [str(one) for one in given.get("experiment_ids") or ()])


_ROOTS: dict[str, Callable[[Call, dict[str, Any]], dict[str, Any]]] = {
    "mlflowGetRun": _get_run,
    "mlflowSearchRuns": _search_runs,
    "mlflowGetExperiment": _get_experiment,
    "mlflowGetMetricHistoryBulkInterval": _bulk_interval,
    "mlflowSearchDatasets": _search_datasets,
}

OPERATIONS = (graphql,)
