"""Trainings with LightGBM."""

from __future__ import annotations

import lightgbm
import numpy as np
from scenarios import report

import mere
from mere.frameworks.lightgbm import mere_callback

RNG = np.random.default_rng(7)
X = RNG.normal(size=(300, 4))
Y = (X[:, 0] + 0.5 * RNG.normal(size=300) > 0).astype(int)
PARAMS = {"objective": "binary", "num_leaves": 5, "num_threads": 1, "verbosity": -1, "seed": 1}


def data():
    train = lightgbm.Dataset(X[:200], Y[:200], free_raw_data=False)
    test = lightgbm.Dataset(X[200:], Y[200:], reference=train, free_raw_data=False)
    return train, {"valid_sets": [train, test], "valid_names": ["train", "test"]}


def recorder(said):
    return lightgbm.record_evaluation(said)


def train_own_run():
    said: dict = {}
    train, valid = data()
    lightgbm.train(
        PARAMS,
        train,
        5,
        **valid,
        callbacks=[
            mere_callback(experiment="lgb", name="lgb own", log_model=True),
            recorder(said),
        ],
    )
    return said


def train_continued():
    first: dict = {}
    second: dict = {}
    train, valid = data()
    with mere.start_run("lgb", name="lgb continued"):
        model = lightgbm.train(
            PARAMS, train, 3, **valid, callbacks=[mere_callback(), recorder(first)]
        )
        train, valid = data()
        lightgbm.train(
            PARAMS,
            train,
            4,
            **valid,
            init_model=model,
            callbacks=[mere_callback(), recorder(second)],
        )
    return [first, second]


def train_stopped():
    said: dict = {}
    train, valid = data()
    model = lightgbm.train(
        {**PARAMS, "learning_rate": 1.0},
        train,
        200,
        **valid,
        callbacks=[
            lightgbm.early_stopping(3, verbose=False),
            mere_callback(name="lgb stopped", prefix="a"),
            recorder(said),
        ],
    )
    return {"said": said, "iteration": model.best_iteration}


def train_held():
    said: dict = {}
    train, valid = data()
    with mere_callback(name="lgb held") as callback:
        lightgbm.train(PARAMS, train, 2, **valid, callbacks=[callback, recorder(said)])
    return said


def train_cv():
    train, _ = data()
    with mere.start_run("lgb", name="lgb cv"):
        return lightgbm.cv(PARAMS, train, 4, nfold=3, seed=1, callbacks=[mere_callback()])


def train_estimator():
    model = lightgbm.LGBMClassifier(n_estimators=3, n_jobs=1, verbosity=-1)
    model.fit(X, Y, eval_X=X, eval_y=Y, callbacks=[mere_callback(name="lgb estimator")])
    return model.evals_result_


def train_failing():
    calls = []

    def metric(_predictions, _data):
        calls.append(1)
        if len(calls) > 2:
            raise RuntimeError("no metric")
        return "mine", 1.0, True

    train, valid = data()
    try:
        lightgbm.train(
            PARAMS,
            train,
            5,
            **valid,
            feval=metric,
            callbacks=[mere_callback(name="lgb failing")],
        )
    except RuntimeError:
        return "raised"
    return "went on"


if __name__ == "__main__":
    report(dict(globals()))
