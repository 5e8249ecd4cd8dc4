"""One conversation in MLflow's tracking protocol, held with two servers and compared.

`converse` says the same to a server whichever it is, and notes each answer: its status, and its
JSON with what may differ by chance taken out. Ids that the server gave become the name of the
moment they were learned, times become ``<time>``, and lists whose order means nothing are sorted.
"""

from __future__ import annotations

import json
import re
from typing import Any

import httpx

__all__ = ["Noted", "converse"]

Noted = list[tuple[str, int, Any]]

_ANY_ORDER = ("params", "tags", "metrics", "dataset_inputs")
_MLFLOWS_OWN = ("error_class", "sqlstate")
_TIMES = ("timestamp", "start_time", "end_time", "creation_time", "last_update_time")


class _Talk:
    """A client of one server that takes notes."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self._names: dict[str, str] = {}
        self._heard: Noted = []

    def call(self, __what: str, __path: str, /, *, method: str = "POST", **fields: Any) -> Any:
        path = f"/api/2.0/mlflow/{__path}"
        if method == "GET":
            answer = self._http.get(path, params=_flat(fields))
        else:
            answer = self._http.request(method, path, json=fields)
        return self._note(__what, answer)

    def raw(self, what: str, method: str, path: str, **options: Any) -> Any:
        return self._note(what, self._http.request(method, path, **options))

    def _note(self, what: str, answer: httpx.Response) -> Any:
        try:
            plain = answer.json()
        except ValueError:
            plain = {"text": answer.text[:200]}
        self._heard.append((what, answer.status_code, plain))
        return plain

    def name(self, value: str, name: str) -> str:
        """Call an id by a name in what is noted."""
        self._names[value] = name
        return value

    @property
    def noted(self) -> Noted:
        return [(what, status, self._normal(plain)) for what, status, plain in self._heard]

    def _normal(self, value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {
                name: self._normal(item, name)
                for name, item in sorted(value.items())
                if name not in _MLFLOWS_OWN
            }
        if isinstance(value, list):
            items = [self._normal(item) for item in value]
            return sorted(items, key=json.dumps) if key in _ANY_ORDER else items
        if key in _TIMES and isinstance(value, int) and value > 1_000_000_000_000:
            return "<time>"
        if key == "next_page_token":
            return "<token>"
        return self._named(value, key) if isinstance(value, str) else value

    def _named(self, text: str, key: str) -> str:
        for known, name in self._names.items():
            if len(known) > 3:
                text = text.replace(known, name)
            elif key == "experiment_id" and text == known:
                text = name
            else:  # numbered ids are digits that other texts hold, too
                text = re.sub(
                    rf"((?:id=|id |experiment |artifacts:/)){known}\b", rf"\1{name}", text
                )
        return text


def _flat(fields: dict[str, Any]) -> Any:
    return [
        (name, str(item))
        for name, value in fields.items()
        for item in (value if isinstance(value, list) else [value])
    ]


def converse(url: str) -> Noted:
    """Say everything to the server at an address; returns what it answered."""
    with httpx.Client(base_url=url, timeout=60) as http:
        talk = _Talk(http)
        _experiments(talk)
        experiment_id = _make(talk, "work")
        _runs(talk, experiment_id)
        _logging(talk, experiment_id)
        _history(talk, experiment_id)
        _search(talk)
        _wrong(talk)
    return talk.noted


def _make(talk: _Talk, name: str) -> str:
    made = talk.call(f"make experiment {name}", "experiments/create", name=name)
    return talk.name(made["experiment_id"], f"${name}")


def _run(talk: _Talk, experiment_id: str, name: str, **fields: Any) -> str:
    made = talk.call(
        f"begin {name}",
        "runs/create",
        experiment_id=experiment_id,
        run_name=name,
        user_id="me",
        start_time=fields.pop("start_time", 1_700_000_000_000),
        **fields,
    )
    return talk.name(made["run"]["info"]["run_id"], f"${name}")


def _experiments(talk: _Talk) -> None:
    made = talk.call(
        "create", "experiments/create", name="first", tags=[{"key": "a", "value": "1"}]
    )
    one = talk.name(made["experiment_id"], "$first")
    talk.call("create again", "experiments/create", name="first")
    talk.call("create without a name", "experiments/create")
    talk.call("create with an empty name", "experiments/create", name="")
    talk.call("create with a number for a name", "experiments/create", name=5)
    talk.call("create with a long name", "experiments/create", name="n" * 501)
    talk.call("create with wrong tags", "experiments/create", name="t", tags=["x"])
    made = talk.call(
        "create elsewhere", "experiments/create", name="s3", artifact_location="s3://b/x"
    )
    talk.name(made["experiment_id"], "$s3")
    talk.call(
        "create at a fragment", "experiments/create", name="f", artifact_location="s3://b/x#f"
    )
    talk.call("get", "experiments/get", method="GET", experiment_id=one)
    talk.call("get the default", "experiments/get", method="GET", experiment_id="0")
    talk.call("get none", "experiments/get", method="GET", experiment_id="123456")
    talk.call("get no number", "experiments/get", method="GET", experiment_id="abc")
    talk.call("get without an id", "experiments/get", method="GET")
    talk.call("by name", "experiments/get-by-name", method="GET", experiment_name="first")
    talk.call("by an unknown name", "experiments/get-by-name", method="GET", experiment_name="?")
    talk.call("set tag", "experiments/set-experiment-tag", experiment_id=one, key="b", value="ü")
    talk.call("set a bad tag", "experiments/set-experiment-tag", experiment_id=one, key="/x")
    talk.call("set no tag", "experiments/set-experiment-tag", experiment_id=one, value="v")
    talk.call("remove tag", "experiments/delete-experiment-tag", experiment_id=one, key="a")
    talk.call("remove it again", "experiments/delete-experiment-tag", experiment_id=one, key="a")
    talk.call("rename", "experiments/update", experiment_id=one, new_name="renamed")
    talk.call("rename to nothing", "experiments/update", experiment_id=one, new_name="")
    talk.call("get renamed", "experiments/get", method="GET", experiment_id=one)
    talk.call("delete", "experiments/delete", experiment_id=one)
    talk.call("delete again", "experiments/delete", experiment_id=one)
    talk.call("tag deleted", "experiments/set-experiment-tag", experiment_id=one, key="c")
    talk.call("begin in deleted", "runs/create", experiment_id=one, run_name="x")
    talk.call("rename deleted", "experiments/update", experiment_id=one, new_name="again")
    talk.call("get deleted", "experiments/get", method="GET", experiment_id=one)
    talk.call("restore", "experiments/restore", experiment_id=one)
    talk.call("restore again", "experiments/restore", experiment_id=one)
    talk.call("get restored", "experiments/get", method="GET", experiment_id=one)


def _runs(talk: _Talk, experiment_id: str) -> None:
    tags = [{"key": "mlflow.user", "value": "me"}, {"key": "ü b", "value": "日本"}]
    one = _run(talk, experiment_id, "alpha", tags=tags)
    talk.call("get run", "runs/get", method="GET", run_id=one)
    talk.call("get run by old name", "runs/get", method="GET", run_uuid=one)
    talk.call("get no run", "runs/get", method="GET", run_id="f" * 32)
    talk.call("get run without id", "runs/get", method="GET")
    talk.call("begin nowhere", "runs/create", experiment_id="99", run_name="x")
    talk.call("begin at no number", "runs/create", experiment_id="abc", run_name="x")
    talk.call("begin with a number", "runs/create", experiment_id=5, run_name="x")
    talk.call(
        "begin with two names",
        "runs/create",
        experiment_id=experiment_id,
        run_name="a",
        tags=[{"key": "mlflow.runName", "value": "b"}],
    )
    talk.call("end", "runs/update", run_id=one, status="FINISHED", end_time=1_700_000_001_000)
    talk.call("end as a number", "runs/update", run_id=one, status=4, end_time="1700000001000")
    talk.call("end wrongly", "runs/update", run_id=one, status="DONE")
    talk.call("rename run", "runs/update", run_id=one, run_name="beta")
    talk.call("update no run", "runs/update", run_id="f" * 32, status="FAILED")
    talk.call("get renamed run", "runs/get", method="GET", run_id=one)
    talk.call("name by tag", "runs/set-tag", run_id=one, key="mlflow.runName", value="gamma")
    talk.call("get run named by tag", "runs/get", method="GET", run_id=one)
    talk.call("delete run", "runs/delete", run_id=one)
    talk.call("delete run again", "runs/delete", run_id=one)
    talk.call("update deleted", "runs/update", run_id=one, status="FAILED")
    talk.call("log to deleted", "runs/log-metric", run_id=one, key="m", value=1, timestamp=1)
    talk.call("param of deleted", "runs/log-parameter", run_id=one, key="m", value="1")
    talk.call("tag deleted run", "runs/set-tag", run_id=one, key="m", value="1")
    talk.call("batch to deleted", "runs/log-batch", run_id=one, tags=[{"key": "a", "value": "b"}])
    talk.call("get deleted run", "runs/get", method="GET", run_id=one)
    talk.call("restore run", "runs/restore", run_id=one)
    talk.call("restore no run", "runs/restore", run_id="f" * 32)
    talk.call("delete no run", "runs/delete", run_id="f" * 32)


def _logging(talk: _Talk, experiment_id: str) -> None:
    one = _run(talk, experiment_id, "logged")

    def metric(what: str, **fields: Any) -> None:
        talk.call(what, "runs/log-metric", run_id=one, **fields)

    metric("metric", key="m", value=1.5, timestamp=1_700_000_000_001, step=3)
    metric("metric as text", key="m", value="2.5", timestamp="1700000000002", step="4")
    metric("metric NaN", key="nan", value="NaN", timestamp=1)
    metric("metric infinite", key="inf", value="Infinity", timestamp=1)
    metric("metric less infinite", key="-inf", value="-Infinity", timestamp=1)
    metric("metric with a path", key="a/b c.d:e-f", value=1, timestamp=1)
    metric("metric with a bad name", key="a@b", value=1, timestamp=1)
    metric("metric with a bad path", key="../b", value=1, timestamp=1)
    metric("metric with a long name", key="k" * 251, value=1, timestamp=1)
    metric("metric without a name", value=1, timestamp=1)
    metric("metric without a value", key="m", timestamp=1)
    metric("metric without a time", key="m", value=1)
    metric("metric of text", key="m", value="high", timestamp=1)
    metric("metric at text", key="m", value=1, timestamp="now")
    metric("metric before time", key="m", value=1, timestamp=-1)
    metric("metric at a negative step", key="neg", value=1, timestamp=1, step=-5)
    talk.call("metric of nobody", "runs/log-metric", key="m", value=1, timestamp=1)
    talk.call("metric of no run", "runs/log-metric", run_id="f" * 32, key="m", value=1, timestamp=1)

    def param(what: str, **fields: Any) -> None:
        talk.call(what, "runs/log-parameter", run_id=one, **fields)

    param("param", key="p", value="1")
    param("param again", key="p", value="1")
    param("param changed", key="p", value="2")
    param("param empty", key="e", value="")
    param("param too long", key="long", value="v" * 6_001)
    param("param as a number", key="n", value=3)
    param("param with a bad name", key="a@b", value="1")
    param("param with a long name", key="k" * 251, value="1")
    param("param without a name", value="1")
    talk.call("tag", "runs/set-tag", run_id=one, key="t", value="1")
    talk.call("tag again", "runs/set-tag", run_id=one, key="t", value="2")
    talk.call("tag too long", "runs/set-tag", run_id=one, key="tl", value="v" * 8_001)
    talk.call("tag badly", "runs/set-tag", run_id=one, key="a//b", value="2")
    talk.call("untag", "runs/delete-tag", run_id=one, key="t")
    talk.call("untag again", "runs/delete-tag", run_id=one, key="t")
    talk.call("note a model", "runs/log-model", run_id=one, model_json="{")
    talk.call("note no model", "runs/log-model", run_id=one, model_json="{}")
    model = {"artifact_path": "m", "flavors": {"f": {"config": 1, "x": 2}}, "run_id": one}
    talk.call(
        "note a model well",
        "runs/log-model",
        run_id=one,
        model_json=json.dumps({**model, "utc_time_created": "2024-01-01 00:00:00.0"}),
    )
    _batches(talk, one)
    talk.call("get logged", "runs/get", method="GET", run_id=one)


def _batches(talk: _Talk, one: str) -> None:
    def batch(what: str, **fields: Any) -> None:
        talk.call(what, "runs/log-batch", run_id=one, **fields)

    point = {"key": "bm", "value": 1.0, "timestamp": 5, "step": 1}
    batch(
        "batch",
        metrics=[point, point, {"key": "bm", "value": "NaN", "timestamp": 6, "step": 2}],
        params=[{"key": "bp", "value": "1"}],
        tags=[{"key": "bt", "value": "1"}, {"key": "bt", "value": "2"}],
    )
    batch("batch of nothing")
    batch("batch changes a param", params=[{"key": "bp", "value": "2"}, {"key": "x", "value": "1"}])
    twice = [{"key": "d", "value": "1"}, {"key": "d", "value": "1"}]
    batch("batch with a param twice", params=twice)
    batch("batch of metrics without a name", metrics=[{"value": 1, "timestamp": 1}])
    batch("batch of metrics without a value", metrics=[{"key": "m", "timestamp": 1}])
    batch("batch of bad metrics", metrics=[point, {**point, "key": "a@b"}])
    batch("batch of params without a name", params=[{"value": "1"}])
    batch("batch of bad tags", tags=[{"key": "..", "value": "1"}])
    batch("batch of too many metrics", metrics=[{**point, "step": i} for i in range(1_001)])
    batch("batch of too many params", params=[{"key": f"p{i}", "value": "1"} for i in range(101)])
    batch("batch of too many tags", tags=[{"key": f"t{i}", "value": "1"} for i in range(101)])
    talk.call("batch of nobody", "runs/log-batch", metrics=[point])
    talk.call("batch of a bad run", "runs/log-batch", run_id="a b", metrics=[point])
    talk.call("batch of no run", "runs/log-batch", run_id="f" * 32, metrics=[point])


def _history(talk: _Talk, experiment_id: str) -> None:
    one = _run(talk, experiment_id, "history")
    two = _run(talk, experiment_id, "another")
    points = [
        {"key": "loss", "value": 1 / (i + 1), "timestamp": 1000 + i // 2, "step": i}
        for i in range(40)
    ]
    for run_id in (one, two):
        talk.call("points", "runs/log-batch", run_id=run_id, metrics=points)
    # As a client does that got no answer.
    talk.call("points again", "runs/log-batch", run_id=one, metrics=points)
    get = "metrics/get-history"
    talk.call("history", get, method="GET", run_id=one, metric_key="loss")
    page = talk.call("page", get, method="GET", run_id=one, metric_key="loss", max_results=25)
    token = page.get("next_page_token", "")
    more = {"run_id": one, "metric_key": "loss", "max_results": 25, "page_token": token}
    talk.call("next page", get, method="GET", **more)
    talk.call("bad page", get, method="GET", **{**more, "page_token": "§"})
    talk.call("page of none", get, method="GET", **{**more, "max_results": 0})
    talk.call("history of nothing", get, method="GET", run_id=one, metric_key="?")
    talk.call("history without a key", get, method="GET", run_id=one)
    bulk = "/ajax-api/2.0/mlflow/metrics/get-history-bulk"
    asked: Any = [("run_id", two), ("run_id", one), ("metric_key", "loss")]
    talk.raw("bulk", "GET", bulk, params=asked)
    talk.raw("bulk of few", "GET", bulk, params=[*asked, ("max_results", 50)])
    talk.raw("bulk of nothing", "GET", bulk, params=[("run_id", one), ("metric_key", "?")])
    talk.raw("bulk of nobody", "GET", bulk, params=[("metric_key", "loss")])
    talk.raw("bulk without a key", "GET", bulk, params=[("run_id", one)])
    some = {"run_ids": [one, two], "metric_key": "loss"}
    interval = "metrics/get-history-bulk-interval"
    talk.call("interval", interval, method="GET", **some)
    talk.call("interval of 7", interval, method="GET", **some, max_results=7)
    talk.call("interval of 1", interval, method="GET", **some, max_results=1)
    talk.call("interval part", interval, method="GET", **some, start_step=5, end_step=12)
    talk.call("interval half", interval, method="GET", **some, start_step=5)
    talk.call("interval back", interval, method="GET", **some, start_step=5, end_step=2)
    talk.call("interval of 0", interval, method="GET", **some, max_results=0)
    talk.call("interval of nobody", interval, method="GET", metric_key="loss")


def _search(talk: _Talk) -> None:
    made = talk.call("make searched", "experiments/create", name="searched")
    experiment_id = talk.name(made["experiment_id"], "$searched")
    for index in range(6):
        start = 1_700_000_000_000 + index * 1000
        run_id = _run(talk, experiment_id, f"r{index}", start_time=start)
        metrics = [{"key": "acc", "value": index / 10, "timestamp": 1, "step": 0}]
        if index == 3:
            metrics[0]["value"] = "NaN"
        params = [{"key": "model", "value": "cnn" if index % 2 else "mlp"}]
        tags = [{"key": "my tag", "value": f"v{index}"}] if index < 4 else []
        talk.call(
            "fill", "runs/log-batch", run_id=run_id, metrics=metrics, params=params, tags=tags
        )

    def find(what: str, **fields: Any) -> Any:
        return talk.call(what, "runs/search", experiment_ids=[experiment_id], **fields)

    for text in (
        "metrics.acc > 0.2",
        "metrics.acc >= 0.2 and params.model = 'cnn'",
        "metrics.`acc` != 0.2",
        "params.model != 'cnn'",
        "params.model LIKE 'c%'",
        "params.model ILIKE 'C%'",
        "tags.`my tag` = 'v1'",
        "tags.\"my tag\" = 'v1'",
        "attributes.status = 'RUNNING'",
        "attributes.run_name = 'r2'",
        "run_name LIKE 'r%'",
        "attributes.start_time > 1700000002000",
        "attributes.user_id = 'me'",
        "attributes.run_id IN ('x')",
        "tags.`mlflow.runName` = 'r4'",
        "params.model IS NOT NULL",
        "tags.`my tag` IS NULL",
        "attributes.nothing = '1'",
        "metrics.acc > 'x'",
        "params.model > 3",
        "bogus",
        "metrics.acc = ",
    ):
        find(f"where {text}", filter=text)
    for order in (
        ["metrics.acc DESC"],
        ["metrics.acc ASC"],
        ["params.model ASC", "start_time DESC"],
        ["tags.`my tag`"],
        ["attributes.start_time ASC"],
        ["nonsense."],
    ):
        find(f"by {order}", order_by=order)
    page = find("two of them", max_results=2)
    find("two more", max_results=2, page_token=page.get("next_page_token", ""))
    find("none of them", max_results=0)
    find("too many of them", max_results=50_001)
    find("a bad page", page_token="§")
    find("deleted ones", run_view_type="DELETED_ONLY")
    find("all of them", run_view_type="ALL", max_results=1)
    talk.call("search nowhere", "runs/search", experiment_ids=[])
    talk.call("search no number", "runs/search", experiment_ids=["abc"])
    talk.call("search text", "runs/search", experiment_ids="1")
    asked: Any = {"method": "POST", "max_results": 100}
    search = "experiments/search"
    talk.call("experiments by name", search, **asked, filter="name = 'searched'")
    talk.call("experiments like", search, **asked, filter="name LIKE 'sea%'")
    talk.call("experiments by tag", search, **asked, filter="tags.b = 'ü'")
    talk.call("experiments in order", search, **asked, order_by=["name DESC"])
    talk.call("deleted experiments", search, **asked, view_type="DELETED_ONLY")
    talk.call("experiments badly", search, **asked, filter="nothing = 3")
    talk.call("experiments without a number", search)
    talk.call("too many experiments", search, max_results=50_001)
    talk.call("some experiments", search, method="GET", max_results=1, order_by=["name ASC"])


def _wrong(talk: _Talk) -> None:
    create = "/api/2.0/mlflow/experiments/create"
    headers = {"content-type": "application/json"}
    talk.raw("no JSON", "POST", create, content=b"{", headers=headers)
    talk.raw("a form", "POST", create, data={"name": "x"})
    talk.raw("a list", "POST", create, content=b"[]", headers=headers)
    talk.raw(
        "JSON in text", "POST", create, content=b'"{\\"name\\": \\"first\\"}"', headers=headers
    )
    talk.raw(
        "a workspace",
        "GET",
        "/api/2.0/mlflow/experiments/get",
        params={"experiment_id": "0"},
        headers={"X-MLFLOW-WORKSPACE": "team"},
    )
    talk.raw("the version", "GET", "/version")
    talk.raw("a body in a GET", "GET", "/api/2.0/mlflow/runs/get", json={"run_id": "f" * 32})
