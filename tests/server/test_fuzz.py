"""Whatever is sent to whichever operation, the answer is one that the OpenAPI page tells of.

Requests are made by schemathesis from that page, in half of them some values are swapped for ones
that exist and for ones that do harm elsewhere. The application is the real one, over a warehouse
in a folder that has one of everything.
"""

from __future__ import annotations

import base64
import functools
import json
import logging
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from mere.server.protocols.iceberg import wire as iceberg
from tests.server.furnished import Furnished, furnished

CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
HOSTILE = [
    *("", " ", "\x00", "'", '"', "`", "\\", "%", "%00", "%2e%2e%2f", "../..", "/etc/passwd", "//"),
    *("\n", "\r\nX: y", "\u202e", "\ud7ff\ue000", "\U0001f600", "\udce9", "a" * 3000, "_", "*"),
    *(
        "-1",
        "0",
        "1.5",
        "99999999999999999999",
        "-9223372036854775808",
        "1e999",
        "NaN",
        "-Infinity",
    ),
    *("null", "[]", "{}", "1 = 1", "a' OR 'a' = 'a", "metrics.", "metrics.`a` > 0 AND", "x DESC"),
]
NUMBERS = [0, -1, 1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 2**64, 10**30, 1e308, float("nan")]
AnyOperation = APIOperation[Any, Any, Any, Any]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Furnished]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("MERE_ICEBERG_WRITES", "true")
        iceberg.settings.cache_clear()
        with furnished(tmp_path_factory.mktemp("fuzz")) as one:
            yield one
    iceberg.settings.cache_clear()


def operations(served: Furnished, *, twins: bool) -> list[AnyOperation]:
    """What the page tells of; those for web pages are the others' twins mostly."""
    page = served.schema()
    results = schemathesis.openapi.from_dict(page).get_all_operations()
    found = [one.ok() for one in results if isinstance(one, Ok)]
    assert len(found) == sum(len(item) for item in page["paths"].values()) > 500
    return [
        one
        for one in found
        if twins or f"/api/{one.path.removeprefix('/ajax-api/')}" not in page["paths"]
        if one.path != "/api/v1/stream"  # has no end; see test_stream.py
    ]


def fuzz(served: Furnished, *, examples: int, twins: bool, start: int = 0) -> Counter[int]:
    """Send so many requests to each operation; how often each status was answered."""
    counts: Counter[int] = Counter()
    wrong = []
    for one in operations(served, twins=twins):
        try:
            asking(served, one, counts, examples=examples, start=start)()
        except FailureGroup as group:  # which is no Exception
            wrong += [f"{one.method} {one.path}: {error}" for error in group.exceptions]
        except Exception as error:  # noqa: BLE001  whatever is wrong with any of them is told
            wrong.append(f"{one.method} {one.path}: {type(error).__name__}: {error}")
    assert not wrong, "\n\n".join(wrong)
    return counts


