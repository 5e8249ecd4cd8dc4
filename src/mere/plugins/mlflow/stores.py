"""MLflow's REST stores, whose server is the warehouse in this process."""

from __future__ import annotations

from functools import partial

from mlflow.store.model_registry.rest_store import RestStore as RestModelRegistryStore
from mlflow.store.tracking.rest_store import RestStore as RestTrackingStore
from mlflow.utils.rest_utils import MlflowHostCreds

from mere.plugins.mlflow.diversion import divert

__all__ = ["ModelRegistryStore", "TrackingStore"]


class TrackingStore(RestTrackingStore):  # type: ignore[misc]  # MLflow has no types
    """Experiments, runs, traces and all else that is tracked.

    Args:
        store_uri: ``mere+`` and the address of a warehouse.
    """

    def __init__(self, store_uri: str) -> None:
        super().__init__(partial(MlflowHostCreds, divert(store_uri)))


class ModelRegistryStore(RestModelRegistryStore):  # type: ignore[misc]  # MLflow has no types
    """Registered models and their versions, prompts, webhooks.

    Args:
        store_uri: ``mere+`` and the address of a warehouse.
    """

    def __init__(self, store_uri: str) -> None:
        super().__init__(partial(MlflowHostCreds, divert(store_uri)))
