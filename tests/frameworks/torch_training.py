"""Trainings with PyTorch Lightning and Hugging Face's Trainer, on the CPU."""

from __future__ import annotations

import tempfile

import lightning
import torch
import transformers
from scenarios import report

import mere
from mere.frameworks.lightning import MereLogger
from mere.frameworks.transformers import MereCallback

X = torch.linspace(-1, 1, 64).reshape(-1, 1)
Y = 3 * X
QUIET = {"enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}


class Line(lightning.LightningModule):  # type: ignore[misc, unused-ignore]
    def __init__(self, lr=0.1, fails_at=None):
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(1, 1)
        self.seen = []

    def training_step(self, batch, index):
        if self.global_step == self.hparams.fails_at:
            raise RuntimeError("no more steps")
        x, y = batch
        loss = torch.nn.functional.mse_loss(self.layer(x), y)
        self.log("loss", loss)
        self.seen.append([self.global_step, float(loss)])
        return loss

    def test_step(self, batch, index):
        x, y = batch
        self.log("test_loss", torch.nn.functional.mse_loss(self.layer(x), y))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), self.hparams.lr)


def loader():
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, Y), 16)


def trainer(logger, folder, **options):
    return lightning.Trainer(
        logger=logger, log_every_n_steps=1, default_root_dir=folder, **QUIET, **options
    )


def train_lightning_own_run():
    torch.manual_seed(1)
    model = Line()
    with tempfile.TemporaryDirectory() as folder:
        logger = MereLogger(experiment="l", name="l own", log_model=True)
        trained = trainer(logger, folder, max_epochs=2)
        trained.fit(model, loader())
        (tested,) = trained.test(model, loader(), verbose=False)
    return {"tested": tested, "seen": model.seen, "version": logger.version}


def train_lightning_resumed():
    torch.manual_seed(1)
    with tempfile.TemporaryDirectory() as folder, mere.start_run("l", name="l resumed") as run:
        first, second = Line(), Line()
        one = trainer(MereLogger(), folder, max_epochs=1)
        one.fit(first, loader())
        one.save_checkpoint(f"{folder}/kept.ckpt")
        logger = MereLogger(run, prefix="")
        trainer(logger, folder, max_epochs=2).fit(second, loader(), ckpt_path=f"{folder}/kept.ckpt")
        assert run.is_active
    return first.seen + second.seen


def train_lightning_failing():
    with tempfile.TemporaryDirectory() as folder:
        try:
            trainer(MereLogger(name="l failing", experiment="l"), folder, max_epochs=2).fit(
                Line(fails_at=3), loader()
            )
        except RuntimeError:
            return "raised"
    return "went on"


class Data(torch.utils.data.Dataset):  # type: ignore[misc, unused-ignore]
    def __len__(self):
        return 32

    def __getitem__(self, index):
        ids = torch.arange(8) % 16
        return {"input_ids": ids, "labels": torch.tensor(index % 2)}


def hugging(folder, callback, **options):
    config = transformers.BertConfig(
        vocab_size=16,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=8,
    )
    transformers.set_seed(1)
    args = transformers.TrainingArguments(
        folder,
        logging_steps=2,
        per_device_train_batch_size=8,
        eval_strategy="epoch",
        report_to="none",
        use_cpu=True,
        disable_tqdm=True,
        **{"num_train_epochs": 2, "save_strategy": "no", **options},
    )
    return transformers.Trainer(
        transformers.BertForSequenceClassification(config),
        args,
        train_dataset=Data(),
        eval_dataset=Data(),
        callbacks=[callback],
    )


def train_transformers_own_run():
    with tempfile.TemporaryDirectory() as folder:
        callback = MereCallback(experiment="h", name="h own", log_model=True, log_checkpoints=True)
        found = hugging(folder, callback, save_strategy="epoch")
        found.train()
        return found.state.log_history


def train_transformers_resumed():
    with tempfile.TemporaryDirectory() as folder, mere.start_run("h", name="h resumed"):
        first = hugging(folder, MereCallback(), save_strategy="epoch", num_train_epochs=1)
        first.train()
        second = hugging(folder, MereCallback(), save_strategy="epoch")
        second.train(resume_from_checkpoint=True)
        return second.state.log_history


if __name__ == "__main__":
    report(dict(globals()))