def asking(
    served: Furnished, one: AnyOperation, counts: Counter[int], *, examples: int, start: int
) -> Callable[[], None]:
    """A property test of one operation."""

    @seed(start)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data(), st.randoms(use_true_random=False))
    def ask(data: st.DataObject, choice: random.Random) -> None:
        mode = choice.choice([GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
        case = data.draw(strategy(one, mode))
        if choice.random() < 0.7:
            swap(case, served.known, choice)
        answer = sent(served, case)
        counts[answer.status_code] += 1
        assert answer.status_code not in (500, 502, 504), answer.text
        case.validate_response(answer, checks=CHECKS)

    return ask


@functools.cache
def strategy(one: AnyOperation, mode: GenerationMode) -> st.SearchStrategy[schemathesis.Case]:
    """Requests that fit, or do not; where none can be wrong, all fit."""
    has_data = one.path_parameters or one.query or one.body
    return one.as_strategy(mode if has_data else GenerationMode.POSITIVE)


def swap(case: schemathesis.Case, known: dict[str, list[str]], choice: random.Random) -> None:
    """Put what exists, and what does harm, in place of some values."""
    for part in ("path_parameters", "query", "body"):
        value = getattr(case, part)
        if isinstance(value, dict):
            setattr(case, part, swapped(value, part, known, choice))


def swapped(value: Any, name: str, known: dict[str, list[str]], choice: random.Random) -> Any:
    """A value with some of what is in it swapped."""
    if isinstance(value, dict):
        return {key: swapped(one, key, known, choice) for key, one in value.items()}
    if isinstance(value, list):
        return [swapped(one, name.removesuffix("s"), known, choice) for one in value]
    if name in known and choice.random() < 0.6:
        return choice.choice(known[name])
    if choice.random() < 0.3:
        return choice.choice(HOSTILE if isinstance(value, str) else [*NUMBERS, *HOSTILE, value])
    return value


def sent(served: Furnished, case: schemathesis.Case) -> httpx.Response:
    """Send a case; names go into the path as they are, percent-encoded."""
    path = case.path
    for name, value in (case.path_parameters or {}).items():
        path = path.replace(f"{{{name}}}", quote(encoded(value) or b" ", safe=""))
    if case.query:
        path += "?" + urlencode({k: listed(v) for k, v in case.query.items()}, doseq=True)
    if case.operation.body:
        body = json.dumps(case.body, default=str).encode()
        return served.ask(
            case.method, path, content=body, headers={"content-type": "application/json"}
        )
    return served.ask(case.method, path)


def encoded(value: Any) -> bytes:
    return str(value).encode(errors="surrogatepass")


def listed(value: Any) -> Any:
    return [encoded(one) for one in value] if isinstance(value, list) else encoded(value)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """What a bug says is in the answer's place; the rest is refusals by the thousand."""
    logging.getLogger("mere.server").setLevel(logging.CRITICAL)
    yield
    logging.getLogger("mere.server").setLevel(logging.NOTSET)


@pytest.mark.slow
def test_every_answer_is_one_that_the_page_tells_of(served: Furnished) -> None:
    counts = fuzz(served, examples=3, twins=False)
    assert min(counts[200], counts[400], counts[404]) > 50


@pytest.mark.long
@pytest.mark.parametrize("start", [1, 2])
def test_every_answer_is_one_that_the_page_tells_of_at_length(
    served: Furnished, start: int
) -> None:
    fuzz(served, examples=25, twins=start == 1, start=start)


def deep(opening: str, inner: str, closing: str, depth: int = 200_000) -> str:
    return opening * depth + inner + closing * depth


BODIES = [
    deep("[", "", "]"),
    deep('{"a":', "1", "}"),
    '"' * 99_999,
    "\x00",
    "\ufeff{}",
    '{"run_id": ' + "9" * 10_000 + "}",
    '{"\\ud800": "\\udfff"}',
    "[" + "{}," * 50_000 + "{}]",
    "{} {}",
    "nul",
]
VALUES = [
    deep("[", "", "]", 20_000),
    deep('{"a":', "1", "}", 20_000),
    deep('{"a":[', "", "]}", 100),
    "9" * 5_000,
    "-" + "9" * 25,
    "1e400",
    '"\\u0000"',
    '"\\ud800"',
    '"' + "x" * (1 << 20) + '"',
    '"' + deep("(", "1", ")", 50_000) + '"',
    '"' + "metrics.a > 1 AND " * 5_000 + 'metrics.a > 1"',
    '"' + "NOT " * 20_000 + '"',
    '["' + "x" * 70_000 + '"]',
    "[" + "null," * 2_000 + "1]",
    "NaN",
    "null",
]


def said_wrong(answer: httpx.Response, path: str) -> str | None:
    """What is wrong with an answer to something hostile."""
    if answer.status_code >= 500 and answer.status_code != 501:
        return f"{answer.status_code} {answer.text[:200]}"
    if answer.status_code >= 400 and re.match(r"/(ajax-)?api/[23]\.0/", path):
        told = answer.json()
        if set(told) != {"error_code", "message"} or len(told["message"]) > 20_000:
            return f"not MLflow's shape: {answer.text[:200]}"
    return None


@pytest.mark.slow
def test_bodies_that_break_parsers_are_refused(served: Furnished) -> None:
    kind = {"content-type": "application/json"}
    wrong = []
    for number, one in enumerate(operations(served, twins=False)):
        if not one.body:
            continue
        path = re.sub(r"\{\w+\}", "x", one.path)
        for body in (BODIES[number % len(BODIES)], BODIES[number // len(BODIES) % len(BODIES)]):
            raw = body.encode("utf-8", "surrogatepass")
            answer = served.ask(one.method, path, content=raw, headers=kind)
            found = said_wrong(answer, path)
            is_taken = answer.status_code < 300 and body.startswith(("[", '"', "\x00", "nul"))
            if found or is_taken:
                wrong.append(f"{one.method} {path} {body[:20]!r}: {answer.status_code} {found}")
    assert not wrong, "\n".join(wrong)


def with_values(
    served: Furnished, every: int, start: int = 0
) -> Iterator[tuple[AnyOperation, str, str, httpx.Response]]:
    """Send each operation that has a body each of its fields with every so manieth value."""
    turn = start
    page = served.schema()
    for one in operations(served, twins=False):
        body = one.definition.raw.get("requestBody")
        if body is None:
            continue
        schema = body["content"]["application/json"]["schema"]
        schema = page["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        for name in schema.get("properties", {}):
            others = {key: value[0] for key, value in served.known.items() if key != name}
            fields = {k: v for k, v in others.items() if k in schema["properties"]}
            path = one.path
            for place in re.findall(r"\{(\w+)\}", path):
                path = path.replace(f"{{{place}}}", others.get(place, "x"))
            head = json.dumps(fields)[:-1]
            for value in VALUES:
                turn += 1
                if turn % every:
                    continue
                text = f'{head}{", " if fields else ""}"{name}": {value}}}'
                kind = {"content-type": "application/json"}
                answer = served.ask(one.method, path, content=text.encode(), headers=kind)
                yield one, name, value, answer


@pytest.mark.slow
def test_values_that_break_parsers_break_nothing(served: Furnished) -> None:
    wrong = [
        f"{one.method} {one.path} {name}={value[:30]}: {found}"
        for one, name, value, answer in with_values(served, every=7)
        if (found := said_wrong(answer, one.path))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.long
def test_all_values_that_break_parsers_break_nothing(served: Furnished) -> None:
    wrong = [
        f"{one.method} {one.path} {name}={value[:30]}: {found}"
        for one, name, value, answer in with_values(served, every=1)
        if (found := said_wrong(answer, one.path))
    ]
    assert not wrong, "\n".join(wrong)


WORDS = st.sampled_from(
    [
        *("metrics", "params", "tags", "attributes", "attribute", "datasets", "trace", "name", "."),
        *("loss", "`a b`", '"lr"', "run_id", "status", "start_time", "digest", "timestamp_ms"),
        *(
            "=",
            "!=",
            ">",
            ">=",
            "<",
            "LIKE",
            "ILIKE",
            "IN",
            "NOT",
            "IS",
            "NULL",
            "AND",
            "OR",
            "and",
        ),
        *(
            "'x'",
            "'%'",
            '"x"',
            "'it''s'",
            "1",
            "-1e309",
            "0x1",
            "nan",
            "(",
            ")",
            "(1,2)",
            "('a','b')",
        ),
        *(
            "ASC",
            "DESC",
            ",",
            ";",
            "--",
            "/*",
            "`",
            "'",
            '"',
            "\\",
            "%",
            "_",
            "\x00",
            "\n",
            "\u202e",
        ),
    ]
)
QUERIES = st.one_of(
    st.lists(WORDS, max_size=12).map(" ".join),
    st.lists(WORDS, max_size=12).map("".join),
    st.text(max_size=60),
    st.sampled_from(HOSTILE),
)
TOKENS = st.one_of(
    st.text(max_size=40),
    st.binary(max_size=60).map(lambda raw: base64.b64encode(raw).decode()),
    st.sampled_from(['{"offset": -1}', "[]", "null", '{"offset": 1e99}', "9" * 30]).map(
        lambda text: base64.b64encode(text.encode()).decode()
    ),
)
SEARCHES = {
    "POST /api/2.0/mlflow/runs/search": ("filter", "experiment_ids"),
    "POST /api/2.0/mlflow/experiments/search": ("filter", None),
    "POST /api/2.0/mlflow/logged-models/search": ("filter", "experiment_ids"),
    "POST /api/3.0/mlflow/datasets/search": ("filter_string", "experiment_ids"),
    "GET /api/2.0/mlflow/registered-models/search": ("filter", None),
    "GET /api/2.0/mlflow/model-versions/search": ("filter", None),
    "GET /api/2.0/mlflow/traces": ("filter", "experiment_ids"),
}


def refused_or_done(answer: httpx.Response) -> None:
    """Either it is done, or MLflow's shape says why the client is wrong."""
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert set(answer.json()) == {"error_code", "message"}


@pytest.mark.slow
@pytest.mark.parametrize("where", SEARCHES)
@settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(
    query=QUERIES,
    orders=st.lists(QUERIES, max_size=2),
    token=st.none() | TOKENS,
    count=st.sampled_from([1, 5, 0, -1, 10**6, 2**70]),
)
def test_any_search_is_answered_or_refused(
    served: Furnished,
    where: str,
    query: str,
    orders: list[str],
    token: str | None,
    count: int,
) -> None:
    method, _, path = where.partition(" ")
    name, among = SEARCHES[where]
    whole = {name: query, "order_by": orders, "page_token": token, "max_results": count}
    parts: list[dict[str, Any]] = [whole, {name: query}, {"order_by": orders, "max_results": 5}]
    for fields in parts:
        if among:
            fields[among] = served.known["experiment_id"]
        if method == "POST":
            kind = {"content-type": "application/json"}
            answer = served.ask("POST", path, content=json.dumps(fields), headers=kind)
        else:
            given_ = {key: listed(value) for key, value in fields.items() if value is not None}
            answer = served.ask("GET", f"{path}?{urlencode(given_, doseq=True)}")
        refused_or_done(answer)


@pytest.mark.slow
@settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(name=st.text(max_size=30) | st.sampled_from(HOSTILE).filter(lambda one: one != "\udce9"))
def test_any_name_is_taken_or_refused(served: Furnished, name: str) -> None:
    """And what is taken is found again under it."""
    api, run_id = "/api/2.0/mlflow", served.known["run_id"][0]
    for path, fields in (
        ("experiments/create", {"name": name}),
        ("registered-models/create", {"name": name}),
        ("runs/set-tag", {"run_id": run_id, "key": name, "value": name}),
        ("runs/log-parameter", {"run_id": run_id, "key": name, "value": name}),
        ("runs/log-metric", {"run_id": run_id, "key": name, "value": 1, "timestamp": 1}),
        ("registered-models/alias", {"name": "known", "alias": name, "version": "1"}),
    ):
        refused_or_done(served.ask("POST", f"{api}/{path}", json=fields))
    told = quote(name.encode())
    found = served.ask("GET", f"{api}/experiments/get-by-name?experiment_name={told}")
    refused_or_done(found)
    if found.status_code == 200:
        assert found.json()["experiment"]["name"] == name
    stem = f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/"
    put = served.ask("PUT", stem + quote(name.encode(), safe=""), content=b"named")
    refused_or_done(put)
    got = served.ask("GET", stem + quote(name.encode(), safe=""))
    assert (put.status_code == 200) == (got.status_code == 200 and got.content == b"named")
    refused_or_done(got)
