"""torch.distributed on two processes over gloo: DDP and FSDP."""

import torch
import torch.distributed as dist
from cell import CELLS, forms, main
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel
from torch_cells import batches, model, update

import crossprof


class Trained:
    """A training of a model that lies on all processes, which begins anew with each pass over the batches."""

    def __init__(self, shard):
        self.shard = shard

    def start(self):
        self.network = self.shard(model()[0])
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=0.01)
        return batches()

    def train(self, batch) -> float:
        return update(self.network, self.optimizer, batch)


def fully_sharded(network):
    return fully_shard(network, mesh=init_device_mesh("cpu", (2,)))


CELLS.clear()  # those of torch alone
for prefix, shard, collective in (
    ("torch_ddp", DistributedDataParallel, "allreduce"),
    ("torch_fsdp", fully_sharded, "all_gather"),
):
    trained = Trained(shard)
    forms(prefix, lambda name: crossprof.profile(name, framework="torch"), trained.start, trained.train, collective=collective)


if __name__ == "__main__":
    dist.init_process_group("gloo")
    main()
    dist.destroy_process_group()
