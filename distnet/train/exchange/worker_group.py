"""The workers of an attempt, and which of them this is."""

from dataclasses import dataclass
from typing import TypeVar

import torch.distributed as dist

from distnet.train.device.fingerprint import Fingerprint

T = TypeVar("T")


@dataclass(frozen=True)
class WorkerGroup:
    """The workers of one attempt, as one of them sees it.

    torch.distributed is initialised (gloo, or NCCL on GPUs) when `size` is above 1.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1
    hosts: tuple[str, ...] = ("here",)
    """For each rank, the identity of the machine: equal where two ranks share memory."""
    device: str = "cpu"
    fingerprints: tuple[Fingerprint, ...] = ()
    """For each rank, what it computes with; empty before they were gathered."""


def gather(group: WorkerGroup, value: T) -> list[T]:
    """The value of every worker, by rank; all workers must call this at the same step."""
    if group.size == 1:
        return [value]
    values: list[T | None] = [None] * group.size
    dist.all_gather_object(values, value)
    return values  # type: ignore[return-value]  # every slot is filled
