"""`autolog` makes a run of each fit that a person asks for, and of no other."""

from __future__ import annotations

import inspect
import json
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from joblib import parallel_backend  # type: ignore[import-untyped, unused-ignore]
from sklearn import metrics
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import mere
from mere.errors import InvalidInput
from mere.frameworks.sklearn import autolog, log_model_facts
from mere.services.warehouse import close_warehouses
from tests.frameworks.conftest import child_environment

X, Y = load_iris(return_X_y=True)


@pytest.fixture(autouse=True)
def warehouse(tmp_path, monkeypatch):
    for key, value in child_environment(tmp_path).items():
        monkeypatch.setenv(key, value)
    yield tmp_path / "warehouse"
    autolog(disable=True)
    close_warehouses()


def rows(where="true"):
    query = f"select * from runs where {where} order by started_at, name"
    return mere.sql(query).to_pylist()


def only_row(where="true"):
    (row,) = rows(where)
    return {key: dict(v) if isinstance(v, list) else v for key, v in row.items()}


def test_a_fit_has_a_run_of_its_own():
    autolog(experiment="iris", log_model=True)
    model = DecisionTreeClassifier(max_depth=2, random_state=0).fit(X, Y)
    row = only_row()
    assert row["status"] == "FINISHED"
    assert mere.active_run() is None
    assert row["params"] == {k: str(v) for k, v in model.get_params().items()}
    assert row["tags"]["estimator_class"] == "sklearn.tree._classes.DecisionTreeClassifier"
    assert row["tags"]["data.rows"] == "150"
    assert row["tags"]["data.features"] == "4"
    assert row["tags"]["data.classes"] == "3"
    found = row["metrics"]
    predicted, chances = model.predict(X), model.predict_proba(X)
    assert found["training_score"] == model.score(X, Y)
    assert found["training_accuracy_score"] == metrics.accuracy_score(Y, predicted)
    assert found["training_f1_score"] == metrics.f1_score(Y, predicted, average="weighted")
    assert found["training_log_loss"] == pytest.approx(metrics.log_loss(Y, chances))
    auc = metrics.roc_auc_score(Y, chances, multi_class="ovr", average="weighted")
    assert found["training_roc_auc"] == pytest.approx(auc)
    assert found["fit_time_s"] > 0
    kept = mere.sql("select path, location from artifacts").to_pylist()
    assert [one["path"] for one in kept] == ["model.pkl"]


def test_weights_are_used_for_the_metrics():
    autolog()
    weights = np.linspace(0.1, 3, len(Y))
    model = Ridge().fit(X, Y, sample_weight=weights)
    found = only_row()["metrics"]
    wanted = metrics.mean_squared_error(Y, model.predict(X), sample_weight=weights)
    assert found["training_mean_squared_error"] == pytest.approx(wanted)
    assert found["training_score"] == pytest.approx(model.score(X, Y, sample_weight=weights))


def test_a_pipeline_is_one_run_with_the_params_of_its_steps():
    autolog()
    make_pipeline(StandardScaler(), LogisticRegression(C=0.5)).fit(X, y=Y)
    row = only_row()
    assert row["tags"]["estimator_name"] == "Pipeline"
    assert row["params"]["logisticregression__C"] == "0.5"
    assert row["params"]["standardscaler__with_mean"] == "True"


@pytest.mark.parametrize("jobs", [None, 2])
def test_a_search_has_its_best_candidates_nested_in_it(jobs):
    autolog(children_max=2)
    model = GridSearchCV(DecisionTreeClassifier(random_state=0), {"max_depth": [1, 2, 3]}, cv=2)
    with parallel_backend("threading"):
        model.set_params(n_jobs=jobs).fit(X, Y)
    row = only_row("parent_run_id is null")
    assert row["params"]["best_max_depth"] == str(model.best_params_["max_depth"])
    assert row["params"]["estimator__max_depth"] == "None"
    assert row["metrics"]["best_cv_score"] == model.best_score_
    children = rows("kind = 'candidate'")
    assert {child["parent_run_id"] for child in children} == {row["run_id"]}
    order = np.argsort(model.cv_results_["rank_test_score"], kind="stable")[:2]
    scores = [dict(child["metrics"])["mean_test_score"] for child in children]
    assert sorted(scores) == sorted(model.cv_results_["mean_test_score"][order])
    assert len(rows()) == 3
    table = mere.sql("select path from artifacts").to_pylist()
    assert [one["path"].partition(".")[0] for one in table] == ["media/cv_results"]


def test_a_search_with_several_scores():
    autolog(children_max=0)
    model = RandomizedSearchCV(
        DecisionTreeClassifier(),
        {"max_depth": [1, 2, 3, 4]},
        n_iter=2,
        cv=2,
        scoring=["accuracy", "f1_macro"],
        refit="f1_macro",
        random_state=0,
    ).fit(X, Y)
    assert only_row()["metrics"]["best_cv_score"] == model.best_score_


@pytest.mark.parametrize("jobs", [1, 2])
def test_members_of_an_ensemble_are_no_runs(jobs):
    autolog()
    members = [("a", DecisionTreeClassifier()), ("b", RandomForestClassifier(3, n_jobs=jobs))]
    with parallel_backend("threading"):
        VotingClassifier(members, n_jobs=jobs).fit(X, Y)
    assert only_row()["tags"]["estimator_name"] == "VotingClassifier"


def test_transformers_and_scores_of_folds_are_no_runs():
    autolog()
    StandardScaler().fit_transform(X)
    cross_val_score(DecisionTreeClassifier(), X, Y, cv=2)
    assert rows() == []


