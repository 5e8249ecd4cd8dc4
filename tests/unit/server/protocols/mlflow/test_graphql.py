"""The little GraphQL that MLflow's web UI speaks."""

from __future__ import annotations

import pytest

from mere.errors import MereError
from mere.server.protocols.mlflow.graphql import parse_query, shaped

QUERY = """
query GetRun($data: MlflowGetRunInput! = {a: "{"}) @component(name: "Runs") {
  # a comment with { braces
  found: mlflowGetRun(input: $data) {
    run { info { runName startTime } data { metrics { key value step __typename } params { key } } }
    apiError { code }
    __typename
  }
}
"""


def test_fields_aliases_and_variables_are_read() -> None:
    (root,) = parse_query(QUERY.replace(' = {a: "{"}', ""))
    assert (root.name, root.alias, root.variable) == ("mlflowGetRun", "found", "data")
    run, error, kind = root.selected
    assert (run.name, error.name, kind.name) == ("run", "apiError", "__typename")
    assert [field.name for field in run.selected] == ["info", "data"]


def test_an_answer_has_what_was_selected() -> None:
    (root,) = parse_query(
        "{ mlflowGetRun(input: $x) { run { info { runName startTime } data "
        "{ metrics { key value step __typename } params { key } } } } }"
    )
    message = {
        "run": {
            "info": {"run_name": "a", "start_time": 5, "user_id": "me"},
            "data": {"metrics": [{"key": "m", "value": "NaN", "step": 2}]},
        }
    }
    assert shaped(message, root) == {
        "run": {
            "info": {"runName": "a", "startTime": "5"},
            "data": {
                "metrics": [{"key": "m", "value": None, "step": "2", "__typename": "MlflowMetric"}],
                "params": [],
            },
        }
    }


@pytest.mark.parametrize(
    "query",
    [
        "",
        "query",
        "{",
        "{}",
        "{ a { } }",
        "{ a ",
        "{ a } }",
        "{ a } query B { c }",
        "mutation { a }",
        "{ ...f } fragment f on T { a }",
        "{ a(input: 5) }",
        "{ a(input: ) }",
        "{ a § }",
        "{ a: }",
        "{ 5 }",
        "{ a @skip(",
        "{ a b c d e }",
        "{ " + "a { " * 40 + "b" + " }" * 40 + " }",
        "{ a { " + "b " * 600 + "} }",
        "{ a }" + " " * 30_000,
    ],
)
def test_anything_else_is_refused(query: str) -> None:
    with pytest.raises(MereError):
        parse_query(query)
