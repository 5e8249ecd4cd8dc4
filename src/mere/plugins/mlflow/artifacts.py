"""Artifacts of a warehouse, streamed from and to the application in this process."""

from __future__ import annotations

import posixpath
from urllib.parse import urlsplit

from mlflow.store.artifact.http_artifact_repo import HttpArtifactRepository
from mlflow.utils.rest_utils import MlflowHostCreds

from mere.plugins.mlflow.diversion import divert

__all__ = ["WarehouseArtifacts"]

_ROOT = "api/2.0/mlflow-artifacts/artifacts"


class WarehouseArtifacts(HttpArtifactRepository):  # type: ignore[misc]  # MLflow has no types
    """MLflow's artifact repository over HTTP, for ``mlflow-artifacts:`` of a warehouse.

    Args:
        artifact_uri: ``mlflow-artifacts:/`` and a path.
        tracking_uri: ``mere+`` and the address of a warehouse.
        registry_uri: The address of the model registry.
    """

    def __init__(
        self, artifact_uri: str, tracking_uri: str, registry_uri: str | None = None
    ) -> None:
        base = divert(tracking_uri)
        path = urlsplit(artifact_uri).path.strip("/")
        url = posixpath.join(base, _ROOT, path).rstrip("/")
        super().__init__(url, tracking_uri, registry_uri)

    @property
    def _host_creds(self) -> MlflowHostCreds:
        return MlflowHostCreds(self.artifact_uri)

    def _is_multipart_upload_enabled(self) -> bool:
        # Parts are for those who reach the store and not the server; here it is all one process.
        return False
