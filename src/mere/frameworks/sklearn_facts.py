"""What can be said of an estimator, its data and its fit; nothing here logs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

__all__ = [
    "Candidate",
    "Search",
    "data_facts",
    "is_logged",
    "params_of",
    "search_of",
    "tags_of",
    "training_metrics",
]

_NAMES_CHARS_MAX = 4_000
_CLASSES_MAX = 1_000


class Candidate(msgspec.Struct, frozen=True):
    """One set of params that a search has tried."""

    number: int
    rank: int
    params: dict[str, Any]
    scores: dict[str, float]


class Search(msgspec.Struct, frozen=True):
    """What a search over params has found."""

    best_params: dict[str, Any]
    best_scores: dict[str, float]
    candidates: list[Candidate]
    rows: list[dict[str, Any]]

    def best(self, count: int) -> list[Candidate]:
        """So many candidates, the best first."""
        return sorted(self.candidates, key=lambda one: (one.rank, one.number))[:count]


def is_logged(estimator: Any) -> bool:
    """Whether its fits are worth a run: whether it predicts, clusters or detects something."""
    from sklearn.utils import get_tags

    return get_tags(estimator).estimator_type is not None


def params_of(estimator: Any) -> dict[str, Any]:
    """All params, those of inner estimators by scikit-learn's own names (``step__param``)."""
    params = estimator.get_params(deep=True)
    return {key: _shown(value) for key, value in params.items()}


def _shown(value: Any) -> Any:
    # The repr of an estimator repeats the params that follow under their own names.
    if hasattr(value, "get_params") and not isinstance(value, type):
        return type(value).__name__
    if isinstance(value, list | tuple) and any(hasattr(part, "get_params") for part in value):
        return [_shown(part) for part in value]
    if isinstance(value, tuple):
        return [_shown(part) for part in value]
    return value


def tags_of(estimator: Any) -> dict[str, str]:
    """The class of an estimator, and the library's version."""
    import sklearn

    kind = type(estimator)
    return {
        "estimator_name": kind.__name__,
        "estimator_class": f"{kind.__module__}.{kind.__qualname__}",
        "framework": "sklearn",
        "framework.version": sklearn.__version__,
    }


def data_facts(x: Any, y: Any, estimator: Any) -> dict[str, str]:
    """Rows, features with their names where they have some, and how many classes there are."""
    facts: dict[str, str] = {}
    shape = getattr(x, "shape", None)
    if shape is None and hasattr(x, "__len__"):
        shape = (len(x),)
    if shape:
        facts["data.rows"] = str(shape[0])
    features = shape[1] if shape and len(shape) > 1 else getattr(estimator, "n_features_in_", None)
    if features is not None:
        facts["data.features"] = str(features)
    names = getattr(estimator, "feature_names_in_", None)
    if names is not None:
        text = json.dumps([str(name) for name in names], ensure_ascii=False)
        if len(text) > _NAMES_CHARS_MAX:
            text = text[: _NAMES_CHARS_MAX - 1] + "…"
        facts["data.feature_names"] = text
    if y is not None:
        classes = getattr(estimator, "classes_", None)
        if classes is not None and not isinstance(classes, list):
            facts["data.classes"] = str(len(classes))
    return facts


def training_metrics(estimator: Any, x: Any, y: Any, weights: Any) -> dict[str, float]:
    """Metrics on the data that was fitted to, for classifiers and regressors; else the score."""
    from sklearn.base import is_classifier, is_regressor

    found: dict[str, float] = {}
    extra = {} if weights is None else {"sample_weight": weights}
    if y is not None and (is_classifier(estimator) or is_regressor(estimator)):
        predicted = estimator.predict(x)
        measures = _of_classes if is_classifier(estimator) else _of_numbers
        found.update(measures(estimator, x, y, predicted, extra))
    if "training_score" not in found and hasattr(estimator, "score"):
        found["training_score"] = float(estimator.score(x, y, **extra))
    return found


def _of_classes(
    estimator: Any, x: Any, y: Any, predicted: Any, extra: Mapping[str, Any]
) -> dict[str, float]:
    from sklearn import metrics

    weighted = {"average": "weighted", "zero_division": 0, **extra}
    found = {
        "training_accuracy_score": float(metrics.accuracy_score(y, predicted, **extra)),
        "training_precision_score": float(metrics.precision_score(y, predicted, **weighted)),
        "training_recall_score": float(metrics.recall_score(y, predicted, **weighted)),
        "training_f1_score": float(metrics.f1_score(y, predicted, **weighted)),
    }
    found.update(_of_probabilities(estimator, x, y, extra))
    return found


def _of_probabilities(estimator: Any, x: Any, y: Any, extra: Mapping[str, Any]) -> dict[str, float]:
    from sklearn import metrics

    classes = getattr(estimator, "classes_", None)
    if not hasattr(estimator, "predict_proba") or classes is None or isinstance(classes, list):
        return {}
    if not 2 <= len(classes) <= _CLASSES_MAX:
        return {}
    chances = estimator.predict_proba(x)
    single = chances[:, 1] if len(classes) == 2 else chances

    def auc() -> float:
        return float(
            metrics.roc_auc_score(
                y, single, average="weighted", multi_class="ovr", labels=classes, **extra
            )
        )

    def loss() -> float:
        return float(metrics.log_loss(y, chances, labels=classes, **extra))

    return _where_defined({"training_log_loss": loss, "training_roc_auc": auc})


def _of_numbers(
    _estimator: Any, _x: Any, y: Any, predicted: Any, extra: Mapping[str, Any]
) -> dict[str, float]:
    from sklearn import metrics

    square = float(metrics.mean_squared_error(y, predicted, **extra))
    return {
        "training_mean_squared_error": square,
        "training_root_mean_squared_error": float(
            metrics.root_mean_squared_error(y, predicted, **extra)
        ),
        "training_mean_absolute_error": float(metrics.mean_absolute_error(y, predicted, **extra)),
        "training_r2_score": float(metrics.r2_score(y, predicted, **extra)),
    }


def _where_defined(measures: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    found = {}
    for name, measure in measures.items():
        try:
            found[name] = measure()
        except ValueError:  # not defined for this target: one class only, other labels
            continue
    return found


def search_of(estimator: Any) -> Search | None:
    """What a fitted search has found; None if it is none."""
    results = getattr(estimator, "cv_results_", None)
    if not isinstance(results, Mapping) or "params" not in results:
        return None
    numbers = [key for key in results if key.startswith(("mean_", "std_", "rank_", "split"))]
    rank = _rank_key(estimator, results)
    candidates = [
        Candidate(
            number,
            int(results[rank][number]) if rank else number,
            params,
            {key: float(results[key][number]) for key in numbers},
        )
        for number, params in enumerate(results["params"])
    ]
    best = getattr(estimator, "best_params_", {})
    scores = {}
    if hasattr(estimator, "best_score_"):
        scores["best_cv_score"] = float(estimator.best_score_)
    return Search(
        {f"best_{key}": value for key, value in best.items()},
        scores,
        candidates,
        [
            {
                "candidate": one.number,
                **{f"param_{key}": str(value) for key, value in one.params.items()},
                **one.scores,
            }
            for one in candidates
        ],
    )


def _rank_key(estimator: Any, results: Mapping[str, Any]) -> str | None:
    refit = getattr(estimator, "refit", None)
    wanted = f"rank_test_{refit}" if isinstance(refit, str) else "rank_test_score"
    return wanted if wanted in results else next((k for k in results if "rank_" in k), None)
