"""MLflow on a bucket without a server: ``mlflow.set_tracking_uri("mere+s3://bucket/prefix")``.

MLflow loads `mere.plugins.mlflow.entry` by its entry points. Its own REST stores do the work, as
they do against a server; but what they send goes to the server's application within this process
and never over a socket. So there is one implementation of the protocol, and one of its client.

- `entry` is what MLflow loads when it is imported, and loads nothing itself;
- `stores` and `artifacts` are MLflow's own classes with our addresses;
- `diversion` is the one place where MLflow's requests are taken from it;
- `within` runs the application, and `exchange` carries a request to it and the answer back.
"""

from __future__ import annotations

__all__: list[str] = []
