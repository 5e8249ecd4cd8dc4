"""Studies of Optuna."""

from __future__ import annotations

import optuna
from scenarios import report

import mere
from mere.frameworks.optuna import MereCallback

optuna.logging.set_verbosity(optuna.logging.ERROR)


def told(study):
    return [
        {"number": t.number, "state": t.state.name, "values": t.values, "params": t.params}
        for t in study.get_trials()
    ]


def study_of(name, **options):
    return optuna.create_study(
        study_name=name, sampler=optuna.samplers.RandomSampler(seed=1), **options
    )


def objective(trial):
    x = trial.suggest_float("x", -10, 10)
    for step in range(4):
        trial.report(x * x + step, step)
        if trial.number == 3 and step == 2:
            raise optuna.TrialPruned
    return x * x


def train_own_run():
    study = study_of("plain")
    with MereCallback(experiment="o", name="o own", log_model=True) as callback:
        study.optimize(objective, n_trials=6, callbacks=[callback])
    return told(study)


def train_tracked():
    with mere.start_run("o", name="o tracked") as run:
        callback = MereCallback(metric_name="loss")

        @callback.track_in_mere()
        def tracked(trial):
            active = mere.active_run()
            assert active is not None
            assert active is not run
            active.log({"inside": trial.number}, step=0)
            if trial.number == 1:
                raise ValueError("caught by the study")
            return objective(trial)

        study = study_of("tracked")
        study.optimize(tracked, n_trials=4, callbacks=[callback], catch=ValueError)
        assert mere.active_run() is run
        callback.finish()
    return told(study)


def train_threads():
    study = study_of("threads")
    with mere.start_run("o", name="o threads"):
        study.optimize(
            lambda t: t.suggest_float("x", 0, 1), 8, n_jobs=4, callbacks=[MereCallback()]
        )
    return told(study)


def train_two_directions():
    study = study_of("two", directions=["minimize", "maximize"])
    with MereCallback(name="o two") as callback:
        study.optimize(
            lambda t: (t.suggest_float("x", 0, 1), t.suggest_float("y", 0, 1)),
            3,
            callbacks=[callback],
        )
    return told(study)


def train_failing():
    study = study_of("failing")
    try:
        with MereCallback(name="o failing") as callback:

            @callback.track_in_mere()
            def failing(trial):
                trial.suggest_int("n", 0, 3)
                raise RuntimeError("no value")

            study.optimize(failing, 2, callbacks=[callback])
    except RuntimeError:
        return told(study)
    return []


if __name__ == "__main__":
    report(dict(globals()))
