"""Lightning: what the trainer does under the callback, on one process or two; failures; a PyTorchProfiler."""

import logging
import os
import warnings

import lightning
import torch
from cell import BATCHES, SIZE, cell, main, rounded
from lightning.pytorch.profilers import PyTorchProfiler

import crossprof

RANKS = int(os.environ.get("WORLD_SIZE", "1"))
warnings.simplefilter("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


class Module(lightning.LightningModule):
    def __init__(self, fails_at=None):
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Linear(16, 1)
        self.fails_at = fails_at
        self.losses = []

    def training_step(self, batch, number):
        if number == self.fails_at:
            raise ValueError("the batch is bad")
        loss = self.layer(batch).square().mean()
        self.losses.append(loss.item())
        return loss

    def validation_step(self, batch, number):
        self.losses.append(self.layer(batch).square().mean().item())

    test_step = validation_step

    def predict_step(self, batch, number):
        return self.layer(batch)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)


def loader():
    inputs = torch.linspace(0, 1, RANKS * BATCHES * SIZE * 16).reshape(-1, 16)
    return torch.utils.data.DataLoader(inputs, batch_size=SIZE)


def trainer(name, **options) -> lightning.Trainer:
    if RANKS > 1:
        options |= {"strategy": "ddp", "devices": RANKS}
    silent = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    callback = crossprof.lightning.Callback(name)
    return lightning.Trainer(accelerator="cpu", callbacks=[callback], **{"devices": 1, "max_epochs": 1, **silent, **options})


@cell(phase="training", collective="allreduce" if RANKS > 1 else None)
def lightning_fit(name):
    module = Module()
    trainer(name).fit(module, loader())
    return rounded(module.losses)


@cell(phase="training", steps=BATCHES - 1, fails=True)
def lightning_fit_fails(name):
    trainer(name).fit(Module(fails_at=BATCHES - 1), loader())


if RANKS == 1:

    @cell(phase="training", steps=2 * BATCHES)
    def lightning_fit_with_validation(name):
        module = Module()
        trainer(name, max_epochs=2, accumulate_grad_batches=2).fit(module, loader(), loader())
        return rounded(module.losses)

    @cell(phase="inference")
    def lightning_validate(name):
        module = Module()
        trainer(name).validate(module, loader(), verbose=False)
        return rounded(module.losses)

    @cell(phase="inference")
    def lightning_test(name):
        module = Module()
        trainer(name).test(module, loader(), verbose=False)
        return rounded(module.losses)

    @cell(phase="inference")
    def lightning_predict(name):
        return rounded(torch.cat(trainer(name).predict(Module(), loader())).flatten())

    @cell(phase="training", shared=True)
    def lightning_with_a_profiler_of_its_own(name):
        module = Module()
        trainer(name, profiler=PyTorchProfiler(dirpath=name, filename="profile")).fit(module, loader())
        return rounded(module.losses)


if __name__ == "__main__":
    main()
