from __future__ import annotations

import pytest

from mere.errors import ErrorCode, InvalidInput, NotFound
from mere.server.operations import PUBLIC
from mere.server.protocols.native.wire import operation
from mere.server.routing import Routes


def at(method, *paths):
    return operation(method, *paths, permission=PUBLIC)(lambda call: None)


LIST = at("GET", "/api/runs", "/api/old-runs")
ADD = at("POST", "/api/runs")
ONE = at("GET", "/api/runs/{run_id}")
BEST = at("GET", "/api/runs/best")
FILE = at("GET", "/api/runs/{run_id}/files/{path:path}")
HOME = at("GET", "/")
ROUTES = Routes((LIST, ADD, ONE, BEST, FILE, HOME))


@pytest.mark.parametrize(
    ("method", "path", "wanted", "parameters"),
    [
        ("GET", "/", HOME, {}),
        ("GET", "/api/runs", LIST, {}),
        ("GET", "/api/runs/", LIST, {}),
        ("GET", "/api/old-runs", LIST, {}),
        ("POST", "/api/runs", ADD, {}),
        ("GET", "/api/runs/best", BEST, {}),
        ("GET", "/api/runs/a%2Fb", ONE, {"run_id": "a/b"}),
        ("GET", "/api/runs/%C3%A9", ONE, {"run_id": "é"}),
        ("GET", "/api/runs/best/files/x", FILE, {"run_id": "best", "path": "x"}),
        ("GET", "/api/runs/r/files/a/b%20c", FILE, {"run_id": "r", "path": "a/b c"}),
        ("GET", "/api/runs/r/files/%252e", FILE, {"run_id": "r", "path": "%2e"}),
    ],
)
def test_the_most_particular_route_answers(method, path, wanted, parameters):
    found = ROUTES.find(method, path)
    assert found.operation is wanted
    assert found.parameters == parameters


@pytest.mark.parametrize("path", ["/api", "/api/runs/x/y", "/api/runs/r/files", "//api/runs", "/x"])
def test_nothing_is_found_elsewhere(path):
    with pytest.raises(NotFound):
        ROUTES.find("GET", path)


def test_other_methods_are_told():
    with pytest.raises(InvalidInput) as told:
        ROUTES.find("DELETE", "/api/runs")
    assert told.value.code is ErrorCode.METHOD_NOT_ALLOWED
    assert told.value.details["methods"] == "GET, POST"


def test_two_operations_cannot_have_one_path():
    with pytest.raises(ValueError, match="is at the path of"):
        Routes((ONE, at("GET", "/api/runs/{other}")))
