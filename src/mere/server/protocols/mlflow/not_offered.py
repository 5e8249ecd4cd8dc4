"""What MLflow's protocol has and mere does not: said as such, and lists of it are empty.

Not offered are the AI gateway (secrets, endpoints, budgets, guardrails and the calls through it),
judges and scorers that run on the server, issues found by it, review queues, label schemas, jobs
that optimise prompts, the assistant, and demo data. What only lists such things answers with
none, so that MLflow's web pages work; all else answers ``NOT_IMPLEMENTED``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NoReturn

from mere.errors import ErrorCode, InvalidInput
from mere.server.operations import SIGNED_IN, Call, Operation
from mere.server.protocols.mlflow.wire import operation

__all__ = ["LISTS", "OPERATIONS", "REFUSED"]

_GATEWAY = "/*/3.0/mlflow/gateway"

LISTS: tuple[tuple[str, str, str], ...] = (
    ("GET", f"{_GATEWAY}/budgets/list", "ajax+api"),
    ("GET", f"{_GATEWAY}/budgets/windows", "ajax+api"),
    ("GET", f"{_GATEWAY}/endpoints/bindings/list", "ajax+api"),
    ("GET", f"{_GATEWAY}/endpoints/list", "ajax+api"),
    ("GET", f"{_GATEWAY}/guardrails/list", "ajax+api"),
    ("GET", f"{_GATEWAY}/guardrails/list-for-endpoint", "ajax+api"),
    ("GET", f"{_GATEWAY}/model-definitions/list", "ajax+api"),
    ("GET", f"{_GATEWAY}/secrets/list", "ajax+api"),
    ("GET", f"{_GATEWAY}/supported-models", "ajax"),
    ("GET", f"{_GATEWAY}/supported-providers", "ajax"),
    ("GET", "/gateway/mlflow/v1/models", "api"),
    ("GET", "/*/3.0/mlflow/label-schemas/list", "ajax+api"),
    ("GET", "/*/3.0/mlflow/prompt-optimization/jobs/search", "ajax+api"),
    ("POST", "/*/3.0/mlflow/prompt-optimization/jobs/search", "ajax+api"),
    ("POST", "/*/3.0/mlflow/issues/search", "ajax+api"),
    ("GET", "/*/3.0/mlflow/review-queues/list", "ajax+api"),
    ("GET", "/*/3.0/mlflow/review-queues/items/list", "ajax+api"),
    ("POST", "/*/3.0/jobs/search", "ajax"),
)
"""What lists things that are not offered: verb, path, forms."""

REFUSED: tuple[tuple[str, str, str], ...] = (
    ("GET", "/*/2.0/mlflow/gateway-proxy", "ajax"),
    ("POST", "/*/2.0/mlflow/gateway-proxy", "ajax"),
    *(
        (verb, f"{_GATEWAY}/{path}", "ajax+api")
        for verb, path in (
            ("POST", "budgets/create"),
            ("DELETE", "budgets/delete"),
            ("GET", "budgets/get"),
            ("POST", "budgets/update"),
            ("POST", "endpoints/bindings/create"),
            ("DELETE", "endpoints/bindings/delete"),
            ("POST", "endpoints/create"),
            ("DELETE", "endpoints/delete"),
            ("DELETE", "endpoints/delete-tag"),
            ("GET", "endpoints/get"),
            ("POST", "endpoints/models/attach"),
            ("POST", "endpoints/models/detach"),
            ("POST", "endpoints/set-tag"),
            ("POST", "endpoints/update"),
            ("POST", "guardrails/add-to-endpoint"),
            ("POST", "guardrails/create"),
            ("DELETE", "guardrails/delete"),
            ("GET", "guardrails/get"),
            ("DELETE", "guardrails/remove-from-endpoint"),
            ("PATCH", "guardrails/update-config"),
            ("POST", "model-definitions/create"),
            ("DELETE", "model-definitions/delete"),
            ("GET", "model-definitions/get"),
            ("POST", "model-definitions/update"),
            ("POST", "secrets/create"),
            ("DELETE", "secrets/delete"),
            ("GET", "secrets/get"),
            ("POST", "secrets/update"),
        )
    ),
    ("GET", f"{_GATEWAY}/provider-config", "ajax"),
    ("GET", f"{_GATEWAY}/secrets/config", "ajax"),
    ("POST", "/gateway/{family}/v1/{call:path}", "api"),
    ("POST", "/gateway/gemini/v1beta/{call:path}", "api"),
    ("POST", "/gateway/proxy/{endpoint_name}/{call:path}", "api"),
    ("POST", "/gateway/{endpoint_name}/mlflow/invocations", "api"),
    ("POST", "/*/3.0/mlflow/genai/evaluate/invoke", "ajax"),
    ("POST", "/*/3.0/mlflow/issues", "ajax+api"),
    ("POST", "/*/3.0/mlflow/issues/invoke", "ajax"),
    ("POST", "/*/3.0/mlflow/issues/schedule/state", "ajax"),
    ("GET", "/*/3.0/mlflow/issues/{issue_id}", "ajax+api"),
    ("PATCH", "/*/3.0/mlflow/issues/{issue_id}", "ajax+api"),
    ("POST", "/*/3.0/mlflow/label-schemas/create", "ajax+api"),
    ("DELETE", "/*/3.0/mlflow/label-schemas/delete", "ajax+api"),
    ("GET", "/*/3.0/mlflow/label-schemas/get", "ajax+api"),
    ("GET", "/*/3.0/mlflow/label-schemas/get-by-name", "ajax+api"),
    ("PATCH", "/*/3.0/mlflow/label-schemas/update", "ajax+api"),
    ("POST", "/*/3.0/mlflow/prompt-optimization/jobs", "ajax+api"),
    ("DELETE", "/*/3.0/mlflow/prompt-optimization/jobs/{job_id}", "ajax+api"),
    ("GET", "/*/3.0/mlflow/prompt-optimization/jobs/{job_id}", "ajax+api"),
    ("POST", "/*/3.0/mlflow/prompt-optimization/jobs/{job_id}/cancel", "ajax+api"),
    *(
        (verb, f"/*/3.0/mlflow/review-queues/{path}", "ajax+api")
        for verb, path in (
            ("POST", "create"),
            ("POST", "delete"),
            ("GET", "get"),
            ("GET", "get-by-name"),
            ("POST", "get-or-create-user"),
            ("POST", "items/add"),
            ("POST", "items/remove"),
            ("POST", "items/set-status"),
            ("POST", "update"),
        )
    ),
    ("POST", "/*/3.0/jobs/", "ajax"),
    ("GET", "/*/3.0/jobs/{job_id}", "ajax"),
    ("PATCH", "/*/3.0/jobs/cancel/{job_id}", "ajax"),
    ("GET", "/*/3.0/mlflow/jobs/{job_id}", "ajax"),
    ("PATCH", "/*/3.0/mlflow/jobs/cancel/{job_id}", "ajax"),
    ("POST", "/*/3.0/mlflow/scorer/invoke", "ajax"),
    ("PUT", "/*/3.0/mlflow/scorers/online-config", "ajax+api"),
    ("GET", "/*/2.0/mlflow/get-online-trace-details", "ajax+api"),
    ("GET", "/*/2.0/mlflow/unified-traces", "ajax+api"),
    ("POST", "/*/3.0/mlflow/assistant/{call:path}", "ajax"),
    ("GET", "/*/3.0/mlflow/assistant/{call:path}", "ajax"),
    ("POST", "/*/3.0/mlflow/demo/generate", "ajax"),
    ("POST", "/*/3.0/mlflow/demo/delete", "ajax"),
)
"""What does something that is not offered: verb, path, forms."""


def _lists(verb: str, path: str, forms: str) -> Operation:
    async def list_nothing(call: Call) -> dict[str, Any]:
        """List what there is none of."""
        del call
        return {}

    return _declared(list_nothing, verb, path, forms)


def _refuses(verb: str, path: str, forms: str) -> Operation:
    async def refuse(call: Call) -> NoReturn:
        """Say that this is not offered."""
        raise InvalidInput(
            ErrorCode.NOT_OFFERED,
            f"{call.raw.url.path} is not offered here: see docs/mlflow.md for what is",
        )

    return _declared(refuse, verb, path, forms, status=501)


def _declared(
    handler: Callable[[Call], Any], verb: str, path: str, forms: str, *, status: int = 200
) -> Operation:
    """The operation of one path, with a name of its own."""
    words = re.findall(r"[A-Za-z][A-Za-z0-9]*", path.replace("/*/", "/"))
    handler.__name__ = "_".join([verb, *words]).lower()
    return operation(verb, path, permission=SIGNED_IN, forms=forms, status=status)(handler)


OPERATIONS: tuple[Operation, ...] = (
    *(_lists(*one) for one in LISTS),
    *(_refuses(*one) for one in REFUSED),
)
