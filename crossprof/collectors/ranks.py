"""The rank of this process, as its launcher or its framework tells."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection
from dataclasses import dataclass

__all__ = ["Rank", "current_rank", "is_wanted", "tf_workers"]

_LAUNCHERS = (
    ("RANK", "LOCAL_RANK", "WORLD_SIZE"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("SLURM_PROCID", "SLURM_LOCALID", "SLURM_NTASKS"),
)


@dataclass(frozen=True)
class Rank:
    """One process among those of a job."""

    rank: int = 0
    local_rank: int = 0
    world_size: int = 1


def current_rank() -> Rank:
    """The rank that an initialised torch.distributed, the launcher, TF_CONFIG or an initialised JAX tells, else rank 0 of 1.

    Starts no back end and waits for no other process.
    """
    return _torch_rank() or _launcher_rank() or _tf_config_rank() or _jax_rank() or Rank()


def tf_workers() -> int:
    """The workers that TF_CONFIG names, this one included; 1 without it."""
    rank = _tf_config_rank()
    return 1 if rank is None else rank.world_size


def is_wanted(rank: Rank, ranks: str | int | Collection[int]) -> bool:
    """Whether a rank is among those to record: 'all', a number, or several. Raises ValueError for anything else."""
    if ranks == "all":
        return True
    try:
        wanted = ranks.split(",") if isinstance(ranks, str) else [ranks] if isinstance(ranks, int) else list(ranks)
        return rank.rank in {int(part) for part in wanted}
    except (TypeError, ValueError):
        raise ValueError(f"ranks={ranks!r}: use 'all', or numbers such as 0 or '0,4'.") from None


def _torch_rank() -> Rank | None:
    distributed = sys.modules.get("torch.distributed")
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return None
    return Rank(distributed.get_rank(), _integer("LOCAL_RANK") or 0, distributed.get_world_size())


def _launcher_rank() -> Rank | None:
    for rank_name, local_name, size_name in _LAUNCHERS:
        rank, size = _integer(rank_name), _integer(size_name)
        if rank is not None and size is not None and 0 <= rank < size:
            return Rank(rank, _integer(local_name) or 0, size)
    return None


def _tf_config_rank() -> Rank | None:
    try:
        config = json.loads(os.environ.get("TF_CONFIG", ""))
        cluster, task = config["cluster"], config["task"]
        before = len(cluster.get("chief", ())) if task["type"] != "chief" else 0
        size = sum(len(cluster.get(kind, ())) for kind in ("chief", "worker"))
        rank = before + int(task["index"])
    except (ValueError, KeyError, TypeError):
        return None
    return Rank(rank, 0, size) if task["type"] in {"chief", "worker"} and rank < size else None


def _jax_rank() -> Rank | None:
    bridge = sys.modules.get("jax._src.xla_bridge")
    if bridge is None or not bridge.backends_are_initialized():
        return None
    return Rank(bridge.process_index(), 0, bridge.process_count())


def _integer(name: str) -> int | None:
    try:
        return int(os.environ[name])
    except (KeyError, ValueError):
        return None
