"""The protocols, and all that can be asked in them: each module's operations, listed once."""

from __future__ import annotations

from mere.server.operations import Operation, Protocol
from mere.server.protocols.iceberg.catalog import OPERATIONS as ICEBERG_CATALOG
from mere.server.protocols.iceberg.guests import OPERATIONS as ICEBERG_GUESTS
from mere.server.protocols.iceberg.tables import OPERATIONS as ICEBERG_TABLES
from mere.server.protocols.iceberg.wire import ICEBERG
from mere.server.protocols.mlflow.artifacts import OPERATIONS as MLFLOW_ARTIFACTS
from mere.server.protocols.mlflow.assessments import OPERATIONS as MLFLOW_ASSESSMENTS
from mere.server.protocols.mlflow.experiments import OPERATIONS as MLFLOW_EXPERIMENTS
from mere.server.protocols.mlflow.genai_datasets import OPERATIONS as MLFLOW_GENAI_DATASETS
from mere.server.protocols.mlflow.graphql import OPERATIONS as MLFLOW_GRAPHQL
from mere.server.protocols.mlflow.inputs import OPERATIONS as MLFLOW_INPUTS
from mere.server.protocols.mlflow.logged_models import OPERATIONS as MLFLOW_LOGGED_MODELS
from mere.server.protocols.mlflow.logging import OPERATIONS as MLFLOW_LOGGING
from mere.server.protocols.mlflow.metrics import OPERATIONS as MLFLOW_METRICS
from mere.server.protocols.mlflow.not_offered import OPERATIONS as MLFLOW_NOT_OFFERED
from mere.server.protocols.mlflow.permissions import OPERATIONS as MLFLOW_PERMISSIONS
from mere.server.protocols.mlflow.presigned import OPERATIONS as MLFLOW_PRESIGNED
from mere.server.protocols.mlflow.registry import OPERATIONS as MLFLOW_REGISTRY
from mere.server.protocols.mlflow.runs import OPERATIONS as MLFLOW_RUNS
from mere.server.protocols.mlflow.scorers import OPERATIONS as MLFLOW_SCORERS
from mere.server.protocols.mlflow.search import OPERATIONS as MLFLOW_SEARCH
from mere.server.protocols.mlflow.trace_metrics import OPERATIONS as MLFLOW_TRACE_METRICS
from mere.server.protocols.mlflow.traces import OPERATIONS as MLFLOW_TRACES
from mere.server.protocols.mlflow.traces_v2 import OPERATIONS as MLFLOW_TRACES_V2
from mere.server.protocols.mlflow.ui import OPERATIONS as MLFLOW_UI
from mere.server.protocols.mlflow.users import OPERATIONS as MLFLOW_USERS
from mere.server.protocols.mlflow.webhooks import OPERATIONS as MLFLOW_WEBHOOKS
from mere.server.protocols.mlflow.wire import MLFLOW
from mere.server.protocols.native.access import OPERATIONS as ACCESS
from mere.server.protocols.native.artifacts import OPERATIONS as ARTIFACTS
from mere.server.protocols.native.assessments import OPERATIONS as ASSESSMENTS
from mere.server.protocols.native.compare import OPERATIONS as COMPARE
from mere.server.protocols.native.console import OPERATIONS as CONSOLE
from mere.server.protocols.native.datasets import OPERATIONS as DATASETS
from mere.server.protocols.native.deployments import OPERATIONS as DEPLOYMENTS
from mere.server.protocols.native.discussion import OPERATIONS as DISCUSSION
from mere.server.protocols.native.evaluation_datasets import OPERATIONS as EVALUATION_DATASETS
from mere.server.protocols.native.experiments import OPERATIONS as EXPERIMENTS
from mere.server.protocols.native.lineage import OPERATIONS as LINEAGE
from mere.server.protocols.native.meta import OPERATIONS as META
from mere.server.protocols.native.models import OPERATIONS as MODELS
from mere.server.protocols.native.registry_pages import OPERATIONS as REGISTRY_PAGES
from mere.server.protocols.native.reports import OPERATIONS as REPORTS
from mere.server.protocols.native.run_details import OPERATIONS as RUN_DETAILS
from mere.server.protocols.native.runs import OPERATIONS as RUNS
from mere.server.protocols.native.series import OPERATIONS as SERIES
from mere.server.protocols.native.session import OPERATIONS as SESSION
from mere.server.protocols.native.sql import OPERATIONS as SQL
from mere.server.protocols.native.stream import OPERATIONS as STREAM
from mere.server.protocols.native.suggest import OPERATIONS as SUGGEST
from mere.server.protocols.native.trace_list import OPERATIONS as TRACE_LIST
from mere.server.protocols.native.trace_spans import OPERATIONS as TRACE_SPANS
from mere.server.protocols.native.traces import OPERATIONS as TRACES
from mere.server.protocols.native.views import OPERATIONS as VIEWS
from mere.server.protocols.native.webhooks import OPERATIONS as WEBHOOKS
from mere.server.protocols.native.wire import NATIVE
from mere.server.protocols.otlp.traces import OPERATIONS as OTLP_TRACES
from mere.server.protocols.otlp.wire import OTLP

__all__ = ["OPERATIONS", "PROTOCOLS"]

PROTOCOLS: tuple[Protocol, ...] = (NATIVE, MLFLOW, OTLP, ICEBERG)
"""The first one answers for paths that are nobody's."""

OPERATIONS: tuple[Operation, ...] = (
    *MODELS,
    *DEPLOYMENTS,
    *REGISTRY_PAGES,
    *WEBHOOKS,
    *MLFLOW_REGISTRY,
    *MLFLOW_WEBHOOKS,
    *MLFLOW_ASSESSMENTS,
    *MLFLOW_GENAI_DATASETS,
    *MLFLOW_NOT_OFFERED,
    *MLFLOW_SCORERS,
    *MLFLOW_TRACES,
    *MLFLOW_TRACE_METRICS,
    *MLFLOW_TRACES_V2,
    *OTLP_TRACES,
    *TRACES,
    *TRACE_LIST,
    *TRACE_SPANS,
    *ASSESSMENTS,
    *EVALUATION_DATASETS,
    *MLFLOW_EXPERIMENTS,
    *MLFLOW_RUNS,
    *MLFLOW_INPUTS,
    *MLFLOW_LOGGED_MODELS,
    *MLFLOW_ARTIFACTS,
    *MLFLOW_PRESIGNED,
    *MLFLOW_LOGGING,
    *MLFLOW_METRICS,
    *MLFLOW_SEARCH,
    *MLFLOW_GRAPHQL,
    *MLFLOW_UI,
    *META,
    *ACCESS,
    *MLFLOW_USERS,
    *MLFLOW_PERMISSIONS,
    *SESSION,
    *SQL,
    *EXPERIMENTS,
    *RUNS,
    *RUN_DETAILS,
    *DISCUSSION,
    *LINEAGE,
    *DATASETS,
    *SERIES,
    *COMPARE,
    *STREAM,
    *SUGGEST,
    *CONSOLE,
    *ARTIFACTS,
    *VIEWS,
    *REPORTS,
    *ICEBERG_CATALOG,
    *ICEBERG_GUESTS,
    *ICEBERG_TABLES,
)
