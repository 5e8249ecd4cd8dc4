"""Traces of MLflow's newest client, and of a stock OpenTelemetry exporter, against our server."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import textwrap
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
MLFLOW = ROOT / ".mlflow/bin/python"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not MLFLOW.exists(), reason="MLflow's client is not installed"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of its own process, on a new warehouse."""
    folder = tmp_path_factory.mktemp("traces")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    words = ["-m", "mere", "server", "--port", str(port), "--warehouse", str(folder / "warehouse")]
    process = subprocess.Popen(
        [sys.executable, *words], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address, process)
        yield address
    finally:
        process.terminate()
        process.communicate(timeout=20)


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(150):
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        try:
            urllib.request.urlopen(f"{address}/health", timeout=2).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError("the server does not answer")


def client(server: str, tmp_path: Path, program: str) -> dict[str, Any]:
    """Run a program with MLflow's client and return what it puts into `found`."""
    before = (
        "import json, sys, time, mlflow\n"
        f"mlflow.set_tracking_uri({server!r})\n"
        "mlflow.set_experiment(sys.argv[1])\n"
        "experiment = mlflow.get_experiment_by_name(sys.argv[1]).experiment_id\n"
        "found = {}\n"
    )
    script = tmp_path / "program.py"
    script.write_text(before + textwrap.dedent(program) + "\nprint('FOUND', json.dumps(found))\n")
    done = subprocess.run(
        [MLFLOW, script, tmp_path.name],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
        env={
            **os.environ,
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
            "MLFLOW_ASYNC_TRACE_LOGGING_RETRY_TIMEOUT": "5",
        },
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("FOUND ")]
    assert lines, done.stdout + done.stderr
    result: dict[str, Any] = json.loads(lines[0].removeprefix("FOUND "))
    return result


TRACED = """
@mlflow.trace(span_type="CHAIN")
def outer(question):
    with mlflow.start_span("call", span_type="LLM") as span:
        span.set_inputs({"prompt": question})
        span.set_outputs("réponse")
        span.set_attribute("nan", float("nan"))
        span.set_attribute("long", "x" * 100_000)
        usage = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
        span.set_attribute("mlflow.chat.tokenUsage", usage)
        span.add_event(mlflow.entities.SpanEvent("seen", attributes={"n": 1}))
    mlflow.update_current_trace(
        tags={"city": "Köln"}, metadata={"mlflow.trace.session": "s-1"}, request_preview="asked"
    )
    return {"answer": question * 2}

def many(filter_string=None, **more):
    return mlflow.search_traces(
        locations=[experiment], filter_string=filter_string, return_type="list", **more
    )

outer("a")
mlflow.flush_trace_async_logging()
trace_id = mlflow.get_last_active_trace_id()
"""


