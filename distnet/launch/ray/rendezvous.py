"""Join the workers to torch's process group, through a store at the address of rank 0's node."""

import socket
from datetime import timedelta
from functools import cache
from typing import Any

import torch.distributed as dist

JOIN_TIMEOUT_S = 600.0
COLLECTIVE_TIMEOUT_S = 86_400.0
"""The launcher decides from the heartbeats who hangs; collectives must not time out before."""


def listen(host: str) -> tuple[str, int]:
    """Open the store on this worker, which is rank 0; returns its address."""
    return host, _own_store(host).port


def join(backend: str, address: tuple[str, int], rank: int, size: int) -> None:
    """Make this process a member of the process group.

    Args:
        backend: of torch, such as `gloo` or `cpu:gloo,cuda:nccl`.
        address: of the store.
        rank: of this process.
        size: of the group.
    """
    store = _own_store(address[0]) if rank == 0 else _remote_store(address)
    dist.init_process_group(
        backend,
        store=store,
        rank=rank,
        world_size=size,
        timeout=timedelta(seconds=COLLECTIVE_TIMEOUT_S),
    )


def _remote_store(address: tuple[str, int]) -> Any:
    timeout = timedelta(seconds=JOIN_TIMEOUT_S)
    return dist.TCPStore(*address, timeout=timeout)  # type: ignore[attr-defined]


@cache
def _own_store(host: str) -> Any:
    """The store of rank 0, which listens on the node's address only."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    server = socket.create_server((host, 0), family=family)
    port = server.getsockname()[1]
    return dist.TCPStore(  # type: ignore[attr-defined]
        host, port, is_master=True, wait_for_workers=False, master_listen_fd=server.detach()
    )
