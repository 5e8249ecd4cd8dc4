"""How the scripts in this folder train; run in the environment of the libraries.

A script has functions called `train_…`; each is run, and what it returns, which is what the library
itself reports, is printed as one JSON object by the function's name.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from typing import Any

import mere


def report(scenarios: dict[str, Callable[[], Any]]) -> None:
    """Run what is named `train_…`, and print what each returned."""
    warnings.simplefilter("ignore")
    found = {}
    for name, scenario in scenarios.items():
        if name.startswith("train_"):
            found[name.removeprefix("train_")] = scenario()
            assert mere.active_run() is None, name
    print("\n" + json.dumps(found))
    sys.stdout.flush()
