"""Trainings with XGBoost."""

from __future__ import annotations

import numpy as np
import xgboost
from scenarios import report

import mere
from mere.frameworks.xgboost import MereCallback

RNG = np.random.default_rng(7)
X = RNG.normal(size=(200, 4))
Y = (X[:, 0] + 0.5 * RNG.normal(size=200) > 0).astype(float)
TRAIN = xgboost.DMatrix(X[:150], Y[:150])
TEST = xgboost.DMatrix(X[150:], Y[150:])
PARAMS = {"objective": "binary:logistic", "max_depth": 2, "eta": 0.5, "nthread": 1, "seed": 1}
EVALS = [(TRAIN, "train"), (TEST, "test")]


def train_own_run():
    said: dict = {}
    callback = MereCallback(experiment="xgb", name="xgb own", log_model=True)
    xgboost.train(
        PARAMS, TRAIN, 5, evals=EVALS, evals_result=said, verbose_eval=False, callbacks=[callback]
    )
    return said


def train_continued():
    first: dict = {}
    second: dict = {}
    options = {"evals": EVALS, "verbose_eval": False}
    with mere.start_run("xgb", name="xgb continued"):
        model = xgboost.train(
            PARAMS, TRAIN, 3, evals_result=first, callbacks=[MereCallback()], **options
        )
        xgboost.train(
            PARAMS,
            TRAIN,
            4,
            evals_result=second,
            xgb_model=model,
            callbacks=[MereCallback()],
            **options,
        )
    return [first, second]


def train_stopped():
    said: dict = {}
    with mere.start_run("xgb", name="xgb stopped") as run:
        model = xgboost.train(
            {**PARAMS, "eta": 1.0, "max_depth": 6},
            TRAIN,
            200,
            evals=EVALS,
            evals_result=said,
            verbose_eval=False,
            early_stopping_rounds=3,
            callbacks=[MereCallback(run, prefix="a")],
        )
    return {"said": said, "iteration": model.best_iteration, "score": model.best_score}


def train_cv():
    with mere.start_run("xgb", name="xgb cv"):
        found = xgboost.cv(PARAMS, TRAIN, 4, nfold=3, seed=1, callbacks=[MereCallback()])
    return {key: list(values) for key, values in dict(found).items()}


def train_estimator():
    model = xgboost.XGBClassifier(
        n_estimators=3, n_jobs=1, callbacks=[MereCallback(experiment="xgb", name="xgb estimator")]
    )
    model.fit(X, Y, eval_set=[(X, Y)], verbose=False)
    return model.evals_result()


def train_failing():
    def objective(_predictions, _data):
        raise RuntimeError("no gradient")

    try:
        xgboost.train(PARAMS, TRAIN, 5, obj=objective, callbacks=[MereCallback(name="xgb failing")])
    except RuntimeError:
        return "raised"
    return "went on"


if __name__ == "__main__":
    report(dict(globals()))
