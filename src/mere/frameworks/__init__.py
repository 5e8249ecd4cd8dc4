"""What training libraries log by themselves: one module a library, each an optional import.

Importing this package loads none of them; `mere.frameworks.xgboost` needs XGBoost, and so on.
All use the public SDK only, log to the active run or start one of their own, and never raise
into a training: what goes wrong in them is a warning.
"""

from __future__ import annotations

__all__: list[str] = []
