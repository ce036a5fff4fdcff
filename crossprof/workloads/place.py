"""Where a rank stands among the others: what a launcher tells each of them."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

__all__ = ["Place", "free_addresses"]


@dataclass(frozen=True)
class Place:
    """One process among those of a cell.

    Attributes:
        addresses: A free address for each rank: host and port. The job meets at the first.
    """

    rank: int
    addresses: tuple[str, ...]

    @property
    def world_size(self) -> int:
        """How many processes there are."""
        return len(self.addresses)

    def environment(self) -> Mapping[str, str]:
        """The variables by which launchers of all sorts tell a rank its place. None where it is alone."""
        if self.world_size == 1:
            return {}
        host, _, port = self.addresses[0].rpartition(":")
        return {
            "RANK": str(self.rank),
            "LOCAL_RANK": str(self.rank),
            "WORLD_SIZE": str(self.world_size),
            "MASTER_ADDR": host,
            "MASTER_PORT": port,
        }

    def own_gpu(self) -> Mapping[str, str]:
        """The variable that shows a rank one GPU of those that we see, for frameworks that take all. None where it is alone."""
        seen = os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(self.world_size))))
        named = [part.strip() for part in seen.split(",") if part.strip()]
        if self.world_size == 1 or self.rank >= len(named):
            return {}
        return {"CUDA_VISIBLE_DEVICES": named[self.rank]}


def free_addresses(count: int) -> tuple[str, ...]:
    """Addresses on the loopback whose ports are free now. Another program may take one before it is used."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return tuple(f"127.0.0.1:{one.getsockname()[1]}" for one in sockets)
