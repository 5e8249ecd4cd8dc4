"""A fresh process that opens a warehouse and asks one query; prints how long it took."""

from __future__ import annotations

import json
import sys
import time


def main(url: str) -> None:
    """Open, load what reading needs, query."""
    began = time.perf_counter()
    from mere.lake import Lake

    imported = time.perf_counter()
    lake = Lake.open(url)
    import mere.lake.sql  # noqa: F401  (the first read would load it)

    loaded = time.perf_counter()
    from benchmarks.points import QUERY

    lake.sql(QUERY)
    done = time.perf_counter()
    answer = {
        "total_ms": done - began,
        "import_ms": imported - began,
        "libraries_ms": loaded - imported,
        "query_ms": done - loaded,
    }
    print(json.dumps({name: round(value * 1000, 1) for name, value in answer.items()}))


if __name__ == "__main__":
    main(sys.argv[1])
