"""torch: plain loops of every form, a compiled model, inference, and profilers of the script's own."""

import time

import torch
from cell import BATCHES, SIZE, cell, forms, main, rounded

import crossprof


def model() -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(16, 32), torch.nn.ReLU(), torch.nn.Linear(32, 1))
    return network, torch.optim.SGD(network.parameters(), lr=0.01)


def update(network, optimizer, batch) -> float:
    loss = network(batch).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return round(loss.item(), 4)


def batches():
    generator = torch.Generator().manual_seed(1)
    return [torch.rand(SIZE, 16, generator=generator) for _ in range(BATCHES)]


class Trained:
    """A training that begins anew with each pass over the batches."""

    def start(self):
        self.network, self.optimizer = model()
        return batches()

    def train(self, batch) -> float:
        return update(self.network, self.optimizer, batch)


trained = Trained()
forms("torch", lambda name: crossprof.profile(name, framework="torch"), trained.start, trained.train)


@cell()
def torch_steps_marked_at_their_end(name):
    network, optimizer = model()
    losses = []
    with crossprof.profile(name, framework="torch") as run:
        for batch in batches():
            losses.append(update(network, optimizer, batch))
            run.step(samples=SIZE)
    return losses


@cell()
def torch_step_function(name):
    network, optimizer = model()
    step = crossprof.step(samples=SIZE)(lambda batch: update(network, optimizer, batch))
    with crossprof.profile(name, framework="torch"):
        return [step(batch) for batch in batches()]


@cell()
def torch_compiled(name):
    network, optimizer = model()
    compiled = torch.compile(network, backend="aot_eager")  # the default back end needs a compiler of C++
    with crossprof.profile(name, framework="torch"):
        return [update(compiled, optimizer, batch) for batch in crossprof.steps(batches(), samples=SIZE)]


@cell(phase="inference")
def torch_requests(name):
    network, _ = model()
    answers = []
    with crossprof.profile(name, framework="torch", phase="inference"), torch.inference_mode():
        for batch in batches():
            with crossprof.request(samples=SIZE):
                answers.append(network(batch).sum().item())
            time.sleep(0.002)  # waiting for the next request is in none
    return rounded(answers)


@cell(shared=True)
def torch_profiler_of_its_own(name):
    network, optimizer = model()
    schedule = torch.profiler.schedule(wait=4, warmup=2, active=6, repeat=1)
    with (
        crossprof.profile(name, framework="torch"),
        torch.profiler.profile(schedule=schedule, on_trace_ready=lambda done: done.export_chrome_trace(f"{name}.json")) as own,
    ):
        losses = []
        for batch in crossprof.steps(batches(), samples=SIZE):
            losses.append(update(network, optimizer, batch))
            own.step()
    return losses


if __name__ == "__main__":
    main()
