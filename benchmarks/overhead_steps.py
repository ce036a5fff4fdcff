"""What steps cost under a profiler, in the process of one framework: `overhead_steps.py FRAMEWORK MILLISECONDS TURNS`.

Prints one JSON document: for each way to run the same steps, the CPU seconds of a step and of what lies around the steps, one
pair for each turn. The ways take turns, so that what else the machine does hits all of them alike.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

os.environ |= {
    "CROSSPROF_INGEST": "0",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "KINETO_LOG_LEVEL": "99",
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
}
SIZES = {("torch", 5): (64, 2, 40), ("torch", 150): (256, 8, 4)}
SIZES |= {(name, 5): (96, 4, 40) for name in ("tensorflow", "jax")}
SIZES |= {(name, 150): (384, 8, 4) for name in ("tensorflow", "jax")}
"""By framework and the milliseconds that a step is to take, roughly: width, layers, and how many steps make a turn."""
LENGTH, HEADS = 32, 4
_names = count()

Step = Callable[[], Any]
Mark = Callable[[int], AbstractContextManager[Any]]
Turn = tuple[float, float]


def timed(steps: int, step: Step, mark: Mark) -> float:
    """CPU seconds of a step: of all but the first, their marks included."""
    with mark(0):
        step()
    began = time.process_time()
    for number in range(1, steps + 1):
        with mark(number):
            step()
    return (time.process_time() - began) / steps


def turn(steps: int, step: Step, window: Callable[[], AbstractContextManager[Mark]]) -> Turn:
    """CPU seconds of a step in a window, and of what lies around the steps."""
    began = time.process_time()
    with window() as mark:
        each = timed(steps, step, mark)
        inside = each * (steps + 1)
    return each, time.process_time() - began - inside


def recorded(framework: str, steps: int, step: Step, schedule: tuple[int, ...], folder: Path) -> Turn:
    """The same under crossprof."""
    import crossprof
    from crossprof.collectors import handoff

    store = folder / f"store-{next(_names)}"
    start = time.process_time()
    with crossprof.profile(f"steps-{next(_names)}", framework=framework, store=store, schedule=schedule):
        for number in crossprof.steps(range(steps + 1)):
            if number == 1:
                began = time.process_time()
            step()
            if number == steps:  # what follows ends the window
                each = (time.process_time() - began) / steps
    around = time.process_time() - start - each * (steps + 1)
    handoff.wait()  # traces are compressed in the background, after the run
    shutil.rmtree(store)
    return each, around


@contextmanager
def nothing() -> Iterator[Mark]:
    yield lambda _: nullcontext()


@contextmanager
def torch_profiler(folder: Path) -> Iterator[Mark]:
    """torch.profiler with the options that crossprof sets."""
    import torch
    from torch._C._profiler import _ExperimentalConfig
    from torch.profiler import ProfilerActivity, profile, record_function

    found = profile(
        activities=[ProfilerActivity.CPU],
        record_shapes=True,
        profile_memory=True,
        experimental_config=_ExperimentalConfig(trace_only=True),
    )
    assert not torch.cuda.is_available()
    with found:
        yield lambda number: record_function(f"ProfilerStep#{number}")
    found.export_chrome_trace(str(folder / "trace.json"))


@contextmanager
def tensorflow_profiler(folder: Path) -> Iterator[Mark]:
    import tensorflow as tf

    tf.profiler.experimental.start(str(folder / f"tf-{next(_names)}"))
    yield lambda number: tf.profiler.experimental.Trace("train", step_num=number, _r=1)
    tf.profiler.experimental.stop()


@contextmanager
def jax_profiler(folder: Path) -> Iterator[Mark]:
    import jax

    options = jax.profiler.ProfileOptions()
    options.python_tracer_level = 0
    jax.profiler.start_trace(str(folder / f"jax-{next(_names)}"), profiler_options=options)
    yield lambda number: jax.profiler.StepTraceAnnotation("train", step_num=number)
    jax.profiler.stop_trace()


PROFILERS = {"torch": torch_profiler, "tensorflow": tensorflow_profiler, "jax": jax_profiler}


def torch_model(width: int, layers: int) -> Any:
    import torch

    torch.set_num_threads(1)
    block = partial(torch.nn.TransformerEncoderLayer, width, HEADS, 4 * width, dropout=0.0, batch_first=True)
    return torch.nn.Sequential(*(block() for _ in range(layers)))


def torch_step(width: int, layers: int) -> Step:
    import torch

    model = torch_model(width, layers)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    batch = torch.randn(8, LENGTH, width)

    def step() -> float:
        optimizer.zero_grad()
        loss = model(batch).square().mean()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def tensorflow_step(width: int, layers: int) -> Step:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    shapes = [(width, 3 * width), (width, width), (width, 4 * width), (4 * width, width)] * layers
    weights = [tf.Variable(tf.random.normal(shape, stddev=0.05)) for shape in shapes]
    batch = tf.random.normal((8, LENGTH, width))

    @tf.function
    def update() -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(forward(tf, tf.nn.softmax, tf.nn.gelu, batch, weights)))
        for weight, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
            weight.assign_sub(0.01 * gradient)
        return loss

    return lambda: float(update())


def jax_step(width: int, layers: int) -> Step:
    import jax
    import jax.numpy as jnp

    shapes = [(width, 3 * width), (width, width), (width, 4 * width), (4 * width, width)] * layers
    keys = jax.random.split(jax.random.key(0), len(shapes))
    weights = [0.05 * jax.random.normal(key, shape) for key, shape in zip(keys, shapes, strict=True)]
    batch = jax.random.normal(jax.random.key(1), (8, LENGTH, width))

    def loss(held: list[Any]) -> Any:
        return jnp.mean(jnp.square(forward(jnp, jax.nn.softmax, jax.nn.gelu, batch, held)))

    @jax.jit
    def update(held: list[Any]) -> list[Any]:
        return [weight - 0.01 * gradient for weight, gradient in zip(held, jax.grad(loss)(held), strict=True)]

    def step() -> None:
        weights[:] = jax.block_until_ready(update(weights))

    return step


def forward(numpy: Any, softmax: Step, gelu: Step, x: Any, weights: list[Any]) -> Any:
    """Transformer blocks, without norms: in the terms that TensorFlow and JAX share."""
    for qkv, out, up, down in zip(*(weights[place::4] for place in range(4)), strict=True):
        q, k, v = numpy.split(x @ qkv, 3, axis=-1) if hasattr(numpy, "array") else numpy.split(x @ qkv, 3, axis=2)
        scores = softmax(numpy.einsum("bld,bmd->blm", q, k) / 8.0)
        x = x + numpy.einsum("blm,bmd->bld", scores, v) @ out
        x = x + gelu(x @ up) @ down
    return x


STEPS = {"torch": torch_step, "tensorflow": tensorflow_step, "jax": jax_step}


def lightning_ways(width: int, layers: int, steps: int, folder: Path) -> dict[str, Callable[[], Turn]]:
    """Lightning's Trainer with its own profiler, and with none; empty where it is not installed."""
    try:
        import lightning
        import torch
        from lightning.pytorch.profilers import PyTorchProfiler
    except ImportError:
        return {}
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)

    class Model(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model = torch_model(width, layers)
            self.passed: tuple[float, ...] = ()

        def training_step(self, batch: Any) -> Any:
            return self.model(batch).square().mean()

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), 0.01)

        def on_train_batch_start(self, *_: Any) -> None:
            self.passed = (*self.passed, time.process_time())

    def fit(profiler: Callable[[], Any]) -> Turn:
        start = time.process_time()
        model = Model()
        options = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
        trainer = lightning.Trainer(accelerator="cpu", max_epochs=1, profiler=profiler(), **options)
        trainer.fit(model, torch.utils.data.DataLoader(torch.randn(steps + 1, 8, LENGTH, width), batch_size=None))
        each = (model.passed[-1] - model.passed[1]) / (steps - 1)  # the profiler stops in the last step
        return each, time.process_time() - start - each * (steps + 1)

    def own() -> Any:
        window = torch.profiler.schedule(wait=0, warmup=1, active=steps, repeat=1)
        options = {"schedule": window, "record_shapes": True, "profile_memory": True, "dirpath": folder}
        return PyTorchProfiler(filename=f"lightning-{next(_names)}", **options)

    return {"Lightning": partial(fit, lambda: None), "Lightning's PyTorchProfiler": partial(fit, own)}