def test_traces_come_back_as_they_were(server: str, tmp_path: Path) -> None:
    found = client(
        server,
        tmp_path,
        TRACED
        + """
trace = mlflow.get_trace(trace_id)
root, call = trace.data.spans
found["info"] = [str(trace.info.state), trace.info.request_preview, trace.info.tags["city"]]
found["usage"] = trace.info.token_usage
found["root"] = [root.name, root.inputs, root.outputs, root.span_type, root.parent_id]
found["call"] = [call.inputs, call.outputs, call.parent_id == root.span_id]
found["attributes"] = [str(call.get_attribute("nan")), len(call.get_attribute("long"))]
found["events"] = [[e.name, e.attributes] for e in call.events]
""",
    )
    assert found["info"] == ["OK", "asked", "Köln"]
    assert found["usage"] == {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
    assert found["root"] == ["outer", {"question": "a"}, {"answer": "aa"}, "CHAIN", None]
    assert found["call"] == [{"prompt": "a"}, "réponse", True]
    assert found["attributes"] == ["nan", 100_000]
    assert found["events"] == [["seen", {"n": 1}]]


def test_searches_of_mlflow_find_what_they_mean(server: str, tmp_path: Path) -> None:
    found = client(
        server,
        tmp_path,
        TRACED
        + """
@mlflow.trace
def failing():
    raise ValueError("no")

try:
    failing()
except ValueError:
    pass
with mlflow.start_run() as run:
    outer("b")
mlflow.flush_trace_async_logging()
filters = {
    "all": None,
    "status": "trace.status = 'ERROR'",
    "tag": "tags.city = 'Köln'",
    "metadata": "metadata.`mlflow.trace.session` = 's-1'",
    "name": "attributes.name = 'failing'",
    "type": "span.type = 'LLM' AND span.name = 'call'",
    "neither": "span.type = 'LLM' AND span.name = 'outer'",
    "attribute": "span.attributes.mlflow.spanInputs LIKE '%prompt%'",
    "time": "timestamp_ms > 1000 AND execution_time_ms >= 0",
    "text": "trace.text LIKE '%réponse%'",
    "like": "trace.name ILIKE 'OUT%'",
    "rlike": "trace.name RLIKE '^out'",
}
found.update({name: len(many(text)) for name, text in filters.items()})
found["run"] = len(mlflow.search_traces(run_id=run.info.run_id, return_type="list"))
mlflow.MlflowClient().link_traces_to_run([trace_id], run.info.run_id)
found["linked"] = len(mlflow.search_traces(run_id=run.info.run_id, return_type="list"))
found["pages"] = [
    t.info.trace_id == trace_id for t in many(max_results=3, order_by=["timestamp_ms ASC"])
]
""",
    )
    assert found == {
        "all": 3,
        "status": 1,
        "tag": 2,
        "metadata": 2,
        "name": 1,
        "type": 2,
        "neither": 0,
        "attribute": 2,
        "time": 3,
        "text": 2,
        "like": 2,
        "rlike": 2,
        "run": 1,
        "linked": 2,
        "pages": [True, False, False],
    }


def test_assessments_are_made_changed_and_overridden(server: str, tmp_path: Path) -> None:
    found = client(
        server,
        tmp_path,
        TRACED
        + """
from mlflow.entities import AssessmentError, AssessmentSource, Feedback
human = AssessmentSource(source_type="HUMAN", source_id="me")
made = mlflow.log_feedback(
    trace_id=trace_id, name="good", value=True, rationale="ja", source=human, metadata={"k": "v"}
)
expected = mlflow.log_expectation(trace_id=trace_id, name="right", value={"k": [1, {"x": None}]})
failed = mlflow.log_feedback(
    trace_id=trace_id, name="judge", error=AssessmentError("E1", "broke", "at line 1")
)
read = mlflow.get_assessment(trace_id, made.assessment_id)
found["read"] = [read.name, read.value, read.rationale, read.source.source_id, read.metadata]
found["expected"] = mlflow.get_assessment(trace_id, expected.assessment_id).value
found["failed"] = mlflow.get_assessment(trace_id, failed.assessment_id).error.error_message
mlflow.update_assessment(trace_id, made.assessment_id, Feedback(name="good", value=0.5))
found["changed"] = mlflow.get_assessment(trace_id, made.assessment_id).value
found["by value"] = [len(many("feedback.good > 0.4")), len(many("feedback.good > 0.6"))]
found["by expectation"] = len(many("expectation.right IS NOT NULL"))
over = mlflow.override_feedback(
    trace_id=trace_id, assessment_id=made.assessment_id, value="no", source=human
)
def valid():
    said = mlflow.get_trace(trace_id).info.assessments
    return [a.valid for a in said if a.assessment_id == made.assessment_id]
found["overridden"] = valid()
mlflow.delete_assessment(trace_id, over.assessment_id)
found["restored"] = valid()
try:
    mlflow.get_assessment(trace_id, over.assessment_id)
except Exception as error:
    found["gone"] = error.error_code
""",
    )
    assert found["read"] == ["good", True, "ja", "me", {"k": "v"}]
    assert found["expected"] == {"k": [1, {"x": None}]}
    assert found["failed"] == "broke"
    assert found["changed"] == 0.5
    assert found["by value"] == [1, 0]
    assert found["by expectation"] == 1
    assert found["overridden"] == [False]
    assert found["restored"] == [True]
    assert found["gone"] == "RESOURCE_DOES_NOT_EXIST"


def test_tags_deletion_and_prompts(server: str, tmp_path: Path) -> None:
    found = client(
        server,
        tmp_path,
        TRACED
        + """
api = mlflow.MlflowClient()
mlflow.set_trace_tag(trace_id, "mood", "gut")
found["set"] = mlflow.get_trace(trace_id).info.tags.get("mood")
mlflow.delete_trace_tag(trace_id, "mood")
found["unset"] = mlflow.get_trace(trace_id).info.tags.get("mood")
outer("b"); outer("c")
mlflow.flush_trace_async_logging()
found["by id"] = api.delete_traces(experiment_id=experiment, trace_ids=[trace_id])
until = int(time.time() * 1000) + 1000
found["by time"] = api.delete_traces(
    experiment_id=experiment, max_timestamp_millis=until, max_traces=1
)
found["left"] = [json.loads(t.info.request_preview and "1") for t in many()]
try:
    mlflow.tracing.client.TracingClient().get_trace_info(trace_id)
except Exception as error:
    found["gone"] = error.error_code
""",
    )
    assert (found["set"], found["unset"]) == ("gut", None)
    assert (found["by id"], found["by time"], found["left"]) == (1, 1, [1])
    assert found["gone"] == "RESOURCE_DOES_NOT_EXIST"


def test_evaluation_datasets_merge_their_records(server: str, tmp_path: Path) -> None:
    found = client(
        server,
        tmp_path,
        TRACED
        + """
from mlflow.genai import datasets
made = datasets.create_dataset(name="köln", experiment_id=experiment, tags={"team": "a"})
made.merge_records([
    {"inputs": {"q": "1"}, "expectations": {"e": 1}, "tags": {"t": "x"}},
    {"inputs": {"q": "2"}, "outputs": "two"},
])
made.merge_records([{"inputs": {"q": "1"}, "expectations": {"f": [2]}}])
made.merge_records(many())
read = datasets.get_dataset(dataset_id=made.dataset_id)
rows = read.to_df().to_dict("records")
found["rows"] = [[r["inputs"], r["expectations"]] for r in rows]
found["profile"] = json.loads(read.profile)
found["search"] = len(datasets.search_datasets(
    experiment_ids=[experiment], filter_string="name = 'köln' AND tags.team = 'a'"
))
datasets.set_dataset_tags(dataset_id=made.dataset_id, tags={"more": "m"})
datasets.delete_dataset_tag(dataset_id=made.dataset_id, key="team")
tags = datasets.get_dataset(dataset_id=made.dataset_id).tags
found["tags"] = [tags.get("more"), tags.get("team")]
found["removed"] = read.delete_records([rows[0]["dataset_record_id"]])
datasets.add_dataset_to_experiments(dataset_id=made.dataset_id, experiment_ids=["0"])
found["experiments"] = len(datasets.get_dataset(dataset_id=made.dataset_id).experiment_ids)
datasets.delete_dataset(dataset_id=made.dataset_id)
try:
    datasets.get_dataset(dataset_id=made.dataset_id)
except Exception as error:
    found["gone"] = error.error_code
""",
    )
    assert found["rows"] == [
        [{"q": "1"}, {"e": 1, "f": [2]}],
        [{"q": "2"}, None],
        [{"question": "a"}, None],
    ]
    assert found["profile"] == {"num_records": 3}
    assert found["search"] == 1
    assert found["tags"] == ["m", None]
    assert found["removed"] == 1
    assert found["experiments"] == 2
    assert found["gone"] == "RESOURCE_DOES_NOT_EXIST"


def test_scorers_have_versions(server: str, tmp_path: Path) -> None:
    found = client(
        server,
        tmp_path,
        """
from mlflow.genai.judges import make_judge
from mlflow.genai.scorers import delete_scorer, get_scorer, list_scorers
from mlflow.tracking._tracking_service.utils import _get_store
judge = make_judge(name="kind", instructions="Is {{ outputs }} kind?", model="openai:/gpt-x")
judge.register(experiment_id=experiment)
judge.register(experiment_id=experiment)
found["names"] = [one.name for one in list_scorers(experiment_id=experiment)]
store = _get_store()
found["versions"] = [one.scorer_version for one in store.list_scorer_versions(experiment, "kind")]
found["first"] = get_scorer(name="kind", experiment_id=experiment, version=1).name
delete_scorer(name="kind", experiment_id=experiment, version=2)
found["left"] = [one.scorer_version for one in store.list_scorer_versions(experiment, "kind")]
""",
    )
    assert found == {"names": ["kind"], "versions": [1, 2], "first": "kind", "left": [1]}


def test_a_stock_exporter_sends_spans(server: str, tmp_path: Path) -> None:
    found = client(
        server,
        tmp_path,
        f"""
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

def send(resource, headers):
    provider = TracerProvider(resource=Resource.create(resource))
    exporter = OTLPSpanExporter(
        endpoint="{server}/v1/traces", headers=headers, compression=Compression.Gzip
    )
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("shop")
    with tracer.start_as_current_span("request") as root:
        root.set_attribute("session.id", "conversation")
        with tracer.start_as_current_span("chat") as span:
            span.set_attribute("gen_ai.operation.name", "chat")
            span.set_attribute("gen_ai.request.model", "gpt-x")
            span.set_attribute("gen_ai.usage.input_tokens", 12)
            span.set_attribute("gen_ai.usage.output_tokens", 30)
            span.set_attribute("gen_ai.input.messages", '[{{"role": "user"}}]')
    provider.shutdown()

send({{"service.name": "by header"}}, {{"x-mlflow-experiment-id": experiment}})
send({{"service.name": "by resource", "mere.experiment_id": experiment}}, None)
traces = mlflow.search_traces(locations=[experiment], return_type="list")
found["services"] = sorted(t.info.tags["service.name"] for t in traces)
found["usage"] = [t.info.token_usage["total_tokens"] for t in traces]
found["session"] = [t.info.trace_metadata["mlflow.trace.session"] for t in traces]
found["names"] = [[s.name for s in t.data.spans] for t in traces]
call = traces[0].data.spans[1]
found["call"] = [call.span_type, call.model_name, call.inputs]
""",
    )
    assert found["services"] == ["by header", "by resource"]
    assert found["usage"] == [42, 42]
    assert found["session"] == ["conversation"] * 2
    assert found["names"] == [["request", "chat"]] * 2
    assert found["call"] == ["CHAT_MODEL", "gpt-x", [{"role": "user"}]]
