"""A fresh process that imports one module; prints how long it took and what it loaded."""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module

_HEAVY = ("pyarrow", "pyiceberg", "duckdb", "litestar", "numpy", "pandas", "obstore", "pydantic")


def main(name: str) -> None:
    """Import and report."""
    before = set(sys.modules)
    began = time.perf_counter()
    import_module(name)
    took = time.perf_counter() - began
    answer = {
        "import_ms": round(took * 1000, 2),
        "modules": len(set(sys.modules) - before),
        "heavy": sorted(set(_HEAVY) & set(sys.modules)),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1])
