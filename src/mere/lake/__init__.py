"""The storage engine: records in tables, on an object store. It knows nothing of ML.

`Lake.open` is the way in; `Table` and `Column` declare what is stored.
"""

from __future__ import annotations

from mere.lake.catalog import Root
from mere.lake.claims import Claim
from mere.lake.engine import AsOf, Lake, LakeBatch
from mere.lake.schema import Column, Table
from mere.lake.settings import LakeSettings
from mere.lake.snapshots import TableSnapshot

__all__ = [
    "AsOf",
    "Claim",
    "Column",
    "Lake",
    "LakeBatch",
    "LakeSettings",
    "Root",
    "Table",
    "TableSnapshot",
]