def test_fit_predict_is_one_run():
    autolog()
    KMeans(2, n_init=1, random_state=0).fit_predict(X)
    row = only_row()
    assert row["tags"]["estimator_name"] == "KMeans"
    assert row["metrics"]["training_score"] < 0


def test_fits_in_the_active_run_do_not_end_it_nor_clash():
    autolog()
    with mere.start_run("iris", name="by hand") as run:
        DecisionTreeClassifier(max_depth=1).fit(X, Y)
        DecisionTreeClassifier(max_depth=2).fit(X, Y)
        assert mere.active_run() is run
        assert run.is_active
    row = only_row()
    assert row["params"]["max_depth"] == "1"
    assert row["params"]["fit2/max_depth"] == "2"
    assert "fit2/training_score" in row["metrics"]


def test_a_fit_that_raises_ends_as_failed_and_raises_the_same():
    autolog()
    with pytest.raises(ValueError, match="inconsistent numbers"):
        LinearRegression().fit(X, Y[:10])
    row = only_row()
    assert row["status"] == "FAILED"
    assert row["params"]["fit_intercept"] == "True"
    LinearRegression().fit(X, Y)
    assert [one["status"] for one in rows()] == ["FAILED", "FINISHED"]


def test_fits_in_threads_are_runs_of_their_own():
    autolog()
    depths = range(1, 5)
    threads = [
        threading.Thread(target=DecisionTreeClassifier(max_depth=depth).fit, args=(X, Y))
        for depth in depths
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [dict(row["params"])["max_depth"] for row in rows()]
    assert sorted(found) == [str(depth) for depth in depths]


class Mine(ClassifierMixin, BaseEstimator):  # type: ignore[misc, unused-ignore]
    """An estimator of a user, made before autolog."""

    def fit(self, X, y, sample_weight=None):  # noqa: N803  scikit-learn's name
        self.inner_ = DummyClassifier().fit(X, y, sample_weight=sample_weight)
        self.classes_ = self.inner_.classes_
        return self

    def predict(self, X):  # noqa: N803  same
        return self.inner_.predict(X)


def test_classes_of_users_are_logged_and_stay_what_they_are():
    before = Mine.fit
    autolog()

    class Later(Mine):
        def fit(self, X, y, sample_weight=None):  # noqa: N803  same
            return super().fit(X, y, sample_weight)

    assert inspect.signature(Mine.fit) == inspect.signature(before)
    assert inspect.isfunction(Mine.fit)
    assert "sample_weight" in str(Mine().get_metadata_routing())
    Later().fit(X, Y)
    clone(Mine()).fit(X, Y)
    assert pickle.loads(pickle.dumps(Mine())).fit(X, Y)
    names = [dict(row["tags"])["estimator_name"] for row in rows()]
    assert sorted(names) == ["Later", "Mine", "Mine"]
    autolog(disable=True)
    assert Mine.fit is before
    assert not hasattr(Later.fit, "__mere__")
    Later().fit(X, Y)
    assert len(rows()) == 3


def test_what_goes_wrong_in_the_log_is_a_warning(caplog):
    class Odd(Mine):
        def get_params(self, deep=True):
            raise RuntimeError("no params")

        def predict(self, X):  # noqa: N803  same
            raise RuntimeError("no prediction")

    autolog(experiment="")  # no name of an experiment
    assert Odd().fit(X, Y).classes_.tolist() == [0, 1, 2]
    assert "empty" in caplog.text
    caplog.clear()
    autolog(experiment="odd")
    Odd().fit(X, Y)
    assert only_row()["status"] == "FINISHED"
    assert "no params" in caplog.text
    assert "no prediction" in caplog.text


def test_calling_it_again_changes_the_options():
    autolog()
    autolog(training_metrics=False, experiment="second")
    autolog(training_metrics=False, experiment="second")
    DummyClassifier().fit(X, Y)
    assert set(only_row()["metrics"]) == {"fit_time_s"}
    with pytest.raises(InvalidInput, match="children_max"):
        autolog(children_max=-1)


def test_names_of_features_and_facts_by_hand():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(X, schema=["länge", "b", "c", "d"])
    model = LogisticRegression(max_iter=200).fit(frame, Y)
    with mere.start_run() as run:
        log_model_facts(run, model, frame, Y)
    row = only_row()
    assert json.loads(row["tags"]["data.feature_names"]) == ["länge", "b", "c", "d"]
    assert row["metrics"]["training_score"] == model.score(frame, Y)


@pytest.mark.slow
def test_classes_of_scripts_reach_worker_processes(tmp_path):
    script = Path(tmp_path, "script.py")
    script.write_text(
        "from sklearn.base import BaseEstimator, ClassifierMixin\n"
        "from sklearn.datasets import load_iris\n"
        "from sklearn.ensemble import BaggingClassifier\n"
        "from sklearn.tree import DecisionTreeClassifier\n"
        "import mere\n"
        "from mere.frameworks.sklearn import autolog\n"
        "class Own(DecisionTreeClassifier):\n"
        "    def fit(self, X, y, sample_weight=None, check_input=True):\n"
        "        return super().fit(X, y, sample_weight, check_input)\n"
        "if __name__ == '__main__':\n"
        "    autolog()\n"
        "    BaggingClassifier(Own(), 4, n_jobs=2).fit(*load_iris(return_X_y=True))\n"
        "    print(mere.sql('select count(*) as n from runs').to_pylist())\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=child_environment(tmp_path),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[{'n': 1}]"
    assert "not logged" not in done.stderr