def main(framework: str, milliseconds: int, pairs: int) -> None:
    warnings.simplefilter("ignore")
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # one core: less of what else the machine does shows
    width, layers, steps = SIZES[framework, milliseconds]
    step = STEPS[framework](width, layers)
    for _ in range(10):
        step()
    with tempfile.TemporaryDirectory(prefix="crossprof-bench-") as scratch:
        folder = Path(scratch)
        ways: dict[str, Callable[[], Turn]] = {
            "nothing": partial(turn, steps, step, nothing),
            "profiler": partial(turn, steps, step, partial(PROFILERS[framework], folder)),
            "crossprof": partial(recorded, framework, steps, step, (0, 0, 1, steps), folder),
            "crossprof, bare steps": partial(recorded, framework, steps, step, (0, steps + 1, 0, 1), folder),
        }
        for way in ways.values():
            way()
        told: dict[str, list[Turn]] = {name: [] for name in ways}
        for number in range(pairs):
            order = list(ways) if number % 2 else list(reversed(ways))
            for name in order:
                told[name].append(ways[name]())
        if framework == "torch":
            for name, way in lightning_ways(width, layers, steps, folder).items():
                told[name] = [way() for _ in range(max(1, pairs // 5))]  # one takes seconds to end its trace
    json.dump({"steps": steps, "turns": told}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
