"""Transformers' Trainer and loops of Accelerate, on one process or two."""

import os

import torch
from accelerate import Accelerator, PartialState
from accelerate.utils import ProfileKwargs
from cell import BATCHES, SIZE, cell, main, rounded
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments

import crossprof

RANKS = int(os.environ.get("WORLD_SIZE", "1"))
COLLECTIVE = "allreduce" if RANKS > 1 else None
TOKENS = torch.arange(8)


class Texts(torch.utils.data.Dataset):
    def __init__(self, fail_from=None):
        self.fail_from = fail_from

    def __len__(self):
        return RANKS * BATCHES * SIZE

    def __getitem__(self, number):
        if self.fail_from is not None and number >= self.fail_from:
            raise ValueError("the batch is bad")
        tokens = (TOKENS + number) % 64
        return {"input_ids": tokens, "labels": tokens}


def train(name, texts, **options):
    torch.manual_seed(0)
    model = GPT2LMHeadModel(
        GPT2Config(vocab_size=64, n_positions=8, n_embd=16, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0)
    )
    arguments = TrainingArguments(
        "trained", per_device_train_batch_size=SIZE, num_train_epochs=1, report_to=[], save_strategy="no", use_cpu=True,
        disable_tqdm=True, seed=0, logging_strategy="no", **options,
    )  # fmt: skip
    callback = crossprof.transformers.Callback(name)
    trainer = Trainer(model, arguments, train_dataset=texts, eval_dataset=Texts(), callbacks=[callback])
    return rounded([trainer.train().training_loss])


@cell(phase="training", collective=COLLECTIVE)
def transformers_train(name):
    return train(name, Texts())


# Accelerate's loader is a batch ahead, so the last step that began is the one before last, and it did not end.
@cell(phase="training", collective=COLLECTIVE, steps=BATCHES - 3, fails=True)
def transformers_train_fails(name):
    return train(name, Texts(fail_from=RANKS * (BATCHES - 1) * SIZE), train_sampling_strategy="sequential")


@cell(collective=COLLECTIVE)
def accelerate_steps(name):
    return accelerated(name, Accelerator(cpu=True))


@cell(collective=COLLECTIVE, steps=BATCHES - 1, fails=True)
def accelerate_steps_fail(name):
    numbers = iter(range(BATCHES))

    def fail_at_the_end():
        if next(numbers) == BATCHES - 1:
            raise ValueError("the batch is bad")

    return accelerated(name, Accelerator(cpu=True), after=fail_at_the_end)


def accelerated(name, accelerator, profiler=None, after=lambda: None):
    torch.manual_seed(0)
    network = torch.nn.Linear(16, 1)
    loader = torch.utils.data.DataLoader(torch.linspace(0, 1, RANKS * BATCHES * SIZE * 16).reshape(-1, 16), batch_size=SIZE)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    network, optimizer, loader = accelerator.prepare(network, optimizer, loader)
    losses = []
    with crossprof.accelerate.profile(accelerator, name):
        if profiler is None:
            losses += loop(accelerator, network, optimizer, loader, after)
        else:
            with accelerator.profile(profiler) as own:
                losses += loop(accelerator, network, optimizer, loader, own.step)
    return rounded(losses)


def loop(accelerator, network, optimizer, loader, after):
    for batch in crossprof.steps(loader, samples=SIZE):
        loss = network(batch).square().mean()
        accelerator.backward(loss)
        optimizer.step()
        optimizer.zero_grad()
        after()
        yield loss.item()


if RANKS == 1:

    @cell(phase="training", steps=BATCHES // 2)
    def transformers_train_and_evaluate(name):
        return train(name, Texts(), gradient_accumulation_steps=2, eval_strategy="steps", eval_steps=4)

    @cell(shared=True)
    def accelerate_with_a_profiler_of_its_own(name):
        profiler = ProfileKwargs(
            activities=["cpu"],
            schedule_option={"wait": 4, "warmup": 2, "active": 6, "repeat": 1},
            on_trace_ready=lambda done: done.export_chrome_trace(f"{name}.json"),
        )
        return accelerated(name, Accelerator(cpu=True), profiler)


if __name__ == "__main__":
    main()
    PartialState().destroy_process_group()
