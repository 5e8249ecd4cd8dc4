"""What MLflow's entry points name; everything else is loaded when an address of ours is used."""

from __future__ import annotations

import atexit
import sys
from typing import Any

__all__ = ["artifact_repository", "model_registry_store", "tracking_store"]

_PREFIX = "mere+"
_WITHIN = "mere.plugins.mlflow.within"


def tracking_store(store_uri: str, artifact_uri: str | None = None) -> Any:
    """MLflow's tracking store for ``mere+…`` addresses.

    Args:
        store_uri: ``mere+`` and the address of a warehouse.
        artifact_uri: Not used: a warehouse knows where its artifacts are.
    """
    del artifact_uri
    from mere.plugins.mlflow.stores import TrackingStore

    return TrackingStore(store_uri)


def model_registry_store(store_uri: str, tracking_uri: str | None = None) -> Any:
    """MLflow's model registry store for ``mere+…`` addresses.

    Args:
        store_uri: ``mere+`` and the address of a warehouse.
        tracking_uri: Not used: the server's application copies no files over its client.
    """
    del tracking_uri
    from mere.plugins.mlflow.stores import ModelRegistryStore

    return ModelRegistryStore(store_uri)


def artifact_repository(
    artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None
) -> Any:
    """What ``mlflow-artifacts:`` means: files of the warehouse that is tracked to.

    Registered in the place of MLflow's own class, which is returned for all other tracking
    addresses; so runs have the same artifact addresses with a server and without one.

    Args:
        artifact_uri: Where the files are.
        tracking_uri: The address that is tracked to; by default, MLflow's current one.
        registry_uri: The address of the model registry.
    """
    from mlflow.tracking import get_tracking_uri

    meant = tracking_uri or get_tracking_uri()
    if meant.startswith(_PREFIX):
        from mere.plugins.mlflow.artifacts import WarehouseArtifacts

        return WarehouseArtifacts(artifact_uri, meant, registry_uri)
    from mlflow.store.artifact.mlflow_artifacts_repo import MlflowArtifactsRepository

    return MlflowArtifactsRepository(artifact_uri, tracking_uri, registry_uri)


def _finish() -> None:
    within = sys.modules.get(_WITHIN)
    if within is not None:
        within.finish()


# MLflow ends the active run at exit, and what it registers later is called earlier.
atexit.register(_finish)
