"""One training run as people write them: a dataset version in, metrics and files out.

    python -m examples.train --hidden 32 --seed 7

Everything random is seeded, so a repetition (`mere rerun`) comes to the same numbers.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import mere


def main() -> None:
    """Train a small network on the newest version of the dataset `digits`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--hidden", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()

    digits = mere.dataset("digits")
    x, y = columns(digits.arrow())
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.3, random_state=0)

    mere.set_seed(options.seed)
    name = f"hidden-{options.hidden}"
    with mere.start_run("repeatable", name=name, params=vars(options)) as run:
        run.log_input(digits, context="training")
        model = MLPClassifier((options.hidden,), learning_rate_init=0.01, random_state=options.seed)
        for epoch in range(options.epochs):
            model.partial_fit(x_train, y_train, classes=np.unique(y))
            chances = model.predict_proba(x_test)
            loss, accuracy = (
                log_loss(y_test, chances),
                accuracy_score(y_test, model.predict(x_test)),
            )
            run.log({"loss": loss, "accuracy": accuracy}, step=epoch)
            print(f"epoch {epoch:2}  loss {loss:.4f}  accuracy {accuracy:.4f}")

        predicted = model.predict(x_test)
        wrong = np.flatnonzero(predicted != y_test)
        run.log_image("wrong", sheet(x_test[wrong[:20]]))
        run.log_table("confusion", confusion(y_test, predicted))
        run.log_dict("model.json", {"layers": [layer.tolist() for layer in model.coefs_]})


def columns(table: Any) -> tuple[Any, Any]:
    """The pixels and the labels of a table of digits."""
    pixels = np.stack(table["pixels"].to_numpy(zero_copy_only=False))
    return pixels / 16, table["label"].to_numpy()


def sheet(images: Any) -> Any:
    """Digits side by side, in one picture of grey values from 0 to 255."""
    return np.hstack([(image.reshape(8, 8) * 255).astype(np.uint8) for image in images])


def confusion(truth: Any, predicted: Any) -> list[dict[str, int]]:
    """How often each digit was taken for which."""
    counts = confusion_matrix(truth, predicted)
    return [
        {"digit": int(digit), "taken_for": int(other), "times": int(counts[digit, other])}
        for digit, other in np.argwhere(counts)
    ]


if __name__ == "__main__":
    main()
