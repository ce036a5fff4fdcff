"""torch.distributed on two processes over gloo: DDP and FSDP."""

import torch
import torch.distributed as dist
from cell import SIZE, cell, main
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel
from torch_cells import batches, model, update

import crossprof


def train(name, shard):
    network, _ = model()
    network = shard(network)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    with crossprof.profile(name, framework="torch"):
        return [update(network, optimizer, batch) for batch in crossprof.steps(batches(), samples=SIZE)]


@cell(collective="allreduce")
def torch_ddp(name):
    return train(name, DistributedDataParallel)


@cell(collective="all_gather")
def torch_fsdp(name):
    mesh = init_device_mesh("cpu", (2,))
    return train(name, lambda network: fully_shard(network, mesh=mesh))


@cell(collective="allreduce", steps=19, fails=True)
def torch_ddp_fails(name):
    network = DistributedDataParallel(model()[0])
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    with crossprof.profile(name, framework="torch"):
        for number, batch in enumerate(crossprof.steps(batches(), samples=SIZE)):
            if number == 19:
                raise ValueError("the batch is bad")
            update(network, optimizer, batch)


if __name__ == "__main__":
    dist.init_process_group("gloo")
    main()
    dist.destroy_process_group()
