"""How requests in protobuf's JSON are read, and how messages and errors are written."""

from __future__ import annotations

import doctest
import math
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from mere.errors import ErrorCode, InvalidInput, MereError, NotFound
from mere.server.protocols.mlflow import wire
from mere.server.protocols.mlflow.errors import as_mlflow
from mere.server.protocols.mlflow.wire import MLFLOW, Int64, Request, double, message


class Item(msgspec.Struct):
    key: str = ""
    value: float = 0.0


class Asked(Request):
    required = ("run_id",)
    run_id: str = ""
    run_uuid: str = ""
    step: Int64 = 0
    value: float | None = None
    flag: bool = False
    end_time: Int64 | None = None
    items: tuple[Item, ...] = ()
    ids: tuple[str, ...] = ()


def ask(
    body: bytes = b"",
    *,
    method: str = "POST",
    query: list[tuple[str, str]] | None = None,
    media_type: str | None = "application/json",
) -> Asked:
    headers = {} if media_type is None else {"content-type": media_type}
    call: Any = SimpleNamespace(
        operation=SimpleNamespace(method=method),
        headers=headers,
        query=query or [],
        path={},
    )
    return MLFLOW.decode(Asked, call, body)


def refused(*args: Any, **options: Any) -> str:
    with pytest.raises(MereError) as caught:
        ask(*args, **options)
    error_code, status, text = as_mlflow(caught.value)
    assert (error_code, status) == ("INVALID_PARAMETER_VALUE", 400)
    return text


def test_the_example_of_the_module_holds() -> None:
    assert doctest.testmod(wire).attempted > 0
    assert doctest.testmod(wire).failed == 0


def test_fields_come_as_protobuf_and_python_write_them() -> None:
    asked = ask(
        b'{"run_id": "a", "step": "12", "value": NaN, "end_time": null, "unknown": [1],'
        b' "items": [{"key": "x", "value": "-Infinity"}, {"key": "y", "value": Infinity}]}'
    )
    assert asked.step == 12
    assert asked.value is not None
    assert math.isnan(asked.value)
    assert asked.end_time is None
    assert [item.value for item in asked.items] == [-math.inf, math.inf]


def test_json_within_a_json_text_is_read_and_old_names_are_known() -> None:
    assert ask(rb'"{\"run_uuid\": \"old\"}"').run_id == "old"


def test_a_get_takes_its_fields_from_the_query_or_from_a_body() -> None:
    asked = ask(
        method="GET",
        query=[("run_id", "a"), ("ids", "1"), ("ids", "2"), ("flag", "true"), ("step", "3")],
    )
    assert (asked.ids, asked.flag, asked.step) == (("1", "2"), True, 3)
    assert ask(b'{"run_id": "b"}', method="GET", media_type=None).run_id == "b"
    assert ask(method="GET", query=[("run_id", "a"), ("ids", "1")]).ids == ("1",)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{}", "Missing value for required parameter 'run_id'"),
        (b'{"run_id": ""}', "Missing value for required parameter 'run_id'"),
        (b'{"run_id": null}', "Missing value for required parameter 'run_id'"),
        (b'{"run_id": 3}', "Invalid value 3 for parameter 'run_id' supplied"),
        (b'{"run_id": "a", "items": [{"key": {}}]}', "for parameter 'items[0].key' supplied"),
        (b'{"run_id": "a", "step": "x"}', "Invalid value \"x\" for parameter 'step' supplied"),
        (b'{"run_id": "a", "step": 9223372036854775808}', "for parameter 'step' supplied"),
        (b'{"run_id": "a", "ids": "x"}', "for parameter 'ids' supplied"),
        (b'{"run_id": "\\ud800"}', "no JSON"),
        (b"[1]", "send a JSON object"),
        (b"{", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b'{"run_id": "\xed\xa0\x80"}', "no JSON"),
        (b"[" * 100_000, "no JSON"),
    ],
)
def test_what_does_not_fit_is_named(body: bytes, words: str) -> None:
    assert words in refused(body)


def test_only_json_is_taken() -> None:
    assert "Content-Type" in refused(b"run_id=a", media_type="application/x-www-form-urlencoded")
    assert "Content-Type" in refused(b"{}", media_type=None)
    assert ask(b'{"run_id": "a"}', media_type="application/json; charset=utf-8").run_id == "a"


def test_messages_leave_out_what_is_not_set() -> None:
    assert message(a=None, b=[], c={}, d="", e=0, f=False) == {"d": "", "e": 0, "f": False}
    values = [double(value) for value in (1.5, 0.0, math.nan, math.inf, -math.inf)]
    assert values == [1.5, 0.0, "NaN", "Infinity", "-Infinity"]


def test_errors_have_their_codes_and_what_is_unknown_keeps_its_own_words() -> None:
    nowhere = NotFound(ErrorCode.ROUTE_NOT_FOUND, "there is nothing at this path")
    assert as_mlflow(nowhere)[:2] == ("ENDPOINT_NOT_FOUND", 404)
    run = NotFound(ErrorCode.RUN_NOT_FOUND, "no run", run_id="r")
    assert as_mlflow(run) == ("RESOURCE_DOES_NOT_EXIST", 404, "Run with id=r not found")
    bare = NotFound(ErrorCode.RUN_NOT_FOUND, "no run is meant", run="r")
    assert as_mlflow(bare)[2] == "no run is meant"
    body = MLFLOW.refuse(InvalidInput(ErrorCode.INVALID_QUERY, "no filter"), "id").body
    assert msgspec.json.decode(body) == {
        "error_code": "INVALID_PARAMETER_VALUE",
        "message": "no filter",
    }
