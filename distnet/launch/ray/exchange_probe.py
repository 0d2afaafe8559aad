"""A process on a Ray node that joins others as workers do, and measures the links between them."""

import os
from dataclasses import asdict
from typing import Any

from distnet.launch.ray.controller import choose_interface
from distnet.launch.ray.rendezvous import join, listen
from distnet.train.device.device import GPU_BACKEND, claim_gpu
from distnet.train.exchange.link_speed import measure_links, measure_sum
from distnet.train.exchange.worker_group import WorkerGroup


class ExchangeProbe:
    """One of a group with a process on each node.

    Args:
        address: of this node.
        has_gpu: whether the exchange is one between GPUs.
    """

    def __init__(self, address: str, *, has_gpu: bool) -> None:
        self._address = address
        self._device = claim_gpu(0) if has_gpu else "cpu"
        self._group = WorkerGroup()
        choose_interface(address, os.environ)

    def listen(self) -> tuple[str, int]:
        """Open the store of the group, as its first member."""
        return listen(self._address)

    def join(self, store: tuple[str, int], rank: int, size: int) -> None:
        """Become a member of the group."""
        join("gloo" if self._device == "cpu" else GPU_BACKEND, store, rank, size)
        # Names that differ: rows must travel over the links even if two nodes share a machine.
        hosts = tuple(f"node {rank}" for rank in range(size))
        self._group = WorkerGroup(rank, size, hosts=hosts, device=self._device)

    def links(self) -> list[dict[str, Any]]:
        """Measure the links to all others."""
        return [asdict(link) for link in measure_links(self._group)]

    def sum(self, num_bytes: int) -> float:
        """The seconds of one sum over all."""
        return measure_sum(self._group, num_bytes)
