"""Trainings with Keras, computed by JAX."""

from __future__ import annotations

import keras
import numpy as np
from scenarios import report

import mere
from mere.frameworks.keras import MereCallback

RNG = np.random.default_rng(7)
X = RNG.normal(size=(64, 4)).astype("float32")
Y = X[:, :1] * 2


def compiled():
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse", metrics=["mae"])
    return model


def train_own_run():
    callback = MereCallback(experiment="k", name="k own", log_model=True, every=2)
    history = compiled().fit(
        X, Y, batch_size=16, epochs=3, validation_split=0.25, verbose=0, callbacks=[callback]
    )
    return history.history


def train_continued():
    model = compiled()
    with mere.start_run("k", name="k continued"):
        first = model.fit(X, Y, epochs=2, verbose=0, callbacks=[MereCallback()])
        second = model.fit(
            X, Y, initial_epoch=2, epochs=5, verbose=0, callbacks=[MereCallback(prefix="")]
        )
        model.evaluate(X, Y, verbose=0, callbacks=[MereCallback()])
        score = model.evaluate(X, Y, verbose=0, return_dict=True)
    return {"loss": first.history["loss"] + second.history["loss"], "score": score}


def train_stopped():
    stop = keras.callbacks.EarlyStopping("loss", patience=1, min_delta=1e6)
    callback = MereCallback(name="k stopped", prefix="a")
    return compiled().fit(X, Y, epochs=50, verbose=0, callbacks=[stop, callback]).history


def train_failing():
    class Failing(keras.callbacks.Callback):  # type: ignore[misc, unused-ignore]
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise RuntimeError("no third epoch")

    try:
        compiled().fit(
            X, Y, epochs=5, verbose=0, callbacks=[MereCallback(name="k failing"), Failing()]
        )
    except RuntimeError:
        pass
    else:
        return "went on"
    import gc

    gc.collect()
    return "raised"


if __name__ == "__main__":
    report(dict(globals()))
