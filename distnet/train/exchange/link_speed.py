"""How fast the links between workers are, over the transport that carries gradients.

All workers call these functions at the same time.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import torch
import torch.distributed as dist
from torch import Tensor

from distnet.train.device.device import wait_for
from distnet.train.exchange.reduce import build_sum
from distnet.train.exchange.worker_group import WorkerGroup

FIRST_BYTES, MOST_BYTES = 256 << 10, 16 << 20
MEASURE_S = 0.2
"""About so long is a link measured."""
NUM_TRIPS, NUM_TIMES = 10, 3


@dataclass(frozen=True)
class LinkSpeed:
    """The link to another worker."""

    rank: int
    round_trip_s: float
    bytes_per_s: float
    """In each direction, both at a time."""


def measure_links(group: WorkerGroup) -> list[LinkSpeed]:
    """Measure the links to all other workers; those of disjoint pairs at a time."""
    return [_measure(group, partner) for partner in partners(group.rank, group.size)]


def measure_sum(group: WorkerGroup, num_bytes: int) -> float:
    """The seconds that the sum of one vector of every worker takes, as training makes it.

    Args:
        group: the workers.
        num_bytes: of the vector.
    """
    rows = build_sum(group, group.size, max(1, num_bytes // 4))
    times = []
    try:
        for _ in range(NUM_TIMES):
            rows.rows[group.rank].fill_(1.0)
            _meet(group)
            began = time.perf_counter()
            rows.add_own(group.rank)
            rows()
            wait_for(group.device)
            times.append(time.perf_counter() - began)
    finally:
        rows.close()
    return median(times)


def partners(rank: int, size: int) -> Iterator[int]:
    """The other workers in the order of a tournament: each round pairs all, none twice."""
    slots = size + size % 2  # an odd one has no partner for a round
    last = slots - 1
    for turn in range(last):
        partner = turn if rank == last else (2 * turn - rank) % last
        if partner == rank:
            partner = last
        if partner < size:
            yield partner


def _measure(group: WorkerGroup, other: int) -> LinkSpeed:
    round_trip_s = _round_trip(group, other)
    seconds = _exchange(group, other, FIRST_BYTES)
    num_bytes = int(min(MOST_BYTES, max(FIRST_BYTES, FIRST_BYTES * MEASURE_S / seconds)))
    best_s = min(_exchange(group, other, num_bytes) for _ in range(NUM_TIMES))
    return LinkSpeed(other, round_trip_s, num_bytes / best_s)


def _round_trip(group: WorkerGroup, other: int) -> float:
    number = torch.zeros(1, device=group.device)
    times = []
    for _ in range(NUM_TRIPS):
        began = time.perf_counter()
        if group.rank < other:
            dist.send(number, other)
            dist.recv(number, other)
        else:
            dist.recv(number, other)
            dist.send(number, other)
        wait_for(group.device)
        times.append(time.perf_counter() - began)
    return median(times)


def _exchange(group: WorkerGroup, other: int, num_bytes: int) -> float:
    """The seconds in which both have the other's bytes; the same number for both."""
    sent, received = (torch.zeros(num_bytes // 4, device=group.device) for _ in range(2))
    _swap(torch.zeros(1, device=group.device), other)  # both begin now
    began = time.perf_counter()
    _swap(sent, other, received)
    wait_for(group.device)
    own = torch.tensor([time.perf_counter() - began], dtype=torch.float64, device=group.device)
    return float(torch.maximum(own, _swap(own, other)))


def _swap(sent: Tensor, other: int, received: Tensor | None = None) -> Tensor:
    received = torch.empty_like(sent) if received is None else received
    # The receive first, as in `links.py`, or the two might send in turns.
    moves = [dist.P2POp(dist.irecv, received, other), dist.P2POp(dist.isend, sent, other)]
    for work in dist.batch_isend_irecv(moves):
        work.wait()
    return received


def _meet(group: WorkerGroup) -> None:
    """Wait for all."""
    dist.all_reduce(torch.zeros(1, device=group.device))
    wait_for(group.device)
